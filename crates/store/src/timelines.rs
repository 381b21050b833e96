use lethe_domain::conversations::Head;
use lethe_protocol::ConversationId;

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::record::decode;
use crate::{Key, Need, StoreError, Tx};

/// Bytes of a message's `seq`, which follows a timeline in the message's key.
const SEQ: usize = 8;

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

    /// The two users of a one-to-one timeline, or whom the system tells; nobody for a group's.
    #[must_use]
    pub fn users(&self) -> Vec<&str> {
        match self {
            Self::Pair(low, high) if low == high => vec![low],
            Self::Pair(low, high) => vec![low, high],
            Self::Group(_) => Vec::new(),
            Self::System(user) => vec![user],
        }
    }

    /// The conversation that this user has of it.
    #[must_use]
    pub fn seen_by(&self, user_id: &str) -> ConversationId {
        match self {
            Self::Pair(low, high) if low == user_id => ConversationId::User(high.clone()),
            Self::Pair(low, _) => ConversationId::User(low.clone()),
            Self::Group(group) => ConversationId::Group(group.clone()),
            Self::System(_) => ConversationId::System,
        }
    }

    /// Reads [`Timeline::key`] from the start of a tuple, and what follows it.
    pub(crate) fn split(tuple: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, rest) = split_text(tuple)?;
        let (first, rest) = split_text(rest)?;
        match kind {
            "c" => {
                let (second, rest) = split_text(rest)?;
                Some((Self::Pair(first.to_owned(), second.to_owned()), rest))
            }
            "g" => Some((Self::Group(first.to_owned()), rest)),
            "s" => Some((Self::System(first.to_owned()), rest)),
            _ => None,
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Pair(low, high) => {
                Key::with_room(low.len() + high.len() + 4 + SEQ).text("c").text(low).text(high)
            }
            Self::Group(group) => Key::new().text("g").text(group),
            Self::System(user) => Key::new().text("s").text(user),
        }
    }
}

impl Need {
    /// The end of a timeline.
    #[must_use]
    pub fn head(self, timeline: &Timeline) -> Self {
        self.key(Space::Heads, timeline.key())
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

    /// Stores the end of a timeline. Needs the timeline's lock.
    pub fn put_head(&mut self, timeline: &Timeline, head: &Head) {
        self.put(Space::Heads, timeline.key(), head);
    }

    /// Removes the end of a timeline that is gone. Needs the timeline's lock.
    pub fn remove_head(&mut self, timeline: &Timeline) {
        self.remove(Space::Heads, timeline.key());
    }

    /// At most `limit` timelines that have messages, in the order of their keys, after this one.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn timelines(
        &self,
        after: Option<&Timeline>,
        limit: usize,
    ) -> Result<Vec<(Timeline, Head)>, StoreError> {
        let mut start = after.map(|timeline| timeline.key().into_bytes()).unwrap_or_default();
        if after.is_some() {
            start.push(0);
        }
        let pairs = self.scan(Space::Heads, &Range { start, end: None }, Direction::Forward, limit).await?;
        let timeline = |key: &[u8]| Timeline::split(key).map(|(timeline, _)| timeline);
        let damaged = || StoreError::Damaged("a stored key cannot be read".to_owned());
        pairs.iter().map(|(key, head)| Ok((timeline(key).ok_or_else(damaged)?, decode(head)?))).collect()
    }
}
