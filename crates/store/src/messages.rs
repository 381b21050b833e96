use bytes::{BufMut, Bytes, BytesMut};
use lethe_domain::conversations::{Head, Place};
use lethe_protocol::{ConversationId, Message, MessageAttributes};
use minicbor::{Decode, Encode};
use serde_json::value::RawValue;

use crate::commit::{Audience, Publication};
use crate::engine::{Direction, Range, Space};
use crate::{Key, Need, StoreError, Tx};

/// An append-only sequence of messages with contiguous `seq` from 1. A message is stored once, however many read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timeline {
    /// Of two users, the smaller ID first.
    Pair(String, String),
    /// Of a group.
    Group(String),
    /// Of the system's notices to a user.
    System(String),
}

impl Timeline {
    /// The timeline that this conversation of `user_id` shows.
    #[must_use]
    pub fn of(user_id: &str, conversation: &ConversationId) -> Self {
        match conversation {
            ConversationId::User(peer) if peer.as_str() < user_id => {
                Self::Pair(peer.clone(), user_id.to_owned())
            }
            ConversationId::User(peer) => Self::Pair(user_id.to_owned(), peer.clone()),
            ConversationId::Group(group) => Self::Group(group.clone()),
            ConversationId::System => Self::System(user_id.to_owned()),
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Pair(low, high) => Key::new().text("c").text(low).text(high),
            Self::Group(group) => Key::new().text("g").text(group),
            Self::System(user) => Key::new().text("s").text(user),
        }
    }
}

/// A message about to be stored; `seq` and place in the count come from the timeline.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message's ID.
    pub id: String,
    /// The sender.
    pub from: String,
    /// Elements.
    pub body: Box<RawValue>,
    /// What the sender said about it.
    pub attributes: MessageAttributes,
    /// The sender's nickname.
    pub nick: String,
    /// The sender's avatar.
    pub avatar: String,
    /// Server time in ms.
    pub time: u64,
}

/// A message as it was stored.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Place in the timeline.
    pub seq: u64,
    /// Countable messages up to and including this one.
    pub count: u64,
    /// It raises unread counts of others.
    pub countable: bool,
    /// It may stand in a list as the last one.
    pub listable: bool,
    /// The sender.
    pub from: String,
    /// The message as JSON, ready for the wire.
    pub json: Bytes,
}

/// Version of the layout below: version, flags, count, length of the sender, sender, JSON.
const VERSION: u8 = 1;
const COUNTABLE: u8 = 1;
const LISTABLE: u8 = 2;
const FIXED: usize = 11;
/// Messages looked at per step when own ones are counted.
const COUNT_STEP: usize = 512;

impl StoredMessage {
    fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(FIXED + self.from.len() + self.json.len());
        out.put_u8(VERSION);
        out.put_u8((u8::from(self.countable) * COUNTABLE) | (u8::from(self.listable) * LISTABLE));
        out.put_u64(self.count);
        out.put_u8(u8::try_from(self.from.len()).unwrap_or(u8::MAX));
        out.put_slice(self.from.as_bytes());
        out.put_slice(&self.json);
        out.freeze()
    }

    fn decode(key: &[u8], value: &Bytes) -> Result<Self, StoreError> {
        let read = || {
            let seq = crate::key::last_number(key)?;
            if *value.first()? != VERSION || value.len() < FIXED {
                return None;
            }
            let (flags, from_end) = (value[1], FIXED + usize::from(value[10]));
            let from = std::str::from_utf8(value.get(FIXED..from_end)?).ok()?.to_owned();
            Some(Self {
                seq,
                count: u64::from_be_bytes(value[2..10].try_into().ok()?),
                countable: flags & COUNTABLE != 0,
                listable: flags & LISTABLE != 0,
                from,
                json: value.slice(from_end..),
            })
        };
        read().ok_or_else(|| StoreError::Damaged("a stored message cannot be read".to_owned()))
    }

    /// The message as JSON text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn text(&self) -> Result<&str, StoreError> {
        std::str::from_utf8(&self.json)
            .map_err(|_| StoreError::Damaged("a stored message is not text".to_owned()))
    }

    /// The message as JSON.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn raw(&self) -> Result<Box<RawValue>, StoreError> {
        RawValue::from_string(self.text()?.to_owned())
            .map_err(|_| StoreError::Damaged("a stored message is not JSON".to_owned()))
    }

    /// The event that tells it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not text.
    pub fn publication(&self, audience: Audience) -> Result<Publication, StoreError> {
        Ok(Publication::Event { audience, frame: lethe_protocol::message_event(self.text()?) })
    }
}

/// Where an earlier message with the same nonce went.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Nonce {
    #[n(0)]
    seq: u64,
    #[n(1)]
    time: u64,
}

