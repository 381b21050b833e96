//! Room on the disk: one that runs full stops the store, so other files stop growing before.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::StoreError;

/// Bytes that other files leave free on the store's disk: two of the engine's journals.
pub(crate) const RESERVE: u64 = 128_000_000;

/// Bytes that are free for others than root where `path` is.
pub(crate) fn free(path: &Path) -> Result<u64, StoreError> {
    let disk = rustix::fs::statvfs(path).map_err(|error| StoreError::Read(error.to_string()))?;
    Ok(disk.f_bavail * disk.f_frsize)
}

/// Whether a file in `directory` may grow: on another disk than the store's as long as that one takes it.
///
/// # Errors
/// [`StoreError::Directory`] with a sentence.
pub(crate) fn may_grow(store: &Path, directory: &Path) -> Result<(), StoreError> {
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    if device(store) != device(directory) {
        return Ok(());
    }
    let free = free(directory)?;
    if free >= RESERVE {
        return Ok(());
    }
    let sentence = format!("the store's disk has {free} bytes free, and {RESERVE} are left for the store");
    Err(StoreError::Directory(sentence))
}
