use std::collections::BTreeMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use crate::StoreError;
use crate::engine::{Batch, Direction, Engine, Range, Space};

/// A store that lives in this process only: for tests, simulation and fault injection. Deterministic.
#[derive(Debug)]
pub struct MemoryEngine {
    spaces: Vec<RwLock<BTreeMap<Vec<u8>, Bytes>>>,
    failing: AtomicBool,
    commits: AtomicU64,
    writes: AtomicU64,
    reads: AtomicU64,
}

/// What an engine in memory was asked for since it was made: what things cost where no clock can tell.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Durable batches.
    pub commits: u64,
    /// Keys written or deleted by them.
    pub writes: u64,
    /// Keys looked up, and pairs that scans returned.
    pub reads: u64,
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self {
            spaces: Space::ALL.iter().map(|_| RwLock::default()).collect(),
            failing: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        }
    }
}

impl MemoryEngine {
    /// From now on, or not any more, every commit fails, as a full disk would make it.
    pub fn fail_commits(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    pub(crate) fn work(&self) -> Work {
        let load = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Work { commits: load(&self.commits), writes: load(&self.writes), reads: load(&self.reads) }
    }

    /// Applies a batch as one.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Write("the store was told to fail".to_owned()));
        }
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.writes.fetch_add(batch.writes.len() as u64, Ordering::SeqCst);
        for (space, key, value) in batch.writes {
            #[expect(clippy::unwrap_used, reason = "see `space`")]
            let mut map = self.spaces[space as usize].write().unwrap();
            match value {
                Some(value) => map.insert(key.into(), value),
                None => map.remove(key.as_ref()),
            };
        }
        Ok(())
    }

    pub(super) fn read(&self, space: Space, key: &[u8]) -> Option<Bytes> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.space(space).get(key).cloned()
    }

    #[expect(clippy::unwrap_used, reason = "a poisoned map means a panic that has ended the test already")]
    fn space(&self, space: Space) -> std::sync::RwLockReadGuard<'_, BTreeMap<Vec<u8>, Bytes>> {
        self.spaces[space as usize].read().unwrap()
    }
}

impl Engine for MemoryEngine {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.read(space, key))
    }

    async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let map = self.space(space);
        let pairs = map.range::<[u8], _>(range.bounds());
        let own = |(key, value): (&Vec<u8>, &Bytes)| (Bytes::copy_from_slice(key), value.clone());
        let found: Vec<_> = match direction {
            Direction::Forward => pairs.take(limit).map(own).collect(),
            Direction::Backward => pairs.rev().take(limit).map(own).collect(),
        };
        self.reads.fetch_add(found.len() as u64, Ordering::SeqCst);
        Ok(found)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.write(batch)
    }
}
