//! 1 to 6, 9 and 10: what a deletion makes of a conversation.

use futures_util::future::join_all;
use lethe_protocol::{
    ChangeOutcome, ConversationId, Conversations, DeleteConversations, DeleteItem, DeleteOutcome, Event,
    GetConversations, GroupType, MarkConversations, MessageAttributes, ProfilePatch, RemindType, Request,
    SendMessage, Sent, SetCustomData, SetRemindType,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::sync::Notify;

use super::{clearing, deletion, opening, reading, unnumbered};
use crate::support::{Actor, World, group, nodes, user, words};

const SAID: u64 = 12;

fn commands(rng: &mut StdRng) -> Vec<Request> {
    let peer = user("bob");
    let one = |rng: &mut StdRng| {
        let up_to = Some(rng.random_range(0..=SAID));
        match rng.random_range(0..4) {
            0 => clearing(&peer, up_to),
            1 => reading(&peer, up_to),
            n => deletion(std::slice::from_ref(&peer), up_to, n == 2),
        }
    };
    (0..8).map(|_| one(rng)).collect()
}

/// Carries commands out; no floor ever goes down.
async fn carry_out(actor: &Actor, commands: &[Request]) {
    let peer = user("bob");
    let mut before = actor.state(&peer).await;
    for command in commands {
        actor.tells(command.clone()).await;
        let after = actor.state(&peer).await;
        let grew = after.cleared_to >= before.cleared_to && after.read_to >= before.read_to;
        assert!(grew && after.unread <= before.unread, "{command:?}: {before:?} became {after:?}");
        before = after;
    }
    let floors: Vec<u64> = actor.tombstones().await.iter().map(|deleted| deleted.listed_after).collect();
    assert!(floors.is_sorted(), "{floors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_01_floors_only_grow_whatever_the_order_and_however_often() {
    let world = World::new().await;
    let bob = world.log_in("bob").await;
    for seed in 0..12 {
        let (one, other) = (format!("straight{seed}"), format!("shuffled{seed}"));
        let (straight, shuffled) = (world.log_in(&one).await, world.log_in(&other).await);
        for n in 0..SAID {
            bob.say(&user(&one), &n.to_string()).await;
            bob.say(&user(&other), &n.to_string()).await;
        }
        let mut rng = StdRng::seed_from_u64(seed);
        let mut plan = commands(&mut rng);
        carry_out(&straight, &plan).await;
        plan.extend(plan.clone());
        plan.shuffle(&mut rng);
        carry_out(&shuffled, &plan).await;
        let outcome = async |actor: &Actor| {
            let got = actor.fetch(&user("bob")).await.unwrap();
            let c = got.conversation;
            (got.listed, c.cleared_to, c.read_to, c.unread, c.messages, c.pinned)
        };
        assert_eq!(outcome(&straight).await, outcome(&shuffled).await, "seed {seed}: {plan:?}");
    }
}

const CROWD: usize = 100;

/// One writer writes to a hundred groups while one deleter deletes all of them; each group is one race. The anchors are
/// what the deleter was told at some moment in between.
async fn race(alice: &Actor, bob: &Actor, ids: &[ConversationId]) -> (u64, u64) {
    let heads =
        || alice.client.replica(|replica| ids.iter().map(|id| replica.get(id).map_or(0, |c| c.head)).sum());
    let (known, wanted): (u64, u64) = (heads(), rand::random_range(0..=CROWD as u64 / 2));
    let all_sent = Notify::new();
    let writing = async {
        let sent = join_all(ids.iter().map(|id| bob.say(id, "race"))).await;
        all_sent.notify_one();
        sent
    };
    let deleting = async {
        // So many of the messages are seen before; the rest is under way, or not said yet.
        while heads() < known + wanted {
            tokio::select! {
                _ = alice.client.event() => {}
                () = all_sent.notified() => {
                    alice.settled().await;
                    break;
                }
            }
        }
        let anchors: Vec<u64> = alice
            .client
            .replica(|replica| ids.iter().map(|id| replica.get(id).map_or(0, |c| c.head)).collect());
        let item = |(id, &anchor): (&ConversationId, &u64)| DeleteItem {
            conversation_id: id.clone(),
            anchor: (anchor > 0).then_some(anchor),
        };
        let items = ids.iter().zip(&anchors).filter(|(_, anchor)| **anchor > 0).map(item).collect::<Vec<_>>();
        if !items.is_empty() {
            let request =
                DeleteConversations { items, clear_history: true, ..DeleteConversations::default() };
            let _: DeleteOutcome = alice.ask(Request::DeleteConversations(request)).await;
        }
        anchors
    };
    let (sent, anchors) = tokio::join!(writing, deleting);
    let get = GetConversations { conversation_ids: ids.to_vec() };
    let truth: Conversations = alice.ask(Request::GetConversations(get)).await;
    let (mut survived, mut hidden) = (0, 0);
    for ((got, sent), anchor) in truth.conversations.iter().zip(&sent).zip(&anchors) {
        if *anchor == 0 {
            continue;
        }
        let above = sent.seq - anchor;
        let seen = (got.listed, got.conversation.messages, u64::from(got.conversation.unread));
        assert_eq!(
            seen,
            (above > 0, above, above),
            "{}: {} above {anchor}",
            got.conversation.conversation_id,
            sent.seq
        );
        survived += above.min(1);
        hidden += u64::from(above == 0);
    }
    (survived, hidden)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_02_in_a_hundred_thousand_races_nothing_above_the_anchor_is_hidden() {
    let rounds = if nodes() > 1 { 8 } else { 1_050 };
    let world = World::in_memory().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let mut ids = Vec::new();
    for n in 0..CROWD {
        let id = format!("g{n}");
        bob.create(&id, GroupType::ChatRoom, &["alice"]).await;
        bob.say(&group(&id), "first").await;
        ids.push(group(&id));
    }
    alice.settled().await;
    let (mut survived, mut hidden) = (0, 0);
    for _ in 0..rounds {
        let (above, below) = race(&alice, &bob, &ids).await;
        (survived, hidden) = (survived + above, hidden + below);
        // A group whose message was hidden is shown again, so that the next anchor is known.
        join_all(ids.iter().map(|id| bob.say(id, "between"))).await;
        alice.settled().await;
    }
    assert!(survived > 0 && hidden > 0, "no race was won by either: {survived} and {hidden}");
    assert_eq!(survived + hidden, rounds * CROWD as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_03_the_same_deletion_again_is_the_same() {
    let world = World::synchronised().await;
    for clear in [false, true] {
        let peer = if clear { "bob" } else { "carol" };
        let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
        let writer = world.log_in(peer).await;
        for words in ["one", "two", "three"] {
            writer.say(&user("alice"), words).await;
        }
        let first = phone.delete_at(&user(peer), Some(2), clear).await;
        assert!(first.entry.is_some(), "the journal has it");
        // Only the first is in the journal; nothing prolongs the time in which it can be undone.
        let first = DeleteOutcome { entry: None, ..first };
        let state = unnumbered(phone.state(&user(peer)).await);
        // From this client, from another before and after it heard of it, and from one that was away.
        for again in 0..3 {
            for device in [&phone, &tablet] {
                assert_eq!(device.delete_at(&user(peer), Some(2), clear).await, first, "repeat {again}");
                assert_eq!(unnumbered(device.state(&user(peer)).await), state, "repeat {again}");
                device.settled().await;
            }
        }
        let (credentials, replica) = tablet.vanish();
        let tablet = world.resume(credentials, Some(replica)).await.unwrap();
        assert_eq!(tablet.delete_at(&user(peer), Some(2), clear).await, first);
        assert_eq!(
            unnumbered(tablet.sees(&user(peer)).await.unwrap()),
            state,
            "what survived is still there"
        );
        assert_eq!(unnumbered(phone.sees(&user(peer)).await.unwrap()), state);
    }
}

/// What others, and this user, do without saying anything new.
async fn stir(world: &World, alice: &Actor, bob: &Actor, said: &SendMessage) {
    let typing = SendMessage { online_only: true, ..Actor::message(&user("alice"), "typing") };
    bob.tells(Request::SendMessage(typing)).await;
    let again: Sent = bob.ask(Request::SendMessage(said.clone())).await;
    assert_eq!(again.seq, 1, "a late repeat of what was said before");
    bob.tells(reading(&user("alice"), None)).await;
    bob.tells(Request::UpdateProfile(ProfilePatch { nick: Some("Bobby".into()), ..ProfilePatch::default() }))
        .await;
    bob.delete(&[&user("alice")], true).await;
    bob.tells(opening(&user("alice"))).await;
    let ids = || vec![user("bob")];
    let mark = MarkConversations { conversation_ids: ids(), mark: "2".into(), enable: true };
    let _: ChangeOutcome = alice.ask(Request::MarkConversations(mark)).await;
    let mute = SetRemindType { conversation_ids: ids(), remind_type: RemindType::Discard };
    let _: ChangeOutcome = alice.ask(Request::SetRemindType(mute)).await;
    let data = SetCustomData { conversation_ids: ids(), custom_data: "x".into() };
    let _: ChangeOutcome = alice.ask(Request::SetCustomData(data)).await;
    alice.tells(clearing(&user("bob"), None)).await;
    alice.tells(reading(&user("bob"), None)).await;
    alice.tells(Request::ReadAll(lethe_protocol::ReadAll { users: true, groups: true })).await;
    alice.tells(super::pinning(&user("bob"), false)).await;
    let import =
        world.rest("im_open_login_svc/account_import", json!({"UserID": "bob", "Nick": "Rob"})).await;
    assert_eq!(import["ErrorCode"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_04_without_a_cause_nothing_comes_back() {
    let world = World::synchronised().await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let bob = world.log_in("bob").await;
    let said = Actor::message(&user("alice"), "one");
    let _: Sent = bob.ask(Request::SendMessage(said.clone())).await;
    phone.delete(&[&user("bob")], true).await;
    let (credentials, replica) = world.log_in("alice").await.vanish();
    stir(&world, &phone, &bob, &said).await;
    let away = world.resume(credentials, Some(replica)).await.unwrap();
    for device in [&phone, &tablet, &away, &world.log_in("alice").await] {
        assert!(device.listed().await.is_empty());
    }
    // And with a cause it does: the test would notice.
    phone.tells(opening(&user("bob"))).await;
    for device in [&phone, &tablet, &away, &world.log_in("alice").await] {
        assert_eq!(device.listed().await, ["C2Cbob"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_05_a_newer_message_always_brings_it_back_on_every_device() {
    for synchronised in [false, true] {
        let world = World::new().await;
        world.configure(json!({"SyncConversationDeletion": synchronised, "OnlineWebInstances": 10})).await;
        let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
        let (bob, away) = (world.log_in("bob").await, world.log_in("alice").await.vanish());
        bob.create("club", GroupType::Public, &["alice"]).await;
        let from_bob = async |id: &ConversationId, words| match id {
            ConversationId::Group(_) => bob.say(id, words).await,
            _ => bob.say(&user("alice"), words).await,
        };
        let mut devices = vec![phone, tablet, world.resume(away.0, Some(away.1)).await.unwrap()];
        for (id, clear) in
            [(user("bob"), true), (group("club"), true), (user("bob"), false), (group("club"), false)]
        {
            from_bob(&id, "old").await;
            devices[0].delete(&[&id], clear).await;
            assert!(!devices[0].lists(&id).await);
            for words in ["new", "newer"] {
                from_bob(&id, words).await;
            }
            devices.push(world.log_in("alice").await);
            for (n, device) in devices.iter().enumerate() {
                // Not synchronised, the others may go on counting the old one, until their next login.
                let knows = synchronised || n == 0 || n + 1 == devices.len();
                let unread = device.unread(&id).await;
                assert!(unread == 2 || (unread == 3 && !knows), "{synchronised}: {n}, {id}: {unread}");
            }
            devices[0].tells(reading(&id, None)).await;
            for device in &devices {
                assert_eq!(device.unread(&id).await, 0, "{id} is still there after it was read");
            }
        }
        // One's own message from another device is a cause too.
        devices[0].delete(&[&user("bob")], true).await;
        devices[1].say(&user("bob"), "mine").await;
        for device in &devices {
            assert_eq!(device.unread(&user("bob")).await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_06_kept_history_comes_back_and_cleared_history_never_does() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.log_in("alice").await, world.log_in("bob").await, world.log_in("carol").await);
    for writer in [&bob, &carol] {
        writer.say(&user("alice"), "one").await;
        writer.say(&user("alice"), "two").await;
    }
    alice.delete(&[&user("bob")], false).await;
    alice.delete(&[&user("carol")], true).await;
    assert!(alice.listed().await.is_empty());
    for (peer, history) in [("bob", vec!["one", "two"]), ("carol", vec![])] {
        alice.tells(opening(&user(peer))).await;
        let reopened = alice.sees(&user(peer)).await.unwrap();
        assert_eq!((reopened.unread, reopened.messages), (0, history.len() as u64), "{peer}");
        assert_eq!(alice.reads(&user(peer)).await, history, "{peer}");
    }
    carol.say(&user("alice"), "three").await;
    alice.delete(&[&user("carol")], false).await;
    alice.tells(opening(&user("carol"))).await;
    assert_eq!(alice.reads(&user("carol")).await, ["three"], "keeping does not bring back what was cleared");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_09_neither_deleting_nor_clearing_sends_a_receipt() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let rest = json!({"From_Account": "alice", "Type": 1, "To_Account": "bob", "ClearRamble": 1});
    for _ in 0..2 {
        bob.say(&user("alice"), "one").await;
        alice.delete(&[&user("bob")], false).await;
        bob.say(&user("alice"), "two").await;
        alice.tells(clearing(&user("bob"), None)).await;
        bob.say(&user("alice"), "three").await;
        assert_eq!(world.rest("recentcontact/delete", rest.clone()).await["ErrorCode"], 0);
        let heard = bob.events().await;
        assert!(!heard.iter().any(|event| matches!(event, Event::PeerRead(_))), "{heard:?}");
        assert_eq!(bob.state(&user("alice")).await.peer_read_to, 0);
    }
    bob.say(&user("alice"), "four").await;
    alice.tells(reading(&user("bob"), None)).await;
    bob.told(|event| matches!(event, Event::PeerRead(read) if read.read_to == 7)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_10_the_last_message_is_the_newest_visible_one_or_none() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let peer = user("bob");
    let quiet = MessageAttributes { no_last: true, ..MessageAttributes::default() };
    for words in ["1", "2"] {
        bob.say(&user("alice"), words).await;
    }
    let message = SendMessage { attributes: quiet, ..Actor::message(&user("alice"), "3, not for the list") };
    let _: Sent = bob.ask(Request::SendMessage(message)).await;
    let last = async || {
        let (told, server) = (alice.sees(&peer).await, alice.state(&peer).await);
        let server = server.last_message.as_deref().map(words);
        if let Some(told) = told {
            assert_eq!(told.last_message.as_deref().map(words), server, "the client shows what is true");
        }
        server
    };
    assert_eq!(last().await.as_deref(), Some("2"));
    alice.tells(clearing(&peer, Some(1))).await;
    assert_eq!(last().await.as_deref(), Some("2"));
    alice.tells(clearing(&peer, Some(2))).await;
    assert_eq!(last().await, None, "the third is visible, but not for the list");
    bob.say(&user("alice"), "4").await;
    assert_eq!(last().await.as_deref(), Some("4"));
    alice.delete_at(&peer, Some(4), false).await;
    alice.tells(opening(&peer)).await;
    assert_eq!(last().await.as_deref(), Some("4"), "it was kept");
    alice.delete_at(&peer, Some(4), true).await;
    alice.tells(opening(&peer)).await;
    assert_eq!(last().await, None);
    bob.say(&user("alice"), "5").await;
    assert_eq!(last().await.as_deref(), Some("5"));
}
