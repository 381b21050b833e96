//! Undoing a deletion: everything as before, what came since on top, once, and only in time.

use lethe_protocol::{
    ClearHistory, Code, Conversation, ConversationId, DeleteConversations, DeleteItem, DeleteOutcome, Event,
    PinConversation, ReadConversation, Request, RestoreConversation,
};
use serde_json::{Value, json};

use crate::support::{Actor, World, user};

async fn restore(actor: &Actor, id: &ConversationId) {
    let request = RestoreConversation { conversation_id: id.clone() };
    let _: Value = actor.ask(Request::RestoreConversation(request)).await;
}

async fn refused(actor: &Actor, id: &ConversationId) -> u32 {
    actor.refused(Request::RestoreConversation(RestoreConversation { conversation_id: id.clone() })).await
}

/// Everything a user sees of a conversation, but the number of its last change.
fn shown(conversation: &Conversation) -> Value {
    let mut shown = serde_json::to_value(conversation).unwrap();
    shown["change"] = json!(0);
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_gives_back_exactly_what_was_there_and_only_once() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for words in ["one", "two", "three"] {
        bob.say(&user("alice"), words).await;
    }
    alice.say(&user("bob"), "four").await;
    let _: Value = alice
        .ask(Request::ReadConversation(ReadConversation { conversation_id: user("bob"), up_to: Some(1) }))
        .await;
    let _: Value = alice
        .ask(Request::PinConversation(PinConversation { conversation_id: user("bob"), pinned: true }))
        .await;
    let before = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((before.unread, before.messages, before.pinned), (2, 4, true));
    for clear in [true, false] {
        let outcome = alice.delete(&[&user("bob")], clear).await;
        assert!(outcome.restorable_until > 0 && outcome.entry.is_some());
        assert!(alice.listed().await.is_empty());
        restore(&alice, &user("bob")).await;
        let after = alice.sees(&user("bob")).await.unwrap();
        assert_eq!(shown(&after), shown(&before));
        assert_eq!(alice.reads(&user("bob")).await, ["one", "two", "three", "four"]);
        assert_eq!(refused(&alice, &user("bob")).await, Code::NOTHING_TO_RESTORE.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_since_stays_on_top_and_stays_read() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "old").await;
    alice.delete(&[&user("bob")], true).await;
    bob.say(&user("alice"), "new").await;
    alice.say(&user("bob"), "mine").await;
    assert_eq!(alice.unread(&user("bob")).await, 1);
    restore(&alice, &user("bob")).await;
    let back = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((back.unread, back.messages), (2, 3));
    assert_eq!(alice.reads(&user("bob")).await, ["old", "new", "mine"]);
    alice.delete(&[&user("bob")], true).await;
    bob.say(&user("alice"), "newest").await;
    let _: Value = alice
        .ask(Request::ReadConversation(ReadConversation { conversation_id: user("bob"), up_to: None }))
        .await;
    restore(&alice, &user("bob")).await;
    let back = alice.sees(&user("bob")).await.unwrap();
    assert_eq!((back.unread, back.messages, back.read_to), (0, 4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_can_be_undone_and_a_second_deletion_is_part_of_the_first() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let _: Value =
        alice.ask(Request::ClearHistory(ClearHistory { conversation_id: user("bob"), up_to: None })).await;
    assert!(alice.reads(&user("bob")).await.is_empty());
    restore(&alice, &user("bob")).await;
    assert_eq!(alice.reads(&user("bob")).await, ["one"]);
    // Kept, then cleared as well: taking it back gives what was there before both.
    alice.delete(&[&user("bob")], false).await;
    alice.delete(&[&user("bob")], true).await;
    // A repetition changes nothing, not even what can be undone.
    let again = alice.delete(&[&user("bob")], true).await;
    assert_eq!((again.deleted.len(), again.entry.is_some()), (1, false));
    restore(&alice, &user("bob")).await;
    assert_eq!(alice.listed().await, ["C2Cbob"]);
    assert_eq!(alice.unread(&user("bob")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_devices_get_it_back_and_one_that_was_away_too() {
    let world = World::synchronised().await;
    let bob = world.log_in("bob").await;
    let (phone, laptop) = (world.log_in("alice").await, world.log_in("alice").await);
    bob.say(&user("alice"), "one").await;
    phone.delete(&[&user("bob")], true).await;
    assert!(laptop.listed().await.is_empty());
    let (credentials, replica) = laptop.vanish();
    restore(&phone, &user("bob")).await;
    let laptop = world.resume(credentials, Some(replica)).await.unwrap();
    for device in [&phone, &laptop] {
        let back = device.sees(&user("bob")).await.unwrap();
        assert_eq!((back.unread, back.messages, back.cleared_to), (1, 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_client_only_leaves_the_others_alone_though_deletions_are_synchronised() {
    let world = World::synchronised().await;
    let bob = world.log_in("bob").await;
    let (phone, laptop) = (world.log_in("alice").await, world.log_in("alice").await);
    bob.say(&user("alice"), "one").await;
    phone.settled().await;
    assert_eq!(laptop.listed().await, ["C2Cbob"]);
    let item = DeleteItem { conversation_id: user("bob"), anchor: None };
    let request = DeleteConversations {
        items: vec![item],
        clear_history: false,
        local_only: true,
        ..DeleteConversations::default()
    };
    let _: DeleteOutcome = phone.ask(Request::DeleteConversations(request)).await;
    assert!(phone.listed().await.is_empty());
    assert_eq!(laptop.listed().await, ["C2Cbob"]);
    let told = laptop.events().await;
    assert!(!told.iter().any(|event| matches!(event, Event::ConversationsDeleted(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_grace_period_there_is_nothing_to_undo() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    assert_eq!(refused(&alice, &user("bob")).await, Code::NOTHING_TO_RESTORE.0);
    assert_eq!(refused(&alice, &user("nobody")).await, Code::CONVERSATION_NOT_FOUND.0);
    alice.delete(&[&user("bob")], true).await;
    world.configure(json!({"ErasureGrace": 0})).await;
    let code = refused(&alice, &user("bob")).await;
    assert!([Code::RESTORE_TOO_LATE.0, Code::NOTHING_TO_RESTORE.0].contains(&code), "{code}");
    bob.say(&user("alice"), "two").await;
    let outcome = alice.delete(&[&user("bob")], true).await;
    assert_eq!(outcome.restorable_until, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_answered_once_more_and_never_for_another_call() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "one").await;
    let call = |clear_history, key: &str| {
        Request::DeleteConversations(DeleteConversations {
            items: vec![DeleteItem { conversation_id: user("bob"), anchor: None }],
            clear_history,
            key: Some(key.to_owned()),
            ..DeleteConversations::default()
        })
    };
    let first: DeleteOutcome = alice.ask(call(true, "k")).await;
    bob.say(&user("alice"), "two").await;
    let again: DeleteOutcome = alice.ask(call(true, "k")).await;
    assert_eq!(first, again);
    assert_eq!(alice.reads(&user("bob")).await, ["two"], "what came since is not deleted by the repetition");
    assert_eq!(alice.refused(call(false, "k")).await, Code::KEY_REUSED.0);
    assert_eq!(alice.refused(call(true, "")).await, Code::MALFORMED_REQUEST.0);
    assert_eq!(alice.refused(call(true, &"k".repeat(65))).await, Code::MALFORMED_REQUEST.0);
    let _: DeleteOutcome = alice.ask(call(true, &"k".repeat(64))).await;
    assert!(alice.listed().await.is_empty());
}
