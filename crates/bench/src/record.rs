//! What was measured so far, a line in JSON for each thing: hours of work survive an interruption, and whoever doubts a median
//! finds all values.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::figures::Figures;
use crate::system::Identity;
use crate::systems::Kind;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The bench was started, or started again.
    Start(Start),
    /// A system has done an item.
    Run(Run),
}

/// On what, and with whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// The command.
    pub command: String,
    /// The processor's name.
    pub processor: String,
    /// How many of its cores there are.
    pub cores: usize,
    /// Memory in GiB.
    pub memory: f64,
    /// The kernel's version.
    pub kernel: String,
    /// Load averages before anything was done.
    pub load: String,
    /// The systems that take part.
    pub systems: Vec<(Kind, Identity)>,
    /// Those that are not here, and why.
    pub missing: Vec<(Kind, String)>,
}

/// What one system gave in one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The run, from 0.
    pub run: u32,
    /// The item's title.
    pub title: String,
    /// The system.
    pub system: Kind,
    /// Its version, as in its [`Identity`]: a bench can go on with another build.
    pub version: String,
    /// The subcommand and its options, as the system was given them: figures of other work do not count as this one's.
    pub words: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The figures, or what went wrong.
    pub outcome: Result<Figures, String>,
}

/// The file, to which lines are added.
#[derive(Debug)]
pub struct Record {
    file: File,
    /// All its lines.
    pub lines: Vec<Line>,
}

impl Record {
    /// Begins a new file, or goes on with the one that is there.
    ///
    /// # Errors
    /// When it cannot be written or read.
    pub fn open(path: &Path, resume: bool) -> Outcome<Self> {
        let text = if resume && path.exists() { std::fs::read_to_string(path)? } else { String::new() };
        // A line that an interruption has cut short was not done.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text[..whole].lines()) {
            lines.push(serde_json::from_str(line).map_err(|error| not_ours(path, number, &error))?);
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(whole as u64)?;
        Ok(Self { file: OpenOptions::new().append(true).open(path)?, lines })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, line: Line) -> Outcome<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.lines.push(line);
        Ok(())
    }

    /// What is known of a system's work in a run: every attempt, the last of which is the one that counts.
    pub fn attempts<'a, 'b>(
        &'a self,
        run: u32,
        title: &'b str,
        system: Kind,
        words: &'b str,
    ) -> impl DoubleEndedIterator<Item = &'a Run> {
        self.lines.iter().filter_map(move |line| match line {
            Line::Run(known) => ((known.run, known.title.as_str(), known.system, known.words.as_str())
                == (run, title, system, words))
                .then_some(known),
            Line::Start(_) => None,
        })
    }

    /// The attempt that counts.
    #[must_use]
    pub fn find(&self, run: u32, title: &str, system: Kind, words: &str) -> Option<&Run> {
        self.attempts(run, title, system, words).next_back()
    }

    /// Every start, the first one first.
    pub fn starts(&self) -> impl DoubleEndedIterator<Item = &Start> {
        self.lines.iter().filter_map(|line| match line {
            Line::Start(start) => Some(start),
            Line::Run(_) => None,
        })
    }
}

/// Nothing is dropped in silence: a line may be an hour's work.
fn not_ours(path: &Path, number: usize, error: &serde_json::Error) -> String {
    let path = path.display();
    format!(
        "line {number} of {path} is not of this bench's record ({error}): remove the line, or begin anew without --resume"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u32, value: f64) -> Line {
        let mut figures = Figures::default();
        figures.add("rate", "1/s", value);
        Line::Run(Run {
            run: number,
            title: "S1 idle".to_owned(),
            system: Kind::ProsodyWs,
            version: "0.12".to_owned(),
            words: "idle".to_owned(),
            seconds: 1.5,
            outcome: Ok(figures),
        })
    }

    fn rate(record: &Record, number: u32) -> Option<f64> {
        let known = record.find(number, "S1 idle", Kind::ProsodyWs, "idle")?;
        known.outcome.as_ref().ok()?.median("rate")
    }

    #[test]
    fn what_was_done_is_known_again_and_a_line_cut_short_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.jsonl");
        let mut record = Record::open(&path, true).unwrap();
        record.add(run(0, 1.0)).unwrap();
        record.add(run(0, 2.0)).unwrap();
        record.add(run(1, 3.0)).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(size - 1).unwrap();

        let mut record = Record::open(&path, true).unwrap();
        assert_eq!((rate(&record, 0), rate(&record, 1)), (Some(2.0), None));
        assert!(record.find(0, "S1 idle", Kind::ProsodyWs, "idle --seconds 3").is_none());
        record.add(run(1, 4.0)).unwrap();
        let record = Record::open(&path, true).unwrap();
        assert_eq!((rate(&record, 0), rate(&record, 1)), (Some(2.0), Some(4.0)));

        assert!(Record::open(&path, false).unwrap().lines.is_empty());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn a_line_of_another_bench_is_named_and_the_file_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.jsonl");
        Record::open(&path, true).unwrap().add(run(0, 1.0)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let older = text.replace(r#""version":"0.12","#, "");
        assert_ne!(older, text);
        std::fs::write(&path, format!("{text}{older}")).unwrap();

        let refused = Record::open(&path, true).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("line 2 of {}", path.display())), "{refused}");
        assert!(refused.contains("missing field `version`"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{text}{older}"));
    }
}
