//! What others feel while long histories that nobody can see any more are erased, and what the disk gives back.

use std::time::{Duration, Instant};

use super::pairs::Pairs;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::session::{Ask, Target};
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::Lethe;
use crate::usage::disk;
use crate::{ME, Outcome, fill, peer};

/// Both sides of ninety of a hundred long conversations clear them, and without a grace period their messages are erased at
/// once; meanwhile pairs write at a fixed rate. Then the disk has to give back the space. Before, the same on another server,
/// where nobody clears anything.
#[derive(Clone, Debug, clap::Args)]
pub struct Erase {
    /// Messages in all; nine tenths of them are erased.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Texts per second of the pairs.
    #[arg(long, default_value_t = 5000)]
    pub rate: u32,
    /// Measured seconds on each server: long enough for tables to be written, for what an answer takes at most depends on them.
    #[arg(long, default_value_t = 40)]
    pub seconds: u64,
    /// Ends with the measurement, while the eraser still works: it takes minutes for a million messages.
    #[arg(long)]
    pub brief: bool,
}

/// Conversations, and those that are cleared.
const CONVERSATIONS: usize = 100;
const CLEARED: usize = 90;
/// Seconds in which pairs write before anything is measured or cleared: a store's first seconds differ from its next ones.
const FIRST: u64 = 3;

impl Erase {
    /// Does it once.
    ///
    /// # Errors
    /// When a text is lost, or a conversation is not deleted.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let pairs = Pairs { pairs: 100, bytes: 100, window: 0, seconds: self.seconds, rate: self.rate };
        let without = pairs.on(&mut self.written_before(setup, &pairs)?)?;
        let mut lethe = self.written_before(setup, &pairs)?;
        let full = disk(&lethe.data());
        let (began, erased) = (Instant::now(), self.messages / CONVERSATIONS as u64 * CLEARED as u64);
        clear(&lethe)?;
        let (so_far, since) = (number(&lethe, "erased")?, Instant::now());
        let with = pairs.on(&mut lethe)?;
        let mut figures = Figures::default();
        let gone = number(&lethe, "erased")?;
        let running = gone < erased;
        figures.add("erased while others write", "1/s", whole(gone - so_far) / since.elapsed().as_secs_f64());
        figures.add("the eraser worked all the time of the measurement", "1 yes", f64::from(running));
        if !self.brief {
            await_end(&lethe, erased, began, &mut figures)?;
            let left = disk(&lethe.data());
            figures.add("disk before", "MB", whole(full) / 1e6);
            figures.add("disk after, without a stop", "MB", whole(left) / 1e6);
            figures.add("disk: after to before", "ratio", whole(left) / whole(full));
        }
        for what in ["send to answer p50", "send to answer p99", "send to delivery p99"] {
            let name = format!("{}/s: {what}", self.rate);
            let of = |figures: &Figures| figures.median(&name).ok_or("the pairs have no such figure");
            let (without, with) = (of(&without)?, of(&with)?);
            figures.add(format!("{what}, nothing is erased"), "ms", without);
            figures.add(format!("{what}, while {} messages are erased", self.messages), "ms", with);
            figures.add(format!("{what}: while erasing to without"), "ratio", with / without);
        }
        Ok(figures)
    }

    /// A filled server to which pairs have written.
    fn written_before(&self, setup: &Setup, pairs: &Pairs) -> Outcome<Lethe> {
        let each = self.messages / CONVERSATIONS as u64;
        let mut lethe = Lethe::start_filled(&setup.dir, |data| fill(data, CONVERSATIONS, each))?;
        lethe.rest("lethe_config/set", r#"{"ErasureGrace":0}"#)?;
        Pairs { seconds: FIRST, ..pairs.clone() }.on(&mut lethe)?;
        Ok(lethe)
    }
}

/// Waits until all is erased, and then until the files are rewritten.
fn await_end(lethe: &Lethe, erased: u64, began: Instant, figures: &mut Figures) -> Outcome<()> {
    while number(lethe, "erased")? < erased {
        std::thread::sleep(POLL);
    }
    figures.add("erased in all", "1/s", whole(erased) / began.elapsed().as_secs_f64());
    while number(lethe, "compactedAt")? == 0 {
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// How often the server is asked how far it is.
const POLL: Duration = Duration::from_millis(100);

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}

/// A figure of the eraser.
fn number(lethe: &Lethe, name: &str) -> Outcome<u64> {
    let answer = lethe.rest("lethe_deletion/queue", "{}")?;
    let tail = answer.split(&format!(r#""{name}":"#)).nth(1).ok_or("the eraser has no such figure")?;
    let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

/// Both sides of each conversation delete it with its history.
fn clear(lethe: &Lethe) -> Outcome<()> {
    let mut fleet = Fleet::new()?;
    fleet.gather(CLEARED + 1, 1000.0, |n| {
        let user = if n == 0 { ME.to_owned() } else { peer(n - 1) };
        let session = Box::new(lethe.session(&user, u32::try_from(n)?));
        Ok(vec![Link { address: lethe.address(), session }])
    })?;
    for n in 0..=CLEARED {
        let which = match n {
            0 => (0..CLEARED).map(|n| Target::User(peer(n))).collect(),
            _ => vec![Target::User(ME.to_owned())],
        };
        fleet.say(n, |socket| socket.ask(&Ask::Delete { which, clear: true }))??;
    }
    let mut replied = 0;
    while replied <= CLEARED {
        fleet.turn(Duration::from_millis(100), |heard, _| {
            replied += heard.replies.len();
            Ok(())
        })?;
    }
    Ok(())
}
