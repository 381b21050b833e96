use lethe_protocol::{Code, Error};
use lethe_store::StoreError;

/// Why a request was not done: what the user may know, or what only the log may know.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A rule refused it.
    Refused(Error),
    /// The store could not do it.
    Store(StoreError),
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    pub(crate) fn refuse(code: Code, message: impl Into<String>) -> Self {
        Self::Refused(Error::new(code, message))
    }

    /// What the user is told; the rest goes to the log.
    pub(crate) fn tell(self) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Store(StoreError::Again(why)) => {
                tracing::warn!(why, "a request was put off");
                Error::new(Code::UNAVAILABLE, "the server cannot do this now; try again")
            }
            Self::Store(error) => {
                tracing::error!(%error, "a request failed");
                Error::new(Code::UNAVAILABLE, "the server cannot do this now; try again")
            }
        }
    }
}
