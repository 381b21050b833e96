//! `lethe erase`: erases what is due without serving anybody, gives back the disk, and checks that it is gone.

use std::fmt;

use lethe_store::{Direction, Locks};

use crate::config::Config;
use crate::context::Context;
use crate::eraser;
use crate::failure::Failure;
use crate::serve::{StartError, offline};

/// Timelines checked in one step.
const STEP: usize = 500;

/// What `lethe erase` did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Messages erased now.
    pub erased: u64,
    /// Timelines that still wait for their grace period or a hold.
    pub waiting: usize,
    /// Timelines in which something is erased, all checked; 0 when that was not asked for.
    pub verified: u64,
    /// Bytes of the store on the disk before and after.
    pub before: u64,
    /// See `before`.
    pub after: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "erased {} messages; {} timelines wait", self.erased, self.waiting)?;
        writeln!(f, "the store has {} bytes, {} before", self.after, self.before)?;
        if self.verified > 0 {
            writeln!(f, "verified {} timelines: no erased message is left", self.verified)?;
        }
        Ok(())
    }
}

/// Erases what is due in a store that nobody serves. With `verify`, the engine rewrites its files, and every timeline is
/// checked.
///
/// # Errors
/// See [`StartError`].
pub async fn erase(config: Config, verify: bool) -> Result<Report, StartError> {
    let (cx, _directory) = offline(config).await?;
    let outcome = work(&cx, verify).await;
    cx.store.close().await?;
    Ok(outcome?)
}

async fn work(cx: &Context, verify: bool) -> Result<Report, Failure> {
    let before = cx.store.disk_bytes();
    let erased = cx.store.totals().await?.erased;
    eraser::work_off(cx, &eraser::name(cx)).await?;
    let mut report = Report { before, ..Report::default() };
    report.erased = cx.store.totals().await?.erased - erased;
    report.waiting = cx.store.begin(Locks::none()).await?.count_erasures(usize::MAX / 2).await?;
    if verify {
        eraser::compact(cx).await?;
        report.verified = check(cx).await?;
    }
    report.after = cx.store.disk_bytes();
    Ok(report)
}

/// Looks for messages that should be gone.
async fn check(cx: &Context) -> Result<u64, Failure> {
    let (mut verified, mut after) = (0, None);
    loop {
        let tx = cx.store.begin(Locks::none()).await?;
        let timelines = tx.timelines(after.as_ref(), STEP).await?;
        for (timeline, head) in &timelines {
            if head.erased_to == 0 {
                continue;
            }
            let left = tx.messages(timeline, 0, head.erased_to, Direction::Forward, 1).await?;
            if let Some(message) = left.first() {
                let words = format!("message {} of {timeline:?} is still there", message.seq);
                return Err(lethe_store::StoreError::Damaged(words).into());
            }
            verified += 1;
        }
        if timelines.len() < STEP {
            return Ok(verified);
        }
        after = timelines.into_iter().next_back().map(|(timeline, _)| timeline);
    }
}
