//! What is true: one ordered key-value engine, transactions with declared locks, and the tables on them.
//!
//! A transaction is applied under its locks at once and joins the next group commit; the caller is answered, and others
//! are told, only after that commit is durable. Only [`Tx::commit`] makes a [`Committed`], and only a [`Committed`] is
//! published, in the order of the log.

mod accounts;
mod backup;
mod bundle;
mod chain;
mod commit;
mod conversations;
mod deletions;
mod desk;
mod directory;
mod engine;
mod erasures;
mod error;
mod friends;
mod groups;
mod key;
mod lock;
mod messages;
mod need;
mod nonces;
mod pages;
mod pending;
mod publication;
mod record;
mod remote;
mod room;
mod settings;
mod shared;
mod store;
mod timelines;
mod totals;
mod tx;

pub use accounts::UnderErasure;
pub use backup::{Backup, BackupSize};
pub use conversations::{Changed, Contacts};
pub use deletions::{EntryId, Held, JournalCopy, Keyed};
pub use directory::{DataDirectory, Identity};
pub use engine::{
    AnyEngine, Batch, Database, DatabaseOptions, Direction, Engine, FjallEngine, MemoryEngine,
    PostgresEngine, Range, Space, Work, Write,
};
pub use erasures::GivenBack;
pub use error::StoreError;
pub use key::Key;
pub use lock::Locks;
pub use messages::{Erased, NewMessage, StoredMessage};
pub use need::Need;
pub use nonces::Nonce;
pub use publication::{Audience, Committed, Publication, Publish};
pub use store::{Snapshot, Store};
pub use timelines::Timeline;
pub use totals::Totals;
pub use tx::Tx;
