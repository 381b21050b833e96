//! A native client of a Lethe server: one socket, requests and answers, events, and a replica of the conversation list
//! that events keep up to date. Tests, the bench and command-line tools use it.

mod client;
mod replica;

pub use client::{Client, ClientError, Credentials};
pub use replica::{Brief, Replica};
