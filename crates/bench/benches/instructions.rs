//! Instructions of the hot functions, counted by callgrind, and their allocations, counted by dhat: the same on a busy
//! machine as on a quiet one. More instructions than the kept number and the tolerance, or one allocation more, is a
//! regression, and `make test` fails.
//!
//! `make instructions` prints them. Where they change for a reason, put the new ones into `instructions.txt` beside this.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on ends")]
#![expect(missing_docs, reason = "the macros of the harness make items without")]

use std::hint::black_box;
use std::sync::Arc;

use gungraun::prelude::*;
use gungraun::{Callgrind, Dhat, DhatMetric, EventKind};
use lethe_domain::conversations::{Head, Place, View};
use lethe_protocol::{Conversation, ConversationId, MessageAttributes, Request, Sent};
use lethe_store::{Committed, Locks, NewMessage, Nonce, Publish, Store, Timeline, Tx};
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

/// Kept numbers: the toolchain they hold for, then a name, its instructions and its allocations in each line.
const KEPT: &str = include_str!("instructions.txt");
/// So much more, in percent, is still the same: libraries of the system differ.
const TOLERANCE: u64 = 8;

/// The limit of a function, where the toolchain is the one that the numbers were counted with.
fn limit(name: &str) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    let toolchain = std::env::var("LETHE_RUSTC").unwrap_or_default();
    if KEPT.lines().any(|line| line == toolchain) {
        let kept = KEPT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.split_once(' '));
        let (instructions, allocations) = kept.unwrap();
        let most = instructions.parse::<u64>().unwrap() * (100 + TOLERANCE) / 100;
        config.tool(Callgrind::default().hard_limits([(EventKind::Ir, most)]));
        let most = allocations.parse::<u64>().unwrap();
        config.tool(Dhat::default().hard_limits([(DhatMetric::TotalBlocks, most)]));
    } else {
        config.tool(Dhat::default());
    }
    config
}

const BODY: &str = r#"[{"MsgType":"TIMTextElem","MsgContent":{"Text":"the quick brown fox jumps over the lazy dog, and the lazy dog does not even look up from its dreams of it"}}]"#;

fn frame() -> String {
    format!(
        r#"{{"id":42,"op":"messages.send","d":{{"conversationId":"C2Cbob","clientTime":1800000000,"random":12345,"body":{BODY}}}}}"#
    )
}

#[library_benchmark(config = limit("read_a_send"), setup = frame)]
fn read_a_send(frame: String) -> Request {
    Request::read(black_box(&frame)).unwrap().1
}

#[library_benchmark(config = limit("check_a_message"))]
fn check_a_message() -> bool {
    lethe_domain::messages::may_send(black_box(BODY), &MessageAttributes::default()).is_ok()
}

#[library_benchmark(config = limit("answer_a_send"))]
fn answer_a_send() -> String {
    lethe_protocol::answer(black_box(42), &Sent { seq: 1_000_000, time: 1_800_000_000_000 })
}

#[library_benchmark(config = limit("push_a_message"))]
fn push_a_message() -> String {
    lethe_protocol::message_event(black_box(BODY))
}

#[library_benchmark(config = limit("answer_a_page"))]
fn answer_a_page() -> Option<String> {
    lethe_protocol::history_answer(black_box(42), [BODY.as_bytes(); 20].into_iter(), false).ok()
}

fn conversation() -> Conversation {
    let conversation = r#"{"conversationId":"C2Cbob","change":3,"head":1000,"unread":2,"messages":990,"activeAt":1800000000000,
        "clearedTo":10,"readTo":998,"peerReadTo":997,"pinned":false,"remindType":"AcceptAndNotify","marks":[],"customData":"",
        "left":false,"user":{"userId":"bob","nick":"Bob","avatar":"https://example.com/bob.png"},"lastMessage":null}"#;
    serde_json::from_str(conversation).unwrap()
}

#[library_benchmark(config = limit("answer_a_list"), setup = conversation)]
fn answer_a_list(conversation: Conversation) -> String {
    lethe_protocol::list_answer(black_box(42), [(&conversation, Some(BODY)); 20].into_iter(), None)
}

fn view() -> (View, Head) {
    (View::default(), Head { seq: 1_000, count: 900, ..Head::default() })
}

#[library_benchmark(config = limit("delete_a_conversation"), setup = view)]
fn delete_a_conversation((mut view, head): (View, Head)) -> (u32, bool) {
    let anchor = Place { seq: 990, count: 892, own_above: 2 };
    view.delete(black_box(anchor), &head, true);
    (view.unread(&head), view.listed(&head))
}

struct Nobody;

impl Publish for Nobody {
    fn publish(&self, _: Committed) {}
}

/// A store in memory with two accounts, of whom one has written before, and what is to be appended.
fn store() -> (Runtime, Store, Timeline, NewMessage) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let timeline = Timeline::of("alice", &ConversationId::User("bob".to_owned()));
    let store = runtime.block_on(async {
        let store = Store::in_memory(Arc::new(Nobody)).await.unwrap();
        let mut tx = store.begin(Locks::none().app()).await.unwrap();
        for user in ["alice", "bob"] {
            tx.create_account(user, 1).await.unwrap();
        }
        tx.commit().await.unwrap();
        for earlier in 1..=2 {
            let tx = store.begin(Locks::none().timeline(&timeline)).await.unwrap();
            let nonce = Nonce::of(&timeline, "alice", 1_800_000_000 - earlier, 12_345);
            tx.sent_before(&nonce).await.unwrap();
        }
        store
    });
    let message = NewMessage {
        id: "144115188075855872-1800000000-12345".to_owned(),
        from: "alice".to_owned(),
        body: RawValue::from_string(BODY.to_owned()).unwrap(),
        attributes: MessageAttributes::default(),
        nick: String::new(),
        avatar: String::new(),
        time: 1_800_000_000_000,
    };
    (runtime, store, timeline, message)
}

// Up to the commit: from there on other threads take part, and how they take turns is not the same each time.
#[library_benchmark(config = limit("append_a_message"), setup = store)]
fn append_a_message((runtime, store, timeline, message): (Runtime, Store, Timeline, NewMessage)) -> Tx {
    runtime.block_on(async {
        let mut tx = store.begin(Locks::none().timeline(&timeline)).await.unwrap();
        let nonce = Nonce::of(&timeline, "alice", 1_800_000_000, 12_345);
        tx.sent_before(&nonce).await.unwrap();
        let stored = tx.append(&timeline, message).await.unwrap();
        tx.remember_sent(nonce, stored.seq, 1);
        tx
    })
}

library_benchmark_group!(
    name = hot,
    benchmarks = [
        read_a_send,
        check_a_message,
        answer_a_send,
        push_a_message,
        answer_a_page,
        answer_a_list,
        delete_a_conversation,
        append_a_message
    ]
);

main!(library_benchmark_groups = hot);
