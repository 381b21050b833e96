//! Many sockets served by one thread: one wait, then one read and at most one write for each socket that has something.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::Outcome;
use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::{Stamp, now};
use crate::system::Link;

/// Bytes taken from a socket at once.
const READ: usize = 256 * 1024;
/// Sockets served after one wait.
const EVENTS: usize = 1024;
/// Logins under way at once: fewer than a listener's usual backlog of 1024, which drops what is above it for a second.
const PENDING: usize = 512;
/// The number under which the clock stands among the sockets.
const CLOCK: u64 = u64::MAX;

/// Clients, each with one socket or more. Numbers of clients are those given to [`Fleet::add`].
pub struct Fleet {
    epoll: OwnedFd,
    clock: OwnedFd,
    sockets: Vec<Socket>,
    /// The first socket of each client.
    first: Vec<usize>,
    events: Vec<Event>,
    buffer: Box<[u8]>,
    heard: Heard,
    deadline: Instant,
    /// Ticks of the clock since they were taken.
    pub ticks: u64,
}

/// One socket.
pub struct Socket {
    stream: TcpStream,
    session: Box<dyn Session>,
    client: u32,
    /// Input that is not a whole frame yet.
    rest: Vec<u8>,
    out: Vec<u8>,
    /// The kernel takes no more for now.
    full: bool,
}

impl Socket {
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

    /// Writes what waits. False when the kernel takes no more for now.
    fn flush(&mut self) -> Outcome<bool> {
        let mut written = 0;
        while written < self.out.len() {
            match self.stream.write(&self.out[written..]) {
                Ok(0) => return Err(format!("client {} cannot write", self.client).into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("client {}: {error}", self.client).into()),
            }
        }
        self.out.drain(..written);
        Ok(self.out.is_empty())
    }

    /// Takes what came. False when nothing more is there for now.
    fn hear(&mut self, buffer: &mut [u8], heard: &mut Heard) -> Outcome<bool> {
        let length = match self.stream.read(buffer) {
            Ok(0) => return Err(format!("the server closed client {}", self.client).into()),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(format!("client {}: {error}", self.client).into()),
        };
        let input = &buffer[..length];
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
        Ok(true)
    }
}

