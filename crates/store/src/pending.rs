use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use crate::engine::{Direction, Range, Space};

/// A write that is applied but not yet in the engine, and the number of its transaction.
type Write = (u64, Option<Bytes>);

/// What is applied and not yet durable, laid over the engine: transactions build on it, and reads see it.
#[derive(Debug)]
pub(crate) struct Pending {
    spaces: RwLock<Vec<BTreeMap<Vec<u8>, Write>>>,
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self { spaces: RwLock::new(Space::ALL.iter().map(|_| BTreeMap::new()).collect()) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<BTreeMap<Vec<u8>, Write>>> {
        self.spaces.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<BTreeMap<Vec<u8>, Write>>> {
        self.spaces.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: ask the engine. `Some(None)`: deleted.
    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Option<Option<Bytes>> {
        self.read()[space as usize].get(key).map(|(_, value)| value.clone())
    }

    /// The pending writes of a range, in key order of the direction.
    pub(crate) fn range(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
    ) -> Vec<(Vec<u8>, Option<Bytes>)> {
        let spaces = self.read();
        let map = &spaces[space as usize];
        if map.is_empty() || range.is_empty() {
            return Vec::new();
        }
        let pairs =
            map.range::<[u8], _>(range.bounds()).map(|(key, (_, value))| (key.clone(), value.clone()));
        match direction {
            Direction::Forward => pairs.collect(),
            Direction::Backward => pairs.rev().collect(),
        }
    }

    /// Lays the writes of transaction `number` on top, and runs `then` before any reader sees them.
    pub(crate) fn apply(&self, number: u64, writes: &[(Space, Vec<u8>, Option<Bytes>)], then: impl FnOnce()) {
        let mut spaces = self.write();
        for (space, key, value) in writes {
            spaces[*space as usize].insert(key.clone(), (number, value.clone()));
        }
        then();
    }

    /// Forgets the writes of transactions up to `number`, which the engine has now.
    pub(crate) fn forget(&self, number: u64, keys: &[(Space, Vec<u8>)]) {
        let mut spaces = self.write();
        for (space, key) in keys {
            let map = &mut spaces[*space as usize];
            if map.get(key).is_some_and(|(by, _)| *by <= number) {
                map.remove(key);
            }
        }
    }
}

/// Lays `over` on `under`; both in key order of the direction. At most `limit` pairs come out.
pub(crate) fn merge(
    under: Vec<(Bytes, Bytes)>,
    over: Vec<(Vec<u8>, Option<Bytes>)>,
    direction: Direction,
    limit: usize,
) -> Vec<(Bytes, Bytes)> {
    if over.is_empty() {
        let mut under = under;
        under.truncate(limit);
        return under;
    }
    let before = |a: &[u8], b: &[u8]| match direction {
        Direction::Forward => a < b,
        Direction::Backward => a > b,
    };
    let mut merged = Vec::with_capacity(limit.min(under.len() + over.len()));
    let mut under = under.into_iter().peekable();
    for (key, value) in over {
        while let Some(pair) = under.next_if(|(below, _)| before(below, &key)) {
            merged.push(pair);
        }
        under.next_if(|(below, _)| below.as_ref() == key.as_slice());
        if let Some(value) = value {
            merged.push((Bytes::from(key), value));
        }
    }
    merged.extend(under);
    merged.truncate(limit);
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Merging equals applying the writes to a map and reading that.
        #[test]
        fn merging_is_applying(
            under in prop::collection::btree_map(0..30_u8, any::<u8>(), 0..20),
            over in prop::collection::btree_map(0..30_u8, prop::option::of(any::<u8>()), 0..20),
            backward in any::<bool>(),
            limit in 0..25_usize,
        ) {
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            let mut expected = under.clone();
            for (&key, &value) in &over {
                match value {
                    Some(value) => expected.insert(key, value),
                    None => expected.remove(&key),
                };
            }
            let bytes = |byte: u8| Bytes::copy_from_slice(&[byte]);
            let mut below: Vec<_> = under.iter().map(|(&k, &v)| (bytes(k), bytes(v))).collect();
            let mut above: Vec<_> = over.iter().map(|(&k, &v)| (vec![k], v.map(bytes))).collect();
            let mut wanted: Vec<_> = expected.iter().map(|(&k, &v)| (bytes(k), bytes(v))).collect();
            if backward {
                below.reverse();
                above.reverse();
                wanted.reverse();
            }
            wanted.truncate(limit);
            prop_assert_eq!(merge(below, above, direction, limit), wanted);
        }
    }
}
