//! What one item gave, as a section of the report.

use std::fmt::Write as _;

use crate::figures::{Figure, Figures, show};
use crate::goals::goal;
use crate::plan::Item;
use crate::record::{Record, Run};
use crate::system::Identity;
use crate::systems::Kind;

/// What one item gave on each system, and what went wrong.
#[derive(Debug)]
pub struct Part {
    /// What was done.
    pub item: Item,
    /// Figures of each system that did it.
    pub results: Vec<(Kind, Figures)>,
    /// Why others did not.
    pub failures: Vec<(Kind, String)>,
    /// What went wrong before it was done again with success.
    pub repeated: Vec<(Kind, String)>,
    /// Versions that gave figures, and are not the one that the report's head names: a bench that went on after a build.
    pub outdated: Vec<(Kind, String)>,
}

impl Part {
    /// What a record says about an item, beside the systems as they were last.
    pub(super) fn of(record: &Record, item: &Item, systems: &[(Kind, Identity)], runs: u32) -> Self {
        let (results, failures, repeated, outdated) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut part = Self { item: item.clone(), results, failures, repeated, outdated };
        for (kind, identity) in systems.iter().filter(|system| item.is_for(system.0)) {
            let words = item.words_for(*kind);
            for run in 0..runs {
                let attempts = record.attempts(run, &item.title, *kind, &words);
                part.take(*kind, run, &identity.version, attempts);
            }
        }
        part
    }

    /// The attempts of a run: the last one counts.
    fn take<'a>(&mut self, kind: Kind, run: u32, current: &str, attempts: impl Iterator<Item = &'a Run>) {
        let mut wrong = Vec::new();
        for Run { version, outcome, .. } in attempts {
            match outcome {
                Ok(figures) => {
                    if version != current
                        && !self.outdated.iter().any(|known| *known == (kind, version.clone()))
                    {
                        self.outdated.push((kind, version.clone()));
                    }
                    self.repeated.extend(failed(kind, run, &std::mem::take(&mut wrong)));
                    match self.results.iter_mut().find(|result| result.0 == kind) {
                        Some((_, known)) => known.merge(figures.clone()),
                        None => self.results.push((kind, figures.clone())),
                    }
                }
                Err(why) => wrong.push(why.as_str()),
            }
        }
        self.failures.extend(failed(kind, run, &wrong));
    }

    /// The section; nothing if nothing was done.
    pub(super) fn write(&self, out: &mut String, runs: u32) {
        if self.results.is_empty() && self.failures.is_empty() {
            return;
        }
        let place = if self.item.in_memory { " --dir /dev/shm" } else { "" };
        let _ = writeln!(
            out,
            "## {}\n\n`lethe-bench --runs {runs}{place} {}`\n",
            self.item.title, self.item.words
        );
        for (kind, _) in &self.results {
            let less = self.item.less(*kind);
            if !less.is_empty() {
                let _ = writeln!(out, "{} with `{less}`.\n", kind.name());
            }
        }
        for (kind, why) in &self.failures {
            let _ = writeln!(out, "**{}: {why}**\n", kind.name());
        }
        for (kind, why) in &self.repeated {
            let _ = writeln!(out, "{}, done again after it had failed: {why}.\n", kind.name());
        }
        for (kind, version) in &self.outdated {
            let _ =
                writeln!(out, "**Has runs of {} {version}, which is not the version above.**\n", kind.name());
        }
        let Some((first, figures)) = self.results.first() else { return };
        let others = &self.results[1..];
        let done = figures.0.iter().map(|figure| figure.values.len()).max().unwrap_or(0);
        if done < runs as usize {
            let _ = writeln!(out, "So far {done} of {runs} runs.\n");
        }
        let mut head = format!("| figure | unit | {} | goal |", first.name());
        let mut rule = "|---|---|---:|---:|".to_owned();
        for (kind, _) in others {
            let _ = write!(head, " {0} | {1} : {0} |", kind.name(), first.name());
            rule.push_str("---:|---:|");
        }
        let _ = writeln!(out, "{head}\n{rule}");
        for figure in &figures.0 {
            let goal = goal(&self.item.title, &figure.name, figure.spread().1)
                .map_or(String::new(), |goal| format!("{} {}", goal.0, if goal.1 { "✓" } else { "✗" }));
            let _ = write!(out, "| {} | {} | {} | {goal} |", figure.name, figure.unit, spread(figure));
            for (_, figures) in others {
                match figures.0.iter().find(|other| other.name == figure.name) {
                    Some(other) => {
                        let ratio = figure.spread().1 / other.spread().1;
                        let _ = write!(out, " {} | {} |", spread(other), show(ratio));
                    }
                    None => out.push_str(" | |"),
                }
            }
            out.push('\n');
        }
        rest(out, figures, others);
        out.push('\n');
    }
}

