use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use deadpool_postgres::Object;
use futures_util::future::{join, join_all, join3};
use tokio_postgres::types::ToSql;

use super::{
    PostgresEngine, SHARDS, SLOTS, Statements, again, failed, query, read_fetch, read_get, read_scan,
};
use crate::engine::{Batch, Direction, Range, Space};
use crate::need::{Fetched, Need};
use crate::{StoreError, Totals};

/// Each statement sees what was committed before it, whatever the database's default is.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
/// Keys of commits forgotten by one statement.
const FORGET_STEP: i64 = 50_000;
/// Statements sent in one go.
const PIPELINE: usize = 24;

/// The idempotency key of one database transaction: its row is there exactly if the transaction was committed.
///
/// It begins with the time, so that old ones are a range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommitId([u8; 16]);

impl CommitId {
    pub(crate) fn new() -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&milliseconds().to_be_bytes());
        id[8..].copy_from_slice(&rand::random::<[u8; 8]>());
        Self(id)
    }

    /// The smallest of those made `seconds` ago.
    fn aged(seconds: u64) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&milliseconds().saturating_sub(seconds * 1000).to_be_bytes());
        Self(id)
    }
}

fn milliseconds() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// How a database transaction ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is durable.
    Committed,
    /// It changed nothing.
    Failed(StoreError),
    /// The connection was lost before the answer: [`PostgresEngine::was_committed`] finds out.
    Unknown,
}

/// One database transaction with its locks. Dropped before its end, its connection is closed, and with it all is undone.
#[derive(Debug)]
pub(crate) struct Session {
    client: Option<Object>,
    schema: String,
    ended: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended.load(Ordering::SeqCst)
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

impl Session {
    /// Begins under the locks of these slots, which are in ascending order, and reads what is needed: in one round trip.
    pub(crate) async fn begin(
        engine: &PostgresEngine,
        slots: &[i32],
        need: Need,
    ) -> Result<(Self, Fetched), StoreError> {
        let client = engine.writers.get().await.map_err(|error| again(&error))?;
        let session =
            Self { client: Some(client), schema: engine.schema.clone(), ended: AtomicBool::new(false) };
        let (client, sql) = (session.client()?, session.sql());
        let begin = async { client.batch_execute(BEGIN).await.map_err(|error| failed(&error)) };
        // Each statement has a snapshot of its own, so what is read after the locks is what they protect.
        let fetched = if slots.is_empty() {
            let (begun, fetched) = join(begin, read_fetch(client, sql, need)).await;
            begun?;
            fetched?
        } else {
            // Prepared before anything is sent: preparing waits for an answer, and the order is that of sending.
            client.prepare_cached(&sql.lock()).await.map_err(|error| failed(&error))?;
            prepare_fetch(client, &sql, &need).await?;
            let (lock, parameters) = (sql.lock(), [&slots as &(dyn ToSql + Sync)]);
            let locked = query(client, &lock, &parameters);
            let (begun, locked, fetched) = join3(begin, locked, read_fetch(client, sql, need)).await;
            begun?;
            if locked?.len() != slots.len() {
                return Err(StoreError::Damaged("a row of the table of locks is missing".to_owned()));
            }
            fetched?
        };
        Ok((session, fetched))
    }

    fn client(&self) -> Result<&Object, StoreError> {
        self.client.as_ref().ok_or(StoreError::Stopped)
    }

    fn sql(&self) -> Statements<'_> {
        Statements(&self.schema)
    }

    pub(crate) async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        read_get(self.client()?, self.sql(), space, key).await
    }

    pub(crate) async fn scan(
        &self,
        space: Space,
        range: &Range,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        read_scan(self.client()?, self.sql(), space, range, direction, limit).await
    }

    pub(crate) async fn fetch(&self, need: Need) -> Result<Fetched, StoreError> {
        read_fetch(self.client()?, self.sql(), need).await
    }

    /// Ends it without a change.
    pub(crate) async fn roll_back(&self) -> Result<(), StoreError> {
        self.client()?.batch_execute("ROLLBACK").await.map_err(|error| failed(&error))?;
        self.ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Writes a batch and commits, in one round trip. With `Committed` it is durable.
    pub(crate) async fn commit(&self, id: &CommitId, batch: Batch, totals: &Totals) -> Outcome {
        match self.write(id, batch, totals).await {
            Ok(()) => {
                self.ended.store(true, Ordering::SeqCst);
                Outcome::Committed
            }
            Err(WriteError::Before(error)) => {
                // Whatever was written is undone with the connection, unless this works.
                let _ = self.roll_back().await;
                Outcome::Failed(error)
            }
            Err(WriteError::During) => Outcome::Unknown,
        }
    }

    async fn write(&self, id: &CommitId, batch: Batch, totals: &Totals) -> Result<(), WriteError> {
        let client = self.client().map_err(WriteError::Before)?;
        let steps = self.steps(id, batch, totals);
        let mut prepared = Vec::with_capacity(steps.len());
        for step in &steps {
            let statement = client.prepare_cached(&step.sql).await;
            prepared.push(statement.map_err(|error| WriteError::Before(failed(&error)))?);
        }
        let mut work: Vec<_> = steps.iter().zip(&prepared).collect();
        let last = work.split_off(work.len().saturating_sub(PIPELINE));
        for chunk in work.chunks(PIPELINE) {
            let executed = chunk.iter().map(|(step, statement)| step.execute(client, statement));
            for result in join_all(executed).await {
                result.map_err(|error| WriteError::Before(failed(&error)))?;
            }
        }
        let executed = join_all(last.iter().map(|(step, statement)| step.execute(client, statement)));
        let (results, committed) = join(executed, client.batch_execute("COMMIT")).await;
        for result in results {
            match result {
                Ok(_) => {}
                // The database has refused a statement, so its answer to COMMIT was to roll back.
                Err(error) if error.as_db_error().is_some() => {
                    return Err(WriteError::Before(failed(&error)));
                }
                Err(_) => return Err(WriteError::During),
            }
        }
        committed.map_err(|error| match error.as_db_error() {
            // A conflict that was found at the end; anything else may have come after the commit.
            Some(database) if matches!(database.code().code(), "40001" | "40P01") => {
                WriteError::Before(failed(&error))
            }
            _ => WriteError::During,
        })
    }

    fn steps(&self, id: &CommitId, batch: Batch, totals: &Totals) -> Vec<Step> {
        let sql = self.sql();
        let mut steps = vec![Step { sql: sql.claim(), parameters: vec![Box::new(id.0.to_vec())] }];
        let mut writes = batch.writes;
        // In the order of keys: transactions that meet in a row meet in the same order.
        writes.sort_unstable_by(|(a, k, _), (b, l, _)| (a, k).cmp(&(b, l)));
        let mut writes = writes.into_iter().peekable();
        while let Some(&(space, _, _)) = writes.peek() {
            let (mut keys, mut values, mut removed) = (Vec::new(), Vec::new(), Vec::new());
            while let Some((_, key, value)) = writes.next_if(|write| write.0 == space) {
                match value {
                    Some(value) => {
                        keys.push(Vec::from(key));
                        values.push(value.to_vec());
                    }
                    None => removed.push(Vec::from(key)),
                }
            }
            if !keys.is_empty() {
                steps.push(Step { sql: sql.put(space), parameters: vec![Box::new(keys), Box::new(values)] });
            }
            if !removed.is_empty() {
                steps.push(Step { sql: sql.remove(space), parameters: vec![Box::new(removed)] });
            }
        }
        if *totals != Totals::default() {
            steps.push(count(&sql, totals));
        }
        steps
    }
}

