//! The chain of commits: each is numbered in its own batch, so that a start sees whether one is missing.

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::directory::CommitMark;
use crate::engine::{AnyEngine, Batch, Engine as _, Space, Write};
use crate::record::{decode, encode};
use crate::{Key, StoreError, Totals};

/// So many of the last commits are kept by number, to notice one that is missing between others.
const CHAIN_LENGTH: u64 = 1024;

/// The record of the last commit, written in the same batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Chain {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) totals: Totals,
}

impl Chain {
    pub(crate) async fn load(engine: &AnyEngine) -> Result<Self, StoreError> {
        let bytes = engine.get(Space::Meta, chain_key().bytes()).await?;
        bytes.map_or(Ok(Self::default()), |bytes| decode(&bytes))
    }

    /// Itself, and the link of the commit it is written with.
    pub(crate) fn writes(&self) -> [Write; 2] {
        let number = Bytes::copy_from_slice(&self.number.to_be_bytes());
        [
            (Space::Meta, chain_key().into_bytes().into(), Some(encode(self))),
            (Space::Meta, link_key(self.number).into_bytes().into(), Some(number)),
        ]
    }

    /// The numbers of the last commits that are kept.
    fn kept(&self) -> std::ops::RangeInclusive<u64> {
        self.number.saturating_sub(CHAIN_LENGTH - 1).max(1)..=self.number
    }

    /// Accepts what is missing: from here on the log is whole again.
    pub(crate) async fn mend(&self, engine: &AnyEngine, mark: &mut CommitMark) -> Result<(), StoreError> {
        let link = |number: u64| {
            let value = Bytes::copy_from_slice(&number.to_be_bytes());
            (Space::Meta, link_key(number).into_bytes().into(), Some(value))
        };
        engine.commit(Batch { writes: self.kept().map(link).collect() }).await?;
        mark.promise(self.number)
    }

    /// Whether the log ends where it was promised to end and lacks nothing between.
    pub(crate) async fn check(&self, engine: &AnyEngine, promised: u64) -> Result<(), StoreError> {
        if self.number < promised {
            return Err(StoreError::LostCommits { promised, found: self.number });
        }
        for number in self.kept() {
            let link = engine.get(Space::Meta, link_key(number).bytes()).await?;
            if link.as_deref() != Some(&number.to_be_bytes()[..]) {
                return Err(StoreError::LostCommits {
                    promised: promised.max(self.number),
                    found: number - 1,
                });
            }
        }
        Ok(())
    }
}

fn chain_key() -> Key {
    Key::new().text("chain")
}

fn link_key(number: u64) -> Key {
    Key::new().text("link").number(number % CHAIN_LENGTH)
}
