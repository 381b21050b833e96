use crate::context::Context;
use crate::failure::Result;

/// The engine gives space back once so many bytes were erased since it last did, or a tenth of the store,
const LEAST: u64 = 32 << 20;
/// and at the latest this long after the first of them, in ms.
const LATEST: u64 = 24 * 3600 * 1000;

/// When the engine is told to give back the disk space of what was erased.
#[derive(Debug, Default)]
pub(super) struct Compaction {
    /// Bytes erased by the last time, and when more began to wait.
    given_back: Option<u64>,
    waiting_since: Option<u64>,
}

impl Compaction {
    pub(super) async fn run(&mut self, cx: &Context) -> Result<()> {
        if cx.store.is_shared() {
            // A database gives space back by its own means.
            return Ok(());
        }
        let erased = cx.store.totals().await?.erased_bytes;
        let before = *self.given_back.get_or_insert(erased);
        let waiting = erased.saturating_sub(before);
        if waiting == 0 {
            return Ok(());
        }
        let since = *self.waiting_since.get_or_insert(cx.now());
        let much = waiting >= LEAST.min(cx.store.disk_bytes() / 10).max(1 << 20);
        if much || cx.now() >= since.saturating_add(LATEST) {
            compact(cx).await?;
            self.given_back = Some(erased);
            self.waiting_since = None;
        }
        Ok(())
    }
}

/// Has the engine rewrite its files without what was erased.
pub(crate) async fn compact(cx: &Context) -> Result<()> {
    let before = cx.store.disk_bytes();
    cx.store.compact().await?;
    cx.eraser.lock().compacted = cx.now();
    tracing::info!(before, after = cx.store.disk_bytes(), "the store gave back what was erased");
    Ok(())
}
