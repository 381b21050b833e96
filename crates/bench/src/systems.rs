//! The systems the bench can start, by name.

pub mod cluster;
pub mod lethe;
pub mod relay;

use std::path::PathBuf;

use crate::Outcome;
use crate::system::System;

/// A system by its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Lethe, from `LETHE_BENCH_BINARY` or beside this binary.
    Lethe,
    /// A relay that stores nothing, on the library that Lethe uses: the limit of the machine.
    Relay,
}

impl Kind {
    /// All of them, Lethe first.
    pub const ALL: [Self; 2] = [Self::Lethe, Self::Relay];

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lethe => "lethe",
            Self::Relay => "relay",
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
        match self.system {
            Kind::Lethe => Ok(Box::new(lethe::Lethe::start(&self.dir)?)),
            Kind::Relay => Ok(Box::new(relay::Relay::start()?)),
        }
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
