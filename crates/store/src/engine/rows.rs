//! Rows that are read again and again, kept as the engine below has them: a search in its tables costs several times more.

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use foldhash::fast::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult};
use quick_cache::{Equivalent, Weighter};

use crate::StoreError;
use crate::engine::{Space, Write};

/// Memory for rows, in bytes.
const CAPACITY: u64 = 16 << 20;
/// Rows the cache makes room for at once; more are made room for as they come.
const FIRST_ROWS: usize = 1024;
/// What a row takes besides its key and value, in bytes, with what counts the owners of the key.
const ROW_BYTES: u64 = 160;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    space: Space,
    key: Bytes,
}

struct Asked<'a> {
    space: Space,
    key: &'a [u8],
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Asked { space: self.space, key: &self.key }.hash(state);
    }
}

impl Hash for Asked<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.space as u8);
        state.write(self.key);
    }
}

impl Equivalent<Row> for Asked<'_> {
    fn equivalent(&self, row: &Row) -> bool {
        self.space == row.space && self.key == row.key
    }
}

#[derive(Clone, Debug)]
struct Weight;

impl Weighter<Row, Option<Bytes>> for Weight {
    fn weight(&self, row: &Row, value: &Option<Bytes>) -> u64 {
        ROW_BYTES + (row.key.len() + value.as_ref().map_or(0, Bytes::len)) as u64
    }
}

/// What becomes of a row of a space that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// Rows of this space are not kept.
    No,
    /// It is kept: it will be read again soon.
    Written,
    /// It is kept once it is read.
    Read,
}

/// A bounded cache of rows, also of those that are not there. A row that is written is renewed after it is durable and
/// before anybody may ask for it here; one that is read meanwhile is not kept.
#[derive(Debug)]
pub(super) struct Rows {
    /// Its hash is seeded anew by each process, and nothing that depends on it leaves the server: who chooses keys cannot see
    /// which of them collide.
    cache: Cache<Row, Option<Bytes>, Weight, RandomState>,
}

impl Rows {
    pub(super) fn new() -> Self {
        let (hasher, lifecycle) = (RandomState::default(), DefaultLifecycle::default());
        Self { cache: Cache::with(FIRST_ROWS, CAPACITY, Weight, hasher, lifecycle) }
    }

    fn keeping(space: Space) -> Keeping {
        match space {
            Space::Accounts
            | Space::Heads
            | Space::Views
            | Space::Listed
            | Space::Counters
            | Space::Groups
            | Space::Members
            | Space::Friends => Keeping::Written,
            // The last ones of conversations, for lists. Pages are scans, and do not come here.
            Space::Messages => Keeping::Read,
            Space::Meta
            | Space::Nonces
            | Space::Changes
            | Space::Memberships
            | Space::GroupApplications
            | Space::FriendApplications
            | Space::Journal
            | Space::Undos
            | Space::Erasures
            | Space::ErasureTimes
            | Space::Holds
            | Space::Keys => Keeping::No,
        }
    }

    /// Whether rows of a space have to be renewed when they are written.
    pub(super) fn keeps(space: Space) -> bool {
        Self::keeping(space) != Keeping::No
    }

