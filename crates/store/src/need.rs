//! What a transaction will read, said before it begins: an engine that is far away reads it all at once.

use std::collections::HashMap;

use bytes::Bytes;

use crate::Key;
use crate::engine::Space;

/// Keys that will be read. It is a hint: what is not named is read one by one.
#[derive(Clone, Debug, Default)]
pub struct Need {
    keys: Vec<(Space, Vec<u8>)>,
}

impl Need {
    /// Nothing is known of it yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn key(mut self, space: Space, key: Key) -> Self {
        self.keys.push((space, key.into_bytes()));
        self
    }

    pub(crate) fn keys(&self) -> &[(Space, Vec<u8>)] {
        &self.keys
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }

    pub(crate) fn only(self, wanted: impl Fn(&(Space, Vec<u8>)) -> bool) -> Self {
        Self { keys: self.keys.into_iter().filter(wanted).collect() }
    }
}

/// What was read for a need: a value, or that there is none, for each of its keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetched {
    values: HashMap<(Space, Vec<u8>), Option<Bytes>>,
}

impl Fetched {
    pub(crate) fn of(need: Need, found: &HashMap<(Space, Vec<u8>), Bytes>) -> Self {
        let values = need.keys.into_iter().map(|key| {
            let value = found.get(&key).cloned();
            (key, value)
        });
        Self { values: values.collect() }
    }

    /// `None`: it was not asked for.
    pub(crate) fn get(&self, key: &(Space, Vec<u8>)) -> Option<Option<Bytes>> {
        self.values.get(key).cloned()
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.values.extend(other.values);
    }
}
