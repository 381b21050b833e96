//! What others feel while a long history that nobody can see any more is erased.

use std::time::Duration;

use super::pairs::Pairs;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::session::{Ask, Target};
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::Lethe;
use crate::{ME, Outcome, fill_as_sent, peer};

/// Pairs write at a fixed rate; then both sides of a hundred long conversations clear them; then the pairs write again.
#[derive(Clone, Debug, clap::Args)]
pub struct Erase {
    /// Messages to erase.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Texts per second of the pairs.
    #[arg(long, default_value_t = 5000)]
    pub rate: u32,
    /// Measured seconds before, and as many after.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// Conversations that are cleared.
const CONVERSATIONS: usize = 100;

impl Erase {
    /// Does it once.
    ///
    /// # Errors
    /// When a text is lost, or a conversation is not deleted.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let histories = vec![self.messages / CONVERSATIONS as u64; CONVERSATIONS];
        let mut lethe = Lethe::start_filled(&setup.dir, |data| fill_as_sent(data, &histories))?;
        let pairs = Pairs { pairs: 100, bytes: 100, window: 0, seconds: self.seconds, rate: self.rate };
        let before = pairs.on(&mut lethe)?;
        clear(&lethe)?;
        let after = pairs.on(&mut lethe)?;
        let mut figures = Figures::default();
        for what in ["send to answer p50", "send to answer p99", "send to delivery p99"] {
            let name = format!("{}/s: {what}", self.rate);
            let of = |figures: &Figures| figures.median(&name).ok_or("the pairs have no such figure");
            let (before, after) = (of(&before)?, of(&after)?);
            figures.add(format!("{what} before"), "ms", before);
            figures.add(format!("{what} while {} messages are erased", self.messages), "ms", after);
            figures.add(format!("{what}: while erasing to before"), "ratio", after / before);
        }
        Ok(figures)
    }
}

/// Both sides of each conversation delete it with its history.
fn clear(lethe: &Lethe) -> Outcome<()> {
    let mut fleet = Fleet::new()?;
    fleet.gather(CONVERSATIONS + 1, 1000.0, |n| {
        let user = if n == 0 { ME.to_owned() } else { peer(n - 1) };
        let session = Box::new(lethe.session(&user, u32::try_from(n)?));
        Ok(vec![Link { address: lethe.address(), session }])
    })?;
    for n in 0..=CONVERSATIONS {
        let which = match n {
            0 => (0..CONVERSATIONS).map(|n| Target::User(peer(n))).collect(),
            _ => vec![Target::User(ME.to_owned())],
        };
        fleet.say(n, |socket| socket.ask(&Ask::Delete { which, clear: true }))??;
    }
    let mut replied = 0;
    while replied <= CONVERSATIONS {
        fleet.turn(Duration::from_millis(100), |heard, _| {
            replied += heard.replies.len();
            Ok(())
        })?;
    }
    Ok(())
}
