use lethe_protocol::Error;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused it.
    #[error("{0}")]
    Refused(Error),
    /// The socket is gone. Whether the request took effect is unknown.
    #[error("the connection is closed{}", .0.map_or_else(String::new, |code| format!(" with code {code}")))]
    Closed(Option<u16>),
    /// The answer is not what the protocol says.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl ClientError {
    /// The code of a refusal; 0 for anything else.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::Refused(error) => error.code.0,
            Self::Closed(_) | Self::Unexpected(_) => 0,
        }
    }
}
