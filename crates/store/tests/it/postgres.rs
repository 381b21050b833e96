//! PostgreSQL: one server for all tests of this binary, a database for each; and what only it can get wrong.

use std::future::{Future as _, poll_fn};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use lethe_cluster_tests::postgres::Postgres;
use lethe_protocol::ConversationId;
use lethe_store::{
    Database, DatabaseOptions, Direction, Identity, Locks, Need, Publish, Store, StoreError, Timeline,
};

use crate::model::{Nobody, message};

const APP: u32 = 1_400_000_000;

/// A database of its own on the server that all tests share, which ends with the last of them.
pub(crate) fn database() -> (Arc<Postgres>, String) {
    static SHARED: Mutex<std::sync::Weak<Postgres>> = Mutex::new(std::sync::Weak::new());
    static NAMES: AtomicU32 = AtomicU32::new(0);
    let mut shared = SHARED.lock().unwrap();
    let server = shared.upgrade().unwrap_or_else(|| Arc::new(Postgres::start()));
    *shared = Arc::downgrade(&server);
    let url = server.database(&format!("test{}", NAMES.fetch_add(1, Ordering::Relaxed)));
    (server, url)
}

pub(crate) fn identity(secret_key: &str) -> Identity {
    Identity { sdk_app_id: APP, secret_key: secret_key.to_owned(), console_password: "password".to_owned() }
}

pub(crate) fn options(url: &str) -> DatabaseOptions {
    DatabaseOptions { url: url.to_owned(), connections: 9, ..DatabaseOptions::default() }
}

/// An app in a database of its own.
pub(crate) struct App {
    pub(crate) server: Arc<Postgres>,
    pub(crate) url: String,
    database: Database,
}

pub(crate) async fn app() -> App {
    let (server, url) = tokio::task::spawn_blocking(database).await.unwrap();
    let database = Database::connect(options(&url)).await.unwrap();
    database.prepare(&identity("key")).await.unwrap();
    App { server, url, database }
}

impl App {
    pub(crate) fn engine(&self) -> Result<lethe_store::PostgresEngine, StoreError> {
        self.database.engine(APP)
    }

    pub(crate) async fn store(&self, publisher: Arc<dyn Publish>) -> Store {
        self.database.open(APP, publisher).await.unwrap().0
    }
}

async fn append(store: &Store, timeline: &Timeline, n: u64) -> Result<u64, StoreError> {
    let need = || Need::new().head(timeline);
    let mut tx = store.begin_with(Locks::none().timeline(timeline), need).await?;
    let seq = tx.append(timeline, message(n)).await?.seq;
    tx.commit().await?;
    Ok(seq)
}

fn pair(n: usize) -> Timeline {
    Timeline::of("alice", &ConversationId::User(format!("user{n}")))
}

