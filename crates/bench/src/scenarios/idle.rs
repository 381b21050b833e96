//! Clients that are logged in and do nothing but heartbeats: what a connection costs when nobody writes.

use std::time::Duration;

use super::{repeated, same, until_quiet, user};
use crate::Outcome;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::systems::Setup;
use crate::usage::memory;

/// Heartbeats are spread evenly over their period, as those of independent clients are.
#[derive(Clone, Debug, clap::Args)]
pub struct Idle {
    /// Logged-in clients, each a user of its own.
    #[arg(long, default_value_t = 10_000)]
    pub clients: usize,
    /// Seconds between the heartbeats of one client.
    #[arg(long, default_value_t = 30)]
    pub heartbeat: u64,
    /// Measured seconds, after as many to settle as one period of heartbeats.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// New connections per second.
    #[arg(long, default_value_t = 1000.0)]
    pub rate: f64,
}

impl Idle {
    /// Does it once.
    ///
    /// # Errors
    /// When a heartbeat is not answered, or a client is lost.
    #[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut system = setup.start()?;
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(300));
        let processes = system.processes();
        let mut figures = Figures::default();
        figures.add("memory of an empty server", "MiB", memory(&processes) as f64 / 1_048_576.0);
        let users: Vec<String> = (0..self.clients).map(user).collect();
        system.add_users(&users)?;
        // What the accounts themselves have brought into the caches is not the connections'.
        let before = memory(&processes);
        let gathered = fleet
            .gather_again(users.len(), self.rate, |n| system.links(&users[n], u32::try_from(n)?, &[]))?;
        until_quiet(&mut fleet, Duration::from_millis(300))?;
        let after = memory(&processes);
        figures.add("logins per second", "1/s", users.len() as f64 / gathered.took.as_secs_f64());
        let per_client = after.saturating_sub(before) as f64 / 1024.0 / users.len().max(1) as f64;
        repeated(&gathered, &mut figures);
        figures.add("memory per client after login", "KiB", per_client);
        fleet.limit(Duration::from_secs(self.heartbeat + self.seconds + 120));
        self.beat(&mut fleet, Duration::from_secs(self.heartbeat))?;
        let meter = Meter::start(system.as_ref());
        let beats = self.beat(&mut fleet, Duration::from_secs(self.seconds))?;
        meter.read().add_rates(&mut figures, "", "heartbeats", beats);
        let per_client =
            memory(&processes).saturating_sub(before) as f64 / 1024.0 / users.len().max(1) as f64;
        figures.add("memory per client", "KiB", per_client);
        Ok(figures)
    }

    /// Heartbeats of all clients in turn for so long; how many were answered, which is all of them.
    fn beat(&self, fleet: &mut Fleet, time: Duration) -> Outcome<u64> {
        let period = Duration::from_secs(self.heartbeat) / u32::try_from(self.clients.max(1))?;
        let period = period.max(Duration::from_micros(100));
        fleet.tick(period)?;
        let total = u64::try_from(time.as_nanos() / period.as_nanos())?;
        let (mut sent, mut replied) = (0, 0);
        while replied < total {
            while sent < total.min(fleet.ticks) {
                let client = usize::try_from(sent % self.clients as u64)?;
                fleet.say(client, crate::fleet::Socket::beat)?;
                sent += 1;
            }
            fleet.turn(Duration::from_millis(100), |heard, _| {
                replied += heard.replies.len() as u64;
                Ok(())
            })?;
        }
        fleet.tick(Duration::ZERO)?;
        same("answers to heartbeats", sent, replied)?;
        Ok(replied)
    }
}
