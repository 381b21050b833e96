//! Pairs of users who write to each other: the cost of a message between two, and its latency.

use std::time::{Duration, Instant};

use super::{same, until_quiet, user};
use crate::Outcome;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::{Cost, Meter};
use crate::session::Target;
use crate::stamp::now;
use crate::system::System;
use crate::systems::Setup;

/// Every message counts when it is answered to its sender and delivered to its receiver.
#[derive(Clone, Debug, clap::Args)]
pub struct Pairs {
    /// Pairs of users; both of each write.
    #[arg(long, default_value_t = 100)]
    pub pairs: usize,
    /// Bytes of a text.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
    /// Unanswered messages of each sender in the second part; 0 for none.
    #[arg(long, default_value_t = 16)]
    pub window: usize,
    /// Measured seconds of each part, after one to warm up.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Messages per second of all senders in the first part; 0 for none. Latency counts from when a message was due.
    #[arg(long, default_value_t = 5000)]
    pub rate: u32,
}

/// What all senders and receivers have seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) delivered: u64,
}

/// What senders at a fixed rate have seen.
#[derive(Debug)]
pub struct Paced {
    /// From when a message was due until its answer was there, in nanoseconds.
    pub answers: Vec<u64>,
    /// The same until its receiver had it.
    pub deliveries: Vec<u64>,
    /// What it cost.
    pub cost: Cost,
}

const WARM_UP: Duration = Duration::from_secs(1);

impl Pairs {
    /// Does it once.
    ///
    /// # Errors
    /// When a message is neither answered nor delivered, or more than once.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        self.on(setup.start()?.as_mut())
    }

    /// Does it once on a system that runs.
    ///
    /// # Errors
    /// When a message is neither answered nor delivered, or more than once.
    pub fn on(&self, system: &mut dyn System) -> Outcome<Figures> {
        let mut fleet = self.gather(system)?;
        let mut figures = Figures::default();
        // The rate first: after seconds of saturation a store is still at work for those.
        if self.rate > 0 {
            self.pace(system, &mut fleet)?.add_to(&mut figures, &format!("{}/s: ", self.rate));
            nothing_more(&mut fleet)?;
        }
        if self.window > 0 {
            self.saturate(system, &mut fleet, &mut figures)?;
        }
        Ok(figures)
    }

    /// Signs all users in on a system that runs, each with the other of its pair as the aim.
    ///
    /// # Errors
    /// When a user is not there, or not signed in.
    pub fn gather(&self, system: &mut dyn System) -> Outcome<Fleet> {
        let users: Vec<String> = (0..self.pairs * 2).map(user).collect();
        system.add_users(&users)?;
        let mut fleet = Fleet::new()?;
        fleet.gather(users.len(), 500.0, |n| system.links(&users[n], u32::try_from(n)?, &[]))?;
        for n in 0..users.len() {
            // The aim of each client is its number 0.
            fleet.say(n, |socket| socket.aim(&Target::User(users[n ^ 1].clone()), self.bytes))?;
        }
        until_quiet(&mut fleet, Duration::from_millis(200))?;
        Ok(fleet)
    }

    /// As fast as answers allow.
    fn saturate(&self, system: &dyn System, fleet: &mut Fleet, figures: &mut Figures) -> Outcome<()> {
        fleet.limit(Duration::from_secs(self.seconds * 4 + 120));
        let mut counts = Counts::default();
        for client in 0..fleet.clients() {
            fleet.say(client, |socket| (0..self.window).for_each(|_| socket.send(0)))?;
            counts.sent += self.window as u64;
        }
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            echo(fleet, &mut counts, true)?;
        }
        let (meter, before) = (Meter::start(system), counts);
        while meter.elapsed() < Duration::from_secs(self.seconds) {
            echo(fleet, &mut counts, true)?;
        }
        let cost = meter.read();
        let done = (counts.answered - before.answered).min(counts.delivered - before.delivered);
        drain(fleet, &mut counts)?;
        cost.add_rates(figures, "saturated: ", "messages", done);
        Ok(())
    }

    /// How long senders at a fixed rate write, with the time to warm up.
    #[must_use]
    pub fn paced(&self) -> Duration {
        WARM_UP + Duration::from_secs(self.seconds)
    }

    /// At a fixed rate, however slow the answers are. What comes twice but later is for [`nothing_more`] to find.
    ///
    /// # Errors
    /// When a message is neither answered nor delivered, or more than once.
    pub fn pace(&self, system: &dyn System, fleet: &mut Fleet) -> Outcome<Paced> {
        fleet.limit(Duration::from_secs(self.seconds * 4 + 120));
        let period = 1_000_000_000 / u64::from(self.rate);
        let total = u64::from(self.rate) * self.paced().as_secs();
        let (mut counts, clients) = (Counts::default(), fleet.clients() as u64);
        let (mut answers, mut deliveries) = (Vec::new(), Vec::new());
        let begun = now();
        let measured = begun + u64::try_from(WARM_UP.as_nanos())?;
        // At very high rates one tick of the clock is due for several messages.
        fleet.tick(Duration::from_nanos(period.max(100_000)))?;
        let mut meter = None;
        while counts.answered < total || counts.delivered < total {
            let mut due = begun + counts.sent * period;
            while counts.sent < total && due <= now() {
                let client = usize::try_from(counts.sent % clients)?;
                fleet.say(client, |socket| socket.send_as_of(0, due))?;
                counts.sent += 1;
                due = begun + counts.sent * period;
            }
            if meter.is_none() && now() > measured {
                meter = Some(Meter::start(system));
            }
            fleet.turn(Duration::from_millis(100), |heard, _| {
                let now = now();
                counts.answered += heard.answers.len() as u64;
                counts.delivered += heard.deliveries.len() as u64;
                let late = |times: &[u64], into: &mut Vec<u64>| {
                    into.extend(times.iter().filter(|&&time| time > measured).map(|time| now - time));
                };
                late(&heard.answers, &mut answers);
                late(&heard.deliveries, &mut deliveries);
                Ok(())
            })?;
        }
        let cost = meter.ok_or("the paced part was too short")?.read();
        fleet.tick(Duration::ZERO)?;
        same("answers", counts.sent, counts.answered)?;
        same("deliveries", counts.sent, counts.delivered)?;
        Ok(Paced { answers, deliveries, cost })
    }
}

