//! Transactions that share one database transaction: those of one timeline that came together, one after the other, and
//! others beside them. Each sees what those before it wrote; all become durable with one commit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engine::postgres::Session;
use crate::engine::{Batch, Direction, Range, Space};
use crate::need::{Fetched, Need};
use crate::pending::merge;
use crate::publication::Publication;
use crate::{StoreError, Totals};

/// Transactions in one bundle at most: none waits long for the others.
pub(crate) const BUNDLE_MAX: usize = 256;

/// A transaction that waits for its turn.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The slots of its locks in ascending order.
    pub(crate) slots: Vec<i32>,
    pub(crate) need: Need,
    pub(crate) turn: oneshot::Sender<Result<Turn, StoreError>>,
}

/// What a transaction wants to be true, and who waits for it.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) publications: Vec<Publication>,
    pub(crate) totals: Totals,
    pub(crate) done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug)]
pub(crate) struct Bundle {
    /// All slots of its members, in ascending order: taken before the first has its turn.
    pub(crate) slots: Vec<i32>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// For each slot its members, in the order in which they have it.
    lanes: HashMap<i32, VecDeque<usize>>,
    members: Vec<Place>,
    unfinished: usize,
    closed: bool,
    session: Option<Arc<Session>>,
    fetched: Fetched,
    writes: BTreeMap<(Space, Vec<u8>), Option<Bytes>>,
    applied: Vec<Applied>,
    /// Told when no member is left.
    drained: Option<oneshot::Sender<()>>,
}

#[derive(Debug)]
struct Place {
    slots: Vec<i32>,
    /// Lanes in which others come first.
    behind: usize,
    turn: Option<oneshot::Sender<Result<Turn, StoreError>>>,
}

/// What a bundle has for its commit when its last member is done.
#[derive(Debug)]
pub(crate) struct Harvest {
    pub(crate) batch: Batch,
    pub(crate) applied: Vec<Applied>,
}

