//! A native client of a Lethe server: one socket, requests and answers, events, and a replica of the conversation list
//! that events keep up to date. Tests, the bench and command-line tools use it.

mod brief;
mod client;
mod error;
mod replica;

pub use brief::Brief;
pub use client::{Client, Credentials};
pub use error::ClientError;
pub use replica::Replica;
