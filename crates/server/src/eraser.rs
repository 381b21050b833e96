//! The eraser: removes in the background what nobody can read any more. A deletion is a floor and costs one small write;
//! the bytes go here, in small steps, after the app's grace period.

mod ahead;
mod compaction;
mod mark;
mod pace;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lethe_domain::deletions::{Entry, EntryItem, Erasure, KEY_TIME, Kind, Removed};
use lethe_store::{Erased, Locks, Timeline, Tx};
use tokio::sync::Notify;
use tokio::time::sleep;

use self::ahead::Ahead;
use self::compaction::Compaction;
pub(crate) use self::compaction::compact;
use self::mark::Mark;
pub(crate) use self::mark::held;
use self::pace::Pace;
use crate::context::Context;
use crate::failure::Result;
use crate::handlers::deletions;
use crate::retention;

/// The queue is looked at this often, and whenever something is due at once.
const TICK: Duration = Duration::from_secs(1);
/// Keys of requests that are forgotten in one transaction.
const KEYS: usize = 32;
/// A node has a timeline for itself this long, in ms, and longer with every step.
const LEASE: u64 = 30_000;
/// What is under a hold is looked at again after this long, in ms.
const HELD: u64 = 600_000;
/// Timelines taken from the queue at once.
const TURN: usize = 64;
/// Clocks of several nodes differ by less than this, in ms: on a shared store nothing is final before.
const SKEW: u64 = 5_000;
/// After a failure, the database gets this long.
const PAUSE: Duration = Duration::from_secs(5);

/// What the eraser is doing, as the console shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The timeline under work, as its users or group name it.
    pub(crate) current: Option<(EntryItem, String)>,
    /// Messages of it that are gone, and how far it goes.
    pub(crate) done: u64,
    pub(crate) target: u64,
}

/// What the rest of the server says to the eraser and hears from it.
#[derive(Debug, Default)]
pub(crate) struct Eraser {
    nudge: Notify,
    progress: Mutex<Progress>,
    /// Held by the one that erases or rewrites files: the background, or an operator who asked for it now.
    working: tokio::sync::Mutex<()>,
    /// Accounts that are being erased here.
    accounts: Mutex<HashSet<String>>,
}

/// The turn of one account's erasure; dropping it ends the turn.
#[derive(Debug)]
pub(crate) struct AccountTurn {
    eraser: Arc<Eraser>,
    user: String,
}

impl Drop for AccountTurn {
    fn drop(&mut self) {
        self.eraser.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.user);
    }
}

impl Eraser {
    /// Something is due: looks at the queue now.
    pub(crate) fn nudge(&self) {
        self.nudge.notify_one();
    }

