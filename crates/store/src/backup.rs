//! A back-up: every row of the embedded engine as of one moment, in one file, whose end says that it is whole.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use minicbor::{Decode, Encode};
use sha2::{Digest as _, Sha256};

use crate::engine::{Batch, Space};
use crate::record::{decode, encode};
use crate::{Identity, StoreError};

/// The first bytes of a back-up.
const MAGIC: &[u8] = b"lethe backup 1\n";
/// The number of a space that ends the rows.
const END: u8 = u8::MAX;
/// Rows are put into a new store in batches of about this many bytes.
const BATCH: usize = 4 << 20;
/// The longest key and the longest value that can be right.
const LONGEST: u32 = 256 << 20;

/// What a back-up says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Backup {
    /// Server time in ms at which it began.
    #[n(0)]
    pub time: u64,
    /// The app.
    #[n(1)]
    sdk_app_id: u32,
    #[n(2)]
    secret_key: String,
    #[n(3)]
    console_password: String,
}

/// How much a back-up holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackupSize {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Backup {
    /// A back-up of this app, of this time in ms.
    #[must_use]
    pub fn new(identity: &Identity, time: u64) -> Self {
        Self {
            time,
            sdk_app_id: identity.sdk_app_id,
            secret_key: identity.secret_key.clone(),
            console_password: identity.console_password.clone(),
        }
    }

    /// Who it was.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            sdk_app_id: self.sdk_app_id,
            secret_key: self.secret_key.clone(),
            console_password: self.console_password.clone(),
        }
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Directory(format!("the back-up {} cannot be written: {error}", path.display()))
}

fn damaged(path: &Path, what: &str) -> StoreError {
    StoreError::Directory(format!("{} is no whole back-up: {what}", path.display()))
}

/// Writes a back-up; what is written is also hashed.
pub(crate) struct Writer {
    file: BufWriter<File>,
    hash: Sha256,
    size: BackupSize,
}

impl Writer {
    pub(crate) fn begin(path: &Path, backup: &Backup) -> Result<Self, StoreError> {
        let open = || OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        let file = BufWriter::with_capacity(1 << 20, open().map_err(|error| cannot(path, &error))?);
        let mut writer = Self { file, hash: Sha256::new(), size: BackupSize::default() };
        let header = encode(backup);
        let length = u32::try_from(header.len()).unwrap_or(u32::MAX).to_be_bytes();
        let write = |writer: &mut Self| {
            writer.put(MAGIC)?;
            writer.put(&length)?;
            writer.put(&header)
        };
        write(&mut writer).map_err(|error| cannot(path, &error))?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.size.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    pub(crate) fn row(&mut self, space: Space, key: &[u8], value: &[u8]) -> std::io::Result<()> {
        self.size.rows += 1;
        self.put(&[space as u8])?;
        for part in [key, value] {
            self.put(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        }
        self.put(key)?;
        self.put(value)
    }

    /// When this returns, the file is whole and durable.
    pub(crate) fn end(mut self) -> std::io::Result<BackupSize> {
        self.put(&[END])?;
        let digest = std::mem::take(&mut self.hash).finalize();
        self.file.write_all(&digest)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        self.size.bytes += digest.len() as u64;
        Ok(self.size)
    }
}

/// A row: where, key and value.
type Row = (Space, Vec<u8>, Vec<u8>);

/// Reads a back-up and says of each part whether it is there.
struct Reader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    hash: Sha256,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(|_| damaged(self.path, "it ends too early"))?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn length(&mut self) -> Result<usize, StoreError> {
        let bytes = self.take(4)?;
        let length = bytes.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte));
        if length > LONGEST {
            return Err(damaged(self.path, "a part of it is too long"));
        }
        Ok(length as usize)
    }

    fn row(&mut self) -> Result<Option<Row>, StoreError> {
        let number = self.take(1)?[0];
        if number == END {
            return Ok(None);
        }
        let unknown = || damaged(self.path, "it has a part that this version does not know");
        let space = *Space::ALL.get(usize::from(number)).ok_or_else(unknown)?;
        let (key, value) = (self.length()?, self.length()?);
        Ok(Some((space, self.take(key)?, self.take(value)?)))
    }
}

fn open(path: &Path) -> Result<(Reader<'_>, Backup), StoreError> {
    let file = File::open(path).map_err(|error| {
        StoreError::Directory(format!("the back-up {} cannot be read: {error}", path.display()))
    })?;
    let mut reader = Reader { path, file: BufReader::with_capacity(1 << 20, file), hash: Sha256::new() };
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(damaged(path, "it does not begin as one"));
    }
    let length = reader.length()?;
    let header = reader.take(length)?;
    Ok((reader, decode(&header)?))
}

/// Reads a whole back-up once before anything is made of it.
pub(crate) fn check(path: &Path) -> Result<Backup, StoreError> {
    let (mut reader, backup) = open(path)?;
    while reader.row()?.is_some() {}
    let digest = std::mem::take(&mut reader.hash).finalize();
    let mut kept = vec![0; digest.len()];
    reader.file.read_exact(&mut kept).map_err(|_| damaged(path, "it ends too early"))?;
    if kept != digest.to_vec() {
        return Err(damaged(path, "its check sum is wrong"));
    }
    Ok(backup)
}

/// All rows of a back-up that was checked, in batches.
pub(crate) fn batches(
    path: &Path,
    mut each: impl FnMut(Batch) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (mut reader, _) = open(path)?;
    let (mut batch, mut bytes, mut rows) = (Batch::default(), 0, 0);
    while let Some((space, key, value)) = reader.row()? {
        bytes += key.len() + value.len();
        rows += 1;
        batch.writes.push((space, key.into(), Some(value.into())));
        if bytes >= BATCH {
            each(std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    each(batch)?;
    Ok(rows)
}
