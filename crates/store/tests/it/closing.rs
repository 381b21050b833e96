//! A store that was closed leaves nothing to replay, and one that was killed loses nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lethe_domain::conversations::{Head, View};
use lethe_protocol::ConversationId;
use lethe_store::{DataDirectory, Direction, Locks, Store, StoreError, Timeline};

use crate::model::{Nobody, message};

fn timeline() -> Timeline {
    Timeline::Group("g".to_owned())
}

async fn open(path: &Path) -> Store {
    let directory = DataDirectory::open(path).unwrap();
    Store::open(&directory, false, Arc::new(Nobody)).await.unwrap()
}

async fn append(store: &Store, n: u64) -> Result<(), StoreError> {
    let mut tx = store.begin(Locks::none().timeline(&timeline())).await?;
    tx.append(&timeline(), message(n)).await?;
    tx.commit().await
}

async fn seqs(store: &Store) -> Vec<u64> {
    let tx = store.begin(Locks::none()).await.unwrap();
    let all = tx.messages(&timeline(), 0, u64::MAX, Direction::Forward, 100).await.unwrap();
    all.iter().map(|message| message.seq).collect()
}

fn journals(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.join("store")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_closed_has_an_empty_journal_and_everything() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let store = open(directory.path()).await;
        for n in 0..10 {
            append(&store, n).await.unwrap();
        }
        store.close().await.unwrap();
        let left = journals(directory.path());
        assert_eq!(left.len(), 1);
        assert_eq!(std::fs::metadata(&left[0]).unwrap().len(), 0);
        assert!(matches!(append(&store, 11).await, Err(StoreError::Stopped)), "nothing more is taken");
        assert!(store.compact().await.is_err());
        assert_eq!(seqs(&store).await, (1..=round * 10).collect::<Vec<_>>(), "what is there can be read");
    }
    let store = open(directory.path()).await;
    assert_eq!(seqs(&store).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(store.totals().await.unwrap().messages, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_after_a_clean_start_survives_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let store = open(&path).await;
    append(&store, 0).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    for kill in 1..=3 {
        let store = open(&path).await;
        append(&store, kill).await.unwrap();
        // The files as a kill would leave them.
        let killed = directory.path().join(format!("killed{kill}"));
        copy(&path, &killed);
        let found = open(&killed).await;
        assert_eq!(seqs(&found).await, (1..=kill + 1).collect::<Vec<_>>());
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_without_locks_knows_whether_it_read_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let id = ConversationId::Group("g".to_owned());
    let writer = {
        let (store, id) = (store.clone(), id.clone());
        tokio::spawn(async move {
            for n in 1..=2_000 {
                let mut tx = store.begin(Locks::none().timeline(&timeline())).await.unwrap();
                tx.put_head(&timeline(), &Head { seq: n, ..Head::default() });
                let mut view = View::default();
                view.own = n;
                tx.put_view("bob", &id, &view);
                tx.commit().await.unwrap();
            }
        })
    };
    let (mut whole, mut newest) = (0, 0);
    while newest < 2_000 {
        let tx = store.begin(Locks::none()).await.unwrap();
        let head = tx.head(&timeline()).await.unwrap();
        let view = tx.view_at("bob", &id, &Head::default()).await.unwrap();
        if tx.is_of_one_moment() {
            assert_eq!(head.seq, view.map_or(0, |view| view.own));
            whole += 1;
            newest = head.seq;
        }
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    assert!(whole > 0);
}
