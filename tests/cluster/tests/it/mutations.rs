//! The checker can fail: servers with one thing deliberately wrong, and without it the same is right.

use std::time::Duration;

use lethe_cluster_tests::checker::{self, Contradiction, Report};
use lethe_cluster_tests::cluster::Cluster;
use lethe_cluster_tests::load::{Load, Plan};
use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::node::{APP, KEY};
use lethe_cluster_tests::postgres::Postgres;
use lethe_server::{Chaos, Config, Faults, Options, Running};
use serde_json::json;

use crate::support::{block, say, sign, turn};

const NODES: usize = 3;
/// How long devices may need to agree; those that never will are not waited for longer.
const CONVERGENCE: Duration = Duration::from_secs(5);
/// Loads in which a mutation that needs luck to do harm may do it.
const ATTEMPTS: usize = 4;
const LOSSY: Chaos = Chaos { drop: 30, double: 10, shuffle: 10 };

/// Nodes in this process, with these faults.
async fn nodes(url: &str, nats: &Nats, faults: Faults) -> (Vec<Running>, Cluster) {
    let mut running = Vec::new();
    for _ in 0..NODES {
        let options = Options {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            database_url: Some(url.to_owned()),
            database_connections: Some(12),
            nats: Some(nats.urls()),
            sdkappid: Some(APP),
            secret_key: Some(KEY.to_owned()),
            ..Options::default()
        };
        let config = Config::resolve(options).unwrap();
        running.push(lethe_server::start_with_faults(config, false, faults).await.unwrap());
    }
    let cluster = Cluster::new(running.iter().map(|node| node.address).collect(), APP, sign);
    cluster.configure(&json!({"SyncConversationDeletion": true, "OnlineWebInstances": 10})).await;
    (running, cluster)
}

/// A load of a third of the usual size: the machine also runs the nodes, and contradictions come early.
fn plan() -> Plan {
    Plan { users: 90, groups: 6, ..Plan::from_environment() }
}

async fn verdict(load: Load) -> Result<Report, Contradiction> {
    let verdict = checker::check(&load.finish(CONVERGENCE).await);
    match &verdict {
        Ok(report) => say(&report.to_string()),
        Err(contradiction) => say(&format!("as it should be: {contradiction}")),
    }
    verdict
}

async fn under_a_lossy_bus(no_healing: bool) -> Result<Report, Contradiction> {
    let _turn = turn().await;
    let (postgres, nats) = block(|| (Postgres::start(), Nats::start(1)));
    let faults = Faults { chaos: LOSSY, no_healing, ..Faults::default() };
    let (_running, cluster) = nodes(&postgres.database("lethe"), &nats, faults).await;
    let load = Load::start(&cluster, plan()).await;
    load.progress(1500).await;
    verdict(load).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_drops_is_harmless() {
    under_a_lossy_bus(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_drops_without_healing_is_noticed() {
    under_a_lossy_bus(true).await.unwrap_err();
}

async fn under_a_database_that_is_killed(answers_before_commit: bool) -> Result<Report, Contradiction> {
    let _turn = turn().await;
    let (mut postgres, nats) = block(|| (Postgres::start(), Nats::start(1)));
    let faults = Faults { answers_before_commit, ..Faults::default() };
    let (_running, cluster) = nodes(&postgres.database("lethe"), &nats, faults).await;
    let load = Load::start(&cluster, plan()).await;
    for _ in 0..10 {
        load.progress(150).await;
        block(|| {
            postgres.kill();
            postgres.restart();
        });
    }
    load.progress(100).await;
    verdict(load).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_is_harmless() {
    under_a_database_that_is_killed(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_its_commit_is_noticed() {
    // A kill has to fall between an answer and its commit, which is short: mostly one of ten does.
    for _ in 0..ATTEMPTS {
        if under_a_database_that_is_killed(true).await.is_err() {
            return;
        }
    }
    panic!("servers that answer before they commit were taken for right ones");
}
