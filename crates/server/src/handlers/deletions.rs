//! Deleting, clearing, and taking it back. Every change writes one row into the journal, in the same transaction.

mod account;
mod events;
mod everyone;
mod export;
mod holds;
mod preview;
mod receipts;

use std::collections::HashSet;

use lethe_domain::conversations::{Head, Place, View, may_pin, may_take_list};
use lethe_domain::deletions::{Entry, EntryItem, KEY_TIME, Kind, Undo, may_restore, may_use_key};
use lethe_protocol::{
    ClearHistory, ClearOutcome, Code, ConversationId, ConversationsDeleted, DeleteConversations, DeleteItem,
    DeleteOutcome, DeletedConversation, DeletionScope, Event, FailedConversation,
};
use lethe_store::{Audience, Keyed, Locks, Timeline, Tx};

pub(crate) use self::account::{erase_account, resume_erasures};
pub(crate) use self::events::tell_history_removed;
pub(crate) use self::everyone::{own_since, remove_own_up_to};
pub(crate) use self::export::{export, sweep};
pub(crate) use self::holds::{hold, holds, release};
pub(crate) use self::preview::preview;
pub(crate) use self::receipts::{described, eraser, journal, receipt};
use super::conversations::{begin, begin_all, change, count_pinned, describe, known, not_found, place};
use crate::context::Context;
use crate::dispatch::Session;
use crate::failure::{Failure, Result};

/// Who deletes, and for whom.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Whose view changes.
    pub(crate) user: String,
    /// Who asked: the user, or an administrator over REST.
    pub(crate) actor: String,
    /// The client; empty over REST.
    pub(crate) instance: String,
}

impl Caller {
    pub(crate) fn client(session: &Session) -> Self {
        Self {
            user: session.user_id.clone(),
            actor: session.user_id.clone(),
            instance: session.instance.clone(),
        }
    }

    pub(crate) fn administrator(actor: &str, user: &str) -> Self {
        Self { user: user.to_owned(), actor: actor.to_owned(), instance: String::new() }
    }

    /// The app itself asked, not the user.
    fn is_app(&self) -> bool {
        self.actor != self.user
    }

    fn entry(&self, kind: Kind, now: u64, items: Vec<EntryItem>) -> Entry {
        Entry {
            kind,
            time: now,
            actor: self.actor.clone(),
            user: self.user.clone(),
            instance: self.instance.clone(),
            items,
            removed: Vec::new(),
            note: String::new(),
        }
    }
}

fn item(id: &ConversationId, view: &View) -> EntryItem {
    EntryItem { conversation: id.to_string(), listed_after: view.listed_after, cleared_to: view.cleared_to }
}

/// `conversations.delete`: one transaction, one event, one row in the journal. Without the setting, or for this client
/// only, the user's other clients hear nothing.
pub(crate) async fn delete(
    cx: &Context,
    caller: &Caller,
    request: &DeleteConversations,
) -> Result<DeleteOutcome> {
    may_take_list(request.items.len())?;
    if let Some(key) = &request.key {
        may_use_key(key)?;
    }
    let items = unique(&request.items);
    let mut own = HashSet::new();
    if request.scope == DeletionScope::Everyone {
        let tx = cx.store.begin(Locks::none()).await?;
        if let Some(answered) = answered(cx, &tx, caller, request).await? {
            return Ok(answered);
        }
        own = everyone::remove_own_messages(cx, caller, &items).await?;
    }
    let mut tx = begin_all(cx, &caller.user, items.iter().map(|item| &item.conversation_id)).await?;
    if let Some(answered) = answered(cx, &tx, caller, request).await? {
        tx.commit().await?;
        return Ok(answered);
    }
    let mut outcome = DeleteOutcome::default();
    let (mut conversations, mut rows) = (Vec::new(), Vec::new());
    let mut restorable_until = if request.scope == DeletionScope::Me { u64::MAX } else { 0 };
    for one in items {
        let conversation_id = one.conversation_id.clone();
        match delete_one(cx, &mut tx, caller, one, request).await {
            Ok(Deleted { conversation, row, changed, undoable_until }) => {
                conversations.push(conversation);
                rows.extend((changed || own.contains(&conversation_id)).then_some(row));
                restorable_until = restorable_until.min(undoable_until);
                outcome.deleted.push(conversation_id);
            }
            Err(Failure::Refused(error)) => {
                outcome.failed.push(FailedConversation { conversation_id, error });
            }
            Err(failure) => return Err(failure),
        }
    }
    outcome.entry = record(cx, &mut tx, caller, request.scope, rows);
    if !outcome.deleted.is_empty() {
        outcome.restorable_until = restorable_until;
    }
    if !conversations.is_empty() {
        tx.count_deletions(conversations.len());
        let event = Event::ConversationsDeleted(ConversationsDeleted { conversations });
        tx.tell(audience(cx, caller, request.local_only), &event);
    }
    remember(cx, &mut tx, caller, request, &outcome)?;
    tx.commit().await?;
    if cx.grace() == 0 {
        cx.eraser.nudge();
    }
    Ok(outcome)
}

