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
    /// Who does it only once, whatever the number of runs: it takes minutes.
    pub once: Once,
}

/// Who does an item only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once {
    /// Nobody: it is done in each run.
    Nobody,
    /// All but Lethe, in the first run: what clients cost who do nothing differs little from run to run, and thousands of
    /// members take the peers minutes.
    Others,
    /// All, in the last run.
    Everybody,
}

/// Which systems do an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// All, and the relay that stores nothing.
    All,
    /// All that can gather so many clients in a group within minutes, and the relay.
    GroupOf(usize),
    /// All that store messages.
    Stores,
    /// Lethe.
    Lethe,
}

/// Clients that a system can gather in one group within minutes.
fn largest_group(kind: Kind) -> usize {
    match kind {
        // Each member's join is a request, and each message's way to each member another.
        Kind::Synapse => 100,
        // Five thousand were not done within five minutes.
        Kind::Prosody | Kind::ProsodyWs | Kind::ProsodyFast => 500,
        // A user has one client of each kind.
        Kind::Wukongim => 5000,
        Kind::Lethe | Kind::Relay | Kind::Ejabberd | Kind::EjabberdWs => 10_000,
    }
}

#[derive(Debug, Parser)]
#[command(no_binary_name = true, args_override_self = true)]
struct Words {
    #[command(subcommand)]
    work: Work,
}

impl Item {
    fn new(title: &str, in_memory: bool, who: Who, words: &str) -> Self {
        Self { title: title.to_owned(), in_memory, words: words.to_owned(), who, once: Once::Nobody }
    }

    /// The work as the command line would have it, for this system.
    ///
    /// # Errors
    /// When the words are not a subcommand.
    pub fn work(&self, kind: Kind) -> Outcome<Work> {
        let words = self.words.split_whitespace().chain(self.less(kind).split_whitespace());
        Ok(Words::try_parse_from(words)?.work)
    }

    /// Options that replace some for a system which is slower by an order of magnitude or two: it has to be done within
    /// minutes, and to keep up with a fixed rate.
    #[must_use]
    pub fn less(&self, kind: Kind) -> &'static str {
        let scenario = self.words.split_whitespace().next().unwrap_or_default();
        match (kind, scenario) {
            (Kind::Lethe | Kind::Relay | Kind::Wukongim, _) => "",
            (Kind::Synapse, "idle") => "--clients 200",
            (Kind::Synapse, "pairs") => "--pairs 20 --window 4 --rate 10",
            (_, "pairs") => "--rate 100",
            (_, "group") => "--window 16",
            _ => "",
        }
    }

    /// Whether this system does it.
    #[must_use]
    pub fn is_for(&self, kind: Kind) -> bool {
        match self.who {
            Who::All => true,
            Who::Stores => kind != Kind::Relay,
            Who::GroupOf(clients) => clients <= largest_group(kind),
            Who::Lethe => kind == Kind::Lethe,
        }
    }

    /// Whether this system does it in this run of so many, from 0.
    #[must_use]
    pub fn is_in_run(&self, kind: Kind, run: u32, runs: u32) -> bool {
        match self.once {
            Once::Nobody => true,
            Once::Others => run == 0 || kind == Kind::Lethe,
            Once::Everybody => run + 1 == runs,
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
    let pairs = pick("pairs --seconds 4", "pairs --seconds 2");
    let idle = pick("idle --seconds 15", "idle --clients 2000 --heartbeat 6 --seconds 6");
    let mut items = vec![
        Item { once: Once::Others, ..Item::new("S1 idle", true, Who::All, idle) },
        Item::new("S2 pairs, in memory", true, Who::All, pairs),
        Item::new("S2 pairs, on disk", false, Who::Stores, pairs),
    ];
    for clients in [100, 500, 5000, 10_000] {
        let seconds = pick("3", "2");
        let words = format!("group --clients {clients} --seconds {seconds}");
        items.push(Item {
            once: if clients < 5000 { Once::Nobody } else { Once::Others },
            ..Item::new(&format!("S3 group of {clients}"), true, Who::GroupOf(clients), &words)
        });
    }
    let lethe = [
        ("S4 delete", false, pick("delete", "delete --histories 100,1000,10000,100000 --samples 50")),
        ("S4 erase", true, pick("erase --brief", "erase --messages 100000 --seconds 2")),
        ("S5 history", false, pick("history --seconds 5", "history --messages 100000")),
        ("S6 sync", true, pick("sync --deletions 100000", "sync --logins 20 --seconds 2 --deletions 2000")),
        ("S7 storm", false, pick("storm", "storm --clients 2000 --seconds 1")),
        ("S8 size", false, pick("size", "size --messages 10000,100000 --seconds 1")),
        ("S10 cluster", false, pick("cluster --seconds 4", "cluster --seconds 2")),
        ("Limits", false, pick("limits --seconds 2", "limits --seconds 1")),
    ];
    items.extend(lethe.map(|(title, in_memory, words)| Item::new(title, in_memory, Who::Lethe, words)));
    let long = [
        ("S4 delete of ten million", false, "delete --histories 100,10000000 --counts 100"),
        ("S4 erase of ten million", true, "erase --messages 10000000 --brief"),
        ("S8 size of ten million", false, "size --messages 10000000"),
        ("S9 mixed", true, "mixed"),
        ("S4 erase to the end", true, "erase"),
    ];
    let quick_mixed = [("S9 mixed", true, "mixed --seconds 10 --slices 5")];
    let last = if quick { &quick_mixed[..] } else { &long[..] };
    items.extend(last.iter().map(|&(title, in_memory, words)| Item {
        once: Once::Everybody,
        ..Item::new(title, in_memory, Who::Lethe, words)
    }));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_done_once() {
        let whose = |once| Item { once, ..Item::new("S1", true, Who::All, "idle") };
        let runs = |once, kind| (0..5).filter(|&run| whose(once).is_in_run(kind, run, 5)).collect::<Vec<_>>();
        assert_eq!(runs(Once::Nobody, Kind::Ejabberd), [0, 1, 2, 3, 4]);
        assert_eq!(runs(Once::Others, Kind::Ejabberd), [0]);
        assert_eq!(runs(Once::Others, Kind::Lethe), [0, 1, 2, 3, 4]);
        assert_eq!(runs(Once::Everybody, Kind::Lethe), [4]);
    }

    #[test]
    fn every_item_is_a_subcommand() {
        for item in [plan(false), plan(true)].concat() {
            for kind in Kind::ALL {
                assert!(item.work(kind).is_ok(), "{}", item.words);
            }
        }
    }
}
