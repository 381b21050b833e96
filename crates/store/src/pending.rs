use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use foldhash::fast::RandomState;

use crate::engine::{Direction, Range, Space, Write};

/// The last write to each key of a space.
#[derive(Debug)]
enum SpaceRows {
    /// Of a space that is scanned.
    Sorted(BTreeMap<Bytes, Option<Bytes>>),
    /// Of a space whose rows are found by their keys: to look one up in a thousand sorted ones takes ten comparisons, most of
    /// them of keys that are not in the processor's cache. A scan looks at all of them. Clients choose parts of the keys; that
    /// some of them collide costs little, for there are only as many as one group commits.
    Hashed(HashMap<Bytes, Option<Bytes>, RandomState>),
}

impl SpaceRows {
    fn of(space: Space) -> Self {
        match space {
            // Each message writes these, and reads them many times.
            Space::Heads | Space::Nonces | Space::Views => Self::Hashed(HashMap::default()),
            _ => Self::Sorted(BTreeMap::new()),
        }
    }

    /// Without rows, with room for as many.
    fn emptied(&self) -> Self {
        match self {
            Self::Sorted(_) => Self::Sorted(BTreeMap::new()),
            Self::Hashed(map) => {
                Self::Hashed(HashMap::with_capacity_and_hasher(map.len(), map.hasher().clone()))
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Sorted(map) => map.len(),
            Self::Hashed(map) => map.len(),
        }
    }

    fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        match self {
            Self::Sorted(map) => map.get(key),
            Self::Hashed(map) => map.get(key),
        }
    }

    /// Whether the key is new.
    fn insert(&mut self, key: Bytes, value: Option<Bytes>) -> bool {
        match self {
            Self::Sorted(map) => map.insert(key, value).is_none(),
            Self::Hashed(map) => map.insert(key, value).is_none(),
        }
    }

    fn for_each(&self, mut each: impl FnMut(&Bytes, &Option<Bytes>)) {
        match self {
            Self::Sorted(map) => map.iter().for_each(|(key, value)| each(key, value)),
            Self::Hashed(map) => map.iter().for_each(|(key, value)| each(key, value)),
        }
    }

    fn within(&self, range: &Range) -> BTreeMap<Bytes, Option<Bytes>> {
        let own = |(key, value): (&Bytes, &Option<Bytes>)| (key.clone(), value.clone());
        match self {
            Self::Sorted(map) => map.range::<[u8], _>(range.bounds()).map(own).collect(),
            Self::Hashed(map) => map.iter().filter(|(key, _)| range.contains(key)).map(own).collect(),
        }
    }
}

/// The last write to each key, by space.
#[derive(Debug)]
pub(crate) struct Layer(Vec<SpaceRows>);

impl Layer {
    fn new() -> Self {
        Self(Space::ALL.iter().map(|space| SpaceRows::of(*space)).collect())
    }

    /// A layer without rows that expects as many as this one has.
    fn emptied(&self) -> Self {
        Self(self.0.iter().map(SpaceRows::emptied).collect())
    }

    pub(crate) fn rows(&self) -> usize {
        self.0.iter().map(SpaceRows::len).sum()
    }

    fn of(&self, space: Space) -> &SpaceRows {
        &self.0[space as usize]
    }

    /// In the order of spaces.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let mut writes = Vec::with_capacity(self.rows() + 1);
        for (space, rows) in Space::ALL.iter().zip(&self.0) {
            rows.for_each(|key, value| writes.push((*space, key.clone(), value.clone())));
        }
        writes
    }
}

#[derive(Debug)]
struct Layers {
    /// Applied since the last group was taken: the writes of the next one.
    next: Layer,
    /// The writes of the group that is being committed.
    committing: Arc<Layer>,
}

/// What is applied and not yet durable, laid over the engine: transactions build on it, and reads see it. It has each key once
/// for each group, so it is also where the writes of a group are brought together.
#[derive(Debug)]
pub(crate) struct Pending {
    layers: RwLock<Layers>,
    /// Rows in both layers. A reader who finds none takes no lock: what there was, the engine has.
    rows: AtomicUsize,
}

