//! One suite for every engine: the same operations give the same answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod closing;
mod commit;
mod engines;
mod model;
mod nonces;
mod postgres;
