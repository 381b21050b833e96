//! The `lethe` command: starting, refusing to start, stopping, and being killed.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use lethe_protocol::{DeleteConversations, DeleteItem, DeleteOutcome, Request};
use serde_json::Value;

use crate::process::{Process, command};
use crate::support::{APP, KEY, World, directory, user};

/// Runs a command that must fail; what it says.
fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_ends_well() {
    let directory = directory();
    let mut process = Process::start(&directory.path().join("data"));
    let world = World::in_memory().await;
    let alice = process.log_in(&world, "alice").await;
    process.signal("-TERM");
    assert_eq!(alice.closed().await, Some(4000));
    assert!(process.child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_right_after_the_answer_loses_nothing() {
    let directory = directory();
    let data = directory.path().join("data");
    let world = World::in_memory().await;
    for round in 0..5 {
        let mut process = Process::start(&data);
        let (alice, bob) = (process.log_in(&world, "alice").await, process.log_in(&world, "bob").await);
        assert!(alice.listed().await.is_empty(), "round {round}: the deletion is there after the kill");
        bob.say(&user("alice"), "one").await;
        let item = DeleteItem { conversation_id: user("bob"), anchor: None };
        let request =
            DeleteConversations { items: vec![item], clear_history: true, ..DeleteConversations::default() };
        let outcome: DeleteOutcome = alice.ask(Request::DeleteConversations(request)).await;
        process.signal("-KILL");
        assert_eq!(outcome.deleted, [user("bob")]);
        process.child.wait().unwrap();
    }
    let process = Process::start(&data);
    let bob = process.log_in(&world, "bob").await;
    assert_eq!(bob.reads(&user("alice")).await, ["one"; 5], "and so is every answered message, once");
    process.signal("-KILL");
}

#[test]
fn a_directory_in_use_is_refused() {
    let directory = directory();
    let data = directory.path().join("data");
    let process = Process::start(&data);
    assert!(refused(command(&data)).contains("in use"));
    process.signal("-KILL");
}

#[test]
fn a_taken_port_is_refused_and_nothing_is_made() {
    let directory = directory();
    let data = directory.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
    command.args(["serve", "--listen", &taken.local_addr().unwrap().to_string(), "--data"]).arg(&data);
    assert!(refused(command).contains("cannot listen"));
    assert!(!data.exists());
}

#[test]
fn a_file_in_the_way_a_foreign_directory_and_a_newer_format_are_refused() {
    let directory = directory();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(refused(command(&file)).contains("cannot be made"));
    let foreign = directory.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("thesis.txt"), "x").unwrap();
    assert!(refused(command(&foreign)).contains("not a Lethe data directory"));
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1, "nothing was changed");
    let begun = directory.path().join("begun");
    std::fs::create_dir(&begun).unwrap();
    std::fs::write(begun.join("format.next"), "").unwrap();
    Process::start(&begun).signal("-KILL");
    let newer = directory.path().join("newer");
    std::fs::create_dir(&newer).unwrap();
    std::fs::write(newer.join("format"), "lethe 99\n").unwrap();
    assert!(refused(command(&newer)).contains("format 99"));
    assert_eq!(std::fs::read_dir(&newer).unwrap().count(), 1, "nothing was changed");
}

#[test]
fn another_apps_directory_and_bad_settings_are_refused() {
    let directory = directory();
    let data = directory.path().join("data");
    let process = Process::start(&data);
    process.signal("-KILL");
    let mut process = process;
    process.child.wait().unwrap();
    let mut other = command(&data);
    other.env("LETHE_SDKAPPID", "1");
    assert!(refused(other).contains("belongs to SDKAppID"));
    let mut bad = command(&data);
    bad.args(["--idle-seconds", "4"]);
    assert!(refused(bad).contains("idle-seconds is 5 to 60"));
    let mut missing = command(&data);
    missing.args(["--config", "/nowhere/lethe.toml"]);
    assert!(refused(missing).contains("cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_cut_in_the_middle_is_refused_and_salvaged_on_request() {
    let directory = directory();
    let data = directory.path().join("data");
    let world = World::in_memory().await;
    let mut process = Process::start(&data);
    let (_alice, bob) = (process.log_in(&world, "alice").await, process.log_in(&world, "bob").await);
    for n in 0..20 {
        bob.say(&user("alice"), &n.to_string()).await;
    }
    process.signal("-KILL");
    process.child.wait().unwrap();
    // The journal loses its second half, as a torn or rotten disk would lose it.
    let journal = std::fs::read_dir(data.join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .unwrap();
    let text = std::fs::read(&journal).unwrap();
    let end = text.iter().rposition(|&byte| byte != 0).unwrap();
    std::fs::write(&journal, &text[..end / 2]).unwrap();
    let said = refused(command(&data));
    assert!(said.contains("damaged") && said.contains("--salvage"), "{said}");
    let mut salvage = command(&data);
    let mut child = salvage.arg("--salvage").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("lethe ready"), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut process = Process::start(&data);
    process.signal("-TERM");
    assert!(process.child.wait().unwrap().success(), "once is enough");
}

#[test]
fn tokens_are_printed_and_the_example_too() {
    let directory = directory();
    let data = directory.path().join("data");
    let usersig = |user: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lethe"));
        command.args(["usersig", user, "--data"]).arg(&data);
        command
    };
    assert!(refused(usersig("alice")).contains("start the server once"));
    let process = Process::start(&data);
    let output = usersig("alice").output().unwrap();
    let sig = String::from_utf8(output.stdout).unwrap();
    let claims = lethe_server::verify(APP, KEY, "alice", sig.trim(), crate::support::now());
    assert!(claims.is_ok(), "{claims:?}");
    assert!(refused(usersig("\u{e9}")).contains("not a user ID"));
    process.signal("-KILL");
    let example = Command::new(env!("CARGO_BIN_EXE_lethe")).arg("config-example").output().unwrap();
    assert_eq!(String::from_utf8(example.stdout).unwrap(), lethe_server::example());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probes_answer() {
    let world = World::in_memory().await;
    let url = format!("http://{}", world.address());
    let talk = move || {
        let get = |path: &str| {
            ureq::get(format!("{url}{path}")).call().unwrap().body_mut().read_to_string().unwrap()
        };
        assert_eq!(get("/healthz"), "ok\n");
        assert_eq!(get("/readyz"), "ready\n");
        assert!(get("/metrics").contains("lethe_messages_total 0"));
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
    let answer: Value = world.rest("lethe_config/get", serde_json::json!({})).await;
    assert_eq!(answer["ErrorCode"], 0);
}
