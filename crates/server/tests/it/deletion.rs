//! Deleting conversations: every bullet of what the project began from, as a story.

use lethe_protocol::{
    AddFriend, ChangeMembers, ChangeOutcome, ClearHistory, ConversationId, DeleteConversations, DeleteItem,
    DeleteOutcome, Event, Friends, GroupRef, GroupType, Groups, MarkConversations, OpenConversation,
    PinConversation, ReadConversation, RemindType, Request, SetCustomData, SetRemindType,
};
use serde_json::{Value, json};

use crate::support::{Actor, World, group, user};

fn deletions(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::ConversationsDeleted(_))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_deletes_and_clears_and_bob_keeps_everything() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.say(&user("bob"), "two").await;
    let outcome = alice.delete(&[&user("bob")], true).await;
    assert_eq!((outcome.deleted, outcome.failed), (vec![user("bob")], vec![]));
    assert!(alice.listed().await.is_empty());
    assert!(alice.reads(&user("bob")).await.is_empty());
    assert_eq!(bob.reads(&user("alice")).await, ["one", "two"]);
    assert_eq!(bob.listed().await, ["C2Calice"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_history_is_there_when_the_conversation_is_reopened() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.delete(&[&user("bob")], false).await;
    assert!(alice.listed().await.is_empty());
    assert_eq!(alice.reads(&user("bob")).await, ["one"]);
    let _: Value =
        alice.ask(Request::OpenConversation(OpenConversation { conversation_id: user("bob") })).await;
    let reopened = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((reopened.unread, reopened.messages), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_message_brings_it_back_with_just_itself() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for words in ["one", "two", "three"] {
        bob.say(&user("alice"), words).await;
    }
    alice.delete(&[&user("bob")], true).await;
    bob.say(&user("alice"), "four").await;
    let back = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((back.unread, back.messages), (1, 1));
    assert_eq!(alice.reads(&user("bob")).await, ["four"]);
    let _: Value = alice
        .ask(Request::ReadConversation(ReadConversation { conversation_id: user("bob"), up_to: None }))
        .await;
    assert_eq!(alice.unread(&user("bob")).await, 0, "it stays after it was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_way_survives_the_deletion() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "seen").await;
    alice.settled().await;
    bob.say(&user("alice"), "not seen yet").await;
    let item = DeleteItem { conversation_id: user("bob"), anchor: Some(1) };
    let request =
        DeleteConversations { items: vec![item], clear_history: true, ..DeleteConversations::default() };
    let _: DeleteOutcome = alice.ask(Request::DeleteConversations(request)).await;
    let survivor = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((survivor.unread, survivor.messages), (1, 1));
    assert_eq!(alice.reads(&user("bob")).await, ["not seen yet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_deletes_a_hundred_and_refuses_a_hundred_and_one_whole() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    for n in 0..101 {
        world.rest("im_open_login_svc/account_import", json!({"UserID": format!("u{n}")})).await;
        alice.say(&user(&format!("u{n}")), "hello").await;
    }
    let ids: Vec<_> = (0..101).map(|n| user(&format!("u{n}"))).collect();
    let request = |n: usize| {
        let items =
            ids[..n].iter().map(|id| DeleteItem { conversation_id: id.clone(), anchor: None }).collect();
        Request::DeleteConversations(DeleteConversations {
            items,
            clear_history: true,
            ..DeleteConversations::default()
        })
    };
    assert_eq!(alice.refused(request(101)).await, 51006);
    assert_eq!(alice.refused(request(0)).await, 51006);
    assert_eq!(alice.listed().await.len(), 101, "nothing was deleted");
    alice.events().await;
    let outcome: DeleteOutcome = alice.ask(request(100)).await;
    assert_eq!(outcome.deleted, ids[..100]);
    assert_eq!(alice.listed().await, ["C2Cu100"]);
    assert_eq!(deletions(&alice.events().await), 1, "one call, one event");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_conversations_are_reported_and_the_rest_is_done() {
    let world = World::new().await;
    let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.say(&user("bob"), "hello").await;
    let outcome = alice.delete(&[&user("nobody"), &user("bob"), &group("nowhere"), &user("bob")], true).await;
    assert_eq!(outcome.deleted, [user("bob")], "the same twice is the same once");
    let failed: Vec<_> = outcome.failed.iter().map(|f| (f.conversation_id.clone(), f.error.code.0)).collect();
    assert_eq!(failed, [(user("nobody"), 2500), (group("nowhere"), 2500)]);
    let nothing = alice.delete(&[&user("nobody")], true).await;
    assert!(nothing.deleted.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_again_changes_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    for _ in 0..3 {
        assert_eq!(alice.delete(&[&user("bob")], true).await.deleted, [user("bob")]);
        assert!(alice.listed().await.is_empty());
    }
    bob.say(&user("alice"), "two").await;
    assert_eq!(alice.unread(&user("bob")).await, 1);
    // A replay of the first deletion, with its old anchor, hides nothing newer.
    let item = DeleteItem { conversation_id: user("bob"), anchor: Some(1) };
    let request =
        DeleteConversations { items: vec![item], clear_history: true, ..DeleteConversations::default() };
    let _: DeleteOutcome = alice.ask(Request::DeleteConversations(request)).await;
    assert_eq!(alice.unread(&user("bob")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_with_a_code_and_change_nothing() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.settled().await;
    for body in [
        "null",
        "{}",
        "[]",
        r#"{"items":"C2Cbob","clearHistory":true}"#,
        r#"{"items":[{"conversationId":"bob"}],"clearHistory":true}"#,
        r#"{"items":[{"conversationId":"C2Cbob"}],"clearHistory":"yes"}"#,
        r#"{"items":[{"conversationId":"C2Cbob","anchor":-1}],"clearHistory":true}"#,
    ] {
        let error = crate::connections::raw(
            &world,
            "alice",
            &format!(r#"{{"id":7,"op":"conversations.delete","d":{body}}}"#),
        )
        .await;
        assert_eq!(error["err"]["code"], 98003, "{body}: {error}");
    }
    let fresh = world.log_in("alice").await;
    assert_eq!(fresh.unread(&user("bob")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peer_gets_no_receipt() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    bob.events().await;
    alice.delete(&[&user("bob")], true).await;
    let told = bob.events().await;
    assert!(!told.iter().any(|event| matches!(event, Event::PeerRead(_))), "{told:?}");
    assert_eq!(bob.sees(&user("alice")).await.unwrap().peer_read_to, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn friend_mute_marks_and_custom_data_survive_pin_does_not() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let add = AddFriend {
        user_id: "bob".into(),
        source: String::new(),
        wording: String::new(),
        remark: "Bobby".into(),
        single: false,
    };
    let _: Value = alice.ask(Request::AddFriend(add)).await;
    let ids = || vec![user("bob")];
    let remind = SetRemindType { conversation_ids: ids(), remind_type: RemindType::AcceptNotNotify };
    let _: ChangeOutcome = alice.ask(Request::SetRemindType(remind)).await;
    let mark = MarkConversations { conversation_ids: ids(), mark: "1".into(), enable: true };
    let _: ChangeOutcome = alice.ask(Request::MarkConversations(mark)).await;
    let data = SetCustomData { conversation_ids: ids(), custom_data: "mine".into() };
    let _: ChangeOutcome = alice.ask(Request::SetCustomData(data)).await;
    let _: Value = alice
        .ask(Request::PinConversation(PinConversation { conversation_id: user("bob"), pinned: true }))
        .await;
    assert!(alice.sees(&user("bob")).await.unwrap().pinned);
    alice.delete(&[&user("bob")], true).await;
    bob.say(&user("alice"), "two").await;
    let back = alice.sees(&user("bob")).await.unwrap();
    assert_eq!(back.remind_type, RemindType::AcceptNotNotify);
    assert_eq!(
        (back.marks, back.custom_data.as_str(), back.remark.as_str()),
        (vec!["1".to_owned()], "mine", "Bobby")
    );
    assert!(!back.pinned);
    assert_eq!(alice.ask::<Friends>(Request::ListFriends).await.friends.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn membership_survives_and_the_group_comes_back_with_its_next_message() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    alice.say(&group("club"), "one").await;
    bob.delete(&[&group("club")], true).await;
    assert!(!bob.listed().await.contains(&"GROUPclub".to_owned()));
    assert_eq!(bob.ask::<Groups>(Request::ListGroups).await.groups.len(), 1);
    alice.say(&group("club"), "two").await;
    let back = bob.sees(&group("club")).await.unwrap();
    assert_eq!((back.unread, back.messages), (1, 1));
    assert_eq!(bob.reads(&group("club")).await, ["two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_newer_message_brings_it_back() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.delete(&[&user("bob")], true).await;
    let online_only =
        lethe_protocol::SendMessage { online_only: true, ..Actor::message(&user("alice"), "typing") };
    let _: Value = bob.ask(Request::SendMessage(online_only)).await;
    let _: Value = bob
        .ask(Request::ReadConversation(ReadConversation { conversation_id: user("alice"), up_to: None }))
        .await;
    let patch = lethe_protocol::ProfilePatch { nick: Some("Bobby".into()), ..Default::default() };
    let _: Value = bob.ask(Request::UpdateProfile(patch)).await;
    let mark = MarkConversations { conversation_ids: vec![user("bob")], mark: "2".into(), enable: true };
    let _: ChangeOutcome = alice.ask(Request::MarkConversations(mark)).await;
    let _: Value =
        alice.ask(Request::ClearHistory(ClearHistory { conversation_id: user("bob"), up_to: None })).await;
    assert!(alice.listed().await.is_empty());
    assert!(world.log_in("alice").await.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_other_clients_keep_their_list_until_the_next_login() {
    let world = World::new().await;
    world.configure(json!({"OnlineWebInstances": 3})).await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let bob = world.log_in("bob").await;
    bob.say(&user("alice"), "one").await;
    phone.delete(&[&user("bob")], true).await;
    assert!(phone.listed().await.is_empty());
    assert_eq!(tablet.listed().await, ["C2Cbob"]);
    let (credentials, replica) = tablet.vanish();
    let tablet = world.resume(credentials, Some(replica)).await.unwrap();
    assert_eq!(tablet.listed().await, ["C2Cbob"], "a reconnect is no new login");
    assert!(world.log_in("alice").await.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_setting_online_clients_hear_one_event_and_offline_ones_learn_it_when_they_resume() {
    let world = World::synchronised().await;
    let (phone, tablet, laptop) =
        (world.log_in("alice").await, world.log_in("alice").await, world.log_in("alice").await);
    let (bob, carol) = (world.log_in("bob").await, world.log_in("carol").await);
    bob.say(&user("alice"), "one").await;
    carol.say(&user("alice"), "one").await;
    tablet.settled().await;
    laptop.settled().await;
    let asleep = laptop.vanish();
    tablet.events().await;
    phone.delete(&[&user("bob"), &user("carol")], true).await;
    assert!(tablet.listed().await.is_empty());
    assert_eq!(deletions(&tablet.events().await), 1);
    let laptop = world.resume(asleep.0, Some(asleep.1)).await.unwrap();
    assert!(laptop.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_switch_takes_effect_at_once() {
    let world = World::new().await;
    world.configure(json!({"OnlineWebInstances": 3})).await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let (bob, carol) = (world.log_in("bob").await, world.log_in("carol").await);
    bob.say(&user("alice"), "one").await;
    carol.say(&user("alice"), "one").await;
    world.configure(json!({"SyncConversationDeletion": true})).await;
    phone.delete(&[&user("bob")], true).await;
    assert_eq!(tablet.listed().await, ["C2Ccarol"]);
    world.configure(json!({"SyncConversationDeletion": false})).await;
    phone.delete(&[&user("carol")], true).await;
    assert_eq!(tablet.listed().await, ["C2Ccarol"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn left_kicked_and_dismissed_groups_stay_readable_and_are_deletable_for_good() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for id in ["left", "kicked", "dismissed"] {
        alice.create(id, GroupType::Public, &["bob"]).await;
        alice.say(&group(id), "before").await;
    }
    let this = |id: &str| GroupRef { group_id: id.to_owned() };
    let _: Value = bob.ask(Request::QuitGroup(this("left"))).await;
    let kick =
        ChangeMembers { group_id: "kicked".into(), user_ids: vec!["bob".into()], reason: String::new() };
    let _: Value = alice.ask(Request::RemoveMembers(kick)).await;
    let _: Value = alice.ask(Request::DismissGroup(this("dismissed"))).await;
    for id in ["left", "kicked"] {
        alice.say(&group(id), "after").await;
    }
    for (id, code) in [("left", 10007), ("kicked", 10007), ("dismissed", 10010)] {
        let seen = bob.sees(&group(id)).await.unwrap();
        assert!(seen.left, "{id}");
        assert_eq!(seen.unread, 0, "{id}");
        let read = bob.reads(&group(id)).await;
        assert!(read.contains(&"before".to_owned()) && !read.contains(&"after".to_owned()), "{id}: {read:?}");
        assert_eq!(
            bob.refused(Request::SendMessage(Actor::message(&group(id), "hello?"))).await,
            code,
            "{id}"
        );
    }
    assert_eq!(bob.ask::<Groups>(Request::ListGroups).await.groups.len(), 0);
    // The login lives on over a lost socket, and with it the list.
    let (credentials, replica) = bob.vanish();
    let bob = world.resume(credentials, Some(replica)).await.unwrap();
    assert!(bob.listed().await.contains(&"GROUPleft".to_owned()));
    let fresh = world.log_in("bob").await;
    assert_eq!(fresh.listed().await, ["@TIM#SYSTEM"], "a fresh login does not list them");
    let (credentials, replica) = fresh.vanish();
    let fresh = world.resume(credentials, Some(replica)).await.unwrap();
    assert_eq!(fresh.listed().await, ["@TIM#SYSTEM"], "and is not given them when it comes back at once");
    world.configure(json!({"RetainLeftGroups": true})).await;
    let fresh = world.log_in("bob").await;
    assert_eq!(fresh.listed().await, ["GROUPdismissed", "GROUPkicked", "GROUPleft", "@TIM#SYSTEM"]);
    let ids = [group("left"), group("kicked"), group("dismissed")];
    assert_eq!(fresh.delete(&[&ids[0], &ids[1], &ids[2]], true).await.deleted, ids);
    assert_eq!(world.log_in("bob").await.listed().await, ["@TIM#SYSTEM"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_left_while_away_comes_to_a_login_that_had_deleted_it() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    bob.delete(&[&group("club")], false).await;
    assert_eq!(bob.listed().await, ["@TIM#SYSTEM"]);
    let (credentials, replica) = bob.vanish();
    alice.say(&group("club"), "newer").await;
    let kick = ChangeMembers { group_id: "club".into(), user_ids: vec!["bob".into()], reason: String::new() };
    let _: Value = alice.ask(Request::RemoveMembers(kick)).await;
    let bob = world.resume(credentials, Some(replica)).await.unwrap();
    let seen = bob.sees(&group("club")).await.unwrap();
    assert!(seen.left && seen.unread == 0);
    assert!(bob.reads(&group("club")).await.contains(&"newer".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_conversation_is_deleted_like_any_other() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    assert_eq!(bob.unread(&ConversationId::System).await, 1);
    bob.delete(&[&ConversationId::System], true).await;
    assert!(!bob.listed().await.contains(&"@TIM#SYSTEM".to_owned()));
    alice.create("other", GroupType::Public, &["bob"]).await;
    let back = bob.sees(&ConversationId::System).await.unwrap();
    assert_eq!((back.unread, back.messages), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_keeps_the_place_and_empties_the_rest() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let before = alice.sees(&user("bob")).await.unwrap();
    let _: Value =
        alice.ask(Request::ClearHistory(ClearHistory { conversation_id: user("bob"), up_to: None })).await;
    let after = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((after.unread, after.messages, after.active_at), (0, 0, before.active_at));
    assert!(after.last_message.is_none());
    assert!(alice.reads(&user("bob")).await.is_empty());
    assert_eq!(bob.sees(&user("alice")).await.unwrap().peer_read_to, 0, "no receipt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_the_client_never_saw_is_deletable() {
    let mut world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    drop((alice, bob));
    world.restart().await;
    let alice = world.log_in("alice").await;
    let item = DeleteItem { conversation_id: user("bob"), anchor: None };
    let request =
        DeleteConversations { items: vec![item], clear_history: false, ..DeleteConversations::default() };
    let outcome: DeleteOutcome = alice.ask(Request::DeleteConversations(request)).await;
    assert_eq!(outcome.deleted, [user("bob")]);
    assert!(alice.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_are_pinned_and_no_more() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    for n in 0..51 {
        world.rest("im_open_login_svc/account_import", json!({"UserID": format!("u{n}")})).await;
    }
    let pin = |n: usize, pinned| {
        Request::PinConversation(PinConversation { conversation_id: user(&format!("u{n}")), pinned })
    };
    for n in 0..50 {
        let _: Value = alice.ask(pin(n, true)).await;
    }
    assert_eq!(alice.refused(pin(50, true)).await, 51012);
    let _: Value = alice.ask(pin(0, false)).await;
    let _: Value = alice.ask(pin(50, true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_above_the_anchor_survives_a_replay() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.delete(&[&user("bob")], true).await;
    bob.say(&user("alice"), "two").await;
    let pin = PinConversation { conversation_id: user("bob"), pinned: true };
    let _: Value = alice.ask(Request::PinConversation(pin)).await;
    let item = DeleteItem { conversation_id: user("bob"), anchor: Some(1) };
    let replay =
        DeleteConversations { items: vec![item], clear_history: true, ..DeleteConversations::default() };
    let _: DeleteOutcome = alice.ask(Request::DeleteConversations(replay)).await;
    assert!(alice.sees(&user("bob")).await.unwrap().pinned);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_still_shows_what_another_deleted_hears_of_its_own_changes() {
    let world = World::new().await;
    world.configure(json!({"OnlineWebInstances": 2})).await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let bob = world.log_in("bob").await;
    bob.say(&user("alice"), "one").await;
    assert_eq!(tablet.unread(&user("bob")).await, 1);
    phone.delete(&[&user("bob")], false).await;
    let read = ReadConversation { conversation_id: user("bob"), up_to: None };
    let _: Value = tablet.ask(Request::ReadConversation(read)).await;
    assert_eq!(tablet.unread(&user("bob")).await, 0);
    assert!(phone.listed().await.is_empty(), "and it does not come back to the one that deleted it");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_after_leaving_counts_nothing_of_what_came_later() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("home", GroupType::Private, &["bob"]).await;
    alice.say(&group("home"), "before").await;
    let _: Value = bob.ask(Request::QuitGroup(GroupRef { group_id: "home".into() })).await;
    alice.say(&group("home"), "after").await;
    bob.delete(&[&group("home")], true).await;
    let add = ChangeMembers { group_id: "home".into(), user_ids: vec!["bob".into()], reason: String::new() };
    let _: Value = alice.ask(Request::AddMembers(add)).await;
    assert_eq!(bob.unread(&group("home")).await, 0);
    alice.say(&group("home"), "welcome").await;
    assert_eq!(bob.unread(&group("home")).await, 1);
}