impl Bundle {
    /// A bundle of these, and what they need.
    pub(crate) fn of(waiting: Vec<Waiting>) -> (Arc<Self>, Need) {
        let mut slots: Vec<i32> = waiting.iter().flat_map(|one| one.slots.iter().copied()).collect();
        slots.sort_unstable();
        slots.dedup();
        let (mut state, mut need) = (State::default(), Need::new());
        for one in waiting {
            need.add(state.admit(one));
        }
        (Arc::new(Self { slots, state: Mutex::new(state) }), need)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one more in whose locks are all here already, unless it is too late or the bundle is full.
    pub(crate) fn join(self: &Arc<Self>, waiting: Waiting) -> Result<(), Waiting> {
        let mut state = self.state();
        let fits = waiting.slots.iter().all(|slot| self.slots.binary_search(slot).is_ok());
        if state.closed || !fits || state.members.len() >= BUNDLE_MAX {
            return Err(waiting);
        }
        let _ = state.admit(waiting);
        let last = state.members.len() - 1;
        let turns = if state.session.is_some() { state.ready(&[last]) } else { Vec::new() };
        drop(state);
        self.give(turns);
        Ok(())
    }

    /// The locks are taken: gives the first turns. Resolves when no member is left.
    pub(crate) fn start(self: &Arc<Self>, session: Arc<Session>, fetched: Fetched) -> oneshot::Receiver<()> {
        let (drained, when_drained) = oneshot::channel();
        let mut state = self.state();
        state.session = Some(session);
        state.fetched = fetched;
        state.drained = Some(drained);
        let all: Vec<usize> = (0..state.members.len()).collect();
        let turns = state.ready(&all);
        drop(state);
        self.give(turns);
        when_drained
    }

    /// The locks could not be taken.
    pub(crate) fn refuse(&self, error: &StoreError) {
        let mut state = self.state();
        state.closed = true;
        let turns = state.ungiven();
        drop(state);
        turn_away(turns, error);
    }

    /// Whatever a member still does comes too late from here on, and those who wait behind it are to come again.
    pub(crate) fn close(&self) -> Harvest {
        let mut state = self.state();
        state.closed = true;
        state.session = None;
        turn_away(state.ungiven(), &StoreError::Again("another one took too long".to_owned()));
        let writes = std::mem::take(&mut state.writes);
        let applied = std::mem::take(&mut state.applied);
        let writes = writes.into_iter().map(|((space, key), value)| (space, key.into(), value)).collect();
        Harvest { batch: Batch { writes }, applied }
    }

    /// Gives turns, without holding the state: who does not want its turn any more ends it at once.
    fn give(self: &Arc<Self>, turns: Vec<(usize, oneshot::Sender<Result<Turn, StoreError>>)>) {
        for (index, turn) in turns {
            let _ = turn.send(Ok(Turn { bundle: Arc::clone(self), index, finished: false }));
        }
    }

    fn finish(self: &Arc<Self>, index: usize) {
        let mut state = self.state();
        let slots = std::mem::take(&mut state.members[index].slots);
        let mut next = Vec::new();
        for slot in slots {
            let lane = state.lanes.entry(slot).or_default();
            lane.pop_front();
            if let Some(&first) = lane.front() {
                state.members[first].behind -= 1;
                next.push(first);
            }
        }
        let turns = state.ready(&next);
        state.unfinished -= 1;
        if state.unfinished == 0 {
            state.closed = true;
            if let Some(drained) = state.drained.take() {
                let _ = drained.send(());
            }
        }
        drop(state);
        self.give(turns);
    }
}

fn turn_away(turns: Vec<oneshot::Sender<Result<Turn, StoreError>>>, error: &StoreError) {
    for turn in turns {
        let _ = turn.send(Err(error.clone()));
    }
}

impl State {
    /// Takes the turns of those who still wait for one.
    fn ungiven(&mut self) -> Vec<oneshot::Sender<Result<Turn, StoreError>>> {
        self.members.iter_mut().filter_map(|place| place.turn.take()).collect()
    }

    fn admit(&mut self, waiting: Waiting) -> Need {
        let Waiting { slots, need, turn } = waiting;
        let index = self.members.len();
        let mut behind = 0;
        for &slot in &slots {
            let lane = self.lanes.entry(slot).or_default();
            behind += usize::from(!lane.is_empty());
            lane.push_back(index);
        }
        self.members.push(Place { slots, behind, turn: Some(turn) });
        self.unfinished += 1;
        need
    }

    /// Those of these whose turn it is.
    fn ready(&mut self, of: &[usize]) -> Vec<(usize, oneshot::Sender<Result<Turn, StoreError>>)> {
        let mut turns = Vec::new();
        for &index in of {
            let place = &mut self.members[index];
            if place.behind == 0
                && let Some(turn) = place.turn.take()
            {
                turns.push((index, turn));
            }
        }
        turns
    }
}

/// A transaction's turn in its bundle: it holds its locks until this is dropped or done.
#[derive(Debug)]
pub(crate) struct Turn {
    bundle: Arc<Bundle>,
    index: usize,
    finished: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.finished {
            self.bundle.finish(self.index);
        }
    }
}

impl Turn {
    fn session(&self) -> Result<Arc<Session>, StoreError> {
        self.bundle.state().session.clone().ok_or_else(|| StoreError::Again("it took too long".to_owned()))
    }

    /// Reads what is needed at once, if it was not read with the locks.
    pub(crate) async fn fetch(&self, need: Need) -> Result<(), StoreError> {
        let missing = {
            let state = self.bundle.state();
            need.only(|key| state.fetched.get(key).is_none() && !state.writes.contains_key(key))
        };
        if missing.is_empty() {
            return Ok(());
        }
        let fetched = self.session()?.fetch(missing).await?;
        self.bundle.state().fetched.add(fetched);
        Ok(())
    }

