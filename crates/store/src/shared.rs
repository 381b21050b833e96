use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{SetOnce, watch};

use crate::commit::Coordinator;
use crate::engine::{AnyEngine, Direction, Engine as _, Range, Space};
use crate::lock::LockTable;
use crate::nonces::Recent;
use crate::pages::Pages;
use crate::pending::{Pending, merge};
use crate::{Locks, StoreError, Totals, Tx};

/// What all transactions of an embedded store work on.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: AnyEngine,
    pub(crate) pending: Pending,
    pub(crate) applied: AtomicU64,
    pub(crate) published: watch::Sender<Progress>,
    /// Apart from the progress, which wakes whoever looks at it with every commit.
    pub(crate) failure: SetOnce<StoreError>,
    pub(crate) totals: Mutex<Totals>,
    pub(crate) coordinator: Coordinator,
    pub(crate) recent_nonces: Recent,
    pub(crate) pages: Pages,
    locks: LockTable,
}

/// How far the log is durable and told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) number: u64,
    pub(crate) failed: Option<StoreError>,
}

impl Shared {
    pub(crate) fn new(engine: AnyEngine, totals: Totals) -> Self {
        Self {
            engine,
            pending: Pending::new(),
            applied: AtomicU64::new(0),
            published: watch::Sender::new(Progress::default()),
            failure: SetOnce::new(),
            totals: Mutex::new(totals),
            coordinator: Coordinator::new(),
            recent_nonces: Recent::new(),
            pages: Pages::new(),
            locks: LockTable::new(),
        }
    }

    /// Begins a transaction under these locks.
    pub(crate) async fn begin(self: &Arc<Self>, locks: &Locks) -> Tx {
        let guards = self.locks.take(locks).await;
        Tx::embedded(Arc::clone(self), guards)
    }

    pub(crate) async fn settle(&self, number: u64) -> Result<(), StoreError> {
        {
            let progress = self.published.borrow();
            if let Some(error) = &progress.failed {
                return Err(error.clone());
            }
            if progress.number >= number {
                return Ok(());
            }
        }
        let mut published = self.published.subscribe();
        let reached = |progress: &Progress| progress.failed.is_some() || progress.number >= number;
        let progress = published.wait_for(reached).await.map_err(|_| StoreError::Stopped)?;
        progress.failed.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        // Pending first: a write leaves it only after the engine has it.
        self.pending.get(space, key).map_or_else(|| self.engine.read(space, key), Ok)
    }

    pub(crate) async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let over = self.pending.range(space, range, direction);
        let deleted = over.iter().filter(|(_, value)| value.is_none()).count();
        let under = self.engine.scan(space, range, direction, limit + deleted).await?;
        Ok(merge(under, over, direction, limit))
    }
}