    /// The turn of an account's erasure, unless it is under way here.
    pub(crate) fn take_account(self: &Arc<Self>, user: &str) -> Option<AccountTurn> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let user = user.to_owned();
        accounts.insert(user.clone()).then(|| AccountTurn { eraser: Arc::clone(self), user })
    }

    pub(crate) fn has_account(&self, user: &str) -> bool {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).contains(user)
    }

    pub(crate) fn progress(&self) -> Progress {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Works as long as the server does.
pub(crate) async fn run(context: Weak<Context>) {
    let mut worker = None;
    let mut compaction = Compaction::default();
    let mut sweep = retention::Sweep::default();
    loop {
        let Some(cx) = context.upgrade() else { return };
        if cx.is_stopping() {
            return;
        }
        let worker = worker.get_or_insert_with(|| name(&cx));
        let outcome = turn(&cx, worker, &mut compaction, &mut sweep).await;
        let pause = match outcome {
            Ok(()) => TICK,
            Err(failure) => {
                tracing::warn!(failure = ?failure.tell(), "the eraser could not go on; it tries again");
                PAUSE
            }
        };
        let eraser = Arc::clone(&cx.eraser);
        drop(cx);
        tokio::select! {
            () = sleep(pause) => {}
            () = eraser.nudge.notified() => {}
        }
    }
}

/// Alone, a node goes on at once where it was killed; of several, each has a name that no other has ever had.
pub(crate) fn name(cx: &Context) -> String {
    if cx.store.is_shared() { format!("{:016x}", rand::random::<u64>()) } else { "alone".to_owned() }
}

async fn turn(
    cx: &Context,
    worker: &str,
    compaction: &mut Compaction,
    sweep: &mut retention::Sweep,
) -> Result<()> {
    sweep.run(cx).await?;
    deletions::resume_erasures(cx, worker).await?;
    shorten(cx).await?;
    work_off(cx, worker).await?;
    let old = cx.now().saturating_sub(KEY_TIME);
    // A look first: most of the time there are none, and locks are for those who change something.
    if cx.store.begin(Locks::none()).await?.forget_keys(old, 1).await? > 0 {
        let mut tx = cx.store.begin(Locks::none().app()).await?;
        tx.forget_keys(old, KEYS).await?;
        tx.commit().await?;
    }
    compaction.run(cx).await
}

/// A shorter grace period is true for what waits already. What a hold keeps is looked at again by itself.
async fn shorten(cx: &Context) -> Result<()> {
    let latest = |cx: &Context| cx.now() + cx.grace().max(HELD) + SKEW;
    for timeline in cx.store.begin(Locks::none()).await?.waiting_beyond(latest(cx), TURN).await? {
        let mut tx = cx.store.begin(Locks::none().timeline(&timeline)).await?;
        if let Some(waiting) = tx.erasure(&timeline).await?.filter(|waiting| waiting.due > latest(cx)) {
            tx.move_erasure(&timeline, waiting.due, &Erasure { due: cx.now(), ..waiting });
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Erases everything that is due now.
pub(crate) async fn work_off(cx: &Context, worker: &str) -> Result<()> {
    let _working = cx.eraser.working.lock().await;
    let mut pace = Pace::new(cx.config.erase_rate);
    loop {
        let due = cx.store.begin(Locks::none()).await?.erasures(cx.now() + 1, TURN).await?;
        let mut worked = false;
        for (timeline, _) in due {
            if cx.is_stopping() {
                return Ok(());
            }
            worked |= work(cx, worker, &timeline, &mut pace).await?;
        }
        cx.eraser.lock().current = None;
        if !worked {
            return Ok(());
        }
    }
}

/// Works on one timeline, if no other node does. Whether it did anything.
async fn work(cx: &Context, worker: &str, timeline: &Timeline, pace: &mut Pace) -> Result<bool> {
    if !claim(cx, worker, timeline).await? {
        return Ok(false);
    }
    // Many readers are looked at without a lock: floors only grow, and a restore takes the claim away.
    let mark = Mark::of(cx, worker, timeline).await?;
    let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
    let Some(mut erasure) = claimed(&tx, worker, timeline).await? else { return Ok(true) };
    mark.forget_undos(cx, &mut tx, timeline).await?;
    let head = tx.head(timeline).await?;
    if mark.seq <= head.erased_to || mark.held {
        leave(cx, &mut tx, timeline, &erasure, &mark, head.erased_to);
        tx.commit().await?;
        return Ok(true);
    }
    erasure.target = mark.seq;
    tx.move_erasure(timeline, erasure.due, &erasure);
    tx.commit().await?;
    erase(cx, worker, timeline, &mark, pace).await?;
    Ok(true)
}

/// Takes a due timeline for this node, if no other has it.
async fn claim(cx: &Context, worker: &str, timeline: &Timeline) -> Result<bool> {
    let now = cx.now();
    let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
    let Some(before) = tx.erasure(timeline).await? else { return Ok(false) };
    let taken = before.leased_until > now && before.worker != worker && !before.worker.is_empty();
    if before.due > now || taken {
        return Ok(false);
    }
    let due = before.due;
    let claim = Erasure { worker: worker.to_owned(), leased_until: now + LEASE, again: 0, ..before };
    tx.move_erasure(timeline, due, &claim);
    tx.commit().await?;
    Ok(true)
}

/// The place in the queue, if it is still this node's.
async fn claimed(tx: &Tx, worker: &str, timeline: &Timeline) -> Result<Option<Erasure>> {
    Ok(tx.erasure(timeline).await?.filter(|erasure| erasure.worker == worker))
}

/// Puts a timeline where it has to wait, or takes it out of the queue. What was erased in this run gets its row in the
/// journal; under a hold, the run is not over.
fn leave(cx: &Context, tx: &mut Tx, timeline: &Timeline, erasure: &Erasure, mark: &Mark, to: u64) {
    let run = if mark.held { erasure.clone() } else { Erasure::default() };
    if erasure.messages > 0 && !mark.held {
        record(cx, tx, timeline, erasure, to);
    }
    let (floor, floor_time) = mark.waiting_floor;
    let again = Some(erasure.again).filter(|&again| again > 0);
    let next = if mark.held { Some(cx.now() + HELD) } else { mark.next.into_iter().chain(again).min() };
    match next {
        Some(due) => {
            let Erasure { messages, bytes, nonces, .. } = run;
            let held = mark.held;
            let waiting =
                Erasure { due, held, messages, bytes, nonces, floor, floor_time, ..Erasure::default() };
            tx.move_erasure(timeline, erasure.due, &waiting);
        }
        None => tx.end_erasure(timeline, erasure.due),
    }
}

/// Erases step by step; each is durable before the next, so that a stop or a crash loses nothing but the rest.
async fn erase(cx: &Context, worker: &str, timeline: &Timeline, mark: &Mark, pace: &mut Pace) -> Result<()> {
    let (mut due, mut ahead) = (cx.now(), Ahead::default());
    loop {
        let most = pace.next(&cx.store, Duration::from_millis(cx.now().saturating_sub(due))).await;
        let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
        let Some(mut erasure) = claimed(&tx, worker, timeline).await? else { return Ok(()) };
        if held(&tx, timeline).await? {
            // A hold that was set meanwhile stops it here.
            leave(cx, &mut tx, timeline, &erasure, &Mark::held(&erasure), 0);
            tx.commit().await?;
            return Ok(());
        }
        due = erasure.due;
        let mut head = tx.head(timeline).await?;
        let step = ahead.next(&tx, timeline, &head, mark.seq, most).await?;
        let step = tx.erase_messages(timeline, &step);
        let done = step.is_none_or(|step| step.last >= mark.seq);
        head.erased_to = step.filter(|_| !done).map_or(mark.seq, |step| step.last);
        tx.put_head(timeline, &head);
        let Erased { messages, bytes, nonces, .. } = step.unwrap_or_default();
        erasure.messages += messages;
        erasure.bytes += bytes;
        erasure.nonces += nonces;
        erasure.leased_until = cx.now() + LEASE;
        {
            let mut progress = cx.eraser.lock();
            progress.current = Some(named(timeline, head.erased_to));
            (progress.done, progress.target) = (head.erased_to, mark.seq);
        }
        if done {
            leave(cx, &mut tx, timeline, &erasure, mark, mark.seq);
        } else {
            tx.move_erasure(timeline, erasure.due, &erasure);
        }
        tx.commit().await?;
        pace.stepped(&cx.store, messages);
        if done || cx.is_stopping() {
            return Ok(());
        }
    }
}

/// A timeline as the journal names it: as its first user sees it, or the group.
pub(crate) fn named(timeline: &Timeline, to: u64) -> (EntryItem, String) {
    let user = timeline.users().first().map(|&user| user.to_owned()).unwrap_or_default();
    let conversation = timeline.seen_by(&user).to_string();
    (EntryItem { conversation, listed_after: 0, cleared_to: to }, user)
}

fn record(cx: &Context, tx: &mut Tx, timeline: &Timeline, erasure: &Erasure, to: u64) {
    let (item, user) = named(timeline, to);
    let removed = |store: &str, count, bytes| Removed { store: store.to_owned(), count, bytes };
    tx.record(&Entry {
        kind: Kind::Erase,
        time: cx.now(),
        actor: String::new(),
        user,
        instance: String::new(),
        items: vec![item],
        removed: vec![
            removed("messages", erasure.messages, erasure.bytes),
            removed("nonces", erasure.nonces, 0),
        ],
        note: String::new(),
    });
}
