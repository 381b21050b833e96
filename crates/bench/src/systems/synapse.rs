//! Matrix Synapse from its Python package, in one process. A client has two sockets: one for what it sends, one on which
//! it waits for what is new, as Matrix clients do.

mod http;
mod listener;
mod rooms;
mod sender;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::{fs, io};

use lethe_cluster_tests::{ports, process};
use serde_json::json;

use self::listener::Listener;
use self::rooms::Rooms;
use self::sender::Sender;
use super::service::{self, Service};
use super::xmpp::fill;
use crate::Outcome;
use crate::system::{Identity, Link, System};

const CONFIG: &str = include_str!("synapse.yaml");
const LOGGING: &str = r#"{"version": 1, "handlers": {"file": {"class": "logging.FileHandler", "filename": "@HOME@/log"}},
"root": {"level": "WARNING", "handlers": ["file"]}, "disable_existing_loggers": false}"#;
const DURABILITY: &str = "SQLite, write-ahead log, synchronous=FULL: the answer comes after the event is committed and synced. \
                          About 14 fdatasync for each event, with those for pushes and receipts (seen with strace)";

/// A Synapse server.
pub struct Synapse {
    identity: Identity,
    service: Service,
    rooms: Arc<Rooms>,
}

/// The Python of the environment it is installed in: `LETHE_BENCH_SYNAPSE`, or `.cache/synapse` of this repository.
fn python() -> PathBuf {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/synapse");
    std::env::var_os("LETHE_BENCH_SYNAPSE").map_or(place, PathBuf::from).join("bin/python")
}

/// Whether it is installed.
#[must_use]
pub fn is_installed() -> bool {
    python().with_file_name("synapse_homeserver").is_file()
}

impl Synapse {
    /// Starts one with a directory inside `place`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(place: &Path) -> Outcome<Self> {
        let home = service::home(place)?;
        let path = home.path().to_owned();
        let port = ports::free();
        let words = [("@HOME@", &*path.to_string_lossy()), ("@PORT@", &port.to_string())];
        fs::write(path.join("homeserver.yaml"), fill(CONFIG, &words))?;
        fs::write(path.join("log.yaml"), fill(LOGGING, &words))?;
        make_keys(&path)?;
        let address = service::local(port);
        let service = Service::start("synapse", home, address, "log", move || command(&path))?;
        let identity = Identity {
            name: "synapse".to_owned(),
            version: version(),
            durability: DURABILITY.to_owned(),
            command: "python -m synapse.app.homeserver -c crates/bench/src/systems/synapse.yaml".to_owned(),
        };
        Ok(Self { identity, service, rooms: Arc::new(Rooms::new(address)) })
    }
}

fn command(home: &Path) -> Command {
    let mut command = process::command(&python().to_string_lossy(), None);
    command.args(["-m", "synapse.app.homeserver", "-c"]).arg(home.join("homeserver.yaml")).current_dir(home);
    command
}

fn make_keys(home: &Path) -> io::Result<()> {
    let output = command(home).arg("--generate-keys").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("synapse makes no keys: {said}")))
    }
}

fn version() -> String {
    let script = "import importlib.metadata as m; print(m.version('matrix-synapse'), end='')";
    let asked = Command::new(python()).args(["-c", script]).output();
    asked.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
}

impl System for Synapse {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn processes(&self) -> Vec<u32> {
        self.service.processes()
    }

    fn data_directory(&self) -> Option<PathBuf> {
        Some(self.service.home().to_owned())
    }

    fn add_users(&mut self, users: &[String]) -> Outcome<()> {
        users.iter().try_for_each(|user| self.rooms.register(user))
    }

    fn add_group(&mut self, group: &str, members: &[String]) -> Outcome<()> {
        let owner = members.first().ok_or("a group has an owner")?;
        let room = self.rooms.create(owner, &json!({"preset": "public_chat", "name": group}))?;
        members[1..].iter().try_for_each(|member| self.rooms.join(member, &room))?;
        self.rooms.name(group, &room);
        Ok(())
    }

    fn links(&self, user: &str, client: u32, _: &[String]) -> Outcome<Vec<Link>> {
        let (address, token) = (self.rooms.address(), self.rooms.token(user)?);
        let sender = Sender::new(user, client, &token, Arc::clone(&self.rooms));
        let listener = Listener::new(client, &token);
        Ok(vec![Link { address, session: Box::new(sender) }, Link { address, session: Box::new(listener) }])
    }

    fn crash(&mut self) -> Outcome<()> {
        self.service.kill();
        Ok(())
    }

    fn stop(&mut self) -> Outcome<()> {
        self.service.stop();
        Ok(())
    }

    fn restart(&mut self) -> Outcome<()> {
        self.service.run()
    }
}
