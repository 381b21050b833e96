//! A server process.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lethe_client::Client;

use crate::support::{APP, Actor, KEY, World};

/// `lethe serve` on this data directory and a free port.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.env("LETHE_SDKAPPID", APP.to_string()).env("LETHE_SECRET_KEY", KEY);
    command
}

/// The server as a process of its own, so that it can be killed.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    pub(crate) fn start(data: &Path) -> Self {
        Self::run(command(data))
    }

    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("lethe ready at http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { address: address.parse().unwrap(), child }
    }

    pub(crate) fn signal(&self, name: &str) {
        Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
    }

    /// As kill -9; so does dropping it.
    pub(crate) fn kill(self) {
        drop(self);
    }

    pub(crate) async fn log_in(&self, world: &World, user: &str) -> Actor {
        let credentials = world.credentials(user);
        let client = Client::connect(self.address, &credentials, None).await.unwrap();
        Actor { client, credentials }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
