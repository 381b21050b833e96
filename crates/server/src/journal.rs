//! The deletion journal outside the store: a copy that is shipped apart, so that a restored back-up can catch up with the
//! deletions that are newer than it. This is also where those who want to hear of a deletion after it will be told.

mod replay;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lethe_domain::deletions::Entry;
use lethe_store::EntryId;

pub(crate) use self::replay::replay;
use crate::handlers::deletions::described;

/// Where rows of the journal go once they are committed.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    file: Mutex<Shipping>,
}

#[derive(Debug, Default)]
struct Shipping {
    file: Option<File>,
    unsynced: bool,
    /// The last line may have no end.
    torn: bool,
}

impl Journal {
    /// Rows go to the end of this file from now on.
    pub(crate) fn ship_to(&self, path: &Path) -> std::io::Result<()> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let mut shipping = self.lock();
        // A line that a crash has torn stays one line.
        shipping.torn = file.metadata()?.len() > 0;
        shipping.file = Some(file);
        Ok(())
    }

    /// A row was committed. Called in the order of the log.
    pub(crate) fn recorded(&self, id: EntryId, entry: &Entry) {
        let mut shipping = self.lock();
        let begin = if std::mem::take(&mut shipping.torn) { "\n" } else { "" };
        let Some(file) = &mut shipping.file else { return };
        if let Err(error) = file.write_all(format!("{begin}{}\n", described(id, entry)).as_bytes()) {
            tracing::error!(%error, "the deletion journal cannot be shipped");
            shipping.torn = true;
        }
        shipping.unsynced = true;
    }

    /// Makes what was shipped durable. Called every second: a loss of power loses at most that much of the copy.
    pub(crate) fn sync(&self) {
        let mut shipping = self.lock();
        if !std::mem::take(&mut shipping.unsynced) {
            return;
        }
        if let Some(Err(error)) = shipping.file.as_ref().map(File::sync_data) {
            tracing::error!(%error, "the deletion journal cannot be made durable");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shipping> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
