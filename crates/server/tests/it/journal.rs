//! The journal, receipts, bulk deletion over REST, dry runs, and exports.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Actor, World, user};

fn items(peers: &[&str]) -> Value {
    peers.iter().map(|peer| json!({"Type": 1, "To_Account": peer})).collect()
}

async fn talk(world: &World, peers: &[&str]) -> (Actor, Vec<Actor>) {
    let alice = world.log_in("alice").await;
    let mut others = Vec::new();
    for peer in peers {
        let other = world.log_in(peer).await;
        other.say(&user("alice"), &format!("from {peer}")).await;
        others.push(other);
    }
    (alice, others)
}

/// Whether a receipt's signature is right, and what it says.
fn verified(receipt: &Value) -> Option<Value> {
    let bytes = |name: &str| STANDARD.decode(receipt[name].as_str().unwrap()).unwrap();
    let statement = receipt["statement"].as_str().unwrap();
    let key = UnparsedPublicKey::new(&ED25519, bytes("publicKey"));
    key.verify(statement.as_bytes(), &bytes("signature")).ok()?;
    serde_json::from_str(statement).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_deletion_has_an_outcome_for_each_in_the_order_asked_for() {
    let world = World::synchronised().await;
    let (alice, _others) = talk(&world, &["bob", "carol"]).await;
    let body = json!({
        "From_Account": "alice", "Items": items(&["bob", "nobody", "carol", "bob"]), "IdempotencyKey": "one",
    });
    let answer = world.rest("lethe_conversation/delete", body.clone()).await;
    let codes: Vec<_> = answer["Results"].as_array().unwrap().iter().map(|one| &one["ErrorCode"]).collect();
    assert_eq!(codes, [0, 2500, 0, 0], "{answer}");
    assert_eq!(alice.listed().await, Vec::<String>::new());
    assert_eq!(world.rest("lethe_conversation/delete", body.clone()).await, answer, "a repetition");
    let mut other = body.clone();
    other["ClearRamble"] = json!(0);
    assert_eq!(world.rest("lethe_conversation/delete", other).await["ErrorCode"], 98015);
    let restored = json!({"From_Account": "alice", "Items": items(&["bob", "nobody", "carol"])});
    let answer = world.rest("lethe_conversation/restore", restored.clone()).await;
    let codes: Vec<_> = answer["Results"].as_array().unwrap().iter().map(|one| &one["ErrorCode"]).collect();
    assert_eq!(codes, [0, 2500, 0]);
    assert_eq!(alice.listed().await, ["C2Cbob", "C2Ccarol"]);
    let again = world.rest("lethe_conversation/restore", restored).await;
    assert_eq!(again["Results"][0]["ErrorCode"], 98010);
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_deletion_refuses_what_it_cannot_read_whole() {
    let world = World::new().await;
    let (alice, _others) = talk(&world, &["bob"]).await;
    let many =
        |n: usize| -> Value { (0..n).map(|n| json!({"Type": 1, "To_Account": format!("u{n}")})).collect() };
    for (body, code) in [
        (json!({"From_Account": "alice", "Items": []}), 51006),
        (json!({"From_Account": "alice", "Items": many(101)}), 51006),
        (json!({"From_Account": "alice", "Items": many(100)}), 0),
        (json!({"From_Account": "ghost", "Items": items(&["bob"])}), 50001),
        (json!({"From_Account": "alice", "Items": [{"Type": 9, "To_Account": "bob"}]}), 50002),
        (json!({"From_Account": "alice", "Items": items(&["bob"]), "ClearRamble": 2}), 50002),
        (json!({"From_Account": "alice", "Items": items(&["bob"]), "Scope": "world"}), 50002),
        (json!({"From_Account": "alice", "Items": "bob"}), 50002),
        (json!({"From_Account": "alice", "Items": items(&["bob"]), "Scope": "everyone"}), 0),
    ] {
        let answer = world.rest("lethe_conversation/delete", body.clone()).await;
        assert_eq!(answer["ErrorCode"], code, "{body}: {answer}");
    }
    assert_eq!(alice.listed().await, ["C2Cbob"], "scope everyone is off, and nothing was half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_changes_nothing() {
    let world = World::new().await;
    let (alice, others) = talk(&world, &["bob"]).await;
    others[0].say(&user("alice"), "two").await;
    let image = json!([{"MsgType": "TIMImageElem", "MsgContent": {"UUID": "1", "ImageFormat": 1, "ImageInfoArray": []}}]);
    let body = json!({
        "From_Account": "bob", "To_Account": "alice", "MsgRandom": 7, "MsgBody": image,
    });
    assert_eq!(world.rest("openim/sendmsg", body).await["ErrorCode"], 0);
    let asked = |clear: u32| json!({"From_Account": "alice", "Items": items(&["bob", "nobody"]), "ClearRamble": clear, "DryRun": true});
    let answer = world.rest("lethe_conversation/delete", asked(1)).await;
    let preview = &answer["DryRun"];
    let one = &preview["conversations"][0];
    assert_eq!((&one["messages"], &one["files"], &one["people"]), (&json!(3), &json!(1), &json!(1)));
    assert!(one["bytes"].as_u64().unwrap() > 300, "{one}");
    assert_eq!((&preview["failed"][0]["code"], &preview["restorableSeconds"]), (&json!(2500), &json!(86400)));
    let kept = world.rest("lethe_conversation/delete", asked(0)).await;
    assert_eq!(kept["DryRun"]["conversations"][0]["messages"], 0);
    assert_eq!(alice.unread(&user("bob")).await, 3);
    assert!(world.rest("lethe_deletion/journal", json!({})).await["Entries"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deletion_has_a_row_without_content_and_a_receipt_that_can_be_checked() {
    let world = World::new().await;
    let (alice, _others) = talk(&world, &["bob", "carol"]).await;
    let outcome = alice.delete(&[&user("bob"), &user("carol")], true).await;
    let entry = outcome.entry.unwrap();
    let answer = world.rest("lethe_deletion/receipt", json!({"Entry": entry})).await;
    let receipt = &answer["Receipt"];
    let statement = verified(receipt).unwrap();
    assert_eq!((&statement["kind"], &statement["user"]), (&json!("delete"), &json!("alice")));
    assert_eq!(statement["device"], json!(alice.credentials.instance));
    assert_eq!(statement["items"].as_array().unwrap().len(), 2);
    assert_eq!(statement["erasure"][0]["state"], "hidden");
    assert!(!receipt.to_string().contains("from bob"), "no content");
    let mut forged = receipt.clone();
    forged["statement"] = json!(receipt["statement"].as_str().unwrap().replace("alice", "carol"));
    assert!(verified(&forged).is_none());
    for bad in ["", "x", "000000000000-0000000000000000", "zz-zz"] {
        let answer = world.rest("lethe_deletion/receipt", json!({"Entry": bad})).await;
        assert_eq!(answer["ErrorCode"], 98016, "{bad}");
    }
    for n in 0..4 {
        let body =
            json!({"From_Account": "alice", "Items": items(&["bob"]), "IdempotencyKey": format!("{n}")});
        world
            .rest("lethe_conversation/restore", json!({"From_Account": "alice", "Items": items(&["bob"])}))
            .await;
        world.rest("lethe_conversation/delete", body).await;
    }
    let (mut before, mut kinds) = (Value::Null, Vec::new());
    loop {
        let mut body = json!({"User_Account": "alice", "Limit": 2});
        if before.is_string() {
            body["Before"] = before.clone();
        }
        let page = world.rest("lethe_deletion/journal", body).await;
        kinds.extend(page["Entries"].as_array().unwrap().iter().map(|row| row["kind"].clone()));
        before = page["Next"].clone();
        if before.is_null() {
            break;
        }
    }
    let pairs = ["delete", "restore"].repeat(4);
    assert_eq!(kinds, [pairs, vec!["delete"]].concat());
    let others = world.rest("lethe_deletion/journal", json!({"User_Account": "bob"})).await;
    assert!(others["Entries"].as_array().unwrap().is_empty());
    for (limit, code) in [(0, 50002), (1, 0), (500, 0), (501, 50002)] {
        let answer = world.rest("lethe_deletion/journal", json!({"Limit": limit})).await;
        assert_eq!(answer["ErrorCode"], code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_durable_before_anything_is_deleted() {
    let mut options = lethe_server::Options::default();
    let directory = tempfile::tempdir().unwrap();
    let exports = directory.path().join("exports");
    options.exports = Some(exports.clone());
    let world = World::with(options).await;
    world.configure(json!({"SyncConversationDeletion": true})).await;
    let (alice, others) = talk(&world, &["bob"]).await;
    for n in 0..700 {
        others[0].say(&user("alice"), &format!("message {n}")).await;
    }
    // A file where the directory should be, as a full disk: a clear code, and nothing is deleted.
    std::fs::write(&exports, "in the way").unwrap();
    let body = json!({"From_Account": "alice", "Type": 1, "To_Account": "bob", "Delete": true});
    let refused = world.rest("lethe_conversation/export", body.clone()).await;
    assert_eq!(refused["ErrorCode"], 98018);
    assert_eq!(alice.listed().await, ["C2Cbob"]);
    std::fs::remove_file(&exports).unwrap();
    let answer = world.rest("lethe_conversation/export", body.clone()).await;
    assert_eq!((&answer["Messages"], &answer["Deleted"]), (&json!(701), &json!(true)), "{answer}");
    assert!(alice.listed().await.is_empty() && alice.reads(&user("bob")).await.is_empty());
    let text = std::fs::read(answer["File"].as_str().unwrap()).unwrap();
    let hash: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer["Sha256"], json!(hash));
    let lines: Vec<Value> =
        String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["conversation"]), (702, &json!("C2Cbob")));
    let seqs: Vec<u64> = lines[1..].iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=701).collect::<Vec<_>>());
    // What came while it was written stays: the deletion ends at the last message in the file.
    others[0].say(&user("alice"), "later").await;
    assert_eq!(alice.reads(&user("bob")).await, ["later"]);
    let unknown = json!({"From_Account": "alice", "Type": 1, "To_Account": "nobody"});
    assert_eq!(world.rest("lethe_conversation/export", unknown).await["ErrorCode"], 2500);
    let left: Vec<_> = std::fs::read_dir(&exports).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "no part of an export is left: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_away_comes_back_with_a_message_or_stays() {
    let world = World::new().await;
    let (alice, others) = talk(&world, &["bob", "carol"]).await;
    let archive = |peers: &[&str], keep: bool| json!({"From_Account": "alice", "Items": items(peers), "Archived": true, "Keep": keep});
    assert_eq!(world.rest("lethe_conversation/archive", archive(&["bob"], false)).await["ErrorCode"], 0);
    assert_eq!(world.rest("lethe_conversation/archive", archive(&["carol"], true)).await["ErrorCode"], 0);
    let away = |conversation: Option<lethe_protocol::Conversation>| conversation.unwrap().archived;
    assert!(away(alice.sees(&user("bob")).await) && away(alice.sees(&user("carol")).await));
    others[0].say(&user("alice"), "again").await;
    others[1].say(&user("alice"), "again").await;
    assert!(!away(alice.sees(&user("bob")).await), "a newer message brings it back");
    let kept = alice.sees(&user("carol")).await;
    assert_eq!(kept.as_ref().unwrap().unread, 2);
    assert!(away(kept));
    let answer = world.rest("lethe_conversation/archive", archive(&["nobody"], false)).await;
    assert_eq!(answer["Results"][0]["ErrorCode"], 2500);
}

/// The receipt of a row, checked.
async fn statement(world: &World, entry: &Value) -> Value {
    let answer = world.rest("lethe_deletion/receipt", json!({"Entry": entry})).await;
    verified(&answer["Receipt"]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_says_what_became_of_it() {
    let world = World::new().await;
    let (alice, others) = talk(&world, &["bob"]).await;
    let row = json!(alice.delete(&[&user("bob")], true).await.entry.unwrap());
    assert_eq!(statement(&world, &row).await["erasure"][0]["state"], "hidden");
    let body = json!({"From_Account": "alice", "Items": items(&["bob"])});
    world.rest("lethe_conversation/restore", body).await;
    let restored = statement(&world, &row).await;
    assert_eq!((&restored["erasure"][0]["state"], &restored["scope"]), (&json!("restored"), &json!("me")));
    let kept = json!(alice.delete(&[&user("bob")], false).await.entry.unwrap());
    assert_eq!(statement(&world, &kept).await["erasure"][0]["state"], "kept");
    let export = json!({"From_Account": "alice", "Type": 1, "To_Account": "bob"});
    assert_eq!(world.rest("lethe_conversation/export", export).await["ErrorCode"], 0);
    world.rest("lethe_deletion/hold", json!({"User_Account": "carol", "Reason": "x"})).await;
    world.rest("lethe_deletion/hold", json!({"User_Account": "bob", "Reason": "x"})).await;
    let page = world.rest("lethe_deletion/journal", json!({})).await;
    let (hold, export) = (&page["Entries"][0], &page["Entries"][1]);
    assert_eq!((&hold["kind"], &hold["scope"]), (&json!("hold"), &Value::Null));
    assert_eq!(statement(&world, &export["entry"]).await["erasure"][0]["state"], "kept");
    world.rest("lethe_deletion/release", json!({"User_Account": "bob"})).await;
    world.configure(json!({"ErasureGrace": 0})).await;
    alice.delete(&[&user("bob")], true).await;
    others[0].delete(&[&user("alice")], true).await;
    crate::erasure::erased(&world, 1).await;
    let after = statement(&world, &row).await;
    assert_eq!(
        (&after["erasure"][0]["state"], &after["erasure"][0]["erasedTo"]),
        (&json!("erased"), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn for_everyone_a_repeat_has_no_row_and_a_dry_run_knows_the_window() {
    let mut world = World::new().await;
    world.configure(json!({"DeleteForEveryone": "own-messages", "DeleteForEveryoneWindow": 0})).await;
    let (alice, others) = talk(&world, &["bob"]).await;
    for words in ["one", "two"] {
        alice.say(&user("bob"), words).await;
    }
    let asked = |dry: bool| json!({"From_Account": "alice", "Items": items(&["bob"]), "Scope": "everyone", "DryRun": dry});
    let dry = world.rest("lethe_conversation/delete", asked(true)).await;
    assert_eq!(dry["DryRun"]["conversations"][0]["messages"], 2, "{dry}");
    let first = world.rest("lethe_conversation/delete", asked(false)).await;
    assert_ne!(first["Entry"], "");
    let again = world.rest("lethe_conversation/delete", asked(false)).await;
    assert_eq!((&again["Results"][0]["ErrorCode"], &again["Entry"]), (&json!(0), &json!("")));
    let dry = world.rest("lethe_conversation/delete", asked(true)).await;
    assert_eq!(dry["DryRun"]["conversations"][0]["messages"], 0, "they are gone already");
    alice.say(&user("bob"), "three").await;
    drop((alice, others));
    world.set_ahead(10_000);
    let alice = world.log_in("alice").await;
    alice.say(&user("bob"), "four").await;
    for (setting, window, messages, code) in [
        ("own-messages", 5, 1, None),
        ("own-messages", 60, 2, None),
        ("all", 5, 0, Some(98014)),
        ("all", 60, 5, None),
    ] {
        world.configure(json!({"DeleteForEveryone": setting, "DeleteForEveryoneWindow": window})).await;
        let dry = world.rest("lethe_conversation/delete", asked(true)).await;
        match code {
            Some(code) => assert_eq!(dry["DryRun"]["failed"][0]["code"], code, "{dry}"),
            None => assert_eq!(
                dry["DryRun"]["conversations"][0]["messages"], messages,
                "{setting} {window}: {dry}"
            ),
        }
    }
}
