//! A group whose members are all online: the cost of a delivery, and how soon the last member has a message.

use std::time::{Duration, Instant};

use super::{repeated, same, until_quiet, user};
use crate::Outcome;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::session::Target;
use crate::stamp::now;
use crate::system::System;
use crate::systems::Setup;

/// Every message counts when it is answered to its sender and delivered to all other clients of the group.
#[derive(Clone, Debug, clap::Args)]
pub struct Group {
    /// Online clients of the group.
    #[arg(long, default_value_t = 100)]
    pub clients: usize,
    /// The most members; where there are more clients, members have two clients each, or more.
    #[arg(long, default_value_t = 5000)]
    pub members: usize,
    /// Bytes of a text.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
    /// Clients who write in the saturated part.
    #[arg(long, default_value_t = 16)]
    pub senders: usize,
    /// Messages that not all clients have yet in the saturated part.
    #[arg(long, default_value_t = 64)]
    pub window: usize,
    /// Measured seconds of each part, after one to warm up.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// The name of the only group.
const GROUP: &str = "bench";
const WARM_UP: Duration = Duration::from_secs(1);

/// What all clients have seen.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    answered: u64,
    delivered: u64,
}

impl Group {
    /// Does it once.
    ///
    /// # Errors
    /// When a client misses a message, or has one twice.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut system = setup.start()?;
        let members = self.clients.min(self.members);
        let users: Vec<String> = (0..members).map(user).collect();
        system.add_users(&users)?;
        system.add_group(GROUP, &users)?;
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(300));
        let groups = [GROUP.to_owned()];
        let gathered = fleet.gather_again(self.clients, 2000.0, |n| {
            system.links(&users[n % members], u32::try_from(n)?, &groups)
        })?;
        let senders = self.senders.clamp(1, members);
        for client in 0..senders {
            fleet.say(client, |socket| socket.aim(&Target::Group(GROUP.to_owned()), self.bytes))?;
        }
        until_quiet(&mut fleet, Duration::from_millis(300))?;
        let mut figures = Figures::default();
        repeated(&gathered, &mut figures);
        self.light(system.as_ref(), &mut fleet, &mut figures)?;
        self.saturate(system.as_ref(), &mut fleet, senders, &mut figures)?;
        Ok(figures)
    }

    /// One message at a time: the next is sent when all have the one before.
    fn light(&self, system: &dyn System, fleet: &mut Fleet, figures: &mut Figures) -> Outcome<()> {
        fleet.limit(Duration::from_secs(self.seconds * 4 + 120));
        let (mut counts, mut times) = (Counts::default(), Vec::new());
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            self.once(fleet, &mut counts)?;
        }
        let (meter, before) = (Meter::start(system), counts.delivered);
        while meter.elapsed() < Duration::from_secs(self.seconds) {
            times.push(self.once(fleet, &mut counts)?);
        }
        let cost = meter.read();
        self.check(fleet, &mut counts)?;
        cost.add_rates(figures, "light: ", "deliveries", counts.delivered - before);
        figures.add_latency("light: until the last has it", &mut times);
        Ok(())
    }

    /// Sends one message and waits until all have it; in nanoseconds.
    fn once(&self, fleet: &mut Fleet, counts: &mut Counts) -> Outcome<u64> {
        let begun = now();
        fleet.say(0, |socket| socket.send_as_of(0, begun))?;
        counts.sent += 1;
        while counts.delivered < counts.sent * self.others() || counts.answered < counts.sent {
            hear(fleet, counts)?;
        }
        Ok(now() - begun)
    }

    /// Several senders, with a bounded number of messages on their way.
    fn saturate(
        &self,
        system: &dyn System,
        fleet: &mut Fleet,
        senders: usize,
        figures: &mut Figures,
    ) -> Outcome<()> {
        fleet.limit(Duration::from_secs(self.seconds * 4 + 180));
        let mut counts = Counts::default();
        let begun = Instant::now();
        while begun.elapsed() < WARM_UP {
            self.refill(fleet, senders, &mut counts)?;
        }
        let (meter, before) = (Meter::start(system), counts);
        while meter.elapsed() < Duration::from_secs(self.seconds) {
            self.refill(fleet, senders, &mut counts)?;
        }
        let cost = meter.read();
        let (sent, delivered) = (counts.answered - before.answered, counts.delivered - before.delivered);
        self.check(fleet, &mut counts)?;
        cost.add_rates(figures, "saturated: ", "deliveries", delivered);
        figures.add("saturated: messages per second", "1/s", crate::figures::per_second(sent, cost.wall));
        Ok(())
    }

    /// Sends as many as the window has room for, from one sender after the other.
    fn refill(&self, fleet: &mut Fleet, senders: usize, counts: &mut Counts) -> Outcome<()> {
        let done = (counts.delivered / self.others()).min(counts.answered);
        while counts.sent < done + self.window as u64 {
            let sender = usize::try_from(counts.sent % senders as u64)?;
            fleet.say(sender, |socket| socket.send(0))?;
            counts.sent += 1;
        }
        hear(fleet, counts)
    }

    /// Clients that are told of a message besides the one that sent it.
    fn others(&self) -> u64 {
        (self.clients as u64).saturating_sub(1).max(1)
    }

    /// Waits for what is under way, and that nothing comes twice.
    fn check(&self, fleet: &mut Fleet, counts: &mut Counts) -> Outcome<()> {
        while counts.delivered < counts.sent * self.others() || counts.answered < counts.sent {
            hear(fleet, counts)?;
        }
        until_quiet(fleet, Duration::from_millis(50))?;
        same("answers", counts.sent, counts.answered)?;
        same("deliveries", counts.sent * self.others(), counts.delivered)
    }
}

fn hear(fleet: &mut Fleet, counts: &mut Counts) -> Outcome<()> {
    fleet.turn(Duration::from_millis(100), |heard, _| {
        counts.answered += heard.answers.len() as u64;
        counts.delivered += heard.deliveries.len() as u64;
        Ok(())
    })
}
