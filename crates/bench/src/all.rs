//! `lethe-bench all`: every scenario on every system, one run of each after the other, so that what disturbs the machine
//! for a while disturbs all alike.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Outcome;
use crate::figures::Figures;
use crate::plan::{Item, plan};
use crate::record::{Line, Record, Run, Start};
use crate::report::Report;
use crate::systems::{Kind, Setup};

/// Writes `runs.jsonl`, which has every value, and from it `RESULTS.md` and charts.
#[derive(Clone, Debug, clap::Args)]
pub struct All {
    /// Smaller sizes and shorter times: a look, not a result.
    #[arg(long)]
    pub quick: bool,
    /// Where the results go.
    #[arg(long, default_value = "bench")]
    pub out: PathBuf,
    /// Systems to measure, Lethe first; those that are not installed are named in the report.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::ALL)]
    pub systems: Vec<Kind>,
    /// Goes on with what `runs.jsonl` has, after an interruption: what was done is not done again. Without it, everything begins
    /// anew.
    #[arg(long)]
    pub resume: bool,
    /// Only items whose title begins with this, such as S3.
    #[arg(long, default_value = "")]
    pub only: String,
}

/// Where files are in memory.
const MEMORY: &str = "/dev/shm";

/// Every value, a line for each thing done.
const RECORD: &str = "runs.jsonl";

impl All {
    /// Does it.
    ///
    /// # Errors
    /// When anything failed; the report has what did not.
    pub fn run(&self, setup: &Setup, runs: u32) -> Outcome<()> {
        std::fs::create_dir_all(&self.out)?;
        let mut record = Record::open(&self.out.join(RECORD), self.resume)?;
        let start = self.start(setup);
        let systems: Vec<(Kind, String)> =
            start.systems.iter().map(|(kind, identity)| (*kind, identity.version.clone())).collect();
        record.add(Line::Start(start))?;
        let items: Vec<Item> =
            plan(self.quick).into_iter().filter(|item| item.title.starts_with(&self.only)).collect();
        // What failed is done once more at the end; the report says so.
        for run in (0..runs).chain(0..runs) {
            for item in &items {
                for (kind, version) in systems.iter().filter(|system| item.is_for(system.0)) {
                    once(setup, run, item, (*kind, version), &mut record)?;
                }
                Report::of(&record, &items, runs).write(&self.out)?;
            }
        }
        match Report::of(&record, &items, runs).failures() {
            0 => Ok(()),
            failed => Err(format!("{failed} failures, see the report").into()),
        }
    }

    fn start(&self, setup: &Setup) -> Start {
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        let mut start = Start { command: format!("lethe-bench {command}"), ..machine() };
        for &kind in &self.systems {
            let started = Setup { system: kind, ..setup.clone() }.start();
            match started.map(|system| system.identity().clone()) {
                Ok(identity) => start.systems.push((kind, identity)),
                Err(why) => start.missing.push((kind, why.to_string())),
            }
        }
        start
    }
}

/// Unless it is done already.
fn once(
    setup: &Setup,
    run: u32,
    item: &Item,
    (system, version): (Kind, &str),
    record: &mut Record,
) -> Outcome<()> {
    let words = item.words_for(system);
    if record.find(run, &item.title, system, &words).is_some_and(|known| known.outcome.is_ok()) {
        return Ok(());
    }
    let begun = Instant::now();
    let outcome = measure(setup, system, item).map_err(|error| error.to_string());
    let (seconds, title) = (begun.elapsed().as_secs_f64(), item.title.clone());
    let ended = if outcome.is_ok() { "" } else { ": failed" };
    writeln!(std::io::stderr(), "run {} of {title}, {}, {seconds:.0} s{ended}", run + 1, system.name())?;
    let version = version.to_owned();
    record.add(Line::Run(Run { run, title, system, version, words, seconds, outcome }))
}

fn measure(setup: &Setup, kind: Kind, item: &Item) -> Outcome<Figures> {
    let dir = item.directory(&setup.dir, Path::new(MEMORY)).to_owned();
    item.work(kind)?.run(&Setup { system: kind, dir, ..setup.clone() })
}

/// This machine, with nobody on it.
fn machine() -> Start {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    Start {
        command: String::new(),
        processor: field(&read("/proc/cpuinfo"), "model name"),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        memory: memory / 1_048_576.0,
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        load: read("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" "),
        systems: Vec::new(),
        missing: Vec::new(),
    }
}
