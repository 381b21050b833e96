//! What others feel while long histories that nobody can see any more are erased, and what the disk gives back.

use std::time::{Duration, Instant};

use super::pairs::{Pairs, nothing_more};
use crate::figures::{Figures, percentile};
use crate::fleet::Fleet;
use crate::session::{Ask, Target};
use crate::system::Link;
use crate::systems::Setup;
use crate::systems::lethe::Lethe;
use crate::usage::disk;
use crate::{ME, Outcome, fill, peer};

/// Both sides of ninety of a hundred long conversations clear them, and without a grace period their messages are erased at
/// once; meanwhile pairs write at a fixed rate. Then the disk has to give back the space. Beside it is another server where
/// nobody clears anything. Pairs write to one and to the other in turn, and who has no turn is suspended: what disturbs the
/// machine for a while disturbs both alike.
#[derive(Clone, Debug, clap::Args)]
pub struct Erase {
    /// Messages in all; nine tenths of them are erased.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Texts per second of the pairs.
    #[arg(long, default_value_t = 5000)]
    pub rate: u32,
    /// Turns of each server. Late answers come in clumps, hundreds a minute: a p99 of fewer turns is that of a few more or less.
    #[arg(long, default_value_t = 16)]
    pub turns: u32,
    /// Measured seconds of a turn. All turns of a server together have to be long enough for tables to be written: what an answer
    /// takes at most depends on them.
    #[arg(long, default_value_t = 5)]
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

/// One of the two servers.
struct Side {
    lethe: Lethe,
    fleet: Fleet,
    answers: Vec<u64>,
    deliveries: Vec<u64>,
}

impl Erase {
    /// Does it once.
    ///
    /// # Errors
    /// When a text is lost, or a conversation is not deleted.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let pairs = Pairs { pairs: 100, bytes: 100, window: 0, seconds: self.seconds, rate: self.rate };
        // Clients come when both are filled: a server that is suspended for a minute takes its clients for lost.
        let (quiet, erasing) = (self.filled(setup)?, self.filled(setup)?);
        let mut quiet = Side::of(quiet, &pairs)?;
        quiet.lethe.suspend();
        let mut erasing = Side::of(erasing, &pairs)?;
        let (full, began) = (disk(&erasing.lethe.data()), Instant::now());
        clear(&erasing.lethe)?;
        let mut figures = Figures::default();
        self.turns(&pairs, &mut quiet, &mut erasing, &mut figures)?;
        self.compare("send to answer", &mut quiet.answers, &mut erasing.answers, &mut figures);
        self.compare("send to delivery", &mut quiet.deliveries, &mut erasing.deliveries, &mut figures);
        drop(quiet);
        if !self.brief {
            await_end(&erasing.lethe, self.erased(), began, &mut figures)?;
            let left = disk(&erasing.lethe.data());
            figures.add("disk before", "MB", whole(full) / 1e6);
            figures.add("disk after, without a stop", "MB", whole(left) / 1e6);
            figures.add("disk: after to before", "ratio", whole(left) / whole(full));
        }
        Ok(figures)
    }

    /// Messages that are erased in the end.
    fn erased(&self) -> u64 {
        self.messages / CONVERSATIONS as u64 * CLEARED as u64
    }

    /// Has both sides written to in turn, the erasing one last.
    fn turns(
        &self,
        pairs: &Pairs,
        quiet: &mut Side,
        erasing: &mut Side,
        figures: &mut Figures,
    ) -> Outcome<()> {
        let mut gone = 0;
        for _ in 0..self.turns {
            erasing.lethe.suspend();
            quiet.lethe.resume();
            quiet.turn(pairs)?;
            quiet.lethe.suspend();
            erasing.lethe.resume();
            let before = number(&erasing.lethe, "erased")?;
            erasing.turn(pairs)?;
            gone += number(&erasing.lethe, "erased")? - before;
        }
        let running = number(&erasing.lethe, "erased")? < self.erased();
        let time = f64::from(self.turns) * pairs.paced().as_secs_f64();
        figures.add("erased while others write", "1/s", whole(gone) / time);
        figures.add("the eraser worked all the time of the measurement", "1 yes", f64::from(running));
        quiet.lethe.resume();
        nothing_more(&mut quiet.fleet)?;
        nothing_more(&mut erasing.fleet)
    }

    /// A filled server that erases at once.
    fn filled(&self, setup: &Setup) -> Outcome<Lethe> {
        let each = self.messages / CONVERSATIONS as u64;
        let lethe = Lethe::start_filled(&setup.dir, |data| fill(data, CONVERSATIONS, each))?;
        lethe.rest("lethe_config/set", r#"{"ErasureGrace":0}"#)?;
        Ok(lethe)
    }

    /// Percentiles of both, and how many are late: where the tail is flat, a few late ones more move a percentile far.
    fn compare(&self, what: &str, quiet: &mut [u64], erasing: &mut [u64], figures: &mut Figures) {
        let while_erasing = format!("while {} messages are erased", self.messages);
        let mut both = |name: String, unit: &'static str, without: f64, with: f64| {
            figures.add(format!("{name}, nothing is erased"), unit, without);
            figures.add(format!("{name}, {while_erasing}"), unit, with);
            figures.add(format!("{name}: while erasing to without"), "ratio", with / without);
        };
        quiet.sort_unstable();
        erasing.sort_unstable();
        for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            let of = |times: &[u64]| percentile(times, share) / 1e6;
            both(format!("{what} {name}"), "ms", of(quiet), of(erasing));
        }
        both(format!("{what} later than 1 ms"), "%", late(quiet), late(erasing));
    }
}

/// The share of sorted times in nanoseconds above a millisecond, in percent.
fn late(times: &[u64]) -> f64 {
    let within = times.partition_point(|&time| time <= 1_000_000);
    whole((times.len() - within) as u64) * 100.0 / whole(times.len() as u64)
}

impl Side {
    /// With pairs that have written already.
    fn of(mut lethe: Lethe, pairs: &Pairs) -> Outcome<Self> {
        let mut fleet = pairs.gather(&mut lethe)?;
        Pairs { seconds: FIRST, ..pairs.clone() }.pace(&lethe, &mut fleet)?;
        Ok(Self { lethe, fleet, answers: Vec::new(), deliveries: Vec::new() })
    }

    fn turn(&mut self, pairs: &Pairs) -> Outcome<()> {
        let mut paced = pairs.pace(&self.lethe, &mut self.fleet)?;
        self.answers.append(&mut paced.answers);
        self.deliveries.append(&mut paced.deliveries);
        Ok(())
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
