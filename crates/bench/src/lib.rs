//! What things cost: Lethe, its peers and the machine's own limits, measured on the same work.
//!
//! | module | what |
//! |---|---|
//! | [`system`], [`systems`] | a running server under test, and how each is started |
//! | [`session`], [`stamp`], [`websocket`] | what one socket says and hears, cheaply |
//! | [`xmpp`] | the same for servers that speak XMPP |
//! | [`fleet`] | many sockets served by one thread |
//! | [`meter`], [`usage`] | CPU, memory and disk of processes, from the operating system |
//! | [`scenarios`], [`limits`] | the work |
//! | [`figures`], [`goals`], [`report`], [`chart`] | what came out |
//! | [`plan`], [`all`], [`record`] | everything, one after the other, and what is done so far |
//! | [`fill`](mod@fill) | a store filled with histories, offline |

pub mod all;
pub mod chart;
pub mod figures;
pub mod fill;
pub mod fleet;
pub mod goals;
pub mod limits;
pub mod meter;
pub mod plan;
pub mod record;
pub mod report;
pub mod scenarios;
pub mod session;
pub mod stamp;
pub mod system;
pub mod systems;
pub mod usage;
pub mod websocket;
pub mod xmpp;

pub use fill::{ME, fill, peer};

/// Why a bench stops: any error, in a sentence.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
