//! The systems the bench can start, by name.

pub mod ejabberd;
pub mod lethe;
pub mod prosody;
pub mod service;
pub mod sqlite;
pub mod synapse;
pub mod xmpp;

use std::path::PathBuf;

use self::xmpp::Archive;
use crate::Outcome;
use crate::system::System;
use crate::xmpp::Wire;

/// A system by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Lethe, from `LETHE_BENCH_BINARY` or beside this binary.
    Lethe,
    /// ejabberd over TCP, its archive in SQLite.
    Ejabberd,
    /// The same over WebSocket.
    EjabberdWs,
    /// ejabberd over TCP, its archive in files that it does not sync.
    EjabberdFast,
    /// Prosody over TCP, its archive in SQLite.
    Prosody,
    /// The same over WebSocket.
    ProsodyWs,
    /// Prosody over TCP, its archive in files that it does not sync.
    ProsodyFast,
    /// Matrix Synapse over HTTP, with SQLite.
    Synapse,
}

impl Kind {
    /// Why it cannot be started on this machine, in a line for the report.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Ejabberd | Self::EjabberdWs | Self::EjabberdFast => (!ejabberd::is_installed())
                .then_some("not installed: Debian's ejabberd and erlang-p1-sqlite3"),
            Self::Prosody | Self::ProsodyWs | Self::ProsodyFast => {
                (!prosody::is_installed()).then_some("not installed: Debian's prosody and lua-dbi-sqlite3")
            }
            Self::Synapse => (!synapse::is_installed()).then_some(
                "not installed: matrix-synapse from PyPI in .cache/synapse, or LETHE_BENCH_SYNAPSE",
            ),
            Self::Lethe => None,
        }
    }
}

/// What and where to start.
#[derive(Clone, Debug, clap::Args)]
pub struct Setup {
    /// The system under test.
    #[arg(long, global = true, value_enum, default_value_t = Kind::Lethe)]
    pub system: Kind,
    /// Directory in which the system's data directories are made and removed, which chooses the disk (/dev/shm: memory).
    #[arg(long, global = true, env = "LETHE_BENCH_DIR", default_value_os_t = std::env::temp_dir())]
    pub dir: PathBuf,
    /// A system that runs already, instead of one to start: host:port.
    #[arg(long, global = true)]
    pub peer_url: Option<String>,
}

impl Setup {
    /// Starts the system on an empty data directory.
    ///
    /// # Errors
    /// When it is not there or does not start.
    pub fn start(&self) -> Outcome<Box<dyn System>> {
        if let Some(why) = self.system.missing() {
            return Err(format!("{:?} is {why}", self.system).into());
        }
        let dir = &self.dir;
        Ok(match self.system {
            Kind::Lethe => Box::new(lethe::Lethe::start(dir)?),
            Kind::Ejabberd => Box::new(ejabberd::start(dir, Wire::Tcp, Archive::Durable)?),
            Kind::EjabberdWs => Box::new(ejabberd::start(dir, ejabberd::WEBSOCKET, Archive::Durable)?),
            Kind::EjabberdFast => Box::new(ejabberd::start(dir, Wire::Tcp, Archive::Fast)?),
            Kind::Prosody => Box::new(prosody::start(dir, Wire::Tcp, Archive::Durable)?),
            Kind::ProsodyWs => Box::new(prosody::start(dir, prosody::WEBSOCKET, Archive::Durable)?),
            Kind::ProsodyFast => Box::new(prosody::start(dir, Wire::Tcp, Archive::Fast)?),
            Kind::Synapse => Box::new(synapse::Synapse::start(dir)?),
        })
    }

    /// Starts Lethe, for work that no other system is asked to do.
    ///
    /// # Errors
    /// When another system is chosen, or Lethe does not start.
    pub fn lethe(&self) -> Outcome<lethe::Lethe> {
        match self.system {
            Kind::Lethe => lethe::Lethe::start(&self.dir),
            other => Err(format!("this is measured on Lethe only, not on {other:?}").into()),
        }
    }
}
