//! What the servers that speak XMPP have in common.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use memchr::memmem;

use super::service::{self, Service};
use crate::Outcome;
use crate::system::{Identity, Link, System};
use crate::xmpp::{Client, Wire, registration};

/// Accounts registered at once.
const STEP: usize = 500;
/// How long a server may take for them.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server keeps its archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// In SQLite, which syncs each message: what Lethe does is comparable with this.
    Durable,
    /// In the server's own files, which it does not sync: the least that keeping messages costs it.
    Fast,
}

/// An XMPP server with TCP and WebSocket, to which clients connect in one of both ways.
pub struct XmppServer {
    pub(super) identity: Identity,
    pub(super) service: Service,
    pub(super) wire: Wire,
    /// Ports for TCP and for HTTP.
    pub(super) ports: (u16, u16),
}

impl XmppServer {
    fn address(&self) -> SocketAddr {
        service::local(if self.wire == Wire::Tcp { self.ports.0 } else { self.ports.1 })
    }
}

/// What tells the variants of a server apart, behind its name.
pub(super) fn suffix(wire: Wire, archive: Archive) -> &'static str {
    match (wire, archive) {
        (Wire::Tcp, Archive::Durable) => "",
        (Wire::Tcp, Archive::Fast) => "-fast",
        (Wire::WebSocket(_), Archive::Durable) => "-ws",
        (Wire::WebSocket(_), Archive::Fast) => "-ws-fast",
    }
}

/// A template with its words filled in.
pub(super) fn fill(template: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(template.to_owned(), |text, (word, value)| text.replace(word, value))
}

impl System for XmppServer {
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
        let mut socket = TcpStream::connect(service::local(self.ports.0))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut heard = vec![0; 65_536];
        let header = registration(&[]);
        socket.write_all(&header)?;
        read_until(&mut socket, &mut heard, "</stream:features>", 1)?;
        for users in users.chunks(STEP) {
            socket.write_all(&registration(users)[header.len()..])?;
            read_until(&mut socket, &mut heard, "<iq", users.len())?;
        }
        Ok(())
    }

    /// A room is made by who enters it first.
    fn add_group(&mut self, _: &str, _: &[String]) -> Outcome<()> {
        Ok(())
    }

    fn links(&self, user: &str, client: u32, groups: &[String]) -> Outcome<Vec<Link>> {
        let session = Box::new(Client::new(self.wire, self.address(), user, client, groups));
        Ok(vec![Link { address: self.address(), session }])
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

/// Reads until a text was seen so often; nothing may come behind the last.
fn read_until(socket: &mut TcpStream, heard: &mut Vec<u8>, text: &str, count: usize) -> Outcome<()> {
    let mut length = 0;
    loop {
        if heard.len() < length + 65_536 {
            heard.resize(length + 65_536, 0);
        }
        let read = socket.read(&mut heard[length..])?;
        length += read;
        let answer = &heard[..length];
        if read == 0 || memmem::find(answer, b"type='error'").is_some() {
            return Err(format!("no account: {}", String::from_utf8_lossy(answer)).into());
        }
        if memmem::find_iter(answer, text).count() >= count && answer.ends_with(b">") {
            return Ok(());
        }
    }
}
