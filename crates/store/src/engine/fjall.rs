use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fjall::{AbstractTree as _, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable as _};

use crate::backup::Writer;
use crate::engine::backlog::Backlog;
use crate::engine::reclaimer::Reclaimer;
use crate::engine::rows::Rows;
use crate::engine::sealer::Sealer;
use crate::engine::tables::options;
use crate::engine::written::Written;
use crate::engine::{Batch, Direction, Engine, Range, Space};
use crate::{Backup, BackupSize, StoreError, room};

/// Memory for blocks read from disk, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

/// Full journals may be kept up to this, the least the engine takes: what they hold goes into tables as soon as one is
/// full, so that a start after a crash replays no more than one or two.
const JOURNALS_BYTES: u64 = 64 << 20;

/// Threads of the engine, which write tables and merge them. Of several, one is kept for writing, and asks in a loop as long
/// as another merges: it had a tenth of a busy server's time.
const WORKERS: usize = 1;
/// Their name.
pub(super) const WORKER: &str = "fjall:worker";

/// The embedded default: a log-structured merge tree in pure Rust. It does not sync by itself, so every commit does.
pub struct FjallEngine {
    path: PathBuf,
    /// Before the spaces: it owns nothing of them when they close.
    reclaimer: Reclaimer,
    sealer: Sealer,
    backlog: Backlog,
    written: Arc<Written>,
    database: Database,
    spaces: Arc<Vec<Keyspace>>,
    rows: Rows,
    /// Back-ups and rewritings take turns: a snapshot keeps what was removed.
    turn: Mutex<()>,
    /// Nothing is written any more.
    rests: AtomicBool,
}

impl std::fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallEngine").finish_non_exhaustive()
    }
}

impl FjallEngine {
    /// Opens the database in `path`, or makes one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be read, [`StoreError::Write`] when it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::builder(path)
            .cache_size(CACHE_BYTES)
            .manual_journal_persist(true)
            .max_journaling_size(JOURNALS_BYTES)
            .worker_threads(WORKERS)
            .open()
            .map_err(|error| StoreError::opening(&error))?;
        let spaces = Space::ALL
            .iter()
            .map(|space| database.keyspace(space.name(), || options(*space)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| StoreError::opening(&error))?;
        let spaces = Arc::new(spaces);
        let written = Arc::default();
        let reclaimer =
            Reclaimer::of(&spaces, &written).map_err(|error| StoreError::opening(&error.into()))?;
        let sealer = Sealer::of(&database, &spaces).map_err(|error| StoreError::opening(&error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            reclaimer,
            sealer,
            backlog: Backlog::of(&database),
            written,
            database,
            spaces,
            rows: Rows::new(),
            turn: Mutex::default(),
            rests: AtomicBool::new(false),
        })
    }
}

fn bytes_below(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        // A file may go between being listed and being looked at.
        metadata => metadata.map_or(0, |metadata| metadata.blocks() * 512),
    };
    entries.map(bytes).sum()
}

/// A keyspace that is written only to move the engine's journal on.
const FILLER: &str = "filler";
/// The engine begins a new journal when the present one has more than this, at the next flush.
const JOURNAL_BYTES: u64 = 64_000_000;
/// Rows of a back-up between two looks at the room that is left.
const ROWS: u64 = 4096;
/// How much of it is written at once.
const FILLER_BYTES: usize = 4 << 20;
/// Attempts, and the time between them, until the engine's own threads have removed an old journal.
const ATTEMPTS: u32 = 600;
const BREATH: Duration = Duration::from_millis(50);
/// How often it is seen whether a flush is done.
const FLUSHING: Duration = Duration::from_millis(5);

impl FjallEngine {
    /// What the files take: the journal is a file of 64 MB of which most is a hole.
    pub(super) fn disk_bytes(&self) -> u64 {
        bytes_below(&self.path)
    }

