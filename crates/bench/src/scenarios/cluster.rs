//! Pairs whose two users are on different nodes of one cluster.

use super::pairs::Pairs;
use crate::Outcome;
use crate::figures::Figures;
use crate::systems::Setup;
use crate::systems::cluster::Cluster;

/// PostgreSQL, NATS and the nodes run on this machine; every message crosses from one node to the other.
#[derive(Clone, Debug, clap::Args)]
pub struct InCluster {
    /// Lethe nodes.
    #[arg(long, default_value_t = 2)]
    pub nodes: usize,
    /// See the scenario `pairs`.
    #[command(flatten)]
    pub pairs: Pairs,
}

impl InCluster {
    /// Does it once.
    ///
    /// # Errors
    /// When a message is neither answered nor delivered, or more than once.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        setup.must_be_lethe()?;
        let mut cluster = Cluster::start(&setup.dir, self.nodes)?;
        let before = cluster.split();
        let mut figures = self.pairs.on(&mut cluster)?;
        let after = cluster.split();
        let parts = [
            ("nodes", after.nodes - before.nodes),
            ("PostgreSQL", after.postgres - before.postgres),
            ("NATS", after.nats - before.nats),
        ];
        let all: f64 = parts.iter().map(|part| part.1).sum();
        for (name, seconds) in parts {
            figures.add(format!("share of {name} in the CPU time"), "%", seconds / all * 100.0);
        }
        Ok(figures)
    }
}
