use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Timeline;

/// Locks are spread over this many mutexes; two that share one only wait for each other.
const STRIPES: usize = 16 * 1024;

/// The locks a transaction declares before it begins. They are taken in one order, so transactions never deadlock.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    keys: Vec<Vec<u8>>,
}

impl Locks {
    /// None: for a transaction that only reads.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The timeline, its head and every user's view of it.
    #[must_use]
    pub fn timeline(mut self, timeline: &Timeline) -> Self {
        self.keys.push(timeline.key().into_bytes());
        self
    }

    /// What belongs to one user: account, change counter, friends.
    #[must_use]
    pub fn user(self, user_id: &str) -> Self {
        self.named("user", user_id)
    }

    /// What belongs to the app as a whole.
    #[must_use]
    pub fn app(self) -> Self {
        self.named("app", "")
    }

    pub(crate) fn keys(&self) -> &[Vec<u8>] {
        &self.keys
    }

    fn named(mut self, kind: &str, name: &str) -> Self {
        self.keys.push(format!("{kind}\0{name}").into_bytes());
        self
    }
}

#[derive(Debug)]
pub(crate) struct LockTable {
    stripes: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

impl LockTable {
    pub(crate) fn new() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }

    pub(crate) async fn take(&self, locks: &Locks) -> Vec<OwnedMutexGuard<()>> {
        let mut stripes: Vec<usize> = locks.keys.iter().map(|key| self.stripe(key)).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(Arc::clone(&self.stripes[stripe]).lock_owned().await);
        }
        guards
    }

    fn stripe(&self, key: &[u8]) -> usize {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or(0)
    }
}
