/// Why the store could not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The data cannot be read or is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Acknowledged commits are missing at the end of the log.
    #[error(
        "the database is damaged: commit {promised} was acknowledged, but the log ends at {found}; restore a back-up, or \
         start once with --salvage to go on with what is there"
    )]
    LostCommits {
        /// The last commit that was acknowledged.
        promised: u64,
        /// The last commit that is there.
        found: u64,
    },
    /// A read failed.
    #[error("the database cannot be read: {0}")]
    Read(String),
    /// A write failed. The store takes no more until it is opened again.
    #[error("the database cannot be written: {0}")]
    Write(String),
    /// The database is away or was busy for too long. Nothing was changed; the same may succeed later.
    #[error("the database does not answer: {0}")]
    Again(String),
    /// An earlier write failed, or the store is closing.
    #[error("the database takes no more requests")]
    Stopped,
    /// The data directory cannot be used.
    #[error("{0}")]
    Directory(String),
}

impl StoreError {
    pub(crate) fn opening(error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self::Directory(format!("the database cannot be opened: {error}")),
            fjall::Error::Locked => Self::Directory("the database is in use".to_owned()),
            other => Self::Damaged(format!("{other:?}")),
        }
    }

    pub(crate) fn reading(error: &fjall::Error) -> Self {
        match error {
            fjall::Error::Io(error) => Self::Read(error.to_string()),
            other => Self::Damaged(format!("{other:?}")),
        }
    }
}
