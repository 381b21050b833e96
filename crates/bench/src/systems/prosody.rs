//! Prosody from Debian's package.

use std::fs;
use std::path::Path;
use std::process::Command;

use lethe_cluster_tests::{ports, process};

use super::service::{self, Service};
use super::sqlite::write_ahead;
use super::xmpp::{Archive, XmppServer, fill, suffix};
use crate::Outcome;
use crate::system::Identity;
use crate::xmpp::Wire;

/// Where its WebSocket is.
pub const WEBSOCKET: Wire = Wire::WebSocket("/xmpp-websocket");
const CONFIG: &str = include_str!("prosody.cfg.lua");

/// Whether it is installed, with what keeps its archive in SQLite.
#[must_use]
pub fn is_installed() -> bool {
    service::has("prosody")
        && service::package_version("lua-dbi-sqlite3").starts_with(|c: char| c.is_ascii_digit())
}

/// Starts one with a directory inside `place`.
///
/// # Errors
/// When it does not start.
pub fn start(place: &Path, wire: Wire, archive: Archive) -> Outcome<XmppServer> {
    let home = service::home(place)?;
    let config = home.path().join("prosody.cfg.lua");
    let (tcp, web) = (ports::free(), ports::free());
    let words = [
        ("@HOME@", &*home.path().to_string_lossy()),
        ("@TCP@", &tcp.to_string()),
        ("@WEB@", &web.to_string()),
        ("@ARCHIVE@", if archive == Archive::Durable { "sql" } else { "internal" }),
    ];
    fs::write(&config, fill(CONFIG, &words))?;
    write_ahead(&home.path().join("archive.sqlite"))?;
    let service = Service::start("prosody", home, service::local(tcp), "log", move || command(&config))?;
    let identity = Identity {
        name: format!("prosody{}", suffix(wire, archive)),
        version: service::package_version("prosody"),
        durability: durability(archive).to_owned(),
        command: "prosody --config crates/bench/src/systems/prosody.cfg.lua -F".to_owned(),
    };
    Ok(XmppServer { identity, service, wire, ports: (tcp, web) })
}

fn command(config: &Path) -> Command {
    let mut command = process::command("prosody", None);
    command.arg("--config").arg(config).arg("-F");
    command
}

fn durability(archive: Archive) -> &'static str {
    match archive {
        Archive::Durable => {
            "SQLite, write-ahead log, synchronous=FULL: the answer, and the delivery, come after both archived copies of a \
             text to a user, or the one copy of a text to a group, are synced, one fdatasync for each (seen with strace)"
        }
        Archive::Fast => {
            "One file per user, appended to and flushed to the file cache: never synced (seen with strace)"
        }
    }
}
