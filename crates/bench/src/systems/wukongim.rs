//! `WuKongIM`, a server that is not installed here but runs already. Clients speak its JSON-RPC over WebSocket; groups are
//! made through its HTTP API.

mod session;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use self::session::WukongimSession;
use crate::Outcome;
use crate::system::{Identity, Link, System};

/// Port of the HTTP API, unless the URL says another.
const API: u16 = 5001;
const PATIENCE: Duration = Duration::from_secs(30);
const UNKNOWN: &str = "runs elsewhere: look into its own settings. Its source commits messages with pebble.Sync, which is a \
                       synced log, before it answers";

/// A running server.
pub struct Wukongim {
    identity: Identity,
    address: SocketAddr,
    api: SocketAddr,
    process: Option<u32>,
}

impl Wukongim {
    /// Finds one at `host:port` of its WebSocket, or `host:port,host:port` with its HTTP API. `LETHE_BENCH_PEER_PID` is its
    /// process, when that runs on this machine and its CPU and memory are to be measured.
    ///
    /// # Errors
    /// When nobody is there.
    pub fn find(url: Option<&str>) -> Outcome<Self> {
        let url = url.ok_or("no --peer-url: this needs a running server")?;
        let (socket, api) = url.split_once(',').unwrap_or((url, ""));
        let address = resolve(socket)?;
        let api = if api.is_empty() { SocketAddr::new(address.ip(), API) } else { resolve(api)? };
        TcpStream::connect_timeout(&address, PATIENCE)
            .map_err(|error| format!("nobody at {address}: {error}"))?;
        let process = std::env::var("LETHE_BENCH_PEER_PID").ok().map(|id| id.parse()).transpose()?;
        let identity = Identity {
            name: "wukongim".to_owned(),
            version: "unknown".to_owned(),
            durability: UNKNOWN.to_owned(),
            command: format!("--peer-url {url}"),
        };
        Ok(Self { identity, address, api, process })
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Outcome<()> {
        let (body, api) = (body.to_string(), self.api);
        let mut socket = TcpStream::connect_timeout(&api, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let length = body.len();
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(format!("{path}: {answer}").into()) }
    }
}

fn resolve(address: &str) -> Outcome<SocketAddr> {
    let address = address.trim_start_matches("ws://").trim_start_matches("http://").trim_end_matches('/');
    Ok(address.to_socket_addrs()?.next().ok_or_else(|| format!("no address of {address}"))?)
}

impl System for Wukongim {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn processes(&self) -> Vec<u32> {
        self.process.into_iter().collect()
    }

    fn data_directory(&self) -> Option<PathBuf> {
        None
    }

    /// Its users are made by logging in: by default it does not ask for tokens.
    fn add_users(&mut self, _: &[String]) -> Outcome<()> {
        Ok(())
    }

    fn add_group(&mut self, group: &str, members: &[String]) -> Outcome<()> {
        // Runs share the server, but not their groups: members that are offline would be counted in.
        self.post(
            "/channel",
            &json!({"channel_id": group, "channel_type": 2, "reset": 1, "subscribers": members}),
        )
    }

    fn links(&self, user: &str, client: u32, _: &[String]) -> Outcome<Vec<Link>> {
        let session = Box::new(WukongimSession::new(self.address, user, client));
        Ok(vec![Link { address: self.address, session }])
    }

    fn crash(&mut self) -> Outcome<()> {
        Err("it runs elsewhere".into())
    }

    fn stop(&mut self) -> Outcome<()> {
        Err("it runs elsewhere".into())
    }

    fn restart(&mut self) -> Outcome<()> {
        Err("it runs elsewhere".into())
    }
}
