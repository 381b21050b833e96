use lethe_store::{GivenBack, Locks, StoreError};

use crate::context::Context;
use crate::failure::{Failure, Result};

/// The engine gives space back once so many bytes were erased since it last did, or a tenth of the store,
const LEAST: u64 = 32 << 20;
/// and at the latest this long after the first of them, in ms.
const LATEST: u64 = 24 * 3600 * 1000;

/// After it could not, for want of space, it is tried again after this long, in ms.
const AGAIN: u64 = 3600 * 1000;

/// When the engine is told to give back the disk space of what was erased. What waits is kept in the store, so that a
/// restart forgets none of it.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    not_before: u64,
}

impl Compaction {
    pub(super) async fn run(&mut self, cx: &Context) -> Result<()> {
        if cx.store.is_shared() || cx.now() < self.not_before {
            // A database gives space back by its own means.
            return Ok(());
        }
        let erased = cx.store.totals().await?.erased_bytes;
        let mut given_back = cx.store.begin(Locks::none()).await?.given_back().await?;
        let waiting = erased.saturating_sub(given_back.bytes);
        if waiting == 0 {
            return Ok(());
        }
        if given_back.waiting_since == 0 {
            given_back.waiting_since = cx.now();
            note(cx, &given_back).await?;
        }
        let much = waiting >= LEAST.min(cx.store.disk_bytes() / 10).max(1 << 20);
        if much || cx.now() >= given_back.waiting_since.saturating_add(LATEST) {
            match compact(cx).await {
                Err(Failure::Store(error @ StoreError::Directory(_))) => {
                    tracing::warn!(%error, "what was erased is still on the disk");
                    self.not_before = cx.now() + AGAIN;
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

/// Has the engine rewrite its files without what was erased.
pub(crate) async fn compact(cx: &Context) -> Result<()> {
    let _working = cx.eraser.working.lock().await;
    let before = cx.store.disk_bytes();
    let bytes = cx.store.totals().await?.erased_bytes;
    cx.store.compact().await?;
    note(cx, &GivenBack { bytes, waiting_since: 0, time: cx.now() }).await?;
    tracing::info!(before, after = cx.store.disk_bytes(), "the store gave back what was erased");
    Ok(())
}

async fn note(cx: &Context, given_back: &GivenBack) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    tx.put_given_back(given_back);
    Ok(tx.commit().await?)
}
