//! What every engine has to do.

use bytes::Bytes;
use lethe_store::{Batch, Direction, Engine, FjallEngine, MemoryEngine, Range, Space, Write};

use crate::postgres;

/// Runs a check on an engine of each kind.
macro_rules! on_every_engine {
    ($check:ident) => {{
        $check(&MemoryEngine::default(), "memory").await;
        let directory = tempfile::tempdir().unwrap();
        $check(&FjallEngine::open(&directory.path().join("store")).unwrap(), "fjall").await;
        $check(&postgres::app().await.engine().unwrap(), "postgres").await;
    }};
}

fn put(key: &'static str, value: &str) -> Write {
    (Space::Messages, key.into(), Some(Bytes::from(value.to_owned())))
}

async fn keys(engine: &impl Engine, range: Range, direction: Direction, limit: usize) -> Vec<String> {
    let pairs = engine.scan(Space::Messages, &range, direction, limit).await.unwrap();
    pairs.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect()
}

#[tokio::test]
async fn reads_give_what_was_written_last() {
    on_every_engine!(reads);
}

async fn reads(engine: &impl Engine, name: &str) {
    let get = async |key: &str| engine.get(Space::Messages, key.as_bytes()).await.unwrap();
    assert_eq!(get("a").await, None);
    engine.commit(Batch { writes: vec![put("a", "1"), put("b", "2")] }).await.unwrap();
    let writes = vec![put("a", "3"), (Space::Messages, "b".into(), None)];
    engine.commit(Batch { writes }).await.unwrap();
    assert_eq!(get("a").await.as_deref(), Some(&b"3"[..]), "{name}");
    assert_eq!(get("b").await, None, "{name}");
    assert_eq!(engine.get(Space::Views, b"a").await.unwrap(), None, "{name}: spaces are apart");
}

#[tokio::test]
async fn scans_go_both_ways_with_limits_and_exclusive_ends() {
    on_every_engine!(scans);
}

async fn scans(engine: &impl Engine, name: &str) {
    let writes = ["a", "b1", "b2", "b3", "c"].map(|key| put(key, "x")).to_vec();
    engine.commit(Batch { writes }).await.unwrap();
    let range = |start: &str, end: Option<&str>| Range { start: start.into(), end: end.map(Into::into) };
    let (forward, backward) = (Direction::Forward, Direction::Backward);
    assert_eq!(keys(engine, range("", None), forward, 9).await, ["a", "b1", "b2", "b3", "c"], "{name}");
    assert_eq!(keys(engine, range("", None), backward, 2).await, ["c", "b3"], "{name}");
    assert_eq!(keys(engine, range("b1", Some("b3")), forward, 9).await, ["b1", "b2"], "{name}");
    assert_eq!(keys(engine, range("b1", Some("b3")), backward, 9).await, ["b2", "b1"], "{name}");
    assert_eq!(keys(engine, Range::prefix(b"b"), forward, 9).await, ["b1", "b2", "b3"], "{name}");
    assert_eq!(keys(engine, Range::prefix(b"b"), forward, 0).await, [""; 0], "{name}");
    assert_eq!(keys(engine, range("b", Some("b")), forward, 9).await, [""; 0], "{name}");
    let inverted = keys(engine, range("c", Some("a")), backward, 9).await;
    assert_eq!(inverted, [""; 0], "{name}: an end before its start");
}
