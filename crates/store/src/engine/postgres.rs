//! PostgreSQL: the engine that several nodes share. Plain SQL only, so that databases that speak its protocol can serve it.

mod connect;
mod schema;
mod session;

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

pub use self::connect::{Database, DatabaseOptions};
pub(crate) use self::session::{CommitId, Outcome, Session, slot};
use crate::engine::{Batch, Direction, Engine, Range, Space};
use crate::need::{Fetched, Need};
use crate::{StoreError, Totals};

/// Locks are spread over this many rows; two that share one only wait for each other.
pub(crate) const SLOTS: u32 = 16_384;
/// Totals are spread over this many rows, so that transactions do not wait for each other to count.
const SHARDS: u32 = 64;

/// One app's schema in a PostgreSQL database.
pub struct PostgresEngine {
    /// Connections for transactions with locks.
    writers: Pool,
    /// Connections for single reads. Apart, so that a transaction that holds a writer can always read.
    readers: Pool,
    schema: String,
}

impl std::fmt::Debug for PostgresEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresEngine").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// A failure after which the same may succeed: nothing was changed.
fn again(error: &impl std::fmt::Display) -> StoreError {
    StoreError::Again(error.to_string())
}

/// What a failed statement means. A connection that is gone, a conflict, a time limit or a server that is going down or
/// may only read pass by themselves.
fn failed(error: &tokio_postgres::Error) -> StoreError {
    let Some(database) = error.as_db_error() else { return again(error) };
    let (code, message) = (database.code().code(), database.message());
    match &code[..2.min(code.len())] {
        // Connection, invalid state (a read-only server), resources, object in use, operator's intervention, system.
        "08" | "25" | "40" | "53" | "55" | "57" | "58" => StoreError::Again(format!("{message} ({code})")),
        _ => StoreError::Read(format!("{message} ({code})")),
    }
}

/// A limit as SQL takes it.
fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn pair(row: &Row) -> (Bytes, Bytes) {
    (Bytes::copy_from_slice(row.get(0)), Bytes::copy_from_slice(row.get(1)))
}

/// The statements on one schema.
#[derive(Clone, Debug)]
struct Statements<'a>(&'a str);

impl Statements<'_> {
    fn get(&self, space: Space) -> String {
        format!("SELECT value FROM {}.{} WHERE key = $1", self.0, space.name())
    }

    fn scan(&self, space: Space, ends: bool, direction: Direction) -> String {
        let (schema, table) = (self.0, space.name());
        let end = if ends { " AND key < $3" } else { "" };
        let order = if direction == Direction::Forward { "ASC" } else { "DESC" };
        format!("SELECT key, value FROM {schema}.{table} WHERE key >= $1{end} ORDER BY key {order} LIMIT $2")
    }

    /// Several keys of several spaces as one statement, which sees one moment.
    fn fetch(&self, spaces: &[Space]) -> String {
        let mut sql = String::new();
        for (index, space) in spaces.iter().enumerate() {
            let union = if index == 0 { "" } else { " UNION ALL " };
            let (number, schema, table) = (*space as usize, self.0, space.name());
            let _ = write!(
                sql,
                "{union}SELECT {number} AS space, key, value FROM {schema}.{table} WHERE key = ANY(${})",
                index + 1
            );
        }
        sql
    }

    fn put(&self, space: Space) -> String {
        let (schema, table) = (self.0, space.name());
        format!(
            "INSERT INTO {schema}.{table} (key, value) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        )
    }

    fn remove(&self, space: Space) -> String {
        format!("DELETE FROM {}.{} WHERE key = ANY($1)", self.0, space.name())
    }

    fn lock(&self) -> String {
        format!("SELECT slot FROM {}.locks WHERE slot = ANY($1) ORDER BY slot FOR UPDATE", self.0)
    }

    /// Fails if the key is taken, and the transaction with it.
    fn claim(&self) -> String {
        format!("INSERT INTO {}.commits (id) VALUES ($1)", self.0)
    }

    /// Takes the key if it is free, and says whether it is taken in this way: then nothing was committed with it. It says
    /// the same when it is asked again, because the answer to the first question may be lost like any other.
    fn fence(&self) -> String {
        format!(
            "INSERT INTO {}.commits (id, fenced) VALUES ($1, true) \
             ON CONFLICT (id) DO UPDATE SET id = EXCLUDED.id RETURNING commits.fenced",
            self.0
        )
    }

    fn forget(&self) -> String {
        let schema = self.0;
        format!(
            "DELETE FROM {schema}.commits WHERE id IN \
             (SELECT id FROM {schema}.commits WHERE id < $1 ORDER BY id LIMIT $2)"
        )
    }

    fn count(&self) -> String {
        format!(
            "INSERT INTO {}.totals AS t (shard, messages, conversations, deletions, accounts, groups, erased, \
             erased_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (shard) DO UPDATE SET \
             messages = t.messages + excluded.messages, conversations = t.conversations + excluded.conversations, \
             deletions = t.deletions + excluded.deletions, accounts = t.accounts + excluded.accounts, \
             groups = t.groups + excluded.groups, erased = t.erased + excluded.erased, \
             erased_bytes = t.erased_bytes + excluded.erased_bytes",
            self.0
        )
    }

    fn totals(&self) -> String {
        format!(
            "SELECT COALESCE(SUM(messages), 0)::bigint, COALESCE(SUM(conversations), 0)::bigint, \
             COALESCE(SUM(deletions), 0)::bigint, COALESCE(SUM(accounts), 0)::bigint, \
             COALESCE(SUM(groups), 0)::bigint, COALESCE(SUM(erased), 0)::bigint, \
             COALESCE(SUM(erased_bytes), 0)::bigint FROM {}.totals",
            self.0
        )
    }
}

