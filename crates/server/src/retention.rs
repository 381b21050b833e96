//! Retention: messages are kept for as many days as the app or their group says. It moves the timeline's own floor, as a
//! deletion for everyone does: unread counts stay exact, and no conversation is lost.

use std::sync::atomic::Ordering;

use lethe_domain::conversations::Head;
use lethe_domain::deletions::{Entry, Kind};
use lethe_store::{Locks, Timeline, Tx};

use crate::context::Context;
use crate::eraser::named;
use crate::failure::Result;
use crate::handlers::deletions::tell_history_removed;

/// A day in ms.
const DAY: u64 = 24 * 3600 * 1000;
/// All timelines are looked at this often, in ms.
const EVERY: u64 = 3600 * 1000;
/// Timelines looked at in one turn of the eraser.
const STEP: usize = 512;

/// Where the walk over all timelines is.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    after: Option<Timeline>,
    /// Server time in ms when this walk began. The next one counts from here: what became too old during a walk, behind
    /// it, or when a clock leaps, does not wait an hour longer than that.
    began: u64,
    /// Server time in ms of the next walk.
    next: u64,
    /// The app's days when the last walk began: another number begins a new one.
    days: u32,
    /// The number of the app's newest change of a group's days.
    changes: u64,
}

impl Sweep {
    /// One turn of the walk.
    pub(crate) async fn run(&mut self, cx: &Context) -> Result<()> {
        let days = cx.settings().retention_days;
        let changes = cx.retention_changes.load(Ordering::Relaxed);
        if self.days != days || self.changes != changes {
            *self = Self { days, changes, ..Self::default() };
        }
        if cx.now() < self.next {
            return Ok(());
        }
        if self.after.is_none() {
            self.began = cx.now();
        }
        let timelines = cx.store.begin(Locks::none()).await?.timelines(self.after.as_ref(), STEP).await?;
        for (timeline, head) in &timelines {
            retain(cx, timeline, head, days).await?;
        }
        self.after =
            (timelines.len() == STEP).then(|| timelines.into_iter().next_back()).flatten().map(|(t, _)| t);
        if self.after.is_none() {
            self.next = self.began + EVERY;
        } else {
            cx.eraser.nudge();
        }
        Ok(())
    }
}

async fn retain(cx: &Context, timeline: &Timeline, head: &Head, days: u32) -> Result<()> {
    let tx = cx.store.begin(Locks::none()).await?;
    let days = match timeline {
        Timeline::Group(group_id) => {
            tx.group(group_id).await?.map(|group| group.retention_days).filter(|&own| own > 0).unwrap_or(days)
        }
        Timeline::Pair(..) | Timeline::System(_) => days,
    };
    if days == 0 {
        return Ok(());
    }
    let oldest = cx.now().saturating_sub(u64::from(days) * DAY);
    if last_before(&tx, timeline, head, oldest).await? <= head.floor.max(head.erased_to) {
        return Ok(());
    }
    drop(tx);
    let mut tx = cx.store.begin(Locks::none().timeline(timeline)).await?;
    let head = tx.head(timeline).await?;
    let seq = last_before(&tx, timeline, &head, oldest).await?;
    let now = cx.now();
    if !tx.raise_floor(timeline, seq, now, cx.grace()).await? {
        return Ok(());
    }
    let (item, user) = named(timeline, seq);
    tx.record(&Entry {
        kind: Kind::Retention,
        time: now,
        actor: String::new(),
        user,
        instance: String::new(),
        items: vec![item],
        removed: Vec::new(),
        note: format!("{days} days"),
    });
    tell_history_removed(&mut tx, timeline, "", seq, now);
    tx.commit().await?;
    Ok(())
}

/// The last message that is older than this time in ms, or the floor below which there are none. Times never fall within
/// a timeline, so that halving finds it.
async fn last_before(tx: &Tx, timeline: &Timeline, head: &Head, oldest: u64) -> Result<u64> {
    if head.time < oldest {
        return Ok(head.seq);
    }
    let (mut low, mut high) = (head.floor.max(head.erased_to), head.seq);
    // All up to `low` are older, `high` is not.
    while high - low > 1 {
        // The oldest one is looked at first: mostly nothing is over.
        let middle = if low == head.floor.max(head.erased_to) && high == head.seq {
            low + 1
        } else {
            low + (high - low) / 2
        };
        let older = match tx.message(timeline, middle).await? {
            Some(message) => message.time()? < oldest,
            None => true,
        };
        if older {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
