//! The deletion journal outside the store: a copy that is shipped apart, so that a restored back-up can catch up with the
//! deletions that are newer than it. This is also where those who want to hear of a deletion after it will be told.

mod known;
mod replay;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use lethe_domain::deletions::Entry;
use lethe_store::EntryId;
use serde_json::{Value, json};

pub(crate) use self::known::{keep, know};
pub(crate) use self::replay::{Replayed, replay};
use crate::handlers::deletions::described;

/// What could not be written is tried again after this long, and with the next row.
const AGAIN: Duration = Duration::from_secs(1);

/// Where rows of the journal go once they are committed. A thread of its own writes and syncs: a slow disk holds up nobody
/// who deletes. What a crash keeps from the copy is in the store, and is shipped at the next start.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    shipping: Mutex<Option<Shipping>>,
}

#[derive(Debug)]
struct Shipping {
    app: u32,
    lines: Sender<String>,
    writer: JoinHandle<()>,
}

impl Journal {
    /// Rows of this app go to the end of this file from now on.
    pub(crate) fn ship_to(&self, path: &Path, app: u32) -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        // A line that a crash has torn stays one line.
        let torn = !ends_a_line(&mut file)?;
        let (lines, come) = channel();
        let writer = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(&file, torn, &come))?;
        *self.lock() = Some(Shipping { app, lines, writer });
        Ok(())
    }

    /// A row was committed. Called in the order of the log.
    pub(crate) fn recorded(&self, id: EntryId, entry: &Entry) {
        if let Some(shipping) = &*self.lock() {
            // The writer ends after this sender.
            let _ = shipping.lines.send(line(shipping.app, id, entry));
        }
    }

    /// Returns when all that was recorded is in the file, as far as its disk takes it. No more rows go there.
    pub(crate) fn close(&self) {
        let shipping = self.lock().take();
        if let Some(Shipping { lines, writer, .. }) = shipping {
            drop(lines);
            let _ = writer.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Shipping>> {
        self.shipping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(app: u32, id: EntryId, entry: &Entry) -> String {
    let mut line = described(id, entry);
    if let Value::Object(fields) = &mut line {
        fields.insert("app".to_owned(), json!(app));
    }
    format!("{line}\n")
}

fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Writes what comes, and syncs it: many rows that come together are one write and one sync.
fn write(file: &File, mut torn: bool, come: &Receiver<String>) {
    let (mut waiting, mut failing) = (String::new(), false);
    loop {
        let next = if waiting.is_empty() {
            come.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            come.recv_timeout(AGAIN)
        };
        let ended = matches!(next, Err(RecvTimeoutError::Disconnected));
        waiting.extend(next.into_iter().chain(come.try_iter()));
        if !waiting.is_empty() {
            match append(file, torn, &waiting) {
                Ok(()) => {
                    if failing {
                        tracing::info!(bytes = waiting.len(), "the deletion journal is shipped again");
                    }
                    waiting.clear();
                    (torn, failing) = (false, false);
                }
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the deletion journal cannot be shipped; it is tried again");
                    }
                    (torn, failing) = (true, true);
                }
            }
        }
        if ended {
            return;
        }
    }
}

fn append(mut file: &File, torn: bool, lines: &str) -> std::io::Result<()> {
    // Half of the lines may be there already: a row that is there twice is applied once.
    let begin = if torn { "\n" } else { "" };
    file.write_all(format!("{begin}{lines}").as_bytes())?;
    file.sync_data()
}
