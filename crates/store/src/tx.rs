use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use lethe_protocol::Event;
use minicbor::{Decode, Encode};
use tokio::sync::OwnedMutexGuard;

use crate::commit::{Audience, Publication};
use crate::engine::{Direction, Range, Space};
use crate::pending::merge;
use crate::record::{decode, encode};
use crate::store::Shared;
use crate::{Key, StoreError, Totals};

/// A transaction: reads see its own writes, and nothing is changed before [`Tx::commit`]. The tables are methods of it,
/// one file per noun.
#[derive(Debug)]
pub struct Tx {
    shared: Arc<Shared>,
    guards: Vec<OwnedMutexGuard<()>>,
    writes: BTreeMap<(Space, Vec<u8>), Option<Bytes>>,
    publications: Vec<Publication>,
    pub(crate) totals: Totals,
}

impl Tx {
    pub(crate) fn new(shared: Arc<Shared>, guards: Vec<OwnedMutexGuard<()>>) -> Self {
        Self { shared, guards, writes: BTreeMap::new(), publications: Vec::new(), totals: Totals::default() }
    }

    pub(crate) async fn get_bytes(&self, space: Space, key: Key) -> Result<Option<Bytes>, StoreError> {
        let key = (space, key.into_bytes());
        match self.writes.get(&key) {
            Some(value) => Ok(value.clone()),
            None => self.shared.get(space, &key.1).await,
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
        let mut own: Vec<_> = self
            .writes
            .range((space, range.start.clone())..)
            .take_while(|((s, key), _)| *s == space && range.end.as_ref().is_none_or(|end| key < end))
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect();
        if direction == Direction::Backward {
            own.reverse();
        }
        let deleted = own.iter().filter(|(_, value)| value.is_none()).count();
        let under = self.shared.scan(space, range, direction, limit + deleted).await?;
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
        let Self { shared, guards, writes, publications, totals } = self;
        if writes.is_empty() && publications.is_empty() {
            drop(guards);
            return shared.settle(shared.applied.load(Ordering::SeqCst)).await;
        }
        let writes = writes.into_iter().map(|((space, key), value)| (space, key, value)).collect();
        let done = shared.apply(writes, publications, &totals)?;
        drop(guards);
        done.await.map_err(|_| StoreError::Stopped)?
    }
}
