//! The chain of commits: each is numbered in its own batch, so that a start sees whether one is missing.
//!
//! A commit has one row of it. Every row of a commit costs the engine as much again when it writes its tables and frees what was
//! in memory, and of a message alone this was one in four.

use minicbor::{Decode, Encode};

use crate::directory::CommitMark;
use crate::engine::{AnyEngine, Batch, Direction, Engine as _, Range, Space, Write};
use crate::record::{decode, encode};
use crate::{Key, StoreError, Totals};

/// So many of the last commits are kept by number, to notice one that is missing between others.
const CHAIN_LENGTH: u64 = 1024;

/// The record of a commit, written in the same batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Chain {
    #[n(0)]
    pub(crate) number: u64,
    #[n(1)]
    pub(crate) totals: Totals,
}

impl Chain {
    /// The last one there is.
    pub(crate) async fn load(engine: &AnyEngine) -> Result<Self, StoreError> {
        let former = engine.get(Space::Meta, former_key().bytes()).await?;
        let links = Range::prefix(Key::new().text(LINK).bytes());
        let links = engine.scan(Space::Meta, &links, Direction::Forward, usize::MAX / 2).await?;
        // Of two with the same number the former one comes last: a link of its time knows no totals.
        let all = links.into_iter().map(|(_, bytes)| bytes).chain(former);
        let all = all.map(|bytes| Self::read(&bytes)).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().max_by_key(|chain| chain.number).unwrap_or_default())
    }

    /// A link. In directories of formats before 3 it was the number alone, of eight bytes, which no record has.
    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        match <[u8; 8]>::try_from(bytes) {
            Ok(number) => Ok(Self { number: u64::from_be_bytes(number), totals: Totals::default() }),
            Err(_) => decode(bytes),
        }
    }

    /// Itself as the link of the commit it is written with.
    pub(crate) fn write(&self) -> Write {
        (Space::Meta, link_key(self.number).into_bytes().into(), Some(encode(self)))
    }

    /// The numbers of the last commits that are kept.
    fn kept(&self) -> std::ops::RangeInclusive<u64> {
        self.number.saturating_sub(CHAIN_LENGTH - 1).max(1)..=self.number
    }

    /// Accepts what is missing: from here on the log is whole again.
    pub(crate) async fn mend(&self, engine: &AnyEngine, mark: &mut CommitMark) -> Result<(), StoreError> {
        let writes = self.kept().map(|number| Self { number, ..*self }.write()).collect();
        engine.commit(Batch { writes }).await?;
        mark.promise(self.number)
    }

    /// Whether the log ends where it was promised to end and lacks nothing between.
    pub(crate) async fn check(&self, engine: &AnyEngine, promised: u64) -> Result<(), StoreError> {
        if self.number < promised {
            return Err(StoreError::LostCommits { promised, found: self.number });
        }
        for number in self.kept() {
            let link = engine.get(Space::Meta, link_key(number).bytes()).await?;
            if link.map(|bytes| Self::read(&bytes)).transpose()?.is_none_or(|link| link.number != number) {
                return Err(StoreError::LostCommits {
                    promised: promised.max(self.number),
                    found: number - 1,
                });
            }
        }
        Ok(())
    }
}

/// What keys of links begin with.
const LINK: &str = "link";

fn link_key(number: u64) -> Key {
    Key::new().text(LINK).number(number % CHAIN_LENGTH)
}

/// Where directories of formats before 3 have the last record.
fn former_key() -> Key {
    Key::new().text("chain")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::MemoryEngine;

    fn chain(number: u64) -> Chain {
        Chain { number, totals: Totals { messages: number * 10, ..Totals::default() } }
    }

    async fn commit(engine: &AnyEngine, writes: Vec<Write>) {
        engine.commit(Batch { writes }).await.unwrap();
    }

    /// A store that has made so many commits.
    async fn written(commits: u64) -> AnyEngine {
        let engine = AnyEngine::Memory(MemoryEngine::default());
        for number in 1..=commits {
            commit(&engine, vec![chain(number).write()]).await;
        }
        engine
    }

    /// What was promised, and what was found.
    fn lost(outcome: Result<(), StoreError>) -> (u64, u64) {
        match outcome {
            Err(StoreError::LostCommits { promised, found }) => (promised, found),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_last_commit_is_found_wherever_its_link_lies() {
        for commits in [0, 1, CHAIN_LENGTH - 1, CHAIN_LENGTH, CHAIN_LENGTH + 1, 2 * CHAIN_LENGTH + 500] {
            let engine = written(commits).await;
            let found = Chain::load(&engine).await.unwrap();
            assert_eq!(found, chain(commits));
            found.check(&engine, commits).await.unwrap();
            assert_eq!(lost(found.check(&engine, commits + 1).await), (commits + 1, commits));
        }
    }

    #[tokio::test]
    async fn a_commit_that_is_missing_between_others_is_noticed() {
        let (last, missing) = (3 * CHAIN_LENGTH, 2 * CHAIN_LENGTH + 1);
        let engine = written(last).await;
        commit(&engine, vec![(Space::Meta, link_key(missing).into_bytes().into(), None)]).await;
        assert_eq!(lost(chain(last).check(&engine, last).await), (last, missing - 1));
        // The link that was there before it.
        commit(&engine, vec![chain(missing - CHAIN_LENGTH).write()]).await;
        assert_eq!(lost(chain(last).check(&engine, last).await), (last, missing - 1));
    }

    #[tokio::test]
    async fn a_store_of_an_older_format_goes_on_where_it_ended() {
        let engine = AnyEngine::Memory(MemoryEngine::default());
        let last = CHAIN_LENGTH + 7;
        for number in 1..=last {
            let value = Bytes::copy_from_slice(&number.to_be_bytes());
            let link = (Space::Meta, link_key(number).into_bytes().into(), Some(value));
            let record = (Space::Meta, former_key().into_bytes().into(), Some(encode(&chain(number))));
            commit(&engine, vec![record, link]).await;
        }
        assert_eq!(Chain::load(&engine).await.unwrap(), chain(last));
        chain(last).check(&engine, last).await.unwrap();
        commit(&engine, vec![chain(last + 1).write()]).await;
        let found = Chain::load(&engine).await.unwrap();
        assert_eq!(found, chain(last + 1));
        found.check(&engine, last + 1).await.unwrap();
    }
}
