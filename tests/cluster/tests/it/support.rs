use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use lethe_cluster_tests::checker::{self, Report};
use lethe_cluster_tests::cluster::Cluster;
use lethe_cluster_tests::load::{CONVERGENCE, Load, Plan};
use lethe_cluster_tests::node::{APP, KEY, Node};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

/// Stories measure themselves against time limits, so they come one after the other.
pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: OnceLock<Mutex<()>> = OnceLock::new();
    TURN.get_or_init(Mutex::default).lock().await
}

/// `LETHE_FAULT_ROUNDS`, or the story's own number.
pub(crate) fn rounds(usual: u64) -> u64 {
    std::env::var("LETHE_FAULT_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

/// Runs what blocks, without holding up the others.
pub(crate) fn block<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// Says something that is seen whether the test passes or fails.
pub(crate) fn say(words: &str) {
    std::io::stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
}

pub(crate) fn sign(user: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    lethe_server::mint(APP, KEY, user, now.as_secs(), 86_400)
}

pub(crate) fn cluster(nodes: &[Node]) -> Cluster {
    Cluster::new(nodes.iter().map(Node::address).collect(), APP, sign)
}

/// A load that runs while a story breaks things.
pub(crate) struct Trial {
    pub(crate) load: Load,
    pub(crate) rng: StdRng,
    faults: BTreeMap<String, u64>,
}

impl Trial {
    /// Everybody is there, with several clients per user and deletions that reach them all.
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        cluster.configure(&json!({"SyncConversationDeletion": true, "OnlineWebInstances": 10})).await;
        let plan = Plan::from_environment();
        say(&format!("LETHE_SEED={}", plan.seed));
        let rng = StdRng::seed_from_u64(plan.seed);
        Self { load: Load::start(cluster, plan).await, rng, faults: BTreeMap::new() }
    }

    pub(crate) fn fault(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }

    /// A random one of so many.
    pub(crate) fn one_of(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count)
    }

    /// Ends the load and looks for contradictions.
    pub(crate) async fn judge(self) -> Report {
        let mut evidence = self.load.finish(CONVERGENCE).await;
        evidence.faults = self.faults;
        let report = checker::check(&evidence).unwrap_or_else(|contradiction| panic!("{contradiction}"));
        say(&report.to_string());
        assert!(report.answered > 0 && report.deletions > 0, "the load did something");
        report
    }
}
