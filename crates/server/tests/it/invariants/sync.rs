//! 17, 18, 20, 22 and 23: how a deletion reaches the user's other clients.

use lethe_client::Replica;
use lethe_protocol::{
    ChangeOutcome, ConversationId, DeleteConversations, DeleteItem, Event, MarkConversations, RemindType,
    Request, SetRemindType,
};
use serde_json::json;

use super::{deletion, pinning, tombstones, unnumbered};
use crate::support::{Actor, World, user};

const YEAR: u64 = 365 * 24 * 3600 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn inv_17_every_deletion_takes_the_next_number_of_its_user() {
    let world = World::synchronised().await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let mut before = 0;
    for name in ["bob", "carol", "dave"] {
        let peer = world.log_in(name).await;
        for words in ["one", "two", "three"] {
            peer.say(&user("alice"), words).await;
        }
    }
    tablet.tells(pinning(&user("dave"), true)).await;
    before += tablet.sees(&user("dave")).await.unwrap().change;
    phone.events().await;
    tablet.events().await;
    let away = world.log_in("alice").await.vanish();
    phone.tells(deletion(&[user("bob"), user("carol")], None, true)).await;
    tablet.delete_at(&user("dave"), Some(2), false).await;
    let told = phone.tombstones().await;
    let seen: Vec<_> = told
        .iter()
        .map(|d| (d.conversation_id.clone(), d.change - before, d.listed_after, d.cleared_to))
        .collect();
    assert_eq!(seen, [(user("bob"), 1, 3, 3), (user("carol"), 2, 3, 3), (user("dave"), 3, 2, 0)]);
    assert_eq!(
        serde_json::to_value(&told).unwrap(),
        serde_json::to_value(tablet.tombstones().await).unwrap()
    );
    // Who was away is given what has a greater number than it knows.
    let away = world.resume(away.0, Some(away.1)).await.unwrap();
    let resumed = away.client.login.resumed.as_ref().unwrap();
    let mut numbers: Vec<u64> = resumed.deleted.iter().map(|deleted| deleted.change - before).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(resumed.conversations.iter().map(|c| c.change - before).max(), Some(3), "dave's survived");
}

