//! Back-up and restore: of one moment, while running, and with the deletions that are newer before anybody is served.

use std::process::Command;

use lethe_client::Client;
use lethe_protocol::{GroupType, Request, RestoreConversation};
use lethe_server::{Config, Faults, Options};
use serde_json::{Value, json};

use crate::process::{Process, command};
use crate::support::{APP, Actor, KEY, World, directory, group, user};

/// A world with one embedded node that ships its journal, whatever the number of nodes elsewhere.
async fn world(directory: &tempfile::TempDir) -> World {
    let options =
        Options { deletion_journal: Some(directory.path().join("journal.jsonl")), ..Options::default() };
    World::of(1, options, Faults::default()).await
}

/// Waits until the newest row of the journal is in its copy.
async fn shipped(world: &World, directory: &tempfile::TempDir) {
    let page = world.rest("lethe_deletion/journal", json!({"Limit": 1})).await;
    let newest = page["Entries"][0]["entry"].as_str().unwrap().to_owned();
    for _ in 0..1000 {
        if std::fs::read_to_string(directory.path().join("journal.jsonl")).unwrap().contains(&newest) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the newest row is not shipped");
}

async fn restored(world: &World, directory: &tempfile::TempDir) -> (lethe_server::Restored, World) {
    shipped(world, directory).await;
    let data = directory.path().join("restored");
    let options = Options {
        data: Some(data.clone()),
        deletion_journal: Some(directory.path().join("journal.jsonl")),
        ..Options::default()
    };
    let config = Config::resolve(options.clone()).unwrap();
    let report = lethe_server::restore(config, &directory.path().join("backup")).await.unwrap();
    let mut other = World::of(1, options, Faults::default()).await;
    other.move_to(data).await;
    assert_ne!(world.addresses(), other.addresses());
    (report, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_43_deletions_newer_than_the_back_up_are_applied_before_anybody_is_served() {
    let directory = directory();
    let world = world(&directory).await;
    world.configure(json!({"DeleteForEveryone": "all", "DeleteForEveryoneWindow": 0})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let carol = world.log_in("carol").await;
    alice.create("g", GroupType::Public, &["bob", "carol"]).await;
    for words in ["one", "two"] {
        bob.say(&user("alice"), words).await;
        carol.say(&user("alice"), words).await;
        carol.say(&user("bob"), words).await;
        bob.say(&group("g"), words).await;
    }
    alice.delete(&[&user("carol")], true).await;
    for path in ["", "/tmp/elsewhere", "../up", "a/b", ".."] {
        let answer = world.rest("lethe_backup/create", json!({"Path": path})).await;
        assert_eq!(answer["ErrorCode"], 50002, "{path}: {answer}");
    }
    let forged = json!({"Path": directory.path().join("backup"), "Proof": "guessed"});
    assert_eq!(world.rest("lethe_backup/create", forged).await["ErrorCode"], 50002);
    let answer = world.rest("lethe_backup/create", json!({"Path": "backup"})).await;
    assert_eq!(answer["ErrorCode"], 0, "{answer}");
    std::fs::rename(answer["Path"].as_str().unwrap(), directory.path().join("backup")).unwrap();
    assert!(answer["Rows"].as_u64().unwrap() > 30);
    // Newer than the back-up: messages, which are lost with the disk, and deletions, which are not.
    bob.say(&user("alice"), "three").await;
    alice.delete(&[&user("bob")], true).await;
    alice.delete(&[&group("g")], false).await;
    let restore = Request::RestoreConversation(RestoreConversation { conversation_id: user("carol") });
    let _: Value = alice.ask(restore).await;
    let everyone = json!({
        "From_Account": "bob", "Items": [{"Type": 1, "To_Account": "carol"}], "Scope": "everyone",
    });
    assert_eq!(world.rest("lethe_conversation/delete", everyone).await["Results"][0]["ErrorCode"], 0);
    world.rest("lethe_deletion/hold", json!({"GroupId": "g", "Reason": "later"})).await;
    let (report, other) = restored(&world, &directory).await;
    assert_eq!(report.deletions, 5);
    let (alice, bob) = (other.log_in("alice").await, other.log_in("bob").await);
    let carol = other.log_in("carol").await;
    assert_eq!(alice.listed().await, ["C2Ccarol", "@TIM#SYSTEM"]);
    assert_eq!(alice.reads(&user("carol")).await, ["one", "two"]);
    assert!(alice.reads(&user("bob")).await.is_empty());
    assert_eq!(alice.reads(&group("g")).await.len(), 3, "kept history is kept");
    assert!(carol.reads(&user("bob")).await.is_empty() && bob.reads(&user("carol")).await.is_empty());
    let holds = other.rest("lethe_deletion/holds", json!({})).await;
    assert_eq!(holds["Holds"][0]["reason"], "later");
    // The place of the lost message is taken by a new one, and that is not hidden.
    let sent = bob.say(&user("alice"), "after the restore").await;
    assert_eq!((sent.seq, alice.reads(&user("bob")).await), (3, vec!["after the restore".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_43_a_store_that_was_set_back_catches_up_at_its_start() {
    let directory = directory();
    let mut world = world(&directory).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    world.stop().await;
    let (data, before) = (world.data(), directory.path().join("before"));
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&before).status().unwrap().success());
    world.restart().await;
    drop((alice, bob));
    let alice = world.log_in("alice").await;
    alice.delete(&[&user("bob")], true).await;
    world.stop().await;
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&before, &data).unwrap();
    for _ in 0..2 {
        world.restart().await;
        let alice = world.log_in("alice").await;
        assert!(alice.listed().await.is_empty() && alice.reads(&user("bob")).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_back_up_a_running_server_and_refuse_what_is_not_whole() {
    let directory = directory();
    let (data, file) = (directory.path().join("data"), directory.path().join("backup"));
    let process = Process::start(&data);
    let world = World::in_memory().await;
    let (alice, bob) = (process.log_in(&world, "alice").await, process.log_in(&world, "bob").await);
    bob.say(&user("alice"), "kept").await;
    drop(alice);
    let lethe = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
        command.args(arguments).env("LETHE_SDKAPPID", APP.to_string()).env("LETHE_SECRET_KEY", KEY);
        command.output().unwrap()
    };
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let (data_text, file_text) = (data.to_str().unwrap(), file.to_str().unwrap());
    let listen = process.address.to_string();
    let back_up = ["backup", "--data", data_text, "--listen", &listen, "--to", file_text];
    let output = lethe(&back_up);
    assert!(output.status.success(), "{}", said(&output));
    let again = lethe(&back_up);
    assert!(!again.status.success() && said(&again).contains("exists"), "{}", said(&again));
    process.kill();
    // Of a stopped store too.
    let stopped = directory.path().join("stopped");
    let output = lethe(&["backup", "--data", data_text, "--to", stopped.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let restored = directory.path().join("restored");
    let restore = |from: &std::path::Path| {
        lethe(&["restore", "--data", restored.to_str().unwrap(), "--from", from.to_str().unwrap()])
    };
    let whole = std::fs::read(&file).unwrap();
    let torn = directory.path().join("torn");
    for (bytes, word) in [
        (whole[..whole.len() - 1].to_vec(), "ends too early"),
        (whole[..whole.len() / 2].to_vec(), "ends too early"),
        (b"something else".to_vec(), "no whole back-up"),
        ([&whole[..200], &[whole[200] ^ 1], &whole[201..]].concat(), "no whole back-up"),
    ] {
        std::fs::write(&torn, bytes).unwrap();
        let output = restore(&torn);
        assert!(!output.status.success() && said(&output).contains(word), "{word}: {}", said(&output));
        assert!(!restored.exists(), "nothing is half done");
    }
    let output = restore(&file);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!restore(&file).status.success(), "a directory with something in it is not touched");
    let process = Process::run(command(&restored));
    let credentials = world.credentials("alice");
    let client = Client::connect(process.address, &credentials, None).await.unwrap();
    let alice = Actor { client, credentials };
    assert_eq!(alice.reads(&user("bob")).await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_43_copies_may_be_torn_joined_and_behind_but_not_anothers() {
    let directory = directory();
    let mut world = world(&directory).await;
    let copy = directory.path().join("journal.jsonl");
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let carol = world.log_in("carol").await;
    for peer in [&bob, &carol] {
        peer.say(&user("alice"), "hello").await;
    }
    alice.delete(&[&user("bob")], true).await;
    world.stop().await;
    let first = std::fs::read(&copy).unwrap();
    // Behind: a crash kept the row from the copy. It is shipped at the next start.
    std::fs::write(&copy, &first[..first.len() - 10]).unwrap();
    world.restart().await;
    shipped(&world, &directory).await;
    let (data, before) = (world.data(), directory.path().join("before"));
    world.stop().await;
    assert!(Command::new("cp").arg("-a").arg(&data).arg(&before).status().unwrap().success());
    world.restart().await;
    let alice = world.log_in("alice").await;
    alice.delete(&[&user("carol")], true).await;
    world.stop().await;
    // The store is set back. Its copy was joined from several, the newest row is not the last, and a line is torn within
    // a character.
    let all = std::fs::read(&copy).unwrap();
    std::fs::write(
        &copy,
        [&all[..], "{\"entry\": \"ä".as_bytes().split_at(12).0, b"\n", &first[..]].concat(),
    )
    .unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&before, &data).unwrap();
    world.restart().await;
    let alice = world.log_in("alice").await;
    assert!(alice.listed().await.is_empty(), "the deletion in the middle of the copy is applied");
    world.stop().await;
    let foreign = String::from_utf8_lossy(&all).replace(&format!("\"app\":{APP}"), "\"app\":1400000001");
    std::fs::write(&copy, foreign).unwrap();
    let refused = lethe_server::start(world.config(), false).await.unwrap_err().to_string();
    assert!(refused.contains("1400000001"), "{refused}");
}
