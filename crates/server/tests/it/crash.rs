//! kill -9 in the middle of erasures, undos, exports and erasures of accounts: after each restart everything is wholly done or not begun, and
//! what was answered is true. `LETHE_SEED` replays the choices, `LETHE_ROUNDS` sets their number.

use std::path::Path;
use std::time::Duration;

use lethe_client::ClientError;
use lethe_protocol::{ConversationId, Request, RestoreConversation};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::process::{Process, command};
use crate::support::{Actor, World, directory, user};

const ROUNDS: u64 = 200;
/// A directory is killed so often; then comes a new one, because each start reads the whole journal of all before.
const ROUNDS_OF_A_DIRECTORY: u64 = 12;
/// So many messages are erased in many steps, with pauses between them.
const MESSAGES: u64 = 600;
const ERASE_RATE: &str = "5000";
/// A kill comes within this time after the work began, in µs.
const KILL_WITHIN: u64 = 150_000;

struct Loop {
    rng: StdRng,
    world: World,
    directory: tempfile::TempDir,
    round: u64,
    erased: u64,
}

impl Loop {
    fn start(&self) -> Process {
        let mut command = command(&self.directory.path().join("data"));
        command.args(["--erase-rate", ERASE_RATE]);
        Process::run(command)
    }

    async fn rest(&self, process: &Process, path: &str, body: Value) -> Value {
        let answer = self.world.rest_at(process.address, path, body).await;
        assert_eq!(answer["ErrorCode"], 0, "round {}: {path}: {answer}", self.round);
        answer
    }

    /// Kills the server some time after `work` began; what it had answered by then.
    async fn kill_during<T>(&mut self, process: Process, work: impl Future<Output = T>) -> Option<T> {
        let delay = Duration::from_micros(self.rng.random_range(0..KILL_WITHIN));
        let mut work = std::pin::pin!(work);
        let answered = tokio::select! {
            answer = &mut work => Some(answer),
            () = tokio::time::sleep(delay) => None,
        };
        process.kill();
        answered
    }

    /// Two people with a history of their own.
    async fn pair(&self, process: &Process, messages: u64) -> (Actor, Actor) {
        let (a, b) = (format!("a{}", self.round), format!("b{}", self.round));
        let (alice, bob) = (process.log_in(&self.world, &a).await, process.log_in(&self.world, &b).await);
        let to = user(&a);
        let all = (0..messages)
            .map(|n| bob.client.request::<Value>(Request::SendMessage(Actor::message(&to, &format!("{n}")))));
        for sent in futures_util::future::join_all(all).await {
            sent.unwrap();
        }
        alice.settled().await;
        (alice, bob)
    }

    /// After all the kills of a directory, exactly what had to go is gone.
    async fn finish(&self) {
        let process = self.start();
        let queue = self.rest(&process, "lethe_deletion/queue", json!({})).await;
        assert_eq!(queue["Eraser"]["erased"].as_u64(), Some(self.erased), "round {}", self.round);
        process.kill();
    }

