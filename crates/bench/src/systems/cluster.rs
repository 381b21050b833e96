//! Two Lethe nodes that share PostgreSQL and NATS, all on this machine.

use std::path::{Path, PathBuf};

use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::postgres::Postgres;

use super::lethe::Lethe;
use super::service;
use crate::Outcome;
use crate::system::{Identity, Link, System};
use crate::usage::Usage;

/// The services and the nodes; clients are spread evenly over the nodes by their numbers.
pub struct Cluster {
    nodes: Vec<Lethe>,
    identity: Identity,
    postgres: Postgres,
    nats: Nats,
}

/// CPU seconds of each part so far.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// Of the nodes together.
    pub nodes: f64,
    /// Of PostgreSQL.
    pub postgres: f64,
    /// Of NATS.
    pub nats: f64,
}

/// Tests, which share what starts these, panic without them; the bench goes on with something else.
fn installed() -> Outcome<()> {
    if !Path::new("/usr/lib/postgresql").is_dir() {
        return Err("PostgreSQL is not installed".into());
    }
    if !service::has("nats-server") {
        return Err("nats-server is not installed".into());
    }
    Ok(())
}

impl Cluster {
    /// Starts everything in directories within `base`.
    ///
    /// # Errors
    /// When a part is not there.
    pub fn start(base: &Path, nodes: usize) -> Outcome<Self> {
        installed()?;
        let home = tempfile::Builder::new().prefix("lethe-bench-").tempdir_in(base)?;
        let postgres = Postgres::on(home, &[]);
        let nats = Nats::start(1);
        let url = postgres.database("lethe");
        let nodes: Vec<Lethe> =
            (0..nodes).map(|_| Lethe::start_node(base, &url, &nats.urls())).collect::<Outcome<_>>()?;
        let first = nodes.first().ok_or("a cluster has nodes")?;
        let mut identity = first.identity().clone();
        identity.name = format!("lethe, {} nodes", nodes.len());
        "lethe serve --listen 127.0.0.1:PORT --database-url URL --nats URL, on each node; PostgreSQL with its \
         defaults (fsync and synchronous_commit on)"
            .clone_into(&mut identity.command);
        Ok(Self { nodes, identity, postgres, nats })
    }

    /// See [`Split`].
    #[must_use]
    pub fn split(&self) -> Split {
        let nodes: Vec<u32> = self.nodes.iter().flat_map(System::processes).collect();
        Split {
            nodes: Usage::of(&nodes).since(&Usage::default()).as_secs_f64(),
            postgres: self.postgres.cpu().as_secs_f64(),
            nats: self.nats.cpu().as_secs_f64(),
        }
    }
}

impl System for Cluster {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn processes(&self) -> Vec<u32> {
        // All that this process has started and that still runs belongs to the cluster.
        lethe_cluster_tests::process::children(std::process::id())
    }

    fn data_directory(&self) -> Option<PathBuf> {
        None
    }

    fn add_users(&mut self, users: &[String]) -> Outcome<()> {
        self.nodes[0].add_users(users)
    }

    fn add_group(&mut self, group: &str, members: &[String]) -> Outcome<()> {
        self.nodes[0].add_group(group, members)
    }

    fn links(&self, user: &str, client: u32, groups: &[String]) -> Outcome<Vec<Link>> {
        let node = usize::try_from(client)? % self.nodes.len();
        self.nodes[node].links(user, client, groups)
    }

    fn crash(&mut self) -> Outcome<()> {
        self.nodes.iter_mut().try_for_each(System::crash)
    }

    fn stop(&mut self) -> Outcome<()> {
        self.nodes.iter_mut().try_for_each(System::stop)
    }

    fn restart(&mut self) -> Outcome<()> {
        self.nodes.iter_mut().try_for_each(System::restart)
    }
}
