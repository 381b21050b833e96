//! Many users who do a bit of everything at a fixed rate for a while: throughput and latency must stay flat.

use std::time::Duration;

use super::{same, until_quiet, user};
use crate::Outcome;
use crate::figures::{Figures, per_second, percentile};
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::session::{Ask, Target};
use crate::stamp::now;
use crate::system::System as _;
use crate::systems::Setup;

/// Every text is answered and delivered to all it is for; one in ten goes to a group. After some texts the conversation
/// is read, pinned, unpinned or deleted by its sender.
#[derive(Clone, Debug, clap::Args)]
pub struct Mixed {
    /// Users, each with one client.
    #[arg(long, default_value_t = 2000)]
    pub users: usize,
    /// Members of a group; every user is in one.
    #[arg(long, default_value_t = 50)]
    pub members: usize,
    /// Texts per second.
    #[arg(long, default_value_t = 2000)]
    pub rate: u32,
    /// Seconds in all.
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// Parts of the time, each with its own figures.
    #[arg(long, default_value_t = 10)]
    pub slices: u64,
}

/// Peers of each user.
const PEERS: usize = 5;
/// One text in so many is followed by a read of the conversation, a change of its pin, its deletion.
const READ: u64 = 10;
const PIN: u64 = 50;
const DELETE: u64 = 100;

#[derive(Default)]
struct Counts {
    sent: u64,
    asked: u64,
    answered: u64,
    replied: u64,
    delivered: u64,
    to_deliver: u64,
}

impl Mixed {
    /// Does it once.
    ///
    /// # Errors
    /// When a text is not answered or delivered, or a request is refused.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut lethe = setup.lethe()?;
        let users: Vec<String> = (0..self.users).map(user).collect();
        lethe.add_users(&users)?;
        for (n, members) in users.chunks(self.members).enumerate() {
            lethe.add_group(&group(n), members)?;
        }
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(300));
        fleet.gather(users.len(), 1000.0, |n| lethe.links(&users[n], u32::try_from(n)?, &[]))?;
        for n in 0..users.len() {
            fleet.say(n, |socket| {
                (0..=PEERS).for_each(|aim| {
                    socket.aim(&self.target(n, aim), 100);
                });
            })?;
        }
        until_quiet(&mut fleet, Duration::from_millis(300))?;
        self.go(&lethe, &mut fleet)
    }

    /// The last aim of a user is its group.
    fn target(&self, user_number: usize, aim: usize) -> Target {
        if aim == PEERS {
            return Target::Group(group(user_number / self.members));
        }
        Target::User(user((user_number + 1 + aim * 7) % self.users))
    }

    fn go(&self, lethe: &dyn crate::system::System, fleet: &mut Fleet) -> Outcome<Figures> {
        fleet.limit(Duration::from_secs(self.seconds * 2 + 120));
        let total = u64::from(self.rate) * self.seconds;
        let period = 1_000_000_000 / u64::from(self.rate);
        let slice = total.div_ceil(self.slices.max(1));
        let mut figures = Figures::default();
        let (mut counts, mut times, mut p99s) = (Counts::default(), Vec::new(), Vec::new());
        let whole = Meter::start(lethe);
        let (begun, mut meter) = (now(), Meter::start(lethe));
        fleet.tick(Duration::from_nanos(period.max(100_000)))?;
        while counts.answered < total || !counts.all_came() {
            let mut due = begun + counts.sent * period;
            while counts.sent < total && due <= now() {
                self.say(fleet, &mut counts, due)?;
                due = begun + counts.sent * period;
            }
            let before = counts.answered / slice;
            fleet.turn(Duration::from_millis(100), |heard, _| {
                let now = now();
                counts.answered += heard.answers.len() as u64;
                counts.delivered += heard.deliveries.len() as u64;
                counts.replied += heard.replies.len() as u64;
                times.extend(heard.answers.iter().map(|time| now - time));
                Ok(())
            })?;
            if counts.answered / slice > before {
                let (number, cost, count) = (counts.answered / slice, meter.read(), times.len() as u64);
                let prefix = format!("slice {number}: ");
                times.sort_unstable();
                let p99 = percentile(&times, 0.99) / 1e6;
                figures.add(format!("{prefix}texts per second"), "1/s", per_second(count, cost.wall));
                figures.add(format!("{prefix}CPU per text"), "µs", 1e6 / per_second(count, cost.server));
                figures.add(format!("{prefix}send to answer p99"), "ms", p99);
                p99s.push(p99);
                times.clear();
                meter = Meter::start(lethe);
            }
        }
        fleet.tick(Duration::ZERO)?;
        counts.check(fleet)?;
        whole.read().add_rates(&mut figures, "whole: ", "texts", total);
        if let [first, .., last] = p99s[..] {
            figures.add("p99 of the last slice to the first", "ratio", last / first);
        }
        Ok(figures)
    }

    /// One text, and what its sender does with the conversation.
    fn say(&self, fleet: &mut Fleet, counts: &mut Counts, due: u64) -> Outcome<()> {
        // A fixed order that looks random: every run does the same.
        let dice = (counts.sent + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
        let sender = usize::try_from(dice % self.users as u64)?;
        let to_group = counts.sent.is_multiple_of(10);
        let aim = if to_group { PEERS } else { usize::try_from((dice >> 20) % PEERS as u64)? };
        let target = self.target(sender, aim);
        let nth = counts.sent;
        counts.sent += 1;
        counts.to_deliver += if to_group { self.group_size(sender) - 1 } else { 1 };
        let asks: Vec<Ask> = [
            (READ, Ask::Read(target.clone())),
            (PIN, Ask::Pin(target.clone(), !(nth / PIN).is_multiple_of(2))),
            (DELETE, Ask::Delete { which: vec![target], clear: false }),
        ]
        .into_iter()
        // Beside the texts to groups as well as those to users.
        .filter(|(every, _)| (nth + nth / every).is_multiple_of(*every))
        .map(|(_, ask)| ask)
        .collect();
        counts.asked += asks.len() as u64;
        fleet.say(sender, |socket| {
            socket.send_as_of(aim, due);
            asks.iter().try_for_each(|ask| socket.ask(ask))
        })?
    }

    fn group_size(&self, user_number: usize) -> u64 {
        let first = user_number / self.members * self.members;
        self.members.min(self.users - first) as u64
    }
}

impl Counts {
    fn all_came(&self) -> bool {
        self.delivered >= self.to_deliver && self.replied >= self.asked
    }

    fn check(&self, fleet: &mut Fleet) -> Outcome<()> {
        let mut late = 0;
        fleet.turn(Duration::from_millis(200), |heard, _| {
            late += heard.answers.len() + heard.deliveries.len();
            Ok(())
        })?;
        same("answers", self.sent, self.answered)?;
        same("deliveries", self.to_deliver, self.delivered)?;
        same("answers to other requests", self.asked, self.replied)?;
        same("answers and deliveries after all", 0, late as u64)
    }
}

fn group(n: usize) -> String {
    format!("g{n:04}")
}
