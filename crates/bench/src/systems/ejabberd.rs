//! ejabberd from Debian's package, without its distribution protocol: one node that nobody else knows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lethe_cluster_tests::{ports, process};

use super::service::{self, Service};
use super::sqlite::write_ahead;
use super::xmpp::{Archive, XmppServer, fill, suffix};
use crate::Outcome;
use crate::system::Identity;
use crate::xmpp::Wire;

/// Where its WebSocket is.
pub const WEBSOCKET: Wire = Wire::WebSocket("/ws");
const CONFIG: &str = include_str!("ejabberd.yml");
const CONFIG_NAME: &str = "crates/bench/src/systems/ejabberd.yml";
const LOG: &str = "ejabberd.log";
const DURABILITY: &str = "SQLite, write-ahead log, synchronous=FULL: the answer to a text to a user comes after the \
                          sender's copy is synced, the delivery after the receiver's; the echo of a text to a group \
                          comes after its one copy is synced. One fdatasync for each copy (seen with strace)";

/// Whether it is installed, with what keeps its archive in SQLite.
#[must_use]
pub fn is_installed() -> bool {
    libraries().is_some() && service::has("erl") && holds(Path::new("/usr/lib/erlang/lib"), "p1_sqlite3-")
}

/// Where the package has put it, which differs between processors.
fn libraries() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    places.map(|place| place.path()).find(|place| holds(place, "ejabberd-"))
}

fn holds(directory: &Path, prefix: &str) -> bool {
    let mut entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
}

/// Starts one with a directory inside `place`.
///
/// # Errors
/// When it does not start.
pub fn start(place: &Path, wire: Wire) -> Outcome<XmppServer> {
    let home = service::home(place)?;
    let path = home.path().to_owned();
    let (tcp, web) = (ports::free(), ports::free());
    let words =
        [("@HOME@", &*path.to_string_lossy()), ("@TCP@", &tcp.to_string()), ("@WEB@", &web.to_string())];
    fs::write(path.join("ejabberd.yml"), fill(CONFIG, &words))?;
    let shown = format!("EJABBERD_CONFIG_PATH={CONFIG_NAME} erl {}", arguments("DIR").join(" "));
    write_ahead(&path.join("archive.sqlite"))?;
    let service = Service::start("ejabberd", home, service::local(tcp), LOG, move || command(&path))?;
    let identity = Identity {
        name: format!("ejabberd{}", suffix(wire, Archive::Durable)),
        version: service::package_version("ejabberd"),
        durability: DURABILITY.to_owned(),
        command: shown,
    };
    Ok(XmppServer { identity, service, wire, ports: (tcp, web) })
}

/// Without busy waiting: its threads would use the CPU while SQLite syncs, and that would be counted.
fn arguments(home: &str) -> Vec<String> {
    let flags = "-noinput +Q 65536 +sbwt none +sbwtdcpu none +sbwtdio none -s ejabberd -mnesia dir";
    flags.split(' ').map(str::to_owned).chain([format!("\"{home}/mnesia\"")]).collect()
}

fn command(home: &Path) -> Command {
    let mut command = process::command("erl", None);
    command.args(arguments(&home.to_string_lossy())).current_dir(home);
    command
        .env("HOME", home)
        .env("ERL_LIBS", libraries().unwrap_or_default())
        .env("ERL_CRASH_DUMP", "/dev/null");
    command.env("EJABBERD_CONFIG_PATH", home.join("ejabberd.yml")).env("EJABBERD_LOG_PATH", home.join(LOG));
    command
}
