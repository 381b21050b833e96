//! Lethe nodes as child processes of the binary under test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::ports;
use crate::process::{self, Process};

/// The app that all nodes serve.
pub const APP: u32 = 1_400_000_000;
/// Its key.
pub const KEY: &str = "a key for tests";

/// `lethe serve` on a port that stays. Dropping it kills it.
#[derive(Debug)]
pub struct Node {
    address: SocketAddr,
    arguments: Vec<String>,
    process: Option<Process>,
    /// Where it runs, and leaves nothing.
    home: TempDir,
}

/// The binary: next to the test's own directory, where the workspace's build puts it; or `LETHE_BIN`.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("LETHE_BIN") {
        return PathBuf::from(path).canonicalize().unwrap();
    }
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("lethe");
    assert!(path.is_file(), "{} is missing: cargo build --bin lethe", path.display());
    path
}

impl Node {
    /// A node with these arguments after `serve`; when this returns, it accepts connections.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut node = Self { address, arguments, process: None, home: tempfile::tempdir().unwrap() };
        node.restart();
        node
    }

    /// Nodes that share a database and a bus, started at the same time.
    #[must_use]
    pub fn start_all(database_url: &str, nats_of_each: &[String]) -> Vec<Self> {
        let start = |nats: &String| Self::start(&["--database-url", database_url, "--nats", nats]);
        thread::scope(|scope| {
            let starting: Vec<_> = nats_of_each.iter().map(|nats| scope.spawn(move || start(nats))).collect();
            starting.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    /// Starts it again under the same address; when this returns, it accepts connections.
    pub fn restart(&mut self) {
        let mut command = process::command(binary().to_str().unwrap(), None);
        command.args(["serve", "--listen", &self.address.to_string()]).args(&self.arguments);
        command.env("LETHE_SDKAPPID", APP.to_string()).env("LETHE_SECRET_KEY", KEY);
        command.current_dir(self.home.path());
        if std::env::var_os("LETHE_LOG").is_none() {
            command.env("LETHE_LOG", "warn");
        }
        let process = Process::start(&format!("lethe at {}", self.address), command);
        let _ = process.wait_for("lethe ready at http://");
        self.process = Some(process);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks it to stop with SIGTERM; when this returns, it has ended well.
    ///
    /// # Panics
    /// When it ends with a failure or not at all.
    pub fn terminate(&mut self) {
        let mut process = self.process.take().expect("a running node");
        process.signal(Signal::TERM);
        let status = process.wait();
        assert!(status.success(), "lethe at {} ended with {status}", self.address);
    }

    /// CPU time used since its start.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.process.as_ref().map_or(Duration::ZERO, Process::cpu)
    }
}
