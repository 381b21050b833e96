//! Erasing an account: every trace, a receipt that names each store, and others keep what is theirs.

use lethe_protocol::{
    AddFriend, Friends, GroupType, Groups, MessageAttributes, ProfilePatch, Request, SendMessage,
};
use serde_json::{Value, json};

use crate::support::{Actor, World, group, now, sig, user};

/// Every value and key of the store that names a user, except rows of the journal: as `lethe_deletion` tests see it, by
/// the doors.
async fn journal_kinds(world: &World, user: &str) -> Vec<Value> {
    let page = world.rest("lethe_deletion/journal", json!({"User_Account": user})).await;
    page["Entries"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect()
}

async fn befriend(one: &Actor, other: &str) {
    let request = AddFriend {
        user_id: other.to_owned(),
        source: String::new(),
        wording: String::new(),
        remark: String::new(),
        single: false,
    };
    let _: Value = one.ask(Request::AddFriend(request)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_40_an_erased_account_leaves_nothing_but_that_it_was_there() {
    let world = World::new().await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let carol = world.log_in("carol").await;
    let nick = ProfilePatch { nick: Some("Alice Liddell".into()), ..ProfilePatch::default() };
    let _: Value = alice.ask(Request::UpdateProfile(nick)).await;
    befriend(&alice, "bob").await;
    alice.create("g", GroupType::Public, &["bob", "carol"]).await;
    alice.say(&group("g"), "alice's words").await;
    let mention = SendMessage {
        attributes: MessageAttributes { at: vec!["alice".into()], ..MessageAttributes::default() },
        ..Actor::message(&group("g"), "bob's words")
    };
    let _: Value = bob.ask(Request::SendMessage(mention)).await;
    alice.say(&user("bob"), "to bob").await;
    bob.say(&user("alice"), "to alice").await;
    alice.say(&user("alice"), "a note to self").await;
    carol.say(&user("bob"), "untouched").await;
    let answer = world.rest("lethe_account/erase", json!({"UserIDs": ["alice", "nobody"]})).await;
    assert_eq!(
        (&answer["Results"][0]["ErrorCode"], &answer["Results"][1]["ErrorCode"]),
        (&json!(0), &json!(50001))
    );
    assert_eq!(alice.closed().await, Some(4500));
    // What others read.
    assert_eq!(bob.history_texts(&user("alice")).await, ["", "to alice"]);
    let shared = bob.history_texts(&group("g")).await;
    assert!(shared.contains(&"bob's words".to_owned()) && !shared.contains(&"alice's words".to_owned()));
    let page: lethe_protocol::History = bob
        .ask(Request::GetHistory(lethe_protocol::GetHistory {
            conversation_id: group("g"),
            before: None,
            after: None,
            limit: 100,
        }))
        .await;
    let all: String = page.messages.iter().map(|message| message.get()).collect();
    assert!(!all.contains("alice") && !all.contains("Alice Liddell"), "{all}");
    let friends: Friends = bob.ask(Request::ListFriends).await;
    assert!(friends.friends.is_empty());
    let groups: Groups = bob.ask(Request::ListGroups).await;
    assert_eq!((groups.groups[0].owner_id.as_str(), groups.groups[0].member_count), ("bob", 2));
    assert_eq!(bob.reads(&user("carol")).await, ["untouched"]);
    // Notices of the system to others, too; but not those that have a word like the name in them.
    let notices: lethe_protocol::History = bob
        .ask(Request::GetHistory(lethe_protocol::GetHistory {
            conversation_id: lethe_protocol::ConversationId::System,
            before: None,
            after: None,
            limit: 100,
        }))
        .await;
    let notices: String = notices.messages.iter().map(|message| message.get()).collect();
    assert!(!notices.contains("alice"), "{notices}");
    let refused = bob.refused(Request::SendMessage(Actor::message(&user("alice"), "hello?"))).await;
    assert_eq!(refused, 20003);
    // The receipt names the stores.
    let entry = answer["Results"][0]["Entry"].clone();
    let receipt = world.rest("lethe_deletion/receipt", json!({"Entry": entry})).await;
    let statement: Value = serde_json::from_str(receipt["Receipt"]["statement"].as_str().unwrap()).unwrap();
    let count = |store: &str| {
        let removed = statement["removed"].as_array().unwrap();
        removed.iter().find(|one| one["store"] == store).map_or(0, |one| one["count"].as_u64().unwrap())
    };
    assert_eq!((count("accounts"), count("friends"), count("memberships")), (1, 1, 1));
    assert!(count("messages") >= 4 && count("views") >= 3 && count("nonces") >= 2, "{statement}");
    assert_eq!(journal_kinds(&world, "alice").await[0], "account");
    // An old UserSig does not bring it back, a new one begins from nothing.
    let mut credentials = world.credentials("alice");
    credentials.user_sig = sig("alice", now() - 60);
    assert_eq!(world.resume(credentials, None).await.unwrap_err().code(), 70001);
    let mut credentials = world.credentials("alice");
    credentials.user_sig = sig("alice", now() + 5);
    let anew = world.resume(credentials, None).await.unwrap();
    assert!(anew.listed().await.is_empty() && anew.reads(&user("alice")).await.is_empty());
    let groups: Groups = anew.ask(Request::ListGroups).await;
    assert!(groups.groups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_protects_an_account_and_lists_have_their_limits() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    world.rest("lethe_deletion/hold", json!({"User_Account": "alice", "Reason": "case"})).await;
    let answer = world.rest("lethe_account/erase", json!({"UserIDs": ["alice"]})).await;
    assert_eq!(answer["Results"][0]["ErrorCode"], 98019);
    alice.say(&user("alice"), "still here").await;
    // It protects nobody else, though others' names stand in her notices.
    let bob = world.log_in("bob").await;
    bob.create("g", GroupType::Public, &["alice"]).await;
    let carol = world.log_in("carol").await;
    drop((bob, carol));
    for (who, code) in [("bob", 98019), ("carol", 0)] {
        let answer = world.rest("lethe_account/erase", json!({"UserIDs": [who]})).await;
        assert_eq!(answer["Results"][0]["ErrorCode"], code, "{who}: {answer}");
    }
    let many = |n: usize| -> Value { (0..n).map(|n| json!(format!("u{n}"))).collect() };
    for (ids, code) in [(json!([]), 51006), (many(101), 51006), (many(100), 0), (json!("alice"), 70402)] {
        assert_eq!(world.rest("lethe_account/erase", json!({"UserIDs": ids})).await["ErrorCode"], code);
    }
}
