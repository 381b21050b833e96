//! Memtables and tables are freed here. The engine lets go of a memtable that is in a table, and of tables that were merged,
//! under the lock that every read and write of their space takes; freeing some hundred thousand rows there stopped everybody
//! for a quarter of a second, and removing files of 64 MiB for 30 ms. So each has another owner, who is the last to let go.
//! Memtables, which are nothing but memory, wait for a core that nobody wants; files of tables do not.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use fjall::{AbstractTree as _, Keyspace};

use crate::engine::fjall::WORKER;
use crate::engine::priority;
use crate::engine::written::Written;

/// The name of the thread.
const THREAD: &str = "reclaimer";
/// The name of the one that frees memtables while nobody wants its core.
const IDLE: &str = "reclaimer:idle";
/// A memtable waits for it this long: on a machine that is busy for longer it has one that it does not get done with, and the others
/// are freed all the same.
const PATIENCE: Duration = Duration::from_millis(250);
/// Time between looks while there is something to free, or may soon be.
const PAUSE: Duration = Duration::from_millis(20);
/// Looks after the last write: what it had the engine begin is over by then.
const LOOKS: u32 = 250;
/// Time between looks after that: the engine remembers the last ones until it writes another table.
const REST: Duration = Duration::from_secs(60);

type Piece = Arc<dyn Any + Send + Sync>;

/// The other owner of the memtables and tables of all spaces, with a thread of its own.
#[derive(Debug)]
pub(super) struct Reclaimer {
    owned: Arc<Mutex<Owned>>,
    thread: Thread,
}

/// What is owned beside the engine.
#[derive(Debug)]
struct Owned {
    /// None once the engine ends.
    spaces: Option<Weak<Vec<Keyspace>>>,
    /// The number of the memtable of each space, and of its version, when it was last looked at.
    seen: Vec<(u64, u64)>,
    memtables: Vec<Piece>,
    /// Runs of tables.
    tables: Vec<Piece>,
    /// Memtables that nobody else has any more, and since when.
    free: VecDeque<(Instant, Piece)>,
    /// Takes one when it is done with the last.
    idle: SyncSender<Piece>,
}

impl Reclaimer {
    /// Begins to own what these spaces have, in which so much was written.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn of(spaces: &Arc<Vec<Keyspace>>, written: &Arc<Written>) -> std::io::Result<Self> {
        let owned = Arc::new(Mutex::new(Owned::of(spaces, free_idly()?)));
        let (theirs, written) = (Arc::clone(&owned), Arc::clone(written));
        let thread = std::thread::Builder::new().name(THREAD.to_owned());
        let thread = thread.spawn(move || work(&theirs, &written))?.thread().clone();
        Ok(Self { owned, thread })
    }

    /// Something was written: it looks at once.
    pub(super) fn wake(&self) {
        self.thread.unpark();
    }

    /// Removes the tables that the engine has let go of, before this returns.
    pub(super) fn reclaim(&self) {
        lock(&self.owned).look();
    }
}

impl Drop for Reclaimer {
    /// Owns nothing any more when this returns: whoever opens the same files next may give a new one the name of an old one.
    fn drop(&mut self) {
        let mut owned = lock(&self.owned);
        owned.spaces = None;
        owned.memtables.clear();
        owned.free.clear();
        owned.tables.clear();
        self.thread.unpark();
    }
}

fn lock(owned: &Mutex<Owned>) -> std::sync::MutexGuard<'_, Owned> {
    owned.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that frees what it gets, and waits for a core until nobody else wants it.
fn free_idly() -> std::io::Result<SyncSender<Piece>> {
    let (give, take) = sync_channel(0);
    std::thread::Builder::new().name(IDLE.to_owned()).spawn(move || {
        priority::idle();
        take.into_iter().for_each(drop::<Piece>);
    })?;
    Ok(give)
}

/// Until the engine ends.
fn work(owned: &Mutex<Owned>, written: &Written) {
    // A thread gives itself its name: this one has it by now, and the engine's threads began earlier.
    priority::lower(&[WORKER, THREAD]);
    let (mut known, mut looks) = (0, 0);
    while lock(owned).look() {
        let total = written.total();
        looks = if total == known { looks + 1 } else { 0 };
        known = total;
        std::thread::park_timeout(if looks < LOOKS { PAUSE } else { REST });
    }
}

impl Owned {
    fn of(spaces: &Arc<Vec<Keyspace>>, idle: SyncSender<Piece>) -> Self {
        let spaces = Some(Arc::downgrade(spaces));
        let (memtables, tables, free) = (Vec::new(), Vec::new(), VecDeque::new());
        Self { spaces, seen: Vec::new(), memtables, tables, free, idle }
    }

