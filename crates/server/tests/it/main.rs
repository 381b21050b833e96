//! Stories with named actors, through the real socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod account;
mod backup;
mod cluster;
mod connections;
mod crash;
mod deletion;
mod erasure;
mod friends;
mod full_disk;
mod groups;
mod history;
mod invariants;
mod journal;
mod messages;
mod process;
mod race;
mod replica;
mod rest;
mod retention;
mod start;
mod support;
mod undo;
