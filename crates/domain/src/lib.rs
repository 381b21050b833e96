//! What is allowed: pure rules and floor arithmetic. No async, no clock, no I/O: time and facts are arguments.
//!
//! The stored state of each noun is declared here too, because the rules are about it. Stored values are CBOR arrays
//! with numbered fields: a field may be added at the end, none may change its number or meaning.

pub mod accounts;
pub mod conversations;
pub mod deletions;
pub mod friends;
pub mod groups;
pub mod messages;
pub mod settings;

/// Result of a rule: a refusal carries the code and the words the user sees.
pub type Verdict<T = ()> = Result<T, lethe_protocol::Error>;
