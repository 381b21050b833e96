//! A seeded random plan over every engine at once: transactions that build on each other, on what is not durable yet, and
//! on nothing, against a plain map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lethe_domain::conversations::View;
use lethe_protocol::{ConversationId, Message, MessageAttributes};
use lethe_store::{
    Changed, Committed, DataDirectory, Direction, Locks, NewMessage, Publish, Store, StoredMessage, Timeline,
};
use proptest::prelude::*;
use serde_json::value::RawValue;

use crate::postgres;

pub(crate) struct Nobody;

impl Publish for Nobody {
    fn publish(&self, _: Committed) {}
}

pub(crate) fn message(n: u64) -> NewMessage {
    NewMessage {
        id: n.to_string(),
        from: if n.is_multiple_of(3) { "alice" } else { "bob" }.to_owned(),
        body: RawValue::from_string("[]".to_owned()).unwrap(),
        attributes: MessageAttributes {
            no_unread: n.is_multiple_of(5),
            no_last: n.is_multiple_of(7),
            ..MessageAttributes::default()
        },
        nick: String::new(),
        avatar: String::new(),
        time: n,
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Change(usize),
    Abandon(usize),
    Read(usize, u64, u64, bool),
    /// One of the messages, by a number: other words take its place.
    Replace(usize, u64),
    Erase(usize, u64),
    Changed(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = || 0..3_usize;
    let one = prop_oneof![
        8 => which().prop_map(Step::Append),
        2 => which().prop_map(Step::Change),
        1 => which().prop_map(Step::Abandon),
        1 => (which(), any::<u64>()).prop_map(|(w, n)| Step::Replace(w, n)),
        1 => (which(), any::<u64>()).prop_map(|(w, n)| Step::Erase(w, n)),
        // Few, so that pages are read again after some of it has changed.
        8 => (which(), 0..3_u64, 3..7_u64, any::<bool>()).prop_map(|(w, a, b, back)| Step::Read(w, a, b, back)),
        3 => (which(), 0..30_u64, 0..30_u64, any::<bool>()).prop_map(|(w, a, b, back)| Step::Read(w, a, b, back)),
        1 => (0..20_u64).prop_map(Step::Changed),
    ];
    prop::collection::vec(one, 1..120)
}

#[derive(Default)]
struct Model {
    /// IDs of the messages of each timeline.
    messages: [Vec<u64>; 3],
    /// The words that took the place of others, and the places that are empty, by timeline and number.
    replaced: BTreeMap<(usize, u64), String>,
    erased: BTreeSet<(usize, u64)>,
    /// The newest change of each conversation.
    changes: BTreeMap<usize, u64>,
    change: u64,
    written: u64,
}

fn rows(messages: &[StoredMessage]) -> Vec<(u64, &[u8])> {
    messages.iter().map(|message| (message.seq, message.json())).collect()
}

async fn run(store: &Store, steps: &[Step]) {
    let conversations = ["C2Cbob", "GROUPg", "@TIM#SYSTEM"].map(|text| ConversationId::parse(text).unwrap());
    let timelines = conversations.each_ref().map(|id| Timeline::of("alice", id));
    let mut model = Model::default();
    let mut waiting = Vec::new();
    for step in steps {
        match *step {
            Step::Append(w) => {
                let mut tx = store.begin(Locks::none().timeline(&timelines[w])).await.unwrap();
                model.written += 1;
                let stored = tx.append(&timelines[w], message(model.written)).await.unwrap();
                model.messages[w].push(model.written);
                assert_eq!(stored.seq, model.messages[w].len() as u64);
                // Not awaited: what follows builds on what is not durable yet.
                waiting.push(tokio::spawn(tx.commit()));
                tokio::task::yield_now().await;
            }
            Step::Change(w) => {
                let mut tx = store.begin(Locks::none().user("alice").timeline(&timelines[w])).await.unwrap();
                let mut view = tx.view("alice", &conversations[w]).await.unwrap().unwrap_or_default();
                tx.change_view("alice", &conversations[w], &mut view).await.unwrap();
                model.change += 1;
                model.changes.insert(w, model.change);
                assert_eq!(view.change, model.change);
                tx.commit().await.unwrap();
            }
            Step::Abandon(w) => {
                let mut tx = store.begin(Locks::none().timeline(&timelines[w])).await.unwrap();
                tx.append(&timelines[w], message(0)).await.unwrap();
                let mut view = View::default();
                view.open(99);
                tx.put_view("alice", &conversations[w], &view);
            }
            Step::Replace(w, n) | Step::Erase(w, n) => {
                let mut tx = store.begin(Locks::none().timeline(&timelines[w])).await.unwrap();
                let seq = n % (model.messages[w].len() as u64).max(1) + 1;
                let Some(stored) = tx.message(&timelines[w], seq).await.unwrap() else { continue };
                if matches!(step, Step::Erase(..)) {
                    tx.erase_messages(&timelines[w], &[stored]).unwrap();
                    model.erased.insert((w, seq));
                } else {
                    let words = format!("words {n}");
                    let message = Message { nick: words.clone(), ..stored.message().unwrap() };
                    tx.replace_message(&timelines[w], &stored.with(&message));
                    model.replaced.insert((w, seq), words);
                }
                waiting.push(tokio::spawn(tx.commit()));
                tokio::task::yield_now().await;
            }
            Step::Read(w, after, to, backward) => {
                let tx = store.begin(Locks::none().timeline(&timelines[w])).await.unwrap();
                let direction = if backward { Direction::Backward } else { Direction::Forward };
                let got = tx.messages(&timelines[w], after, to, direction, 7).await.unwrap();
                let mut expected: Vec<u64> =
                    (1..=model.messages[w].len() as u64).filter(|&s| s > after && s <= to).collect();
                expected.retain(|&seq| !model.erased.contains(&(w, seq)));
                if backward {
                    expected.reverse();
                }
                expected.truncate(7);
                assert_eq!(got.iter().map(|message| message.seq).collect::<Vec<_>>(), expected);
                for message in &got {
                    let seq = usize::try_from(message.seq).unwrap();
                    let counted =
                        model.messages[w][..seq].iter().filter(|n| !n.is_multiple_of(5)).count() as u64;
                    assert_eq!(message.count(), counted, "each message carries the running count");
                    assert!(String::from_utf8_lossy(message.json()).contains(&format!(r#""seq":{seq},"#)));
                    let words = model.replaced.get(&(w, message.seq)).cloned().unwrap_or_default();
                    assert_eq!(message.message().unwrap().nick, words);
                }
                let oldest_first = |pair: &[StoredMessage]| pair[0].seq < pair[1].seq;
                // The third time it may be kept.
                for _ in 0..3 {
                    let page = tx.page(&timelines[w], after, to, direction, 7).await.unwrap();
                    assert!(page.windows(2).all(oldest_first));
                    let (mut page, mut got) = (rows(&page), rows(&got));
                    page.sort_unstable();
                    got.sort_unstable();
                    assert_eq!(page, got);
                }
            }
            Step::Changed(since) => {
                let tx = store.begin(Locks::none()).await.unwrap();
                let mut expected: Vec<_> =
                    model.changes.iter().filter(|&(_, &c)| c > since).map(|(&w, &c)| (c, w)).collect();
                expected.sort_unstable();
                let expected: Vec<_> = expected
                    .into_iter()
                    .map(|(_, w)| Changed::Conversation(conversations[w].clone()))
                    .collect();
                assert_eq!(tx.changed_since("alice", since).await.unwrap(), expected);
            }
        }
    }
    for commit in waiting {
        commit.await.unwrap().unwrap();
    }
    store.settle().await.unwrap();
    assert_eq!(store.totals().await.unwrap().messages, model.written);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_engine_answers_as_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            run(&Store::in_memory(Arc::new(Nobody)).await.unwrap(), &steps).await;
            let directory = tempfile::tempdir().unwrap();
            let data = DataDirectory::open(&directory.path().join("data")).unwrap();
            let store = Store::open(&data, false, Arc::new(Nobody)).await.unwrap();
            run(&store, &steps).await;
            store.close().await.unwrap();
        });
    }
}

proptest! {
    // Each case has a database of its own.
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn postgres_answers_as_the_model(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let app = postgres::app().await;
            let store = app.store(Arc::new(Nobody)).await;
            run(&store, &steps).await;
            store.close().await.unwrap();
        });
    }
}
