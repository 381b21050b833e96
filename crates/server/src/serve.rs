use std::future::{Future, IntoFuture as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lethe_store::{DataDirectory, Database, DatabaseOptions, Identity, Locks, Publish, Store, StoreError};
use rand::RngExt as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::bus::{Bus, BusError, Chaos};
use crate::cluster;
use crate::config::{Config, EngineName};
use crate::context::{Context, now_ms};
use crate::doors;
use crate::eraser;
use crate::failure::Failure;
use crate::handlers;
use crate::hub::Hub;
use crate::journal::{self, Replayed, replay};
use crate::listener::Guarded;
use crate::usersig;
use crate::wire::Wire;

/// Sockets that may wait to be taken: after a restart all clients come at once. The system may allow fewer.
const BACKLOG: u32 = 4096;

/// Why a server did not start, or had to stop, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The data directory or the database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data directory belongs to another app.
    #[error("the data directory belongs to SDKAppID {kept}, not {asked}")]
    OtherApp {
        /// The one kept there.
        kept: u32,
        /// The one asked for.
        asked: u32,
    },
    /// The database keeps the app with other secrets.
    #[error(
        "the database holds SDKAppID {app} with another {what}: leave it out, or choose another SDKAppID"
    )]
    OtherKey {
        /// The app.
        app: u32,
        /// Which secret differs.
        what: &'static str,
    },
    /// The copy of the deletion journal cannot be written.
    #[error("the deletion journal {} cannot be written: {error}", path.display())]
    Journal {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The bus cannot be used.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The server's task ended by itself.
    #[error("the server ended: {0}")]
    Ended(String),
}

impl From<Failure> for StartError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            Failure::Refused(error) => Self::Ended(error.to_string()),
        }
    }
}

/// A server that accepts connections.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Who it is.
    pub identity: Identity,
    context: Arc<Context>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    /// Held as long as the server runs; its lock keeps other processes out.
    _directory: Option<DataDirectory>,
}

/// Starts a server: when this returns, it accepts connections. The address is taken before anything is written, so that
/// a start that fails has changed nothing.
///
/// # Errors
/// See [`StartError`].
pub async fn start(config: Config, salvage: bool) -> Result<Running, StartError> {
    start_with_faults(config, salvage, Faults::default()).await
}

/// Faults of a node, for the tests that show that they are harmless, or that they are noticed.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// What the bus does to this node's words.
    pub chaos: Chaos,
    /// Clients are not asked where they stand.
    pub no_healing: bool,
    /// Requests are answered before they are committed.
    pub answers_before_commit: bool,
    /// Nothing is erased in the background, so that what requests cost can be counted.
    pub no_eraser: bool,
}

