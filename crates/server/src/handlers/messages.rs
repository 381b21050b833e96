use std::ops::Range;
use std::sync::Arc;

use lethe_domain::groups::{Actor, may_write};
use lethe_domain::messages::may_send;
use lethe_protocol::{
    Code, ConversationId, GetHistory, HISTORY_MAX, Message, MessageAttributes, SendMessage, Sent,
};
use lethe_store::{
    Audience, Direction, Locks, Need, NewMessage, Nonce, StoreError, StoredMessage, Timeline, Tx,
};
use serde_json::value::RawValue;

use super::conversations::not_found;
use crate::context::Context;
use crate::failure::{Failure, Result};

/// A page of history ends before this many bytes, but has at least one message.
const PAGE_BYTES: usize = 512 * 1024;

/// A message on its way, from a client or over REST.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) client_time: u32,
    pub(crate) random: u32,
    pub(crate) body: Box<RawValue>,
    pub(crate) attributes: MessageAttributes,
}

/// What a message was answered, and its ID.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) sent: Sent,
    pub(crate) id: String,
}

/// `messages.send`.
pub(crate) async fn send(cx: &Context, me: &str, request: SendMessage) -> Result<Sent> {
    let SendMessage { conversation_id, client_time, random, body, attributes, online_only } = request;
    let outgoing = Outgoing { client_time, random, body, attributes };
    if online_only {
        return Ok(relay(cx, me, false, &conversation_id, outgoing).await?.sent);
    }
    Ok(deliver(cx, me, false, &conversation_id, outgoing).await?.sent)
}

/// Stores a message and tells both sides. With `as_app` the app's own right is enough to write to a group.
pub(crate) async fn deliver(
    cx: &Context,
    me: &str,
    as_app: bool,
    to: &ConversationId,
    outgoing: Outgoing,
) -> Result<Delivered> {
    may_send(outgoing.body.get(), &outgoing.attributes)?;
    let timeline = Timeline::of(me, to);
    let (client_time, random) = (outgoing.client_time, outgoing.random);
    let nonce = Nonce::of(&timeline, me, client_time, random);
    let need = || {
        let need = addressing(me, to).nonce(&nonce).head(&timeline);
        match to {
            ConversationId::User(peer) => {
                need.view(me, to).listed(me, to).listed(peer, &ConversationId::User(me.to_owned()))
            }
            ConversationId::Group(_) | ConversationId::System => need.view(me, to),
        }
    };
    let mut tx = cx.store.begin_with(Locks::none().timeline(&timeline), need).await?;
    // First of all: what was answered once is answered so again, whatever has changed since.
    if let Some((seq, time)) = tx.sent_before(&nonce).await? {
        let tiny_id = tx.account(me).await?.unwrap_or_default().tiny_id;
        tx.commit().await?;
        return Ok(Delivered { sent: Sent { seq, time }, id: message_id(tiny_id, client_time, random) });
    }
    let message = address(cx, &tx, me, as_app, to, outgoing).await?;
    let id = message.id.clone();
    // Before the message is there, so that it is not counted twice. The app may write to a group in the name of somebody
    // who never joined it, and who gets no view by that.
    let mut head = tx.head(&timeline).await?;
    let view = tx.view_or_default(me, to, &head).await?;
    let stored = tx.append_at(&timeline, &mut head, message);
    // Time never goes back within a timeline, whatever the clock does.
    let time = head.time;
    tx.remember_sent(nonce, stored.seq, time);
    if let Some(mut view) = view.filter(|view| stored.countable() && !view.left()) {
        view.count_own();
        tx.put_view(me, to, &view);
    }
    index_both(&mut tx, me, to).await?;
    tx.publish(stored.publication(audience(me, to))?);
    tx.commit().await?;
    Ok(Delivered { sent: Sent { seq: stored.seq, time }, id })
}

/// Tells those who are online, and stores nothing.
pub(crate) async fn relay(
    cx: &Context,
    me: &str,
    as_app: bool,
    to: &ConversationId,
    outgoing: Outgoing,
) -> Result<Delivered> {
    may_send(outgoing.body.get(), &outgoing.attributes)?;
    let tx = cx.store.begin_with(Locks::none(), || addressing(me, to)).await?;
    let message = address(cx, &tx, me, as_app, to, outgoing).await?;
    let (peer, group) = match to {
        ConversationId::User(peer) => (Some(peer.clone()), None),
        ConversationId::Group(group) => (None, Some(group.clone())),
        ConversationId::System => (None, None),
    };
    let (id, time) = (message.id.clone(), message.time);
    let message = Message {
        seq: 0,
        time,
        id: message.id,
        from: message.from,
        to: peer,
        group,
        removed: false,
        body: message.body,
        attributes: message.attributes,
        nick: message.nick,
        avatar: message.avatar,
    };
    cx.hub.relay(&audience(me, to), &lethe_protocol::message_event(&message.json()));
    Ok(Delivered { sent: Sent { seq: 0, time }, id })
}

/// What addressing a message reads.
fn addressing(me: &str, to: &ConversationId) -> Need {
    let need = Need::new().account(me);
    match to {
        ConversationId::User(peer) => need.account(peer),
        ConversationId::Group(group_id) => need.group(group_id).member(group_id, me),
        ConversationId::System => need,
    }
}

