//! Where transactions wait for a bundle. Few bundles run at once, so that many share each: a bundle costs the database the same
//! whether it holds one message or a hundred, and a node that makes a bundle of each message keeps the database busy with
//! beginnings and commits.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::bundle::{BUNDLE_MAX, Bundle, Waiting};
use crate::need::Need;

/// So many bundles run without waiting for company: while one commits, the next takes its locks.
const AT_ONCE: usize = 2;
/// While those run, others wait at most this long for one of them to end: it may itself wait for a lock of another node.
pub(crate) const LINGER: Duration = Duration::from_millis(5);

/// Where transactions wait, and which bundles are under way.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    waiting: VecDeque<Waiting>,
    /// The slots of bundles under way.
    held: HashMap<i32, Arc<Bundle>>,
    bundles: usize,
    linger: Linger,
    pub(crate) closed: bool,
}

/// Whether those who wait have a time after which they need not wait for a bundle to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Linger {
    #[default]
    No,
    /// [`Desk::hurry`] will be called.
    Begun,
    Over,
}

/// What the desk wants done.
#[derive(Debug)]
pub(crate) enum Next {
    /// Run it, with what its members need; then [`Desk::end`].
    Bundle(Arc<Bundle>, Need),
    /// Call [`Desk::hurry`] after [`LINGER`].
    Linger,
}

impl Desk {
    /// Takes a transaction: into the bundle that holds all its locks, if nobody waits for one of them, or else to wait.
    pub(crate) fn take(&mut self, waiting: Waiting) {
        if let Some(waiting) = self.join(waiting) {
            self.waiting.push_back(waiting);
        }
    }

    fn join(&self, waiting: Waiting) -> Option<Waiting> {
        let Some(bundle) = waiting.slots.first().and_then(|slot| self.held.get(slot)) else {
            return Some(waiting);
        };
        let wanted = |other: &Waiting| other.slots.iter().any(|slot| waiting.slots.contains(slot));
        if self.waiting.iter().any(wanted) {
            return Some(waiting);
        }
        bundle.join(waiting).err()
    }

    /// What to do now, with so many connections; to be asked until it is nothing.
    pub(crate) fn next(&mut self, connections: usize) -> Option<Next> {
        if self.waiting.is_empty() || self.bundles >= connections {
            return None;
        }
        if self.bundles >= AT_ONCE {
            match self.linger {
                Linger::No => {
                    self.linger = Linger::Begun;
                    return Some(Next::Linger);
                }
                Linger::Begun => return None,
                // Those who are left after this one have a time of their own.
                Linger::Over => self.linger = Linger::No,
            }
        }
        let chosen = self.choose();
        if chosen.is_empty() {
            return None;
        }
        let (bundle, need) = Bundle::of(chosen);
        self.bundles += 1;
        self.held.extend(bundle.slots.iter().map(|&slot| (slot, Arc::clone(&bundle))));
        Some(Next::Bundle(bundle, need))
    }

    /// Those that can run now, in the order they came; one that waits for a lock keeps it from those behind it.
    fn choose(&mut self) -> Vec<Waiting> {
        let (mut chosen, mut left) = (Vec::new(), VecDeque::new());
        let mut blocked: HashSet<i32> = HashSet::new();
        while let Some(one) = self.waiting.pop_front() {
            if one.turn.is_closed() {
                continue;
            }
            let free = |slot: &i32| !self.held.contains_key(slot) && !blocked.contains(slot);
            if chosen.len() < BUNDLE_MAX && one.slots.iter().all(free) {
                chosen.push(one);
            } else {
                blocked.extend(one.slots.iter().copied());
                left.push_back(one);
            }
        }
        self.waiting = left;
        chosen
    }

    /// Those who wait have waited long enough.
    pub(crate) fn hurry(&mut self) {
        self.linger = if self.waiting.is_empty() { Linger::No } else { Linger::Over };
    }

    /// A bundle is done, and its locks are free.
    pub(crate) fn end(&mut self, bundle: &Bundle) {
        self.bundles -= 1;
        for slot in &bundle.slots {
            self.held.remove(slot);
        }
    }

