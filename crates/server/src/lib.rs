//! Who hears it: the doors of a Lethe server, one dispatch, handlers per noun, and the hub that tells.

mod backup;
mod bus;
mod cluster;
mod config;
mod connection;
mod context;
mod deadline;
mod dispatch;
mod doors;
mod erase;
mod eraser;
mod failure;
mod handlers;
mod hub;
mod journal;
mod listener;
mod outbox;
mod patience;
mod retention;
mod serve;
mod usersig;
mod wire;
mod writers;

pub use backup::{Restored, backup, restore};
pub use bus::{BusError, Chaos};
pub use config::{Config, ConfigError, DemoMode, EngineName, Options, example};
pub use erase::{Report as ErasureReport, erase};
pub use serve::{Faults, Running, StartError, identity_of, start, start_with_faults};
pub use usersig::{Claims, mint, verify};