    async fn erasure(&mut self) {
        let process = self.start();
        self.rest(&process, "lethe_config/set", json!({"ErasureGrace": 0})).await;
        let (alice, bob) = self.pair(&process, MESSAGES).await;
        let (theirs, mine) = (user(&format!("b{}", self.round)), user(&format!("a{}", self.round)));
        alice.delete(&[&theirs], true).await;
        let answered = self.kill_during(process, bob.delete_or_die(&mine)).await.flatten();
        self.erased += MESSAGES;
        let process = self.start();
        let bob = process.log_in(&self.world, &format!("b{}", self.round)).await;
        let kept = bob.reads(&mine).await.len();
        assert!(kept == 0 || (answered.is_none() && kept == 100), "round {}: {kept}", self.round);
        bob.delete(&[&mine], true).await;
        let mut queue = Value::Null;
        for _ in 0..1000 {
            queue = self.rest(&process, "lethe_deletion/queue", json!({})).await["Eraser"].clone();
            if queue["erased"] == self.erased && queue["current"].is_null() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(queue["erased"], self.erased, "round {}", self.round);
        let next = bob.say(&mine, "next").await;
        assert_eq!(next.seq, MESSAGES + 1, "round {}: places are not used twice", self.round);
        assert_eq!(bob.reads(&mine).await, ["next"]);
        process.kill();
    }

    async fn undo(&mut self) {
        let process = self.start();
        self.rest(&process, "lethe_config/set", json!({"ErasureGrace": 3600})).await;
        let (alice, _bob) = self.pair(&process, 20).await;
        let theirs = user(&format!("b{}", self.round));
        alice.delete(&[&theirs], true).await;
        let answered = self.kill_during(process, alice.restore_or_die(&theirs)).await == Some(true);
        let process = self.start();
        let alice = process.log_in(&self.world, &format!("a{}", self.round)).await;
        if alice.sees(&theirs).await.is_none() {
            assert!(!answered, "round {}: an answered undo is lost", self.round);
            assert!(alice.reads(&theirs).await.is_empty());
            assert!(alice.restore_or_die(&theirs).await, "round {}", self.round);
        }
        let back = alice.sees(&theirs).await.unwrap();
        assert_eq!((back.unread, back.messages), (20, 20), "round {}", self.round);
        assert_eq!(alice.reads(&theirs).await.len(), 20);
        process.kill();
    }

    async fn export(&mut self) {
        let process = self.start();
        let (alice, _bob) = self.pair(&process, MESSAGES).await;
        let (me, theirs) = (format!("a{}", self.round), user(&format!("b{}", self.round)));
        let body =
            json!({"From_Account": me, "Type": 1, "To_Account": format!("b{}", self.round), "Delete": true});
        let (address, world) = (process.address, World::in_memory().await);
        let call = tokio::spawn(async move {
            // Refused connections of a killed server are panics of the call, and no answer here.
            world.rest_at(address, "lethe_conversation/export", body).await
        });
        let answered = self.kill_during(process, call).await.and_then(Result::ok);
        drop(alice);
        let process = self.start();
        let alice = process.log_in(&self.world, &me).await;
        let complete = exports(&self.directory.path().join("data/exports"), &theirs, &me);
        match alice.sees(&theirs).await {
            Some(whole) => {
                assert!(answered.is_none(), "round {}: an answered deletion is lost", self.round);
                assert_eq!(whole.messages, MESSAGES);
            }
            None => assert_eq!(complete, 1, "round {}: deleted without a file", self.round),
        }
        process.kill();
    }
}

impl Loop {
    /// Whatever was done before the kill is not done twice, and all of it is counted once.
    async fn account(&mut self) {
        let process = self.start();
        let (_alice, bob) = self.pair(&process, MESSAGES).await;
        let gone = format!("b{}", self.round);
        let (address, world) = (process.address, World::in_memory().await);
        let body = json!({"UserIDs": [gone.clone()]});
        let asked = body.clone();
        let call = tokio::spawn(async move { world.rest_at(address, "lethe_account/erase", asked).await });
        let answered = self.kill_during(process, call).await.and_then(Result::ok);
        drop(bob);
        let process = self.start();
        if answered.is_none() {
            // It goes on by itself, or had not begun.
            let again = self.rest(&process, "lethe_account/erase", body).await;
            let code = again["Results"][0]["ErrorCode"].as_u64().unwrap();
            assert!([0, 50001, 98001].contains(&code), "round {}: {again}", self.round);
        }
        let mut rows = Vec::new();
        for _ in 0..1000 {
            let asked = json!({"User_Account": gone, "Limit": 50});
            let page = self.rest(&process, "lethe_deletion/journal", asked).await;
            let all = page["Entries"].as_array().unwrap();
            rows = all.iter().filter(|row| row["kind"] == "account").cloned().collect();
            if !rows.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(rows.len(), 1, "round {}", self.round);
        let removed = rows[0]["removed"].as_array().unwrap();
        let count = |store: &str| {
            removed.iter().find(|one| one["store"] == store).map_or(0, |one| one["count"].as_u64().unwrap())
        };
        assert_eq!((count("accounts"), count("messages")), (1, MESSAGES), "round {}: {rows:?}", self.round);
        let alice = process.log_in(&self.world, &format!("a{}", self.round)).await;
        let texts = alice.history_texts(&user(&gone)).await;
        assert!(!texts.is_empty() && texts.iter().all(String::is_empty), "round {}", self.round);
        process.kill();
    }
}

/// How many files have this whole conversation. Every file with its final name is complete, and no other is left.
fn exports(directory: &Path, conversation: &ConversationId, user: &str) -> usize {
    let Ok(files) = std::fs::read_dir(directory) else { return 0 };
    let mut complete = 0;
    for file in files {
        let path = file.unwrap().path();
        assert_eq!(path.extension().unwrap(), "jsonl", "a part of an export is left: {path:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len() as u64, MESSAGES + 1, "{path:?} is not whole");
        assert_eq!(lines.last().unwrap()["seq"], lines[0]["to"]);
        let this = lines[0]["conversation"] == json!(conversation) && lines[0]["user"] == user;
        complete += usize::from(this);
        std::fs::remove_file(&path).unwrap();
    }
    complete
}

impl Actor {
    /// Deletes with the history; none when the server died over it.
    async fn delete_or_die(&self, id: &ConversationId) -> Option<()> {
        let item = lethe_protocol::DeleteItem { conversation_id: id.clone(), anchor: None };
        let request = lethe_protocol::DeleteConversations {
            items: vec![item],
            clear_history: true,
            ..lethe_protocol::DeleteConversations::default()
        };
        let answer =
            self.client.request::<Value>(Request::DeleteConversations(request)).await.ok().map(|_| ());
        // Answered, the eraser begins: the kill is to come in the middle of it.
        if answer.is_some() {
            std::future::pending::<()>().await;
        }
        answer
    }

    /// Undoes; false when the server died over it.
    async fn restore_or_die(&self, id: &ConversationId) -> bool {
        let request = Request::RestoreConversation(RestoreConversation { conversation_id: id.clone() });
        match self.client.request::<Value>(request).await {
            Ok(_) => true,
            Err(ClientError::Refused(error)) => panic!("{error}"),
            Err(_) => false,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_inside_an_erasure_an_undo_an_export_or_an_account_leaves_nothing_half_done() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("LETHE_SEED").unwrap_or_else(rand::random);
    let rounds = number("LETHE_ROUNDS").unwrap_or(ROUNDS);
    eprintln!("LETHE_SEED={seed} LETHE_ROUNDS={rounds}");
    let mut crashes = Loop {
        rng: StdRng::seed_from_u64(seed),
        world: World::in_memory().await,
        directory: directory(),
        round: 0,
        erased: 0,
    };
    for round in 0..rounds {
        crashes.round = round;
        if round > 0 && round % ROUNDS_OF_A_DIRECTORY == 0 {
            crashes.finish().await;
            (crashes.directory, crashes.erased) = (directory(), 0);
        }
        match round % 4 {
            0 => crashes.erasure().await,
            1 => crashes.undo().await,
            2 => crashes.export().await,
            _ => crashes.account().await,
        }
    }
    crashes.finish().await;
}
