//! `lethe-bench all`: every scenario on every system, one run of each after the other, so that what disturbs the machine
//! for a while disturbs all alike.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::Outcome;
use crate::figures::Figures;
use crate::plan::{Item, plan};
use crate::report::{Part, Report, load};
use crate::systems::{Kind, Setup};

/// Writes `RESULTS.md` and charts.
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
    /// Only items whose title begins with this, such as S3.
    #[arg(long, default_value = "")]
    pub only: String,
}

/// Where files are in memory.
const MEMORY: &str = "/dev/shm";

impl All {
    /// Does it.
    ///
    /// # Errors
    /// When anything failed; the report has what did not.
    pub fn run(&self, setup: &Setup, runs: u32) -> Outcome<()> {
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        let mut report = Report {
            systems: Vec::new(),
            missing: Vec::new(),
            parts: Vec::new(),
            runs,
            command: format!("lethe-bench {command}"),
            load_before: load(),
        };
        for &kind in &self.systems {
            let started = Setup { system: kind, ..setup.clone() }.start();
            match started.map(|system| system.identity().clone()) {
                Ok(identity) => report.systems.push((kind, identity)),
                Err(why) => report.missing.push((kind, why.to_string())),
            }
        }
        let items = plan(self.quick).into_iter().filter(|item| item.title.starts_with(&self.only));
        report.parts = items.map(|item| Part { item, results: Vec::new(), failures: Vec::new() }).collect();
        for run in 0..runs {
            self.once(setup, run, &mut report)?;
        }
        let failed = report.parts.iter().map(|part| part.failures.len()).sum::<usize>();
        if failed == 0 { Ok(()) } else { Err(format!("{failed} failures, see the report").into()) }
    }

    fn once(&self, setup: &Setup, run: u32, report: &mut Report) -> Outcome<()> {
        for place in 0..report.parts.len() {
            let item = report.parts[place].item.clone();
            let kinds: Vec<Kind> = report.systems.iter().map(|system| system.0).collect();
            for kind in
                kinds.into_iter().filter(|&kind| item.is_for(kind) && item.is_in_run(kind, run, report.runs))
            {
                let begun = Instant::now();
                let outcome = measure(setup, kind, &item);
                let ended = if outcome.is_ok() { "" } else { ": failed" };
                writeln!(
                    std::io::stderr(),
                    "run {} of {}, {}, {:.0} s{ended}",
                    run + 1,
                    item.title,
                    kind.name(),
                    begun.elapsed().as_secs_f64()
                )?;
                report.parts[place].take(kind, run, outcome);
            }
            // What is there survives whatever comes.
            report.write(&self.out)?;
        }
        Ok(())
    }
}

fn measure(setup: &Setup, kind: Kind, item: &Item) -> Outcome<Figures> {
    let dir = item.directory(&setup.dir, Path::new(MEMORY)).to_owned();
    item.work(kind)?.run(&Setup { system: kind, dir, ..setup.clone() })
}