/// One row of the journal for all that changed: its name.
fn record(
    cx: &Context,
    tx: &mut Tx,
    caller: &Caller,
    scope: DeletionScope,
    rows: Vec<EntryItem>,
) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let kind = if scope == DeletionScope::Everyone { Kind::Everyone } else { Kind::Delete };
    let mut entry = caller.entry(kind, cx.now(), rows);
    if kind == Kind::Everyone {
        entry.note = everyone::note(cx);
    }
    Some(tx.record(&entry).to_string())
}

/// Who hears of a deletion: all of the user's clients when deletions are synchronised, otherwise the one that deleted.
fn audience(cx: &Context, caller: &Caller, local_only: bool) -> Audience {
    if cx.settings().sync_conversation_deletion && !local_only {
        return Audience::Users(vec![caller.user.clone()]);
    }
    Audience::Client { user_id: caller.user.clone(), instance: caller.instance.clone() }
}

/// The same conversation twice is the same once: the first mention counts.
fn unique(items: &[DeleteItem]) -> Vec<&DeleteItem> {
    let mut seen = HashSet::new();
    items.iter().filter(|item| seen.insert(&item.conversation_id)).collect()
}

/// The answer that an earlier call with the same key got.
async fn answered(
    cx: &Context,
    tx: &Tx,
    caller: &Caller,
    request: &DeleteConversations,
) -> Result<Option<DeleteOutcome>> {
    let Some(key) = &request.key else { return Ok(None) };
    let Some(keyed) = tx.keyed(&caller.user, key).await? else { return Ok(None) };
    if keyed.time + KEY_TIME <= cx.now() {
        return Ok(None);
    }
    let damaged = |_| Failure::refuse(Code::KEY_REUSED, "the answer to this key cannot be read any more");
    let earlier: DeleteConversations = serde_json::from_str(&keyed.request).map_err(damaged)?;
    if earlier != *request {
        return Err(Failure::refuse(Code::KEY_REUSED, "this idempotency key was used for another request"));
    }
    Ok(Some(serde_json::from_str(&keyed.answer).map_err(damaged)?))
}

fn remember(
    cx: &Context,
    tx: &mut Tx,
    caller: &Caller,
    request: &DeleteConversations,
    outcome: &DeleteOutcome,
) -> Result<()> {
    let Some(key) = &request.key else { return Ok(()) };
    let json = |error: serde_json::Error| Failure::refuse(Code::INTERNAL, error.to_string());
    let keyed = Keyed {
        request: serde_json::to_string(request).map_err(json)?,
        answer: serde_json::to_string(outcome).map_err(json)?,
        time: cx.now(),
    };
    tx.put_keyed(&caller.user, key, &keyed);
    Ok(())
}

/// What a deletion did to one conversation.
struct Deleted {
    conversation: DeletedConversation,
    row: EntryItem,
    /// It was not so already.
    changed: bool,
    /// Server time in ms until which it can be given back; 0 if it cannot.
    undoable_until: u64,
}

async fn delete_one(
    cx: &Context,
    tx: &mut Tx,
    caller: &Caller,
    item_asked: &DeleteItem,
    request: &DeleteConversations,
) -> Result<Deleted> {
    let (me, id) = (caller.user.as_str(), &item_asked.conversation_id);
    let timeline = Timeline::of(me, id);
    let former = known(tx, me, id).await?.ok_or_else(not_found)?;
    let mut view = former.clone();
    let place = place(tx, me, id, &view, item_asked.anchor).await?;
    let everyone = request.scope == DeletionScope::Everyone;
    let hidden = everyone && everyone::remove_history(cx, tx, caller, id, place.seq).await?;
    let head = tx.head(&timeline).await?;
    view.delete(place, &head, request.clear_history);
    let changed = view != former || hidden;
    caller.instance.clone_into(&mut view.deleted_by);
    // What all were told already stays told.
    view.deleted_locally = request.local_only && (former.listed(&head) || former.deleted_locally);
    let indexed = tx.is_indexed(me, id).await?;
    let undoable_until = keep(cx, tx, me, id, Taken { former, head, indexed, changed, everyone }).await?;
    tx.change_view(me, id, &mut view).await?;
    let listed = view.listed(&head);
    let member = matches!(id, ConversationId::Group(_)) && !view.left();
    if !listed && !member {
        tx.unindex(me, id);
    }
    let mut row = item(id, &view);
    if everyone {
        // What went for everyone is up to here, whatever the caller had cleared or keeps.
        row.cleared_to = place.seq;
    }
    let conversation = describe(tx, me, id, view, head).await?.into_tombstone();
    Ok(Deleted { conversation, row, changed, undoable_until })
}

/// What a deletion or clearing is about to take.
struct Taken {
    former: View,
    head: Head,
    indexed: bool,
    changed: bool,
    everyone: bool,
}

