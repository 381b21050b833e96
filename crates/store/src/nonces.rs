use minicbor::{Decode, Encode};

use crate::engine::Space;
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
    /// What an earlier message with this nonce was answered: `seq` and time.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn sent_before(&self, nonce: &Nonce) -> Result<Option<(u64, u64)>, StoreError> {
        let sent = self.get::<Sent>(Space::Nonces, nonce.0.clone()).await?;
        Ok(sent.map(|sent| (sent.seq, sent.time)))
    }

    /// Remembers where the message with this nonce went.
    pub fn remember_sent(&mut self, nonce: Nonce, seq: u64, time: u64) {
        self.put(Space::Nonces, nonce.into_key(), &Sent { seq, time });
    }
}
