//! The least that telling a group costs as long as each member has a socket: one thread writes the same bytes to each of them,
//! and does nothing else. No runtime, no library, no chat.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::Outcome;
use crate::figures::{Figures, per_second};

/// Both sides' sockets.
pub(super) struct FanOut {
    told: Vec<TcpStream>,
    tellers: Vec<TcpStream>,
}

/// Nobody waits longer for what was written to all.
const PATIENCE: Duration = Duration::from_secs(60);
const WARM_UP: Duration = Duration::from_secs(1);
/// Sockets served after one wait, and bytes taken from one at once.
const EVENTS: usize = 1024;
const READ: usize = 64 * 1024;

impl FanOut {
    /// Connects so many.
    ///
    /// # Errors
    /// When the operating system has no room.
    pub(super) fn new(sockets: usize) -> Outcome<Self> {
        rlimit::increase_nofile_limit(u64::MAX)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (mut told, mut tellers) = (Vec::with_capacity(sockets), Vec::with_capacity(sockets));
        for _ in 0..sockets {
            told.push(TcpStream::connect(listener.local_addr()?)?);
            tellers.push(listener.accept()?.0);
        }
        for socket in told.iter().chain(&tellers) {
            socket.set_nodelay(true)?;
        }
        Ok(Self { told, tellers })
    }

    /// Writes a frame to all, again once all have it, for this time after a second to warm up.
    ///
    /// # Errors
    /// When a byte is lost.
    pub(super) fn run(self, frame: &[u8], time: Duration, figures: &mut Figures) -> Outcome<()> {
        let Self { told, tellers } = self;
        let (to_teller, all_have_it) = channel();
        let bytes = told.len() * frame.len();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| hear(told, bytes, &to_teller).map_err(|error| error.to_string()));
            let told = tell(tellers, frame, time, &all_have_it, figures);
            // The teller's sockets are closed by now, so that the other ends.
            reader.join().map_err(|_| "the reader panicked")??;
            told
        })
    }
}

fn tell(
    mut sockets: Vec<TcpStream>,
    frame: &[u8],
    time: Duration,
    all_have_it: &Receiver<()>,
    figures: &mut Figures,
) -> Outcome<()> {
    let mut once = || -> Outcome<u64> {
        let begun = Instant::now();
        sockets.iter_mut().try_for_each(|socket| socket.write_all(frame))?;
        all_have_it.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => "not all have it",
            RecvTimeoutError::Disconnected => "the reader has ended",
        })?;
        Ok(u64::try_from(begun.elapsed().as_nanos())?)
    };
    let begun = Instant::now();
    while begun.elapsed() < WARM_UP {
        once()?;
    }
    let (mut times, begun, before) = (Vec::new(), Instant::now(), cpu()?);
    while begun.elapsed() < time {
        times.push(once()?);
    }
    let cpu = cpu()?.saturating_sub(before);
    let name = format!("a write to each of {} sockets: ", sockets.len());
    let writes = (times.len() * sockets.len()) as u64;
    figures.add(format!("{name}writes per CPU second"), "1/s", per_second(writes, cpu));
    figures.add_latency(&format!("{name}until the last has it"), &mut times);
    Ok(())
}

/// Reads all, and says so whenever so many bytes more were read, until all sockets are closed.
fn hear(sockets: Vec<TcpStream>, bytes: usize, all_have_it: &Sender<()>) -> Outcome<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    for (number, socket) in sockets.iter().enumerate() {
        epoll::add(&epoll, socket, EventData::new_u64(number as u64), EventFlags::IN)?;
    }
    let (mut events, mut buffer) = (Vec::<Event>::with_capacity(EVENTS), vec![0; READ]);
    let (mut open, mut read) = (sockets.len(), 0);
    while open > 0 {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let socket = &sockets[usize::try_from(event.data.u64())?];
            let more = rustix::io::read(socket, &mut buffer)?;
            if more == 0 {
                epoll::delete(&epoll, socket)?;
                open -= 1;
            }
            read += more;
        }
        if read >= bytes {
            read -= bytes;
            // Nobody waits for it any more if writing has failed.
            let _ = all_have_it.send(());
        }
    }
    Ok(())
}

/// What this thread has used of a CPU.
fn cpu() -> Outcome<Duration> {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    Ok(Duration::new(u64::try_from(tv_sec)?, u32::try_from(tv_nsec)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_socket_is_written_to() {
        let mut figures = Figures::default();
        let fan_out = FanOut::new(3).unwrap();
        fan_out.run(b"a frame", Duration::from_millis(1), &mut figures).unwrap();
        let name = |what: &str| format!("a write to each of 3 sockets: {what}");
        assert!(figures.median(&name("writes per CPU second")).unwrap() > 0.0);
        assert!(figures.median(&name("until the last has it p50")).unwrap() > 0.0);
    }
}