impl Pending {
    pub(crate) fn new() -> Self {
        let layers = Layers { next: Layer::new(), committing: Arc::new(Layer::new()) };
        Self { layers: RwLock::new(layers), rows: AtomicUsize::new(0) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.rows.load(Ordering::SeqCst) == 0
    }

    /// `None`: ask the engine. `Some(None)`: deleted.
    pub(crate) fn get(&self, space: Space, key: &[u8]) -> Option<Option<Bytes>> {
        if self.is_empty() {
            return None;
        }
        let layers = self.read();
        layers.next.of(space).get(key).or_else(|| layers.committing.of(space).get(key)).cloned()
    }

    /// The pending writes of a range, in key order of the direction.
    pub(crate) fn range(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        if self.is_empty() || range.is_empty() {
            return Vec::new();
        }
        let layers = self.read();
        let mut found = layers.committing.of(space).within(range);
        found.extend(layers.next.of(space).within(range));
        drop(layers);
        match direction {
            Direction::Forward => found.into_iter().collect(),
            Direction::Backward => found.into_iter().rev().collect(),
        }
    }

    /// Lays the writes of a transaction on top, and runs `then` before any reader sees them.
    pub(crate) fn apply(&self, writes: Vec<Write>, then: impl FnOnce()) {
        let mut layers = self.write();
        let mut new = 0;
        for (space, key, value) in writes {
            new += usize::from(layers.next.0[space as usize].insert(key, value));
        }
        self.rows.fetch_add(new, Ordering::SeqCst);
        then();
    }

    /// What is applied by now is one group, to be committed. The one before is [forgotten](Self::forget) already.
    pub(crate) fn seal(&self) -> Arc<Layer> {
        let mut layers = self.write();
        let next = layers.next.emptied();
        layers.committing = Arc::new(std::mem::replace(&mut layers.next, next));
        Arc::clone(&layers.committing)
    }

    /// The engine has the group that was being committed.
    pub(crate) fn forget(&self) {
        let none = Arc::new(Layer::new());
        let mut layers = self.write();
        let durable = std::mem::replace(&mut layers.committing, none);
        self.rows.store(layers.next.rows(), Ordering::SeqCst);
        drop(layers);
        // Freeing it keeps nobody waiting.
        drop(durable);
    }
}

/// Lays `over` on `under`; both in key order of the direction. At most `limit` pairs come out.
pub(crate) fn merge<K: AsRef<[u8]> + Into<Bytes>>(
    under: Vec<(Bytes, Bytes)>,
    over: Vec<(K, Option<Bytes>)>,
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
        while let Some(pair) = under.next_if(|(below, _)| before(below, key.as_ref())) {
            merged.push(pair);
        }
        under.next_if(|(below, _)| below.as_ref() == key.as_ref());
        if let Some(value) = value {
            merged.push((key.into(), value));
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

    /// What happens to the pending rows, in any order that makes sense.
    #[derive(Clone, Debug)]
    enum Step {
        Apply(Vec<(u8, Option<u8>)>),
        Seal,
        Forget,
    }

    fn step() -> impl Strategy<Value = Step> {
        let writes = prop::collection::btree_map(0..8_u8, any::<Option<u8>>(), 1..4);
        prop_oneof![
            3 => writes.prop_map(|writes| Step::Apply(writes.into_iter().collect())),
            1 => Just(Step::Seal),
            1 => Just(Step::Forget),
        ]
    }

    fn bytes(byte: u8) -> Bytes {
        Bytes::copy_from_slice(&[byte])
    }

    fn pairs(map: &BTreeMap<u8, u8>) -> Vec<(Bytes, Bytes)> {
        map.iter().map(|(&key, &value)| (bytes(key), bytes(value))).collect()
    }

    proptest! {
        /// Whatever is applied, sealed and forgotten, readers see all that was applied, and the engine is given it by groups.
        #[test]
        fn readers_see_what_is_applied(
            steps in prop::collection::vec(step(), 0..40),
            space in prop::sample::select(vec![Space::Heads, Space::Messages]),
        ) {
            let pending = Pending::new();
            let (mut truth, mut engine) = (BTreeMap::new(), BTreeMap::new());
            let mut sealed = None;
            for step in steps {
                match step {
                    Step::Apply(writes) => {
                        let mut seen = false;
                        let pended = writes.iter().map(|&(key, value)| (space, bytes(key), value.map(bytes)));
                        pending.apply(pended.collect(), || seen = true);
                        prop_assert!(seen);
                        for (key, value) in writes {
                            match value {
                                Some(value) => truth.insert(key, value),
                                None => truth.remove(&key),
                            };
                        }
                    }
                    Step::Seal if sealed.is_none() => sealed = Some(pending.seal()),
                    Step::Seal => {}
                    Step::Forget => {
                        let Some(layer) = sealed.take() else { continue };
                        for (_, key, value) in layer.writes() {
                            match value {
                                Some(value) => engine.insert(key[0], value[0]),
                                None => engine.remove(&key[0]),
                            };
                        }
                        pending.forget();
                    }
                }
                for key in 0..8 {
                    let below = || engine.get(&key).copied().map(bytes);
                    let seen = pending.get(space, &[key]).unwrap_or_else(below);
                    prop_assert_eq!(seen, truth.get(&key).copied().map(bytes));
                    prop_assert_eq!(pending.get(Space::Counters, &[key]), None);
                }
                let all = Range { start: Vec::new(), end: None };
                for direction in [Direction::Forward, Direction::Backward] {
                    let (mut below, mut wanted) = (pairs(&engine), pairs(&truth));
                    if direction == Direction::Backward {
                        below.reverse();
                        wanted.reverse();
                    }
                    let over = pending.range(space, &all, direction);
                    prop_assert_eq!(merge(below, over, direction, usize::MAX), wanted);
                }
            }
            pending.forget();
            drop(pending.seal());
            pending.forget();
            prop_assert!(pending.is_empty());
        }

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
            let (mut below, mut wanted) = (pairs(&under), pairs(&expected));
            let mut above: Vec<_> = over.iter().map(|(&k, &v)| (vec![k], v.map(bytes))).collect();
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
