//! 51 and 52: what an answer promises.

use lethe_protocol::{
    ClearHistory, ConversationId, GroupType, MarkConversations, ReadAll, RemindType, Request, SetCustomData,
    SetRemindType,
};
use serde_json::json;

use super::{clearing, deletion, opening, pinning, reading};
use crate::support::{Actor, World, group, user};

/// All that a client of this user is shown on each node.
async fn everywhere(world: &World, gone: &ConversationId) {
    for node in 0..world.addresses().len() {
        let device = world.log_in_at(node, "alice").await;
        let shown = device.client.replica(|replica| replica.get(gone).is_some());
        assert!(!shown, "{gone} at node {node}, right after the login");
        assert!(!device.fetch(gone).await.unwrap().listed);
        assert!(device.reads(gone).await.is_empty());
        assert!(device.client.list().await.unwrap().iter().all(|c| c.conversation_id != *gone));
        let body = json!({"From_Account": "alice", "AssistFlags": 2});
        let list = world.rest_at(world.addresses()[node], "recentcontact/get_list", body).await;
        assert!(!list["SessionItem"].to_string().contains("\"bob\""), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_51_after_the_answer_every_request_on_every_node_reflects_it() {
    let mut world = World::durable().await;
    world.configure(json!({"OnlineWebInstances": 10})).await;
    for round in 0..4 {
        let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
        if round == 0 {
            bob.create("club", GroupType::Public, &["alice"]).await;
        }
        for (id, to) in [(user("bob"), user("alice")), (group("club"), group("club"))] {
            bob.say(&to, "hello").await;
            assert!(alice.lists(&id).await);
            alice.delete(&[&id], true).await;
            if id == user("bob") {
                everywhere(&world, &id).await;
            }
        }
        drop((alice, bob));
        world.fail_over().await;
        everywhere(&world, &user("bob")).await;
        everywhere(&world, &group("club")).await;
    }
}

/// Every request that writes to a conversation.
fn writes() -> Vec<Request> {
    let ids = || vec![user("bob"), user("carol")];
    vec![
        deletion(&ids()[..1], None, true),
        deletion(&ids()[..1], Some(1), false),
        deletion(&ids(), None, true),
        clearing(&user("bob"), None),
        reading(&user("bob"), None),
        opening(&user("dave")),
        pinning(&user("bob"), true),
        Request::ReadAll(ReadAll { users: true, groups: true }),
        Request::SetRemindType(SetRemindType { conversation_ids: ids(), remind_type: RemindType::Discard }),
        Request::MarkConversations(MarkConversations {
            conversation_ids: ids(),
            mark: "1".into(),
            enable: true,
        }),
        Request::SetCustomData(SetCustomData { conversation_ids: ids(), custom_data: "x".into() }),
        Request::SendMessage(Actor::message(&user("bob"), "never said")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_52_what_could_not_be_stored_is_never_answered_as_done() {
    for request in writes() {
        let world = World::counted().await;
        let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
        let carol = world.log_in("carol").await;
        world.import(&["dave".to_owned()]).await;
        for writer in [&bob, &carol] {
            writer.say(&user("alice"), "one").await;
        }
        alice.events().await;
        bob.events().await;
        world.store().fail_commits(true);
        let shown = format!("{request:?}");
        let code = alice.refused(request).await;
        assert!([98001, 20005].contains(&code), "{shown}: {code}");
        // Healed or not, the store says nothing any more that it may not be able to keep.
        world.store().fail_commits(false);
        let clear = ClearHistory { conversation_id: user("carol"), up_to: None };
        assert!([98001, 20005].contains(&alice.refused(Request::ClearHistory(clear)).await), "{shown}");
        let rest = json!({"From_Account": "bob", "Type": 1, "To_Account": "alice"});
        assert_ne!(world.rest("recentcontact/delete", rest).await["ErrorCode"], 0, "{shown}");
        for actor in [&alice, &bob] {
            let told = tokio::time::timeout(std::time::Duration::ZERO, actor.client.event()).await;
            assert!(told.is_err(), "{shown}: {told:?}");
        }
    }
}