    pub(crate) async fn get(&self, key: &(Space, Vec<u8>)) -> Result<Option<Bytes>, StoreError> {
        {
            let state = self.bundle.state();
            if let Some(value) = state.writes.get(key) {
                return Ok(value.clone());
            }
            if let Some(value) = state.fetched.get(key) {
                return Ok(value);
            }
        }
        self.session()?.get(key.0, &key.1).await
    }

    pub(crate) async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let over = within(&self.bundle.state().writes, space, range, direction);
        let deleted = over.iter().filter(|(_, value)| value.is_none()).count();
        let under = self.session()?.scan(space, range, direction, limit.saturating_add(deleted)).await?;
        Ok(merge(under, over, direction, limit))
    }

    /// Lays the writes over the bundle's, for those that come after, and joins its commit.
    pub(crate) fn apply(mut self, writes: BTreeMap<(Space, Vec<u8>), Option<Bytes>>, applied: Applied) {
        {
            let mut state = self.bundle.state();
            if state.closed {
                let _ = applied.done.send(Err(StoreError::Again("it took too long".to_owned())));
            } else {
                state.writes.extend(writes);
                state.applied.push(applied);
            }
        }
        self.finished = true;
        self.bundle.finish(self.index);
    }
}

impl Turn {
    /// Ends a turn that wrote nothing. What it has read may be what those before it in the bundle wrote: then it is true
    /// with their commit, and not before.
    pub(crate) fn settle(mut self) -> Result<Option<oneshot::Receiver<Result<(), StoreError>>>, StoreError> {
        let settled = {
            let mut state = self.bundle.state();
            if state.closed {
                Err(StoreError::Again("it took too long".to_owned()))
            } else if state.applied.is_empty() {
                Ok(None)
            } else {
                let (done, committed) = oneshot::channel();
                state.applied.push(Applied { publications: Vec::new(), totals: Totals::default(), done });
                Ok(Some(committed))
            }
        };
        self.finished = true;
        self.bundle.finish(self.index);
        settled
    }
}

/// The writes of a range, in key order of the direction.
pub(crate) fn within(
    writes: &BTreeMap<(Space, Vec<u8>), Option<Bytes>>,
    space: Space,
    range: &Range,
    direction: Direction,
) -> Vec<(Vec<u8>, Option<Bytes>)> {
    let mut within: Vec<_> = writes
        .range((space, range.start.clone())..)
        .take_while(|((s, key), _)| *s == space && range.end.as_ref().is_none_or(|end| key < end))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if direction == Direction::Backward {
        within.reverse();
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_behind_one_that_takes_too_long_is_told_to_come_again() {
        let waiting = || {
            let (turn, taken) = oneshot::channel();
            (Waiting { slots: vec![7], need: Need::new(), turn }, taken)
        };
        let ((first, _slow), (second, taken)) = (waiting(), waiting());
        let (bundle, _) = Bundle::of(vec![first, second]);
        assert!(bundle.close().applied.is_empty());
        assert!(matches!(taken.await.unwrap(), Err(StoreError::Again(_))));
        let (late, _taken) = waiting();
        assert!(bundle.join(late).is_err(), "nobody joins it any more");
    }

    #[test]
    fn who_comes_late_joins_a_bundle_that_holds_their_locks_until_it_is_full() {
        let mut kept = Vec::new();
        let mut waiting = |slot| {
            let (turn, taken) = oneshot::channel();
            kept.push(taken);
            Waiting { slots: vec![slot], need: Need::new(), turn }
        };
        let (bundle, _) = Bundle::of(vec![waiting(7)]);
        assert!(bundle.join(waiting(8)).is_err(), "it does not hold this lock");
        for _ in 1..BUNDLE_MAX {
            assert!(bundle.join(waiting(7)).is_ok());
        }
        assert!(bundle.join(waiting(7)).is_err(), "it is full");
    }
}
