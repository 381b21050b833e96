//! A conversation in a file, and then deleted: nothing is deleted before the file is durable.

use std::path::{Path, PathBuf};

use lethe_domain::deletions::{Entry, EntryItem, Kind};
use lethe_protocol::{Code, ConversationId, DeleteConversations, DeleteItem, DeleteOutcome};
use lethe_store::{Direction, EntryId, Locks, StoredMessage, Timeline};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::{Caller, delete};
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::conversations::{known, not_found};
use crate::patience::persistently;

/// Messages read in one step.
const STEP: usize = 500;

/// A conversation that was written into a file.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) file: PathBuf,
    /// In hexadecimal.
    pub(crate) sha256: String,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// What was deleted after it, if anything was asked to be.
    pub(crate) deleted: Option<DeleteOutcome>,
}

/// Writes what the user can read of a conversation into a new file, one JSON value per line: first what it is, then its
/// messages from the oldest. With `clear`, deletes it afterwards up to the last message written: with or without its
/// history.
pub(crate) async fn export(
    cx: &Context,
    caller: &Caller,
    id: &ConversationId,
    clear: Option<bool>,
) -> Result<Exported> {
    let (after, to) = persistently(cx, || readable(cx, caller, id)).await?;
    let name = EntryId::new(cx.now());
    let directory = cx.config.exports_directory();
    let (part, file) = (directory.join(format!("{name}.part")), directory.join(format!("{name}.jsonl")));
    let mut exported = match write(cx, caller, id, (after, to), &part).await {
        Ok(exported) => exported,
        Err(failure) => {
            let _ = fs::remove_file(&part).await;
            return Err(failure);
        }
    };
    if let Err(error) = publish(&part, &file).await {
        let _ = fs::remove_file(&part).await;
        return Err(cannot(&error));
    }
    exported.file = file;
    let row = EntryItem { conversation: id.to_string(), listed_after: 0, cleared_to: to };
    let mut entry = caller.entry(Kind::Export, cx.now(), vec![row]);
    entry.note = format!("sha256 {}", exported.sha256);
    persistently(cx, || record(cx, &entry)).await?;
    if let Some(clear_history) = clear {
        let items = vec![DeleteItem { conversation_id: id.clone(), anchor: Some(to) }];
        let request = DeleteConversations { items, clear_history, ..DeleteConversations::default() };
        exported.deleted = Some(persistently(cx, || delete(cx, caller, &request)).await?);
    }
    Ok(exported)
}

/// Above what and up to where the user can read.
async fn readable(cx: &Context, caller: &Caller, id: &ConversationId) -> Result<(u64, u64)> {
    let tx = cx.store.begin(Locks::none()).await?;
    let view = known(&tx, &caller.user, id).await?.ok_or_else(not_found)?;
    let head = tx.head(&Timeline::of(&caller.user, id)).await?;
    drop(tx);
    cx.store.settle().await?;
    Ok((view.floor(), view.head(&head)))
}

async fn record(cx: &Context, entry: &Entry) -> Result<()> {
    let mut tx = cx.store.begin(Locks::none().user(&entry.user)).await?;
    tx.record(entry);
    Ok(tx.commit().await?)
}

/// Removes what a crash left of exports that were never finished. Called before anybody is served.
pub(crate) fn sweep(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "part")
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "an unfinished export is left");
        }
    }
}

fn cannot(error: &dyn std::fmt::Display) -> Failure {
    let message = format!("the export cannot be written: {error}; nothing was deleted");
    Failure::refuse(Code::EXPORT_FAILED, message)
}

/// The name appears once all of it is on the disk.
async fn publish(part: &Path, file: &Path) -> std::io::Result<()> {
    fs::rename(part, file).await?;
    File::open(file.parent().unwrap_or(Path::new("."))).await?.sync_all().await
}

struct Sink {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Sink {
    async fn line(&mut self, text: &[u8]) -> std::io::Result<()> {
        for part in [text, b"\n"] {
            self.file.write_all(part).await?;
            self.hash.update(part);
            self.bytes += part.len() as u64;
        }
        Ok(())
    }
}

async fn write(
    cx: &Context,
    caller: &Caller,
    id: &ConversationId,
    (after, to): (u64, u64),
    part: &Path,
) -> Result<Exported> {
    fs::create_dir_all(part.parent().unwrap_or(Path::new("."))).await.map_err(|error| cannot(&error))?;
    let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(part).await;
    let file = file.map_err(|error| cannot(&error))?;
    let mut sink = Sink { file: BufWriter::new(file), hash: Sha256::new(), bytes: 0 };
    let directory = cx.config.exports_directory();
    cx.store.may_grow(&directory).map_err(|error| cannot(&error))?;
    let first = json!({
        "lethe": 1, "app": cx.identity.sdk_app_id, "user": caller.user, "conversation": id,
        "exportedAt": cx.now(), "after": after, "to": to,
    });
    sink.line(first.to_string().as_bytes()).await.map_err(|error| cannot(&error))?;
    let timeline = Timeline::of(&caller.user, id);
    let (mut at, mut messages) = (after, 0);
    while at < to {
        let step = persistently(cx, || read(cx, &timeline, (at, to))).await?;
        cx.store.may_grow(&directory).map_err(|error| cannot(&error))?;
        let Some(last) = step.last().map(|message| message.seq) else { break };
        at = last;
        messages += step.len() as u64;
        for message in &step {
            sink.line(message.json()).await.map_err(|error| cannot(&error))?;
        }
    }
    sink.file.flush().await.map_err(|error| cannot(&error))?;
    sink.file.get_ref().sync_all().await.map_err(|error| cannot(&error))?;
    let sha256 = sink.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Exported { file: part.to_owned(), sha256, messages, bytes: sink.bytes, deleted: None })
}

async fn read(cx: &Context, timeline: &Timeline, (after, to): (u64, u64)) -> Result<Vec<StoredMessage>> {
    let tx = cx.store.begin(Locks::none()).await?;
    Ok(tx.messages(timeline, after, to, Direction::Forward, STEP).await?)
}
