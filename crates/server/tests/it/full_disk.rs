//! Disks that are really full: small file systems in memory, mounted where only the server sees them. Where the system
//! forbids such mounts, these tests say so and end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, command};
use crate::support::{World, directory, user};

/// `lethe serve` of which one directory has only so much room; `prepare` runs there before.
fn confined(data: &Path, small: &Path, size: &str, prepare: &str) -> Command {
    let plain = command(data);
    let mut confined = Command::new("unshare");
    let script = format!(
        "mkdir -p {0} && mount -t tmpfs -o size={size} lethe {0} && {{ {prepare} }} && exec \"$@\"",
        small.display()
    );
    confined.args(["-rm", "sh", "-c", &script, "sh"]).arg(plain.get_program()).args(plain.get_args());
    confined.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    confined
}

fn may_mount() -> bool {
    let tried = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "lethe", "/mnt"]).status();
    let may = tried.is_ok_and(|status| status.success());
    if !may {
        eprintln!("this system lets nobody mount a small file system: not tested");
    }
    may
}

/// A path as the server sees it.
fn inside(process: &Process, path: &Path) -> PathBuf {
    Path::new("/proc").join(process.child.id().to_string()).join("root").join(path.strip_prefix("/").unwrap())
}

fn files(process: &Process, directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(inside(process, directory)).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn export(peer: &str) -> Value {
    json!({"From_Account": "alice", "Type": 1, "To_Account": peer, "Delete": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_45_a_disk_that_runs_full_in_the_middle_of_an_export_loses_nothing() {
    if !may_mount() {
        return;
    }
    let directory = directory();
    let exports = directory.path().join("exports");
    let mut command = confined(&directory.path().join("data"), &exports, "1m", "true;");
    command.env("LETHE_EXPORTS", &exports);
    let process = Process::run(command);
    let world = World::in_memory().await;
    let alice = process.log_in(&world, "alice").await;
    let (bob, carol) = (process.log_in(&world, "bob").await, process.log_in(&world, "carol").await);
    let long = "x".repeat(4000);
    for n in 0..400 {
        bob.say(&user("alice"), &format!("{n} {long}")).await;
    }
    carol.say(&user("alice"), "short").await;
    let answer = world.rest_at(process.address, "lethe_conversation/export", export("bob")).await;
    assert_eq!(answer["ErrorCode"], 98018, "{answer}");
    let said = answer["ErrorInfo"].as_str().unwrap();
    assert!(said.contains("No space left") && said.contains("nothing was deleted"), "{said}");
    assert_eq!(files(&process, &exports), Vec::<String>::new(), "no part is left");
    assert_eq!(alice.sees(&user("bob")).await.unwrap().messages, 400);
    let answer = world.rest_at(process.address, "lethe_conversation/export", export("carol")).await;
    assert_eq!((&answer["ErrorCode"], &answer["Deleted"]), (&json!(0), &json!(true)), "{answer}");
    assert_eq!(files(&process, &exports).len(), 1);
    // What an administrator deletes, the user's clients see at their next login.
    assert_eq!(process.log_in(&world, "alice").await.listed().await, ["C2Cbob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_and_back_ups_leave_the_store_its_room() {
    if !may_mount() {
        return;
    }
    let directory = directory();
    let data = directory.path().join("data");
    let process = Process::run(confined(&data, &data, "100m", "true;"));
    let world = World::in_memory().await;
    let (alice, bob) = (process.log_in(&world, "alice").await, process.log_in(&world, "bob").await);
    bob.say(&user("alice"), "kept").await;
    let backup = json!({"Path": "backup"});
    for (path, body) in [("lethe_conversation/export", export("bob")), ("lethe_backup/create", backup)] {
        let answer = world.rest_at(process.address, path, body).await;
        assert_eq!(answer["ErrorCode"], 98018, "{path}: {answer}");
        assert!(answer["ErrorInfo"].as_str().unwrap().contains("bytes free"), "{answer}");
    }
    assert_eq!(files(&process, &data.join("backups")), Vec::<String>::new());
    bob.say(&user("alice"), "and on").await;
    assert_eq!(alice.reads(&user("bob")).await, ["kept", "and on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_43_rows_that_found_no_room_in_the_journals_copy_come_when_there_is() {
    if !may_mount() {
        return;
    }
    let directory = directory();
    let small = directory.path().join("small");
    let copy = small.join("journal.jsonl");
    // One page is left for the copy.
    let prepare = format!("head -c 61440 /dev/zero > {}/filler;", small.display());
    let mut command = confined(&directory.path().join("data"), &small, "64k", &prepare);
    command.env("LETHE_DELETION_JOURNAL", &copy);
    let process = Process::run(command);
    let world = World::in_memory().await;
    let (alice, bob) = (process.log_in(&world, "alice").await, process.log_in(&world, "bob").await);
    for _ in 0..40 {
        bob.say(&user("alice"), "hello").await;
        alice.delete(&[&user("bob")], true).await;
    }
    let lines = || {
        let text = std::fs::read(inside(&process, &copy)).unwrap();
        let rows = text.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let mut names: Vec<String> =
            rows.map(|row: Value| row["entry"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.dedup();
        names.len()
    };
    assert!(lines() < 40, "the disk was not full");
    std::fs::remove_file(inside(&process, &small.join("filler"))).unwrap();
    for _ in 0..1000 {
        if lines() == 40 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} of 40 rows", lines());
}
