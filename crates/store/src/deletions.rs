use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use lethe_domain::deletions::{Entry, Hold, Undo};
use lethe_protocol::ConversationId;
use minicbor::{Decode, Encode};

use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::record::decode;
use crate::{Key, Need, Publication, StoreError, Timeline, Tx};

/// The name of a row in the journal: its time, its turn on this node, and a random number. Names have the order of time,
/// and rows of one millisecond the order in which a node wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    time: u64,
    turn: u64,
}

impl EntryId {
    /// A name for a row of this time in ms.
    #[must_use]
    pub fn new(time: u64) -> Self {
        static TURNS: AtomicU32 = AtomicU32::new(0);
        let turn = u64::from(TURNS.fetch_add(1, Ordering::Relaxed));
        Self { time, turn: turn << 32 | u64::from(rand::random::<u32>()) }
    }

    /// Server time in ms of its row.
    #[must_use]
    pub fn time(self) -> u64 {
        self.time
    }

    fn key(self, prefix: Key) -> Key {
        prefix.number(self.time).number(self.turn)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}-{:016x}", self.time, self.turn)
    }
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, turn) = text.split_once('-').ok_or(())?;
        let read = |text: &str| u64::from_str_radix(text, 16).map_err(|_| ());
        Ok(Self { time: read(time)?, turn: read(turn)? })
    }
}

fn by_time() -> Key {
    Key::new().text("t")
}

fn by_user(user_id: &str) -> Key {
    Key::new().text("u").text(user_id)
}

/// Whom a hold protects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Everything that a user can read or has written.
    User(String),
    /// A group's history.
    Group(String),
}

impl Held {
    fn key(&self) -> Key {
        match self {
            Self::User(user_id) => Key::new().text("u").text(user_id),
            Self::Group(group_id) => Key::new().text("g").text(group_id),
        }
    }
}

/// What a call with an idempotency key was, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Keyed {
    /// The request, as JSON.
    #[n(0)]
    pub request: String,
    /// The answer, as JSON.
    #[n(1)]
    pub answer: String,
    /// Server time in ms.
    #[n(2)]
    pub time: u64,
}

/// The copy of the journal as far as the store knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct JournalCopy {
    /// Bytes of the file.
    #[n(0)]
    pub length: u64,
    /// A digest of the last of them.
    #[n(1)]
    pub digest: Vec<u8>,
}

fn copy_key() -> Key {
    Key::new().text("journal_copy")
}

fn undo_key(user_id: &str, conversation: &ConversationId) -> Key {
    Key::new().text(user_id).conversation(conversation)
}

impl Need {
    /// What the last deletion of a conversation took, and whether its timeline waits for the eraser.
    #[must_use]
    pub fn deletion(self, user_id: &str, conversation: &ConversationId) -> Self {
        self.key(Space::Undos, undo_key(user_id, conversation))
            .key(Space::Erasures, Timeline::of(user_id, conversation).key())
    }
}

impl Tx {
    /// Writes a row into the journal.
    pub fn record(&mut self, entry: &Entry) -> EntryId {
        let id = EntryId::new(entry.time);
        self.record_again(id, entry);
        self.publish(Publication::Recorded { id, entry: Box::new(entry.clone()) });
        id
    }

    /// Writes a row that was read from a copy of the journal.
    pub fn record_again(&mut self, id: EntryId, entry: &Entry) {
        self.put(Space::Journal, id.key(by_time()), entry);
        let concerned = if entry.user.is_empty() { &entry.actor } else { &entry.user };
        self.put_bytes(Space::Journal, id.key(by_user(concerned)), Bytes::new());
    }

