//! The work, one file each. Every scenario counts what it sent and what came back, and ends with an error when they
//! differ.

pub mod cluster;
pub mod delete;
pub mod erase;
pub mod group;
pub mod history;
pub mod idle;
pub mod mixed;
pub mod pairs;
pub mod size;
pub mod storm;
pub mod sustained;
pub mod sync;

use std::time::Duration;

use crate::Outcome;
use crate::figures::Figures;
use crate::fleet::{Fleet, Gathered};
use crate::systems::Setup;

/// A scenario with its sizes.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Work {
    /// S1: clients that are logged in and do nothing but heartbeats.
    Idle(idle::Idle),
    /// S2: pairs of users who write to each other, at a fixed rate and then as fast as they can.
    Pairs(pairs::Pairs),
    /// S2: pairs of users who write as fast as they can, for minutes.
    Sustained(sustained::Sustained),
    /// S3: a group whose members are all online, one message at a time and then many.
    Group(group::Group),
    /// S4: one call that deletes 1 and 100 conversations, with histories of several lengths.
    Delete(delete::Delete),
    /// S4: what others feel while a long history is erased.
    Erase(erase::Erase),
    /// S5: pages backwards through a long history, cold and warm.
    History(history::History),
    /// S6: logins with short and long lists, lists, and a resume after many deletions.
    Sync(sync::Sync),
    /// S7: all clients lose the server at once and come back.
    Storm(storm::Storm),
    /// S8: start, disk and memory with many stored messages.
    Size(size::Size),
    /// S9: users who do a bit of everything for a while.
    Mixed(mixed::Mixed),
    /// S10: PostgreSQL, NATS and two nodes on this machine.
    Cluster(cluster::InCluster),
    /// What sockets, disk and JSON can do without a chat server.
    Limits(crate::limits::Limits),
}

impl Work {
    /// Does it once, on a system of its own.
    ///
    /// # Errors
    /// When anything fails, and when counts do not fit.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        match self {
            Self::Idle(work) => work.run(setup),
            Self::Pairs(work) => work.run(setup),
            Self::Sustained(work) => work.run(setup),
            Self::Group(work) => work.run(setup),
            Self::Delete(work) => work.run(setup),
            Self::Erase(work) => work.run(setup),
            Self::History(work) => work.run(setup),
            Self::Sync(work) => work.run(setup),
            Self::Storm(work) => work.run(setup),
            Self::Size(work) => work.run(setup),
            Self::Mixed(work) => work.run(setup),
            Self::Cluster(work) => work.run(setup),
            Self::Limits(work) => work.run(setup),
        }
    }
}

/// The `n`th user.
#[must_use]
pub fn user(n: usize) -> String {
    format!("u{n:06}")
}

/// Waits until nothing has come for `quiet`: what was told about logins and memberships is through.
///
/// # Errors
/// See [`Fleet::turn`].
pub fn until_quiet(fleet: &mut Fleet, quiet: Duration) -> Outcome<()> {
    loop {
        let mut any = false;
        fleet.turn(quiet, |_, _| {
            any = true;
            Ok(())
        })?;
        if !any {
            return Ok(());
        }
    }
}

/// Says in an error what was going on.
///
/// # Errors
/// The one given.
pub fn during<T>(what: &str, outcome: Outcome<T>) -> Outcome<T> {
    outcome.map_err(|error| format!("{what}: {error}").into())
}

/// Tells of connections that a server ended during the login, where there were any.
fn repeated(gathered: &Gathered, figures: &mut Figures) {
    if let Ok(retries @ 1..) = u32::try_from(gathered.retries) {
        figures.add("logins that were lost and repeated", "", f64::from(retries));
    }
}

/// An error unless both counts are the same.
///
/// # Errors
/// When they differ.
pub fn same(what: &str, expected: u64, found: u64) -> Outcome<()> {
    if expected == found { Ok(()) } else { Err(format!("{what}: {found} instead of {expected}").into()) }
}
