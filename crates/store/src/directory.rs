use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::StoreError;

/// The format of the directory, in the file `format`. A newer one is refused, an older one brought up to date: from 1 to 2
/// nothing had to be moved, but a version that knows 1 would show what was deleted for everyone. From 2 to 3 neither, but a
/// version that knows 2 would miss the newest commits: it looks for their number elsewhere.
const FORMAT: u32 = 3;

/// The directory that holds everything a server keeps: `format`, `lock`, `identity.json`, `commits` and `store/`.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

/// Who this server is: made at the first start, kept in `identity.json`, readable by the owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The app.
    pub sdk_app_id: u32,
    /// The key that signs UserSigs.
    pub secret_key: String,
    /// The console's password. Kept as it is, beside a key that can do more.
    pub console_password: String,
}

impl DataDirectory {
    /// Opens a data directory for this process alone, or makes a new one.
    ///
    /// # Errors
    /// One sentence that says why it cannot be used; nothing was changed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| refuse(format!("the data directory {shown} cannot be made: {error}")))?;
        check_format(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|error| refuse(format!("the data directory {shown} cannot be written: {error}")))?;
        match lock_soon(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refuse(format!("the data directory {shown} is in use by another process")));
            }
            Err(TryLockError::Error(error)) => {
                return Err(refuse(format!("the data directory {shown} cannot be locked: {error}")));
            }
        }
        if fs::read_to_string(path.join("format")).ok() != Some(format!("lethe {FORMAT}\n")) {
            write_whole(&path.join("format"), format!("lethe {FORMAT}\n").as_bytes())?;
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Whether another process has a data directory open.
    #[must_use]
    pub fn is_in_use(path: &Path) -> bool {
        let lock = OpenOptions::new().write(true).open(path.join("lock"));
        lock.is_ok_and(|lock| matches!(lock_soon(&lock), Err(TryLockError::WouldBlock)))
    }

    /// Where the embedded engine lives.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.path.join("store")
    }

    /// The identity that was kept, if any.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn identity(&self) -> Result<Option<Identity>, StoreError> {
        read_identity(&self.path)
    }

    /// The identity kept in a directory, without opening it for a server.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn identity_in(path: &Path) -> Result<Option<Identity>, StoreError> {
        read_identity(path)
    }

    /// Keeps the identity.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        let json = serde_json::json!({
            "sdkAppId": identity.sdk_app_id,
            "secretKey": identity.secret_key,
            "consolePassword": identity.console_password,
        });
        write_whole(&identity_path(&self.path), format!("{json:#}\n").as_bytes())
    }

    pub(crate) fn commit_mark(&self) -> Result<CommitMark, StoreError> {
        CommitMark::open(&self.path.join("commits"))
    }
}

/// The number of the last acknowledged commit, outside the database: a log that ends before it has lost something.
///
/// It is written after each commit without a sync of its own, so after a loss of power it may be behind, never ahead.
#[derive(Debug)]
pub(crate) struct CommitMark {
    file: File,
    promised: u64,
}

impl CommitMark {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let cannot = |error: std::io::Error| refuse(format!("{} cannot be used: {error}", path.display()));
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .map_err(cannot)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        Ok(Self { file, promised: Self::decode(&bytes) })
    }

    /// The number and its complement; anything else is a torn write and promises nothing.
    fn decode(bytes: &[u8]) -> u64 {
        let Ok(bytes) = <[u8; 16]>::try_from(bytes) else { return 0 };
        let (number, check) = bytes.split_at(8);
        let read = |part: &[u8]| part.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        if read(check) == !read(number) { read(number) } else { 0 }
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised
    }

    pub(crate) fn promise(&mut self, number: u64) -> Result<(), StoreError> {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        bytes[8..].copy_from_slice(&(!number).to_be_bytes());
        self.file.write_all_at(&bytes, 0).map_err(|error| StoreError::Write(error.to_string()))?;
        self.promised = number;
        Ok(())
    }
}

/// A process that was just ended, or a child that has not yet run its own program, may hold the lock for a moment.
fn lock_soon(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..20 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
    lock.try_lock()
}

/// A directory with things in it that are not Lethe's is somebody else's.
fn check_format(path: &Path) -> Result<(), StoreError> {
    let shown = path.display();
    match fs::read_to_string(path.join("format")) {
        Ok(text) => {
            let version = text.trim().strip_prefix("lethe ").and_then(|number| number.parse::<u32>().ok());
            match version {
                Some(version) if version <= FORMAT => Ok(()),
                Some(version) => Err(refuse(format!(
                    "the data directory {shown} has format {version}, and this version knows up to {FORMAT}: use a newer Lethe"
                ))),
                None => Err(refuse(format!("the data directory {shown} has an unreadable format file"))),
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let cannot = |error| refuse(format!("the data directory {shown} cannot be read: {error}"));
            let foreign = fs::read_dir(path).map_err(cannot)?.filter_map(Result::ok).any(|entry| {
                !["lock", "lost+found", "format.next"].iter().any(|own| entry.file_name() == *own)
            });
            if foreign {
                return Err(refuse(format!("{shown} has files in it and is not a Lethe data directory")));
            }
            Ok(())
        }
        Err(error) => Err(refuse(format!("the data directory {shown} cannot be read: {error}"))),
    }
}

fn identity_path(path: &Path) -> PathBuf {
    path.join("identity.json")
}

fn read_identity(path: &Path) -> Result<Option<Identity>, StoreError> {
    let path = identity_path(path);
    let shown = path.display();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(format!("{shown} cannot be read: {error}"))),
    };
    let json: Map<String, Value> =
        serde_json::from_str(&text).map_err(|error| refuse(format!("{shown} is damaged: {error}")))?;
    let read = || {
        Some(Identity {
            sdk_app_id: u32::try_from(json.get("sdkAppId")?.as_u64()?).ok()?,
            secret_key: json.get("secretKey")?.as_str()?.to_owned(),
            console_password: json.get("consolePassword")?.as_str()?.to_owned(),
        })
    };
    read().map(Some).ok_or_else(|| refuse(format!("{shown} is damaged: a part is missing")))
}

/// Writes a file as a whole or not at all, for its owner only.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let next = path.with_extension("next");
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|error: std::io::Error| {
        let _ = fs::remove_file(&next);
        refuse(format!("{} cannot be written: {error}", path.display()))
    })
}

fn refuse(sentence: String) -> StoreError {
    StoreError::Directory(sentence)
}
