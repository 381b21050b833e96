//! What `lethe-bench all` does: every scenario, on every system that can do it.

use std::path::Path;

use clap::Parser;

use crate::Outcome;
use crate::scenarios::Work;
use crate::systems::Kind;

/// One scenario at one size.
#[derive(Clone, Debug)]
pub struct Item {
    /// The heading in the report.
    pub title: String,
    /// In memory instead of on the disk.
    pub in_memory: bool,
    /// The subcommand and its options.
    pub words: String,
    /// Which systems do it.
    pub who: Who,
    /// Only once, whatever the number of runs: it is long, and shows its own course.
    pub once: bool,
}

/// Which systems do an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// All, and the relay that stores nothing.
    All,
    /// All that store messages.
    Stores,
    /// Lethe, and the relay.
    LetheAndRelay,
    /// Lethe.
    Lethe,
}

#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Words {
    #[command(subcommand)]
    work: Work,
}

impl Item {
    fn new(title: &str, in_memory: bool, who: Who, words: &str) -> Self {
        Self { title: title.to_owned(), in_memory, words: words.to_owned(), who, once: false }
    }

    /// The work as the command line would have it.
    ///
    /// # Errors
    /// When the words are not a subcommand.
    pub fn work(&self) -> Outcome<Work> {
        Ok(Words::try_parse_from(self.words.split_whitespace())?.work)
    }

    /// Whether this system does it.
    #[must_use]
    pub fn is_for(&self, kind: Kind) -> bool {
        match self.who {
            Who::All => true,
            Who::Stores => kind != Kind::Relay,
            Who::LetheAndRelay => matches!(kind, Kind::Lethe | Kind::Relay),
            Who::Lethe => kind == Kind::Lethe,
        }
    }

    /// The directory it is done in.
    #[must_use]
    pub fn directory<'a>(&self, disk: &'a Path, memory: &'a Path) -> &'a Path {
        if self.in_memory { memory } else { disk }
    }
}

/// All items, in the order of the report. The quick ones take a few seconds each.
#[must_use]
pub fn plan(quick: bool) -> Vec<Item> {
    let pick = |full: &'static str, short: &'static str| if quick { short } else { full };
    let pairs = pick("pairs --seconds 5", "pairs --seconds 2");
    let mut items = vec![
        Item::new("S1 idle", true, Who::All, pick("idle", "idle --clients 2000 --heartbeat 6 --seconds 6")),
        Item::new("S2 pairs, in memory", true, Who::All, pairs),
        Item::new("S2 pairs, on disk", false, Who::Stores, pairs),
    ];
    for clients in [100, 500, 5000, 10_000] {
        // Every join of a large room tells all who are in it, which takes the peers longer than the work itself.
        let who = if clients > 500 { Who::LetheAndRelay } else { Who::All };
        let seconds = pick("5", "2");
        let words = format!("group --clients {clients} --seconds {seconds}");
        items.push(Item::new(&format!("S3 group of {clients}"), true, who, &words));
    }
    let lethe = [
        ("S4 delete", false, pick("delete", "delete --histories 100,1000,10000,100000 --samples 50")),
        ("S5 history", false, pick("history", "history --messages 100000")),
        ("S6 sync", true, pick("sync --deletions 100000", "sync --logins 20 --seconds 2 --deletions 2000")),
        ("S7 storm", false, pick("storm", "storm --clients 2000 --seconds 1")),
        ("S8 size", false, pick("size", "size --messages 10000,100000 --seconds 1")),
        ("S9 mixed", true, pick("mixed", "mixed --seconds 10 --slices 5")),
        ("S10 cluster", false, pick("cluster --seconds 5", "cluster --seconds 2")),
        ("Limits", false, pick("limits", "limits --seconds 1")),
    ];
    items.extend(lethe.map(|(title, in_memory, words)| Item {
        once: title == "S9 mixed" && !quick,
        ..Item::new(title, in_memory, Who::Lethe, words)
    }));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_a_subcommand() {
        for item in [plan(false), plan(true)].concat() {
            assert!(item.work().is_ok(), "{}", item.words);
        }
    }
}