/// Runs a prepared statement; each connection prepares it once.
async fn query(
    client: &Object,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, StoreError> {
    let statement = client.prepare_cached(sql).await.map_err(|error| failed(&error))?;
    client.query(&statement, parameters).await.map_err(|error| failed(&error))
}

async fn read_scan(
    client: &Object,
    sql: Statements<'_>,
    space: Space,
    range: &Range,
    direction: Direction,
    limit: usize,
) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
    let (sql, limit) = (sql.scan(space, range.end.is_some(), direction), sql_limit(limit));
    let rows = match &range.end {
        Some(end) => query(client, &sql, &[&range.start, &limit, end]).await?,
        None => query(client, &sql, &[&range.start, &limit]).await?,
    };
    Ok(rows.iter().map(pair).collect())
}

async fn read_get(
    client: &Object,
    sql: Statements<'_>,
    space: Space,
    key: &[u8],
) -> Result<Option<Bytes>, StoreError> {
    let rows = query(client, &sql.get(space), &[&key]).await?;
    Ok(rows.first().map(|row| Bytes::copy_from_slice(row.get(0))))
}

/// A need as a statement and its parameters, one array of keys for each space.
fn by_space(need: &Need) -> (Vec<Space>, Vec<Vec<&[u8]>>) {
    let mut spaces: HashMap<Space, Vec<&[u8]>> = HashMap::new();
    for (space, key) in need.keys() {
        spaces.entry(*space).or_default().push(key);
    }
    let mut sorted: Vec<_> = spaces.into_iter().collect();
    sorted.sort_unstable_by_key(|(space, _)| *space);
    sorted.into_iter().unzip()
}

async fn read_fetch(client: &Object, sql: Statements<'_>, need: Need) -> Result<Fetched, StoreError> {
    if need.is_empty() {
        return Ok(Fetched::default());
    }
    let (spaces, keys) = by_space(&need);
    let parameters: Vec<&(dyn ToSql + Sync)> = keys.iter().map(|keys| keys as _).collect();
    let rows = query(client, &sql.fetch(&spaces), &parameters).await?;
    let found = rows.iter().filter_map(|row| {
        let space = *Space::ALL.get(usize::try_from(row.get::<_, i32>(0)).ok()?)?;
        Some(((space, row.get::<_, &[u8]>(1).to_vec()), Bytes::copy_from_slice(row.get(2))))
    });
    let found = found.collect();
    Ok(Fetched::of(need, &found))
}

impl PostgresEngine {
    fn sql(&self) -> Statements<'_> {
        Statements(&self.schema)
    }

    async fn reader(&self) -> Result<Object, StoreError> {
        self.readers.get().await.map_err(|error| again(&error))
    }

    /// Reads all of these keys as they are at one moment.
    pub(crate) async fn fetch(&self, need: Need) -> Result<Fetched, StoreError> {
        if need.is_empty() {
            return Ok(Fetched::default());
        }
        read_fetch(&self.reader().await?, self.sql(), need).await
    }

    /// Whether the database answers.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        query(&self.reader().await?, "SELECT 1", &[]).await.map(|_| ())
    }

    /// Totals of everything committed by all nodes.
    pub(crate) async fn totals(&self) -> Result<Totals, StoreError> {
        let rows = query(&self.reader().await?, &self.sql().totals(), &[]).await?;
        let Some(row) = rows.first() else { return Ok(Totals::default()) };
        let number = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or_default();
        Ok(Totals {
            messages: number(0),
            conversations: number(1),
            deletions: number(2),
            accounts: number(3),
            groups: number(4),
            erased: number(5),
            erased_bytes: number(6),
        })
    }

    /// How many transactions may run at once.
    pub(crate) fn writers(&self) -> usize {
        self.writers.status().max_size
    }
}

impl Engine for PostgresEngine {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        read_get(&self.reader().await?, self.sql(), space, key).await
    }

    async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        read_scan(&self.reader().await?, self.sql(), space, range, direction, limit).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let id = CommitId::new();
        let (session, _) = Session::begin(self, &[], Need::default()).await?;
        match session.commit(&id, batch, &Totals::default()).await {
            Outcome::Committed => Ok(()),
            Outcome::Failed(error) => Err(error),
            Outcome::Unknown => {
                if self.was_committed(&id).await? {
                    Ok(())
                } else {
                    Err(again(&"the connection was lost"))
                }
            }
        }
    }
}
