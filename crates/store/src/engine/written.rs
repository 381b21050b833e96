use std::sync::atomic::{AtomicU64, Ordering};

/// Those who look after memtables and tables do so whenever so much was written, in bytes: what is smaller can wait.
const STEP: u64 = 1 << 20;

/// Bytes written since the start.
#[derive(Debug, Default)]
pub(super) struct Written(AtomicU64);

impl Written {
    /// So many more. Whether it is time to look.
    pub(super) fn add(&self, bytes: u64) -> bool {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        before / STEP != (before + bytes) / STEP
    }

    /// In all.
    pub(super) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_to_look_after_each_step() {
        let written = Written::default();
        assert_eq!(
            [STEP - 1, 1, STEP - 1, 1, 3 * STEP, 1].map(|bytes| written.add(bytes)),
            [false, true, false, true, true, false]
        );
        assert_eq!(written.total(), 5 * STEP + 1);
    }
}
