//! Memtables that are full are sealed here. The engine would have its own thread do so, which gets to it after merges that take
//! seconds, while a busy server's memtable grows on. And each commit would ask for it anew, until the queue has no room for what
//! that thread has to tell itself, and it waits for ever.
//!
//! It is in step with the engine's journal, all of which is replayed by a start after a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use fjall::{AbstractTree as _, Database, Keyspace};

use crate::StoreError;
use crate::engine::Space;
use crate::engine::tables::{SMALL, is_small};

/// The name of the thread.
const THREAD: &str = "sealer";
/// So many sealed memtables of a space wait for the engine's thread at most, which makes one table of them. With one more the
/// engine would stop all writes, for a tenth of a second at a time.
const SEALED: usize = 3;

/// Bytes in memtables, of all spaces together, at which they become tables: about half a journal. A row of a journal that is in a
/// table need not be put into memory again, which is a third of its replay.
const TOGETHER: u64 = 32 << 20;
/// Those with less than this are left for the next time. All spaces have less than [`TOGETHER`] of such.
const LITTLE: u64 = TOGETHER / 32;
/// The engine makes the file of a journal this long when it begins it. A longer one has more in it than the engine wants.
const JOURNAL: u64 = 64 << 20;

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
    pub(super) fn of(database: &Database, spaces: &Arc<Vec<Keyspace>>) -> std::io::Result<Self> {
        let (database, spaces, told) = (database.clone(), Arc::clone(spaces), Arc::default());
        let theirs = Arc::clone(&told);
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let thread = thread.spawn(move || work(&database, &spaces, &theirs))?;
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
fn work(database: &Database, spaces: &[Keyspace], told: &Told) {
    let mut asked = false;
    while !told.end.load(Ordering::Relaxed) {
        let hurry = told.hurry.swap(false, Ordering::Relaxed);
        let sealed = seal_full(spaces)
            .and_then(|()| seal_many(spaces))
            .and_then(|()| if hurry { seal_largest(spaces) } else { Ok(()) })
            .and_then(|()| end_journal(database, spaces, &mut asked));
        if let Err(error) = sealed {
            // The next commit finds out as well, and stops the store.
            let error = StoreError::Write(error.to_string());
            tracing::warn!(%error, "a memtable is not sealed");
        }
        std::thread::park();
    }
}

/// Seals the memtables of small spaces that are full.
fn seal_full(spaces: &[Keyspace]) -> Result<(), fjall::Error> {
    let small = Space::ALL.iter().zip(spaces).filter(|(space, _)| is_small(**space));
    small.into_iter().try_for_each(|(_, keyspace)| seal(keyspace, SMALL))
}

/// Seals all memtables but little ones if they are too much together.
fn seal_many(spaces: &[Keyspace]) -> Result<(), fjall::Error> {
    let together: u64 = spaces.iter().map(bytes).sum();
    if together < TOGETHER {
        return Ok(());
    }
    spaces.iter().try_for_each(|keyspace| seal(keyspace, LITTLE))
}

/// Bytes of a memtable that is written to, as the engine counts them.
fn bytes(keyspace: &Keyspace) -> u64 {
    keyspace.tree.active_memtable().size()
}

/// Seals the memtable of a space if it is full and one more may wait.
fn seal(keyspace: &Keyspace, full: u64) -> Result<(), fjall::Error> {
    let may_wait = keyspace.tree.sealed_memtable_count() < SEALED;
    if may_wait && bytes(keyspace) >= full {
        keyspace.rotate_memtable()?;
    }
    Ok(())
}

/// Seals the largest memtable of all unless some are sealed already.
fn seal_largest(spaces: &[Keyspace]) -> Result<(), fjall::Error> {
    let under_way = spaces.iter().any(|keyspace| keyspace.tree.sealed_memtable_count() > 0);
    let largest = spaces.iter().max_by_key(|keyspace| bytes(keyspace));
    if let (false, Some(keyspace)) = (under_way, largest) {
        keyspace.rotate_memtable()?;
    }
    Ok(())
}

/// Has the engine begin a new journal once the present one is full, and asks once for each: it does so when a memtable becomes a
/// table, and then makes tables of all others that the old one has, after which it removes it. The smallest takes the least until
/// then. While there is an old one the engine is behind, and asking for more would not help.
fn end_journal(database: &Database, spaces: &[Keyspace], asked: &mut bool) -> Result<(), fjall::Error> {
    let full = database.journal_count() == 1 && database.journal_disk_space()? > JOURNAL;
    let smallest =
        spaces.iter().filter(|keyspace| bytes(keyspace) > 0).min_by_key(|keyspace| bytes(keyspace));
    if let (true, false, Some(keyspace)) = (full, *asked, smallest) {
        keyspace.rotate_memtable()?;
    }
    *asked = full;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fjall::{CompressionType, Database, KeyspaceCreateOptions};

    use super::*;

    /// Spaces of a database with so many threads that write tables.
    fn spaces(directory: &Path, names: &[&str], threads: usize) -> (Database, Vec<Keyspace>) {
        // So that a value takes as much of the journal as of the memory.
        let builder = Database::builder(directory).journal_compression(CompressionType::None);
        let database = builder.worker_threads_unchecked(threads).open().unwrap();
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

    fn fill(space: &Keyspace, bytes: u64) {
        // The engine counts a little more than the value.
        space.insert("key", vec![0; usize::try_from(bytes).unwrap() - 1000]).unwrap();
    }

    #[test]
    fn all_are_sealed_that_are_much_together_but_little_ones() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, spaces) = spaces(directory.path(), &["one", "another", "little"], 0);
        let all = || spaces.iter().map(sealed).collect::<Vec<_>>();
        fill(&spaces[0], TOGETHER / 2);
        fill(&spaces[1], TOGETHER / 2 - LITTLE);
        fill(&spaces[2], LITTLE);
        seal_many(&spaces).unwrap();
        assert_eq!(all(), [0, 0, 0]);
        spaces[1].insert("another", [0; 4000]).unwrap();
        seal_many(&spaces).unwrap();
        assert_eq!(all(), [1, 1, 0]);
        seal_many(&spaces).unwrap();
        assert_eq!(all(), [1, 1, 0]);
    }

    #[test]
    fn a_full_journal_is_ended_once_by_the_smallest() {
        let directory = tempfile::tempdir().unwrap();
        let (database, spaces) = spaces(directory.path(), &["large", "small", "empty"], 0);
        let all = || spaces.iter().map(sealed).collect::<Vec<_>>();
        let mut asked = false;
        spaces[1].insert("key", [0; 1000]).unwrap();
        fill(&spaces[0], JOURNAL - 1000);
        end_journal(&database, &spaces, &mut asked).unwrap();
        assert_eq!(all(), [0, 0, 0]);
        spaces[1].insert("another", [0; 1000]).unwrap();
        end_journal(&database, &spaces, &mut asked).unwrap();
        assert_eq!(all(), [0, 1, 0]);
        spaces[1].insert("key", [0; 1000]).unwrap();
        end_journal(&database, &spaces, &mut asked).unwrap();
        assert_eq!(all(), [0, 1, 0]);
    }

    #[test]
    fn each_full_journal_is_removed_though_nothing_else_is_sealed() {
        let directory = tempfile::tempdir().unwrap();
        let (database, spaces) = spaces(directory.path(), &["large", "small"], 1);
        let mut asked = false;
        for n in 1..=3_u8 {
            spaces[1].insert("key", [n]).unwrap();
            fill(&spaces[0], JOURNAL + 2000);
            end_journal(&database, &spaces, &mut asked).unwrap();
            assert!(asked);
            while database.journal_count() > 1 || database.journal_disk_space().unwrap() > JOURNAL {
                std::thread::yield_now();
            }
            end_journal(&database, &spaces, &mut asked).unwrap();
            assert!(!asked);
            assert_eq!(spaces[1].get("key").unwrap().as_deref(), Some(&[n][..]));
        }
    }

    #[test]
    fn it_looks_when_it_is_woken_and_ends_with_the_spaces() {
        let directory = tempfile::tempdir().unwrap();
        let names: Vec<_> = Space::ALL.iter().map(|space| space.name()).collect();
        let (database, spaces) = spaces(directory.path(), &names, 1);
        let spaces = Arc::new(spaces);
        let sealer = Sealer::of(&database, &spaces).unwrap();
        let before = spaces[0].tree.active_memtable().id();
        spaces[0].insert("key", "value").unwrap();
        // Far from full: the thread seals it all the same, as it is the largest.
        sealer.hurry();
        while spaces[0].tree.active_memtable().id() == before {
            std::thread::yield_now();
        }
        let there = Arc::downgrade(&spaces);
        drop((database, spaces, sealer));
        assert!(there.upgrade().is_none());
    }
}
