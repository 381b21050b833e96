mod actor;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use lethe_client::{Client, ClientError, Credentials, Replica};
use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::postgres::Postgres;
use lethe_protocol::ConversationId;
use lethe_server::{Chaos, Config, EngineName, Faults, Options, Running};
use lethe_store::Store;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use actor::{Actor, words};

pub(crate) const APP: u32 = 1_400_000_000;
pub(crate) const KEY: &str = "a key for tests";
pub(crate) const PASSWORD: &str = "a password for tests";

/// A server in this process and the directory it keeps; or, with `LETHE_TEST_NODES`, so many nodes with one PostgreSQL
/// database and one NATS cluster, over which the actors are spread.
pub(crate) struct World {
    running: Vec<Running>,
    addresses: Vec<SocketAddr>,
    next: AtomicUsize,
    options: Options,
    faults: Faults,
    /// How far the clocks run ahead, in ms.
    ahead: u64,
    /// Ends with the last world that uses it.
    _services: Option<Arc<Services>>,
    /// Removed with the world.
    _directory: TempDir,
}

/// What several nodes need.
pub(crate) struct Services {
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
}

impl Services {
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Services>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        let services = shared
            .upgrade()
            .unwrap_or_else(|| Arc::new(Self { postgres: Postgres::start(), nats: Nats::start(3) }));
        *shared = Arc::downgrade(&services);
        services
    }

    /// Settings of a node on a new database.
    pub(crate) fn options(&self) -> Options {
        static NAMES: AtomicU32 = AtomicU32::new(0);
        let name = format!("world{}", NAMES.fetch_add(1, Ordering::Relaxed));
        Options {
            database_url: Some(self.postgres.database(&name)),
            database_connections: Some(6),
            nats: Some(self.nats.urls()),
            ..Options::default()
        }
    }
}

/// How many nodes a world has.
pub(crate) fn nodes() -> usize {
    std::env::var("LETHE_TEST_NODES").ok().and_then(|number| number.parse().ok()).unwrap_or(1)
}

