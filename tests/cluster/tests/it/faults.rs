//! Three nodes, one database, three NATS servers, and what can happen to them, under load. Each fault comes in 20 rounds:
//! `LETHE_FAULT_ROUNDS` says otherwise, `LETHE_SEED` replays the load's plan.

use std::net::SocketAddr;

use lethe_cluster_tests::nats::{self, Nats};
use lethe_cluster_tests::node::Node;
use lethe_cluster_tests::postgres::{Pair, Postgres};
use lethe_cluster_tests::proxy::Proxy;

use crate::support::{Trial, block, cluster, rounds, turn};

const NODES: usize = 3;
const SERVERS: usize = 3;
const ROUNDS: u64 = 20;

fn nodes(database_url: &str, nats: &Nats) -> Vec<Node> {
    Node::start_all(database_url, &vec![nats.urls(); NODES])
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_a_node() {
    let _turn = turn().await;
    let (postgres, nats) = block(|| (Postgres::start(), Nats::start(SERVERS)));
    let mut nodes = block(|| nodes(&postgres.database("lethe"), &nats));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for round in 0..usize::try_from(rounds(ROUNDS)).unwrap() {
        // In turn: two that were killed by turns would lose their clients to the third, until nobody noticed.
        let node = &mut nodes[round % NODES];
        let before = trial.load.troubles();
        block(|| node.kill());
        trial.fault("kill -9 of a node");
        trial.load.until_troubles(before + 1).await;
        trial.load.progress(100).await;
        block(|| node.restart());
        trial.load.progress(100).await;
    }
    trial.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart() {
    let _turn = turn().await;
    let (postgres, nats) = block(|| (Postgres::start(), Nats::start(SERVERS)));
    let mut nodes = block(|| nodes(&postgres.database("lethe"), &nats));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for round in 0..usize::try_from(rounds(ROUNDS)).unwrap() {
        let node = &mut nodes[round % NODES];
        block(|| node.terminate());
        trial.fault("SIGTERM of one node after the other");
        block(|| node.restart());
        trial.load.progress(60).await;
    }
    trial.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_and_restart_of_postgres() {
    let _turn = turn().await;
    let (mut postgres, nats) = block(|| (Postgres::start(), Nats::start(SERVERS)));
    let nodes = block(|| nodes(&postgres.database("lethe"), &nats));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for round in 0..rounds(ROUNDS) {
        trial.load.progress(100).await;
        let before = trial.load.troubles();
        block(|| postgres.kill());
        trial.fault("kill -9 of PostgreSQL");
        // Mostly it is back before anybody is refused.
        if round % 5 == 4 {
            trial.load.until_troubles(before + 20).await;
        }
        block(|| postgres.restart());
    }
    trial.load.progress(100).await;
    trial.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_over_to_the_standby() {
    let _turn = turn().await;
    let (mut pair, nats) = block(|| (Pair::start(), Nats::start(SERVERS)));
    let nodes = block(|| nodes(&pair.database("lethe"), &nats));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for _ in 0..rounds(ROUNDS) {
        trial.load.progress(100).await;
        block(|| pair.fail_over());
        trial.fault("fail-over to the standby");
        trial.load.progress(100).await;
        block(|| pair.attach());
    }
    trial.load.progress(100).await;
    trial.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_one_and_of_all_nats_servers() {
    let _turn = turn().await;
    let (postgres, mut nats) = block(|| (Postgres::start(), Nats::start(SERVERS)));
    let nodes = block(|| nodes(&postgres.database("lethe"), &nats));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for _ in 0..rounds(ROUNDS) {
        let one = trial.one_of(SERVERS);
        for (kind, servers) in [("kill -9 of one NATS server", one..one + 1), ("kill -9 of all", 0..SERVERS)]
        {
            block(|| servers.clone().for_each(|server| nats.server(server).kill()));
            trial.fault(kind);
            trial.load.progress(60).await;
            block(|| servers.clone().for_each(|server| nats.server(server).restart()));
            trial.load.progress(60).await;
        }
    }
    trial.judge().await;
}

/// A proxy to each NATS server for each node: by node, then by server.
async fn proxies(nats: &Nats) -> Vec<Vec<Proxy>> {
    let mut all = Vec::new();
    for _ in 0..NODES {
        let mut proxies = Vec::new();
        for host in nats.hosts() {
            proxies.push(Proxy::start(host.parse::<SocketAddr>().unwrap()).await);
        }
        all.push(proxies);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_of_one_and_of_all_nats_servers() {
    let _turn = turn().await;
    let (postgres, nats) = block(|| (Postgres::start(), Nats::start(SERVERS)));
    let proxies = proxies(&nats).await;
    let hosts =
        |proxies: &Vec<Proxy>| proxies.iter().map(|proxy| proxy.address().to_string()).collect::<Vec<_>>();
    let urls: Vec<_> = proxies.iter().map(|proxies| nats::urls(&hosts(proxies))).collect();
    let nodes = block(|| Node::start_all(&postgres.database("lethe"), &urls));
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for round in 0..rounds(ROUNDS) {
        let (one_node, one_server) = (trial.one_of(NODES), trial.one_of(SERVERS));
        let of_server = proxies.iter().map(|proxies| &proxies[one_server]).collect::<Vec<_>>();
        let of_node = proxies[one_node].iter().collect();
        let all = proxies.iter().flatten().collect();
        for (kind, lines) in [
            ("cut of one NATS server", of_server),
            ("cut of one node from NATS", of_node),
            ("cut of all from NATS", all),
        ] {
            lines.iter().for_each(|line| line.cut());
            trial.fault(kind);
            trial.load.progress(60).await;
            // What was on its way comes late, or never.
            if round % 2 == 1 {
                lines.iter().for_each(|line| line.sever());
            }
            lines.iter().for_each(|line| line.heal());
            trial.load.progress(60).await;
        }
    }
    trial.judge().await;
}
