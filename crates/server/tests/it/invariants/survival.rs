//! 11 to 16: what a deletion leaves alone, and what can be deleted.

use lethe_protocol::{
    AddFriend, ChangeMembers, ChangeOutcome, ConversationId, DeleteOutcome, Friends, GroupRef, GroupType,
    Groups, MarkConversations, Members, RemindType, Request, SetCustomData, SetRemindType,
};
use serde_json::{Value, json};

use super::{clearing, deletion, opening, pinning, reading, unnumbered};
use crate::support::{Actor, World, group, user};

/// The list in the order that the server keeps.
async fn ordered(world: &World, user: &str) -> Vec<String> {
    let list = world.rest("recentcontact/get_list", json!({"From_Account": user, "AssistFlags": 2})).await;
    let name = |item: &Value| match item["Type"].as_u64() {
        Some(1) => format!("C2C{}", item["To_Account"].as_str().unwrap()),
        Some(2) => format!("GROUP{}", item["GroupId"].as_str().unwrap()),
        _ => "@TIM#SYSTEM".to_owned(),
    };
    list["SessionItem"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_11_the_order_is_total_and_clearing_moves_nothing() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    let names: Vec<String> = (0..20).map(|n| format!("u{n:02}")).collect();
    world.import(&names).await;
    let ids: Vec<ConversationId> = names.iter().map(|name| user(name)).collect();
    // Opened at once, until two were opened in the same millisecond.
    loop {
        futures_util::future::join_all(ids.iter().map(|id| alice.tells(opening(id)))).await;
        let mut times = Vec::new();
        for id in &ids {
            times.push(alice.sees(id).await.unwrap().active_at);
        }
        times.sort_unstable();
        if times.windows(2).any(|pair| pair[0] == pair[1]) {
            break;
        }
        alice.tells(deletion(&ids, None, true)).await;
    }
    alice.say(&ids[3], "newest").await;
    alice.tells(pinning(&ids[7], true)).await;
    alice.tells(pinning(&ids[5], true)).await;
    let before = ordered(&world, "alice").await;
    let mut expected = alice.client.list().await.unwrap();
    expected.sort_by_key(|c| (!c.pinned, std::cmp::Reverse(c.active_at), c.conversation_id.clone()));
    assert_eq!(before, expected.iter().map(|c| c.conversation_id.to_string()).collect::<Vec<_>>());
    assert_eq!(before[2], "C2Cu03", "after the two that are pinned");
    for id in &ids {
        alice.tells(clearing(id, None)).await;
    }
    assert_eq!(ordered(&world, "alice").await, before);
    alice.delete(&[&ids[7]], false).await;
    let rest: Vec<String> = before.into_iter().filter(|id| id != "C2Cu07").collect();
    assert_eq!(ordered(&world, "alice").await, rest, "the others stay where they are");
}

/// Everything that one can do to a conversation of one's own, except saying something in it and reading.
async fn all_there_is(actor: &Actor, id: &ConversationId) {
    let ids = || vec![id.clone()];
    for request in [
        deletion(&ids(), Some(1), true),
        opening(id),
        pinning(id, true),
        clearing(id, None),
        Request::SetRemindType(SetRemindType { conversation_ids: ids(), remind_type: RemindType::Discard }),
        Request::MarkConversations(MarkConversations {
            conversation_ids: ids(),
            mark: "1".into(),
            enable: true,
        }),
        Request::SetCustomData(SetCustomData { conversation_ids: ids(), custom_data: "x".into() }),
        deletion(&ids(), None, true),
        deletion(&ids(), None, false),
    ] {
        actor.tells(request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_12_nothing_one_does_to_ones_own_list_changes_anothers() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.create("club", GroupType::Public, &["alice"]).await;
    for words in ["one", "two"] {
        bob.say(&user("alice"), words).await;
        alice.say(&user("bob"), words).await;
        alice.say(&group("club"), words).await;
    }
    bob.events().await;
    let mut before = Vec::new();
    for id in [user("alice"), group("club")] {
        before.push((id.clone(), unnumbered(bob.state(&id).await), bob.reads(&id).await));
    }
    for id in [user("bob"), group("club")] {
        all_there_is(&alice, &id).await;
        let kind = if id == user("bob") { ("To_Account", 1, "bob") } else { ("ToGroupid", 2, "club") };
        let rest = json!({"From_Account": "alice", "Type": kind.1, kind.0: kind.2});
        assert_eq!(world.rest("recentcontact/delete", rest).await["ErrorCode"], 0);
    }
    assert!(bob.events().await.is_empty(), "nobody is told");
    for (id, state, history) in before {
        assert_eq!(unnumbered(bob.state(&id).await), state);
        assert_eq!(bob.reads(&id).await, history);
        let fresh = world.log_in("bob").await;
        assert_eq!(unnumbered(fresh.sees(&id).await.unwrap()), state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_13_friends_and_members_stay_what_they_are() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let add = AddFriend {
        user_id: "bob".into(),
        source: String::new(),
        wording: String::new(),
        remark: "Bobby".into(),
        single: false,
    };
    alice.tells(Request::AddFriend(add)).await;
    alice.create("club", GroupType::Public, &["bob"]).await;
    bob.say(&user("alice"), "one").await;
    let relations = async |actor: &Actor| {
        let friends = actor.ask::<Friends>(Request::ListFriends).await.friends;
        let groups = actor.ask::<Groups>(Request::ListGroups).await.groups;
        let list = lethe_protocol::ListMembers { group_id: "club".into(), offset: 0, limit: 100, role: None };
        let members: Members = actor.ask(Request::ListMembers(list)).await;
        json!([friends, groups, members])
    };
    let before = (relations(&alice).await, relations(&bob).await);
    assert_eq!(before.0[0][0]["remark"], "Bobby");
    for clear in [false, true] {
        alice.delete(&[&user("bob"), &group("club")], clear).await;
        bob.delete(&[&user("alice"), &group("club")], clear).await;
    }
    assert_eq!((relations(&alice).await, relations(&bob).await), before);
    alice.say(&group("club"), "still a member").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_14_mute_marks_and_custom_data_survive_and_the_pin_does_not() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.create("club", GroupType::Public, &["alice"]).await;
    for (id, clear) in
        [(user("bob"), true), (group("club"), true), (user("bob"), false), (group("club"), false)]
    {
        let to = if id == user("bob") { user("alice") } else { id.clone() };
        bob.say(&to, "one").await;
        let ids = || vec![id.clone()];
        let remind = SetRemindType { conversation_ids: ids(), remind_type: RemindType::AcceptNotNotify };
        let _: ChangeOutcome = alice.ask(Request::SetRemindType(remind)).await;
        let mark = MarkConversations { conversation_ids: ids(), mark: "4294967296".into(), enable: true };
        let _: ChangeOutcome = alice.ask(Request::MarkConversations(mark)).await;
        let data = SetCustomData { conversation_ids: ids(), custom_data: format!("{id} {clear}") };
        let _: ChangeOutcome = alice.ask(Request::SetCustomData(data)).await;
        alice.tells(pinning(&id, true)).await;
        alice.delete(&[&id], clear).await;
        bob.say(&to, "two").await;
        let fresh = world.log_in("alice").await;
        let back = fresh.sees(&id).await.unwrap();
        assert_eq!(back.remind_type, RemindType::AcceptNotNotify);
        assert_eq!((back.marks, back.custom_data), (vec!["4294967296".to_owned()], format!("{id} {clear}")));
        assert!(!back.pinned, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_15_what_one_is_no_member_of_is_readable_and_goes_for_good() {
    let world = World::synchronised().await;
    world.configure(json!({"RetainLeftGroups": true})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let this = |id: &str| GroupRef { group_id: id.to_owned() };
    for id in ["left", "kicked", "dismissed"] {
        alice.create(id, GroupType::Public, &["bob"]).await;
        alice.say(&group(id), "before").await;
    }
    bob.tells(Request::QuitGroup(this("left"))).await;
    let kick =
        ChangeMembers { group_id: "kicked".into(), user_ids: vec!["bob".into()], reason: String::new() };
    alice.tells(Request::RemoveMembers(kick)).await;
    alice.tells(Request::DismissGroup(this("dismissed"))).await;
    for id in ["left", "kicked"] {
        alice.say(&group(id), "after").await;
    }
    for (id, code) in [("left", 10007), ("kicked", 10007), ("dismissed", 10010)] {
        let seen = bob.sees(&group(id)).await.unwrap();
        assert!(seen.left && seen.unread == 0, "{id}: {seen:?}");
        let read = bob.reads(&group(id)).await;
        assert!(read.contains(&"before".to_owned()) && !read.contains(&"after".to_owned()), "{id}: {read:?}");
        assert_eq!(bob.refused(Request::SendMessage(Actor::message(&group(id), "?"))).await, code, "{id}");
        let device = world.log_in("bob").await;
        assert!(device.lists(&group(id)).await);
        assert_eq!(bob.delete(&[&group(id)], true).await.deleted, [group(id)]);
        // The server knows: it is gone for the other device, for a new one, and its history with it.
        for device in [&device, &world.log_in("bob").await] {
            assert!(!device.lists(&group(id)).await, "{id}");
            assert!(device.reads(&group(id)).await.is_empty(), "{id}");
        }
    }
    alice.say(&group("left"), "and nothing brings it back").await;
    assert!(!bob.lists(&group("left")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_16_what_the_server_knows_is_deletable_and_what_it_does_not_is_said() {
    let world = World::synchronised().await;
    let alice = world.log_in("alice").await;
    let names: Vec<String> = (0..5).map(|n| format!("u{n}")).collect();
    for name in &names {
        world.log_in(name).await.say(&user("alice"), "hello").await;
    }
    // This client has never seen its list: it asks for nothing but the deletion.
    let ids: Vec<ConversationId> =
        names.iter().map(|name| user(name)).chain([user("nobody"), group("nowhere")]).collect();
    let items: Vec<Value> = ids.iter().map(|id| json!({"conversationId": id.to_string()})).collect();
    let frame = json!({"id": 7, "op": "conversations.delete", "d": {"items": items, "clearHistory": true}});
    let answer = crate::connections::raw(&world, "alice", &frame.to_string()).await;
    let outcome: DeleteOutcome = serde_json::from_value(answer["ok"].clone()).unwrap();
    assert_eq!(outcome.deleted, ids[..5]);
    let failed: Vec<_> = outcome.failed.iter().map(|f| (f.conversation_id.clone(), f.error.code.0)).collect();
    assert_eq!(failed, [(user("nobody"), 2500), (group("nowhere"), 2500)]);
    assert!(world.log_in("alice").await.listed().await.is_empty());
    assert_eq!(
        alice.delete_at(&user("nobody"), None, true).await.failed.len(),
        1,
        "and the call is no error"
    );
    alice.tells(reading(&user("nobody"), None)).await;
}
