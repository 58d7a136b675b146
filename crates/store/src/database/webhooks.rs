//! Events that wait to be sent to a webhook.

use super::{
    Database, DatabaseError,
    sql::{Columns, Sql, Value, count, insert},
};
use crate::health::now_us;
use sqlx::{AnyConnection, any::AnyRow};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

/// Events of one INSERT, at most.
const MAX_TAKEN: usize = 1_000;

/// What waits for one target of one node.
#[derive(Clone, Debug)]
pub struct Webhooks {
    database: Arc<Database>,
    node: Arc<str>,
    target: Arc<str>,
    /// Events that may wait.
    most: usize,
    /// In which order they came.
    last_place: Arc<AtomicI64>,
}

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEvent {
    /// Its id.
    pub id: Box<str>,
    /// As it is sent: JSON.
    pub event: Box<str>,
    /// How often it was sent.
    pub attempts: u32,
    /// Since when it waits, in milliseconds since 1970.
    pub created_ms: i64,
}

impl Webhooks {
    pub(crate) fn new(database: Arc<Database>, node: Arc<str>, target: &str, most: usize) -> Webhooks {
        Webhooks { database, node, target: target.into(), most, last_place: Arc::new(AtomicI64::new(0)) }
    }

    /// These, each an id and its JSON, wait from now on, and are due at once; one whose id waits already stays as it is. As many wait as may:
    /// how many of these, the last, are left out.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn put(&self, events: &[(&str, &str)], now_ms: i64) -> Result<usize, DatabaseError> {
        let mut transaction = self.database.begin().await?;
        let waiting = self.count(&mut transaction).await?;
        let room = self.most.saturating_sub(waiting);
        // Behind what this process and those before have put.
        let first = self.last_place.load(Relaxed).max(now_us()) + 1;
        self.last_place.store(first + count(events.len()), Relaxed);
        let rows: Vec<[Value<'_>; 8]> = (first..)
            .zip(events.iter().take(room))
            .map(|(place, (id, event))| {
                let (node, target) = (&*self.node, &*self.target);
                [node.into(), target.into(), (*id).into(), place.into(), (*event).into(), now_ms.into(), 0.into(), now_ms.into()]
            })
            .collect();
        insert(&mut transaction, "webhooks", "node, target, id, place, event, due_ms, attempts, created_ms", &rows).await?;
        transaction.commit().await?;
        Ok(events.len().saturating_sub(room))
    }

    /// At most so many of those that are due, those first that were due first.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn due(&self, now_ms: i64, most: usize) -> Result<Vec<WaitingEvent>, DatabaseError> {
        let mut sql = Sql::new("SELECT id, event, attempts, created_ms FROM webhooks WHERE due_ms <= ");
        sql.bind(now_ms);
        self.ours(&mut sql).push(" ORDER BY due_ms, place LIMIT ").bind(count(most.min(MAX_TAKEN)));
        let rows = sql.fetch(&mut *self.database.connection().await?).await?;
        Ok(rows.iter().map(event_of).collect::<Result<_, _>>()?)
    }

    /// When the next one is due, if any waits: milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn next_due_ms(&self) -> Result<Option<i64>, DatabaseError> {
        let mut sql = Sql::new("SELECT min(due_ms) FROM webhooks WHERE 1 = 1");
        self.ours(&mut sql);
        let rows = sql.fetch(&mut *self.database.connection().await?).await?;
        Ok(rows.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten())
    }

    /// These wait no more.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn done(&self, ids: &[&str]) -> Result<(), DatabaseError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut connection = self.database.connection().await?;
        for ids in ids.chunks(MAX_TAKEN) {
            let mut sql = Sql::new("DELETE FROM webhooks WHERE id IN ");
            sql.tuple(ids.iter().map(|id| (*id).into()));
            self.ours(&mut sql);
            sql.execute(&mut connection).await?;
        }
        Ok(())
    }

    /// That one was sent once more, and is due again at that time.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn postpone(&self, id: &str, due_ms: i64) -> Result<(), DatabaseError> {
        let mut sql = Sql::new("UPDATE webhooks SET attempts = attempts + 1, due_ms = ");
        sql.bind(due_ms).push(" WHERE id = ").bind(id);
        self.ours(&mut sql);
        sql.execute(&mut *self.database.connection().await?).await?;
        Ok(())
    }

    /// How many wait.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn waiting(&self) -> Result<usize, DatabaseError> {
        Ok(self.count(&mut *self.database.connection().await?).await?)
    }

    async fn count(&self, connection: &mut AnyConnection) -> Result<usize, sqlx::Error> {
        let mut sql = Sql::new("SELECT count(*) FROM webhooks WHERE 1 = 1");
        self.ours(&mut sql);
        let rows = sql.fetch(connection).await?;
        Ok(rows.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten().unwrap_or(0))
    }

    fn ours<'s>(&self, sql: &'s mut Sql) -> &'s mut Sql {
        sql.push(" AND node = ").bind(&*self.node).push(" AND target = ").bind(&*self.target)
    }
}

fn event_of(row: &AnyRow) -> Result<WaitingEvent, sqlx::Error> {
    let mut columns = Columns::of(row);
    Ok(WaitingEvent { id: columns.text()?, event: columns.text()?, attempts: columns.int()?, created_ms: columns.int()? })
}