    /// Takes no more, and gives those who wait back.
    pub(crate) fn close(&mut self) -> VecDeque<Waiting> {
        self.closed = true;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::StoreError;
    use crate::bundle::Turn;

    const CONNECTIONS: usize = 4;

    type Taken = oneshot::Receiver<Result<Turn, StoreError>>;

    fn come(desk: &mut Desk, slot: i32) -> Taken {
        let (turn, taken) = oneshot::channel();
        desk.take(Waiting { slots: vec![slot], need: Need::new(), turn });
        taken
    }

    /// The bundle that runs next.
    fn run(desk: &mut Desk) -> Arc<Bundle> {
        match desk.next(CONNECTIONS) {
            Some(Next::Bundle(bundle, _)) => bundle,
            other => panic!("{other:?}"),
        }
    }

    /// A desk with as many bundles under way as run without waiting for company.
    fn busy() -> (Desk, Arc<Bundle>, Vec<Taken>) {
        let mut desk = Desk::default();
        let mut taken = vec![come(&mut desk, -1)];
        let first = run(&mut desk);
        for slot in 2..=i32::try_from(AT_ONCE).unwrap() {
            taken.push(come(&mut desk, -slot));
            let _ = run(&mut desk);
        }
        assert!(desk.next(CONNECTIONS).is_none());
        (desk, first, taken)
    }

    #[test]
    fn who_comes_while_enough_run_waits_for_one_to_end_and_shares_the_next_with_others() {
        let (mut desk, first, _taken) = busy();
        let _waiting = [come(&mut desk, 1), come(&mut desk, 2)];
        assert!(matches!(desk.next(CONNECTIONS), Some(Next::Linger)));
        assert!(desk.next(CONNECTIONS).is_none(), "it is asked for once");
        desk.end(&first);
        assert_eq!(run(&mut desk).slots, [1, 2]);
        assert!(desk.next(CONNECTIONS).is_none());
    }

    #[test]
    fn who_has_waited_long_enough_goes_beside_those_that_do_not_end_as_far_as_there_are_connections() {
        let (mut desk, first, mut taken) = busy();
        for slot in 1..=i32::try_from(CONNECTIONS - AT_ONCE).unwrap() {
            taken.push(come(&mut desk, slot));
            assert!(matches!(desk.next(CONNECTIONS), Some(Next::Linger)));
            desk.hurry();
            assert_eq!(run(&mut desk).slots, [slot]);
        }
        taken.push(come(&mut desk, 100));
        assert!(desk.next(CONNECTIONS).is_none(), "there is no connection for it");
        desk.end(&first);
        assert!(matches!(desk.next(CONNECTIONS), Some(Next::Linger)));
        desk.hurry();
        assert_eq!(run(&mut desk).slots, [100]);
    }

    #[test]
    fn a_time_that_nobody_waited_for_is_not_kept_for_others() {
        let (mut desk, first, _taken) = busy();
        let _second = come(&mut desk, 1);
        assert!(matches!(desk.next(CONNECTIONS), Some(Next::Linger)));
        desk.end(&first);
        let _ = run(&mut desk);
        desk.hurry();
        let _third = come(&mut desk, 2);
        assert!(matches!(desk.next(CONNECTIONS), Some(Next::Linger)));
    }

    #[test]
    fn a_bundle_takes_as_many_as_it_may_and_leaves_the_next_for_another() {
        let mut desk = Desk::default();
        let max = i32::try_from(BUNDLE_MAX).unwrap();
        let _taken: Vec<Taken> = (0..=max).map(|slot| come(&mut desk, slot)).collect();
        assert_eq!(run(&mut desk).slots, (0..max).collect::<Vec<_>>());
        assert_eq!(run(&mut desk).slots, [max]);
        assert!(desk.next(CONNECTIONS).is_none());
    }

    #[test]
    fn who_waits_for_a_lock_keeps_it_from_those_behind_and_who_gave_up_is_left_out() {
        let mut desk = Desk::default();
        let _first = come(&mut desk, 1);
        let held = run(&mut desk);
        let (turn, _both) = oneshot::channel();
        desk.take(Waiting { slots: vec![1, 2], need: Need::new(), turn });
        let (_behind, _free) = (come(&mut desk, 2), come(&mut desk, 3));
        drop(come(&mut desk, 4));
        assert_eq!(run(&mut desk).slots, [3]);
        desk.end(&held);
        assert_eq!(run(&mut desk).slots, [1, 2]);
        assert!(desk.next(CONNECTIONS).is_none());
    }
}
