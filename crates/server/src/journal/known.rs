//! How much of the journal's copy the store knows, so that a start does not read all of it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use lethe_store::{EntryId, JournalCopy, Locks};
use sha2::{Digest as _, Sha256};

use super::Journal;
use crate::context::Context;
use crate::failure::Result;

/// The end of the known part is compared by this many bytes: a copy that was joined from several, or is another one, has
/// others there.
const COMPARED: u64 = 64 * 1024;
/// Rows from this long before the copy's last one may be missing in it, in ms.
const OVERLAP: u64 = 120_000;
/// Rows of the store's journal read in one step.
const STEP: usize = 500;

/// The bytes of the file that the store knows; 0 when it is not the file that the store knew.
pub(super) fn known_bytes(file: &mut File, copy: &JournalCopy) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let same = copy.length <= length && digest(file, copy.length)? == copy.digest;
    Ok(if same { copy.length } else { 0 })
}

/// The digest of the bytes before `end`.
fn digest(file: &mut File, end: u64) -> std::io::Result<Vec<u8>> {
    let start = end.saturating_sub(COMPARED);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.by_ref().take(end - start).read_to_end(&mut bytes)?;
    Ok(Sha256::digest(&bytes).to_vec())
}

/// Notes that the store knows all that is in the copy now.
pub(crate) async fn know(cx: &Context, path: &Path) -> Result<()> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return Ok(()) };
    let Ok(digest) = digest(&mut file, length) else { return Ok(()) };
    let copy = JournalCopy { length, digest };
    if cx.store.begin(Locks::none()).await?.journal_copy().await? == copy {
        return Ok(());
    }
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    tx.put_journal_copy(&copy);
    Ok(tx.commit().await?)
}

/// Ships the rows of the store that the copy may lack: a crash, or a full disk until the stop, may have kept them from it.
/// Commits do not come in the order of names, and clocks of nodes differ: so rows from somewhat before the copy's last one
/// are shipped once more, and all when it has none.
pub(crate) async fn keep(cx: &Context, journal: &Journal, last: Option<EntryId>) -> Result<()> {
    let from = last.map_or(0, |last| last.time().saturating_sub(OVERLAP));
    let mut before = None;
    loop {
        let rows = cx.store.begin(Locks::none()).await?.journal(None, before, STEP).await?;
        before = rows.last().map(|(id, _)| *id);
        let (found, all) = (rows.len(), rows.iter().all(|(id, _)| id.time() >= from));
        for (id, entry) in rows.iter().rev().filter(|(id, _)| id.time() >= from) {
            journal.recorded(*id, entry);
        }
        if found < STEP || !all {
            return Ok(());
        }
    }
}
