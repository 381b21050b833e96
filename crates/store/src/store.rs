use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::commit::{Chain, Coordinator, Publish};
use crate::engine::{AnyEngine, Direction, Engine, FjallEngine, MemoryEngine, Range, Space};
use crate::lock::LockTable;
use crate::pending::{Pending, merge};
use crate::{DataDirectory, Locks, Totals, Tx};

/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The data cannot be read or is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Acknowledged commits are missing at the end of the log.
    #[error(
        "the database is damaged: commit {promised} was acknowledged, but the log ends at {found}; restore a back-up, or \
         start once with --salvage to go on with what is there"
    )]
    LostCommits {
        /// The last commit that was acknowledged.
        promised: u64,
        /// The last commit that is there.
        found: u64,
    },
    /// A read failed.
    #[error("the database cannot be read: {0}")]
    Read(String),
    /// A write failed. The store takes no more until it is opened again.
    #[error("the database cannot be written: {0}")]
    Write(String),
    /// An earlier write failed, or the store is closing.
    #[error("the database takes no more requests")]
    Stopped,
    /// The data directory cannot be used.
    #[error("{0}")]
    Directory(String),
}

impl StoreError {
    pub(crate) fn opening(error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self::Directory(format!("the database cannot be opened: {error}")),
            fjall::Error::Locked => Self::Directory("the database is in use".to_owned()),
            other => Self::Damaged(format!("{other:?}")),
        }
    }

    pub(crate) fn reading(error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self::Read(error.to_string()),
            other => Self::Damaged(format!("{other:?}")),
        }
    }
}

/// The truth of one app.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: AnyEngine,
    pub(crate) pending: Pending,
    pub(crate) applied: AtomicU64,
    pub(crate) published: watch::Sender<Progress>,
    pub(crate) totals: Mutex<Totals>,
    pub(crate) coordinator: Coordinator,
    locks: LockTable,
}

/// How far the log is durable and told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) number: u64,
    pub(crate) failed: Option<StoreError>,
}

impl Store {
    /// A store in memory.
    ///
    /// # Errors
    /// Never in practice; the signature is that of [`Store::open`].
    pub async fn in_memory(publisher: Arc<dyn Publish>) -> Result<Self, StoreError> {
        Self::start(AnyEngine::Memory(MemoryEngine::default()), publisher, None, false).await
    }

    /// The store in a data directory, made if it is new. With `salvage`, missing commits at the end are accepted.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(
        directory: &DataDirectory,
        salvage: bool,
        publisher: Arc<dyn Publish>,
    ) -> Result<Self, StoreError> {
        let engine = AnyEngine::Fjall(FjallEngine::open(&directory.store_path())?);
        Self::start(engine, publisher, Some(directory), salvage).await
    }

    async fn start(
        engine: AnyEngine,
        publisher: Arc<dyn Publish>,
        directory: Option<&DataDirectory>,
        salvage: bool,
    ) -> Result<Self, StoreError> {
        let chain = Chain::load(&engine).await?;
        let mut mark = directory.map(DataDirectory::commit_mark).transpose()?;
        match &mut mark {
            Some(mark) if salvage => chain.mend(&engine, mark).await?,
            Some(mark) => chain.check(&engine, mark.promised()).await?,
            None => {}
        }
        let shared = Arc::new(Shared {
            engine,
            pending: Pending::new(),
            applied: AtomicU64::new(0),
            published: watch::Sender::new(Progress::default()),
            totals: Mutex::new(chain.totals),
            coordinator: Coordinator::new(),
            locks: LockTable::new(),
        });
        Coordinator::run(&shared, chain, mark, publisher);
        Ok(Self { shared })
    }

    /// Begins a transaction under these locks; dropped without a commit it changes nothing.
    pub async fn begin(&self, locks: Locks) -> Tx {
        let guards = self.shared.locks.take(&locks).await;
        Tx::new(Arc::clone(&self.shared), guards)
    }

    /// Waits until everything applied by now is durable and told. Nothing that was read may leave the server before.
    ///
    /// # Errors
    /// The failure that stopped the store.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.shared.settle(self.shared.applied.load(Ordering::SeqCst)).await
    }

    /// Waits until the store has stopped because a write failed.
    pub async fn failure(&self) -> StoreError {
        let mut published = self.shared.published.subscribe();
        let progress = published.wait_for(|progress| progress.failed.is_some()).await;
        progress.ok().and_then(|progress| progress.failed.clone()).unwrap_or(StoreError::Stopped)
    }

    /// Totals of everything applied.
    #[must_use]
    pub fn totals(&self) -> Totals {
        *self.shared.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine below.
    #[must_use]
    pub fn engine(&self) -> &AnyEngine {
        &self.shared.engine
    }

    /// Waits for what is under way and takes no more.
    ///
    /// # Errors
    /// The failure that stopped the store before.
    pub async fn close(&self) -> Result<(), StoreError> {
        let settled = self.settle().await;
        self.shared.coordinator.close().await;
        settled
    }
}

impl Shared {
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

    pub(crate) async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        // Pending first: a write leaves it only after the engine has it.
        match self.pending.get(space, key) {
            Some(value) => Ok(value),
            None => self.engine.get(space, key).await,
        }
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
