//! Memtables are freed here. Once one is in a table, the engine lets go of it under the lock that every read and write of
//! its space takes, and freeing some hundred thousand rows there stopped everybody for a quarter of a second. So each has
//! another owner, who is the last to let go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::Thread;
use std::time::Duration;

use fjall::{AbstractTree as _, Keyspace};

/// It is looked for new memtables whenever so much was written, in bytes: one that is smaller is freed soon enough.
const LOOK: u64 = 1 << 20;
/// Time between looks while there is something to free, or may soon be.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks after the last write: what it had the engine begin is over by then.
const LOOKS: u32 = 250;
/// Time between looks after that, while the engine remembers a memtable, as it does until it writes another one.
const REST: Duration = Duration::from_secs(60);

/// The other owner of the memtables of all spaces, a thread of its own that ends with them.
#[derive(Debug)]
pub(super) struct Memtables {
    written: Arc<AtomicU64>,
    thread: Thread,
}

impl Memtables {
    /// Begins to own the memtables of these spaces.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn of(spaces: &Arc<Vec<Keyspace>>) -> std::io::Result<Self> {
        let written = Arc::new(AtomicU64::new(0));
        let (spaces, total) = (Arc::downgrade(spaces), Arc::clone(&written));
        let thread = std::thread::Builder::new().name("memtables".to_owned());
        let thread = thread.spawn(move || own(&spaces, &total))?.thread().clone();
        Ok(Self { written, thread })
    }

    /// So many bytes were written.
    pub(super) fn written(&self, bytes: u64) {
        let before = self.written.fetch_add(bytes, Ordering::Relaxed);
        if before / LOOK != (before + bytes) / LOOK {
            self.thread.unpark();
        }
    }
}

impl Drop for Memtables {
    /// The thread sees that the spaces are gone.
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

fn own(spaces: &Weak<Vec<Keyspace>>, written: &AtomicU64) {
    let look =
        |spaces: &[Keyspace]| spaces.iter().map(|space| space.tree.active_memtable()).collect::<Vec<_>>();
    let Some(first) = spaces.upgrade() else { return };
    let (mut active, mut old) = (look(&first), Vec::new());
    drop(first);
    let (mut known, mut looks) = (0, 0);
    while let Some(present) = spaces.upgrade() {
        let before = std::mem::replace(&mut active, look(&present));
        drop(present);
        old.extend(
            before
                .into_iter()
                .zip(&active)
                .filter(|(before, now)| before.id() != now.id())
                .map(|pair| pair.0),
        );
        // The engine and all readers have let go of those that nobody else has: here they are freed.
        old.retain(|memtable| Arc::strong_count(memtable) > 1);
        let total = written.load(Ordering::Relaxed);
        looks = if total == known { looks + 1 } else { 0 };
        known = total;
        match (looks >= LOOKS, old.is_empty()) {
            (true, true) => std::thread::park(),
            (true, false) => std::thread::park_timeout(REST),
            (false, _) => std::thread::park_timeout(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use fjall::{Database, KeyspaceCreateOptions};

    use super::*;

    fn until(what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_memtable_has_another_owner_until_the_engine_has_let_go_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::builder(directory.path()).open().unwrap();
        let space = database.keyspace("space", KeyspaceCreateOptions::default).unwrap();
        let spaces = Arc::new(vec![space.clone()]);
        space.insert("before", "").unwrap();
        let alone = Arc::strong_count(&space.tree.active_memtable());
        let memtables = Memtables::of(&spaces).unwrap();
        memtables.written(LOOK);
        until("it gets another owner", || Arc::strong_count(&space.tree.active_memtable()) > alone);
        let memtable = Arc::downgrade(&space.tree.active_memtable());
        space.rotate_memtable_and_wait().unwrap();
        // The engine lets go of it when it begins the next one.
        space.insert("after", "").unwrap();
        space.rotate_memtable_and_wait().unwrap();
        until("it is freed", || memtable.upgrade().is_none());
    }

    #[test]
    fn the_thread_ends_with_the_spaces() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::builder(directory.path()).open().unwrap();
        let space = database.keyspace("space", KeyspaceCreateOptions::default).unwrap();
        let spaces = Arc::new(vec![space]);
        let memtables = Memtables::of(&spaces).unwrap();
        let written = Arc::downgrade(&memtables.written);
        drop(spaces);
        drop(memtables);
        until("it ends", || written.upgrade().is_none());
    }
}