/// Checks that `me` may write there, and puts the sender's name on the message.
async fn address(
    cx: &Context,
    tx: &Tx,
    me: &str,
    as_app: bool,
    to: &ConversationId,
    outgoing: Outgoing,
) -> Result<NewMessage> {
    let unknown = |who: &str| Failure::refuse(Code::UNKNOWN_ACCOUNT, format!("there is no account {who:?}"));
    let sender = tx.account(me).await?.ok_or_else(|| unknown(me))?;
    match to {
        ConversationId::System => {
            return Err(Failure::refuse(Code::SYSTEM_IS_READ_ONLY, "one cannot write to the system"));
        }
        ConversationId::User(peer) => {
            if !tx.has_account(peer).await? {
                return Err(unknown(peer));
            }
        }
        ConversationId::Group(group_id) => {
            let group = tx.group(group_id).await?.ok_or_else(lethe_domain::groups::gone)?;
            let member = tx.member(group_id, me).await?;
            let actor = if as_app { Actor::App } else { Actor::of(member.as_ref()) };
            may_write(&group, actor, member.map_or(0, |member| member.mute_until), cx.now_seconds())?;
        }
    }
    Ok(NewMessage {
        id: message_id(sender.tiny_id, outgoing.client_time, outgoing.random),
        from: me.to_owned(),
        body: outgoing.body,
        attributes: outgoing.attributes,
        nick: sender.nick,
        avatar: sender.avatar,
        time: cx.now(),
    })
}

fn message_id(tiny_id: u64, client_time: u32, random: u32) -> String {
    format!("{tiny_id}-{client_time}-{random}")
}

/// Lets a one-to-one conversation stand in both lists. A group stands in its members' lists since they joined.
async fn index_both(tx: &mut Tx, me: &str, to: &ConversationId) -> Result<()> {
    if let ConversationId::User(peer) = to {
        tx.index(me, to).await?;
        tx.index(peer, &ConversationId::User(me.to_owned())).await?;
    }
    Ok(())
}

pub(crate) fn audience(me: &str, to: &ConversationId) -> Audience {
    match to {
        ConversationId::User(peer) if peer == me => Audience::Users(vec![me.to_owned()]),
        ConversationId::User(peer) => Audience::Users(vec![me.to_owned(), peer.clone()]),
        ConversationId::Group(group) => Audience::Group(group.clone()),
        ConversationId::System => Audience::Users(Vec::new()),
    }
}

/// `messages.history`.
pub(crate) async fn history(cx: &Context, me: &str, request: &GetHistory) -> Result<Page> {
    if !(1..=HISTORY_MAX).contains(&request.limit) {
        let message = format!("a page has 1 to {HISTORY_MAX} messages, not {}", request.limit);
        return Err(Failure::refuse(Code::MALFORMED_REQUEST, message));
    }
    let timeline = Timeline::of(me, &request.conversation_id);
    let need = || Need::new().view(me, &request.conversation_id).head(&timeline);
    let snapshot = cx.store.snapshot(need).await?;
    // Many read one conversation at once, and those who wait for its lock cost more than the page.
    let tx = snapshot.under(Locks::none()).await?;
    let mut page = read_page(&tx, me, &timeline, request).await;
    if !tx.is_of_one_moment() {
        // Somebody wrote meanwhile, perhaps to this one.
        let tx = snapshot.under(Locks::none().timeline(&timeline)).await?;
        page = read_page(&tx, me, &timeline, request).await;
    }
    cx.store.settle().await?;
    page
}

/// The page that is asked for, if view, head and messages are of one moment.
async fn read_page(tx: &Tx, me: &str, timeline: &Timeline, request: &GetHistory) -> Result<Page> {
    let head = tx.head(timeline).await?;
    let Some(view) = tx.view_or_default(me, &request.conversation_id, &head).await? else {
        return Err(not_found().into());
    };
    let head = view.head(&head);
    let limit = request.limit as usize;
    let to = request.before.map_or(head, |before| head.min(before.saturating_sub(1)));
    let (after, direction) = match request.after {
        None => (view.floor(), Direction::Backward),
        Some(after) => (view.floor().max(after), Direction::Forward),
    };
    let found = tx.page(timeline, after, to, direction, limit + 1).await?;
    let shown = match direction {
        Direction::Backward => found.len() - fitting(found.iter().rev(), limit)..found.len(),
        Direction::Forward => 0..fitting(found.iter(), limit),
    };
    let complete = shown.len() == found.len();
    Ok(Page { found, shown, complete })
}

/// How many of these make a page: the first always does.
fn fitting<'a>(messages: impl Iterator<Item = &'a StoredMessage>, limit: usize) -> usize {
    let mut bytes = 0;
    let fits = |(n, message): &(usize, &StoredMessage)| {
        bytes += message.json().len();
        *n == 0 || bytes <= PAGE_BYTES
    };
    messages.take(limit).enumerate().take_while(fits).count()
}

/// A page of history.
#[derive(Debug)]
pub(crate) struct Page {
    found: Arc<[StoredMessage]>,
    /// Those that are on it; of one more it is known only that it is there.
    shown: Range<usize>,
    complete: bool,
}

impl Page {
    /// The frame that answers request `id`.
    pub(crate) fn answer(&self, id: u64) -> Result<String> {
        let messages = self.found[self.shown.clone()].iter().map(StoredMessage::json);
        let frame = lethe_protocol::history_answer(id, messages, self.complete);
        Ok(frame.map_err(|_| StoreError::Damaged("a stored message is not text".to_owned()))?)
    }
}
