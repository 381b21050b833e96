//! 30 to 32: what a deletion costs, in keys that the engine reads and writes. Clocks are for the bench.

use lethe_protocol::{ConversationId, DeleteOutcome, Event, Request};
use lethe_store::Work;

use super::{clearing, deletion};
use crate::support::{Actor, World, user};

/// What the engine did for a request.
async fn work(world: &World, actor: &Actor, request: Request) -> Work {
    actor.settled().await;
    let before = world.store().work().unwrap();
    actor.tells(request).await;
    let after = world.store().work().unwrap();
    Work {
        commits: after.commits - before.commits,
        writes: after.writes - before.writes,
        reads: after.reads - before.reads,
    }
}

/// The least that the engine did for one of a few equal requests: what else goes on in a server now and then only adds.
async fn least(world: &World, actor: &Actor, requests: Vec<Request>) -> Work {
    let mut costs = Vec::new();
    for request in requests {
        costs.push(work(world, actor, request).await);
    }
    costs.into_iter().min_by_key(|work| (work.reads, work.writes, work.commits)).unwrap()
}

/// Alice's conversations with so many peers, of so many messages each.
async fn conversations(world: &World, prefix: &str, peers: usize, messages: usize) -> Vec<ConversationId> {
    let names: Vec<String> = (0..peers).map(|n| format!("{prefix}{n}")).collect();
    let mut ids = Vec::new();
    for name in &names {
        let peer = world.log_in(name).await;
        let to = user("alice");
        futures_util::future::join_all((0..messages).map(|n| {
            let (peer, to) = (&peer, &to);
            async move { peer.say(to, &n.to_string()).await }
        }))
        .await;
        ids.push(user(name));
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_30_one_conversation_costs_the_same_whatever_its_length() {
    let world = World::counted().await;
    let alice = world.log_in("alice").await;
    for clear in [false, true] {
        let mut costs = Vec::new();
        for length in [10, 2_000] {
            let ids = conversations(&world, &format!("d{clear}{length}x"), 3, length).await;
            let requests = ids.chunks(1).map(|id| deletion(id, Some(length as u64), clear)).collect();
            costs.push(least(&world, &alice, requests).await);
        }
        assert_eq!(costs[0], costs[1], "clear {clear}: 10 messages and 2000");
        assert_eq!(costs[0].commits, 1);
        // The view and its number, the journal, what an undo needs, and the eraser's queue.
        assert!(costs[0].writes <= 12, "{costs:?}");
    }
    let mut costs = Vec::new();
    for length in [10, 2_000] {
        let ids = conversations(&world, &format!("c{length}x"), 3, length).await;
        let requests = ids.iter().map(|id| clearing(id, None)).collect();
        costs.push(least(&world, &alice, requests).await);
    }
    assert_eq!(costs[0], costs[1], "clearing 10 messages and 2000");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_31_a_hundred_are_one_request_one_batch_and_one_event() {
    let world = World::counted().await;
    let alice = world.log_in("alice").await;
    let single = conversations(&world, "single", 1, 1).await;
    let one = work(&world, &alice, deletion(&single, None, true)).await;
    let ids = conversations(&world, "many", 100, 1).await;
    alice.events().await;
    let hundred = work(&world, &alice, deletion(&ids, None, true)).await;
    assert_eq!((one.commits, hundred.commits), (1, 1));
    assert!(hundred.writes <= 100 * one.writes && hundred.reads <= 100 * one.reads, "{one:?} {hundred:?}");
    let events = alice.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(matches!(&events[0], Event::ConversationsDeleted(deleted) if deleted.conversations.len() == 100));
    let again: DeleteOutcome = alice.ask(deletion(&ids, None, true)).await;
    assert_eq!(again.deleted, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_32_listing_costs_what_it_returns_however_many_were_deleted() {
    let world = World::counted().await;
    let alice = world.log_in("alice").await;
    conversations(&world, "shown", 5, 1).await;
    let list = || Request::ListConversations(lethe_protocol::ListConversations { cursor: None, limit: 500 });
    let lists = || (0..3).map(|_| list()).collect();
    let before = least(&world, &alice, lists()).await;
    for round in 0..10 {
        let ids = conversations(&world, &format!("gone{round}x"), 100, 1).await;
        alice.tells(deletion(&ids, None, round % 2 == 0)).await;
    }
    assert_eq!(alice.listed().await.len(), 5);
    assert_eq!(least(&world, &alice, lists()).await, before, "a thousand deletions later");
    // A client that comes back is told its thousand deletions once; coming back again costs nothing of them.
    let (credentials, replica) = alice.vanish();
    let back = world.resume(credentials, Some(replica)).await.unwrap();
    let (credentials, replica) = back.vanish();
    let start = world.store().work().unwrap();
    let back = world.resume(credentials, Some(replica)).await.unwrap();
    let spent = world.store().work().unwrap().reads - start.reads;
    assert!(spent < 100, "{spent} reads for a client that knows everything");
    assert_eq!(back.listed().await.len(), 5);
}
