//! The database is away: nobody is sent away, nothing is promised, and all goes on by itself.

use std::time::{Duration, Instant};

use lethe_client::{Client, ClientError};
use lethe_cluster_tests::cluster::{Cluster, readiness};
use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::node::Node;
use lethe_cluster_tests::postgres::{self, Postgres};
use lethe_cluster_tests::proxy::Proxy;
use lethe_protocol::{Code, ConversationId, Event, MessageAttributes, Request, SendMessage, Sent};
use serde_json::json;

use crate::support::{block, cluster, turn};

/// How long a request may hang while the database is away.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);
/// How long a probe may need to notice, and all to go on.
const PATIENCE: Duration = Duration::from_secs(30);

fn message(n: u32) -> Request {
    let body = json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": format!("message {n}")}}]);
    Request::SendMessage(SendMessage {
        conversation_id: ConversationId::User("bob".to_owned()),
        client_time: 1,
        random: n,
        body: serde_json::value::to_raw_value(&body).unwrap(),
        attributes: MessageAttributes::default(),
        online_only: false,
    })
}

/// Asks a probe until it says so; nothing else tells.
async fn until_probe_says(cluster: &Cluster, status: u16) {
    let deadline = Instant::now() + PATIENCE;
    for &address in &cluster.addresses {
        while readiness(address).await != Some(status) {
            assert!(Instant::now() < deadline, "/readyz of {address} does not say {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

struct People {
    cluster: Cluster,
    alice: Client,
    bob: Client,
}

impl People {
    async fn at(nodes: &[Node]) -> Self {
        let cluster = cluster(nodes);
        let sign_in = async |user: &str, node: usize| {
            Client::connect(cluster.addresses[node], &cluster.credentials(user, user), None).await.unwrap()
        };
        let (bob, alice) = (sign_in("bob", 1).await, sign_in("alice", 0).await);
        let people = Self { alice, bob, cluster };
        people.send(0).await;
        people
    }

    async fn send(&self, n: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.alice.request::<Sent>(message(n)).await {
                Ok(sent) => return assert_eq!(sent.seq, u64::from(n) + 1, "once, in order"),
                Err(ClientError::Refused(error)) if error.code == Code::UNAVAILABLE => {
                    assert!(Instant::now() < deadline, "{error}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn is_refused(&self, n: u32) {
        let begun = Instant::now();
        let refused = self.alice.request::<Sent>(message(n)).await.unwrap_err();
        assert_eq!(refused.code(), Code::UNAVAILABLE.0, "{refused}");
        assert!(begun.elapsed() < REFUSED_WITHIN, "refused after {:?}", begun.elapsed());
    }

    /// Bob has all messages by push or by asking, and both still have their sockets.
    async fn all_is_well(&self, messages: u64) {
        self.bob.settle().await.unwrap();
        let head = self.bob.replica(|replica| {
            replica.get(&ConversationId::User("alice".to_owned())).map(|conversation| conversation.head)
        });
        assert_eq!(head, Some(messages));
        assert_eq!((self.alice.closed_with(), self.bob.closed_with()), (None, None), "sockets stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_a_node_refuses_and_goes_on_by_itself() {
    let _turn = turn().await;
    let (mut postgres, nats) = block(|| (Postgres::start(), Nats::start(1)));
    let nodes = block(|| Node::start_all(&postgres.database("lethe"), &vec![nats.urls(); 2]));
    let people = People::at(&nodes).await;
    until_probe_says(&people.cluster, 200).await;
    for round in 1..4 {
        block(|| postgres.kill());
        people.is_refused(round).await;
        until_probe_says(&people.cluster, 503).await;
        people.is_refused(round).await;
        block(|| postgres.restart());
        until_probe_says(&people.cluster, 200).await;
        people.send(round).await;
        people.all_is_well(u64::from(round) + 1).await;
    }
    while let Some(event) = people.bob.event().await {
        let Event::Message(message) = event else { continue };
        if message.get().contains("message 3") {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_is_an_absent_one() {
    let _turn = turn().await;
    let (postgres, nats) = block(|| (Postgres::start(), Nats::start(1)));
    let _ = block(|| postgres.database("lethe"));
    let line = Proxy::start(postgres.host().parse().unwrap()).await;
    let url = postgres::url(&line.address().to_string(), "lethe");
    let nodes = block(|| Node::start_all(&url, &vec![nats.urls(); 2]));
    let people = People::at(&nodes).await;
    for round in 1..3 {
        line.cut();
        people.is_refused(round).await;
        until_probe_says(&people.cluster, 503).await;
        line.heal();
        until_probe_says(&people.cluster, 200).await;
        people.send(round).await;
        people.all_is_well(u64::from(round) + 1).await;
    }
}
