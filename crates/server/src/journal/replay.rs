//! Deletions that are newer than a back-up, applied again from the copy of the journal before anybody is served.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;

use lethe_domain::conversations::View;
use lethe_domain::deletions::{Entry, EntryItem, Hold, Kind, Removed};
use lethe_protocol::ConversationId;
use lethe_store::{EntryId, Held, Locks, StoreError, Timeline};
use serde::Deserialize;

use super::known::known_bytes;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::conversations::{begin, known, place};
use crate::handlers::deletions::{erase_account, own_since, remove_own_up_to};

/// So much of what is known already is read again, for the name of its newest row: more than the longest row has.
const TAIL: u64 = 256 * 1024;

/// A line of the copy, as [`crate::handlers::deletions::described`] writes it.
#[derive(Debug, Deserialize)]
struct Line {
    /// Whose it is; copies of older releases do not say.
    app: Option<u32>,
    entry: String,
    kind: String,
    time: u64,
    actor: String,
    user: String,
    device: String,
    items: Vec<Item>,
    removed: Vec<Row>,
    note: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    conversation: String,
    listed_after: u64,
    cleared_to: u64,
}

#[derive(Debug, Deserialize)]
struct Row {
    store: String,
    count: u64,
    bytes: u64,
}

impl Line {
    fn check_app(&self, cx: &Context, path: &Path) -> Result<()> {
        let own = cx.identity.sdk_app_id;
        match self.app.filter(|&app| app != own) {
            None => Ok(()),
            Some(app) => {
                let path = path.display();
                let message = format!("the deletion journal {path} is of SDKAppID {app}, and this is {own}");
                Err(StoreError::Directory(message).into())
            }
        }
    }

    fn row(self) -> Option<(EntryId, Entry)> {
        let line = self;
        let item = |item: Item| EntryItem {
            conversation: item.conversation,
            listed_after: item.listed_after,
            cleared_to: item.cleared_to,
        };
        let row = |row: Row| Removed { store: row.store, count: row.count, bytes: row.bytes };
        let entry = Entry {
            kind: Kind::named(&line.kind)?,
            time: line.time,
            actor: line.actor,
            user: line.user,
            instance: line.device,
            items: line.items.into_iter().map(item).collect(),
            removed: line.removed.into_iter().map(row).collect(),
            note: line.note,
        };
        Some((line.entry.parse().ok()?, entry))
    }
}

/// What a start found in the copy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replayed {
    /// Rows that the store did not know, and that are applied now.
    pub(crate) applied: u64,
    /// The copy's newest row.
    pub(crate) last: Option<EntryId>,
}

/// Applies every row of the copy that the store does not know.
pub(crate) async fn replay(cx: &Context, path: &Path) -> Result<Replayed> {
    let unreadable = |error: std::io::Error| {
        let message = format!("the deletion journal {} cannot be read: {error}", path.display());
        Failure::from(StoreError::Directory(message))
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Replayed::default()),
        Err(error) => return Err(unreadable(error)),
    };
    let copy = cx.store.begin(Locks::none()).await?.journal_copy().await?;
    let known = known_bytes(&mut file, &copy).map_err(unreadable)?;
    // The newest row is among the last ones that are known, if none came since.
    file.seek(SeekFrom::Start(known.saturating_sub(TAIL))).map_err(unreadable)?;
    let (mut file, mut at) = (BufReader::new(file), known.saturating_sub(TAIL));
    let (mut replayed, mut bytes) = (Replayed::default(), Vec::new());
    loop {
        bytes.clear();
        let read = file.read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if read == 0 {
            return Ok(replayed);
        }
        at += read as u64;
        // A line may be torn anywhere, even within a character: its row comes again.
        let Ok(line) = serde_json::from_slice::<Line>(&bytes) else { continue };
        line.check_app(cx, path)?;
        let Some((id, entry)) = line.row() else { continue };
        replayed.last = replayed.last.max(Some(id));
        if at > known && cx.store.begin(Locks::none()).await?.entry(id).await?.is_none() {
            apply(cx, id, &entry).await?;
            replayed.applied += 1;
        }
    }
}

