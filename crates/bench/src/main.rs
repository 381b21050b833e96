//! `lethe-bench`: what things cost in Lethe, its peers and the machine, on the same work.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use lethe_bench::Outcome;
use lethe_bench::all::All;
use lethe_bench::figures::Figures;
use lethe_bench::fill::Fill;
use lethe_bench::scenarios::Work;
use lethe_bench::systems::Setup;

/// Measures chat servers on the same work. The load runs in this process, the server in its own; rates are given per
/// second of the server's CPU time as well as per second.
#[derive(Debug, Parser)]
#[command(name = "lethe-bench", version)]
struct Cli {
    #[command(flatten)]
    setup: Setup,
    /// How often the work is done, each time on a new server.
    #[arg(long, global = true, default_value_t = 1)]
    runs: u32,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Work(Work),
    /// Everything, on all systems that are installed; writes a report.
    All(All),
    /// The process of the relay, which `--system relay` starts.
    #[command(hide = true)]
    Relay,
    /// The process that fills a store before it is measured.
    #[command(hide = true)]
    Fill(Fill),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "lethe-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Outcome<()> {
    let work = match &cli.command {
        Command::Work(work) => work,
        Command::All(all) => return all.run(&cli.setup, cli.runs),
        Command::Relay => return lethe_bench::systems::relay::serve(),
        Command::Fill(fill) => return fill.run(),
    };
    let mut figures = Figures::default();
    for _ in 0..cli.runs {
        figures.merge(work.run(&cli.setup)?);
    }
    Ok(std::io::stdout().write_all(figures.table().as_bytes())?)
}
