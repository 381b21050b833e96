//! How a message lies in its row.

use bytes::{BufMut, Bytes, BytesMut};
use lethe_protocol::Message;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::publication::{Audience, Publication};
use crate::{Nonce, StoreError, Timeline};

/// A message as it was stored: its row, which is looked into where it lies.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Place in the timeline.
    pub seq: u64,
    /// At least as long as it says itself.
    row: Bytes,
}

/// Version of the layout below: version, flags, count, length of the sender, sender, JSON.
const VERSION: u8 = 1;
const COUNTABLE: u8 = 1;
const LISTABLE: u8 = 2;
const FLAGS: usize = 1;
const COUNT: std::ops::Range<usize> = 2..10;
const SENDER_BYTES: usize = 10;
const FIXED: usize = 11;

/// What a row says of a message besides its JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) count: u64,
    pub(crate) countable: bool,
    pub(crate) listable: bool,
}

impl StoredMessage {
    /// The row of a message with these marks.
    pub(crate) fn of(message: &Message, marks: Marks) -> Self {
        let (from, json) = (&message.from, message.json());
        let mut row = BytesMut::with_capacity(FIXED + from.len() + json.len());
        row.put_u8(VERSION);
        row.put_u8((u8::from(marks.countable) * COUNTABLE) | (u8::from(marks.listable) * LISTABLE));
        row.put_u64(marks.count);
        row.put_u8(u8::try_from(from.len()).unwrap_or(u8::MAX));
        row.put_slice(from.as_bytes());
        row.put_slice(json.as_bytes());
        Self { seq: message.seq, row: row.freeze() }
    }

    pub(super) fn read(key: &[u8], row: Bytes) -> Result<Self, StoreError> {
        let whole = |row: &Bytes| row.len() >= FIXED && row[0] == VERSION && row.len() >= json_from(row);
        match crate::key::last_number(key) {
            Some(seq) if whole(&row) => Ok(Self { seq, row }),
            _ => Err(StoreError::Damaged("a stored message cannot be read".to_owned())),
        }
    }

    /// The row itself.
    pub(crate) fn row(&self) -> &Bytes {
        &self.row
    }

    /// The same message, its row lying elsewhere.
    pub(crate) fn at(&self, row: Bytes) -> Self {
        Self { seq: self.seq, row }
    }

    /// Countable messages up to and including this one.
    #[must_use]
    pub fn count(&self) -> u64 {
        <[u8; 8]>::try_from(&self.row[COUNT]).map_or(0, u64::from_be_bytes)
    }

    /// It raises unread counts of others.
    #[must_use]
    pub fn countable(&self) -> bool {
        self.row[FLAGS] & COUNTABLE != 0
    }

    /// It may stand in a list as the last one.
    #[must_use]
    pub fn listable(&self) -> bool {
        self.row[FLAGS] & LISTABLE != 0
    }

    /// The sender's ID.
    #[must_use]
    pub fn from(&self) -> &[u8] {
        &self.row[FIXED..json_from(&self.row)]
    }

    /// The message as JSON, ready for the wire.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.row[json_from(&self.row)..]
    }

    /// The message as JSON text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub fn text(&self) -> Result<&str, StoreError> {
        text(self.json())
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
        serde_json::from_slice(self.json())
            .map_err(|_| StoreError::Damaged("a stored message is not JSON".to_owned()))
    }

    /// What its sender's repetition would be known by: its numbers are the last parts of its ID.
    pub(super) fn nonce(&self, timeline: &Timeline) -> Option<Nonce> {
        let ids: Times = self.parse().ok()?;
        let mut parts = ids.id.split('-').skip(1).map(str::parse);
        Some(Nonce::of(timeline, text(self.from()).ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// Bytes of its row, without the key.
    pub(crate) fn bytes(&self) -> u64 {
        self.row.len() as u64
    }

    /// The same message in other words, perhaps of somebody else: its place and count stay.
    #[must_use]
    pub fn with(&self, message: &Message) -> Self {
        let marks = Marks { count: self.count(), countable: self.countable(), listable: self.listable() };
        Self { seq: self.seq, ..Self::of(message, marks) }
    }

    /// The event that tells it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not text.
    pub fn publication(&self, audience: Audience) -> Result<Publication, StoreError> {
        Ok(Publication::Event { audience, frame: lethe_protocol::message_event(self.text()?) })
    }
}

/// Where the JSON begins in a row that has the fixed part.
fn json_from(row: &[u8]) -> usize {
    FIXED + usize::from(row[SENDER_BYTES])
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
