//! Group commit: one coordinator per store. One durable write carries every transaction that waited while the last one
//! ran; no timer adds latency when idle.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lethe_domain::deletions::Entry;
use lethe_protocol::{Event, Settings};
use minicbor::{Decode, Encode};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::directory::CommitMark;
use crate::engine::{AnyEngine, Batch, Engine, Space, Write};
use crate::pending::{Layer, Pending};
use crate::record::{decode, encode};
use crate::store::{Progress, Shared};
use crate::{EntryId, Key, StoreError, Totals};

/// So many of the last commits are kept by number, to notice one that is missing between others.
const CHAIN_LENGTH: u64 = 1024;

/// So many transactions are told before others get a turn.
const BREATH: usize = 64;

/// A commit is made where it was asked for when the last one took less than this: then it costs less than waking another
/// thread, and being woken by it. Longer ones are made by a thread that may wait.
const QUICK: Duration = Duration::from_micros(100);
/// ... and has so many rows at most: a large group takes its time, and one more thread does not matter to it.
const FEW: usize = 128;

/// Who hears an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// All clients of these users.
    Users(Vec<String>),
    /// All clients of all members of this group.
    Group(String),
    /// One client instance of one user.
    Client {
        /// The user.
        user_id: String,
        /// The instance.
        instance: String,
    },
}

/// Something others are told once it is true.
#[derive(Clone, Debug)]
pub enum Publication {
    /// An event, encoded once for all who hear it.
    Event {
        /// Who hears it.
        audience: Audience,
        /// The frame.
        frame: String,
    },
    /// From here on the user hears the group.
    Joined {
        /// The group.
        group_id: String,
        /// The user.
        user_id: String,
    },
    /// From here on the user does not hear the group.
    Left {
        /// The group.
        group_id: String,
        /// The user.
        user_id: String,
    },
    /// From here on nobody hears the group.
    Dissolved {
        /// The group.
        group_id: String,
    },
    /// The user's logins end.
    Kicked {
        /// The user.
        user_id: String,
    },
    /// New settings of the app.
    Settings(Arc<Settings>),
    /// A row was written into the deletion journal.
    Recorded {
        /// Its name.
        id: EntryId,
        /// The row.
        entry: Box<Entry>,
    },
}

impl Publication {
    /// An event for an audience.
    #[must_use]
    pub fn event(audience: Audience, event: &Event) -> Self {
        Self::Event { audience, frame: lethe_protocol::event(event) }
    }
}

/// What a durable transaction has to tell. Only a commit makes one.
#[derive(Debug)]
#[must_use = "what was committed has to be told"]
pub struct Committed {
    publications: Vec<Publication>,
}

impl Committed {
    pub(crate) fn of(publications: Vec<Publication>) -> Self {
        Self { publications }
    }

    /// What to tell, in order.
    #[must_use]
    pub fn into_publications(self) -> Vec<Publication> {
        self.publications
    }
}

/// Tells others; called in the order of the log.
pub trait Publish: Send + Sync + 'static {
    /// Tells one transaction's publications.
    fn publish(&self, committed: Committed);
}

/// The record of the last commit, written in the same batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Chain {
    #[n(0)]
    number: u64,
    #[n(1)]
    pub(crate) totals: Totals,
}

impl Chain {
    pub(crate) async fn load(engine: &AnyEngine) -> Result<Self, StoreError> {
        let bytes = engine.get(Space::Meta, chain_key().bytes()).await?;
        bytes.map_or(Ok(Self::default()), |bytes| decode(&bytes))
    }

    /// Itself, and the link of the commit it is written with.
    fn writes(&self) -> [Write; 2] {
        let number = Bytes::copy_from_slice(&self.number.to_be_bytes());
        [
            (Space::Meta, chain_key().into_bytes().into(), Some(encode(self))),
            (Space::Meta, link_key(self.number).into_bytes().into(), Some(number)),
        ]
    }

    /// The numbers of the last commits that are kept.
    fn kept(&self) -> std::ops::RangeInclusive<u64> {
        self.number.saturating_sub(CHAIN_LENGTH - 1).max(1)..=self.number
    }

    /// Accepts what is missing: from here on the log is whole again.
    pub(crate) async fn mend(&self, engine: &AnyEngine, mark: &mut CommitMark) -> Result<(), StoreError> {
        let link = |number: u64| {
            let value = Bytes::copy_from_slice(&number.to_be_bytes());
            (Space::Meta, link_key(number).into_bytes().into(), Some(value))
        };
        engine.commit(Batch { writes: self.kept().map(link).collect() }).await?;
        mark.promise(self.number)
    }

    /// Whether the log ends where it was promised to end and lacks nothing between.
    pub(crate) async fn check(&self, engine: &AnyEngine, promised: u64) -> Result<(), StoreError> {
        if self.number < promised {
            return Err(StoreError::LostCommits { promised, found: self.number });
        }
        for number in self.kept() {
            let link = engine.get(Space::Meta, link_key(number).bytes()).await?;
            if link.as_deref() != Some(&number.to_be_bytes()[..]) {
                return Err(StoreError::LostCommits {
                    promised: promised.max(self.number),
                    found: number - 1,
                });
            }
        }
        Ok(())
    }
}

fn chain_key() -> Key {
    Key::new().text("chain")
}

fn link_key(number: u64) -> Key {
    Key::new().text("link").number(number % CHAIN_LENGTH)
}