impl Paced {
    fn add_to(mut self, figures: &mut Figures, prefix: &str) {
        figures.add_latency(&format!("{prefix}send to answer"), &mut self.answers);
        figures.add_latency(&format!("{prefix}send to delivery"), &mut self.deliveries);
        self.cost.add_rates(figures, prefix, "messages", self.answers.len() as u64);
    }
}

/// Each answer makes its sender write again.
fn echo(fleet: &mut Fleet, counts: &mut Counts, again: bool) -> Outcome<()> {
    fleet.turn(Duration::from_millis(100), |heard, socket| {
        counts.answered += heard.answers.len() as u64;
        counts.delivered += heard.deliveries.len() as u64;
        if again {
            counts.sent += heard.answers.len() as u64;
            heard.answers.iter().for_each(|_| socket.send(0));
        }
        Ok(())
    })
}

/// Waits for what is under way.
pub(super) fn drain(fleet: &mut Fleet, counts: &mut Counts) -> Outcome<()> {
    while counts.answered < counts.sent || counts.delivered < counts.sent {
        echo(fleet, counts, false)?;
    }
    same("answers", counts.sent, counts.answered)?;
    same("deliveries", counts.sent, counts.delivered)?;
    nothing_more(fleet)
}

/// That nothing comes after all was answered and delivered.
///
/// # Errors
/// When something does.
pub fn nothing_more(fleet: &mut Fleet) -> Outcome<()> {
    let mut late = 0;
    fleet.turn(Duration::from_millis(100), |heard, _| {
        late += heard.answers.len() + heard.deliveries.len();
        Ok(())
    })?;
    same("answers and deliveries after all", 0, late as u64)
}
