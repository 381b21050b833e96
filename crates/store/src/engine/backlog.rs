//! Writes wait for tables. The engine's thread shares the cores with those who answer: when they want all of them it falls behind,
//! and what it has not written yet would fill the memory. The engine's own limits are numbers of memtables, not bytes.

use std::time::{Duration, Instant};

use fjall::{Database, PersistMode};

/// Bytes in memtables from which on a commit waits a little, as the engine counts them: they take about half as much again. While
/// nothing is behind there are fewer.
const LONG: u64 = 192 << 20;
/// ... at which it waits until there are fewer.
const FULL: u64 = 320 << 20;
/// A commit waits this long just below that. It grows with the square of what is above [`LONG`], so that a server which is a little
/// behind slows a little.
const LONGEST: Duration = Duration::from_millis(250);
/// How often it is seen whether the engine's thread got on: it tells nobody.
const LOOK: Duration = Duration::from_millis(2);

/// What is in memory and not in tables.
pub(super) struct Backlog {
    database: Database,
    long: u64,
    full: u64,
}

impl Backlog {
    /// Of all spaces of a database.
    pub(super) fn of(database: &Database) -> Self {
        Self { database: database.clone(), long: LONG, full: FULL }
    }

    /// With other limits.
    #[cfg(test)]
    pub(super) fn with(self, long: u64, full: u64) -> Self {
        Self { long, full, ..self }
    }

    /// Whether a write would wait.
    pub(super) fn is_long(&self) -> bool {
        self.database.write_buffer_size() > self.long
    }

    /// Waits before a write, longer the more there is; `hurry` is told again and again meanwhile.
    ///
    /// # Errors
    /// When the engine has given up.
    pub(super) fn wait(&self, hurry: impl Fn()) -> Result<(), fjall::Error> {
        let begun = Instant::now();
        while self.delay(self.database.write_buffer_size()).is_none_or(|delay| begun.elapsed() < delay) {
            hurry();
            // It says when the engine's threads have given up.
            self.database.persist(PersistMode::Buffer)?;
            std::thread::sleep(LOOK);
        }
        let waited = begun.elapsed();
        if waited > LONGEST {
            // More than slowing down: nobody was answered for so long.
            tracing::warn!(?waited, "writes had to wait for earlier ones to get into tables");
        }
        Ok(())
    }

    /// How long a write waits while there are so many bytes; `None`: until there are fewer.
    fn delay(&self, bytes: u64) -> Option<Duration> {
        let (above, room) = (bytes.saturating_sub(self.long), self.full - self.long);
        #[expect(clippy::cast_precision_loss, reason = "a share: three digits are plenty")]
        let share = above as f64 / room as f64;
        (bytes < self.full).then(|| LONGEST.mul_f64(share * share))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use fjall::{Keyspace, KeyspaceCreateOptions};

    use super::*;

    const MIB: u64 = 1 << 20;

    fn backlog(directory: &std::path::Path) -> (Backlog, Keyspace) {
        let database = Database::builder(directory).open().unwrap();
        let space = database.keyspace("space", KeyspaceCreateOptions::default).unwrap();
        (Backlog::of(&database).with(MIB, 2 * MIB), space)
    }

    fn write(space: &Keyspace, bytes: u64) {
        let block = vec![0; 64 << 10];
        (0..bytes / (64 << 10)).for_each(|n| space.insert(n.to_be_bytes(), &block).unwrap());
    }

    #[test]
    fn a_write_waits_longer_the_more_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let (backlog, _space) = backlog(directory.path());
        let delay = |bytes| backlog.delay(bytes);
        assert_eq!(delay(0), Some(Duration::ZERO));
        assert_eq!(delay(MIB), Some(Duration::ZERO));
        assert!(delay(MIB + MIB / 64) > Some(Duration::ZERO));
        assert_eq!(delay(MIB + MIB / 2), Some(LONGEST / 4));
        assert!(delay(2 * MIB - 1).is_some_and(|delay| delay > LONGEST.mul_f64(0.99) && delay <= LONGEST));
        assert_eq!(delay(2 * MIB), None);
        assert_eq!(delay(u64::MAX), None);
    }

    #[test]
    fn nobody_waits_for_a_short_one() {
        let directory = tempfile::tempdir().unwrap();
        let (backlog, space) = backlog(directory.path());
        write(&space, MIB / 2);
        assert!(!backlog.is_long());
        backlog.wait(|| panic!("nothing is to be hurried")).unwrap();
    }

    #[test]
    fn at_the_limit_a_write_waits_until_tables_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let (backlog, space) = backlog(directory.path());
        write(&space, 3 * MIB);
        assert!(backlog.is_long());
        let told = AtomicU32::new(0);
        // It would wait for ever if nobody was told.
        let hurry = || {
            if told.fetch_add(1, Ordering::SeqCst) == 1 {
                space.rotate_memtable().unwrap();
            }
        };
        backlog.wait(hurry).unwrap();
        assert!(told.load(Ordering::SeqCst) >= 2 && !backlog.is_long());
    }
}
