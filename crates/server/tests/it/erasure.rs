//! Erasure: what nobody can read any more is really gone, and what somebody can is not.

use std::os::unix::fs::MetadataExt as _;

use lethe_protocol::{
    ChangeMembers, DeleteConversations, DeleteItem, DeleteOutcome, DeletionScope, Event, GroupRef, GroupType,
    Request, RestoreConversation,
};
use serde_json::{Value, json};

use crate::support::{Actor, World, group, user};

/// Looks at the eraser, 20 ms apart, before a test fails: of several nodes, it waits five seconds for their clocks, and after a
/// failure five more.
const LOOKS: usize = 3000;

/// Waits until so many messages were erased in all, by asking: the eraser has no clients to tell.
pub(crate) async fn erased(world: &World, at_least: u64) -> Value {
    for _ in 0..LOOKS {
        let answer = world.rest("lethe_deletion/queue", json!({})).await;
        let eraser = &answer["Eraser"];
        if eraser["erased"].as_u64().unwrap() >= at_least && eraser["current"].is_null() {
            return eraser.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!(
        "the eraser did not erase {at_least} messages: {}",
        world.rest("lethe_deletion/queue", json!({})).await
    )
}

/// Somebody removed a history, or its days were over.
fn removed(event: &Event) -> bool {
    matches!(event, Event::HistoryRemoved(_))
}

/// Waits until the eraser has nothing to do now.
async fn idle(world: &World) -> Value {
    for _ in 0..LOOKS {
        let answer = world.rest("lethe_deletion/queue", json!({})).await;
        if answer["Eraser"]["waiting"] == 0 {
            return answer["Eraser"].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the eraser's queue does not end: {}", world.rest("lethe_deletion/queue", json!({})).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_35_messages_go_when_both_sides_have_cleared_them_and_not_before() {
    let world = World::new().await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for n in 0..600 {
        bob.say(&user("alice"), &format!("message {n}")).await;
    }
    alice.delete(&[&user("bob")], true).await;
    assert_eq!(idle(&world).await["erased"], 0, "bob still reads them");
    assert_eq!(bob.reads(&user("alice")).await.len(), 100);
    bob.delete(&[&user("alice")], false).await;
    assert_eq!(idle(&world).await["erased"], 0, "bob kept the history");
    bob.delete(&[&user("alice")], true).await;
    erased(&world, 600).await;
    bob.say(&user("alice"), "a new beginning").await;
    assert_eq!(alice.reads(&user("bob")).await, ["a new beginning"]);
    assert_eq!((alice.unread(&user("bob")).await, bob.unread(&user("alice")).await), (1, 0));
    let journal = world.rest("lethe_deletion/journal", json!({})).await;
    let row = &journal["Entries"][0];
    assert_eq!((row["kind"].as_str(), row["removed"][0]["count"].as_u64()), (Some("erase"), Some(600)));
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_grace_period_nothing_is_erased_and_a_restore_stops_the_eraser() {
    let world = World::new().await;
    world.configure(json!({"ErasureGrace": 3600})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    let waiting = world.rest("lethe_deletion/queue", json!({})).await;
    assert_eq!(
        (waiting["Eraser"]["waiting"].as_u64(), waiting["Eraser"]["erased"].as_u64()),
        (Some(1), Some(0))
    );
    let request = RestoreConversation { conversation_id: user("bob") };
    let _: Value = alice.ask(Request::RestoreConversation(request)).await;
    let mut world = world;
    let (credentials, replica) = alice.vanish();
    world.restart_ahead(2 * 3600 * 1000).await;
    assert_eq!(idle(&world).await["erased"], 0, "alice reads it again");
    let alice = world.resume(credentials, Some(replica)).await.unwrap();
    assert_eq!(alice.reads(&user("bob")).await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_35_a_group_is_erased_up_to_what_every_present_member_has_cleared() {
    let world = World::new().await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let carol = world.log_in("carol").await;
    alice.create("g", GroupType::Private, &["bob", "carol"]).await;
    for words in ["one", "two", "three"] {
        alice.say(&group("g"), words).await;
    }
    alice.delete(&[&group("g")], true).await;
    bob.delete(&[&group("g")], true).await;
    assert_eq!(idle(&world).await["erased"], 0);
    let quit = Request::QuitGroup(GroupRef { group_id: "g".into() });
    let _: Value = carol.ask(quit).await;
    // The last one who had kept it has left.
    erased(&world, 3).await;
    let members =
        ChangeMembers { group_id: "g".into(), user_ids: vec!["carol".into()], reason: String::new() };
    let _: Value = alice.ask(Request::AddMembers(members)).await;
    alice.say(&group("g"), "five").await;
    assert!(carol.reads(&group("g")).await.ends_with(&["five".to_owned()]));
    assert!(!carol.reads(&group("g")).await.contains(&"one".to_owned()));
}

async fn everyone(actor: &Actor, id: &lethe_protocol::ConversationId) -> DeleteOutcome {
    let item = DeleteItem { conversation_id: id.clone(), anchor: None };
    let request = DeleteConversations {
        items: vec![item],
        clear_history: true,
        scope: DeletionScope::Everyone,
        ..DeleteConversations::default()
    };
    actor.ask(Request::DeleteConversations(request)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_for_everyone_needs_the_setting_the_role_and_the_window() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("g", GroupType::Public, &["bob"]).await;
    bob.say(&user("alice"), "one").await;
    bob.say(&group("g"), "two").await;
    let code = |outcome: &DeleteOutcome| outcome.failed.first().map(|failed| failed.error.code.0);
    assert_eq!(code(&everyone(&alice, &user("bob")).await), Some(98013));
    world.configure(json!({"DeleteForEveryone": "all", "DeleteForEveryoneWindow": 0})).await;
    assert_eq!(code(&everyone(&bob, &group("g")).await), Some(10007));
    assert_eq!(bob.reads(&group("g")).await.last().unwrap(), "two", "nothing half done");
    let mut world = world;
    world.set_ahead(10_000);
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    world.configure(json!({"DeleteForEveryoneWindow": 5})).await;
    assert_eq!(code(&everyone(&alice, &user("bob")).await), Some(98014));
    world.configure(json!({"DeleteForEveryoneWindow": 3600})).await;
    let outcome = everyone(&alice, &user("bob")).await;
    assert_eq!((code(&outcome), outcome.restorable_until), (None, 0));
    let Event::HistoryRemoved(shown) = bob.told(removed).await else { unreachable!("it is one") };
    assert!(bob.reads(&user("alice")).await.is_empty());
    let theirs = bob.sees(&user("alice")).await.unwrap();
    assert_eq!((theirs.unread, theirs.messages), (0, 0));
    assert!(theirs.last_message.is_none());
    assert_eq!((shown.by.as_str(), shown.up_to), ("alice", 1));
    let request = Request::RestoreConversation(RestoreConversation { conversation_id: user("bob") });
    assert_eq!(alice.refused(request).await, 98012);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_48_own_messages_leave_only_that_they_were_there() {
    let world = World::new().await;
    world.configure(json!({"DeleteForEveryone": "own-messages"})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.say(&user("bob"), "a secret").await;
    bob.say(&user("alice"), "an answer").await;
    alice.say(&user("bob"), "another secret").await;
    let outcome = everyone(&alice, &user("bob")).await;
    assert!(outcome.failed.is_empty());
    let told = bob.told(|event| matches!(event, Event::MessagesRemoved(_))).await;
    let Event::MessagesRemoved(removed) = told else { unreachable!("it is one") };
    assert_eq!(removed.seqs, [1, 3]);
    let theirs = bob.sees(&user("alice")).await.unwrap();
    let last: Value = serde_json::from_str(theirs.last_message.unwrap().get()).unwrap();
    assert_eq!((&last["removed"], &last["body"]), (&json!(true), &json!([])));
    assert_eq!(bob.history_texts(&user("alice")).await, ["", "an answer", ""]);
    assert!(alice.listed().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_41_a_hold_blocks_erasure_and_never_visibility() {
    let world = World::new().await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "evidence").await;
    let held = world.rest("lethe_deletion/hold", json!({"User_Account": "bob", "Reason": "case 7"})).await;
    assert_eq!(held["ErrorCode"], 0);
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    assert!(alice.reads(&user("bob")).await.is_empty() && bob.reads(&user("alice")).await.is_empty());
    let mut held = false;
    for _ in 0..300 {
        let answer = world.rest("lethe_deletion/queue", json!({})).await;
        held = answer["Eraser"]["queue"][0]["held"] == true;
        if held {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(held);
    let holds = world.rest("lethe_deletion/holds", json!({})).await;
    assert_eq!(holds["Holds"][0]["reason"], "case 7");
    for (body, code) in [
        (json!({"User_Account": "nobody", "Reason": "x"}), 50001),
        (json!({"Reason": "x"}), 50002),
        (json!({"User_Account": "bob", "Reason": ""}), 50002),
        (json!({"User_Account": "bob", "Reason": "r".repeat(501)}), 50002),
    ] {
        assert_eq!(world.rest("lethe_deletion/hold", body).await["ErrorCode"], code);
    }
    let released = world.rest("lethe_deletion/release", json!({"User_Account": "bob"})).await;
    assert_eq!(released["ErrorCode"], 0);
    erased(&world, 1).await;
    let again = world.rest("lethe_deletion/release", json!({"User_Account": "bob"})).await;
    assert_eq!(again["ErrorCode"], 98017);
}

/// The history of alice and bob is gone up to here. What the system told each of them is another history, which may go at the same
/// time.
fn removed_up_to(event: &Event, up_to: u64) -> bool {
    let Event::HistoryRemoved(removed) = event else { return false };
    removed.users == ["alice", "bob"] && removed.up_to == up_to
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_42_retention_moves_a_floor_for_all_and_keeps_the_conversation() {
    let mut world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("g", GroupType::Public, &["bob"]).await;
    for n in 0..40 {
        bob.say(&user("alice"), &format!("old {n}")).await;
        bob.say(&group("g"), "old").await;
    }
    let answer = world.rest("lethe_group/retention", json!({"GroupId": "g", "Days": 30})).await;
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    const DAY: u64 = 24 * 3600 * 1000;
    world.set_ahead(10 * DAY);
    bob.say(&user("alice"), "young").await;
    alice.settled().await;
    world.configure(json!({"RetentionDays": 7, "ErasureGrace": 0})).await;
    // The two were told that they are in a group: these messages are as old.
    erased(&world, 40 + 2).await;
    alice.told(|event| removed_up_to(event, 40)).await;
    let shown = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((shown.unread, shown.messages), (1, 1), "no ghost unread");
    assert_eq!(alice.reads(&user("bob")).await, ["young"]);
    assert_eq!(bob.reads(&group("g")).await.len(), 41, "the group has its own days");
    world.set_ahead(20 * DAY);
    erased(&world, 41 + 2).await;
    alice.told(|event| removed_up_to(event, 41)).await;
    let empty = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((empty.unread, empty.messages), (0, 0), "the conversation stays");
    for (days, code) in [(36_500, 0), (36_501, 10004)] {
        let answer = world.rest("lethe_group/retention", json!({"GroupId": "g", "Days": days})).await;
        assert_eq!(answer["ErrorCode"], code);
    }
}

/// Every file below a directory whose bytes have this text.
fn files_with(directory: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

/// The engine compresses blocks of its tables: a random word of this length is still found in them, as the test shows
/// before the erasure.
const CANARY: &str = "c4n4ry-7qX2vKpZ9dLw";

#[tokio::test(flavor = "multi_thread")]
async fn inv_35_and_39_an_erased_canary_is_in_no_file_of_the_data_directory() {
    let mut world = World::of(1, lethe_server::Options::default(), lethe_server::Faults::default()).await;
    world.configure(json!({"ErasureGrace": 1})).await;
    let data = world.data();
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "stays-8hB3mQ").await;
    alice.say(&user("bob"), CANARY).await;
    let carol = world.log_in("carol").await;
    carol.say(&user("bob"), "stays-8hB3mQ").await;
    // It is in the journal, and after a compaction in a table.
    assert!(!files_with(&data, CANARY).is_empty());
    assert_eq!(world.rest("lethe_deletion/erase", json!({})).await["ErrorCode"], 0);
    let tables = files_with(&data, CANARY);
    assert!(
        tables.iter().any(|path| path.components().any(|part| part.as_os_str() == "tables")),
        "{tables:?}"
    );
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    world.restart_ahead(60_000).await;
    erased(&world, 2).await;
    world.stop().await;
    let report = lethe_server::erase(world.config(), true).await.unwrap();
    assert_eq!((report.verified, report.waiting), (1, 0));
    assert_eq!(files_with(&data, CANARY), Vec::<std::path::PathBuf>::new());
    assert!(!files_with(&data, "stays-8hB3mQ").is_empty(), "the other conversation is there");
    world.restart().await;
    let bob = world.log_in("bob").await;
    assert_eq!(bob.reads(&user("carol")).await, ["stays-8hB3mQ"]);
    assert!(bob.reads(&user("alice")).await.is_empty());
}

/// What the files really take: the engine's journal is mostly a hole. The engine may remove one between its being listed and
/// looked at.
fn bytes_below(directory: &std::path::Path) -> u64 {
    let gone = |error: std::io::Error| assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
    let of = |path: &std::path::Path| {
        if path.is_dir() {
            return bytes_below(path);
        }
        path.metadata().map_err(gone).map_or(0, |file| file.blocks() * 512)
    };
    let Ok(entries) = std::fs::read_dir(directory).map_err(gone) else { return 0 };
    entries.map(|entry| of(&entry.unwrap().path())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_38_the_disk_shrinks_while_the_server_runs() {
    const PEERS: usize = 10;
    let world = World::of(1, lethe_server::Options::default(), lethe_server::Faults::default()).await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let alice = world.log_in("alice").await;
    let mut peers = Vec::new();
    for n in 0..PEERS {
        let peer = world.log_in(&format!("p{n}")).await;
        for m in 0..400_u32 {
            // Words that do not compress, so that the tables are as large as what was said.
            let words: String =
                (0..340).map(|i| format!("{:016x}", rand::random::<u64>() ^ u64::from(i ^ m))).collect();
            peer.say(&user("alice"), &words).await;
        }
        peers.push(peer);
    }
    assert_eq!(world.rest("lethe_deletion/erase", json!({})).await["ErrorCode"], 0);
    let before = bytes_below(&world.data());
    assert!(before > 20_000_000, "{before}");
    for (n, peer) in peers.iter().enumerate().skip(1) {
        alice.delete(&[&user(&format!("p{n}"))], true).await;
        peer.delete(&[&user("alice")], true).await;
    }
    erased(&world, 400 * (PEERS as u64 - 1)).await;
    // Nobody asks for it: much was erased, so the space comes back by itself.
    let mut after = before;
    for _ in 0..600 {
        after = bytes_below(&world.data());
        if after * 5 <= before {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(after * 5 <= before, "{after} of {before} bytes are left");
    assert!(peers[0].reads(&user("alice")).await.len() > 50, "who kept it reads it");
}
