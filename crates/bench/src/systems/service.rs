//! A server as a process with a home directory and an address.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use lethe_cluster_tests::process::Process;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::Outcome;

/// How long a server may take until it accepts connections.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes shown of the log of a server that did not start.
const TAIL: usize = 2_000;

/// A server that can be ended and started again. Dropping it kills it and removes its home.
pub struct Service {
    name: String,
    /// Makes the command that starts it.
    command: Box<dyn Fn() -> Command>,
    address: SocketAddr,
    log: PathBuf,
    process: Option<Process>,
    // Last, so that it is removed when the process has ended.
    home: TempDir,
}

/// A new directory inside `place`.
///
/// # Errors
/// When it cannot be made.
pub fn home(place: &Path) -> Outcome<TempDir> {
    Ok(tempfile::Builder::new().prefix("lethe-bench-").tempdir_in(place)?)
}

/// An address of this machine.
#[must_use]
pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Whether a program is there, as a path or in one of the directories for programs.
#[must_use]
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .any(|directory| directory.join(program).is_file())
}

/// The version of a Debian package.
#[must_use]
pub fn package_version(package: &str) -> String {
    let asked = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
    asked.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl Service {
    /// Starts it, and returns when it accepts connections at `address`. `log` is its log inside its home.
    ///
    /// # Errors
    /// When it ends or takes too long, with the end of its log.
    pub fn start(
        name: &str,
        home: TempDir,
        address: SocketAddr,
        log: &str,
        command: impl Fn() -> Command + 'static,
    ) -> Outcome<Self> {
        let log = home.path().join(log);
        let command = Box::new(command);
        let mut service = Self { name: name.to_owned(), command, address, log, process: None, home };
        service.run()?;
        Ok(service)
    }

    /// Starts it again on what it had.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn run(&mut self) -> Outcome<()> {
        let mut process = Process::start(&self.name, (self.command)());
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if !process.is_running() || Instant::now() > deadline {
                let log = fs::read(&self.log).unwrap_or_default();
                let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(TAIL)..]);
                return Err(format!("{} does not start:\n{tail}", self.name).into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.process = Some(process);
        Ok(())
    }

    /// Its process; none when it was ended.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.process.iter().map(Process::id).collect()
    }

    /// Its directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks it to end, and waits for that.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::TERM);
            process.wait();
        }
    }
}
