//! What things cost: Lethe, its peers and the machine's own limits, measured on the same work.
//!
//! | module | what |
//! |---|---|
//! | [`system`], [`systems`] | a running server under test, and how each is started |
//! | [`session`], [`stamp`], [`websocket`] | what one socket says and hears, cheaply |
//! | [`fleet`] | many sockets served by one thread |
//! | [`usage`] | CPU, memory and disk of processes, from the operating system |
//! | [`scenarios`], [`limits`] | the work |
//! | [`figures`], [`report`], [`chart`] | what came out |
//! | [`fill`] | a store filled with histories, offline |

pub mod fill;
pub mod session;
pub mod stamp;
pub mod system;

pub use fill::{ME, fill, peer, percentile};

/// Why a bench stops: any error, in a sentence.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
