use tokio_postgres::{Client, Transaction};

use super::SLOTS;
use crate::engine::Space;
use crate::{Identity, StoreError};

/// The format of the schema. A newer one is refused, an older one is brought up to date.
const FORMAT: i32 = 2;
/// How often a node that lost the race to make the schema looks again.
const ATTEMPTS: usize = 10;

/// Making tables is not a request that somebody waits for: a slow database gets a minute for each statement.
const PATIENT: &str = "SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '60s'";

/// What an app's schema says of itself.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) identity: Identity,
    /// A name that no other cluster has: nodes of one database find each other by it.
    pub(super) cluster: String,
}

/// The schema of an app. Apps share a database, but nothing in it.
pub(super) fn name(app: u32) -> String {
    format!("lethe_{app}")
}

fn refuse(sentence: String) -> StoreError {
    StoreError::Directory(sentence)
}

fn failed(error: &tokio_postgres::Error) -> StoreError {
    let reason = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    refuse(format!("the database's schema cannot be prepared: {reason}"))
}

pub(super) async fn apps(client: &Client) -> Result<Vec<u32>, StoreError> {
    let sql = "SELECT table_schema::text FROM information_schema.tables WHERE table_name = 'app' \
               AND table_schema LIKE 'lethe\\_%' ORDER BY 1";
    let rows = client.query(sql, &[]).await.map_err(|error| failed(&error))?;
    Ok(rows.iter().filter_map(|row| row.get::<_, &str>(0).strip_prefix("lethe_")?.parse().ok()).collect())
}

/// Reads what is kept, and changes nothing; none when the app has no schema.
pub(super) async fn look(client: &Client, app: u32) -> Result<Option<Kept>, StoreError> {
    let schema = name(app);
    let sql = "SELECT (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = $1::text), \
               (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = $1::text AND table_name = 'app')";
    let row = client.query_one(sql, &[&schema]).await.map_err(|error| failed(&error))?;
    match (row.get::<_, i64>(0), row.get::<_, i64>(1)) {
        (0, _) => Ok(None),
        (_, 0) => Err(refuse(format!("the database has a schema {schema} that is not Lethe's"))),
        _ => read(client, &schema).await.map(Some),
    }
}

async fn read(client: &Client, schema: &str) -> Result<Kept, StoreError> {
    let foreign = |_| refuse(format!("the database has a schema {schema} that is not Lethe's"));
    let sql = format!(
        "SELECT format, cluster, sdk_app_id, secret_key, console_password FROM {schema}.app WHERE id = 1"
    );
    let row = client.query_opt(&sql, &[]).await.map_err(foreign)?;
    let row = row.ok_or_else(|| refuse(format!("the database's schema {schema} has lost its identity")))?;
    let format: i32 = row.get(0);
    if format > FORMAT {
        return Err(refuse(format!(
            "the database's schema {schema} has format {format}, and this version knows up to {FORMAT}: use a newer Lethe"
        )));
    }
    let identity = Identity {
        sdk_app_id: u32::try_from(row.get::<_, i64>(2)).unwrap_or_default(),
        secret_key: row.get(3),
        console_password: row.get(4),
    };
    Ok(Kept { identity, cluster: row.get(1) })
}

/// Makes the schema or brings it up to date, whichever node comes first.
pub(super) async fn prepare(client: &mut Client, identity: &Identity) -> Result<Kept, StoreError> {
    let schema = name(identity.sdk_app_id);
    let mut refused = None;
    for _ in 0..ATTEMPTS {
        if look(client, identity.sdk_app_id).await?.is_some() {
            migrate(client, &schema).await?;
            return read(client, &schema).await;
        }
        // Of several nodes one makes the schema; the others wait for its transaction, fail, and find it made.
        refused = create(client, &schema, identity).await.err();
    }
    Err(refused.map_or_else(|| refuse(format!("the schema {schema} comes and goes")), |error| failed(&error)))
}

async fn create(client: &mut Client, schema: &str, identity: &Identity) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(PATIENT).await?;
    transaction.batch_execute(&tables(schema)).await?;
    let slots = format!("INSERT INTO {schema}.locks SELECT generate_series(0, {})", SLOTS - 1);
    transaction.batch_execute(&slots).await?;
    let cluster = format!("{:016x}", rand::random::<u64>());
    let sql = format!(
        "INSERT INTO {schema}.app (id, format, cluster, sdk_app_id, secret_key, console_password) \
         VALUES (1, {FORMAT}, $1, $2, $3, $4)"
    );
    let app = i64::from(identity.sdk_app_id);
    transaction.execute(&sql, &[&cluster, &app, &identity.secret_key, &identity.console_password]).await?;
    transaction.commit().await
}

fn tables(schema: &str) -> String {
    let mut sql = format!(
        "CREATE SCHEMA {schema};
         CREATE TABLE {schema}.app (id integer PRIMARY KEY, format integer NOT NULL, cluster text NOT NULL,
             sdk_app_id bigint NOT NULL, secret_key text NOT NULL, console_password text NOT NULL);
         CREATE TABLE {schema}.locks (slot integer PRIMARY KEY);
         CREATE TABLE {schema}.commits (id bytea PRIMARY KEY, fenced boolean NOT NULL DEFAULT false);
         CREATE TABLE {schema}.totals (shard integer PRIMARY KEY, messages bigint NOT NULL,
             conversations bigint NOT NULL, deletions bigint NOT NULL, accounts bigint NOT NULL,
             groups bigint NOT NULL, erased bigint NOT NULL DEFAULT 0, erased_bytes bigint NOT NULL DEFAULT 0);"
    );
    for space in Space::ALL {
        sql +=
            &format!("CREATE TABLE {schema}.{} (key bytea PRIMARY KEY, value bytea NOT NULL);", space.name());
    }
    sql
}

/// Brings an older format up to date under a lock, so that of several nodes one does it.
async fn migrate(client: &mut Client, schema: &str) -> Result<(), StoreError> {
    let transaction = client.transaction().await.map_err(|error| failed(&error))?;
    transaction.batch_execute(PATIENT).await.map_err(|error| failed(&error))?;
    let sql = format!("SELECT format FROM {schema}.app WHERE id = 1 FOR UPDATE");
    let row = transaction.query_one(&sql, &[]).await.map_err(|error| failed(&error))?;
    let steps = MIGRATIONS.get(usize::try_from(row.get::<_, i32>(0) - 1).unwrap_or(usize::MAX)..);
    for step in steps.unwrap_or_default() {
        run(&transaction, schema, step).await?;
    }
    transaction.commit().await.map_err(|error| failed(&error))
}

/// From each format to the next, as SQL with `{schema}` for the schema; each sets `format`.
const MIGRATIONS: &[&str] = &["
    ALTER TABLE {schema}.totals ADD COLUMN erased bigint NOT NULL DEFAULT 0,
        ADD COLUMN erased_bytes bigint NOT NULL DEFAULT 0;
    ALTER TABLE {schema}.commits ADD COLUMN fenced boolean NOT NULL DEFAULT false;
    CREATE TABLE {schema}.journal (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE {schema}.undos (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE {schema}.erasures (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE {schema}.erasure_times (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE {schema}.holds (key bytea PRIMARY KEY, value bytea NOT NULL);
    CREATE TABLE {schema}.keys (key bytea PRIMARY KEY, value bytea NOT NULL);
    UPDATE {schema}.app SET format = 2 WHERE id = 1;"];

async fn run(transaction: &Transaction<'_>, schema: &str, step: &str) -> Result<(), StoreError> {
    transaction.batch_execute(&step.replace("{schema}", schema)).await.map_err(|error| failed(&error))
}
