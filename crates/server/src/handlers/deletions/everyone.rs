//! Deleting for everyone: a whole history by the timeline's own floor, or the caller's messages one by one.

use lethe_domain::deletions::{Everyone, is_within_window, may_delete_for_everyone};
use lethe_domain::groups::Actor;
use lethe_protocol::{
    Code, ConversationId, DeleteItem, Event, HistoryRemoved, Message, MessageAttributes, MessagesRemoved,
};
use lethe_store::{Direction, Locks, Timeline, Tx};
use serde_json::value::RawValue;

use super::Caller;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::handlers::messages::audience;

/// Messages looked at in one step; between two, others may write.
const STEP: usize = 256;

async fn right(cx: &Context, tx: &Tx, caller: &Caller, id: &ConversationId) -> Result<Everyone> {
    let actor = match id {
        ConversationId::Group(_) if caller.is_app() => Some(Actor::App),
        ConversationId::Group(group_id) => Some(Actor::of(tx.member(group_id, &caller.user).await?.as_ref())),
        ConversationId::User(_) | ConversationId::System => None,
    };
    Ok(may_delete_for_everyone(&cx.settings(), actor)?)
}

/// The users or the group of a timeline, as events name them.
fn whose(id: &ConversationId, me: &str) -> (Option<String>, Vec<String>) {
    match id {
        ConversationId::User(peer) => (None, vec![me.to_owned(), peer.clone()]),
        ConversationId::Group(group_id) => (Some(group_id.clone()), Vec::new()),
        ConversationId::System => (None, vec![me.to_owned()]),
    }
}

/// Hides the history up to `seq` from everyone, if the caller may delete all of it. Needs the timeline's lock.
pub(super) async fn remove_history(
    cx: &Context,
    tx: &mut Tx,
    caller: &Caller,
    id: &ConversationId,
    seq: u64,
) -> Result<()> {
    let me = caller.user.as_str();
    if right(cx, tx, caller, id).await? == Everyone::Own || *id == ConversationId::System {
        return Ok(());
    }
    let (timeline, now) = (Timeline::of(me, id), cx.now());
    let mut head = tx.head(&timeline).await?;
    let first = head.floor.max(head.erased_to);
    if let Some(oldest) = tx.messages(&timeline, first, seq, Direction::Forward, 1).await?.first() {
        is_within_window(&cx.settings(), oldest.time()?, now)?;
    }
    let count = match tx.message(&timeline, seq).await? {
        Some(message) => message.count,
        None => head.count,
    };
    if !head.raise_floor(seq, count, now) {
        return Ok(());
    }
    tx.put_head(&timeline, &head);
    let (group, users) = whose(id, me);
    let removed = HistoryRemoved { group, users, by: caller.actor.clone(), up_to: seq, time: now };
    tx.tell(audience(me, id), &Event::HistoryRemoved(removed));
    Ok(())
}

/// Leaves of the caller's own messages only that they were there, where that is all that may be deleted for everyone. It
/// is done in steps and before the conversation goes; doing it twice does nothing more.
pub(super) async fn remove_own_messages(cx: &Context, caller: &Caller, items: &[&DeleteItem]) -> Result<()> {
    for item in items {
        let (id, me) = (&item.conversation_id, caller.user.as_str());
        let tx = cx.store.begin(Locks::none()).await?;
        if right(cx, &tx, caller, id).await.ok() != Some(Everyone::Own) {
            continue;
        }
        let head = tx.head(&Timeline::of(me, id)).await?;
        drop(tx);
        let window = cx.settings().delete_for_everyone_window.saturating_mul(1000);
        let oldest = if window == 0 { 0 } else { cx.now().saturating_sub(window) };
        let mut to = item.anchor.unwrap_or(head.seq).min(head.seq);
        while let Some(next) = remove_step(cx, caller, id, to, oldest).await? {
            to = next;
        }
    }
    Ok(())
}

/// One step backwards from `to`: where the next one begins, or none.
async fn remove_step(
    cx: &Context,
    caller: &Caller,
    id: &ConversationId,
    to: u64,
    oldest: u64,
) -> Result<Option<u64>> {
    let me = caller.user.as_str();
    let timeline = Timeline::of(me, id);
    let mut tx = cx.store.begin(Locks::none().timeline(&timeline)).await?;
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
        if stored.from == me {
            let message = stored.message()?;
            if !message.removed {
                tx.replace_message(&timeline, &stored.with(&remains(message)?)?);
                seqs.push(stored.seq);
            }
        }
    }
    if !seqs.is_empty() {
        head.removed_time = cx.now();
        tx.put_head(&timeline, &head);
        seqs.reverse();
        let (group, users) = whose(id, me);
        let removed = MessagesRemoved { group, users, by: caller.actor.clone(), seqs };
        tx.tell(audience(me, id), &Event::MessagesRemoved(removed));
    }
    tx.commit().await?;
    Ok(next.filter(|&next| next > floor && step.len() == STEP))
}

/// What is left of a message: who sent it and when, and that it is gone.
fn remains(message: Message) -> Result<Message> {
    let attributes = MessageAttributes {
        no_unread: message.attributes.no_unread,
        no_last: message.attributes.no_last,
        ..MessageAttributes::default()
    };
    let body = RawValue::from_string("[]".to_owned())
        .map_err(|error| Failure::refuse(Code::INTERNAL, error.to_string()))?;
    Ok(Message { removed: true, body, attributes, ..message })
}