    /// Writes every row as of one moment into a new file; one that was begun in vain is removed.
    pub(super) fn back_up(&self, path: &Path, backup: &Backup) -> Result<BackupSize, StoreError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = path.parent().unwrap_or(Path::new("."));
        self.may_grow(directory)?;
        let writer = Writer::begin(path, backup)?;
        let written = self.write_rows(writer, directory);
        if written.is_err() {
            let _ = std::fs::remove_file(path);
        }
        written
    }

    fn write_rows(&self, mut writer: Writer, directory: &Path) -> Result<BackupSize, StoreError> {
        let failed = |error: std::io::Error| StoreError::Directory(format!("cannot be written: {error}"));
        let snapshot = self.database.snapshot();
        let mut rows = 0_u64;
        for (space, keyspace) in Space::ALL.iter().zip(self.spaces.iter()) {
            for row in snapshot.iter(keyspace) {
                let (key, value) = row.into_inner().map_err(|error| StoreError::reading(&error))?;
                writer.row(*space, &key, &value).map_err(failed)?;
                rows += 1;
                if rows.is_multiple_of(ROWS) {
                    self.may_grow(directory)?;
                }
            }
        }
        let size = writer.end().map_err(failed)?;
        // Its name is durable too.
        std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok(size)
    }

    /// Whether another file in `directory` may grow.
    pub(super) fn may_grow(&self, directory: &Path) -> Result<(), StoreError> {
        room::may_grow(&self.path, directory)
    }

    /// A rewriting needs as much space again, and a journal: a disk that runs full meanwhile would stop the store.
    fn has_room(&self) -> Result<(), StoreError> {
        let (free, needed) = (room::free(&self.path)?, self.disk_bytes() + room::RESERVE);
        if free >= needed {
            return Ok(());
        }
        let sentence = format!("the disk has {free} bytes free, and rewriting the store needs {needed}");
        Err(StoreError::Directory(sentence))
    }

    /// Rewrites every table without what was removed, and leaves no journal that has it.
    ///
    /// The engine offers no call for the journal: it begins a new one once the present one is large and something is
    /// flushed, and removes old ones when all they hold is in tables. So it is filled up first, with what does not compress.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        let failed = |error: fjall::Error| StoreError::Write(error.to_string());
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.rests.load(Ordering::SeqCst) {
            return Err(StoreError::Stopped);
        }
        self.has_room()?;
        let filler = self.database.keyspace(FILLER, KeyspaceCreateOptions::default).map_err(failed)?;
        let journals = self.database.journal_disk_space().map_err(failed)?;
        let mut written = 0;
        while written <= JOURNAL_BYTES {
            let mut block = vec![0; FILLER_BYTES];
            rand::fill(&mut block[..]);
            filler.insert("filler", block).map_err(failed)?;
            written += FILLER_BYTES as u64;
        }
        filler.remove("filler").map_err(failed)?;
        self.database.persist(PersistMode::SyncData).map_err(failed)?;
        tracing::debug!(journals, "the journal was filled up");
        for space in std::iter::once(&filler).chain(self.spaces.iter()) {
            flush(space, &filler).map_err(failed)?;
        }
        for _ in 0..ATTEMPTS {
            // Flushing removes the journals that nothing needs any more; another rotation has it look again.
            filler.insert("again", []).map_err(failed)?;
            flush(&filler, &filler).map_err(failed)?;
            if self.database.journal_count() <= 1 {
                break;
            }
            std::thread::sleep(BREATH);
        }
        for space in std::iter::once(&filler).chain(self.spaces.iter()) {
            space.major_compact().map_err(failed)?;
        }
        // Files of older versions go with the next rotation.
        filler.insert("again", []).map_err(failed)?;
        flush(&filler, &filler).map_err(failed)?;
        self.reclaimer.reclaim();
        Ok(())
    }
}

impl FjallEngine {
    /// Writes everything into tables, after which nothing is written any more and the journal is emptied: the next start
    /// reads it as it is, and has nothing to replay.
    pub(super) fn rest(&self) -> Result<(), StoreError> {
        let failed = |error: fjall::Error| StoreError::Write(error.to_string());
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.rests.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let mut spaces = self.spaces.to_vec();
        if self.database.keyspace_exists(FILLER) {
            spaces.push(self.database.keyspace(FILLER, KeyspaceCreateOptions::default).map_err(failed)?);
        }
        for space in &spaces {
            space.rotate_memtable().map_err(failed)?;
        }
        for space in &spaces {
            while space.sealed_memtable_count() > 0 {
                // It says when the engine's threads have given up.
                self.database.persist(PersistMode::Buffer).map_err(failed)?;
                std::thread::sleep(FLUSHING);
            }
        }
        if spaces.iter().all(|space| space.tree.active_memtable().is_empty()) {
            self.empty_journal().map_err(|error| StoreError::Write(error.to_string()))?;
        }
        Ok(())
    }

