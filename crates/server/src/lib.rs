//! Who hears it: the doors of a Lethe server, one dispatch, handlers per noun, and the hub that tells.

mod config;
mod connection;
mod context;
mod dispatch;
mod doors;
mod failure;
mod handlers;
mod hub;
mod listener;
mod serve;
mod usersig;

pub use config::{Config, ConfigError, DemoMode, EngineName, Options, example};
pub use serve::{Running, StartError, identity_of, start};
pub use usersig::{Claims, mint, verify};
