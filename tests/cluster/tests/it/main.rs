//! What happens to many users while nodes, the database and the bus break, in real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod away;
mod embedded;
mod faults;
mod mutations;
mod services;
mod support;
