//! Deleting for everyone: a whole history by the timeline's own floor, or the caller's messages one by one.

use std::collections::HashSet;

use lethe_domain::deletions::{Entry, Everyone, Kind, is_within_window, may_delete_for_everyone};
use lethe_domain::groups::Actor;
use lethe_protocol::{Code, ConversationId, DeleteForEveryone, DeleteItem, Message, MessageAttributes};
use lethe_store::{Direction, Locks, Timeline, Tx};
use serde_json::value::RawValue;

use super::Caller;
use super::events::{tell_history_removed, tell_messages_removed};
use crate::context::Context;
use crate::eraser::held;
use crate::failure::{Failure, Result};

/// Messages looked at in one step; between two, others may write.
const STEP: usize = 256;

pub(super) async fn right(cx: &Context, tx: &Tx, caller: &Caller, id: &ConversationId) -> Result<Everyone> {
    let actor = match id {
        ConversationId::Group(_) if caller.is_app() => Some(Actor::App),
        ConversationId::Group(group_id) => Some(Actor::of(tx.member(group_id, &caller.user).await?.as_ref())),
        ConversationId::User(_) | ConversationId::System => None,
    };
    Ok(may_delete_for_everyone(&cx.settings(), actor)?)
}

pub(super) fn under_hold() -> Failure {
    Failure::refuse(Code::HELD, "a hold protects these messages")
}

/// Hides the history up to `seq` from everyone, if the caller may delete all of it: whether there was anything to hide.
/// Needs the timeline's lock.
pub(super) async fn remove_history(
    cx: &Context,
    tx: &mut Tx,
    caller: &Caller,
    id: &ConversationId,
    seq: u64,
) -> Result<bool> {
    let me = caller.user.as_str();
    let (timeline, now) = (Timeline::of(me, id), cx.now());
    if right(cx, tx, caller, id).await? == Everyone::Own {
        // Own messages are overwritten at once: a hold forbids it, and they were left as they are.
        return if held(tx, &timeline).await? { Err(under_hold()) } else { Ok(false) };
    }
    if *id == ConversationId::System {
        return Ok(false);
    }
    may_go(cx, tx, &timeline, seq).await?;
    let moved = tx.raise_floor(&timeline, seq, now, cx.grace()).await?;
    if moved {
        tell_history_removed(tx, &timeline, &caller.actor, seq, now);
    }
    Ok(moved)
}

/// A history goes for everyone only whole: its oldest message decides whether it is young enough.
pub(super) async fn may_go(cx: &Context, tx: &Tx, timeline: &Timeline, seq: u64) -> Result<()> {
    let head = tx.head(timeline).await?;
    let first = head.floor.max(head.erased_to);
    if let Some(oldest) = tx.messages(timeline, first, seq, Direction::Forward, 1).await?.first() {
        is_within_window(&cx.settings(), oldest.time()?, cx.now())?;
    }
    Ok(())
}

/// Leaves of the caller's own messages only that they were there, where that is all that may be deleted for everyone:
/// the conversations in which there were any. It is done in steps and before the conversation goes; doing it twice does
/// nothing more.
pub(super) async fn remove_own_messages(
    cx: &Context,
    caller: &Caller,
    items: &[&DeleteItem],
) -> Result<HashSet<ConversationId>> {
    let mut changed = HashSet::new();
    for item in items {
        let (id, me) = (&item.conversation_id, caller.user.as_str());
        let tx = cx.store.begin(Locks::none()).await?;
        let own = right(cx, &tx, caller, id).await.ok() == Some(Everyone::Own);
        if !own || held(&tx, &Timeline::of(me, id)).await? {
            continue;
        }
        let head = tx.head(&Timeline::of(me, id)).await?;
        drop(tx);
        let to = item.anchor.unwrap_or(head.seq).min(head.seq);
        if remove_own_up_to(cx, me, id, to, oldest(cx)).await? > 0 {
            changed.insert(id.clone());
        }
    }
    Ok(changed)
}

/// Server time in ms of the oldest message that may be deleted for everyone now.
pub(super) fn oldest(cx: &Context) -> u64 {
    match cx.settings().delete_for_everyone_window.saturating_mul(1000) {
        0 => 0,
        window => cx.now().saturating_sub(window),
    }
}

/// What the journal notes of a deletion for everyone, where only own messages go.
const OWN_SINCE: &str = "own messages since ";

/// The note of a deletion for everyone as the app allows it now.
pub(super) fn note(cx: &Context) -> String {
    match cx.settings().delete_for_everyone {
        DeleteForEveryone::OwnMessages => format!("{OWN_SINCE}{}", oldest(cx)),
        DeleteForEveryone::Off | DeleteForEveryone::All => String::new(),
    }
}

/// Server time in ms of the oldest of the own messages that a row of the journal says were deleted for everyone.
pub(crate) fn own_since(entry: &Entry) -> Option<u64> {
    entry.note.strip_prefix(OWN_SINCE).filter(|_| entry.kind == Kind::Everyone)?.parse().ok()
}

/// Leaves of the messages of `me` up to `to`, and not older than `oldest` in ms, only that they were there: of how many.
pub(crate) async fn remove_own_up_to(
    cx: &Context,
    me: &str,
    id: &ConversationId,
    to: u64,
    oldest: u64,
) -> Result<usize> {
    let (mut next, mut removed) = (Some(to), 0);
    while let Some(to) = next {
        let step = remove_step(cx, me, id, to, oldest).await?;
        (next, removed) = (step.0, removed + step.1);
    }
    Ok(removed)
}

/// One step backwards from `to`: where the next one begins, if there is one, and how many messages it took.
async fn remove_step(
    cx: &Context,
    me: &str,
    id: &ConversationId,
    to: u64,
    oldest: u64,
) -> Result<(Option<u64>, usize)> {
    let timeline = Timeline::of(me, id);
    let mut tx = cx.store.begin(Locks::none().timeline(&timeline)).await?;
    if held(&tx, &timeline).await? {
        // One that was set meanwhile stops it here.
        return Ok((None, 0));
    }
    let mut head = tx.head(&timeline).await?;
    let floor = head.floor.max(head.erased_to);
    let step = tx.messages(&timeline, floor, to, Direction::Backward, STEP).await?;
    let (mut seqs, mut next) = (Vec::new(), None);
    for stored in &step {
        if stored.time()? < oldest {
            next = None;
            break;
        }
        next = Some(stored.seq - 1);
        if stored.from() == me.as_bytes() {
            let message = stored.message()?;
            if !message.removed {
                tx.replace_message(&timeline, &stored.with(&remains(message)?));
                seqs.push(stored.seq);
            }
        }
    }
    let removed = seqs.len();
    if removed > 0 {
        head.removed_time = cx.now();
        tx.put_head(&timeline, &head);
        seqs.reverse();
        tell_messages_removed(&mut tx, &timeline, me, seqs);
    }
    tx.commit().await?;
    Ok((next.filter(|&next| next > floor && step.len() == STEP), removed))
}

/// What is left of a message: who sent it and when, and that it is gone.
pub(super) fn remains(message: Message) -> Result<Message> {
    let attributes = MessageAttributes {
        no_unread: message.attributes.no_unread,
        no_last: message.attributes.no_last,
        ..MessageAttributes::default()
    };
    let body = RawValue::from_string("[]".to_owned())
        .map_err(|error| Failure::refuse(Code::INTERNAL, error.to_string()))?;
    Ok(Message { removed: true, body, attributes, ..message })
}
