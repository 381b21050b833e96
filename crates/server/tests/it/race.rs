//! A sender against a deleter: whatever the order, no message above the anchor is ever hidden.

use lethe_protocol::{DeleteConversations, DeleteItem, DeleteOutcome, Request};

use crate::support::{World, user};

const ROUNDS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_message_above_the_anchor_is_ever_hidden() {
    let world = World::in_memory().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let peer = user("bob");
    let (mut survived, mut deleted) = (0_u64, 0_u64);
    for round in 1..=ROUNDS {
        let anchor = alice.client.replica(|replica| replica.get(&peer).map_or(round - 1, |c| c.head));
        let item = DeleteItem { conversation_id: peer.clone(), anchor: Some(anchor) };
        let request = Request::DeleteConversations(DeleteConversations {
            items: vec![item],
            clear_history: true,
            ..DeleteConversations::default()
        });
        let to = user("alice");
        let (sent, outcome) = tokio::join!(bob.say(&to, "race"), async {
            // The first deletion may come before there is anything to delete.
            alice.client.request::<DeleteOutcome>(request).await.unwrap()
        });
        assert_eq!(sent.seq, round);
        assert!(round == 1 || outcome.failed.is_empty());
        let server = alice.fetch(&peer).await.unwrap();
        if sent.seq > anchor {
            survived += 1;
            assert!(server.listed, "round {round}: message {} above anchor {anchor} is hidden", sent.seq);
            assert_eq!(server.conversation.messages, sent.seq - anchor, "round {round}");
            assert_eq!(u64::from(server.conversation.unread), sent.seq - anchor, "round {round}");
        } else {
            deleted += 1;
            assert!(!server.listed, "round {round}");
        }
        alice.settled().await;
        let shown = alice.client.replica(|replica| replica.get(&peer).map(|c| (c.head, c.unread)));
        let truth = server.listed.then_some((server.conversation.head, server.conversation.unread));
        assert_eq!(shown, truth, "round {round}: the client shows what the server has");
    }
    assert_eq!(survived + deleted, ROUNDS);
}