/// Memory-backed directories keep the tests from waiting for a disk; the calls are the same.
pub(crate) fn directory() -> TempDir {
    let fast = Path::new("/dev/shm");
    if fast.is_dir() { tempfile::tempdir_in(fast).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl World {
    /// A server whose data survives a restart, unless `LETHE_TEST_ENGINE` is `memory`.
    pub(crate) async fn new() -> Self {
        let in_memory = std::env::var("LETHE_TEST_ENGINE").is_ok_and(|engine| engine == "memory");
        Self::with(Options { engine: in_memory.then_some(EngineName::Memory), ..Options::default() }).await
    }

    /// A server whose data survives a restart, whatever the engine of the others.
    pub(crate) async fn durable() -> Self {
        Self::with(Options { engine: Some(EngineName::Fjall), ..Options::default() }).await
    }

    /// One node in memory, however many the other worlds have: its work is counted, and its commits fail on request.
    pub(crate) async fn counted() -> Self {
        let options = Options { engine: Some(EngineName::Memory), ..Options::default() };
        Self::of(1, options, Faults { no_eraser: true, ..Faults::default() }).await
    }

    /// The store of the first node.
    pub(crate) fn store(&self) -> &Store {
        self.running[0].store()
    }

    /// A server in memory.
    pub(crate) async fn in_memory() -> Self {
        Self::with(Options { engine: Some(EngineName::Memory), ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::of(nodes(), options, Faults::default()).await
    }

    /// So many nodes; one alone has an embedded engine.
    pub(crate) async fn of(nodes: usize, options: Options, faults: Faults) -> Self {
        let directory = directory();
        let mut options = Options {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            data: Some(directory.path().join("data")),
            sdkappid: Some(APP),
            secret_key: Some(KEY.to_owned()),
            console_password: Some(PASSWORD.to_owned()),
            ..options
        };
        let mut services = None;
        if nodes > 1 {
            let (shared, made) = tokio::task::spawn_blocking(|| {
                let services = Services::shared();
                let options = services.options();
                (services, options)
            })
            .await
            .unwrap();
            let Options { database_url, database_connections, nats, .. } = made;
            options = Options { database_url, database_connections, nats, ..options };
            services = Some(shared);
        }
        let mut world = Self {
            running: Vec::new(),
            addresses: Vec::new(),
            next: AtomicUsize::new(0),
            options,
            faults,
            ahead: 0,
            _services: services,
            _directory: directory,
        };
        world.start(nodes).await;
        world
    }

    async fn start(&mut self, nodes: usize) {
        for _ in 0..nodes {
            let config = Config::resolve(self.options.clone()).unwrap();
            let running = lethe_server::start_with_faults(config, false, self.faults).await.unwrap();
            running.set_ahead(self.ahead);
            self.running.push(running);
        }
        self.addresses = self.running.iter().map(|running| running.address).collect();
    }

    /// With several clients per user and deletions that reach them all.
    pub(crate) async fn synchronised() -> Self {
        let world = Self::new().await;
        world.configure(json!({"SyncConversationDeletion": true, "OnlineWebInstances": 10})).await;
        world
    }

    /// One of the nodes, another each time.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[self.next.fetch_add(1, Ordering::Relaxed) % self.addresses.len()]
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves another data directory instead.
    pub(crate) async fn move_to(&mut self, data: PathBuf) {
        self.stop().await;
        self.options.data = Some(data);
        self.restart().await;
    }

    /// Where the embedded store is.
    pub(crate) fn data(&self) -> PathBuf {
        self.options.data.clone().unwrap()
    }

    /// The settings of a node.
    pub(crate) fn config(&self) -> Config {
        Config::resolve(self.options.clone()).unwrap()
    }

    pub(crate) async fn stop(&mut self) {
        for running in self.running.drain(..) {
            running.stop().await.unwrap();
        }
    }

    /// The first of several nodes goes away; a node alone comes back.
    pub(crate) async fn fail_over(&mut self) {
        if self.running.len() == 1 {
            return self.restart().await;
        }
        self.running.remove(0).stop().await.unwrap();
        self.addresses.remove(0);
    }

    pub(crate) async fn restart(&mut self) {
        let nodes = self.addresses.len();
        self.stop().await;
        self.start(nodes).await;
    }

    /// Restarts with a clock that runs ahead of the system's by this, in ms.
    pub(crate) async fn restart_ahead(&mut self, ahead: u64) {
        self.ahead = ahead;
        self.restart().await;
    }

    /// Lets the clocks run ahead of the system's by this, in ms.
    pub(crate) fn set_ahead(&mut self, ahead: u64) {
        self.ahead = ahead;
        for running in &self.running {
            running.set_ahead(ahead);
        }
    }

    pub(crate) fn credentials(&self, user: &str) -> Credentials {
        static INSTANCES: AtomicU32 = AtomicU32::new(0);
        Credentials {
            sdk_app_id: APP,
            user_id: user.to_owned(),
            user_sig: sig(user, now()),
            instance: format!("{user}-{}", INSTANCES.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// A new client of a user.
    pub(crate) async fn log_in(&self, user: &str) -> Actor {
        self.resume(self.credentials(user), None).await.unwrap()
    }

    pub(crate) async fn resume(
        &self,
        credentials: Credentials,
        replica: Option<Replica>,
    ) -> Result<Actor, ClientError> {
        let client = Client::connect(self.address(), &credentials, replica).await?;
        Ok(Actor { client, credentials })
    }

    /// Calls the REST API as the administrator.
    pub(crate) async fn rest(&self, path: &str, body: Value) -> Value {
        let answer = self.rest_at(self.address(), path, body).await;
        if path == "lethe_config/set" {
            self.agreed().await;
        }
        answer
    }

    /// Settings reach all nodes within a second, where the machine has time for it; where words are lost, soon after. The
    /// cluster's tests look at the time, these go on when it is done.
    async fn agreed(&self) {
        let lossy = self.faults.chaos != Chaos::default();
        let deadline = Instant::now() + Duration::from_secs(if lossy { 8 } else { 5 });
        loop {
            let mut settings = Vec::new();
            for &address in &self.addresses {
                settings.push(self.rest_at(address, "lethe_config/get", json!({})).await);
            }
            if settings.iter().all(|one| *one == settings[0]) {
                return;
            }
            assert!(Instant::now() < deadline, "nodes have different settings: {settings:?}");
        }
    }

    /// Calls the REST API of one node.
    pub(crate) async fn rest_at(&self, address: SocketAddr, path: &str, body: Value) -> Value {
        let sig = sig("administrator", now());
        let query =
            format!("sdkappid={APP}&identifier=administrator&usersig={sig}&random=1&contenttype=json");
        post(address, &format!("/v4/{path}?{query}"), body.to_string()).await
    }

    pub(crate) async fn post(&self, path: &str, body: String) -> Value {
        post(self.address(), path, body).await
    }

    /// A figure of `/metrics`.
    pub(crate) async fn metric(&self, name: &'static str) -> u64 {
        let url = format!("http://{}/metrics", self.address());
        let call = move || ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
        let text = tokio::task::spawn_blocking(call).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    pub(crate) async fn configure(&self, settings: Value) {
        let answer = self.rest("lethe_config/set", settings).await;
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
    }
}

async fn post(address: SocketAddr, path: &str, body: String) -> Value {
    let url = format!("http://{address}{path}");
    let call = move || {
        let text = ureq::post(&url).send(body.as_bytes()).unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    };
    tokio::task::spawn_blocking(call).await.unwrap()
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn sig(user: &str, at: u64) -> String {
    lethe_server::mint(APP, KEY, user, at, 400 * 24 * 3600)
}

pub(crate) fn user(id: &str) -> ConversationId {
    ConversationId::User(id.to_owned())
}

pub(crate) fn group(id: &str) -> ConversationId {
    ConversationId::Group(id.to_owned())
}

pub(crate) fn text(text: &str) -> Box<RawValue> {
    let body = json!([{"MsgType": "TIMTextElem", "MsgContent": {"Text": text}}]);
    serde_json::value::to_raw_value(&body).unwrap()
}