impl Fleet {
    /// No clients yet.
    ///
    /// # Errors
    /// When the operating system has no room.
    pub fn new() -> Outcome<Self> {
        // Both sides of ten thousand connections are open files, the server's in its own process.
        rlimit::increase_nofile_limit(u64::MAX)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let clock =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &clock, EventData::new_u64(CLOCK), EventFlags::IN)?;
        Ok(Self {
            epoll,
            clock,
            sockets: Vec::new(),
            first: Vec::new(),
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ].into_boxed_slice(),
            heard: Heard::default(),
            deadline: Instant::now() + Duration::from_secs(60),
            ticks: 0,
        })
    }

    /// Turns after this time from now are errors: no load waits for ever.
    pub fn limit(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    /// Connects a client; its login goes on during [`Fleet::turn`].
    ///
    /// # Errors
    /// When the server does not take the connection.
    pub fn add(&mut self, links: Vec<Link>) -> Outcome<usize> {
        let client = self.first.len();
        self.first.push(self.sockets.len());
        for Link { address, mut session } in links {
            let stream = dial(address)?;
            let number = EventData::new_u64(self.sockets.len() as u64);
            epoll::add(&self.epoll, &stream, number, EventFlags::IN)?;
            let mut out = Vec::new();
            session.open(&mut out);
            let client = u32::try_from(client)?;
            self.sockets.push(Socket { stream, session, client, rest: Vec::new(), out, full: false });
            self.flush(self.sockets.len() - 1)?;
        }
        Ok(client)
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.first.len()
    }

    /// How many sockets there are.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Lets a client say something, and sends it off.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn say<T>(&mut self, client: usize, say: impl FnOnce(&mut Socket) -> T) -> Outcome<T> {
        let number = self.first.get(client).copied().ok_or("no such client")?;
        let said = say(&mut self.sockets[number]);
        self.flush(number)?;
        Ok(said)
    }

    fn flush(&mut self, number: usize) -> Outcome<()> {
        let socket = &mut self.sockets[number];
        if socket.out.is_empty() {
            return Ok(());
        }
        let full = !socket.flush()?;
        if full != std::mem::replace(&mut socket.full, full) {
            let flags = if full { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            epoll::modify(&self.epoll, &socket.stream, EventData::new_u64(number as u64), flags)?;
        }
        Ok(())
    }

    /// Makes the clock tick with this period; zero stops it.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn tick(&mut self, period: Duration) -> Outcome<()> {
        let period = Timespec { tv_sec: period.as_secs().try_into()?, tv_nsec: period.subsec_nanos().into() };
        let timer = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&self.clock, TimerfdTimerFlags::empty(), &timer)?;
        self.ticks = 0;
        Ok(())
    }

    /// Waits at most so long until anything happens, then tells what each socket heard; what `act` says is sent off.
    ///
    /// # Errors
    /// When a connection is lost, an answer is a refusal, or the time of [`Fleet::limit`] is over.
    pub fn turn(
        &mut self,
        wait: Duration,
        mut act: impl FnMut(&Heard, &mut Socket) -> Outcome<()>,
    ) -> Outcome<()> {
        if Instant::now() > self.deadline {
            return Err("the run does not end in its time".into());
        }
        let wait = Timespec { tv_sec: wait.as_secs().try_into()?, tv_nsec: wait.subsec_nanos().into() };
        self.events.clear();
        let events = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, events, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for place in 0..self.events.len() {
            let event = self.events[place];
            let (data, flags) = (event.data, event.flags);
            if data.u64() == CLOCK {
                let mut ticks = [0; 8];
                if rustix::io::read(&self.clock, &mut ticks).is_ok() {
                    self.ticks += u64::from_ne_bytes(ticks);
                }
                continue;
            }
            let number = usize::try_from(data.u64())?;
            // The end of a connection is read as well.
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.heard.clear();
                let socket = &mut self.sockets[number];
                if socket.hear(&mut self.buffer, &mut self.heard)? {
                    act(&self.heard, socket)?;
                }
            }
            self.flush(number)?;
        }
        Ok(())
    }

    /// Connects clients of these users, at most `rate` per second, and waits until all are ready.
    ///
    /// # Errors
    /// See [`Fleet::turn`].
    pub fn gather(
        &mut self,
        count: usize,
        rate: f64,
        mut links: impl FnMut(usize) -> Outcome<Vec<Link>>,
    ) -> Outcome<Gathered> {
        let (begun, before) = (Instant::now(), self.sockets.len());
        let mut gathered = Gathered::default();
        let mut added = 0;
        while added < count || gathered.ready < self.sockets.len() - before {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let due = ((begun.elapsed().as_secs_f64() * rate) as usize).saturating_add(1);
            // A few at once, so that logins go on in between.
            for _ in 0..16 {
                let pending = self.sockets.len() - before - gathered.ready;
                if added < count.min(due) && pending < PENDING {
                    let links = links(added)?;
                    self.add(links)?;
                    added += 1;
                }
            }
            let wait = if added < count { Duration::from_millis(1) } else { Duration::from_millis(100) };
            self.turn(wait, |heard, _| {
                gathered.ready += usize::from(heard.ready);
                gathered.items += heard.items;
                gathered.heads += heard.heads;
                Ok(())
            })?;
        }
        gathered.took = begun.elapsed();
        Ok(gathered)
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

/// What [`Fleet::gather`] saw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gathered {
    /// Sockets that are logged in.
    pub ready: usize,
    /// Items of the lists that came with the logins.
    pub items: u64,
    /// The sum of the numbers of messages in those lists.
    pub heads: u64,
    /// From the first connection to the last login.
    pub took: Duration,
}