fn nonce_key(timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Key {
    let nonce = Key::new().text(sender).number(u64::from(client_time)).number(u64::from(random));
    nonce.tuple(timeline.key().bytes())
}

impl Need {
    /// The end of a timeline.
    #[must_use]
    pub fn head(self, timeline: &Timeline) -> Self {
        self.key(Space::Heads, timeline.key())
    }

    /// One message.
    #[must_use]
    pub fn message(self, timeline: &Timeline, seq: u64) -> Self {
        self.key(Space::Messages, timeline.key().number(seq))
    }

    /// Whether a message with this nonce was sent before.
    #[must_use]
    pub fn nonce(self, timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Self {
        self.key(Space::Nonces, nonce_key(timeline, sender, client_time, random))
    }
}

impl Tx {
    /// The end of a timeline.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn head(&self, timeline: &Timeline) -> Result<Head, StoreError> {
        Ok(self.get(Space::Heads, timeline.key()).await?.unwrap_or_default())
    }

    /// Appends a message. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn append(
        &mut self,
        timeline: &Timeline,
        new: NewMessage,
    ) -> Result<StoredMessage, StoreError> {
        let mut head = self.head(timeline).await?;
        let (countable, listable) = (!new.attributes.no_unread, !new.attributes.no_last);
        head.seq += 1;
        head.count += u64::from(countable);
        head.time = head.time.max(new.time);
        head.last = if listable { head.seq } else { head.last };
        let from = new.from.clone();
        let message = wire(timeline, new, head.seq, head.time);
        let json = serde_json::to_vec(&message).map_err(|error| StoreError::Write(error.to_string()))?;
        let stored = StoredMessage {
            seq: head.seq,
            count: head.count,
            countable,
            listable,
            from,
            json: Bytes::from(json),
        };
        self.put_bytes(Space::Messages, timeline.key().number(head.seq), stored.encode());
        self.put(Space::Heads, timeline.key(), &head);
        self.totals.messages += 1;
        Ok(stored)
    }

    /// What an earlier message with this nonce in this timeline was answered: `seq` and time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sent_before(
        &self,
        timeline: &Timeline,
        sender: &str,
        client_time: u32,
        random: u32,
    ) -> Result<Option<(u64, u64)>, StoreError> {
        let key = nonce_key(timeline, sender, client_time, random);
        Ok(self.get::<Nonce>(Space::Nonces, key).await?.map(|nonce| (nonce.seq, nonce.time)))
    }

    /// Remembers where the message with this nonce went.
    pub fn remember_sent(
        &mut self,
        timeline: &Timeline,
        sender: &str,
        client_time: u32,
        random: u32,
        seq: u64,
        time: u64,
    ) {
        self.put(Space::Nonces, nonce_key(timeline, sender, client_time, random), &Nonce { seq, time });
    }

    /// One message.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message(&self, timeline: &Timeline, seq: u64) -> Result<Option<StoredMessage>, StoreError> {
        let key = timeline.key().number(seq);
        let value = self.get_bytes(Space::Messages, key.clone()).await?;
        value.map(|value| StoredMessage::decode(key.bytes(), &value)).transpose()
    }

    /// At most `limit` messages with `after < seq <= to`, in the order of the direction.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn messages(
        &self,
        timeline: &Timeline,
        after: u64,
        to: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        if to <= after {
            return Ok(Vec::new());
        }
        let range = Range {
            start: timeline.key().number(after + 1).into_bytes(),
            end: match to.checked_add(1) {
                Some(end) => Some(timeline.key().number(end).into_bytes()),
                None => Range::prefix(timeline.key().bytes()).end,
            },
        };
        let pairs = self.scan(Space::Messages, &range, direction, limit).await?;
        pairs.iter().map(|(key, value)| StoredMessage::decode(key, value)).collect()
    }

    /// The place `seq` as `user_id` counts unread messages from it; at most the head.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn place(
        &self,
        timeline: &Timeline,
        head: &Head,
        user_id: &str,
        seq: u64,
    ) -> Result<Place, StoreError> {
        if seq >= head.seq {
            return Ok(Place { seq: head.seq, count: head.count, own_above: 0 });
        }
        let count =
            if seq == 0 { 0 } else { self.message(timeline, seq).await?.map_or(0, |message| message.count) };
        let own_above = self.own_above(timeline, user_id, seq, head.seq).await?;
        Ok(Place { seq, count, own_above })
    }

    async fn own_above(
        &self,
        timeline: &Timeline,
        user_id: &str,
        seq: u64,
        to: u64,
    ) -> Result<u64, StoreError> {
        let (mut own, mut after) = (0, seq);
        while after < to {
            let step = self.messages(timeline, after, to, Direction::Forward, COUNT_STEP).await?;
            let Some(last) = step.last() else { break };
            after = last.seq;
            own += step.iter().filter(|message| message.countable && message.from == user_id).count() as u64;
        }
        Ok(own)
    }

    /// The newest message with `after < seq <= to` that may stand in a list.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn last_listable(
        &self,
        timeline: &Timeline,
        head: &Head,
        after: u64,
        to: u64,
    ) -> Result<Option<StoredMessage>, StoreError> {
        if head.last <= to {
            return if head.last > after { self.message(timeline, head.last).await } else { Ok(None) };
        }
        let mut to = to;
        while to > after {
            let step = self.messages(timeline, after, to, Direction::Backward, COUNT_STEP).await?;
            let Some(oldest) = step.last() else { break };
            to = oldest.seq - 1;
            if let Some(found) = step.into_iter().find(|message| message.listable) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn wire(timeline: &Timeline, new: NewMessage, seq: u64, time: u64) -> Message {
    let (to, group) = match timeline {
        Timeline::Pair(low, high) if *low == new.from => (Some(high.clone()), None),
        Timeline::Pair(low, _) => (Some(low.clone()), None),
        Timeline::Group(group) => (None, Some(group.clone())),
        Timeline::System(user) => (Some(user.clone()), None),
    };
    Message {
        seq,
        time,
        id: new.id,
        from: new.from,
        to,
        group,
        body: new.body,
        attributes: new.attributes,
        nick: new.nick,
        avatar: new.avatar,
    }
}
