//! 44 to 48 and 50: second thoughts, and who has a say.

use lethe_protocol::{
    ArchiveConversations, ChangeOutcome, ConversationId, DeleteConversations, DeleteItem, DeleteOutcome,
    DeletionPreview, DeletionScope, Event, GroupType, PreviewDeletion, Request, RestoreConversation, SetRole,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{clearing, deletion, pinning, reading, unnumbered};
use crate::support::{Actor, World, group, user};

fn restoring(id: &ConversationId) -> Request {
    Request::RestoreConversation(RestoreConversation { conversation_id: id.clone() })
}

fn for_everyone(id: &ConversationId) -> Request {
    Request::DeleteConversations(DeleteConversations {
        items: vec![DeleteItem { conversation_id: id.clone(), anchor: None }],
        clear_history: true,
        scope: DeletionScope::Everyone,
        ..DeleteConversations::default()
    })
}

/// The code with which the one conversation was refused, if it was.
async fn refusal(actor: &Actor, request: Request) -> Option<u32> {
    let outcome: DeleteOutcome = actor.ask(request).await;
    outcome.failed.first().map(|failed| failed.error.code.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_44_undone_everything_is_as_it_was_on_every_device_until_the_window_closes() {
    let world = World::synchronised().await;
    let (phone, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let bob = world.log_in("bob").await;
    bob.create("club", GroupType::Public, &["alice"]).await;
    for words in ["one", "two", "three"] {
        bob.say(&user("alice"), words).await;
        bob.say(&group("club"), words).await;
    }
    let ids = [user("bob"), group("club")];
    let mut before = Vec::new();
    for id in &ids {
        phone.tells(reading(id, Some(1))).await;
        phone.tells(pinning(id, true)).await;
        before.push((unnumbered(phone.sees(id).await.unwrap()), phone.reads(id).await));
    }
    for clear in [false, true] {
        let outcome: DeleteOutcome = phone.ask(deletion(&ids, None, clear)).await;
        assert!(outcome.restorable_until > 0);
        for (id, before) in ids.iter().zip(&before) {
            assert!(!tablet.lists(id).await);
            tablet.tells(restoring(id)).await;
            for device in [&phone, &tablet, &world.log_in("alice").await] {
                let shown = unnumbered(device.sees(id).await.unwrap());
                assert_eq!((shown, device.reads(id).await), *before, "{id}, cleared: {clear}");
            }
            assert_eq!(phone.refused(restoring(id)).await, 98010, "once");
        }
    }
    world.configure(json!({"ErasureGrace": 0})).await;
    let outcome: DeleteOutcome = phone.ask(deletion(&ids, None, true)).await;
    assert_eq!(outcome.restorable_until, 0);
    assert!(
        [98010, 98011].contains(&phone.refused(restoring(&ids[0])).await),
        "without a window it is final"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_45_what_is_exported_first_is_deleted_only_when_it_is_written() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for words in ["one", "two"] {
        bob.say(&user("alice"), words).await;
    }
    alice.settled().await;
    let request = json!({"From_Account": "alice", "Type": 1, "To_Account": "bob", "Delete": true});
    let exports = world.data().join("exports");
    if exports.parent().is_some_and(std::path::Path::is_dir) {
        // A file stands where the directory has to be.
        std::fs::write(&exports, "in the way").unwrap();
        let answer = world.rest("lethe_conversation/export", request.clone()).await;
        assert_eq!(answer["ErrorCode"], 98018, "{answer}");
        assert_eq!(alice.unread(&user("bob")).await, 2, "nothing was deleted");
        std::fs::remove_file(&exports).unwrap();
    }
    let answer = world.rest("lethe_conversation/export", request).await;
    assert_eq!((&answer["Deleted"], &answer["Messages"]), (&json!(true), &json!(2)), "{answer}");
    let file = std::fs::read(answer["File"].as_str().unwrap()).unwrap();
    let hash: String = Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(answer["Sha256"], hash);
    let text = String::from_utf8(file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<_> = lines[1..].iter().map(|line| &line["body"][0]["MsgContent"]["Text"]).collect();
    assert_eq!(said, [&json!("one"), &json!("two")]);
    assert!(world.log_in("alice").await.listed().await.is_empty());
    assert!(bob.reads(&user("alice")).await.len() == 2, "the other side keeps it");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_46_a_dry_run_says_what_would_happen_and_does_nothing() {
    let world = World::synchronised().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let _tablet = world.log_in("alice").await;
    for words in ["one", "two", "three"] {
        bob.say(&user("alice"), words).await;
    }
    alice.settled().await;
    let before = unnumbered(alice.state(&user("bob")).await);
    let preview = async |clear_history, anchor| {
        let ids = [user("bob"), user("nobody")];
        let items = ids.map(|conversation_id| DeleteItem { conversation_id, anchor }).to_vec();
        let request = PreviewDeletion { items, clear_history, scope: DeletionScope::Me };
        alice.ask::<DeletionPreview>(Request::PreviewDeletion(request)).await
    };
    let all = preview(true, None).await;
    let one = &all.conversations[0];
    assert_eq!((one.messages, one.files, one.people), (3, 0, 1));
    assert!(one.bytes > 0 && all.restorable_seconds > 0);
    assert_eq!(all.failed[0].conversation_id, user("nobody"));
    assert_eq!(preview(true, Some(2)).await.conversations[0].messages, 2);
    assert_eq!(preview(false, None).await.conversations[0].messages, 0);
    let rest = json!({"From_Account": "alice", "Items": [{"Type": 1, "To_Account": "bob"}], "DryRun": true});
    let answer = world.rest("lethe_conversation/delete", rest).await;
    assert_eq!(answer["DryRun"]["conversations"][0]["messages"], 3, "{answer}");
    assert_eq!(unnumbered(alice.state(&user("bob")).await), before);
    assert!(alice.tombstones().await.is_empty());
    let journal = world.rest("lethe_deletion/journal", json!({})).await;
    assert_eq!(journal["Entries"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_47_putting_away_deletes_nothing_and_ends_with_a_message_or_not() {
    let world = World::synchronised().await;
    let (alice, tablet) = (world.log_in("alice").await, world.log_in("alice").await);
    let bob = world.log_in("bob").await;
    bob.say(&user("alice"), "one").await;
    let before = alice.sees(&user("bob")).await.unwrap();
    for (keep, stays) in [(false, false), (true, true)] {
        let ids = vec![user("bob")];
        let away = ArchiveConversations { conversation_ids: ids.clone(), archived: true, keep };
        let _: ChangeOutcome = alice.ask(Request::ArchiveConversations(away)).await;
        for device in [&alice, &tablet] {
            let away = device.sees(&user("bob")).await.unwrap();
            assert!(away.archived && away.unread >= before.unread && away.messages >= before.messages);
        }
        bob.say(&user("alice"), "another").await;
        for device in [&alice, &tablet] {
            assert_eq!(device.state(&user("bob")).await.archived, stays);
            assert_eq!(device.sees(&user("bob")).await.unwrap().archived, stays, "keep: {keep}");
        }
        let out = ArchiveConversations { conversation_ids: ids, archived: false, keep: false };
        let _: ChangeOutcome = alice.ask(Request::ArchiveConversations(out)).await;
        assert!(!tablet.sees(&user("bob")).await.unwrap().archived);
    }
    assert_eq!(alice.reads(&user("bob")).await, ["one", "another", "another"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_12_and_48_for_everyone_only_by_setting_and_role_and_the_others_are_told_without_content() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("club", GroupType::Public, &["bob"]).await;
    bob.say(&user("alice"), "one").await;
    bob.say(&group("club"), "two").await;
    for id in [user("bob"), group("club")] {
        assert_eq!(refusal(&alice, for_everyone(&id)).await, Some(98013), "off at first");
    }
    world.configure(json!({"DeleteForEveryone": "all"})).await;
    assert_eq!(refusal(&bob, for_everyone(&group("club"))).await, Some(10007), "not without a role");
    assert_eq!(bob.reads(&user("alice")).await, ["one"], "and nothing was changed by asking");
    assert!(alice.reads(&group("club")).await.contains(&"two".to_owned()));
    let admin = SetRole { group_id: "club".into(), user_id: "bob".into(), admin: true };
    alice.tells(Request::SetRole(admin)).await;
    alice.events().await;
    bob.events().await;
    assert_eq!(refusal(&bob, for_everyone(&group("club"))).await, None);
    assert_eq!(refusal(&alice, for_everyone(&user("bob"))).await, None);
    let mut told = Vec::new();
    for (actor, by) in [(&alice, "bob"), (&bob, "alice")] {
        told.push(
            actor.told(|event| matches!(event, Event::HistoryRemoved(removed) if removed.by == by)).await,
        );
        told.extend(actor.events().await);
    }
    let shown = serde_json::to_string(&told).unwrap();
    assert!(!shown.contains("\"one\"") && !shown.contains("\"two\""), "{shown}");
    for (actor, id) in [(&alice, group("club")), (&bob, user("alice")), (&alice, user("bob"))] {
        assert!(actor.reads(&id).await.is_empty(), "{id}");
        let state = actor.state(&id).await;
        assert_eq!((state.unread, state.last_message.is_none()), (0, true), "{id}");
    }
    let journal = world.rest("lethe_deletion/journal", json!({})).await;
    let rows = journal["Entries"].as_array().unwrap();
    let by: Vec<_> = rows.iter().map(|row| (&row["scope"], &row["actor"])).collect();
    assert_eq!(by, [(&json!("everyone"), &json!("alice")), (&json!("everyone"), &json!("bob"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_50_each_change_is_one_row_of_the_journal_without_what_was_said() {
    let world = World::new().await;
    world.configure(json!({"DeleteForEveryone": "all"})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let id = user("bob");
    let mut kinds = Vec::new();
    for (kind, request) in [
        ("delete", deletion(std::slice::from_ref(&id), None, true)),
        ("restore", restoring(&id)),
        ("clear", clearing(&id, None)),
        ("everyone", for_everyone(&id)),
    ] {
        // A restore finds what the deletion before it took.
        if kind != "restore" {
            bob.say(&user("alice"), "canary-77").await;
        }
        alice.tells(request).await;
        kinds.insert(0, kind);
        let journal = world.rest("lethe_deletion/journal", json!({"User_Account": "alice"})).await;
        let rows = journal["Entries"].as_array().unwrap();
        let seen: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
        assert_eq!(seen, kinds);
        let row = &rows[0];
        assert_eq!(row["items"][0]["conversation"], "C2Cbob");
        assert_eq!((&row["actor"], &row["user"]), (&json!("alice"), &json!("alice")));
        assert_eq!(row["device"], alice.credentials.instance, "{row}");
        assert!(row["time"].as_u64().unwrap() > 0 && !journal.to_string().contains("canary-77"), "{journal}");
    }
    alice.tells(reading(&id, None)).await;
    let receipt = world.rest("lethe_deletion/receipt", json!({"Entry": "x"})).await;
    assert_eq!(receipt["ErrorCode"], 98016);
}
