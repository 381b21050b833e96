//! A message that is said again is answered as it was, whatever was written meanwhile, and by whichever process.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use lethe_protocol::ConversationId;
use lethe_store::{DataDirectory, Locks, Nonce, Store, Timeline};
use proptest::prelude::*;

use crate::model::Nobody;

/// Who, to whom, and the two numbers.
type Said = (&'static str, &'static str, u32, u32);

#[derive(Clone, Debug)]
enum Step {
    /// It is said, and stored unless it was before.
    Say(Said),
    /// It is said, and the transaction is given up.
    GiveUp(Said),
    /// A new process takes over.
    Reopen,
}

/// Few of everything, so that much is said again.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = prop::sample::select(vec!["alice", "alic", "bob"]);
    let to = prop::sample::select(vec!["C2Ccarol", "GROUPg"]);
    let said = (who, to, 0..6_u32, 0..3_u32);
    let step = prop_oneof![
        60 => said.clone().prop_map(Step::Say),
        5 => said.prop_map(Step::GiveUp),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..120)
}

async fn open(path: &Path) -> Store {
    let directory = DataDirectory::open(path).unwrap();
    Store::open(&directory, false, Arc::new(Nobody)).await.unwrap()
}

/// What an earlier one was answered, or the number it is stored with now.
async fn say(store: &Store, (who, to, time, random): Said, seq: u64, keep: bool) -> Option<u64> {
    let timeline = Timeline::of(who, &ConversationId::parse(to).unwrap());
    let nonce = Nonce::of(&timeline, who, time, random);
    let mut tx = store.begin(Locks::none().timeline(&timeline)).await.unwrap();
    let before = tx.sent_before(&nonce).await.unwrap();
    if before.is_none() {
        tx.remember_sent(nonce.clone(), seq, 0);
        assert_eq!(tx.sent_before(&nonce).await.unwrap(), Some((seq, 0)), "a transaction sees its own");
    }
    if keep {
        tx.commit().await.unwrap();
    }
    before.map(|(seq, _)| seq)
}

async fn check(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path()).await;
    let mut stored: HashMap<Said, u64> = HashMap::new();
    for (seq, step) in (1..).zip(steps) {
        match step {
            Step::Say(said) => {
                assert_eq!(say(&store, said, seq, true).await, stored.get(&said).copied(), "{said:?}");
                stored.entry(said).or_insert(seq);
            }
            Step::GiveUp(said) => {
                assert_eq!(say(&store, said, seq, false).await, stored.get(&said).copied(), "{said:?}");
            }
            Step::Reopen => {
                store.close().await.unwrap();
                drop(store);
                store = open(directory.path()).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn what_was_said_is_known(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_say_the_same_at_once_one_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    for time in 0..200 {
        let one = |seq| {
            let store = store.clone();
            tokio::spawn(async move { say(&store, ("alice", "C2Cbob", time, 1), seq, true).await })
        };
        let (first, second) = (one(1), one(2));
        let said = [first.await.unwrap(), second.await.unwrap()];
        assert!(matches!(said, [None, Some(1)] | [Some(2), None]), "{said:?}");
    }
}
