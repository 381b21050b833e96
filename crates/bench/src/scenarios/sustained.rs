//! Pairs of users who write as fast as answers allow, for minutes: what it costs to keep what they write is in the figures, and
//! nothing may gather in memory.

use std::time::{Duration, Instant};

use super::pairs::{Counts, Pairs, drain};
use crate::Outcome;
use crate::figures::{Figures, per_second, percentile};
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::stamp::now;
use crate::system::System;
use crate::systems::Setup;
use crate::usage::memory;

/// Every message counts when it is answered to its sender and delivered to its receiver.
#[derive(Clone, Debug, clap::Args)]
pub struct Sustained {
    /// Pairs of users; both of each write.
    #[arg(long, default_value_t = 100)]
    pub pairs: usize,
    /// Bytes of a text.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
    /// Unanswered messages of each sender.
    #[arg(long, default_value_t = 16)]
    pub window: usize,
    /// Seconds in all.
    #[arg(long, default_value_t = 240)]
    pub seconds: u32,
    /// Parts of the time, each with its own figures.
    #[arg(long, default_value_t = 8)]
    pub slices: u32,
}

/// Time between two looks at the server's memory.
const LOOK: Duration = Duration::from_secs(1);
/// Of so many answers the time of one is kept: there are millions.
const SAMPLE: u64 = 16;

/// What senders have seen since the slice began.
#[derive(Debug)]
struct Slice {
    answered: u64,
    /// The last answer, of an earlier slice too.
    heard: Instant,
    /// The longest time in which nobody was answered.
    pause: Duration,
    /// From a message to its answer, in nanoseconds.
    times: Vec<u64>,
    /// The most that the server had, in MiB.
    memory: f64,
}

impl Sustained {
    /// Does it once.
    ///
    /// # Errors
    /// When a message is neither answered nor delivered, or more than once.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut system = setup.start()?;
        let (pairs, bytes, window) = (self.pairs, self.bytes, self.window);
        let pairs = Pairs { pairs, bytes, window, seconds: u64::from(self.seconds), rate: 0 };
        let mut fleet = pairs.gather(system.as_mut())?;
        self.go(system.as_ref(), &mut fleet)
    }

    fn go(&self, system: &dyn System, fleet: &mut Fleet) -> Outcome<Figures> {
        fleet.limit(Duration::from_secs(u64::from(self.seconds) * 2 + 120));
        let mut counts = Counts::default();
        for client in 0..fleet.clients() {
            fleet.say(client, |socket| (0..self.window).for_each(|_| socket.send(0)))?;
            counts.sent += self.window as u64;
        }
        let length = Duration::from_secs(self.seconds.into()) / self.slices.max(1);
        let (mut figures, mut memories, mut slice) = (Figures::default(), Vec::new(), Slice::new());
        let whole = Meter::start(system);
        for number in 1..=self.slices.max(1) {
            slice = Slice { heard: slice.heard, pause: slice.pause, ..Slice::new() };
            let meter = Meter::start(system);
            slice.fill(length, system, fleet, &mut counts)?;
            let cost = meter.read();
            let mut add =
                |what: &str, unit, value| figures.add(format!("slice {number}: {what}"), unit, value);
            add("messages per second", "1/s", per_second(slice.answered, cost.wall));
            add("CPU per message", "µs", 1e6 / per_second(slice.answered, cost.server));
            slice.times.sort_unstable();
            add("send to answer p99", "ms", percentile(&slice.times, 0.99) / 1e6);
            add("memory at most", "MiB", slice.memory);
            memories.push(slice.memory);
        }
        let cost = whole.read();
        cost.add_rates(&mut figures, "whole: ", "messages", counts.answered.min(counts.delivered));
        drain(fleet, &mut counts)?;
        figures.add("longest time without an answer", "ms", slice.pause.as_secs_f64() * 1e3);
        figures.add("memory at most", "MiB", memories.iter().copied().fold(0.0, f64::max));
        if let [_, second, .., last] = memories[..] {
            figures.add("memory of the last slice to the second", "ratio", last / second);
        }
        Ok(figures)
    }
}

impl Slice {
    fn new() -> Self {
        let (heard, pause) = (Instant::now(), Duration::ZERO);
        Self { answered: 0, heard, pause, times: Vec::new(), memory: 0.0 }
    }

    /// Has all write for so long.
    fn fill(
        &mut self,
        length: Duration,
        system: &dyn System,
        fleet: &mut Fleet,
        counts: &mut Counts,
    ) -> Outcome<()> {
        let (begun, before) = (Instant::now(), counts.answered);
        let mut looked = begun;
        while begun.elapsed() < length {
            let answered = counts.answered;
            fleet.turn(Duration::from_millis(100), |heard, socket| {
                let now = now();
                for sent in &heard.answers {
                    counts.answered += 1;
                    if counts.answered.is_multiple_of(SAMPLE) {
                        self.times.push(now - sent);
                    }
                    socket.send(0);
                }
                counts.sent += heard.answers.len() as u64;
                counts.delivered += heard.deliveries.len() as u64;
                Ok(())
            })?;
            if counts.answered > answered {
                self.pause = self.pause.max(self.heard.elapsed());
                self.heard = Instant::now();
            }
            if looked.elapsed() >= LOOK {
                self.memory = self.memory.max(memory(&system.processes()) as f64 / 1_048_576.0);
                looked = Instant::now();
            }
        }
        self.answered = counts.answered - before;
        Ok(())
    }
}