async fn prepare_fetch(client: &Object, sql: &Statements<'_>, need: &Need) -> Result<(), StoreError> {
    if need.is_empty() {
        return Ok(());
    }
    let (spaces, _) = super::by_space(need);
    client.prepare_cached(&sql.fetch(&spaces)).await.map(|_| ()).map_err(|error| failed(&error))
}

enum WriteError {
    /// Certainly nothing was committed.
    Before(StoreError),
    /// COMMIT was sent and has no answer.
    During,
}

/// A statement to run with its parameters.
struct Step {
    sql: String,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Step {
    async fn execute(
        &self,
        client: &Object,
        statement: &tokio_postgres::Statement,
    ) -> Result<u64, tokio_postgres::Error> {
        let parameters: Vec<&(dyn ToSql + Sync)> =
            self.parameters.iter().map(|parameter| parameter.as_ref() as _).collect();
        client.execute(statement, &parameters).await
    }
}

/// The last write of a transaction, so that its row is held for a moment only.
fn count(sql: &Statements<'_>, totals: &Totals) -> Step {
    let number = |number: u64| Box::new(i64::try_from(number).unwrap_or(i64::MAX)) as Box<_>;
    let shard = i32::try_from(rand::random::<u32>() % SHARDS).unwrap_or(0);
    let Totals { messages, conversations, deletions, accounts, groups, erased, erased_bytes } = *totals;
    let mut parameters: Vec<Box<dyn ToSql + Sync + Send>> = vec![Box::new(shard)];
    parameters
        .extend([messages, conversations, deletions, accounts, groups, erased, erased_bytes].map(number));
    Step { sql: sql.count(), parameters }
}

impl PostgresEngine {
    /// Whether a transaction whose connection was lost was committed. From here on it cannot be any more: its key is taken.
    ///
    /// # Errors
    /// When the database cannot say it now; ask again.
    pub(crate) async fn was_committed(&self, id: &CommitId) -> Result<bool, StoreError> {
        self.has_commit(id.0).await
    }

    /// See [`PostgresEngine::was_committed`].
    ///
    /// # Errors
    /// See [`PostgresEngine::was_committed`].
    #[doc(hidden)]
    pub async fn has_commit(&self, id: [u8; 16]) -> Result<bool, StoreError> {
        let client = self.writers.get().await.map_err(|error| again(&error))?;
        let statement = client.prepare_cached(&self.sql().fence()).await.map_err(|error| failed(&error))?;
        // Waits for a transaction that is still under way with this key.
        let row = client.query_one(&statement, &[&id.to_vec()]).await.map_err(|error| failed(&error))?;
        Ok(!row.get::<_, bool>(0))
    }

    /// Forgets the keys of commits older than this, which nobody asks for any more.
    pub(crate) async fn forget_commits(&self, seconds: u64) -> Result<(), StoreError> {
        let client = self.reader().await?;
        let (sql, before) = (self.sql().forget(), CommitId::aged(seconds).0.to_vec());
        let statement = client.prepare_cached(&sql).await.map_err(|error| failed(&error))?;
        // In steps, so that none runs into the time limit of a statement.
        while client.execute(&statement, &[&before, &FORGET_STEP]).await.map_err(|error| failed(&error))? > 0
        {
        }
        Ok(())
    }
}

/// The slot of a lock's key: the same on every node, whatever its version.
pub(crate) fn slot(key: &[u8]) -> i32 {
    // FNV-1a: keys are short, and this must never change while nodes of two versions run together.
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    i32::try_from((hash ^ (hash >> 32)) % u64::from(SLOTS)).unwrap_or(0)
}