/// A transaction that waits for the next group commit.
#[derive(Debug)]
struct Waiting {
    number: u64,
    publications: Vec<Publication>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    closed: bool,
}

/// One task: it takes what waits, has it committed, tells it, and begins anew.
#[derive(Debug)]
pub(crate) struct Coordinator {
    queue: Mutex<Queue>,
    arrived: Notify,
    /// It holds the store, and ends when that closes.
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Coordinator {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::default(), arrived: Notify::new(), task: Mutex::default() }
    }

    pub(crate) fn run(
        shared: &Arc<Shared>,
        chain: Chain,
        mark: Option<CommitMark>,
        publisher: Arc<dyn Publish>,
    ) {
        let log = Log { store: Arc::clone(shared), chain, mark, took: Duration::MAX };
        let task = tokio::spawn(commit_groups(Arc::clone(shared), log, publisher));
        *shared.coordinator.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Takes no more, and returns when what was taken is done and nothing here holds the store any more.
    pub(crate) async fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that wait, as soon as one does, and what they write; none when closed.
    async fn next_group(&self, pending: &Pending) -> Option<(Vec<Waiting>, Arc<Layer>)> {
        loop {
            {
                let mut queue = self.lock();
                if !queue.waiting.is_empty() {
                    return Some((std::mem::take(&mut queue.waiting), pending.seal()));
                }
                if queue.closed {
                    return None;
                }
            }
            self.arrived.notified().await;
        }
    }
}

impl Shared {
    /// Applies a transaction's writes, so that later ones build on them, and queues them for the next group commit.
    /// Called under the transaction's locks; the order of the queue is the order of the log.
    pub(crate) fn apply(
        &self,
        writes: Vec<Write>,
        publications: Vec<Publication>,
        totals: &Totals,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (done, answer) = oneshot::channel();
        let mut queue = self.coordinator.lock();
        if queue.closed {
            return Err(StoreError::Stopped);
        }
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).add(totals);
        let number = self.applied.load(Ordering::SeqCst) + 1;
        self.pending.apply(writes, || self.applied.store(number, Ordering::SeqCst));
        queue.waiting.push(Waiting { number, publications, done });
        drop(queue);
        self.coordinator.arrived.notify_one();
        Ok(answer)
    }
}

/// What writes: the end of the log.
struct Log {
    store: Arc<Shared>,
    chain: Chain,
    mark: Option<CommitMark>,
    /// How long the last commit took.
    took: Duration,
}

impl Log {
    /// Commits a group; it is durable when this returns.
    fn commit(&mut self, group: &Layer) -> Result<(), StoreError> {
        let begun = Instant::now();
        self.chain.number += 1;
        // Totals may run ahead by transactions that were applied after this group was taken: they are applied, and if
        // the process dies before their commit the totals are off by them until they are next written. They are
        // figures for people, not for rules.
        self.chain.totals = *self.store.totals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch { writes: group.writes() };
        batch.writes.extend(self.chain.writes());
        self.store.engine.write(batch)?;
        if let Some(mark) = &mut self.mark {
            mark.promise(self.chain.number)?;
        }
        self.took = begun.elapsed();
        Ok(())
    }
}

async fn commit_groups(shared: Arc<Shared>, mut log: Log, publisher: Arc<dyn Publish>) {
    while let Some((group, layer)) = shared.coordinator.next_group(&shared.pending).await {
        let committed = if layer.rows() <= FEW && log.took < QUICK {
            log.commit(&layer)
        } else {
            let elsewhere = tokio::task::spawn_blocking(move || {
                let committed = log.commit(&layer);
                (log, committed)
            });
            let Ok((same, committed)) = elsewhere.await else {
                return stop(&shared, group, &StoreError::Stopped);
            };
            log = same;
            committed
        };
        if let Err(error) = committed {
            return stop(&shared, group, &error);
        }
        shared.pending.forget();
        tell(&shared, group, &*publisher).await;
    }
}

/// After a failed commit nothing is known about the disk: refuse all that wait and all that comes.
fn stop(shared: &Shared, group: Vec<Waiting>, error: &StoreError) {
    tracing::error!(%error, "a commit failed: the store stops");
    let mut queue = shared.coordinator.lock();
    queue.closed = true;
    let refused: Vec<_> = group.into_iter().chain(std::mem::take(&mut queue.waiting)).collect();
    drop(queue);
    shared.published.send_modify(|progress| progress.failed = Some(error.clone()));
    let _ = shared.failure.set(error.clone());
    for waiting in refused {
        let _ = waiting.done.send(Err(error.clone()));
    }
}

/// Tells what is durable in the order of the log, and answers each caller after its own events.
async fn tell(shared: &Shared, group: Vec<Waiting>, publisher: &dyn Publish) {
    let (mut number, mut told_at_once) = (0, 0_usize);
    for waiting in group {
        number = waiting.number;
        if !waiting.publications.is_empty() {
            publisher.publish(Committed::of(waiting.publications));
        }
        let _ = waiting.done.send(Ok(()));
        told_at_once += 1;
        if told_at_once % BREATH == 0 {
            // Clients take what they were handed before they are handed more.
            tokio::task::yield_now().await;
        }
    }
    shared.published.send_modify(|progress: &mut Progress| progress.number = number);
    if !shared.coordinator.lock().waiting.is_empty() {
        // Those who were just told go first: what they write now is part of the next group.
        tokio::task::yield_now().await;
    }
}