    /// The value of a key, from the cache or as `read` finds it.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn get(
        &self,
        space: Space,
        key: &[u8],
        read: impl FnOnce() -> Result<Option<Bytes>, StoreError>,
    ) -> Result<Option<Bytes>, StoreError> {
        if !Self::keeps(space) {
            return read();
        }
        if let Some(value) = self.cache.get(&Asked { space, key }) {
            return Ok(value);
        }
        // Others who miss the same row wait for the first of them; a writer does not, and makes the guard void.
        let guard =
            match self.cache.get_value_or_guard(&Row { space, key: Bytes::copy_from_slice(key) }, None) {
                GuardResult::Value(value) => return Ok(value),
                GuardResult::Guard(guard) => guard,
                GuardResult::Timeout => return read(),
            };
        let value = read()?;
        // A copy: what the engine hands out may hold a whole block of its table.
        let _ = guard.insert(value.as_deref().map(Bytes::copy_from_slice));
        Ok(value)
    }

    /// Takes over what has just been written.
    pub(super) fn renew(&self, writes: Vec<Write>) {
        for (space, key, value) in writes {
            match Self::keeping(space) {
                Keeping::Written => self.cache.insert(Row { space, key }, value),
                Keeping::Read => {
                    self.cache.remove(&Asked { space, key: &key });
                }
                Keeping::No => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Option<Bytes> {
        Some(Bytes::from_static(text.as_bytes()))
    }

    fn never() -> Result<Option<Bytes>, StoreError> {
        Err(StoreError::Stopped)
    }

    #[test]
    fn a_row_is_read_once_and_renewed_when_it_is_written() {
        let rows = Rows::new();
        assert_eq!(rows.get(Space::Heads, b"a", || Ok(bytes("1"))).unwrap(), bytes("1"));
        assert_eq!(rows.get(Space::Heads, b"a", never).unwrap(), bytes("1"));
        assert_eq!(rows.get(Space::Views, b"a", || Ok(None)).unwrap(), None, "a space of its own");
        assert_eq!(rows.get(Space::Views, b"a", never).unwrap(), None, "that there is none is known too");
        rows.renew(vec![
            (Space::Heads, Bytes::from_static(b"a"), None),
            (Space::Views, Bytes::from_static(b"a"), bytes("2")),
        ]);
        assert_eq!(rows.get(Space::Heads, b"a", never).unwrap(), None);
        assert_eq!(rows.get(Space::Views, b"a", never).unwrap(), bytes("2"));
    }

    #[test]
    fn what_was_read_before_a_write_is_not_kept_after_it() {
        let rows = Rows::new();
        let read = || {
            rows.renew(vec![(Space::Heads, Bytes::from_static(b"a"), bytes("new"))]);
            Ok(bytes("old"))
        };
        assert_eq!(rows.get(Space::Heads, b"a", read).unwrap(), bytes("old"), "it began before the write");
        assert_eq!(rows.get(Space::Heads, b"a", never).unwrap(), bytes("new"));
    }

    #[test]
    fn a_failed_read_keeps_nothing() {
        let rows = Rows::new();
        assert!(rows.get(Space::Heads, b"a", never).is_err());
        assert_eq!(rows.get(Space::Heads, b"a", || Ok(bytes("1"))).unwrap(), bytes("1"));
    }

    #[test]
    fn a_message_that_is_written_is_forgotten_until_it_is_read() {
        let rows = Rows::new();
        assert_eq!(rows.get(Space::Messages, b"a", || Ok(None)).unwrap(), None);
        rows.renew(vec![(Space::Messages, Bytes::from_static(b"a"), bytes("1"))]);
        assert_eq!(rows.get(Space::Messages, b"a", || Ok(bytes("1"))).unwrap(), bytes("1"));
        assert_eq!(rows.get(Space::Messages, b"a", never).unwrap(), bytes("1"));
        let read = || {
            rows.renew(vec![(Space::Messages, Bytes::from_static(b"b"), None)]);
            Ok(bytes("erased meanwhile"))
        };
        rows.get(Space::Messages, b"b", read).unwrap();
        assert_eq!(rows.get(Space::Messages, b"b", || Ok(None)).unwrap(), None);
    }

    #[test]
    fn nonces_are_not_kept_and_memory_is_bounded() {
        let rows = Rows::new();
        rows.get(Space::Nonces, b"a", || Ok(bytes("1"))).unwrap();
        assert!(rows.get(Space::Nonces, b"a", never).is_err());
        for n in 0..100_000_u32 {
            let value = Some(Bytes::from(vec![0; 1000]));
            rows.renew(vec![(Space::Views, Bytes::copy_from_slice(&n.to_be_bytes()), value)]);
        }
        assert!(rows.cache.weight() <= CAPACITY);
    }
}
