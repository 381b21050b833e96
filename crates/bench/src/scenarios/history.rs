//! Pages backwards through a long history, cold and warm.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};

use super::same;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::session::{Ask, Target};
use crate::stamp::now;
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::Lethe;
use crate::{ME, Outcome, fill, peer};

/// One client walks from the newest page to the first, on a server that has just started and whose files are out of the
/// page cache; then again; then several walk at once. At the end several walk through a history each, on a server that has
/// as many messages: nobody reads what another has just read.
#[derive(Clone, Debug, clap::Args)]
pub struct History {
    /// Messages of the conversation, and of all conversations of the last part.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Messages of a page.
    #[arg(long, default_value_t = 20)]
    pub page: u32,
    /// Clients who walk at once, at most 9.
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// The longest time of each walk in seconds; a walk that ends in it has seen every message.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

impl History {
    /// Does it once.
    ///
    /// # Errors
    /// When a page is not what it should be.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let lethe = Lethe::start_filled(&setup.dir, |data| {
            fill(data, 1, self.messages)?;
            forget(data)
        })?;
        let mut figures = Figures::default();
        let one = Histories { conversations: 1, each: self.messages };
        self.walk(&lethe, "cold, one client: ", 1, one, &mut figures)?;
        self.walk(&lethe, "warm, one client: ", 1, one, &mut figures)?;
        let prefix = format!("warm, {} clients: ", self.clients);
        self.walk(&lethe, &prefix, self.clients, one, &mut figures)?;
        drop(lethe);
        let own = Histories { conversations: self.clients, each: self.messages / self.clients as u64 };
        let lethe = Lethe::start_filled(&setup.dir, |data| fill(data, own.conversations, own.each))?;
        self.walk(&lethe, "", self.clients, own, &mut Figures::default())?;
        let prefix = format!("warm, {} clients, a history each: ", self.clients);
        self.walk(&lethe, &prefix, self.clients, own, &mut figures)?;
        Ok(figures)
    }

    fn walk(
        &self,
        lethe: &Lethe,
        prefix: &str,
        clients: usize,
        histories: Histories,
        figures: &mut Figures,
    ) -> Outcome<()> {
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(self.seconds + 60));
        fleet.gather(clients, 1000.0, |n| {
            let session = Box::new(lethe.session(ME, u32::try_from(n)?));
            Ok(vec![Link { address: lethe.address(), session }])
        })?;
        let (meter, begun) = (Meter::start(lethe), Instant::now());
        for client in 0..clients {
            let whose = Target::User(peer(client % histories.conversations));
            fleet.say(client, |socket| socket.ask(&Ask::Newest(whose, self.page)))??;
        }
        let (mut walking, mut complete, mut items, mut times) = (clients, 0, 0, Vec::new());
        let limit = Duration::from_secs(self.seconds);
        while walking > 0 {
            fleet.turn(Duration::from_millis(100), |heard, socket| {
                items += heard.items;
                for time in &heard.replies {
                    times.push(now() - time);
                    if heard.complete || begun.elapsed() > limit {
                        walking -= 1;
                        complete += usize::from(heard.complete);
                    } else {
                        socket.ask(&Ask::Older)?;
                    }
                }
                Ok(())
            })?;
        }
        let (cost, pages) = (meter.read(), times.len() as u64);
        if complete == clients {
            same("messages seen", histories.each * clients as u64, items)?;
        } else {
            same("messages seen", pages * u64::from(self.page), items)?;
        }
        cost.add_rates(figures, prefix, "pages", pages);
        figures.add_latency(&format!("{prefix}page"), &mut times);
        Ok(())
    }
}

/// What the store has.
#[derive(Clone, Copy, Debug)]
struct Histories {
    conversations: usize,
    /// Messages of each.
    each: u64,
}

/// Puts the files of a directory out of the page cache. A disk in memory keeps them.
fn forget(directory: &Path) -> Outcome<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.metadata()?.is_dir() {
            forget(&entry.path())?;
        } else {
            let file = File::open(entry.path())?;
            // What is dirty stays otherwise.
            file.sync_all()?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}
