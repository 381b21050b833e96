//! The systems the bench can start, by name.

pub mod cluster;
pub mod ejabberd;
pub mod lethe;
pub mod prosody;
pub mod relay;
pub mod service;
pub mod sqlite;
pub mod synapse;
pub mod wukongim;
pub mod xmpp;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::xmpp::Archive;
use crate::Outcome;
use crate::system::System;
use crate::xmpp::Wire;

/// A system by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Lethe, from `LETHE_BENCH_BINARY` or beside this binary.
    Lethe,
    /// A relay that stores nothing, on the library that Lethe uses: the limit of the machine.
    Relay,
    /// ejabberd over TCP, its archive in SQLite.
    Ejabberd,
    /// The same over WebSocket.
    EjabberdWs,
    /// Prosody over TCP, its archive in SQLite.
    Prosody,
    /// The same over WebSocket.
    ProsodyWs,
    /// Prosody over TCP, its archive in files that it does not sync.
    ProsodyFast,
    /// Matrix Synapse over HTTP, with SQLite.
    Synapse,
    /// `WuKongIM` that runs already, at `--peer-url`.
    Wukongim,
}

impl Kind {
    /// All that are measured together, Lethe first. What `prosody-fast` gains, it pays for with durability.
    pub const ALL: [Self; 8] = [
        Self::Lethe,
        Self::Relay,
        Self::Ejabberd,
        Self::EjabberdWs,
        Self::Prosody,
        Self::ProsodyWs,
        Self::Synapse,
        Self::Wukongim,
    ];

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lethe => "lethe",
            Self::Relay => "relay",
            Self::Ejabberd => "ejabberd",
            Self::EjabberdWs => "ejabberd-ws",
            Self::Prosody => "prosody",
            Self::ProsodyWs => "prosody-ws",
            Self::ProsodyFast => "prosody-fast",
            Self::Synapse => "synapse",
            Self::Wukongim => "wukongim",
        }
    }

    /// What has to be installed to start it, when it is not.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Ejabberd | Self::EjabberdWs => {
                (!ejabberd::is_installed()).then_some("Debian's packages ejabberd and erlang-p1-sqlite3")
            }
            Self::Prosody | Self::ProsodyWs | Self::ProsodyFast => {
                (!prosody::is_installed()).then_some("Debian's packages prosody and lua-dbi-sqlite3")
            }
            Self::Synapse => (!synapse::is_installed())
                .then_some("PyPI's package matrix-synapse in .cache/synapse, or LETHE_BENCH_SYNAPSE"),
            Self::Lethe | Self::Relay | Self::Wukongim => None,
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
        if let Some(what) = self.system.missing() {
            return Err(format!("not installed: {what}").into());
        }
        let dir = &self.dir;
        Ok(match self.system {
            Kind::Lethe => Box::new(lethe::Lethe::start(dir)?),
            Kind::Relay => Box::new(relay::Relay::start()?),
            Kind::Ejabberd => Box::new(ejabberd::start(dir, Wire::Tcp)?),
            Kind::EjabberdWs => Box::new(ejabberd::start(dir, ejabberd::WEBSOCKET)?),
            Kind::Prosody => Box::new(prosody::start(dir, Wire::Tcp, Archive::Durable)?),
            Kind::ProsodyWs => Box::new(prosody::start(dir, prosody::WEBSOCKET, Archive::Durable)?),
            Kind::ProsodyFast => Box::new(prosody::start(dir, Wire::Tcp, Archive::Fast)?),
            Kind::Synapse => Box::new(synapse::Synapse::start(dir)?),
            Kind::Wukongim => Box::new(wukongim::Wukongim::find(self.peer_url.as_deref())?),
        })
    }

    /// Starts Lethe, for work that no other system is asked to do.
    ///
    /// # Errors
    /// When another system is chosen, or Lethe does not start.
    pub fn lethe(&self) -> Outcome<lethe::Lethe> {
        self.must_be_lethe()?;
        lethe::Lethe::start(&self.dir)
    }

    /// An error when another system is chosen.
    ///
    /// # Errors
    /// Exactly then.
    pub fn must_be_lethe(&self) -> Outcome<()> {
        if self.system == Kind::Lethe { Ok(()) } else { Err("this work is for Lethe alone".into()) }
    }
}
