//! One connection of a client, with what waits in both directions.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use crate::Outcome;
use crate::session::{Ask, Closed, Heard, Session, Target};
use crate::stamp::{Stamp, now};
use crate::system::Link;

/// One socket.
pub struct Socket {
    pub(super) stream: TcpStream,
    session: Box<dyn Session>,
    client: u32,
    /// Input that is not a whole frame yet.
    rest: Vec<u8>,
    pub(super) out: Vec<u8>,
    /// The kernel takes no more for now.
    pub(super) full: bool,
    /// Its login is complete.
    pub(super) ready: bool,
}

/// The connection is gone.
#[derive(Debug)]
pub(super) struct Lost {
    client: u32,
    why: String,
}

impl std::error::Error for Lost {}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "client {} has lost its connection: {}", self.client, self.why)
    }
}

impl Socket {
    /// Begins a connection, and says the first words of the session as soon as it is there.
    pub(super) fn open(client: u32, link: Link) -> Outcome<Self> {
        let Link { address, mut session } = link;
        let (stream, mut out) = (dial(address)?, Vec::new());
        session.open(&mut out);
        Ok(Self { stream, session, client, rest: Vec::new(), out, full: false, ready: false })
    }

    /// The number of its client.
    #[must_use]
    pub fn client(&self) -> u32 {
        self.client
    }

    /// Says a text now; see [`Session::aim`].
    pub fn send(&mut self, aim: usize) {
        self.send_as_of(aim, now());
    }

    /// Says a text that was due at this time.
    pub fn send_as_of(&mut self, aim: usize, time: u64) {
        self.session.send(aim, Stamp { time, sender: self.client }, &mut self.out);
    }

    /// See [`Session::aim`].
    pub fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        self.session.aim(to, bytes)
    }

    /// Says a heartbeat.
    pub fn beat(&mut self) {
        self.session.beat(now(), &mut self.out);
    }

    /// See [`Session::ask`].
    ///
    /// # Errors
    /// When the system cannot be asked for it.
    pub fn ask(&mut self, ask: &Ask) -> Outcome<()> {
        self.session.ask(ask, now(), &mut self.out)
    }

    fn lost(&self, why: impl ToString) -> Box<dyn std::error::Error + Send + Sync> {
        Box::new(Lost { client: self.client, why: why.to_string() })
    }

    /// Writes what waits. False when the kernel takes no more for now.
    pub(super) fn flush(&mut self) -> Outcome<bool> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(0) => return Err(self.lost("nothing can be written")),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(error)),
            }
        }
        self.out.drain(..written);
        Ok(self.out.is_empty())
    }

    /// Takes what came. False when nothing more is there for now.
    pub(super) fn hear(&mut self, buffer: &mut [u8], heard: &mut Heard) -> Outcome<bool> {
        let length = match self.stream.read(buffer) {
            Ok(0) => return Err(self.lost("the server closed it")),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(self.lost(error)),
        };
        self.take(&buffer[..length], heard).map_err(|error| match error.downcast::<Closed>() {
            Ok(closed) => self.lost(closed),
            Err(error) => error,
        })?;
        self.ready |= heard.ready;
        Ok(true)
    }

    fn take(&mut self, input: &[u8], heard: &mut Heard) -> Outcome<()> {
        if self.rest.is_empty() {
            let used = self.session.take(input, &mut self.out, heard)?;
            self.rest.extend_from_slice(&input[used..]);
        } else {
            self.rest.extend_from_slice(input);
            let used = self.session.take(&self.rest, &mut self.out, heard)?;
            self.rest.drain(..used);
            if self.rest.is_empty() {
                // Ten thousand sockets do not keep what one large answer once needed.
                self.rest = Vec::new();
            }
        }
        Ok(())
    }
}

/// Begins a connection without waiting for the server to take it: until then, writing finds no room.
fn dial(address: SocketAddr) -> Outcome<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}
