//! Durable before answered, committed before told, and told in the order of the log.

use std::sync::{Arc, Mutex};

use lethe_protocol::{ConversationId, Event, PeerRead};
use lethe_store::{
    Audience, Committed, DataDirectory, Direction, Locks, Publication, Publish, Store, StoreError, Timeline,
};

use crate::model::{Nobody, message};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Publish for Told {
    fn publish(&self, committed: Committed) {
        for publication in committed.into_publications() {
            if let Publication::Event { frame, .. } = publication {
                self.0.lock().unwrap().push(frame.to_string());
            }
        }
    }
}

fn event(n: u64) -> Event {
    Event::PeerRead(PeerRead { user_id: "bob".into(), read_to: n })
}

fn timeline() -> Timeline {
    Timeline::of("alice", &ConversationId::parse("C2Cbob").unwrap())
}

async fn append(store: &Store, n: u64) -> Result<(), StoreError> {
    let mut tx = store.begin(Locks::none().timeline(&timeline())).await.unwrap();
    let stored = tx.append(&timeline(), message(n)).await?;
    tx.tell(Audience::Users(vec!["alice".into()]), &event(stored.seq));
    tx.commit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_the_order_of_the_log_and_before_the_answer() {
    let told = Arc::new(Told::default());
    let store = Store::in_memory(told.clone()).await.unwrap();
    let tasks: Vec<_> = (0..500)
        .map(|n| {
            let (store, told) = (store.clone(), told.clone());
            tokio::spawn(async move {
                append(&store, n).await.unwrap();
                told.0.lock().unwrap().len()
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap() > 0, "told before answered");
    }
    let expected: Vec<_> = (1..=500).map(|n| lethe_protocol::event(&event(n))).collect();
    assert_eq!(*told.0.lock().unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_is_an_error_is_not_told_and_stops_the_store() {
    let told = Arc::new(Told::default());
    let store = Store::in_memory(told.clone()).await.unwrap();
    append(&store, 1).await.unwrap();
    store.fail_commits(true);
    assert!(matches!(append(&store, 2).await, Err(StoreError::Write(_))));
    assert!(matches!(store.failure().await, StoreError::Write(_)));
    store.fail_commits(false);
    assert!(append(&store, 3).await.is_err(), "nothing more is taken after a failure");
    assert!(store.settle().await.is_err(), "and nothing that was read may leave");
    assert_eq!(told.0.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    for round in 0..3 {
        let data = DataDirectory::open(&path).unwrap();
        let store = Store::open(&data, false, Arc::new(Nobody)).await.unwrap();
        assert_eq!(store.totals().await.unwrap().messages, round * 10);
        for n in 0..10 {
            append(&store, n).await.unwrap();
        }
        let tx = store.begin(Locks::none()).await.unwrap();
        let all = tx.messages(&timeline(), 0, u64::MAX, Direction::Forward, 100).await.unwrap();
        let seqs: Vec<u64> = all.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..=(round + 1) * 10).collect::<Vec<_>>());
        drop(tx);
        store.close().await.unwrap();
    }
}

#[test]
fn a_directory_serves_one_process() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let first = DataDirectory::open(&path).unwrap();
    assert!(DataDirectory::open(&path).unwrap_err().to_string().contains("in use"));
    drop(first);
    DataDirectory::open(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewriting_that_cannot_write_its_tables_ends_with_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let open = DataDirectory::open(directory.path()).unwrap();
    let store = Store::open(&open, false, Arc::new(Nobody)).await.unwrap();
    append(&store, 1).await.unwrap();
    let mut removed = 0;
    for entry in walk(directory.path()) {
        if entry.file_name().is_some_and(|name| name == "tables") {
            std::fs::remove_dir_all(&entry).unwrap();
            removed += 1;
        }
    }
    assert!(removed > 0, "the engine keeps its tables elsewhere now");
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), store.compact()).await;
    assert!(ended.expect("it waits for what will never come").is_err());
}

/// All directories below one.
fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_backwards_have_what_is_there_also_where_some_are_erased() {
    let store = Store::in_memory(Arc::new(Nobody)).await.unwrap();
    for n in 0..10 {
        append(&store, n).await.unwrap();
    }
    let mut tx = store.begin(Locks::none().timeline(&timeline())).await.unwrap();
    assert!(tx.erase_messages(&timeline(), &[]).is_none());
    let messages = tx.messages(&timeline(), 0, 4, Direction::Forward, 10).await.unwrap();
    assert_eq!(tx.erase_messages(&timeline(), &messages).unwrap().last, 4);
    tx.commit().await.unwrap();
    let tx = store.begin(Locks::none()).await.unwrap();
    for (after, to, limit, expected) in [
        (0, 10, 3, vec![10, 9, 8]),
        (0, 10, 6, vec![10, 9, 8, 7, 6, 5]),
        (0, 10, 7, vec![10, 9, 8, 7, 6, 5]),
        (0, 10, 100, vec![10, 9, 8, 7, 6, 5]),
        (0, 6, 4, vec![6, 5]),
        (7, 10, 100, vec![10, 9, 8]),
        (7, 10, 2, vec![10, 9]),
        (0, 3, 10, vec![]),
        (10, 10, 10, vec![]),
        (8, u64::MAX, 5, vec![10, 9]),
        (0, u64::MAX, 2, vec![10, 9]),
    ] {
        let page = tx.messages(&timeline(), after, to, Direction::Backward, limit).await.unwrap();
        let seqs: Vec<u64> = page.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, expected, "({after}, {to}] at most {limit}");
        for _ in 0..3 {
            let page = tx.page(&timeline(), after, to, Direction::Backward, limit).await.unwrap();
            assert!(page.iter().rev().map(|message| message.seq).eq(expected.iter().copied()));
        }
    }
}
