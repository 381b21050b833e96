mod recent;

use minicbor::{Decode, Encode};

use self::recent::Next;
pub(crate) use self::recent::Recent;
use crate::engine::{Direction, Range, Space};
use crate::key::split_text;
use crate::{Key, Need, StoreError, Timeline, Tx};

/// What a repetition of a message is known by: its sender, two numbers the sender chose, and the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Key);

impl Nonce {
    /// The nonce of a message.
    #[must_use]
    pub fn of(timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Self {
        let timeline = timeline.key();
        let key = Key::with_room(sender.len() + 17 + timeline.bytes().len()).text(sender);
        Self(key.number(u64::from(client_time)).number(u64::from(random)).tuple(timeline.bytes()))
    }

    pub(crate) fn into_key(self) -> Key {
        self.0
    }

    /// The bytes of the sender, which come first.
    fn sender(&self) -> &[u8] {
        let key = self.0.bytes();
        let rest = split_text(key).map_or(0, |(_, rest)| rest.len());
        &key[..key.len() - rest]
    }

    /// The numbers, which come after it.
    fn numbers(&self) -> Option<(u64, u64)> {
        numbers(self.0.bytes())
    }

    /// Sender and timeline.
    fn pair(&self) -> Vec<u8> {
        let (key, sender) = (self.0.bytes(), self.sender());
        [sender, key.get(sender.len() + 16..).unwrap_or_default()].concat()
    }
}

/// The two numbers of a nonce's key.
fn numbers(key: &[u8]) -> Option<(u64, u64)> {
    let (_, rest) = split_text(key)?;
    let ((time, rest), number) = (rest.split_first_chunk()?, |bytes: &[u8; 8]| u64::from_be_bytes(*bytes));
    Some((number(time), number(rest.first_chunk()?)))
}

/// Where an earlier message with the same nonce went.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Sent {
    #[n(0)]
    seq: u64,
    #[n(1)]
    time: u64,
}

impl Need {
    /// Whether a message with this nonce was sent before.
    #[must_use]
    pub fn nonce(self, nonce: &Nonce) -> Self {
        self.key(Space::Nonces, nonce.0.clone())
    }
}

impl Tx {
    /// What an earlier message with this nonce was answered: `seq` and time. Needs the timeline's lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sent_before(&self, nonce: &Nonce) -> Result<Option<(u64, u64)>, StoreError> {
        if self.is_new(nonce) {
            return Ok(None);
        }
        let sent = self.get::<Sent>(Space::Nonces, nonce.0.clone()).await?;
        self.learn_of(nonce).await?;
        Ok(sent.map(|sent| (sent.seq, sent.time)))
    }

    /// Remembers where the message with this nonce went. Needs the timeline's lock.
    pub fn remember_sent(&mut self, nonce: Nonce, seq: u64, time: u64) {
        if let (Some(recent), Some(numbers)) = (self.recent_nonces(), nonce.numbers()) {
            recent.remember(&nonce.pair(), numbers);
        }
        self.put(Space::Nonces, nonce.into_key(), &Sent { seq, time });
    }

    /// Whether it is known, without a look at what is stored, that no message had this nonce.
    fn is_new(&self, nonce: &Nonce) -> bool {
        let recent = self.recent_nonces().zip(nonce.numbers());
        recent.is_some_and(|(recent, numbers)| recent.is_new(&nonce.pair(), numbers))
    }

    /// Looks up the newest time that a sender has used anywhere, if it writes for the second time.
    async fn learn_of(&self, nonce: &Nonce) -> Result<(), StoreError> {
        let Some(recent) = self.recent_nonces() else { return Ok(()) };
        if recent.asked(nonce.pair()) == Next::Learn {
            let range = Range::prefix(nonce.sender());
            let last = self.scan(Space::Nonces, &range, Direction::Backward, 1).await?;
            let newest = last.first().and_then(|(key, _)| numbers(key)).map_or(0, |(time, _)| time);
            recent.learn(nonce.pair(), newest);
        }
        Ok(())
    }
}
