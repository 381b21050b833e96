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
        Self { title: title.to_owned(), in_memory, words: words.to_owned(), who }
    }

    /// The subcommand and its options, as this system is given them.
    #[must_use]
    pub fn words_for(&self, kind: Kind) -> String {
        format!("{} {}", self.words, self.less(kind)).trim_end().to_owned()
    }

    /// The work as the command line would have it, for this system.
    ///
    /// # Errors
    /// When the words are not a subcommand.
    pub fn work(&self, kind: Kind) -> Outcome<Work> {
        Ok(Words::try_parse_from(self.words_for(kind).split_whitespace())?.work)
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
        Item::new("S1 idle", true, Who::All, idle),
        Item::new("S2 pairs, in memory", true, Who::All, pairs),
        Item::new("S2 pairs, on disk", false, Who::Stores, pairs),
        Item::new("S2 pairs for minutes", true, Who::Lethe, pick("sustained", "sustained --seconds 8")),
    ];
    for clients in [100, 500, 5000, 10_000] {
        let words = format!("group --clients {clients} --seconds {}", pick("3", "2"));
        items.push(Item::new(&format!("S3 group of {clients}"), true, Who::GroupOf(clients), &words));
    }
    let lethe = [
        ("S4 delete", false, pick("delete", "delete --histories 100,1000,10000,100000 --samples 50")),
        ("S4 erase", true, pick("erase", "erase --messages 100000 --turns 2 --seconds 2")),
        ("S5 history", false, pick("history --seconds 5", "history --messages 100000")),
        ("S6 sync", true, pick("sync --deletions 100000", "sync --logins 20 --seconds 2 --deletions 2000")),
        ("S7 storm", false, pick("storm", "storm --clients 2000 --seconds 1")),
        ("S8 size", false, pick("size", "size --messages 10000,100000 --seconds 1")),
        ("S10 cluster", false, pick("cluster --seconds 4", "cluster --seconds 2")),
        ("Limits", false, pick("limits --seconds 2", "limits --seconds 1")),
    ];
    let long = [
        ("S9 mixed", true, pick("mixed", "mixed --seconds 10 --slices 5")),
        ("S4 delete of ten million", false, "delete --histories 100,10000000 --counts 100"),
        ("S4 erase of ten million", true, "erase --messages 10000000 --brief"),
        ("S8 size of ten million", false, "size --messages 10000000"),
    ];
    let long = if quick { &long[..1] } else { &long[..] };
    items.extend(
        lethe
            .iter()
            .chain(long)
            .map(|&(title, in_memory, words)| Item::new(title, in_memory, Who::Lethe, words)),
    );
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_a_subcommand() {
        for item in [plan(false), plan(true)].concat() {
            for kind in Kind::ALL {
                assert!(item.work(kind).is_ok(), "{}", item.words);
            }
        }
    }
}