    /// The newest journal is the one that is written; the engine itself removes those before.
    fn empty_journal(&self) -> std::io::Result<()> {
        let number = |path: &Path| path.file_stem()?.to_str()?.parse::<u64>().ok();
        let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jnl");
        let paths = std::fs::read_dir(&self.path)?.filter_map(|entry| Some(entry.ok()?.path()));
        let newest = paths.filter(is_journal).max_by_key(|path| number(path));
        let Some(newest) = newest else { return Ok(()) };
        let journal = std::fs::OpenOptions::new().write(true).open(newest)?;
        journal.set_len(0)?;
        journal.sync_all()
    }
}

/// Has a keyspace's writes in a table. The engine's own call waits for ever when its threads cannot write; a write into
/// the filler finds that out.
fn flush(space: &Keyspace, filler: &Keyspace) -> Result<(), fjall::Error> {
    if !space.rotate_memtable()? {
        return Ok(());
    }
    while space.sealed_memtable_count() > 0 {
        std::thread::sleep(FLUSHING);
        filler.remove("filler")?;
    }
    Ok(())
}

impl Engine for FjallEngine {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(space, key)
    }

    async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let pairs = self.spaces[space as usize].range::<&[u8], _>(range.bounds());
        match direction {
            Direction::Forward => collect(pairs, limit),
            Direction::Backward => collect(pairs.rev(), limit),
        }
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.write(batch)
    }
}

impl FjallEngine {
    /// Whether a write would wait for tables of earlier ones.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlog.is_long()
    }

    /// The value of a key.
    pub(super) fn read(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let read = || {
            let value = self.spaces[space as usize].get(key).map_err(|error| StoreError::reading(&error))?;
            Ok(value.map(Bytes::from))
        };
        self.rows.get(space, key, read)
    }

    /// Applies a batch as one, durably.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        if self.rests.load(Ordering::SeqCst) {
            return Err(StoreError::Stopped);
        }
        let mut writes = self.database.batch().durability(Some(PersistMode::SyncData));
        let (mut hot, mut bytes) = (Vec::new(), 0);
        for (space, key, value) in batch.writes {
            bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
            if Rows::keeps(space) {
                hot.push((space, key.clone(), value.clone()));
            }
            let keyspace = &self.spaces[space as usize];
            match value {
                Some(value) => writes.insert(keyspace, key, value),
                None => writes.remove(keyspace, key),
            }
        }
        let failed = |error: fjall::Error| StoreError::Write(error.to_string());
        self.backlog.wait(|| self.sealer.hurry()).map_err(failed)?;
        writes.commit().map_err(failed)?;
        if self.written.add(bytes as u64) {
            self.sealer.wake();
            self.reclaimer.wake();
        }
        self.rows.renew(hot);
        Ok(())
    }
}

/// Rows for which there is room at once: a page of history, and one that says whether there are more.
const PAGE: usize = 32;

fn collect(
    rows: impl Iterator<Item = fjall::Guard>,
    limit: usize,
) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
    let mut pairs = Vec::with_capacity(limit.min(PAGE));
    for row in rows.take(limit) {
        let (key, value) = row.into_inner().map_err(|error| StoreError::reading(&error))?;
        pairs.push((Bytes::from(key), Bytes::from(value)));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_tables_is_bounded_however_fast_one_writes() {
        const FULL: u64 = 2 << 20;
        let directory = tempfile::tempdir().unwrap();
        let mut engine = FjallEngine::open(directory.path()).unwrap();
        engine.backlog = Backlog::of(&engine.database).with(FULL / 2, FULL);
        let value = Bytes::from(vec![7; 64 << 10]);
        for n in 0..400_u64 {
            let row = |space| (space, n.to_be_bytes().to_vec().into(), Some(value.clone()));
            // No memtable of these is ever full: it is because of the limit that tables are written.
            engine.write(Batch { writes: vec![row(Space::Messages), row(Space::Nonces)] }).unwrap();
            let most = FULL + 2 * (value.len() as u64 + 200);
            assert!(engine.database.write_buffer_size() < most, "after {n} writes");
        }
        let read = |n: u64| engine.read(Space::Messages, &n.to_be_bytes()).unwrap();
        assert!((0..400).all(|n| read(n) == Some(value.clone())) && read(400).is_none());
    }
}
