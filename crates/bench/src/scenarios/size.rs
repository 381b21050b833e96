//! What many stored messages cost: the start, the disk, the memory.

use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{same, user};
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::session::Target;
use crate::system::{Link, System as _};
use crate::systems::Setup;
use crate::systems::lethe::{Lethe, binary};
use crate::usage::{disk, memory};
use crate::{ME, Outcome, fill};

/// Messages lie in a hundred conversations of one user.
#[derive(Clone, Debug, clap::Args)]
pub struct Size {
    /// Stored messages, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000])]
    pub messages: Vec<u64>,
    /// Seconds of load before the kill.
    #[arg(long, default_value_t = 2)]
    pub seconds: u64,
}

/// Conversations of the store.
const CONVERSATIONS: usize = 100;
/// Pairs of users who write before the kill.
const WRITERS: usize = 100;

impl Size {
    /// Does it once.
    ///
    /// # Errors
    /// When a server does not start, or an answered message is gone.
    #[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let mut figures = Figures::default();
        figures.add("binary without debug information", "MiB", stripped(setup)? as f64 / 1_048_576.0);
        for &messages in &self.messages {
            let each = messages / CONVERSATIONS as u64;
            let mut lethe = Lethe::start_filled(&setup.dir, |data| fill(data, CONVERSATIONS, each))?;
            lethe.stop()?;
            let name = |what: &str| format!("{messages} messages: {what}");
            let bytes = disk(&lethe.data()) as f64 / messages as f64;
            figures.add(name("disk per message of 100 bytes"), "B", bytes);
            figures.add(name("clean start until the first login"), "ms", start(&mut lethe)?);
            figures.add(name("memory after it"), "MiB", memory(&lethe.processes()) as f64 / 1_048_576.0);
            let answered = self.load(&lethe)?;
            lethe.crash()?;
            figures.add(name("journal at the kill"), "MiB", journal(&lethe.data()) as f64 / 1_048_576.0);
            figures.add(name("start after a kill until the first login"), "ms", start(&mut lethe)?);
            check(&lethe, answered)?;
        }
        Ok(figures)
    }

    /// Pairs write until the end of the time; how many messages were answered.
    fn load(&self, lethe: &Lethe) -> Outcome<u64> {
        let mut fleet = Fleet::new()?;
        fleet.gather(WRITERS, 500.0, |n| lethe.links(&user(n), u32::try_from(n)?, &[]))?;
        for n in 0..WRITERS {
            fleet.say(n, |socket| {
                let aim = socket.aim(&Target::User(user(n ^ 1)), 100);
                (0..16).for_each(|_| socket.send(aim));
            })?;
        }
        let (begun, mut answered) = (Instant::now(), 0);
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            fleet.turn(Duration::from_millis(100), |heard, socket| {
                answered += heard.answers.len() as u64;
                heard.answers.iter().for_each(|_| socket.send(0));
                Ok(())
            })?;
        }
        Ok(answered)
    }
}

/// Bytes of the binary as it is shipped.
fn stripped(setup: &Setup) -> Outcome<u64> {
    let copy = tempfile::NamedTempFile::new_in(&setup.dir)?;
    let status = Command::new("strip").arg("-o").arg(copy.path()).arg(binary()?).status()?;
    if !status.success() {
        return Err("strip (of binutils) fails".into());
    }
    Ok(std::fs::metadata(copy.path())?.len())
}

/// Bytes of the engine's journal, which is replayed after a kill; its files are holes where nothing was written yet.
fn journal(directory: &Path) -> u64 {
    let of = |entry: DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => journal(&entry.path()),
        Ok(found) if entry.path().extension().is_some_and(|extension| extension == "jnl") => {
            found.blocks() * 512
        }
        _ => 0,
    };
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(of).sum()
}

/// From the start of the process to the first login with its list, in ms.
fn start(lethe: &mut Lethe) -> Outcome<f64> {
    let begun = Instant::now();
    lethe.restart()?;
    let mut fleet = Fleet::new()?;
    let gathered = fleet.gather(1, 1.0, |_| {
        Ok(vec![Link { address: lethe.address(), session: Box::new(lethe.session(ME, 0)) }])
    })?;
    let took = begun.elapsed();
    same("conversations in the list", CONVERSATIONS as u64, gathered.items)?;
    Ok(took.as_secs_f64() * 1000.0)
}

/// What was answered before the kill is in the lists of both sides.
fn check(lethe: &Lethe, answered: u64) -> Outcome<()> {
    let mut fleet = Fleet::new()?;
    let gathered = fleet.gather(WRITERS, 500.0, |n| lethe.links(&user(n), u32::try_from(n)?, &[]))?;
    if gathered.heads >= answered * 2 {
        return Ok(());
    }
    Err(format!("lists have {} messages, {} were answered twice", gathered.heads, answered).into())
}
