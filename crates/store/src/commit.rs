//! Group commit: one coordinator per store. One durable write carries every transaction that waited while the last one
//! ran; no timer adds latency when idle.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::chain::Chain;
use crate::directory::CommitMark;
use crate::engine::{Batch, Write};
use crate::pending::{Layer, Pending};
use crate::publication::{Committed, Publication, Publish};
use crate::shared::{Progress, Shared};
use crate::{Key, StoreError, Totals};

/// So many transactions are told before others get a turn.
const BREATH: usize = 64;

/// A commit is made where it was asked for when the last one took less than this: then it costs less than waking another
/// thread, and being woken by it. Longer ones are made by a thread that may wait.
const QUICK: Duration = Duration::from_micros(100);
/// ... and has so many rows at most: a large group takes its time, and one more thread does not matter to it.
const FEW: usize = 128;
/// Each row of the last one may have taken this more: a large group does not say that the disk has become slow.
const ROW: Duration = Duration::from_micros(1);

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
        let log = Log { store: Arc::clone(shared), chain, mark, quick: false };
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
    /// Called under the transaction's locks; the order of the queue is the order of the log. `rewritten` are the timelines of
    /// which it removes or replaces messages.
    pub(crate) fn apply(
        &self,
        writes: Vec<Write>,
        publications: Vec<Publication>,
        totals: &Totals,
        rewritten: &[Key],
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (done, answer) = oneshot::channel();
        let mut queue = self.coordinator.lock();
        if queue.closed {
            return Err(StoreError::Stopped);
        }
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).add(totals);
        let number = self.applied.load(Ordering::SeqCst) + 1;
        self.pending.apply(writes, || {
            rewritten.iter().for_each(|timeline| self.pages.rewrite(timeline.bytes()));
            self.applied.store(number, Ordering::SeqCst);
        });
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
    /// Whether the last commit took no longer than its rows explain.
    quick: bool,
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
        let rows = u32::try_from(batch.writes.len()).unwrap_or(u32::MAX);
        batch.writes.push(self.chain.write());
        self.store.engine.write(batch)?;
        if let Some(mark) = &mut self.mark {
            mark.promise(self.chain.number)?;
        }
        self.quick = begun.elapsed() < QUICK + ROW.saturating_mul(rows);
        Ok(())
    }
}

async fn commit_groups(shared: Arc<Shared>, mut log: Log, publisher: Arc<dyn Publish>) {
    while let Some((group, layer)) = shared.coordinator.next_group(&shared.pending).await {
        let quick = log.quick && layer.rows() <= FEW && !shared.engine.is_behind();
        let committed = if quick {
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
            publisher.flush();
            // Clients take what they were handed before they are handed more.
            tokio::task::yield_now().await;
        }
    }
    publisher.flush();
    shared.published.send_modify(|progress: &mut Progress| progress.number = number);
    if !shared.coordinator.lock().waiting.is_empty() {
        // Those who were just told go first: what they write now is part of the next group.
        tokio::task::yield_now().await;
    }
}
