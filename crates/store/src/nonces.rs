mod recent;

use minicbor::{Decode, Encode};

pub(crate) use self::recent::Recent;
use self::recent::{Next, Pair};
use crate::engine::{Direction, Range, Space};
use crate::{Key, Need, StoreError, Timeline, Tx};

/// What a repetition of a message is known by: its sender, two numbers the sender chose, and the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce {
    key: Key,
    /// Bytes of the sender in the key.
    sender: usize,
    numbers: (u64, u64),
}

impl Nonce {
    /// The nonce of a message.
    #[must_use]
    pub fn of(timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Self {
        let timeline = timeline.key();
        let key = Key::with_room(sender.len() + 17 + timeline.bytes().len()).text(sender);
        let (sender, numbers) = (key.bytes().len(), (u64::from(client_time), u64::from(random)));
        let key = key.number(numbers.0).number(numbers.1).tuple(timeline.bytes());
        Self { key, sender, numbers }
    }

    pub(crate) fn into_key(self) -> Key {
        self.key
    }

    fn pair(&self) -> Pair<'_> {
        let (sender, rest) = self.key.bytes().split_at(self.sender);
        Pair { sender, timeline: rest.get(16..).unwrap_or_default() }
    }
}

/// The first number of a nonce's key, behind so many bytes of the sender.
fn time(key: &[u8], sender: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*key.get(sender..)?.first_chunk()?))
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
        self.key(Space::Nonces, nonce.key.clone())
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
        let sent = self.get::<Sent>(Space::Nonces, nonce.key.clone()).await?;
        self.learn_of(nonce).await?;
        Ok(sent.map(|sent| (sent.seq, sent.time)))
    }

    /// Remembers where the message with this nonce went. Needs the timeline's lock.
    pub fn remember_sent(&mut self, nonce: Nonce, seq: u64, time: u64) {
        if let Some(recent) = self.recent_nonces() {
            recent.remember(nonce.pair(), nonce.numbers);
        }
        self.put(Space::Nonces, nonce.into_key(), &Sent { seq, time });
    }

    /// Whether it is known, without a look at what is stored, that no message had this nonce.
    fn is_new(&self, nonce: &Nonce) -> bool {
        self.recent_nonces().is_some_and(|recent| recent.is_new(nonce.pair(), nonce.numbers))
    }

    /// Looks up the newest time that a sender has used anywhere, if it writes for the second time. It looks no further back than
    /// this nonce: there may be millions of rows that were erased.
    async fn learn_of(&self, nonce: &Nonce) -> Result<(), StoreError> {
        let Some(recent) = self.recent_nonces() else { return Ok(()) };
        let (pair, own) = (nonce.pair(), nonce.numbers.0);
        if recent.asked(pair) == Next::Learn {
            let later = Key::new().tuple(pair.sender).number(own + 1);
            let range = Range { start: later.into_bytes(), ..Range::prefix(pair.sender) };
            let last = self.scan(Space::Nonces, &range, Direction::Backward, 1).await?;
            let newest = last.first().and_then(|(key, _)| time(key, pair.sender.len())).unwrap_or(own);
            recent.learn(pair, newest);
        }
        Ok(())
    }
}
