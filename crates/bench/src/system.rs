//! A running server under test.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::session::Session;

/// What the report says about a system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Its name, as on the command line.
    pub name: String,
    /// Its version, as it says itself; with the build, if it is a program that is built here.
    pub version: String,
    /// What has happened to a message when its sender is answered, in words.
    pub durability: String,
    /// The exact command that starts it, with its settings.
    pub command: String,
}

/// One socket to open, and what is said on it.
pub struct Link {
    /// Where to connect.
    pub address: SocketAddr,
    /// Logs in and then speaks for its user.
    pub session: Box<dyn Session>,
}

/// A server with a data directory of its own. Dropping it kills it.
pub trait System {
    /// What the report says about it.
    fn identity(&self) -> &Identity;

    /// Its processes. Their descendants are counted too, so the roots are enough. Empty when it runs elsewhere.
    fn processes(&self) -> Vec<u32>;

    /// Where it keeps messages; none when it runs elsewhere.
    fn data_directory(&self) -> Option<PathBuf>;

    /// Makes accounts that can log in. Called once per user, before anything else names the user.
    ///
    /// # Errors
    /// When the server refuses.
    fn add_users(&mut self, users: &[String]) -> Outcome<()>;

    /// Makes a group whose owner is the first of `members`, with archiving on. Called once per group.
    ///
    /// # Errors
    /// When the server refuses.
    fn add_group(&mut self, group: &str, members: &[String]) -> Outcome<()>;

    /// The sockets of one client of a user, number `client` of this run, that hears the `groups` it is a member of.
    /// What the client sends goes through the first; deliveries are counted on all.
    ///
    /// # Errors
    /// When the server does not know the user.
    fn links(&self, user: &str, client: u32, groups: &[String]) -> Outcome<Vec<Link>>;

    /// Ends it without a warning, as kill -9 does, keeping its data directory.
    ///
    /// # Errors
    /// When this system cannot be restarted.
    fn crash(&mut self) -> Outcome<()>;

    /// Ends it as an operator does, keeping its data directory, and waits for the end.
    ///
    /// # Errors
    /// When this system cannot be restarted, or does not end.
    fn stop(&mut self) -> Outcome<()>;

    /// Starts it again on the same data directory and address; returns when it accepts connections.
    ///
    /// # Errors
    /// When it does not start.
    fn restart(&mut self) -> Outcome<()>;
}
