//! The engines: point reads, range scans and one durable, atomic write of a batch. All rules live above them.

mod backlog;
mod fjall;
mod memory;
pub(crate) mod postgres;
mod priority;
mod reclaimer;
mod rows;
mod sealer;
mod tables;
mod written;

use std::future::Future;
use std::path::Path;

use bytes::Bytes;

pub use self::fjall::FjallEngine;
pub use self::memory::{MemoryEngine, Work};
pub use self::postgres::{Database, DatabaseOptions, PostgresEngine};
use crate::{Backup, BackupSize, StoreError};

macro_rules! spaces {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// A keyspace: a table of its own in every engine. Its name on disk never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(usize)]
        pub enum Space {
            $($(#[$doc])* $name,)*
        }

        impl Space {
            /// Every space, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name on disk.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

spaces! {
    /// What concerns the app as a whole: settings, counters, the chain of commits.
    Meta = "meta";
    /// (user) → account.
    Accounts = "accounts";
    /// (timeline) → head.
    Heads = "heads";
    /// (timeline, seq) → message.
    Messages = "messages";
    /// (sender, client time, random, timeline) → the answer that message got.
    Nonces = "nonces";
    /// (user, conversation) → view.
    Views = "views";
    /// (user, conversation): the conversations that may stand in the user's list.
    Listed = "listed";
    /// (user, change) → conversation: the newest change of each.
    Changes = "changes";
    /// (user) → the user's change counter.
    Counters = "counters";
    /// (group) → group.
    Groups = "groups";
    /// (group, user) → member.
    Members = "members";
    /// (user, group): the groups a user is in.
    Memberships = "memberships";
    /// (group, applicant) → application.
    GroupApplications = "group_applications";
    /// (user, friend) → friendship.
    Friends = "friends";
    /// (user, sent or come in, other) → application.
    FriendApplications = "friend_applications";
    /// By time and by user: rows of the deletion journal.
    Journal = "journal";
    /// (user, conversation) → what the last deletion took.
    Undos = "undos";
    /// (timeline) → its place in the eraser's queue.
    Erasures = "erasures";
    /// (time, timeline): the queue in the order of time.
    ErasureTimes = "erasure_times";
    /// (user) or (group) → hold.
    Holds = "holds";
    /// By user and by time: idempotency keys.
    Keys = "keys";
}

/// Which way a scan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Greatest key first.
    Backward,
}

/// A range of keys: `start` inclusive, `end` exclusive and absent for no end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key of the range.
    pub start: Vec<u8>,
    /// The first key after it.
    pub end: Option<Vec<u8>>,
}

impl Range {
    /// All keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { start: prefix.to_vec(), end: crate::key::after_prefix(prefix) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_ref().is_none_or(|end| key < end.as_slice())
    }

    pub(crate) fn bounds(&self) -> (std::ops::Bound<&[u8]>, std::ops::Bound<&[u8]>) {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        (Included(self.start.as_slice()), self.end.as_ref().map_or(Unbounded, |end| Excluded(end.as_slice())))
    }
}

/// A key of a space, and its new value; without one the key is deleted.
pub type Write = (Space, Bytes, Option<Bytes>);

/// Writes to be applied together. Each key of a space occurs once.
#[derive(Debug, Default)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
}

/// An ordered key-value store. One writer, the commit coordinator, calls [`Engine::commit`]; reads come from anywhere.
///
/// Locks are declared by the transactions above and held in this process; an engine that several processes share takes
/// them as rows before it commits.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    fn get(&self, space: Space, key: &[u8])
    -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// At most `limit` pairs of a range, in key order of the direction.
    fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Bytes, Bytes)>, StoreError>> + Send;

    /// Applies a batch as one. When this returns it is durable; when it fails nothing more may be committed.
    fn commit(&self, batch: Batch) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The engine that was chosen at start.
#[derive(Debug)]
pub enum AnyEngine {
    /// Nothing survives the process.
    Memory(MemoryEngine),
    /// The embedded default.
    Fjall(FjallEngine),
}

impl AnyEngine {
    /// Its name, as the console shows it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Fjall(_) => "fjall",
        }
    }

    /// Rewrites the files without what was removed.
    pub(crate) fn compact(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Fjall(engine) => engine.compact(),
        }
    }

    /// Writes every row as of one moment into a new file.
    pub(crate) fn back_up(&self, path: &Path, backup: &Backup) -> Result<BackupSize, StoreError> {
        match self {
            Self::Memory(_) => Err(StoreError::Directory("a store in memory is not backed up".to_owned())),
            Self::Fjall(engine) => engine.back_up(path, backup),
        }
    }

    /// Whether another file in `directory` may grow.
    pub(crate) fn may_grow(&self, directory: &std::path::Path) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Fjall(engine) => engine.may_grow(directory),
        }
    }

    /// The value of a key.
    pub(crate) fn read(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(engine) => Ok(engine.read(space, key)),
            Self::Fjall(engine) => engine.read(space, key),
        }
    }

    /// Applies a batch as one, durably.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        match self {
            Self::Memory(engine) => engine.write(batch),
            Self::Fjall(engine) => engine.write(batch),
        }
    }

    /// Whether a write would wait for tables of earlier ones.
    pub(crate) fn is_behind(&self) -> bool {
        match self {
            Self::Memory(_) => false,
            Self::Fjall(engine) => engine.is_behind(),
        }
    }

    /// Takes no more writes, and leaves nothing to be replayed by the next start.
    pub(crate) fn rest(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Fjall(engine) => engine.rest(),
        }
    }

    /// Bytes on the disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        match self {
            Self::Memory(_) => 0,
            Self::Fjall(engine) => engine.disk_bytes(),
        }
    }
}

impl Engine for AnyEngine {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(space, key)
    }

    async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        match self {
            Self::Memory(engine) => engine.scan(space, range, direction, limit).await,
            Self::Fjall(engine) => engine.scan(space, range, direction, limit).await,
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.write(batch)
    }
}
