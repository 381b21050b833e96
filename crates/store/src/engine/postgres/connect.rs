use std::path::PathBuf;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{PostgresEngine, schema};
use crate::{Identity, Publish, Store, StoreError};

/// How long one connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a transaction waits for a free connection.
const WAIT: Duration = Duration::from_secs(3);
/// Limits that the server keeps for each session: a node that hangs must not hold locks for ever, and a server that hangs
/// must not hold a request for longer than it may take. In ms.
const LIMITS: &str =
    "-c statement_timeout=4000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=10000";
/// Every statement finds rows by their key. While a table is small the planner likes to read all of it, and a session would
/// keep such a plan while the table grows a thousandfold; so it is to use the key always, to plan a statement once, and never
/// to compile one. A database that only speaks PostgreSQL's protocol may not know these, and goes without.
const PLANS: [&str; 3] =
    ["SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan", "SET jit = off"];

/// Where the database is and how it is used.
#[derive(Clone, Debug, Default)]
pub struct DatabaseOptions {
    /// `postgres://user:password@host:port,host:port/database?options`.
    pub url: String,
    /// Certificates in PEM that sign the server's, with `sslmode=require`; none for the system's.
    pub ca: Option<PathBuf>,
    /// Connections of this node, 3 or more: two thirds for transactions, the rest for single reads.
    pub connections: usize,
    /// Answers before it commits. Wrong: it is there to show that the checker of the cluster's tests notices.
    #[doc(hidden)]
    pub answers_before_commit: bool,
}

/// A PostgreSQL database that answers, before an app in it was chosen.
pub struct Database {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    options: DatabaseOptions,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

fn refuse(sentence: String) -> StoreError {
    StoreError::Directory(sentence)
}

/// The whole chain of causes: the outermost alone says "error connecting to server".
fn explain(error: &tokio_postgres::Error) -> String {
    let mut text = match error.as_db_error() {
        Some(database) => return database.message().to_owned(),
        None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

impl Database {
    /// Reads the address and connects once, so that what is wrong is said at the start.
    ///
    /// # Errors
    /// One sentence: the address cannot be read, nothing answers, the password is wrong.
    pub async fn connect(options: DatabaseOptions) -> Result<Self, StoreError> {
        let mut config = Config::from_str(&options.url)
            .map_err(|error| refuse(format!("the database's URL cannot be read: {}", explain(&error))))?;
        if config.get_hosts().is_empty() {
            return Err(refuse("the database's URL names no host".to_owned()));
        }
        config.connect_timeout(config.get_connect_timeout().copied().unwrap_or(CONNECT).min(CONNECT));
        config.keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(2);
        config.tcp_user_timeout(Duration::from_secs(5));
        if config.get_application_name().is_none() {
            config.application_name("lethe");
        }
        config.options(format!("{LIMITS} {}", config.get_options().unwrap_or_default()).trim());
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(tls(&options)?),
            _ => None,
        };
        let database = Self { config, tls, options };
        drop(database.client().await?);
        Ok(database)
    }

    async fn client(&self) -> Result<Client, StoreError> {
        let cannot = |error: tokio_postgres::Error| {
            refuse(format!("the database cannot be used: {}", explain(&error)))
        };
        match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(cannot)?;
                tokio::spawn(connection);
                Ok(client)
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(cannot)?;
                tokio::spawn(connection);
                Ok(client)
            }
        }
    }

    /// The apps that have a schema here, by SDKAppID.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn apps(&self) -> Result<Vec<u32>, StoreError> {
        schema::apps(&self.client().await?).await
    }

    /// The identity that this app's schema keeps, if there is one.
    ///
    /// # Errors
    /// One sentence for a schema of another program or of a newer version.
    pub async fn identity(&self, app: u32) -> Result<Option<Identity>, StoreError> {
        Ok(schema::look(&self.client().await?, app).await?.map(|kept| kept.identity))
    }

    /// Makes the app's schema or brings it up to date. Several nodes may do this at once: one does it, the others wait and
    /// take the identity that is kept then.
    ///
    /// # Errors
    /// See [`Database::identity`].
    pub async fn prepare(&self, identity: &Identity) -> Result<Identity, StoreError> {
        Ok(schema::prepare(&mut self.client().await?, identity).await?.identity)
    }

    /// The store of an app whose schema is prepared, and a name that no other store has.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn open(&self, app: u32, publisher: Arc<dyn Publish>) -> Result<(Store, String), StoreError> {
        let kept = schema::look(&self.client().await?, app).await?;
        let kept = kept.ok_or_else(|| refuse(format!("the database holds no app {app}")))?;
        let early = self.options.answers_before_commit;
        Ok((Store::remote(self.engine(app)?, publisher, early), kept.cluster))
    }

    /// The engine of an app whose schema is prepared.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn engine(&self, app: u32) -> Result<PostgresEngine, StoreError> {
        let writers = (self.options.connections * 2 / 3).max(2);
        let readers = self.options.connections.saturating_sub(writers).max(1);
        Ok(PostgresEngine {
            writers: self.pool(writers)?,
            readers: self.pool(readers)?,
            schema: schema::name(app),
        })
    }

    fn pool(&self, size: usize) -> Result<Pool, StoreError> {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), manager),
            None => Manager::from_config(self.config.clone(), NoTls, manager),
        };
        Pool::builder(manager)
            .max_size(size)
            .post_create(Hook::async_fn(|client, _| Box::pin(plan_by_key(client))))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .build()
            .map_err(|error| refuse(error.to_string()))
    }
}

/// See [`PLANS`]. A connection that is lost meanwhile fails where it is used.
async fn plan_by_key(client: &ClientWrapper) -> Result<(), HookError> {
    for setting in PLANS {
        if let Err(error) = client.batch_execute(setting).await {
            tracing::debug!(%error, setting, "the database goes without");
        }
    }
    Ok(())
}

/// Encrypts, and knows the server by its certificate.
fn tls(options: &DatabaseOptions) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    match &options.ca {
        Some(path) => {
            let cannot = |error| refuse(format!("{} cannot be read: {error}", path.display()));
            let certificates =
                CertificateDer::pem_file_iter(path).map_err(|error| cannot(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| cannot(error.to_string()))?;
                roots.add(certificate).map_err(|error| cannot(error.to_string()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse(format!("TLS cannot be used: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