async fn seqs(store: &Store, timeline: &Timeline) -> Vec<u64> {
    let read = async || {
        let tx = store.begin(Locks::none()).await?;
        tx.messages(timeline, 0, u64::MAX, Direction::Forward, 10_000).await
    };
    loop {
        match read().await {
            Ok(messages) => return messages.iter().map(|message| message.seq).collect(),
            // A connection of the pool that was cut before it was used again.
            Err(StoreError::Again(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Two nodes, one database: locks of one keep the other out, and what waits together is committed together.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_write_one_timeline_without_a_gap_and_with_fewer_commits_than_messages() {
    let app = app().await;
    let nodes = [app.store(Arc::new(Nobody)).await, app.store(Arc::new(Nobody)).await];
    let (hot, count) = (pair(0), 200);
    let before = commits(&app);
    let work = (0..count).map(|n| {
        let (store, hot) = (nodes[usize::try_from(n % 2).unwrap()].clone(), hot.clone());
        tokio::spawn(async move { append(&store, &hot, n).await.unwrap() })
    });
    let mut answered = Vec::new();
    for one in work.collect::<Vec<_>>() {
        answered.push(one.await.unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (1..=count).collect::<Vec<_>>());
    assert_eq!(seqs(&nodes[1], &hot).await, answered);
    assert_eq!(nodes[0].totals().await.unwrap().messages, count);
    let made = commits(&app) - before;
    assert!(made < count / 2, "{made} commits for {count} messages of one timeline");
}

/// Keys of commits that are kept: one for each database transaction that wrote.
fn commits(app: &App) -> u64 {
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let sql = format!("select count(*) from lethe_{APP}.commits");
    app.server.query_in(&name, &sql).parse().unwrap()
}

/// A table that is nearly empty when a statement is planned is read by its key nevertheless: the plan is kept for as long as
/// the connection, and the table grows.
#[tokio::test(flavor = "multi_thread")]
async fn small_tables_are_read_by_their_keys_too() {
    let app = app().await;
    let store = app.store(Arc::new(Nobody)).await;
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let used = |how: &str| {
        let tables = "relname not in ('app', 'totals')";
        let sql = format!(
            "select coalesce(sum({how}), 0) from pg_stat_user_tables where schemaname = 'lethe_{APP}' and {tables}"
        );
        app.server.query_in(&name, &sql).parse::<u64>().unwrap()
    };
    let all = used("seq_scan");
    let timelines: Vec<Timeline> = (0..100).map(pair).collect();
    for n in 0..20 {
        let need = || timelines.iter().fold(Need::new(), |need, timeline| need.head(timeline));
        let locks = timelines.iter().fold(Locks::none(), |locks, timeline| locks.timeline(timeline));
        let mut tx = store.begin_with(locks, need).await.unwrap();
        for timeline in &timelines {
            assert_eq!(tx.append(timeline, message(n)).await.unwrap().seq, n + 1);
        }
        tx.commit().await.unwrap();
        assert_eq!(seqs(&store, &timelines[0]).await.len() as u64, n + 1);
        if n == 0 {
            // From here on the planner knows how small they are.
            let _ = app.server.query_in(&name, "analyze");
        }
    }
    // What a session has used is counted when it ends.
    store.close().await.unwrap();
    drop(store);
    let open =
        format!("select count(*) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()");
    while app.server.query_in(&name, &open) != "0" {}
    // At least one for each statement; how many for its keys differs between versions.
    assert!(used("idx_scan") >= 20, "{}", used("idx_scan"));
    assert_eq!(used("seq_scan") - all, 0);
}

/// Deletions lock many timelines in any order while others send to each of them.
#[tokio::test(flavor = "multi_thread")]
async fn overlapping_locks_on_two_nodes_never_deadlock() {
    let app = app().await;
    let nodes = [app.store(Arc::new(Nobody)).await, app.store(Arc::new(Nobody)).await];
    let timelines: Vec<Timeline> = (0..6).map(pair).collect();
    let work = (0..120_usize).map(|n| {
        let (store, timelines) = (nodes[n % 2].clone(), timelines.clone());
        tokio::spawn(async move {
            if n % 3 > 0 {
                return append(&store, &timelines[n % 6], n as u64).await.map(|_| ());
            }
            let order = |i: usize| if n % 2 == 0 { i } else { 5 - i };
            let locks = (0..6).fold(Locks::none(), |locks, i| locks.timeline(&timelines[order(i)]));
            let mut tx = store.begin(locks).await?;
            for timeline in &timelines {
                tx.append(timeline, message(n as u64)).await?;
            }
            tx.commit().await
        })
    });
    for one in work.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    let mut all = 0;
    for timeline in &timelines {
        let seqs = seqs(&nodes[0], timeline).await;
        assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
        all += seqs.len();
    }
    assert_eq!(all, 80 + 40 * 6);
}

/// A transaction that is dropped, also while others wait behind it in its bundle, changes nothing and holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_transaction_leaves_nothing_behind() {
    let app = app().await;
    let store = app.store(Arc::new(Nobody)).await;
    let hot = pair(0);
    let mut abandoned = store.begin(Locks::none().timeline(&hot)).await.unwrap();
    abandoned.append(&hot, message(1)).await.unwrap();
    let waiting: Vec<_> = (0..5)
        .map(|n| {
            let (store, hot) = (store.clone(), hot.clone());
            tokio::spawn(async move { append(&store, &hot, n).await.unwrap() })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(abandoned);
    let mut answered = Vec::new();
    for one in waiting {
        answered.push(one.await.unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4, 5]);
}

/// Connections are cut again and again while messages are sent: whatever was answered is there exactly once, and whatever
/// was refused with `Again` is not there at all.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_found_out_and_never_guessed() {
    let app = app().await;
    let store = app.store(Arc::new(Nobody)).await;
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let (server, over) = (Arc::clone(&app.server), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let stop = Arc::clone(&over);
    let cutting = tokio::task::spawn_blocking(move || {
        let sql = format!(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()"
        );
        let mut cut = 0;
        while !stop.load(Ordering::SeqCst) {
            cut += server.query(&sql).parse::<u64>().unwrap();
        }
        cut
    });
    let senders = (0..8).map(|n| {
        let (store, timeline) = (store.clone(), pair(n));
        tokio::spawn(async move {
            let (mut answered, mut refused) = (Vec::new(), 0);
            for n in 0..60 {
                match append(&store, &timeline, n).await {
                    Ok(seq) => answered.push(seq),
                    Err(StoreError::Again(_)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (timeline, answered, refused)
        })
    });
    let mut sent = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        sent.push(sender.await);
    }
    over.store(true, Ordering::SeqCst);
    let (cut, mut refusals) = (cutting.await.unwrap(), 0);
    for sender in sent {
        let (timeline, answered, refused) = sender.unwrap();
        assert_eq!(seqs(&store, &timeline).await, answered, "refused: {refused}");
        refusals += refused;
    }
    assert!(cut > 0 && refusals > 0, "nothing was cut while it mattered");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_make_one_schema_and_one_identity() {
    let (_server, url) = tokio::task::spawn_blocking(database).await.unwrap();
    let starting = (0..4).map(|n| {
        let options = options(&url);
        tokio::spawn(async move {
            let database = Database::connect(options).await.unwrap();
            database.prepare(&identity(&format!("key {n}"))).await.unwrap()
        })
    });
    let mut kept = Vec::new();
    for one in starting.collect::<Vec<_>>() {
        kept.push(one.await.unwrap());
    }
    assert!(kept.iter().all(|identity| *identity == kept[0]), "{kept:?}");
    let database = Database::connect(options(&url)).await.unwrap();
    assert_eq!(database.apps().await.unwrap(), [APP]);
    assert_eq!(database.identity(APP).await.unwrap(), Some(kept[0].clone()));
    assert_eq!(database.identity(APP + 1).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_refused_in_a_sentence_and_not_touched() {
    let app = app().await;
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let refused = async |url: &str| Database::connect(options(url)).await.unwrap_err().to_string();
    assert!(refused("nonsense").await.contains("URL"), "{}", refused("nonsense").await);
    assert!(refused("postgres://").await.contains("names no host"));
    let wrong = app.url.replace("tests@", "nothing@");
    assert!(refused(&wrong).await.contains("password authentication failed"), "{}", refused(&wrong).await);
    let away = refused("postgres://x@127.0.0.1:1/x").await;
    assert!(away.contains("refused"), "{away}");
    let _ = app.server.query_in(&name, &format!("create schema lethe_{}", APP + 1));
    let foreign = app.database.identity(APP + 1).await.unwrap_err().to_string();
    assert!(foreign.contains("is not Lethe's"), "{foreign}");
    let _ = app.server.query_in(&name, &format!("update lethe_{APP}.app set format = 99"));
    let newer = app.database.prepare(&identity("key")).await.unwrap_err().to_string();
    assert!(newer.contains("format 99"), "{newer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_the_first_format_is_brought_up_to_date_once_and_keeps_what_it_has() {
    let app = app().await;
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let timeline = Timeline::of("alice", &ConversationId::User("bob".to_owned()));
    let store = app.store(Arc::new(Nobody)).await;
    append(&store, &timeline, 1).await.unwrap();
    store.close().await.unwrap();
    // As the first format was.
    let schema = format!("lethe_{APP}");
    for table in ["journal", "undos", "erasures", "erasure_times", "holds", "keys"] {
        let _ = app.server.query_in(&name, &format!("drop table {schema}.{table}"));
    }
    let columns = "drop column erased, drop column erased_bytes";
    let _ = app.server.query_in(&name, &format!("alter table {schema}.totals {columns}"));
    let _ = app.server.query_in(&name, &format!("alter table {schema}.commits drop column fenced"));
    let _ = app.server.query_in(&name, &format!("update {schema}.app set format = 1"));
    let starting = (0..4).map(|_| {
        let options = options(&app.url);
        tokio::spawn(async move {
            Database::connect(options).await.unwrap().prepare(&identity("key")).await.map(|_| ())
        })
    });
    for one in starting.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    let store = app.store(Arc::new(Nobody)).await;
    let mut tx = store.begin(Locks::none().timeline(&timeline)).await.unwrap();
    assert_eq!(tx.head(&timeline).await.unwrap().seq, 1);
    let messages = tx.messages(&timeline, 0, 1, Direction::Forward, 10).await.unwrap();
    let erased = tx.erase_messages(&timeline, &messages).unwrap();
    tx.queue_erasure(&timeline, 7).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((erased.messages, store.totals().await.unwrap().erased), (1, 1));
    let waiting = store.begin(Locks::none()).await.unwrap().erasures(8, 10).await.unwrap();
    assert_eq!(waiting.len(), 1);
    store.close().await.unwrap();
}

/// The answer to the question for an outcome may be lost like that to the commit: asked again, it is the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_the_same_however_often_it_is_asked_for() {
    let app = app().await;
    let name = app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let engine = app.engine().unwrap();
    let (never, once) = ([7; 16], [8; 16]);
    let claim = format!("insert into lethe_{APP}.commits (id) values (decode('{}', 'hex'))", "08".repeat(16));
    let _ = app.server.query_in(&name, &claim);
    for _ in 0..3 {
        assert!(!engine.has_commit(never).await.unwrap(), "nothing was ever committed with this key");
        assert!(engine.has_commit(once).await.unwrap());
    }
    // And from the first question on nothing can be.
    let late = claim.replace("08", "07");
    let refused =
        format!("do $$ begin {late}; exception when unique_violation then raise notice 'late'; end $$");
    let _ = app.server.query_in(&name, &refused);
    assert!(!engine.has_commit(never).await.unwrap());
}

/// Who only reads, and is answered for what another of the same bundle wrote, is answered with that one's commit.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_before_its_commit_is_not_answered_before_it() {
    let app = app().await;
    let store = app.store(Arc::new(Nobody)).await;
    let timeline = pair(0);
    let begin = || Box::pin(store.begin(Locks::none().timeline(&timeline)));
    let mut writer = begin().await.unwrap();
    // Both wait for the writer's turn to end, in its bundle, one after the other.
    let (mut reader, mut last) = (begin(), begin());
    for waiting in [&mut reader, &mut last] {
        assert!(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
    }
    writer.append(&timeline, message(1)).await.unwrap();
    let written = tokio::spawn(writer.commit());
    let reader = reader.await.unwrap();
    assert_eq!(reader.head(&timeline).await.unwrap().seq, 1, "it builds on what is not committed yet");
    let answered = tokio::spawn(reader.commit());
    // The last one keeps the bundle from its commit.
    let last = last.await.unwrap();
    for n in 0..5 {
        last.message(&timeline, 100 + n).await.unwrap();
    }
    assert!(!answered.is_finished() && !written.is_finished());
    drop(last);
    answered.await.unwrap().unwrap();
    written.await.unwrap().unwrap();
    assert_eq!(seqs(&store, &timeline).await, [1]);
}
