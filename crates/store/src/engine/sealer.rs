//! Memtables that are full are sealed here. The engine would have its own thread do so, which gets to it after merges that take
//! seconds, while a busy server's memtable grows on. And each commit would ask for it anew, until the queue has no room for what
//! that thread has to tell itself, and it waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use fjall::{AbstractTree as _, Keyspace};

use crate::StoreError;
use crate::engine::Space;
use crate::engine::tables::memtable_bytes;

/// The name of the thread.
const THREAD: &str = "sealer";
/// So many sealed memtables of a space wait for the engine's thread at most, which makes one table of them. With one more the
/// engine would stop all writes, for a tenth of a second at a time.
const SEALED: usize = 3;

/// A thread that seals memtables, when it is woken.
#[derive(Debug)]
pub(super) struct Sealer {
    told: Arc<Told>,
    /// There until the end.
    thread: Option<JoinHandle<()>>,
}

/// What the thread is to do besides looking.
#[derive(Debug, Default)]
struct Told {
    hurry: AtomicBool,
    end: AtomicBool,
}

impl Sealer {
    /// Begins to look after these spaces, which are all there are.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn of(spaces: &Arc<Vec<Keyspace>>) -> std::io::Result<Self> {
        let (spaces, told) = (Arc::clone(spaces), Arc::default());
        let theirs = Arc::clone(&told);
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let thread = thread.spawn(move || work(&spaces, &theirs))?;
        Ok(Self { told, thread: Some(thread) })
    }

    /// Something was written: it looks for memtables that are full.
    pub(super) fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Writes wait for tables: if none is under way the largest memtable is to become one, full or not.
    pub(super) fn hurry(&self) {
        self.told.hurry.store(true, Ordering::Relaxed);
        self.wake();
    }
}

impl Drop for Sealer {
    /// Holds nothing of the spaces any more when this returns: whoever opens the same files next finds them closed.
    fn drop(&mut self) {
        self.told.end.store(true, Ordering::Relaxed);
        self.wake();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Until it is told to end; what is told before it is woken is seen after.
fn work(spaces: &[Keyspace], told: &Told) {
    while !told.end.load(Ordering::Relaxed) {
        let hurry = told.hurry.swap(false, Ordering::Relaxed);
        let sealed = seal_full(spaces).and_then(|()| if hurry { seal_largest(spaces) } else { Ok(()) });
        if let Err(error) = sealed {
            // The next commit finds out as well, and stops the store.
            let error = StoreError::Write(error.to_string());
            tracing::warn!(%error, "a memtable is not sealed");
        }
        std::thread::park();
    }
}

fn seal_full(spaces: &[Keyspace]) -> Result<(), fjall::Error> {
    Space::ALL.iter().zip(spaces).try_for_each(|(space, keyspace)| seal(keyspace, memtable_bytes(*space)))
}

/// Seals the memtable of a space if it is full and one more may wait.
fn seal(keyspace: &Keyspace, full: u64) -> Result<(), fjall::Error> {
    let may_wait = keyspace.tree.sealed_memtable_count() < SEALED;
    if may_wait && keyspace.tree.active_memtable().size() >= full {
        keyspace.rotate_memtable()?;
    }
    Ok(())
}

/// Seals the largest memtable of all unless some are sealed already.
fn seal_largest(spaces: &[Keyspace]) -> Result<(), fjall::Error> {
    let under_way = spaces.iter().any(|keyspace| keyspace.tree.sealed_memtable_count() > 0);
    let largest = spaces.iter().max_by_key(|keyspace| keyspace.tree.active_memtable().size());
    if let (false, Some(keyspace)) = (under_way, largest) {
        keyspace.rotate_memtable()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fjall::{Database, KeyspaceCreateOptions};

    use super::*;

    /// Spaces of a database with so many threads that write tables.
    fn spaces(directory: &Path, names: &[&str], threads: usize) -> (Database, Vec<Keyspace>) {
        let database = Database::builder(directory).worker_threads_unchecked(threads).open().unwrap();
        let space = |name: &&str| database.keyspace(name, KeyspaceCreateOptions::default).unwrap();
        let spaces = names.iter().map(space).collect();
        (database, spaces)
    }

    fn sealed(space: &Keyspace) -> usize {
        space.tree.sealed_memtable_count()
    }

    #[test]
    fn a_memtable_is_sealed_once_it_is_full() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, spaces) = spaces(directory.path(), &["space"], 0);
        let space = &spaces[0];
        space.insert("key", [0; 1000]).unwrap();
        let size = space.tree.active_memtable().size();
        seal(space, size + 1).unwrap();
        assert_eq!(sealed(space), 0);
        seal(space, size).unwrap();
        assert_eq!((sealed(space), space.tree.active_memtable().size()), (1, 0));
    }

    #[test]
    fn no_more_are_sealed_than_the_engine_lets_wait() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, spaces) = spaces(directory.path(), &["space"], 0);
        let space = &spaces[0];
        for waiting in 1..=SEALED + 1 {
            space.insert("key", [0; 1000]).unwrap();
            seal(space, 1).unwrap();
            assert_eq!(sealed(space), waiting.min(SEALED));
        }
    }

    #[test]
    fn the_largest_is_sealed_in_a_hurry_unless_one_is_under_way() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, spaces) = spaces(directory.path(), &["small", "large", "empty"], 0);
        spaces[0].insert("key", [0; 1000]).unwrap();
        spaces[1].insert("key", [0; 2000]).unwrap();
        let all = || spaces.iter().map(sealed).collect::<Vec<_>>();
        seal_largest(&spaces).unwrap();
        assert_eq!(all(), [0, 1, 0]);
        spaces[0].insert("another", [0; 1000]).unwrap();
        seal_largest(&spaces).unwrap();
        assert_eq!(all(), [0, 1, 0], "its table is not written yet");
    }

    #[test]
    fn it_looks_when_it_is_woken_and_ends_with_the_spaces() {
        let directory = tempfile::tempdir().unwrap();
        let names: Vec<_> = Space::ALL.iter().map(|space| space.name()).collect();
        let (_database, spaces) = spaces(directory.path(), &names, 1);
        let spaces = Arc::new(spaces);
        let sealer = Sealer::of(&spaces).unwrap();
        let before = spaces[0].tree.active_memtable().id();
        spaces[0].insert("key", "value").unwrap();
        // Far from full: the thread seals it all the same, as it is the largest.
        sealer.hurry();
        while spaces[0].tree.active_memtable().id() == before {
            std::thread::yield_now();
        }
        let there = Arc::downgrade(&spaces);
        drop((spaces, sealer));
        assert!(there.upgrade().is_none());
    }
}
