//! The limit: a relay on the library that Lethe's doors are made of, which stores nothing, knows nobody and parses
//! nothing. It passes texts on and answers; what waits for a socket goes out in one write.

mod server;
mod session;

use std::net::SocketAddr;
use std::path::PathBuf;

use lethe_cluster_tests::process::{self, Process};

pub use self::server::serve;
pub use self::session::{ECHO, RelaySession};
use crate::Outcome;
use crate::system::{Identity, Link, System};

/// The relay as a child process: this binary itself.
pub struct Relay {
    identity: Identity,
    address: SocketAddr,
    process: Process,
}

impl Relay {
    /// Starts it.
    ///
    /// # Errors
    /// When this binary cannot be started again.
    pub fn start() -> Outcome<Self> {
        let path = std::env::current_exe()?;
        let mut command = process::command(path.to_str().ok_or("a path in UTF-8")?, None);
        command.arg("relay");
        let process = Process::start("relay", command);
        let line = process.wait_for("relay ready at ");
        let address = line.trim_start_matches("relay ready at ").trim().parse()?;
        let identity = Identity {
            name: "relay".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            durability: "nothing is stored: the limit of sockets and library".to_owned(),
            command: "lethe-bench relay".to_owned(),
        };
        Ok(Self { identity, address, process })
    }
}

impl System for Relay {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.process.id()]
    }

    fn data_directory(&self) -> Option<PathBuf> {
        None
    }

    fn add_users(&mut self, _: &[String]) -> Outcome<()> {
        Ok(())
    }

    fn add_group(&mut self, _: &str, _: &[String]) -> Outcome<()> {
        Ok(())
    }

    fn links(&self, user: &str, client: u32, groups: &[String]) -> Outcome<Vec<Link>> {
        let session = RelaySession::new(self.address, user, client, groups);
        Ok(vec![Link { address: self.address, session: Box::new(session) }])
    }

    fn crash(&mut self) -> Outcome<()> {
        Err("a relay has nothing to come back with".into())
    }

    fn stop(&mut self) -> Outcome<()> {
        Err("a relay has nothing to come back with".into())
    }

    fn restart(&mut self) -> Outcome<()> {
        Err("a relay has nothing to come back with".into())
    }
}
