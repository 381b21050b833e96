//! All clients lose the server at once, by kill -9 under load, and come back as soon as it is there again.

use std::time::{Duration, Instant};

use super::{during, until_quiet, user};
use crate::Outcome;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::session::Target;
use crate::system::System as _;
use crate::systems::Setup;

/// Every client logs in freshly and gets its whole list; lists together have all messages that were answered.
#[derive(Clone, Debug, clap::Args)]
pub struct Storm {
    /// Clients, each a user of its own.
    #[arg(long, default_value_t = 10_000)]
    pub clients: usize,
    /// Conversations of each user; half of them it has begun.
    #[arg(long, default_value_t = 10)]
    pub conversations: usize,
    /// Messages under way when the server is killed.
    #[arg(long, default_value_t = 1000)]
    pub window: u64,
    /// Seconds of load before the kill.
    #[arg(long, default_value_t = 2)]
    pub seconds: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    answered: u64,
}

impl Storm {
    /// Does it once.
    ///
    /// # Errors
    /// When a client does not come back, or an answered message is not in the lists.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut lethe = setup.lethe()?;
        let users: Vec<String> = (0..self.clients).map(user).collect();
        lethe.add_users(&users)?;
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(600));
        let gathered = fleet.gather(users.len(), 2000.0, |n| lethe.links(&users[n], u32::try_from(n)?, &[]));
        during("first login", gathered)?;
        let begun = (self.conversations / 2).max(1);
        for n in 0..users.len() {
            for next in 1..=begun {
                let to = Target::User(users[(n + next) % users.len()].clone());
                fleet.say(n, |socket| socket.aim(&to, 100))?;
            }
        }
        let mut counts = Counts::default();
        let first = (users.len() * begun) as u64;
        while counts.answered < first {
            during("first texts", self.write(&mut fleet, &mut counts, first, begun))?;
        }
        until_quiet(&mut fleet, Duration::from_millis(200))?;
        let load = Instant::now();
        while load.elapsed() < Duration::from_secs(self.seconds) {
            during("load", self.write(&mut fleet, &mut counts, u64::MAX, begun))?;
        }
        let killed = Instant::now();
        lethe.crash()?;
        drop(fleet);
        self.come_back(&mut lethe, &users, counts, begun * 2, killed)
    }

    fn come_back(
        &self,
        lethe: &mut crate::systems::lethe::Lethe,
        users: &[String],
        counts: Counts,
        conversations: usize,
        killed: Instant,
    ) -> Outcome<Figures> {
        let mut figures = Figures::default();
        lethe.restart()?;
        let restarted = killed.elapsed();
        let meter = Meter::start(lethe);
        let mut fleet = Fleet::new()?;
        let gathered = fleet.storm(users.len(), |n| lethe.links(&users[n], u32::try_from(n)?, &[]));
        let gathered = during("coming back", gathered)?;
        let (back, retries) = (killed.elapsed(), f64::from(u32::try_from(gathered.retries)?));
        super::same("conversations", (users.len() * conversations) as u64, gathered.items)?;
        // Both sides of a conversation count its messages.
        let (least, most) = (counts.answered * 2, counts.sent * 2);
        if !(least..=most).contains(&gathered.heads) {
            return Err(format!("lists have {} messages, not {least} to {most}", gathered.heads).into());
        }
        figures.add("kill until the server accepts", "s", restarted.as_secs_f64());
        figures.add("kill until all are back with their lists", "s", back.as_secs_f64());
        figures.add("server accepts until all are back", "s", gathered.took.as_secs_f64());
        figures.add("connections refused or reset", "", retries);
        meter.read().add_rates(&mut figures, "", "logins with lists", users.len() as u64);
        Ok(figures)
    }

    /// Keeps the window full, up to `most` messages, from one client after the other.
    fn write(&self, fleet: &mut Fleet, counts: &mut Counts, most: u64, aims: usize) -> Outcome<()> {
        let clients = fleet.clients() as u64;
        while counts.sent < most.min(counts.answered + self.window) {
            let client = usize::try_from(counts.sent % clients)?;
            let aim = usize::try_from(counts.sent / clients)? % aims;
            fleet.say(client, |socket| socket.send(aim))?;
            counts.sent += 1;
        }
        fleet.turn(Duration::from_millis(100), |heard, _| {
            counts.answered += heard.answers.len() as u64;
            Ok(())
        })
    }
}
