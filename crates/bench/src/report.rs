//! All results in Markdown, with charts beside it.

mod part;

use std::fmt::Write as _;
use std::path::Path;

pub use self::part::Part;
use crate::Outcome;
use crate::chart::Chart;
use crate::figures::{Figure, show};
use crate::plan::Item;
use crate::record::{Record, Start};
use crate::system::Identity;
use crate::systems::Kind;

/// Everything of one `lethe-bench all`.
#[derive(Debug)]
pub struct Report {
    /// How often it was started: the first time, and after interruptions.
    pub starts: Vec<Start>,
    /// See [`Part`].
    pub parts: Vec<Part>,
    /// How often each item was done, or is to be.
    pub runs: u32,
}

impl Report {
    /// What a record says about these items.
    #[must_use]
    pub fn of(record: &Record, items: &[Item], runs: u32) -> Self {
        let starts: Vec<Start> = record.starts().cloned().collect();
        let systems = starts.last().map_or(&[][..], |start| &start.systems);
        let parts = items.iter().map(|item| Part::of(record, item, systems, runs)).collect();
        Self { starts, parts, runs }
    }

    /// How much went wrong.
    #[must_use]
    pub fn failures(&self) -> usize {
        self.parts.iter().map(|part| part.failures.len()).sum()
    }

    /// The systems that took part, as they were last.
    fn systems(&self) -> &[(Kind, Identity)] {
        self.starts.last().map_or(&[], |start| &start.systems)
    }
}

