use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use crate::backup;
use crate::chain::Chain;
use crate::commit::Coordinator;
use crate::engine::{AnyEngine, FjallEngine, MemoryEngine, PostgresEngine, Work};
use crate::need::{Fetched, Need};
use crate::publication::Publish;
use crate::remote::Remote;
use crate::shared::Shared;
use crate::{Backup, BackupSize, DataDirectory, Locks, StoreError, Timeline, Totals, Tx};

/// The truth of one app.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
}

/// Who else writes: nobody, or other nodes.
#[derive(Clone, Debug)]
enum Backend {
    /// This process owns the engine.
    Embedded(Arc<Shared>),
    /// The engine is a database that several nodes share.
    Remote(Arc<Remote>),
}

/// What is true at one moment: of an embedded engine at the moment its locks are taken, of a remote one when what is needed
/// was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    backend: Backend,
    fetched: Arc<Fetched>,
}

impl Snapshot {
    /// A transaction that only reads. What is under these locks fits together.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn under(&self, locks: Locks) -> Result<Tx, StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => Ok(shared.begin(&locks).await),
            Backend::Remote(remote) => Ok(Tx::reading(Arc::clone(remote), Arc::clone(&self.fetched))),
        }
    }

    /// Reads the messages that the heads of these timelines point to: they do not change.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn last_messages(
        &mut self,
        timelines: impl Iterator<Item = Timeline>,
    ) -> Result<(), StoreError> {
        let Backend::Remote(remote) = &self.backend else { return Ok(()) };
        let tx = Tx::reading(Arc::clone(remote), Arc::clone(&self.fetched));
        let mut need = Need::new();
        for timeline in timelines {
            let head = tx.head(&timeline).await?;
            need = need.message(&timeline, head.last);
        }
        drop(tx);
        let messages = remote.engine.fetch(need).await?;
        Arc::make_mut(&mut self.fetched).add(messages);
        Ok(())
    }
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
        let shared = Arc::new(Shared::new(engine, chain.totals));
        Coordinator::run(&shared, chain, mark, publisher);
        Ok(Self { backend: Backend::Embedded(shared) })
    }

    pub(crate) fn remote(
        engine: PostgresEngine,
        publisher: Arc<dyn Publish>,
        answers_before_commit: bool,
    ) -> Self {
        Self { backend: Backend::Remote(Remote::start(engine, publisher, answers_before_commit)) }
    }

    /// Begins a transaction under these locks; dropped without a commit it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Again`] when a remote engine does not give the locks in time.
    pub async fn begin(&self, locks: Locks) -> Result<Tx, StoreError> {
        self.begin_with(locks, Need::new).await
    }

    /// Begins a transaction that will read what it needs. A remote engine reads it together with taking the locks.
    ///
    /// # Errors
    /// See [`Store::begin`].
    pub async fn begin_with(&self, locks: Locks, need: impl FnOnce() -> Need) -> Result<Tx, StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => Ok(shared.begin(&locks).await),
            Backend::Remote(remote) if locks.keys().is_empty() => {
                let fetched = remote.engine.fetch(need()).await?;
                Ok(Tx::reading(Arc::clone(remote), Arc::new(fetched)))
            }
            Backend::Remote(remote) => Ok(Tx::in_turn(remote.begin(&locks, need()).await?)),
        }
    }

    /// Looks at one moment. What is needed, and nothing else, is of that moment.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn snapshot(&self, need: impl FnOnce() -> Need) -> Result<Snapshot, StoreError> {
        let fetched = match &self.backend {
            Backend::Embedded(_) => Fetched::default(),
            Backend::Remote(remote) => remote.engine.fetch(need()).await?,
        };
        Ok(Snapshot { backend: self.backend.clone(), fetched: Arc::new(fetched) })
    }

    /// Several nodes may work with this store.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Remote(_))
    }

    /// Transactions since the start, also those that are not durable yet; not known of a store that other nodes write to.
    #[must_use]
    pub fn transactions(&self) -> Option<u64> {
        match &self.backend {
            Backend::Embedded(shared) => Some(shared.applied.load(Ordering::SeqCst)),
            Backend::Remote(_) => None,
        }
    }

    /// Waits until everything applied by now is durable and told. Nothing that was read may leave the server before. A
    /// remote engine shows only what is durable.
    ///
    /// # Errors
    /// The failure that stopped the store.
    pub async fn settle(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => shared.settle(shared.applied.load(Ordering::SeqCst)).await,
            Backend::Remote(_) => Ok(()),
        }
    }

    /// Whether requests can be served now.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Embedded(_) => self.settle().await,
            Backend::Remote(remote) if remote.answers() => Ok(()),
            Backend::Remote(_) => Err(StoreError::Again("the database is away".to_owned())),
        }
    }

    /// Waits until the store has stopped because a write failed. A remote engine's failures pass.
    pub async fn failure(&self) -> StoreError {
        let Backend::Embedded(shared) = &self.backend else { return std::future::pending().await };
        shared.failure.wait().await.clone()
    }

    /// Totals of everything applied.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => Ok(*shared.totals.lock().unwrap_or_else(PoisonError::into_inner)),
            Backend::Remote(remote) => remote.engine.totals().await,
        }
    }

    /// Gives back the disk space of what was removed, and returns when it is done. Others go on meanwhile. A remote engine
    /// does it by its own means.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn compact(&self) -> Result<(), StoreError> {
        let Backend::Embedded(shared) = &self.backend else { return Ok(()) };
        self.settle().await?;
        let shared = Arc::clone(shared);
        let compacted = tokio::task::spawn_blocking(move || shared.engine.compact()).await;
        compacted.map_err(|error| StoreError::Write(error.to_string()))?
    }

    /// Whether a file in `directory` may grow without taking the room that the store needs on the same disk.
    ///
    /// # Errors
    /// [`StoreError::Directory`] with a sentence.
    pub fn may_grow(&self, directory: &Path) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => shared.engine.may_grow(directory),
            Backend::Remote(_) => Ok(()),
        }
    }

    /// Writes everything of one moment into a new file. Others go on meanwhile.
    ///
    /// # Errors
    /// One sentence that says why it cannot be written; a file that was begun is removed.
    pub async fn back_up(&self, path: &Path, backup: Backup) -> Result<BackupSize, StoreError> {
        let Backend::Embedded(shared) = &self.backend else {
            let message = "a database is backed up by its own means".to_owned();
            return Err(StoreError::Directory(message));
        };
        self.settle().await?;
        let (shared, path) = (Arc::clone(shared), path.to_owned());
        let written = tokio::task::spawn_blocking(move || shared.engine.back_up(&path, &backup));
        written.await.map_err(|error| StoreError::Read(error.to_string()))?
    }

    /// Fills a new data directory from a back-up, which is checked first: what it says of itself, and its rows.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn fill(directory: &DataDirectory, from: &Path) -> Result<(Backup, u64), StoreError> {
        let (path, from) = (directory.store_path(), from.to_owned());
        let filled = tokio::task::spawn_blocking(move || {
            let backup = backup::check(&from)?;
            let engine = FjallEngine::open(&path)?;
            let rows = backup::batches(&from, |batch| engine.write(batch))?;
            Ok((backup, rows))
        });
        filled.await.map_err(|error| StoreError::Read(error.to_string()))?
    }

    /// Bytes of the tables on the disk; 0 where that is not known.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        match &self.backend {
            Backend::Embedded(shared) => shared.engine.disk_bytes(),
            Backend::Remote(_) => 0,
        }
    }

    /// The name of the engine below, as the console shows it.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        match &self.backend {
            Backend::Embedded(shared) => shared.engine.name(),
            Backend::Remote(_) => "postgres",
        }
    }

    /// For tests of what happens when a disk is full: from now on, or not any more, commits of an engine in memory fail.
    #[doc(hidden)]
    pub fn fail_commits(&self, failing: bool) {
        if let Backend::Embedded(shared) = &self.backend
            && let AnyEngine::Memory(engine) = &shared.engine
        {
            engine.fail_commits(failing);
        }
    }

    /// For tests of what things cost: what an engine in memory was asked for; none of other engines.
    #[doc(hidden)]
    #[must_use]
    pub fn work(&self) -> Option<Work> {
        match &self.backend {
            Backend::Embedded(shared) => match &shared.engine {
                AnyEngine::Memory(engine) => Some(engine.work()),
                AnyEngine::Fjall(_) => None,
            },
            Backend::Remote(_) => None,
        }
    }

    /// Waits for what is under way, takes no more, and leaves nothing to be replayed by the next start.
    ///
    /// # Errors
    /// The failure that stopped the store before.
    pub async fn close(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Embedded(shared) => {
                let settled = self.settle().await;
                shared.coordinator.close().await;
                settled?;
                let shared = Arc::clone(shared);
                let rested = tokio::task::spawn_blocking(move || shared.engine.rest()).await;
                rested.map_err(|error| StoreError::Write(error.to_string()))?
            }
            Backend::Remote(remote) => {
                remote.close().await;
                Ok(())
            }
        }
    }
}