/// Figures that only the others have, such as latencies at a rate of their own.
fn rest(out: &mut String, first: &Figures, others: &[(Kind, Figures)]) {
    let mut known: Vec<&str> = first.0.iter().map(|figure| figure.name.as_str()).collect();
    for figure in others.iter().flat_map(|(_, figures)| &figures.0) {
        if known.contains(&figure.name.as_str()) {
            continue;
        }
        known.push(&figure.name);
        let _ = write!(out, "| {} | {} | | |", figure.name, figure.unit);
        for (_, figures) in others {
            let value =
                figures.0.iter().find(|other| other.name == figure.name).map_or(String::new(), spread);
            let _ = write!(out, " {value} | |");
        }
        out.push('\n');
    }
}

/// The median, and the ends when there are several runs.
fn spread(figure: &Figure) -> String {
    let (min, median, max) = figure.spread();
    if figure.values.len() < 2 {
        return show(median);
    }
    format!("{} ({} … {})", show(median), show(min), show(max))
}

/// What is said of attempts that failed: how many, and why the last one did.
fn failed(kind: Kind, run: u32, why: &[&str]) -> Option<(Kind, String)> {
    let last = why.last()?.trim_end();
    let often = if why.len() > 1 { format!(", {} times, at last", why.len()) } else { String::new() };
    Some((kind, format!("run {}{often}: {last}", run + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Who;
    use crate::record::Line;

    /// A record of one item, done by Lethe of the version that is given first.
    struct Done {
        record: Record,
        item: Item,
        _directory: tempfile::TempDir,
    }

    impl Done {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let record = Record::open(&directory.path().join("runs.jsonl"), false).unwrap();
            let (title, words) = ("S1 idle".to_owned(), "idle".to_owned());
            Self {
                record,
                item: Item { title, in_memory: true, words, who: Who::All },
                _directory: directory,
            }
        }

        fn attempt(&mut self, run: u32, version: &str, outcome: Result<f64, &str>) {
            let outcome = outcome.map_err(str::to_owned).map(|value| {
                let mut figures = Figures::default();
                figures.add("rate", "1/s", value);
                figures
            });
            let (title, words) = (self.item.title.clone(), self.item.words.clone());
            let (system, version) = (Kind::Lethe, version.to_owned());
            self.record
                .add(Line::Run(Run { run, title, system, version, words, seconds: 1.0, outcome }))
                .unwrap();
        }

        fn part(&self, current: &str) -> Part {
            let text = String::new;
            let identity =
                Identity { name: text(), version: current.to_owned(), durability: text(), command: text() };
            Part::of(&self.record, &self.item, &[(Kind::Lethe, identity)], 3)
        }
    }

    fn said(what: &str) -> (Kind, String) {
        (Kind::Lethe, what.to_owned())
    }

    #[test]
    fn the_last_attempt_of_a_run_counts_and_what_failed_before_is_said() {
        let mut done = Done::new();
        done.attempt(0, "1", Err("closed "));
        done.attempt(0, "1", Ok(1.0));
        done.attempt(1, "1", Err("closed"));
        done.attempt(1, "1", Err("lost"));
        done.attempt(1, "1", Ok(3.0));
        done.attempt(2, "1", Err("closed"));
        done.attempt(2, "1", Err("lost"));

        let part = done.part("1");
        assert_eq!(part.results[0].1.0[0].values, [1.0, 3.0]);
        assert_eq!(part.repeated, [said("run 1: closed"), said("run 2, 2 times, at last: lost")]);
        assert_eq!(part.failures, [said("run 3, 2 times, at last: lost")]);
        assert_eq!(part.outdated, []);
    }

    #[test]
    fn figures_of_another_version_are_named_once() {
        let mut done = Done::new();
        done.attempt(0, "1, build a", Ok(1.0));
        done.attempt(1, "1, build a", Ok(2.0));
        done.attempt(2, "1, build b", Ok(3.0));
        assert_eq!(done.part("1, build b").outdated, [said("1, build a")]);
        assert_eq!(done.part("1, build a").outdated, [said("1, build b")]);

        let mut text = String::new();
        done.part("1, build b").write(&mut text, 3);
        assert!(text.contains("**Has runs of lethe 1, build a, which is not the version above.**"), "{text}");
        assert!(!text.contains("build b"), "{text}");
    }
}