impl Report {
    /// Writes `RESULTS.md` and the charts.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(&self, directory: &Path) -> Outcome<()> {
        std::fs::create_dir_all(directory)?;
        let mut charts = String::new();
        for (name, chart) in [("group", self.groups()), ("delete", self.deletions()), ("sync", self.logins())]
        {
            let Some(svg) = chart.svg() else { continue };
            std::fs::write(directory.join(format!("{name}.svg")), svg)?;
            let _ = writeln!(charts, "![{}]({name}.svg)\n", chart.title);
        }
        let mut out = format!(
            "# Results\n\nMade by `{}`; how: `crates/bench`; every value: `runs.jsonl`.\n\n",
            self.command()
        );
        out.push_str(&self.machine());
        out.push_str(&self.who());
        out.push_str(&self.costs());
        out.push_str(&charts);
        self.parts.iter().for_each(|part| part.write(&mut out, self.runs));
        Ok(std::fs::write(directory.join("RESULTS.md"), out)?)
    }

    fn command(&self) -> &str {
        self.starts.first().map_or("", |start| &start.command)
    }

    fn machine(&self) -> String {
        let mut out = "| machine | |\n|---|---|\n".to_owned();
        let mut before = None;
        for start in &self.starts {
            let Start { processor, cores, memory, kernel, .. } = start;
            let machine = format!(
                "| processor | {processor}, {cores} cores |\n| memory | {} GiB |\n| kernel | {kernel} |\n",
                show(*memory)
            );
            if before.as_ref() != Some(&machine) {
                out.push_str(&machine);
                before = Some(machine);
            }
        }
        let loads: Vec<&str> = self.starts.iter().map(|start| start.load.as_str()).collect();
        let _ = write!(
            out,
            "| load average when it began{} | {} |\n| runs of each, interleaved over the systems | {} |\n\n\
             Load and server share the cores, so rates per second of server CPU are the ones to compare. Values are \
             medians with the smallest and the greatest of all runs. Ratios above 1 mean that Lethe's figure is the \
             greater one, whichever is better.\n\n",
            if loads.len() > 1 { ", and went on after interruptions" } else { "" },
            loads.join("; "),
            self.runs
        );
        out
    }

    fn who(&self) -> String {
        let mut out = String::from(
            "| system | version | answers when the message is | started by |\n|---|---|---|---|\n",
        );
        for (_, system) in self.systems() {
            let Identity { name, version, durability, command } = system;
            let _ = writeln!(out, "| {name} | {version} | {durability} | `{command}` |");
        }
        out.push('\n');
        for (kind, why) in self.starts.last().map_or(&[][..], |start| &start.missing) {
            let _ = writeln!(out, "Not measured: {} ({why}).\n", kind.name());
        }
        out
    }

    /// What a message between two costs each system, and what a part of that work costs alone.
    fn costs(&self) -> String {
        let find = |title: &str| self.parts.iter().find(|part| part.item.title == title);
        let mut rows = Vec::new();
        if let Some(part) = find("S2 pairs, in memory") {
            for (kind, figures) in &part.results {
                let rate = figures.median("saturated: messages per server CPU second");
                rows.push((format!("{}: answered and delivered", kind.name()), rate));
            }
        }
        if let Some((_, limits)) = find("Limits").and_then(|part| part.results.first()) {
            for (what, figure) in [
                (
                    "limit: echo over a WebSocket, many at once",
                    "echo, window 16: echoes per server CPU second",
                ),
                (
                    "limit: appended to a file, synced by hundreds",
                    "append and fdatasync of 100: messages per CPU second",
                ),
                ("limit: its JSON read and written", "JSON of a message: messages per CPU second"),
            ] {
                rows.push((what.to_owned(), limits.median(figure)));
            }
        }
        let lethe = rows.iter().find(|row| row.0.starts_with("lethe:")).and_then(|row| row.1);
        let mut out = "| a text of 100 bytes | µs of server CPU | lethe takes so many times as long |\n|---|---:|---:|\n"
            .to_owned();
        for (what, rate) in &rows {
            let Some(rate) = rate else { continue };
            let times = lethe.map_or(f64::NAN, |lethe| rate / lethe);
            let _ = writeln!(out, "| {what} | {} | {} |", show(1e6 / rate), show(times));
        }
        out.push('\n');
        out
    }

    /// A line of the medians of a figure over items whose titles go on with a size.
    fn line(&self, kind: Kind, title: &str, figure: &str, to_cost: fn(f64) -> f64) -> Vec<(f64, f64)> {
        let point = |part: &Part| {
            let size = part.item.title.strip_prefix(title)?.parse().ok()?;
            let figures = &part.results.iter().find(|result| result.0 == kind)?.1;
            Some((size, to_cost(figures.median(figure)?)))
        };
        self.parts.iter().filter_map(point).collect()
    }

    fn groups(&self) -> Chart {
        let mut lines = Vec::new();
        for (kind, _) in self.systems() {
            for part in ["light", "saturated"] {
                let figure = format!("{part}: deliveries per server CPU second");
                let line = self.line(*kind, "S3 group of ", &figure, |rate| 1e6 / rate);
                lines.push((format!("{}, {part}", kind.name()), line));
            }
        }
        lines.retain(|line| !line.1.is_empty());
        let title = "Server CPU of one delivery to a member of a group".to_owned();
        Chart { title, across: "online clients".to_owned(), up: "µs".to_owned(), lines }
    }

    /// A line of medians of figures whose names have a size between two texts, of items whose titles begin so.
    fn within(&self, title: &str, before: &str, after: &str) -> Vec<(f64, f64)> {
        let point = |figure: &Figure| {
            let size = figure.name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()?;
            Some((size, figure.spread().1))
        };
        let parts = self.parts.iter().filter(|part| part.item.title.starts_with(title));
        let figures = parts.filter_map(|part| part.results.first()).flat_map(|(_, figures)| &figures.0);
        let mut line: Vec<(f64, f64)> = figures.filter_map(point).collect();
        line.sort_by(|one, other| one.0.total_cmp(&other.0));
        line.dedup_by_key(|point| point.0);
        line
    }

    fn deletions(&self) -> Chart {
        let mut lines = Vec::new();
        for count in ["1", "100"] {
            for share in ["p50", "p99"] {
                let before = format!("delete {count} with ");
                let line = self.within("S4 delete", &before, &format!(" messages in all {share}"));
                lines.push((format!("{count} in a call, {share}"), line));
            }
        }
        lines.retain(|line| !line.1.is_empty());
        let title = "Deleting conversations, until it is on disk".to_owned();
        Chart { title, across: "messages in all".to_owned(), up: "ms".to_owned(), lines }
    }

    fn logins(&self) -> Chart {
        let line = |share: &str| {
            (share.to_owned(), self.within("S6 sync", "login with ", &format!(" conversations {share}")))
        };
        let mut lines = vec![line("p50"), line("p99")];
        lines.retain(|line| !line.1.is_empty());
        let title = "From a new socket to the whole list".to_owned();
        Chart { title, across: "conversations".to_owned(), up: "ms".to_owned(), lines }
    }
}