/// See [`start`].
///
/// # Errors
/// See [`start`].
#[doc(hidden)]
pub async fn start_with_faults(config: Config, salvage: bool, faults: Faults) -> Result<Running, StartError> {
    let asked = config.listen;
    let listener = listen(asked).map_err(|error| StartError::Listen { address: asked, error })?;
    let address = listener.local_addr().map_err(|error| StartError::Listen { address: asked, error })?;
    let hub = Hub::new(!faults.no_healing);
    let Opened { store, identity, directory, cluster } = open(&config, salvage, hub.clone(), faults).await?;
    hub.set_settings(Arc::new(store.begin(Locks::none()).await?.settings().await?));
    let joined = match cluster.filter(|_| !config.nats.is_empty()) {
        Some(cluster) => Some(Bus::join(&config.nats, &cluster, faults.chaos).await?),
        None => None,
    };
    handlers::deletions::sweep(&config.exports_directory());
    let address_text = format!("http://{address}");
    let context = Arc::new(Context::new(store, Arc::clone(&hub), identity.clone(), config, address_text));
    ship_journal(&context).await?;
    if !faults.no_eraser {
        tokio::spawn(eraser::run(Arc::downgrade(&context)));
    }
    if let Some((bus, heard)) = joined {
        let (moved, when_moved) = mpsc::unbounded_channel();
        hub.join(Arc::new(bus), moved);
        tokio::spawn(cluster::follow(Arc::downgrade(&context), heard, when_moved));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let doors = doors::router(Arc::clone(&context)).into_make_service_with_connect_info::<Wire>();
    let server = axum::serve(Guarded::new(listener), doors).with_graceful_shutdown(shutdown);
    let served = tokio::spawn(server.into_future());
    Ok(Running { address, identity, context, stop, served, _directory: directory })
}

/// What every command works with that needs the store and no clients.
pub(crate) async fn offline(config: Config) -> Result<(Arc<Context>, Option<DataDirectory>), StartError> {
    let hub = Hub::new(true);
    let Opened { store, identity, directory, .. } =
        open(&config, false, hub.clone(), Faults::default()).await?;
    hub.set_settings(Arc::new(store.begin(Locks::none()).await?.settings().await?));
    Ok((Arc::new(Context::new(store, hub, identity, config, String::new())), directory))
}

/// Applies what a restored store does not know of the copy of the journal, and goes on with that copy.
async fn ship_journal(cx: &Context) -> Result<(), StartError> {
    let path = cx.config.deletion_journal.clone();
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let Replayed { applied, last } = replay(cx, &path).await?;
    if applied > 0 {
        tracing::warn!(applied, "deletions newer than the store were applied from the copy of the journal");
    }
    journal::know(cx, &path).await?;
    let opened = cx.hub.journal.ship_to(&path, cx.identity.sdk_app_id);
    opened.map_err(|error| StartError::Journal { path, error })?;
    Ok(journal::keep(cx, &cx.hub.journal, last).await?)
}

/// The copy of the journal is whole, and the store knows it.
async fn close_journal(context: &Arc<Context>) -> Result<(), StartError> {
    let cx = Arc::clone(context);
    let _ = tokio::task::spawn_blocking(move || cx.hub.journal.close()).await;
    let path = &context.config.deletion_journal;
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    Ok(journal::know(context, path).await?)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for sockets of the last run to be forgotten; a port that is listened on stays refused.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A store, whose it is, and what has to be kept beside it.
struct Opened {
    store: Store,
    identity: Identity,
    directory: Option<DataDirectory>,
    /// The name by which the nodes of one database find each other.
    cluster: Option<String>,
}

async fn open(
    config: &Config,
    salvage: bool,
    publisher: Arc<dyn Publish>,
    faults: Faults,
) -> Result<Opened, StartError> {
    if !config.database_url.is_empty() {
        return open_database(config, publisher, faults).await;
    }
    match config.engine {
        EngineName::Memory => {
            let identity = choose_identity(config, None)?;
            let store = Store::in_memory(publisher).await?;
            Ok(Opened { store, identity, directory: None, cluster: None })
        }
        EngineName::Fjall => {
            let directory = DataDirectory::open(&config.data)?;
            let kept = directory.identity()?;
            let identity = choose_identity(config, kept.as_ref())?;
            let store = Store::open(&directory, salvage, publisher).await?;
            if kept.as_ref() != Some(&identity) {
                directory.keep_identity(&identity)?;
            }
            Ok(Opened { store, identity, directory: Some(directory), cluster: None })
        }
    }
}

async fn open_database(
    config: &Config,
    publisher: Arc<dyn Publish>,
    faults: Faults,
) -> Result<Opened, StartError> {
    let database = connect(config, faults).await?;
    let app = choose_app(config, &database.apps().await?)?;
    let kept = database.identity(app).await?;
    let identity = match &kept {
        Some(kept) => same_app(config, kept)?,
        None => choose_identity(&Config { sdkappid: app, ..config.clone() }, None)?,
    };
    // Another node may have been faster: its identity counts.
    let identity = same_app(config, &database.prepare(&identity).await?)?;
    let (store, cluster) = database.open(app, publisher).await?;
    Ok(Opened { store, identity, directory: None, cluster: Some(cluster) })
}

async fn connect(config: &Config, faults: Faults) -> Result<Database, StartError> {
    let options = DatabaseOptions {
        url: config.database_url.clone(),
        ca: Some(config.database_ca.clone()).filter(|path| !path.as_os_str().is_empty()),
        connections: config.database_connections,
        answers_before_commit: faults.answers_before_commit,
    };
    Ok(Database::connect(options).await?)
}

/// The app that is asked for, or the only one in the database.
fn choose_app(config: &Config, apps: &[u32]) -> Result<u32, StartError> {
    match (config.sdkappid, apps) {
        (0, &[only]) => Ok(only),
        (0, _) => {
            let message = format!("the database holds {} apps: say which with --sdkappid", apps.len());
            Err(StoreError::Directory(message).into())
        }
        (asked, _) => Ok(asked),
    }
}

/// What the database keeps, unless something else is asked for: then two apps have one ID.
fn same_app(config: &Config, kept: &Identity) -> Result<Identity, StartError> {
    let app = kept.sdk_app_id;
    let other = |asked: &str, kept: &str| !asked.is_empty() && asked != kept;
    if other(&config.secret_key, &kept.secret_key) {
        return Err(StartError::OtherKey { app, what: "secret key" });
    }
    if other(&config.console_password, &kept.console_password) {
        return Err(StartError::OtherKey { app, what: "console password" });
    }
    Ok(kept.clone())
}

/// What was asked for over what was kept over something new.
fn choose_identity(config: &Config, kept: Option<&Identity>) -> Result<Identity, StartError> {
    let asked = config.sdkappid;
    if let Some(kept) = kept.filter(|kept| asked != 0 && kept.sdk_app_id != asked) {
        return Err(StartError::OtherApp { kept: kept.sdk_app_id, asked });
    }
    let text = |asked: &str, kept: Option<&String>, made: fn() -> String| match (asked, kept) {
        ("", Some(kept)) => kept.clone(),
        ("", None) => made(),
        (asked, _) => asked.to_owned(),
    };
    let made = || rand::rng().random_range(1_400_000_000..1_700_000_000);
    Ok(Identity {
        sdk_app_id: if asked != 0 { asked } else { kept.map_or_else(made, |kept| kept.sdk_app_id) },
        secret_key: text(&config.secret_key, kept.map(|kept| &kept.secret_key), || {
            format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
        }),
        console_password: text(
            &config.console_password,
            kept.map(|kept| &kept.console_password),
            new_password,
        ),
    })
}

/// Twenty letters and digits that are not mistaken for each other.
fn new_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut rng = rand::rng();
    (0..20).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

/// The identity that the command line asks for or the data directory keeps, for `lethe usersig`.
///
/// # Errors
/// See [`StartError`]; also when there is none yet.
pub async fn identity_of(config: &Config) -> Result<Identity, StartError> {
    if !config.database_url.is_empty() {
        let database = connect(config, Faults::default()).await?;
        let app = choose_app(config, &database.apps().await?)?;
        let missing = || StoreError::Directory(format!("the database holds no app {app}: start a node once"));
        return same_app(config, &database.identity(app).await?.ok_or_else(missing)?);
    }
    let kept = DataDirectory::identity_in(&config.data)?;
    if kept.is_none() && (config.sdkappid == 0 || config.secret_key.is_empty()) {
        let message = format!("there is no identity in {}: start the server once", config.data.display());
        return Err(StoreError::Directory(message).into());
    }
    choose_identity(config, kept.as_ref())
}

impl Running {
    /// The store, for tests that make it fail and that count what it does.
    #[doc(hidden)]
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.context.store
    }

    /// A UserSig of this server's app, valid for `seconds`.
    #[must_use]
    pub fn user_sig(&self, user_id: &str, seconds: i64) -> String {
        usersig::mint(self.identity.sdk_app_id, &self.identity.secret_key, user_id, now_ms() / 1000, seconds)
    }

    /// Lets the clock run ahead by this, in ms: for tests of what takes days.
    #[doc(hidden)]
    pub fn set_ahead(&self, ahead: u64) {
        self.context.set_ahead(ahead);
    }

    /// Serves until `shutdown` is done, then drains: clients are asked to come back later, requests under way end, what
    /// is applied becomes durable.
    ///
    /// # Errors
    /// [`StartError::Store`] when the store had to stop, [`StartError::Ended`] when the listener did.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        tokio::select! {
            () = shutdown => self.stop().await,
            error = self.context.store.failure() => Err(error.into()),
            ended = &mut self.served => Err(StartError::Ended(format!("{ended:?}"))),
        }
    }

    /// See [`Running::run`].
    ///
    /// # Errors
    /// See [`Running::run`].
    pub async fn stop(self) -> Result<(), StartError> {
        let drain = Duration::from_secs(u64::from(self.context.config.drain_seconds));
        let deadline = Instant::now() + drain;
        self.context.stop();
        let _ = self.stop.send(());
        self.context.hub.close_all();
        let _ = timeout(drain, self.served).await;
        // Each connection holds the context until its client has taken leave.
        while Arc::strong_count(&self.context) > 1 && Instant::now() < deadline {
            sleep(Duration::from_millis(2)).await;
        }
        self.context.store.settle().await?;
        close_journal(&self.context).await?;
        Ok(self.context.store.close().await?)
    }
}
