use minicbor::{Decode, Encode};

use crate::engine::Space;
use crate::{Key, Need, StoreError, Timeline, Tx};

/// Where an earlier message with the same nonce went.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
struct Nonce {
    #[n(0)]
    seq: u64,
    #[n(1)]
    time: u64,
}

pub(crate) fn nonce_key(timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Key {
    let nonce = Key::new().text(sender).number(u64::from(client_time)).number(u64::from(random));
    nonce.tuple(timeline.key().bytes())
}

impl Need {
    /// Whether a message with this nonce was sent before.
    #[must_use]
    pub fn nonce(self, timeline: &Timeline, sender: &str, client_time: u32, random: u32) -> Self {
        self.key(Space::Nonces, nonce_key(timeline, sender, client_time, random))
    }
}

impl Tx {
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
}