    /// Takes what is new, and frees what nobody else has. Whether the engine is still there.
    fn look(&mut self) -> bool {
        let Some(spaces) = self.spaces.as_ref().and_then(Weak::upgrade) else { return false };
        self.seen.resize(spaces.len(), (u64::MAX, u64::MAX));
        for (space, seen) in spaces.iter().zip(&mut self.seen) {
            let (memtable, version) = (space.tree.active_memtable(), space.tree.current_version());
            let now = (memtable.id(), version.id());
            if std::mem::replace(seen, now) == now {
                continue;
            }
            take(&mut self.memtables, memtable);
            version
                .iter_levels()
                .flat_map(|level| level.iter())
                .for_each(|run| take(&mut self.tables, run.clone()));
        }
        // The engine and all readers have let go of those that nobody else has.
        let in_use = |piece: &mut Piece| Arc::strong_count(piece) > 1;
        self.tables.retain_mut(in_use);
        let (now, free) = (Instant::now(), self.memtables.extract_if(.., |piece| !in_use(piece)));
        self.free.extend(free.map(|memtable| (now, memtable)));
        self.free();
        true
    }

    /// Hands on the memtables that nobody has, or frees them here if they have waited for long.
    fn free(&mut self) {
        while let Some((since, memtable)) = self.free.pop_front() {
            match self.idle.try_send(memtable) {
                Err(TrySendError::Full(memtable)) if since.elapsed() < PATIENCE => {
                    self.free.push_front((since, memtable));
                    return;
                }
                done => drop(done),
            }
        }
    }
}

fn take(pieces: &mut Vec<Piece>, piece: Piece) {
    if !pieces.iter().any(|known| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&piece))) {
        pieces.push(piece);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use fjall::{Database, KeyspaceCreateOptions};

    use super::*;

    fn until(what: &str, is: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::yield_now();
        }
    }

    fn space(directory: &Path) -> (Database, Keyspace) {
        let database = Database::builder(directory).open().unwrap();
        let space = database.keyspace("space", KeyspaceCreateOptions::default).unwrap();
        (database, space)
    }

    /// Files of tables.
    fn tables(directory: &Path) -> usize {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let below = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
            true => tables(&entry.path()),
            false => usize::from(entry.path().parent().unwrap().ends_with("tables")),
        };
        entries.map(below).sum()
    }

    #[test]
    fn a_memtable_has_another_owner_until_the_engine_has_let_go_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, space) = space(directory.path());
        let spaces = Arc::new(vec![space.clone()]);
        space.insert("before", "").unwrap();
        let alone = Arc::strong_count(&space.tree.active_memtable());
        let reclaimer = Reclaimer::of(&spaces, &Arc::default()).unwrap();
        reclaimer.wake();
        until("it gets another owner", || Arc::strong_count(&space.tree.active_memtable()) > alone);
        let memtable = Arc::downgrade(&space.tree.active_memtable());
        space.rotate_memtable_and_wait().unwrap();
        // The engine lets go of it when it begins the next one.
        space.insert("after", "").unwrap();
        space.rotate_memtable_and_wait().unwrap();
        until("it is freed", || memtable.upgrade().is_none());
    }

    #[test]
    fn memtables_that_find_the_idle_thread_busy_wait_and_are_freed_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, space) = space(directory.path());
        let spaces = Arc::new(vec![space]);
        let (give, _busy) = sync_channel(0);
        let mut owned = Owned::of(&spaces, give);
        owned.memtables = (0..3).map(|n| Arc::new(n) as Piece).collect();
        let pieces: Vec<_> = owned.memtables.iter().map(Arc::downgrade).collect();
        let there = || pieces.iter().filter(|piece| piece.strong_count() > 0).count();
        assert!(owned.look());
        assert_eq!((there(), owned.free.len()), (3, 3));
        for (since, _) in owned.free.iter_mut().take(2) {
            *since = since.checked_sub(PATIENCE).unwrap();
        }
        assert!(owned.look());
        assert_eq!((there(), owned.free.len()), (1, 1), "one may still wait");
        assert_eq!(owned.memtables.len(), 1, "the one that is written to");
    }

    #[test]
    fn a_merged_table_is_removed_once_the_engine_has_let_go_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, space) = space(directory.path());
        let reclaimer = Reclaimer::of(&Arc::new(vec![space.clone()]), &Arc::default()).unwrap();
        // The thread finds the spaces gone: what is left is what is asked for.
        drop(reclaimer);
        let spaces = Arc::new(vec![space.clone()]);
        let mut owned = Owned::of(&spaces, free_idly().unwrap());
        let flush = |key: &str| {
            space.insert(key, "").unwrap();
            space.rotate_memtable_and_wait().unwrap();
        };
        flush("one");
        assert!(owned.look());
        let before = tables(directory.path());
        space.major_compact().unwrap();
        flush("two");
        flush("three");
        assert_eq!(tables(directory.path()), before + 3, "the engine alone would have removed the first");
        assert!(owned.look());
        assert_eq!(tables(directory.path()), before + 2);
    }

    #[test]
    fn nothing_is_owned_after_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let (_database, space) = space(directory.path());
        let spaces = Arc::new(vec![space]);
        let written = Arc::default();
        let reclaimer = Reclaimer::of(&spaces, &written).unwrap();
        reclaimer.reclaim();
        let (owned, theirs) = (Arc::clone(&reclaimer.owned), Arc::downgrade(&written));
        drop(written);
        assert!(!lock(&owned).memtables.is_empty());
        drop(reclaimer);
        assert!(lock(&owned).memtables.is_empty() && lock(&owned).tables.is_empty());
        until("the thread ends", || theirs.upgrade().is_none());
    }
}
