//! PostgreSQL servers: one alone, or a primary with a synchronous streaming standby that takes over.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::ports;
use crate::process::{self, PATIENCE, Process};

const USER: &str = "lethe";
const PASSWORD: &str = "a password for tests";
const PASSWORD_IN_URL: &str = "a%20password%20for%20tests";

/// A PostgreSQL server with a directory and a port of its own. Dropping it ends it and removes the directory.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    port: u16,
    settings: Vec<String>,
    home: TempDir,
}

/// Memory-backed directories keep tests from waiting for a disk; what a process leaves when it is killed is the same.
#[must_use]
pub fn directory() -> TempDir {
    let fast = Path::new("/dev/shm");
    if fast.is_dir() { tempfile::tempdir_in(fast).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// The server refuses to run as root.
fn system_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("postgres")
}

fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed").flatten();
    let newest = versions.max_by_key(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let path = newest.expect("PostgreSQL is installed").path().join("bin").join(name);
    let mut command = process::command(path.to_str().unwrap(), system_user());
    command.env("LC_ALL", "C").env("PGPASSWORD", PASSWORD).env("PGCONNECT_TIMEOUT", "10").current_dir("/");
    command
}

/// A directory that the system's user of the server may write to.
fn home(home: TempDir) -> TempDir {
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    if let Some(user) = system_user() {
        let id = |flag: &str| process::output(Command::new("id").args([flag, user])).trim().parse().unwrap();
        chown(home.path(), Some(id("-u")), Some(id("-g"))).unwrap();
    }
    home
}

impl Postgres {
    /// A new, empty server.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A new, empty server with these settings, each as `name=value`.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        Self::on(directory(), settings)
    }

    /// The same in a directory of the caller's, which chooses the disk.
    #[must_use]
    pub fn on(directory: TempDir, settings: &[&str]) -> Self {
        let home = home(directory);
        let password = home.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        let mut initdb = program("initdb");
        initdb.args(["--no-sync", "--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8"]);
        initdb.args(["--locale", "C", "--pwfile"]).arg(password).arg("-D").arg(home.path().join("data"));
        let _ = process::output(&mut initdb);
        let mut server = Self {
            process: None,
            port: ports::free(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            home,
        };
        server.run("ready to accept connections");
        server
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn run(&mut self, ready: &str) {
        let mut command = program("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=64MB",
            "dynamic_shared_memory_type=mmap",
            "wal_keep_size=512MB",
            "log_checkpoints=off",
        ] {
            command.args(["-c", setting]);
        }
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let process = Process::start(&format!("postgres on port {}", self.port), command);
        let _ = process.wait_for(ready);
        self.process = Some(process);
    }

    /// Its host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Makes a new database; its URL.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let _ = self.query(&format!("create database \"{name}\""));
        url(&self.host(), name)
    }

    /// Asks in the database `postgres`; rows as lines, columns divided by `|`.
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        self.query_in("postgres", sql)
    }

    /// Asks in this database.
    #[must_use]
    pub fn query_in(&self, database: &str, sql: &str) -> String {
        let mut psql = program("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &url(&self.host(), database), "-c", sql]);
        process::output(&mut psql).trim_end().to_owned()
    }

    /// Kills it with all its processes, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again with what it had; when this returns, it accepts connections.
    pub fn restart(&mut self) {
        self.run("ready to accept connections");
    }

    /// A streaming copy on a port of its own.
    #[must_use]
    pub fn standby(&self) -> Self {
        self.standby_on(ports::free())
    }

    fn standby_on(&self, port: u16) -> Self {
        let home = home(directory());
        let mut backup = program("pg_basebackup");
        backup.args(["--no-sync", "-c", "fast", "-X", "stream", "-R", "-d", &url(&self.host(), "postgres")]);
        let _ = process::output(backup.arg("-D").arg(home.path().join("data")));
        let mut standby = Self { process: None, port, settings: self.settings.clone(), home };
        standby.run("ready to accept read-only connections");
        let _ = standby.process.as_ref().unwrap().wait_for("started streaming WAL");
        standby
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        let mut promote = program("pg_ctl");
        let _ = process::output(promote.args(["promote", "-w", "-D"]).arg(self.data()));
    }

    /// Answers commits only when the standby has them too, from now on.
    fn synchronise(&self) {
        let _ = self.query("alter system set synchronous_standby_names = '*'");
        let _ = self.query("select pg_reload_conf()");
        let deadline = Instant::now() + PATIENCE;
        while self.query("select sync_state from pg_stat_replication") != "sync" {
            assert!(Instant::now() < deadline, "the standby is not synchronous");
            std::thread::sleep(Duration::from_millis(20));
        }
        // The checkpointer is who tells all others that commits have to wait; it does so before it works.
        let _ = self.query("checkpoint");
        // And what was committed until now has to be there too: the log has one order, and this comes last.
        let _ = self.query("create table if not exists synchronised(); drop table synchronised");
    }

    /// CPU time of all its processes.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.process.as_ref().map_or(Duration::ZERO, Process::cpu)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        match &mut self.process {
            // An immediate shutdown gives shared memory back to the system, which a kill does not.
            Some(process) => {
                process.signal(Signal::QUIT);
                process.wait();
            }
            None => free_shared_memory(&self.data()),
        }
    }
}

/// Gives back the segment that a killed server has left; its lock file names it.
fn free_shared_memory(data: &Path) {
    let Ok(lock) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    let segment = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    let _ = Command::new("ipcrm").args(["-m", segment.unwrap_or_default()]).output();
}

/// The URL of a database on one host, or on several divided by commas.
#[must_use]
pub fn url(hosts: &str, database: &str) -> String {
    format!("postgres://{USER}:{PASSWORD_IN_URL}@{hosts}/{database}")
}

/// A primary with a synchronous standby, on two ports that stay.
#[derive(Debug)]
pub struct Pair {
    /// Who answers.
    pub primary: Postgres,
    standby: Option<Postgres>,
    other_port: u16,
}

impl Pair {
    /// A new primary, its standby in step.
    #[must_use]
    pub fn start() -> Self {
        let primary = Postgres::start();
        let mut pair = Self { primary, standby: None, other_port: ports::free() };
        pair.attach();
        pair
    }

    /// Makes a new database; the URL that finds whoever is the primary.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let _ = self.primary.database(name);
        let hosts = format!("{},127.0.0.1:{}", self.primary.host(), self.other_port);
        url(&hosts, name) + "?target_session_attrs=read-write"
    }

    /// Kills the primary; the standby takes its place. There is no standby then.
    ///
    /// # Panics
    /// When there is no standby.
    pub fn fail_over(&mut self) {
        let standby = self.standby.take().expect("a standby in step");
        self.primary.kill();
        standby.promote();
        self.other_port = self.primary.port;
        self.primary = standby;
    }

    /// Builds a standby from the primary; when this returns, it is in step.
    pub fn attach(&mut self) {
        self.standby = Some(self.primary.standby_on(self.other_port));
        self.primary.synchronise();
    }
}