async fn apply(cx: &Context, id: EntryId, entry: &Entry) -> Result<()> {
    let items = entry.items.iter();
    let named = items.filter_map(|item| Some((item, ConversationId::parse(&item.conversation).ok()?)));
    match entry.kind {
        Kind::Delete | Kind::Clear | Kind::Restore | Kind::Everyone => {
            for (item, conversation) in named {
                apply_one(cx, entry, item, &conversation).await?;
            }
        }
        Kind::Retention => {
            for (item, conversation) in named {
                let timeline = Timeline::of(&entry.user, &conversation);
                let mut tx = cx.store.begin(Locks::none().timeline(&timeline)).await?;
                tx.raise_floor(&timeline, item.cleared_to, cx.now(), cx.grace()).await?;
                tx.commit().await?;
            }
        }
        Kind::Hold | Kind::Release => apply_hold(cx, entry).await?,
        Kind::Account => match erase_account(cx, "replay", &entry.actor, &entry.user, Some(id)).await {
            // Its row is written with it.
            Ok(_) => return Ok(()),
            Err(Failure::Refused(_)) => {}
            Err(failure) => return Err(failure),
        },
        // What was erased is erased again by itself, and files are where they are.
        Kind::Erase | Kind::Export => {}
    }
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    tx.record_again(id, entry);
    tx.commit().await?;
    Ok(())
}

/// Floors reach at most to the end of the timeline: messages newer than the back-up are lost, and what is said next must
/// not be hidden in their place.
async fn apply_one(cx: &Context, entry: &Entry, item: &EntryItem, id: &ConversationId) -> Result<()> {
    let me = entry.user.as_str();
    let timeline = Timeline::of(me, id);
    let own = own_since(entry);
    if let Some(oldest) = own {
        remove_own_up_to(cx, me, id, item.cleared_to, oldest).await?;
    }
    let mut tx = begin(cx, me, id).await?;
    let Some(mut view) = known(&tx, me, id).await? else { return Ok(()) };
    if entry.kind == Kind::Everyone && own.is_none() {
        tx.raise_floor(&timeline, item.cleared_to, cx.now(), cx.grace()).await?;
    }
    let head = tx.head(&timeline).await?;
    let listed_after = place(&tx, me, id, &view, Some(item.listed_after)).await?;
    let cleared_to = place(&tx, me, id, &view, Some(item.cleared_to)).await?;
    match entry.kind {
        Kind::Restore => {
            let (listed_after, cleared_to) = (listed_after.seq, cleared_to.seq);
            let mut former = View::default();
            (former.listed_after, former.cleared_to) = (listed_after, cleared_to);
            let base = view.read_to.max(listed_after).max(cleared_to);
            view.restore(&former, tx.place(&timeline, &head, me, base).await?);
            tx.index(me, id).await?;
        }
        Kind::Clear => view.clear(cleared_to),
        _ => {
            view.clear(cleared_to);
            view.delete(listed_after, &head, false);
            if !view.listed(&head) && (view.left() || !matches!(id, ConversationId::Group(_))) {
                tx.unindex(me, id);
            }
        }
    }
    tx.remove_undo(me, id);
    tx.change_view(me, id, &mut view).await?;
    tx.queue_erasure(&timeline, cx.now() + cx.grace()).await?;
    tx.commit().await?;
    Ok(())
}

async fn apply_hold(cx: &Context, entry: &Entry) -> Result<()> {
    let group = entry.items.first().and_then(|item| ConversationId::parse(&item.conversation).ok());
    let held = match group {
        Some(ConversationId::Group(group)) => Held::Group(group),
        _ => Held::User(entry.user.clone()),
    };
    let hold = Hold { by: entry.actor.clone(), reason: entry.note.clone(), time: entry.time };
    let mut tx = cx.store.begin(Locks::none().app()).await?;
    tx.put_hold(&held, (entry.kind == Kind::Hold).then_some(&hold));
    tx.commit().await?;
    Ok(())
}
