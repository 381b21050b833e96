//! What tests of several nodes need: PostgreSQL, NATS and Lethe nodes as child processes that never outlive the test, a
//! proxy that cuts connections, a load of many users, and a checker that compares what they saw with what is kept.
//!
//! | module | what |
//! |---|---|
//! | [`postgres`], [`nats`], [`node`], [`proxy`] | services, and what can happen to them |
//! | [`cluster`] | addresses of nodes, wherever they run |
//! | [`load`] | users with devices who write, read, delete and pin, and note everything |
//! | [`evidence`] | what they noted, and the final state |
//! | [`checker`] | a pure function from evidence to a report or a contradiction |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "support for tests: what fails here fails the test, with a message and a place"
)]

pub mod checker;
pub mod cluster;
pub mod evidence;
pub mod load;
pub mod nats;
pub mod node;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
