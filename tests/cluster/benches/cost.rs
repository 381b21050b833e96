//! What a thousand messages cost: CPU seconds of the nodes, of PostgreSQL and of NATS, transactions, statements and bytes
//! of the database's log, for the embedded engine, for one node and for three. 200 users in pairs and groups send at a
//! fixed rate; the checker looks at every run.
//!
//! `cargo build --release --bin lethe && cargo bench -p lethe-cluster-tests --bench cost`; `LETHE_COST_MESSAGES` says how
//! many messages, `LETHE_COST_RATE` how many per second.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

use std::io::Write as _;
use std::time::{Duration, Instant};

use lethe_cluster_tests::checker;
use lethe_cluster_tests::cluster::{Cluster, http};
use lethe_cluster_tests::load::{CONVERGENCE, Load, Plan};
use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::node::{APP, KEY, Node};
use lethe_cluster_tests::postgres::{Postgres, directory};
use serde_json::json;

const DATABASE: &str = "lethe";
const SERVERS: usize = 3;

/// What runs and can be asked what it used.
struct Site {
    nodes: Vec<Node>,
    postgres: Option<Postgres>,
    nats: Option<Nats>,
}

/// What was used so far.
#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    nodes: Duration,
    postgres: Duration,
    nats: Duration,
    transactions: u64,
    statements: u64,
    log_bytes: u64,
    pushes: u64,
}

impl Site {
    /// One node on the embedded engine.
    fn embedded(data: &str) -> Self {
        Self { nodes: vec![Node::start(&["--data", data])], postgres: None, nats: None }
    }

    /// So many nodes with one database and three NATS servers.
    fn with(nodes: usize) -> Self {
        let postgres = Postgres::with(&["shared_preload_libraries=pg_stat_statements"]);
        let nats = Nats::start(SERVERS);
        let url = postgres.database(DATABASE);
        let _ = postgres.query_in(DATABASE, "create extension pg_stat_statements");
        let nodes = Node::start_all(&url, &vec![nats.urls(); nodes]);
        Self { nodes, postgres: Some(postgres), nats: Some(nats) }
    }

    fn cluster(&self) -> Cluster {
        let sign = |user: &str| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            lethe_server::mint(APP, KEY, user, now.as_secs(), 86_400)
        };
        Cluster::new(self.nodes.iter().map(Node::address).collect(), APP, sign)
    }

    fn number(&self, sql: &str) -> u64 {
        self.postgres.as_ref().map_or(0, |postgres| postgres.query_in(DATABASE, sql).parse().unwrap())
    }

    async fn usage(&self) -> Usage {
        let mut pushes = 0;
        for node in &self.nodes {
            pushes += metric(node, "lethe_events_delivered_total").await;
        }
        Usage {
            nodes: self.nodes.iter().map(Node::cpu).sum(),
            postgres: self.postgres.as_ref().map_or(Duration::ZERO, Postgres::cpu),
            nats: self.nats.as_ref().map_or(Duration::ZERO, Nats::cpu),
            transactions: self
                .number(&format!("select xact_commit from pg_stat_database where datname = '{DATABASE}'")),
            statements: self.number("select coalesce(sum(calls), 0)::bigint from pg_stat_statements"),
            log_bytes: self.number("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"),
            pushes,
        }
    }
}

async fn metric(node: &Node, name: &str) -> u64 {
    let (_, text) = http(node.address(), "GET", "/metrics", "").await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap())
}

async fn measure(name: &str, site: &Site) {
    let cluster = site.cluster();
    cluster.configure(&json!({"SyncConversationDeletion": true, "OnlineWebInstances": 10})).await;
    let (messages, rate) = (number("LETHE_COST_MESSAGES", 5_000), number("LETHE_COST_RATE", 200));
    let plan = Plan { seed: 1, users: 200, groups: 10, rate: f64::from(rate), messages_only: true };
    let load = Load::start(&cluster, plan).await;
    load.progress(u64::from(rate) * 2).await;
    let (before, begun) = (site.usage().await, Instant::now());
    load.progress(u64::from(messages)).await;
    let (after, took) = (site.usage().await, begun.elapsed());
    checker::check(&load.finish(CONVERGENCE).await).unwrap_or_else(|contradiction| panic!("{contradiction}"));
    print(name, messages, &before, &after, took);
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print(name: &str, messages: u32, before: &Usage, after: &Usage, took: Duration) {
    let per_thousand = 1000.0 / f64::from(messages);
    let seconds = |after: Duration, before: Duration| (after - before).as_secs_f64() * per_thousand;
    let count = |after: u64, before: u64| (after - before) as f64 * per_thousand;
    let line = format!(
        "| {name} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |\n",
        f64::from(messages) / took.as_secs_f64(),
        seconds(after.nodes, before.nodes),
        seconds(after.postgres, before.postgres),
        seconds(after.nats, before.nats),
        count(after.pushes, before.pushes),
        count(after.transactions, before.transactions),
        count(after.statements, before.statements),
        count(after.log_bytes, before.log_bytes) / 1024.0,
    );
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let head = "Per 1000 messages:\n\n\
        | | messages/s | CPU s nodes | CPU s PostgreSQL | CPU s NATS | pushes | transactions | statements | log KiB |\n\
        |---|---:|---:|---:|---:|---:|---:|---:|---:|\n";
    std::io::stdout().write_all(head.as_bytes()).unwrap();
    let home = directory();
    let embedded = Site::embedded(home.path().join("data").to_str().unwrap());
    runtime.block_on(measure("embedded", &embedded));
    drop(embedded);
    for nodes in [1, 3] {
        let site = Site::with(nodes);
        runtime.block_on(measure(&format!("nodes: {nodes}"), &site));
    }
}
