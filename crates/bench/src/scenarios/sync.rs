//! What a client waits for before it can show its list: logins with lists of several lengths, lists, and resuming after
//! much was deleted elsewhere.

use std::time::Duration;

use lethe_protocol::Resume;

use super::{same, until_quiet};
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::session::{Ask, Target};
use crate::stamp::now;
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::{Lethe, LetheSession};
use crate::{ME, Outcome, fill, peer};

/// Every login comes from a new socket, and is over when the client has the whole list.
#[derive(Clone, Debug, clap::Args)]
pub struct Sync {
    /// Lengths of the lists of conversations, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1000, 10_000])]
    pub lists: Vec<usize>,
    /// Logins, and resumes, of each length.
    #[arg(long, default_value_t = 50)]
    pub logins: usize,
    /// Deletions that a client has missed when it resumes; those of the conversations of the second list, over and over.
    #[arg(long, default_value_t = 10_000)]
    pub deletions: usize,
    /// Clients who ask for lists of 50 at once, at most 9.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// Measured seconds of asking for lists.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// Conversations in one call.
const STEP: usize = 100;
/// Conversations of a list in the rate of lists.
const PAGE: u32 = 50;

impl Sync {
    /// Does it once.
    ///
    /// # Errors
    /// When a list has not all conversations.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let mut figures = Figures::default();
        for (place, &length) in self.lists.iter().enumerate() {
            let lethe = Lethe::start_filled(&setup.dir, |data| fill(data, length, 1))?;
            let prefix = format!("login with {length} conversations");
            let mut times = Vec::new();
            let meter = Meter::start(&lethe);
            for login in 0..self.logins {
                let session = lethe.session(ME, u32::try_from(login)?).with_whole_list();
                let (took, items) = log_in(&lethe, session)?;
                same("conversations in the list", length as u64, items)?;
                times.push(took);
            }
            let cost = meter.read();
            figures.add_latency(&prefix, &mut times);
            let logins = crate::figures::per_second(self.logins as u64, cost.server);
            figures.add(format!("{prefix}: logins per server CPU second"), "1/s", logins);
            // The list in the middle serves for the rest.
            if place == self.lists.len() / 2 {
                self.list(&lethe, length, &mut figures)?;
                self.resume(&lethe, length, &mut figures)?;
            }
        }
        Ok(figures)
    }

    fn list(&self, lethe: &Lethe, length: usize, figures: &mut Figures) -> Outcome<()> {
        let mut fleet = clients(lethe, self.clients)?;
        fleet.limit(Duration::from_secs(self.seconds + 60));
        let (meter, mut times, mut items) = (Meter::start(lethe), Vec::new(), 0);
        let mut asked = self.clients as u64;
        for client in 0..self.clients {
            fleet.say(client, |socket| socket.ask(&Ask::List(PAGE)))??;
        }
        while (times.len() as u64) < asked {
            let more = meter.elapsed() < Duration::from_secs(self.seconds);
            fleet.turn(Duration::from_millis(100), |heard, socket| {
                items += heard.items;
                for time in &heard.replies {
                    times.push(now() - time);
                    if more {
                        asked += 1;
                        socket.ask(&Ask::List(PAGE))?;
                    }
                }
                Ok(())
            })?;
        }
        let cost = meter.read();
        same("conversations in lists", asked * u64::from(PAGE).min(length as u64), items)?;
        let prefix = format!("list of {PAGE} of {length}");
        cost.add_rates(figures, &format!("{prefix}: "), "lists", asked);
        figures.add_latency(&prefix, &mut times);
        Ok(())
    }

    fn resume(&self, lethe: &Lethe, length: usize, figures: &mut Figures) -> Outcome<()> {
        lethe.rest("lethe_config/set", r#"{"SyncConversationDeletion":true}"#)?;
        let since = self.delete(lethe, length)?;
        let mut times = Vec::new();
        for login in 0..self.logins {
            let session = lethe.session(ME, u32::try_from(login)?).resuming(since.clone());
            let (took, items) = log_in(lethe, session)?;
            // Those it missed, each once in its present state.
            same("conversations that were deleted", length.min(self.deletions) as u64, items)?;
            times.push(took);
        }
        let prefix = format!("resume after {} deletions of {length} conversations", self.deletions);
        figures.add_latency(&prefix, &mut times);
        Ok(())
    }

    /// Deletes and reopens from one client; where another stood before.
    fn delete(&self, lethe: &Lethe, length: usize) -> Outcome<Resume> {
        let since = lethe_state(lethe)?;
        let mut fleet = clients(lethe, 1)?;
        fleet.limit(Duration::from_secs(300));
        let targets: Vec<Target> = (0..length).map(|n| Target::User(peer(n))).collect();
        let mut deleted = 0;
        while deleted < self.deletions {
            if deleted > 0 {
                fleet.say(0, |socket| {
                    targets.iter().try_for_each(|target| socket.ask(&Ask::Open(target.clone())))
                })??;
                replies(&mut fleet, length)?;
            }
            for which in targets.chunks(STEP) {
                let delete = Ask::Delete { which: which.to_vec(), clear: false };
                fleet.say(0, |socket| socket.ask(&delete))??;
                replies(&mut fleet, 1)?;
            }
            deleted += length;
        }
        Ok(since)
    }
}

fn clients(lethe: &Lethe, count: usize) -> Outcome<Fleet> {
    let mut fleet = Fleet::new()?;
    fleet.gather(count, 1000.0, |n| {
        let session = Box::new(lethe.session(ME, u32::try_from(n)?));
        Ok(vec![Link { address: lethe.address(), session }])
    })?;
    until_quiet(&mut fleet, Duration::from_millis(50))?;
    Ok(fleet)
}

fn replies(fleet: &mut Fleet, count: usize) -> Outcome<()> {
    let mut replied = 0;
    while replied < count {
        fleet.turn(Duration::from_millis(100), |heard, _| {
            replied += heard.replies.len();
            Ok(())
        })?;
    }
    same("answers", count as u64, replied as u64)
}

/// From before the connection to the whole list, in nanoseconds, and how many conversations it has.
fn log_in(lethe: &Lethe, session: LetheSession) -> Outcome<(u64, u64)> {
    let (mut session, begun) = (Some(session), now());
    let mut fleet = Fleet::new()?;
    let gathered = fleet.gather(1, 1000.0, |_| {
        let session = Box::new(session.take().ok_or("one login")?);
        Ok(vec![Link { address: lethe.address(), session }])
    })?;
    Ok((now() - begun, gathered.items))
}

/// Where a client of [`ME`] stands that logs in now.
fn lethe_state(lethe: &Lethe) -> Outcome<Resume> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let credentials = Lethe::credentials(ME, "bench-state");
    let client = runtime.block_on(lethe_client::Client::connect(lethe.address(), &credentials, None))?;
    client.replica(lethe_client::Replica::resume).ok_or_else(|| "a client that logged in has a state".into())
}
