use lethe_protocol::{Event, MessageAttributes, ReadConversation, Request, SendMessage, Sent};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::support::{Actor, World, text, user};

fn messages(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::Message(_))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_hear_a_message_once_and_the_sender_has_none_unread() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let sent = alice.say(&user("bob"), "hello").await;
    assert_eq!(sent.seq, 1);
    assert_eq!((messages(&alice.events().await), messages(&bob.events().await)), (1, 1));
    assert_eq!(alice.unread(&user("bob")).await, 0);
    assert_eq!(bob.unread(&user("alice")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_gets_the_first_answer_and_is_stored_once() {
    let mut world = World::new().await;
    let (alice, _bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let message = Actor::message(&user("bob"), "hello");
    let first: Sent = alice.ask(Request::SendMessage(message.clone())).await;
    alice.say(&user("bob"), "another").await;
    let again: Sent = alice.ask(Request::SendMessage(message.clone())).await;
    assert_eq!(first, again);
    drop((alice, _bob));
    world.restart().await;
    let alice = world.log_in("alice").await;
    assert_eq!(alice.ask::<Sent>(Request::SendMessage(message)).await, first);
    assert_eq!(alice.reads(&user("bob")).await, ["hello", "another"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_kilobytes_pass_and_more_does_not() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let frame = text("").get().len();
    alice.say(&user("bob"), &"x".repeat(12 * 1024 - frame)).await;
    let long = Actor::message(&user("bob"), &"x".repeat(12 * 1024 - frame + 1));
    assert_eq!(alice.refused(Request::SendMessage(long)).await, 80002);
    assert_eq!(bob.unread(&user("alice")).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_codes() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    let body = |json: &str| SendMessage {
        body: RawValue::from_string(json.to_owned()).unwrap(),
        ..Actor::message(&user("bob"), "")
    };
    let _bob = world.log_in("bob").await;
    let cases = [
        (Actor::message(&user("nobody"), "x"), 20003),
        (Actor::message(&lethe_protocol::ConversationId::System, "x"), 2106),
        (Actor::message(&crate::support::group("nowhere"), "x"), 10010),
        (body("[]"), 20001),
        (body(r#"[{"MsgType":"TIMGroupTipElem","MsgContent":{}}]"#), 20001),
        (body("7"), 20001),
    ];
    for (message, code) in cases {
        let shown = format!("{message:?}");
        assert_eq!(alice.refused(Request::SendMessage(message)).await, code, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_only_message_is_heard_and_not_stored() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let message = SendMessage { online_only: true, ..Actor::message(&user("bob"), "typing") };
    let sent: Sent = alice.ask(Request::SendMessage(message)).await;
    assert_eq!(sent.seq, 0);
    assert_eq!(messages(&bob.events().await), 1);
    assert!(bob.listed().await.is_empty());
    assert!(bob.reads(&user("alice")).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_messages_count_and_show_as_they_say() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.say(&user("bob"), "plain").await;
    let quiet = MessageAttributes { no_unread: true, no_last: true, ..MessageAttributes::default() };
    let message = SendMessage { attributes: quiet, ..Actor::message(&user("bob"), "quiet") };
    let _: Sent = alice.ask(Request::SendMessage(message)).await;
    let told = bob.sees(&user("alice")).await.unwrap();
    let fresh = bob.fetch(&user("alice")).await.unwrap().conversation;
    for seen in [told, fresh] {
        assert_eq!((seen.unread, seen.messages), (1, 2));
        assert_eq!(crate::support::words(&seen.last_message.unwrap()), "plain");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_told_to_the_peer_once_and_never_goes_back() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for words in ["one", "two", "three"] {
        alice.say(&user("bob"), words).await;
    }
    let read = |up_to| Request::ReadConversation(ReadConversation { conversation_id: user("alice"), up_to });
    let _: Value = bob.ask(read(Some(2))).await;
    assert_eq!(bob.unread(&user("alice")).await, 1);
    let _: Value = bob.ask(read(Some(1))).await;
    assert_eq!(bob.unread(&user("alice")).await, 1);
    let reads: Vec<u64> = alice
        .events()
        .await
        .into_iter()
        .filter_map(|event| if let Event::PeerRead(read) = event { Some(read.read_to) } else { None })
        .collect();
    assert_eq!(reads, [2]);
    let _: Value = bob.ask(read(None)).await;
    assert_eq!(bob.unread(&user("alice")).await, 0);
    assert_eq!(alice.sees(&user("bob")).await.unwrap().peer_read_to, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_messages_never_count_whatever_was_read_before() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "1").await;
    alice.say(&user("bob"), "2").await;
    bob.say(&user("alice"), "3").await;
    alice.say(&user("bob"), "4").await;
    bob.say(&user("alice"), "5").await;
    assert_eq!(alice.unread(&user("bob")).await, 3);
    let read = ReadConversation { conversation_id: user("bob"), up_to: Some(1) };
    let _: Value = alice.ask(Request::ReadConversation(read)).await;
    assert_eq!(alice.unread(&user("bob")).await, 2);
    assert_eq!(alice.fetch(&user("bob")).await.unwrap().conversation.unread, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_write_to_oneself() {
    let world = World::new().await;
    let alice = world.log_in("alice").await;
    alice.say(&user("alice"), "note").await;
    assert_eq!(messages(&alice.events().await), 1);
    assert_eq!(alice.unread(&user("alice")).await, 0);
    assert_eq!(alice.reads(&user("alice")).await, ["note"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_nonce_in_several_conversations_is_as_many_messages() {
    let world = World::new().await;
    let (alice, _bob, _carol) =
        (world.log_in("alice").await, world.log_in("bob").await, world.log_in("carol").await);
    let message = Actor::message(&user("bob"), "hello");
    let to = |id: &str| Request::SendMessage(SendMessage { conversation_id: user(id), ..message.clone() });
    for _ in 0..2 {
        for id in ["bob", "carol"] {
            assert_eq!(alice.ask::<Sent>(to(id)).await.seq, 1, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_once_is_answered_so_again_after_the_right_is_gone() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    alice.create("home", lethe_protocol::GroupType::Private, &["bob"]).await;
    let message = Actor::message(&crate::support::group("home"), "hello");
    let first: Sent = bob.ask(Request::SendMessage(message.clone())).await;
    let quit = lethe_protocol::GroupRef { group_id: "home".into() };
    let _: Value = bob.ask(Request::QuitGroup(quit)).await;
    assert_eq!(bob.ask::<Sent>(Request::SendMessage(message)).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_long_messages_end_early_and_say_so() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let words = "x".repeat(11_000);
    for _ in 0..100 {
        alice.say(&user("bob"), &words).await;
    }
    let request =
        lethe_protocol::GetHistory { conversation_id: user("alice"), before: None, after: None, limit: 100 };
    let page: lethe_protocol::History = bob.ask(Request::GetHistory(request)).await;
    assert!(!page.complete);
    assert!((40..50).contains(&page.messages.len()), "{}", page.messages.len());
}