/// Keeps what is taken for as long as it can be given back, and has the eraser look at the timeline after that. The server
/// time in ms until which it can be given back; 0 if it cannot. A repeat prolongs nothing.
async fn keep(cx: &Context, tx: &mut Tx, me: &str, id: &ConversationId, taken: Taken) -> Result<u64> {
    let (now, grace) = (cx.now(), cx.grace());
    let waiting = tx.undo(me, id).await?.filter(|undo| now < undo.until(grace));
    if !taken.changed {
        return Ok(waiting.filter(|undo| !undo.everyone).map_or(0, |undo| undo.until(grace)));
    }
    tx.queue_erasure(&Timeline::of(me, id), now + grace).await?;
    if grace == 0 {
        tx.remove_undo(me, id);
        return Ok(0);
    }
    let undo = match waiting {
        // What is deleted already is deleted once more: taking it back gives what was there before both.
        Some(waiting) if !taken.former.listed(&taken.head) && !taken.everyone => {
            Undo { time: now, ..waiting }
        }
        _ => Undo {
            time: now,
            former: taken.former,
            head: taken.head.seq,
            indexed: taken.indexed,
            everyone: taken.everyone,
        },
    };
    tx.put_undo(me, id, &undo);
    Ok(if undo.everyone { 0 } else { undo.until(grace) })
}

/// `conversations.clear`.
pub(crate) async fn clear(cx: &Context, caller: &Caller, request: &ClearHistory) -> Result<ClearOutcome> {
    let (me, id) = (caller.user.as_str(), &request.conversation_id);
    let mut tx = begin(cx, me, id).await?;
    let former = known(&tx, me, id).await?.ok_or_else(not_found)?;
    let mut view = former.clone();
    let place = place(&tx, me, id, &view, request.up_to).await?;
    view.clear(place);
    let changed = view != former;
    let head = tx.head(&Timeline::of(me, id)).await?;
    let indexed = tx.is_indexed(me, id).await?;
    let taken = Taken { former, head, indexed, changed, everyone: false };
    let restorable_until = keep(cx, &mut tx, me, id, taken).await?;
    let row = changed.then(|| caller.entry(Kind::Clear, cx.now(), vec![item(id, &view)]));
    let entry = row.map(|row| tx.record(&row).to_string());
    change(&mut tx, me, id, view).await?;
    tx.commit().await?;
    if cx.grace() == 0 {
        cx.eraser.nudge();
    }
    Ok(ClearOutcome { entry, restorable_until })
}

/// `conversations.restore`.
pub(crate) async fn restore(cx: &Context, caller: &Caller, id: &ConversationId) -> Result<()> {
    let me = caller.user.as_str();
    let timeline = Timeline::of(me, id);
    let mut tx = begin(cx, me, id).await?;
    let mut view = known(&tx, me, id).await?.ok_or_else(not_found)?;
    let undo = tx.undo(me, id).await?;
    may_restore(undo.as_ref(), cx.grace(), cx.now())?;
    let Some(undo) = undo else { return Err(not_found().into()) };
    let head = tx.head(&timeline).await?;
    let base = base_after(&tx, me, id, &view, &undo, &head).await?;
    let was_pinned = view.pinned;
    view.restore(&undo.former, base);
    if view.pinned && !was_pinned && may_pin(count_pinned(&tx, me).await?).is_err() {
        // Others were pinned since: the place is taken, the conversation comes back without.
        view.pinned = false;
    }
    view.deleted_by.clone_from(&undo.former.deleted_by);
    view.deleted_locally = undo.former.deleted_locally;
    if undo.indexed || view.listed(&head) {
        tx.index(me, id).await?;
    }
    tx.remove_undo(me, id);
    tx.reconsider_erasure(&timeline).await?;
    tx.record(&caller.entry(Kind::Restore, cx.now(), vec![item(id, &view)]));
    tx.put_view(me, id, &view);
    // Read again, because what is hidden from everyone does not come back.
    let view = tx.view_at(me, id, &head).await?.unwrap_or(view);
    change(&mut tx, me, id, view).await?;
    tx.commit().await?;
    Ok(())
}

/// Where unread messages are counted from after a restore: as before, unless the user has read on since.
async fn base_after(
    tx: &Tx,
    me: &str,
    id: &ConversationId,
    view: &View,
    undo: &Undo,
    head: &Head,
) -> Result<Place> {
    let (timeline, former) = (Timeline::of(me, id), &undo.former);
    if view.left() {
        return Ok(Place { seq: former.base, count: former.base_count, own_above: former.own });
    }
    let later = view.read_to.max(view.joined_after);
    if later > former.base {
        return Ok(tx.place(&timeline, head, me, later).await?);
    }
    let since = tx.own_above(&timeline, me, undo.head, head.seq).await?;
    Ok(Place { seq: former.base, count: former.base_count, own_above: former.own + since })
}
