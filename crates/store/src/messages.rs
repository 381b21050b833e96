mod stored;

use std::sync::Arc;

use bytes::Bytes;
use lethe_domain::conversations::{Head, Place};
use lethe_protocol::{Message, MessageAttributes};
use serde_json::value::RawValue;

pub(crate) use self::stored::Marks;
pub use self::stored::StoredMessage;
use crate::engine::{Direction, Range, Space};
use crate::pages::Stretch;
use crate::{Need, StoreError, Timeline, Tx};

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

/// Messages looked at per step when own ones are counted.
const COUNT_STEP: usize = 512;

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
        Ok(self.append_at(timeline, &mut head, new))
    }

    /// The same, when the head is known already; it is moved.
    pub fn append_at(&mut self, timeline: &Timeline, head: &mut Head, new: NewMessage) -> StoredMessage {
        let (countable, listable) = (!new.attributes.no_unread, !new.attributes.no_last);
        head.seq += 1;
        head.count += u64::from(countable);
        head.time = head.time.max(new.time);
        head.last = if listable { head.seq } else { head.last };
        let message = wire(timeline, new, head.seq, head.time);
        let stored = StoredMessage::of(&message, Marks { count: head.count, countable, listable });
        self.put_bytes(Space::Messages, timeline.key().number(head.seq), stored.row().clone());
        self.put_head(timeline, head);
        self.totals.messages += 1;
        stored
    }

    /// One message.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn message(&self, timeline: &Timeline, seq: u64) -> Result<Option<StoredMessage>, StoreError> {
        let key = timeline.key().number(seq);
        let value = self.get_bytes(Space::Messages, key.clone()).await?;
        value.map(|row| StoredMessage::read(key.bytes(), row)).transpose()
    }

    /// Puts what is left of a message in its place. Needs the timeline's lock.
    pub fn replace_message(&mut self, timeline: &Timeline, message: &StoredMessage) {
        // Of what it replaces the words are to leave the disk too.
        self.totals.erased_bytes += message.bytes();
        self.rewrite(timeline.key());
        self.put_bytes(Space::Messages, timeline.key().number(message.seq), message.row().clone());
    }

    /// Removes these messages of a timeline, and what answers their repetition. None if there are none. Needs the timeline's lock.
    pub fn erase_messages(&mut self, timeline: &Timeline, messages: &[StoredMessage]) -> Option<Erased> {
        let mut erased = Erased { last: messages.last()?.seq, ..Erased::default() };
        self.rewrite(timeline.key());
        for message in messages {
            let key = timeline.key().number(message.seq);
            erased.messages += 1;
            erased.bytes += message.bytes();
            self.remove(Space::Messages, key);
            if let Some(nonce) = message.nonce(timeline) {
                self.remove(Space::Nonces, nonce.into_key());
                erased.nonces += 1;
            }
        }
        self.totals.erased += erased.messages;
        self.totals.erased_bytes += erased.bytes;
        Some(erased)
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
                return read(pairs);
            }
        }
        read(self.scan(Space::Messages, &between(timeline, after, to), direction, limit).await?)
    }

    /// At most `limit` messages with `after < seq <= to`, oldest first: the newest of them, or in forward direction the oldest.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn page(
        &self,
        timeline: &Timeline,
        after: u64,
        to: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Arc<[StoredMessage]>, StoreError> {
        let nearest = match direction {
            Direction::Forward => after.min(to),
            Direction::Backward => to.saturating_sub(limit as u64).max(after).min(to),
        };
        let key = timeline.key();
        let stretch = Stretch { timeline: key.bytes(), after: nearest, to };
        let pages = self.pages().filter(|_| to - nearest <= limit as u64);
        let absent = match pages.map(|pages| pages.find(&stretch)) {
            Some(Ok(page)) => return Ok(page),
            Some(Err(absent)) => Some(absent),
            None => None,
        };
        let mut messages = self.messages(timeline, after, to, direction, limit).await?;
        if direction == Direction::Backward {
            messages.reverse();
        }
        if let (Some(pages), Some(absent)) = (pages, absent) {
            pages.keep(&stretch, absent, &messages);
        }
        Ok(messages.into())
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
        let count = if seq == 0 {
            0
        } else {
            self.message(timeline, seq).await?.map_or(0, |message| message.count())
        };
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
            let is_own =
                |message: &&StoredMessage| message.countable() && message.from() == user_id.as_bytes();
            own += step.iter().filter(is_own).count() as u64;
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
            if let Some(found) = step.into_iter().find(|message| message.listable()) {
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

fn read(pairs: Vec<(Bytes, Bytes)>) -> Result<Vec<StoredMessage>, StoreError> {
    pairs.into_iter().map(|(key, row)| StoredMessage::read(&key, row)).collect()
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
