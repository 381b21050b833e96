//! A store filled with histories without a server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::Outcome;
use lethe_protocol::{ConversationId, MessageAttributes};
use lethe_store::{Committed, DataDirectory, Locks, NewMessage, Nonce, Publish, Store, StoreError, Timeline};
use serde_json::value::RawValue;

/// The user whose conversations are measured. Its name comes after all others, so a conversation's place in the store is
/// given by the other side's name.
pub const ME: &str = "zilla";
/// Messages written in one transaction while filling.
const STEP: u64 = 2_000;

struct Nobody;

impl Publish for Nobody {
    fn publish(&self, _: Committed) {}
}

/// The `n`th peer. Its name comes next to that of the `n`th user of a scenario: who writes now and what was written long ago are
/// mixed in the store as they are where names are chosen by people.
#[must_use]
pub fn peer(n: usize) -> String {
    format!("u{n:06}p")
}

/// A new data directory with conversations of [`ME`], each with so many messages of 100 bytes of text, with all that a message
/// sent over a socket leaves in the store.
#[derive(Debug, clap::Args)]
pub struct Fill {
    path: PathBuf,
    conversations: usize,
    each: u64,
}

/// Makes a [`Fill`], in a process of its own, this binary: what was allocated for it would slow the load down, and for some
/// time also its end.
///
/// # Errors
/// When it fails.
pub fn fill(path: &Path, conversations: usize, each: u64) -> Outcome<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("fill").arg(path).args([conversations.to_string(), each.to_string()]);
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("the filling ended with {status}").into()) }
}

impl Fill {
    /// Makes it in this process. Not from within a runtime.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn run(&self) -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(runtime.block_on(self.write())?)
    }

    async fn write(&self) -> Result<(), StoreError> {
        let directory = DataDirectory::open(&self.path)?;
        let store = Store::open(&directory, false, Arc::new(Nobody)).await?;
        let mut tx = store.begin(Locks::none().app()).await?;
        tx.create_account(ME, 1).await?;
        for n in 0..self.conversations {
            tx.create_account(&peer(n), 1).await?;
        }
        tx.commit().await?;
        for n in 0..self.conversations {
            fill_one(&store, &peer(n), self.each).await?;
        }
        store.close().await
    }
}

async fn fill_one(store: &Store, peer: &str, messages: u64) -> Result<(), StoreError> {
    let mine = ConversationId::User(peer.to_owned());
    let timeline = Timeline::of(ME, &mine);
    let mut written = 0;
    while written < messages {
        let mut tx = store.begin(Locks::none().timeline(&timeline)).await?;
        let step = STEP.min(messages - written);
        for n in written..written + step {
            let stored = tx.append(&timeline, message(peer, n)).await?;
            let random = u32::try_from(n % (1 << 31)).unwrap_or(0);
            tx.remember_sent(Nonce::of(&timeline, peer, 1_700_000_000, random), stored.seq, n + 1);
        }
        tx.index(ME, &mine).await?;
        tx.index(peer, &ConversationId::User(ME.to_owned())).await?;
        tx.commit().await?;
        written += step;
    }
    Ok(())
}

fn message(from: &str, n: u64) -> NewMessage {
    // Letters as if by chance, another text each time: compression finds nothing in them but that they are letters.
    let mut state = n;
    let words: String = (0..100)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap_or(0))
        })
        .collect();
    let body = format!(r#"[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"{words}"}}}}]"#);
    NewMessage {
        id: format!("144115188075855872-{n}-{n}"),
        from: from.to_owned(),
        body: RawValue::from_string(body).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        attributes: MessageAttributes::default(),
        nick: String::new(),
        avatar: String::new(),
        time: n + 1,
    }
}
