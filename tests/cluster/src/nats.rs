//! A cluster of NATS servers.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::ports;
use crate::process::{self, PATIENCE, Process};

/// NATS servers that know each other. Dropping them ends them.
#[derive(Debug)]
pub struct Nats {
    servers: Vec<Server>,
    _home: TempDir,
}

/// One of them.
#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    config: String,
    port: u16,
    monitor: u16,
}

impl Nats {
    /// A cluster of so many.
    #[must_use]
    pub fn start(size: usize) -> Self {
        Self::with(size, "")
    }

    /// One server that asks who its clients are.
    #[must_use]
    pub fn guarded(user: &str, password: &str) -> Self {
        Self::with(1, &format!("authorization {{ user: {user}, password: {password} }}\n"))
    }

    fn with(size: usize, settings: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let routes: Vec<u16> = (0..size).map(|_| ports::free()).collect();
        let list: Vec<_> = routes.iter().map(|port| format!("nats-route://127.0.0.1:{port}")).collect();
        let server = |n: usize| {
            let (port, monitor, route, list) = (ports::free(), ports::free(), routes[n], list.join(", "));
            // Clients are not told of other servers: those they were given may be proxies of these.
            let config = format!(
                "server_name: n{n}\nlisten: 127.0.0.1:{port}\nhttp: 127.0.0.1:{monitor}\n\
                 cluster {{ name: lethe, listen: 127.0.0.1:{route}, no_advertise: true, routes: [{list}] }}\n{settings}"
            );
            let path = home.path().join(format!("n{n}.conf"));
            fs::write(&path, config).unwrap();
            Server { process: None, config: path.to_str().unwrap().to_owned(), port, monitor }
        };
        let mut servers: Vec<_> = (0..size).map(server).collect();
        servers.iter_mut().for_each(Server::restart);
        servers.iter().for_each(|server| server.wait_for_routes(size - 1));
        Self { servers, _home: home }
    }

    /// How many there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.servers.len()
    }

    /// One of them.
    pub fn server(&mut self, n: usize) -> &mut Server {
        &mut self.servers[n]
    }

    /// Their hosts and ports.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect()
    }

    /// Their URLs, divided by commas.
    #[must_use]
    pub fn urls(&self) -> String {
        urls(&self.hosts())
    }

    /// CPU time of all.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        self.servers.iter().filter_map(|server| server.process.as_ref()).map(Process::cpu).sum()
    }
}

/// URLs of NATS servers, divided by commas.
#[must_use]
pub fn urls(hosts: &[String]) -> String {
    let urls: Vec<_> = hosts.iter().map(|host| format!("nats://{host}")).collect();
    urls.join(",")
}

impl Server {
    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it on its port; when this returns, it accepts connections.
    pub fn restart(&mut self) {
        let mut command = process::command("nats-server", None);
        command.args(["-c", &self.config]);
        let process = Process::start(&format!("nats-server on port {}", self.port), command);
        let _ = process.wait_for("Server is ready");
        self.process = Some(process);
    }

    /// Waits until it is connected to so many others. It says so only when it is asked.
    fn wait_for_routes(&self, others: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.routes().len() != others {
            assert!(Instant::now() < deadline, "nats-server on port {} has no routes", self.port);
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The servers it is connected to, whatever the number of connections.
    fn routes(&self) -> HashSet<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.monitor)).unwrap();
        socket.write_all(b"GET /routez HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let routes = serde_json::from_str::<Value>(body).unwrap()["routes"].take();
        let list = routes.as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|route| Some(route["remote_id"].as_str()?.to_owned())).collect()
    }

    /// Stops it without closing its connections.
    pub fn pause(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::STOP));
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::CONT));
    }
}