/// A list as a client kept it that was last online so long ago.
fn kept(actor: &Actor, ago: u64) -> Replica {
    let mut replica = Replica::new("alice");
    replica.start(actor.client.login.change, actor.client.login.time - ago, actor.client.login.verifies);
    actor.client.replica(|shown| {
        for conversation in shown.conversations() {
            assert!(replica.put(conversation.clone()).is_none());
        }
    });
    replica
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_18_online_clients_are_told_and_others_know_before_they_show_a_list() {
    let world = World::synchronised().await;
    let phone = world.log_in("alice").await;
    let names: Vec<String> = (0..250).map(|n| format!("u{n:03}")).collect();
    world.import(&names).await;
    let ids: Vec<ConversationId> = names.iter().map(|name| user(name)).collect();
    futures_util::future::join_all(ids.iter().map(|id| phone.say(id, "hello"))).await;
    let tablet = world.log_in("alice").await;
    tablet.events().await;
    let mut asleep = Vec::new();
    for ago in [0, YEAR / 365, YEAR] {
        let device = world.log_in("alice").await;
        assert_eq!(device.listed().await.len(), 250);
        asleep.push((device.credentials.clone(), kept(&device, ago)));
    }
    for (n, id) in ids[..240].iter().enumerate() {
        phone.delete_at(id, None, n % 2 == 0).await;
        let told = tablet.told(|event| matches!(event, Event::ConversationsDeleted(_))).await;
        assert_eq!(tombstones(vec![told])[0].conversation_id, *id, "by itself, in order");
    }
    for (credentials, replica) in asleep {
        let device = world.resume(credentials, Some(replica)).await.unwrap();
        let resumed = device.client.login.resumed.as_ref().unwrap();
        assert_eq!(resumed.deleted.len(), 240, "with the answer to the login");
        let shown = device.client.replica(|replica| replica.conversations().count());
        assert_eq!(shown, 10, "before anything else is asked for");
    }
    assert_eq!(
        world.log_in("alice").await.listed().await.len(),
        10,
        "who knows nothing is given all there is"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_20_one_event_for_a_call_and_none_after_it_that_lists_it_again() {
    let world = World::synchronised().await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let mut ids = Vec::new();
    for name in ["bob", "carol", "dave"] {
        world.log_in(name).await.say(&user("alice"), "one").await;
        ids.push(user(name));
    }
    tablet.events().await;
    phone.tells(deletion(&ids, None, true)).await;
    let events = tablet.events().await;
    assert_eq!(events.len(), 1, "a deletion alone is an event, and one call is one: {events:?}");
    let deleted: Vec<_> =
        tombstones(events).into_iter().map(|d| (d.conversation_id, d.survivor.is_some())).collect();
    assert_eq!(deleted, ids.iter().map(|id| (id.clone(), false)).collect::<Vec<_>>());
    let mark = MarkConversations { conversation_ids: ids.clone(), mark: "1".into(), enable: true };
    let _: ChangeOutcome = phone.ask(Request::MarkConversations(mark)).await;
    let mute = SetRemindType { conversation_ids: ids.clone(), remind_type: RemindType::Discard };
    let _: ChangeOutcome = phone.ask(Request::SetRemindType(mute)).await;
    for event in tablet.events().await {
        let Event::ConversationsChanged(changed) = event else { panic!("{event:?}") };
        assert!(changed.conversations.iter().all(|state| state.unlisted), "{changed:?}");
    }
    assert!(tablet.listed().await.is_empty());
    world.log_in("bob").await.say(&user("alice"), "two").await;
    assert_eq!(tablet.listed().await, ["C2Cbob"], "until there is a cause");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_22_synchronised_by_the_apps_switch_which_is_off_at_first() {
    let world = World::new().await;
    assert_eq!(world.rest("lethe_config/get", json!({})).await["SyncConversationDeletion"], false);
    world.configure(json!({"OnlineWebInstances": 5})).await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    for name in ["bob", "carol"] {
        world.log_in(name).await.say(&user("alice"), "one").await;
    }
    phone.delete(&[&user("bob")], true).await;
    assert_eq!(tablet.listed().await, ["C2Cbob", "C2Ccarol"], "off: only the client that deleted");
    assert!(tablet.reads(&user("bob")).await.is_empty(), "what is cleared is cleared for the user");
    assert_eq!(world.log_in("alice").await.listed().await, ["C2Ccarol"], "the next login is right");
    world.configure(json!({"SyncConversationDeletion": true})).await;
    phone.delete(&[&user("carol")], true).await;
    assert_eq!(tablet.listed().await, ["C2Cbob"], "on: all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_23_no_device_new_or_old_gets_back_what_was_cleared() {
    let mut world = World::durable().await;
    world.configure(json!({"SyncConversationDeletion": true, "OnlineWebInstances": 10})).await;
    let (phone, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for words in ["one", "two", "three"] {
        bob.say(&user("alice"), words).await;
    }
    // A device whose storage is put back to before the deletion, and one whose storage is wiped.
    let old = world.log_in("alice").await;
    old.settled().await;
    let (restored, wiped) = ((old.credentials.clone(), kept(&old, 0)), world.log_in("alice").await.vanish());
    drop(old);
    phone.delete_at(&user("bob"), Some(2), true).await;
    let truth = unnumbered(phone.sees(&user("bob")).await.unwrap());
    assert_eq!((truth["clearedTo"].clone(), truth["messages"].clone()), (json!(2), json!(1)));
    drop((phone, bob));
    for round in 0..2 {
        let import = world.rest("im_open_login_svc/account_import", json!({"UserID": "alice"})).await;
        assert_eq!(import["ErrorCode"], 0);
        let restored = world.resume(restored.0.clone(), Some(copy(&restored.1))).await.unwrap();
        let wiped = world.resume(wiped.0.clone(), None).await.unwrap();
        for device in [&restored, &wiped, &world.log_in("alice").await] {
            let shown = device.client.replica(|replica| replica.get(&user("bob")).cloned()).unwrap();
            assert_eq!(unnumbered(shown), truth, "round {round}: the floor comes with the list");
            assert_eq!(device.reads(&user("bob")).await, ["three"], "round {round}");
        }
        drop((restored, wiped));
        world.restart().await;
    }
}

fn copy(replica: &Replica) -> Replica {
    let resume = replica.resume().unwrap();
    let mut copy = Replica::new("alice");
    copy.start(resume.change, resume.synced_at, replica.verifies());
    for conversation in replica.conversations() {
        assert!(copy.put(conversation.clone()).is_none());
    }
    copy
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_22_for_one_client_only_leaves_the_others_alone() {
    let world = World::synchronised().await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    world.log_in("bob").await.say(&user("alice"), "one").await;
    tablet.events().await;
    let request = DeleteConversations {
        items: vec![DeleteItem { conversation_id: user("bob"), anchor: None }],
        clear_history: false,
        local_only: true,
        ..DeleteConversations::default()
    };
    phone.tells(Request::DeleteConversations(request)).await;
    assert!(phone.listed().await.is_empty());
    assert_eq!(tablet.listed().await, ["C2Cbob"]);
    assert!(tablet.tombstones().await.is_empty());
    let (credentials, replica) = tablet.vanish();
    let tablet = world.resume(credentials, Some(replica)).await.unwrap();
    assert_eq!(tablet.listed().await, ["C2Cbob"], "nor when it comes back");
    assert!(world.log_in("alice").await.listed().await.is_empty(), "a new login is right");
}
