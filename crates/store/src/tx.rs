use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use lethe_protocol::Event;
use minicbor::{Decode, Encode};
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::bundle::{Applied, Turn, within};
use crate::engine::{Direction, Engine as _, Range, Space};
use crate::need::Fetched;
use crate::nonces::Recent;
use crate::pages::Pages;
use crate::pending::merge;
use crate::publication::{Audience, Publication};
use crate::record::{decode, encode};
use crate::remote::Remote;
use crate::shared::Shared;
use crate::{Key, StoreError, Totals};

/// A transaction: reads see its own writes, and nothing is changed before [`Tx::commit`]. The tables are methods of it,
/// one file per noun.
#[derive(Debug)]
pub struct Tx {
    place: Place,
    writes: BTreeMap<(Space, Vec<u8>), Option<Bytes>>,
    publications: Vec<Publication>,
    /// Timelines of which it removes or replaces messages.
    rewritten: Vec<Key>,
    pub(crate) totals: Totals,
}

/// Where a transaction reads and commits.
#[derive(Debug)]
enum Place {
    /// In this process, under its locks.
    Embedded { shared: Arc<Shared>, guards: Vec<OwnedMutexGuard<()>>, applied: u64 },
    /// In a database transaction of a remote engine, in its turn.
    Turn(Turn),
    /// Nowhere: it only reads, first what was read for it.
    Reading { remote: Arc<Remote>, fetched: Arc<Fetched> },
}

impl Tx {
    fn new(place: Place) -> Self {
        let (writes, publications, rewritten) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { place, writes, publications, rewritten, totals: Totals::default() }
    }

    pub(crate) fn embedded(shared: Arc<Shared>, guards: Vec<OwnedMutexGuard<()>>) -> Self {
        let applied = shared.applied.load(Ordering::SeqCst);
        Self::new(Place::Embedded { shared, guards, applied })
    }

    pub(crate) fn in_turn(turn: Turn) -> Self {
        Self::new(Place::Turn(turn))
    }

    pub(crate) fn reading(remote: Arc<Remote>, fetched: Arc<Fetched>) -> Self {
        Self::new(Place::Reading { remote, fetched })
    }

    /// Whether nothing was applied since it began, or last looked again: then all it has read since is of one moment,
    /// without any lock.
    #[must_use]
    pub fn is_of_one_moment(&self) -> bool {
        match &self.place {
            Place::Embedded { shared, applied, .. } => shared.applied.load(Ordering::SeqCst) == *applied,
            Place::Turn(_) | Place::Reading { .. } => true,
        }
    }

    /// What it reads from here on is a moment of its own.
    pub fn look_again(&mut self) {
        if let Place::Embedded { shared, applied, .. } = &mut self.place {
            *applied = shared.applied.load(Ordering::SeqCst);
        }
    }

    /// What is known of nonces here. None where others may store some.
    pub(crate) fn recent_nonces(&self) -> Option<&Recent> {
        match &self.place {
            Place::Embedded { shared, .. } => Some(&shared.recent_nonces),
            Place::Turn(_) | Place::Reading { .. } => None,
        }
    }

    /// Pages that are kept. None where others may change them, or this transaction has.
    pub(crate) fn pages(&self) -> Option<&Pages> {
        match &self.place {
            Place::Embedded { shared, .. } if self.writes.is_empty() => Some(&shared.pages),
            Place::Embedded { .. } | Place::Turn(_) | Place::Reading { .. } => None,
        }
    }

    /// Messages of this timeline are removed or replaced.
    pub(crate) fn rewrite(&mut self, timeline: Key) {
        if self.rewritten.last() != Some(&timeline) {
            self.rewritten.push(timeline);
        }
    }

    pub(crate) async fn get_bytes(&self, space: Space, key: Key) -> Result<Option<Bytes>, StoreError> {
        let key = (space, key.into_bytes());
        if let Some(value) = self.writes.get(&key) {
            return Ok(value.clone());
        }
        match &self.place {
            Place::Embedded { shared, .. } => shared.get(space, &key.1),
            Place::Turn(turn) => turn.get(&key).await,
            Place::Reading { remote, fetched } => match fetched.get(&key) {
                Some(value) => Ok(value),
                None => remote.engine.get(space, &key.1).await,
            },
        }
    }

    pub(crate) async fn get<T: for<'b> Decode<'b, ()>>(
        &self,
        space: Space,
        key: Key,
    ) -> Result<Option<T>, StoreError> {
        self.get_bytes(space, key).await?.map(|bytes| decode(&bytes)).transpose()
    }

    pub(crate) async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let own = within(&self.writes, space, range, direction);
        let deleted = own.iter().filter(|(_, value)| value.is_none()).count();
        let limit_under = limit.saturating_add(deleted);
        let under = match &self.place {
            Place::Embedded { shared, .. } => shared.scan(space, range, direction, limit_under).await?,
            Place::Turn(turn) => turn.scan(space, range, direction, limit_under).await?,
            Place::Reading { remote, .. } => remote.engine.scan(space, range, direction, limit_under).await?,
        };
        Ok(merge(under, own, direction, limit))
    }

    pub(crate) fn put_bytes(&mut self, space: Space, key: Key, value: Bytes) {
        self.writes.insert((space, key.into_bytes()), Some(value));
    }

    pub(crate) fn put<T: Encode<()>>(&mut self, space: Space, key: Key, value: &T) {
        self.put_bytes(space, key, encode(value));
    }

    pub(crate) fn remove(&mut self, space: Space, key: Key) {
        self.writes.insert((space, key.into_bytes()), None);
    }

    /// Tells this audience, once this transaction is durable.
    pub fn tell(&mut self, audience: Audience, event: &Event) {
        self.publications.push(Publication::event(audience, event));
    }

    /// Publishes this, once this transaction is durable.
    pub fn publish(&mut self, publication: Publication) {
        self.publications.push(publication);
    }

    /// Applies everything, releases the locks, and returns once it is durable and told. A transaction that wrote nothing
    /// waits for what it may have read.
    ///
    /// # Errors
    /// When the commit failed: nothing was promised to anybody, and the store has stopped.
    pub async fn commit(self) -> Result<(), StoreError> {
        let Self { place, writes, publications, rewritten, totals } = self;
        let empty = writes.is_empty() && publications.is_empty();
        match place {
            Place::Embedded { shared, guards, .. } if empty => {
                drop(guards);
                shared.settle(shared.applied.load(Ordering::SeqCst)).await
            }
            Place::Embedded { shared, guards, .. } => {
                let writes =
                    writes.into_iter().map(|((space, key), value)| (space, key.into(), value)).collect();
                let done = shared.apply(writes, publications, &totals, &rewritten)?;
                drop(guards);
                done.await.map_err(|_| StoreError::Stopped)?
            }
            Place::Reading { .. } if empty => Ok(()),
            Place::Turn(turn) if empty => match turn.settle()? {
                Some(committed) => committed.await.map_err(|_| StoreError::Stopped)?,
                None => Ok(()),
            },
            Place::Turn(turn) => {
                let (done, committed) = oneshot::channel();
                turn.apply(writes, Applied { publications, totals, done });
                committed.await.map_err(|_| StoreError::Stopped)?
            }
            Place::Reading { .. } => {
                Err(StoreError::Write("a transaction without locks has written".to_owned()))
            }
        }
    }
}
