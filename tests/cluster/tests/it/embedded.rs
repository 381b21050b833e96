//! One node on the embedded engine.

use lethe_cluster_tests::node::Node;
use lethe_cluster_tests::postgres::directory;

use crate::support::{Trial, block, cluster, rounds, turn};

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_embedded_server() {
    let _turn = turn().await;
    let home = directory();
    let data = home.path().join("data");
    let mut nodes = [Node::start(&["--data", data.to_str().unwrap()])];
    let mut trial = Trial::start(&cluster(&nodes)).await;
    for _ in 0..rounds(5) {
        trial.load.progress(400).await;
        let before = trial.load.troubles();
        block(|| nodes[0].kill());
        trial.fault("kill -9 of the server");
        trial.load.until_troubles(before + 20).await;
        block(|| nodes[0].restart());
    }
    trial.load.progress(400).await;
    let report = trial.judge().await;
    assert_eq!(report.inverted, 0, "one server tells in the order of its log");
}
