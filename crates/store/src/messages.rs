use bytes::{BufMut, Bytes, BytesMut};
use lethe_domain::conversations::{Head, Place};
use lethe_protocol::{Message, MessageAttributes};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::{Direction, Range, Space};
use crate::publication::{Audience, Publication};
use crate::{Need, Nonce, StoreError, Timeline, Tx};

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
    /// The sender's ID.
    pub from: Bytes,
    /// The message as JSON, ready for the wire.
    pub json: Bytes,
}

/// Version of the layout below: version, flags, count, length of the sender, sender, JSON.
const VERSION: u8 = 1;
/// What a message has besides its elements takes less than this, mostly, in bytes.
const ENVELOPE: usize = 384;
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
        out.put_slice(&self.from);
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
            if value.len() < from_end {
                return None;
            }
            Some(Self {
                seq,
                count: u64::from_be_bytes(value[2..10].try_into().ok()?),
                countable: flags & COUNTABLE != 0,
                listable: flags & LISTABLE != 0,
                from: value.slice(FIXED..from_end),
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
        text(&self.json)
    }

    /// The message as JSON.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn raw(&self) -> Result<Box<RawValue>, StoreError> {
        RawValue::from_string(self.text()?.to_owned())
            .map_err(|_| StoreError::Damaged("a stored message is not JSON".to_owned()))
    }

    /// Server time in ms at which it was sent.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn time(&self) -> Result<u64, StoreError> {
        Ok(self.parse::<Times>()?.time)
    }

    /// The message, read.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn message(&self) -> Result<Message, StoreError> {
        self.parse()
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StoreError> {
        serde_json::from_slice(&self.json)
            .map_err(|_| StoreError::Damaged("a stored message is not JSON".to_owned()))
    }

    /// What its sender's repetition would be known by: the last parts of its ID.
    fn nonce(&self) -> Option<(u32, u32)> {
        let ids: Times = self.parse().ok()?;
        let mut parts = ids.id.split('-').skip(1).map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// The same message in other words: its place, sender and count stay.
    ///
    /// # Errors
    /// [`StoreError::Write`] when it cannot be encoded.
    pub fn with(&self, message: &Message) -> Result<Self, StoreError> {
        let json = serde_json::to_vec(message).map_err(|error| StoreError::Write(error.to_string()))?;
        Ok(Self { json: Bytes::from(json), ..self.clone() })
    }

    /// The event that tells it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not text.
    pub fn publication(&self, audience: Audience) -> Result<Publication, StoreError> {
        Ok(Publication::Event { audience, frame: lethe_protocol::message_event(self.text()?) })
    }
}

fn text(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| StoreError::Damaged("a stored message is not text".to_owned()))
}

/// What is read of a stored message without the rest.
#[derive(Deserialize)]
struct Times<'a> {
    time: u64,
    id: std::borrow::Cow<'a, str>,
}

/// What one step of erasing removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// The `seq` of the last of them.
    pub last: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes of their rows.
    pub bytes: u64,
    /// Rows by which a repetition would have been known.
    pub nonces: u64,
}

impl Need {
    /// One message.
    #[must_use]
    pub fn message(self, timeline: &Timeline, seq: u64) -> Self {
        self.key(Space::Messages, timeline.key().number(seq))
    }
}

impl Tx {
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
        self.append_at(timeline, &mut head, new)
    }

    /// The same, when the head is known already; it is moved.
    ///
    /// # Errors
    /// [`StoreError::Write`] when the message cannot be encoded.
    pub fn append_at(
        &mut self,
        timeline: &Timeline,
        head: &mut Head,
        new: NewMessage,
    ) -> Result<StoredMessage, StoreError> {
        let (countable, listable) = (!new.attributes.no_unread, !new.attributes.no_last);
        head.seq += 1;
        head.count += u64::from(countable);
        head.time = head.time.max(new.time);
        head.last = if listable { head.seq } else { head.last };
        let from = Bytes::copy_from_slice(new.from.as_bytes());
        let message = wire(timeline, new, head.seq, head.time);
        let mut json = Vec::with_capacity(ENVELOPE + message.body.get().len());
        serde_json::to_writer(&mut json, &message).map_err(|error| StoreError::Write(error.to_string()))?;
        let stored = StoredMessage {
            seq: head.seq,
            count: head.count,
            countable,
            listable,
            from,
            json: Bytes::from(json),
        };
        self.put_bytes(Space::Messages, timeline.key().number(head.seq), stored.encode());
        self.put_head(timeline, head);
        self.totals.messages += 1;
        Ok(stored)
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

    /// Puts what is left of a message in its place. Needs the timeline's lock.
    pub fn replace_message(&mut self, timeline: &Timeline, message: &StoredMessage) {
        // Of what it replaces the words are to leave the disk too.
        self.totals.erased_bytes += (FIXED + message.json.len()) as u64;
        self.put_bytes(Space::Messages, timeline.key().number(message.seq), message.encode());
    }

    /// Removes the next messages with `after < seq <= to`, at most `limit`, and what answers their repetition. None when
    /// there are no more. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn erase_messages(
        &mut self,
        timeline: &Timeline,
        after: u64,
        to: u64,
        limit: usize,
    ) -> Result<Option<Erased>, StoreError> {
        let step = self.messages(timeline, after, to, Direction::Forward, limit).await?;
        let Some(last) = step.last().map(|message| message.seq) else { return Ok(None) };
        let mut erased = Erased { last, ..Erased::default() };
        for message in step {
            let key = timeline.key().number(message.seq);
            erased.messages += 1;
            erased.bytes += (FIXED + message.from.len() + message.json.len()) as u64;
            self.remove(Space::Messages, key);
            if let Some((client_time, random)) = message.nonce() {
                let sender = text(&message.from)?;
                let nonce = Nonce::of(timeline, sender, client_time, random);
                self.remove(Space::Nonces, nonce.into_key());
                erased.nonces += 1;
            }
        }
        self.totals.erased += erased.messages;
        self.totals.erased_bytes += erased.bytes;
        Ok(Some(erased))
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
        if direction == Direction::Backward {
            // Engines read forwards faster, and messages have consecutive numbers: if none is missing, it is these.
            let nearest = to.saturating_sub(limit as u64).max(after);
            let range = between(timeline, nearest, to);
            let mut pairs = self.scan(Space::Messages, &range, Direction::Forward, limit).await?;
            if nearest == after || pairs.len() == limit {
                pairs.reverse();
                return read(&pairs);
            }
        }
        read(&self.scan(Space::Messages, &between(timeline, after, to), direction, limit).await?)
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

    /// Countable messages of `user_id` with `seq < n <= to`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn own_above(
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
            own +=
                step.iter().filter(|message| message.countable && message.from == user_id.as_bytes()).count()
                    as u64;
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

/// The keys of messages with `after < seq <= to`.
fn between(timeline: &Timeline, after: u64, to: u64) -> Range {
    Range {
        start: timeline.key().number(after + 1).into_bytes(),
        end: match to.checked_add(1) {
            Some(end) => Some(timeline.key().number(end).into_bytes()),
            None => Range::prefix(timeline.key().bytes()).end,
        },
    }
}

fn read(pairs: &[(Bytes, Bytes)]) -> Result<Vec<StoredMessage>, StoreError> {
    pairs.iter().map(|(key, value)| StoredMessage::decode(key, value)).collect()
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
        removed: false,
        body: new.body,
        attributes: new.attributes,
        nick: new.nick,
        avatar: new.avatar,
    }
}
