//! An empty SQLite database whose journal is a write-ahead log: a server that opens it keeps that, and then syncs once for
//! a commit instead of four times. An operator does the same with `PRAGMA journal_mode=WAL`.

use std::io;
use std::path::Path;

const PAGE: usize = 4096;

/// Makes the file.
///
/// # Errors
/// When it cannot be written.
pub fn write_ahead(path: &Path) -> io::Result<()> {
    std::fs::write(path, page())
}

/// The only page: the header of the file, and a table of tables without rows.
fn page() -> Vec<u8> {
    let mut page = vec![0; PAGE];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
    // Read and written through a write-ahead log; then payload fractions, which are constants.
    page[18..24].copy_from_slice(&[2, 2, 0, 64, 32, 32]);
    // Changes, pages, the format of the schema, UTF-8, and the change and version that this is valid for.
    for (place, number) in [(24, 1_u32), (28, 1), (44, 4), (56, 1), (92, 1), (96, 3_040_001)] {
        page[place..place + 4].copy_from_slice(&number.to_be_bytes());
    }
    // A leaf of a table whose content starts at the end of the page.
    page[100] = 13;
    page[105..107].copy_from_slice(&4096_u16.to_be_bytes());
    page
}