    /// A row of the journal.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn entry(&self, id: EntryId) -> Result<Option<Entry>, StoreError> {
        self.get(Space::Journal, id.key(by_time())).await
    }

    /// At most `limit` rows of the journal that are older than `before`, newest first; of one user, or of all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn journal(
        &self,
        user_id: Option<&str>,
        before: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<(EntryId, Entry)>, StoreError> {
        let prefix = user_id.map_or_else(by_time, by_user);
        let mut range = Range::prefix(prefix.bytes());
        if let Some(before) = before {
            range.end = Some(before.key(prefix.clone()).into_bytes());
        }
        let pairs = self.scan(Space::Journal, &range, Direction::Backward, limit).await?;
        let mut rows = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let id = entry_id(&key)?;
            let entry = if user_id.is_none() { Some(decode(&value)?) } else { self.entry(id).await? };
            rows.extend(entry.map(|entry| (id, entry)));
        }
        Ok(rows)
    }

    /// How much of the journal's copy is known.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn journal_copy(&self) -> Result<JournalCopy, StoreError> {
        Ok(self.get(Space::Meta, copy_key()).await?.unwrap_or_default())
    }

    /// Notes how much of the journal's copy is known. Needs the app's lock.
    pub fn put_journal_copy(&mut self, copy: &JournalCopy) {
        self.put(Space::Meta, copy_key(), copy);
    }

    /// What the last deletion of a conversation took.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn undo(
        &self,
        user_id: &str,
        conversation: &ConversationId,
    ) -> Result<Option<Undo>, StoreError> {
        self.get(Space::Undos, undo_key(user_id, conversation)).await
    }

    /// Keeps what a deletion took. Needs the timeline's lock.
    pub fn put_undo(&mut self, user_id: &str, conversation: &ConversationId, undo: &Undo) {
        self.put(Space::Undos, undo_key(user_id, conversation), undo);
    }

    /// A deletion cannot be undone any more. Needs the timeline's lock.
    pub fn remove_undo(&mut self, user_id: &str, conversation: &ConversationId) {
        self.remove(Space::Undos, undo_key(user_id, conversation));
    }

    /// A hold.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn hold(&self, held: &Held) -> Result<Option<Hold>, StoreError> {
        self.get(Space::Holds, held.key()).await
    }

    /// Sets or ends a hold. Needs the app's lock.
    pub fn put_hold(&mut self, held: &Held, hold: Option<&Hold>) {
        match hold {
            Some(hold) => self.put(Space::Holds, held.key(), hold),
            None => self.remove(Space::Holds, held.key()),
        }
    }

    /// All holds.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn holds(&self) -> Result<Vec<(Held, Hold)>, StoreError> {
        let range = Range { start: Vec::new(), end: None };
        let pairs = self.scan(Space::Holds, &range, Direction::Forward, usize::MAX / 2).await?;
        let held = |key: &[u8]| {
            let (kind, rest) = split_text(key)?;
            let (name, _) = split_text(rest)?;
            Some(if kind == "u" { Held::User(name.to_owned()) } else { Held::Group(name.to_owned()) })
        };
        pairs.iter().map(|(key, hold)| Ok((held(key).ok_or_else(unreadable)?, decode(hold)?))).collect()
    }

    /// What was answered to an earlier call with this key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn keyed(&self, user_id: &str, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.get(Space::Keys, by_user(user_id).text(key)).await
    }

    /// Remembers the answer to a call with this key. Needs the user's lock.
    pub fn put_keyed(&mut self, user_id: &str, key: &str, keyed: &Keyed) {
        self.put(Space::Keys, by_user(user_id).text(key), keyed);
        self.put_bytes(Space::Keys, by_time().number(keyed.time).text(user_id).text(key), Bytes::new());
    }

    /// Forgets keys from before this time in ms, at most `limit`: how many.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn forget_keys(&mut self, before: u64, limit: usize) -> Result<usize, StoreError> {
        let mut range = Range::prefix(by_time().bytes());
        range.end = Some(by_time().number(before).into_bytes());
        let pairs = self.scan(Space::Keys, &range, Direction::Forward, limit).await?;
        for (key, _) in &pairs {
            let rest = key.get(by_time().bytes().len() + 8..).ok_or_else(unreadable)?;
            let named = Key::new().text("u").tuple(rest);
            // The same key may have been used again since.
            let keyed: Option<Keyed> = self.get(Space::Keys, named.clone()).await?;
            if keyed.is_some_and(|keyed| keyed.time < before) {
                self.remove(Space::Keys, named);
            }
            self.remove(Space::Keys, Key::new().tuple(key));
        }
        Ok(pairs.len())
    }
}

fn entry_id(key: &[u8]) -> Result<EntryId, StoreError> {
    let tail = key.len().checked_sub(16).and_then(|start| key.get(start..)).ok_or_else(unreadable)?;
    let (time, turn) = tail.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| unreadable());
    Ok(EntryId { time: number(time)?, turn: number(turn)? })
}

fn unreadable() -> StoreError {
    StoreError::Damaged("a stored key cannot be read".to_owned())
}
