use std::path::Path;

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::StoreError;
use crate::engine::{Batch, Direction, Engine, Range, Space};

/// Memory for blocks read from disk, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

/// The embedded default: a log-structured merge tree in pure Rust. It does not sync by itself, so every commit does.
pub struct FjallEngine {
    database: Database,
    spaces: Vec<Keyspace>,
}

impl std::fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallEngine").finish_non_exhaustive()
    }
}

impl FjallEngine {
    /// Opens the database in `path`, or makes one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be read, [`StoreError::Write`] when it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .manual_journal_persist(true)
            .open()
            .map_err(|error| StoreError::opening(&error))?;
        let spaces = Space::ALL
            .iter()
            .map(|space| database.keyspace(space.name(), KeyspaceCreateOptions::default))
            .collect::<Result<_, _>>()
            .map_err(|error| StoreError::opening(&error))?;
        Ok(Self { database, spaces })
    }
}

impl Engine for FjallEngine {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.spaces[space as usize].get(key).map_err(|error| StoreError::reading(&error))?;
        Ok(value.map(Bytes::from))
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
        let pairs = self.spaces[space as usize].range::<&[u8], _>(range.bounds());
        let own = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(|error| StoreError::reading(&error))?;
            Ok((Bytes::from(key), Bytes::from(value)))
        };
        match direction {
            Direction::Forward => pairs.take(limit).map(own).collect(),
            Direction::Backward => pairs.rev().take(limit).map(own).collect(),
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncData));
        for (space, key, value) in batch.writes {
            let keyspace = &self.spaces[space as usize];
            match value {
                Some(value) => writes.insert(keyspace, key, value),
                None => writes.remove(keyspace, key),
            }
        }
        writes.commit().map_err(|error| StoreError::Write(error.to_string()))
    }
}
