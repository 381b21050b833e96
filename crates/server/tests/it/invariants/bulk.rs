//! 25, 26, 28 and 29: many at once, and the shape of calls and answers.

use futures_util::future::join_all;
use lethe_client::ClientError;
use lethe_protocol::{
    ConversationId, DeleteConversations, DeleteItem, DeleteOutcome, Event, GroupRef, GroupType, Request,
};
use serde_json::{Value, json};

use super::{deletion, opening, unnumbered};
use crate::connections::{exchange, login, socket};
use crate::process::Process;
use crate::support::{Actor, World, directory, group, now, sig, user};

#[tokio::test(flavor = "multi_thread")]
async fn inv_25_each_conversation_has_one_outcome_and_too_many_are_refused_whole() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    let names: Vec<String> = (0..101).map(|n| format!("u{n}")).collect();
    world.import(&names).await;
    let ids: Vec<ConversationId> = names.iter().map(|name| user(name)).collect();
    join_all(ids.iter().map(|id| alice.say(id, "hello"))).await;
    assert_eq!(alice.refused(deletion(&ids, None, true)).await, 51006);
    assert_eq!(alice.refused(deletion(&[], None, true)).await, 51006);
    assert_eq!(alice.listed().await.len(), 101, "nothing was cut off and done");
    let (known, strange) = ([user("u9"), user("u2"), user("u5")], [user("nobody"), group("none")]);
    let mixed: Vec<ConversationId> =
        [&known[0], &strange[0], &known[1], &known[0], &strange[1], &strange[0], &known[2]]
            .map(Clone::clone)
            .into();
    let outcome: DeleteOutcome = alice.ask(deletion(&mixed, None, true)).await;
    assert_eq!(outcome.deleted, known, "in the order asked for, each once");
    let failed: Vec<_> = outcome.failed.iter().map(|f| f.conversation_id.clone()).collect();
    assert_eq!(failed, strange);
    for failure in &outcome.failed {
        assert!(failure.error.code.0 == 2500 && !failure.error.message.is_empty(), "{failure:?}");
    }
    assert_eq!(alice.listed().await.len(), 98);
    let rest: Vec<ConversationId> = ids.into_iter().filter(|id| !known.contains(id)).collect();
    assert_eq!(alice.ask::<DeleteOutcome>(deletion(&rest, None, true)).await.deleted, rest);
    assert!(alice.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_26_a_wrong_argument_is_an_answer_with_a_code() {
    let world = World::new().await;
    let bob = world.log_in("bob").await;
    world.import(&["alice".to_owned()]).await;
    bob.say(&user("alice"), "one").await;
    let mut socket = socket(&world).await;
    exchange(&mut socket, &login("alice", &sig("alice", now()))).await;
    let good = json!({"items": [{"conversationId": "C2Cbob"}], "clearHistory": true});
    let wrong = [
        json!(null),
        json!(7),
        json!({"items": [{"conversationId": "C2Cbob"}]}),
        json!({"items": {"conversationId": "C2Cbob"}, "clearHistory": true}),
        json!({"items": [{"conversationId": ""}], "clearHistory": true}),
        json!({"items": [{"conversationId": "C2C"}], "clearHistory": true}),
        json!({"items": [{"conversationId": "@TIM#OTHER"}], "clearHistory": true}),
        json!({"items": [{"conversationId": null}], "clearHistory": true}),
        json!({"items": [{"conversationId": "C2Cbob"}, {"conversationId": "bob"}], "clearHistory": true}),
        json!({"items": [{"conversationId": "C2Cbob", "anchor": "1"}], "clearHistory": true}),
        json!({"items": [{"conversationId": "C2Cbob", "anchor": 1.5}], "clearHistory": true}),
        json!({"items": [{"conversationId": "C2Cbob"}], "clearHistory": 1}),
        json!({"items": [], "clearHistory": true}),
    ];
    for (id, body) in (10..).zip(&wrong) {
        let frame = json!({"id": id, "op": "conversations.delete", "d": body}).to_string();
        let answer = exchange(&mut socket, &frame).await;
        let code = &answer["err"]["code"];
        assert!(answer["id"] == id && (code == 98003 || code == 51006), "{body}: {answer}");
    }
    let list = json!({"id": 8, "op": "conversations.list", "d": {"limit": 10}}).to_string();
    let listed = exchange(&mut socket, &list).await;
    assert_eq!(listed["ok"]["conversations"].as_array().unwrap().len(), 1, "nothing was deleted: {listed}");
    let frame = json!({"id": 9, "op": "conversations.delete", "d": good}).to_string();
    let answer = exchange(&mut socket, &frame).await;
    assert_eq!(answer["ok"]["deleted"], json!(["C2Cbob"]), "and the socket goes on: {answer}");
}

/// Asks for a deletion and kills the server: at once, when the event has come, or after the answer.
async fn kill_during(process: &Process, alice: &Actor, request: &Request, moment: usize) -> bool {
    let asking = alice.client.request::<DeleteOutcome>(request.clone());
    let dying = async {
        match moment {
            0 => process.signal("-KILL"),
            1 => {
                while !matches!(alice.client.event().await, None | Some(Event::ConversationsDeleted(_))) {}
                process.signal("-KILL");
            }
            _ => {}
        }
    };
    let (answer, ()) = tokio::join!(asking, dying);
    process.signal("-KILL");
    match answer {
        Ok(outcome) => {
            assert_eq!(outcome.deleted.len(), 100);
            true
        }
        Err(error) => {
            assert!(matches!(error, ClientError::Closed(_)), "{error}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_28_a_crash_leaves_all_of_a_call_done_or_nothing_and_asking_again_finishes_it() {
    let directory = directory();
    let data = directory.path().join("data");
    let world = World::in_memory().await;
    let ids: Vec<ConversationId> = (0..100).map(|n| user(&format!("u{n}"))).collect();
    let mut process = Process::start(&data);
    for id in &ids {
        drop(process.log_in(&world, &id.to_string()[3..]).await);
    }
    for round in 0..9 {
        let alice = process.log_in(&world, "alice").await;
        join_all(ids.iter().map(|id| alice.say(id, "again"))).await;
        let request = deletion(&ids, Some(round + 1), true);
        let moment = usize::try_from(round % 3).unwrap();
        let answered = kill_during(&process, &alice, &request, moment).await;
        process.child.wait().unwrap();
        process = Process::start(&data);
        let alice = process.log_in(&world, "alice").await;
        let left = alice.listed().await.len();
        assert!(
            left == 0 || (left == 100 && !answered && moment == 0),
            "round {round}: {left} of 100 are left"
        );
        for id in &ids {
            let cleared = alice.reads(id).await.is_empty();
            assert_eq!(cleared, left == 0, "round {round}: {id} is done by half");
        }
        assert_eq!(alice.ask::<DeleteOutcome>(request).await.deleted, ids);
        assert!(alice.listed().await.is_empty(), "round {round}");
    }
    process.signal("-KILL");
    process.child.wait().unwrap();
}

/// What is left for this user, as far as it can be compared.
async fn left(actor: &Actor, id: &ConversationId) -> Value {
    let got = actor.fetch(id).await.unwrap();
    let (listed, mut state) = (got.listed, unnumbered(got.conversation));
    state["group"]["me"] = Value::Null;
    state["user"] = Value::Null;
    json!([listed, state, actor.reads(id).await])
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_29_over_rest_a_deletion_is_what_it_is_for_clients() {
    let world = World::synchronised().await;
    let (alice, carol, bob) =
        (world.log_in("alice").await, world.log_in("carol").await, world.log_in("bob").await);
    for (clear, name) in [(true, "one"), (false, "two")] {
        bob.create(name, GroupType::ChatRoom, &["alice", "carol"]).await;
        bob.create(&format!("left{name}"), GroupType::ChatRoom, &["alice", "carol"]).await;
        bob.say(&group(&format!("left{name}")), "before").await;
        for actor in [&alice, &carol] {
            actor.tells(Request::QuitGroup(GroupRef { group_id: format!("left{name}") })).await;
        }
        bob.say(&group(name), "hello").await;
        for id in [group(name), group(&format!("left{name}"))] {
            alice.tells(deletion(std::slice::from_ref(&id), None, clear)).await;
            let body = json!({"From_Account": "carol", "Type": 2, "ToGroupid": id.to_string()[5..],
                "ClearRamble": u8::from(clear)});
            assert_eq!(world.rest("recentcontact/delete", body).await["ErrorCode"], 0);
            assert!(!carol.lists(&id).await, "her client heard of it");
            let (mine, hers) = (left(&alice, &id).await, left(&carol, &id).await);
            assert_eq!(without_times(mine), without_times(hers), "{id}, clear {clear}");
        }
        bob.say(&group(name), "newer").await;
        assert_eq!(
            without_times(left(&alice, &group(name)).await),
            without_times(left(&carol, &group(name)).await)
        );
    }
    assert_eq!(alice.delete_at(&user("nobody"), None, true).await.failed[0].error.code.0, 2500);
    let unknown = json!({"From_Account": "carol", "Type": 1, "To_Account": "nobody"});
    assert_eq!(world.rest("recentcontact/delete", unknown).await["ErrorCode"], 2500);
    alice.tells(opening(&user("bob"))).await;
}

/// The two left a moment apart.
fn without_times(mut state: Value) -> Value {
    if state[1]["left"] == true {
        state[1]["activeAt"] = Value::Null;
    }
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_28_a_key_makes_a_call_one_call_however_often_it_is_made() {
    let mut world = World::durable().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "old").await;
    let call = |key: &str, clear_history| {
        let items = vec![DeleteItem { conversation_id: user("bob"), anchor: None }];
        let key = Some(key.to_owned());
        let request = DeleteConversations { items, clear_history, key, ..DeleteConversations::default() };
        Request::DeleteConversations(request)
    };
    let first: DeleteOutcome = alice.ask(call("k1", true)).await;
    bob.say(&user("alice"), "came since").await;
    drop((alice, bob));
    world.restart().await;
    let alice = world.log_in("alice").await;
    assert_eq!(alice.ask::<DeleteOutcome>(call("k1", true)).await, first, "after a crash of either side too");
    assert_eq!(alice.reads(&user("bob")).await, ["came since"]);
    assert_eq!(alice.refused(call("k1", false)).await, 98015);
    let rest =
        json!({"From_Account": "alice", "Items": [{"Type": 1, "To_Account": "bob"}], "IdempotencyKey": "k2"});
    let one = world.rest("lethe_conversation/delete", rest.clone()).await;
    assert_eq!(one["ErrorCode"], 0, "{one}");
    world.log_in("bob").await.say(&user("alice"), "and later").await;
    assert_eq!(world.rest("lethe_conversation/delete", rest).await, one);
    assert_eq!(alice.reads(&user("bob")).await, ["and later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_29_over_rest_many_have_an_outcome_each_in_the_order_asked_for() {
    let world = World::synchronised().await;
    let alice = world.log_in("alice").await;
    for name in ["bob", "carol"] {
        world.log_in(name).await.say(&user("alice"), "one").await;
    }
    let c2c = |peer: &str| json!({"Type": 1, "To_Account": peer});
    let items =
        json!([c2c("nobody"), c2c("carol"), c2c("bob"), c2c("carol"), {"Type": 2, "ToGroupid": "none"}]);
    let answer =
        world.rest("lethe_conversation/delete", json!({"From_Account": "alice", "Items": items})).await;
    let results: Vec<_> = answer["Results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["ConversationID"].as_str().unwrap(), one["ErrorCode"].as_u64().unwrap()))
        .collect();
    let expected =
        [("C2Cnobody", 2500), ("C2Ccarol", 0), ("C2Cbob", 0), ("C2Ccarol", 0), ("GROUPnone", 2500)];
    assert_eq!(results, expected, "{answer}");
    assert!(alice.listed().await.is_empty());
    let many: Vec<Value> = (0..101).map(|n| c2c(&format!("u{n}"))).collect();
    let refused =
        world.rest("lethe_conversation/delete", json!({"From_Account": "alice", "Items": many})).await;
    assert_eq!(refused["ErrorCode"], 51006);
}
