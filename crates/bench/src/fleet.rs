//! Many sockets served by one thread: one wait, then one read and at most one write for each socket that has something.

mod socket;

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use self::socket::Lost;
pub use self::socket::Socket;
use crate::Outcome;
use crate::session::Heard;
use crate::system::Link;

/// Bytes taken from a socket at once.
const READ: usize = 256 * 1024;
/// Sockets served after one wait.
const EVENTS: usize = 1024;
/// Logins under way at once, except in a storm: fewer than the smallest usual backlog of a listener, which is 128. What is
/// above it is dropped, and tried again after a second.
const PENDING: usize = 100;
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
    /// Sockets that were lost before their login was complete and are to be opened again.
    lost: Vec<usize>,
    /// How many more may be lost so; one more is an error.
    tolerated: usize,
    /// Ticks of the clock since they were taken.
    pub ticks: u64,
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
            lost: Vec::new(),
            tolerated: 0,
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
        for link in links {
            let socket = Socket::open(u32::try_from(client)?, link)?;
            let number = self.sockets.len();
            epoll::add(&self.epoll, &socket.stream, EventData::new_u64(number as u64), EventFlags::IN)?;
            self.sockets.push(socket);
            self.flush(number).or_else(|error| self.lose(number, error))?;
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
                match socket.hear(&mut self.buffer, &mut self.heard) {
                    Ok(true) => act(&self.heard, socket)?,
                    Ok(false) => {}
                    Err(error) => {
                        self.lose(number, error)?;
                        continue;
                    }
                }
            }
            self.flush(number).or_else(|error| self.lose(number, error))?;
        }
        Ok(())
    }

    /// Puts a connection that was lost during its login down to be opened again, if so many are tolerated; anything else is
    /// an error.
    fn lose(&mut self, number: usize, error: Box<dyn std::error::Error + Send + Sync>) -> Outcome<()> {
        if self.tolerated == 0 || self.sockets[number].ready || !error.is::<Lost>() {
            return Err(error);
        }
        self.tolerated -= 1;
        let _ = epoll::delete(&self.epoll, &self.sockets[number].stream);
        self.lost.push(number);
        Ok(())
    }

    /// Opens lost connections again; how many there were.
    fn reopen(&mut self, mut links: impl FnMut(usize) -> Outcome<Vec<Link>>) -> Outcome<usize> {
        let lost = std::mem::take(&mut self.lost);
        for &number in &lost {
            let client = self.sockets[number].client();
            let (n, again) = (usize::try_from(client)?, "a client has as many sockets as before");
            let link = links(n)?.into_iter().nth(number - self.first[n]).ok_or(again)?;
            let socket = Socket::open(client, link)?;
            epoll::add(&self.epoll, &socket.stream, EventData::new_u64(number as u64), EventFlags::IN)?;
            self.sockets[number] = socket;
        }
        for &number in &lost {
            self.flush(number).or_else(|error| self.lose(number, error))?;
        }
        Ok(lost.len())
    }

    /// The same as [`Fleet::gather`], as fast as the server lets them in: a client that is turned away comes again at once.
    ///
    /// # Errors
    /// See [`Fleet::turn`].
    pub fn storm(
        &mut self,
        count: usize,
        links: impl FnMut(usize) -> Outcome<Vec<Link>>,
    ) -> Outcome<Gathered> {
        self.tolerated = usize::MAX;
        let gathered = self.connect(count, f64::INFINITY, usize::MAX, links);
        self.tolerated = 0;
        gathered
    }

    /// Connects clients of these users, at most `rate` per second, and waits until all are ready. Up to one of a thousand may
    /// lose its connection during the login and comes again, as [`Gathered::retries`] tells.
    ///
    /// # Errors
    /// See [`Fleet::turn`].
    pub fn gather_again(
        &mut self,
        count: usize,
        rate: f64,
        links: impl FnMut(usize) -> Outcome<Vec<Link>>,
    ) -> Outcome<Gathered> {
        self.tolerated = count / 1000;
        let gathered = self.connect(count, rate, PENDING, links);
        self.tolerated = 0;
        gathered
    }

    /// Connects clients of these users, at most `rate` per second, and waits until all are ready.
    ///
    /// # Errors
    /// See [`Fleet::turn`].
    pub fn gather(
        &mut self,
        count: usize,
        rate: f64,
        links: impl FnMut(usize) -> Outcome<Vec<Link>>,
    ) -> Outcome<Gathered> {
        self.connect(count, rate, PENDING, links)
    }

    fn connect(
        &mut self,
        count: usize,
        rate: f64,
        most_pending: usize,
        mut links: impl FnMut(usize) -> Outcome<Vec<Link>>,
    ) -> Outcome<Gathered> {
        let (begun, before, clients) = (Instant::now(), self.sockets.len(), self.first.len());
        let mut gathered = Gathered::default();
        let mut added = 0;
        while added < count || gathered.ready < self.sockets.len() - before {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let due = ((begun.elapsed().as_secs_f64() * rate) as usize).saturating_add(1);
            // A few at once, so that logins go on in between.
            for _ in 0..16 {
                let pending = self.sockets.len() - before - gathered.ready;
                if added < count.min(due) && pending < most_pending {
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
            gathered.retries += self.reopen(|client| links(client - clients))?;
        }
        gathered.took = begun.elapsed();
        Ok(gathered)
    }
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
    /// Connections that were lost before their login was complete, and opened again.
    pub retries: usize,
    /// From the first connection to the last login.
    pub took: Duration,
}

#[cfg(test)]
mod tests;
