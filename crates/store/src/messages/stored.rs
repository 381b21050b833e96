//! How a message lies in its row.

use bytes::{BufMut, Bytes, BytesMut};
use lethe_protocol::Message;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::publication::{Audience, Publication};
use crate::{Nonce, StoreError, Timeline};

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
const COUNTABLE: u8 = 1;
const LISTABLE: u8 = 2;
const FIXED: usize = 11;

impl StoredMessage {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(FIXED + self.from.len() + self.json.len());
        out.put_u8(VERSION);
        out.put_u8((u8::from(self.countable) * COUNTABLE) | (u8::from(self.listable) * LISTABLE));
        out.put_u64(self.count);
        out.put_u8(u8::try_from(self.from.len()).unwrap_or(u8::MAX));
        out.put_slice(&self.from);
        out.put_slice(&self.json);
        out.freeze()
    }

    pub(super) fn decode(key: &[u8], value: &Bytes) -> Result<Self, StoreError> {
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

    /// What its sender's repetition would be known by: its numbers are the last parts of its ID.
    pub(super) fn nonce(&self, timeline: &Timeline) -> Option<Nonce> {
        let ids: Times = self.parse().ok()?;
        let mut parts = ids.id.split('-').skip(1).map(str::parse);
        Some(Nonce::of(timeline, text(&self.from).ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// Bytes of its row, without the key.
    pub(super) fn bytes(&self) -> u64 {
        (FIXED + self.from.len() + self.json.len()) as u64
    }

    /// The same message in other words: its place, sender and count stay.
    #[must_use]
    pub fn with(&self, message: &Message) -> Self {
        Self { json: Bytes::from(message.json()), ..self.clone() }
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
