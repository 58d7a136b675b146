//! What was answered to a request, for when it comes again under the same key.

use super::{
    Database, DatabaseError,
    sql::{Columns, Sql, insert},
};
use sqlx::AnyConnection;
use std::{sync::Arc, time::Duration};

/// For how long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

const KEPT_MS: i64 = KEPT.as_millis() as i64;

/// A request that was not answered within so long never will be: the process that served it is gone.
pub const GIVEN_UP: Duration = Duration::from_secs(10 * 60);

const GIVEN_UP_MS: i64 = GIVEN_UP.as_millis() as i64;

/// Keys of requests, and what was answered. Nodes that share a database share them.
#[derive(Clone, Debug)]
pub struct Idempotency {
    database: Arc<Database>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The Content-Type; empty without a body.
    pub content_type: Box<str>,
    /// The body.
    pub body: Box<str>,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the request is ours to serve, and [`Idempotency::finish`] tells what came of it.
    Fresh,
    /// It is being served, or was when its process ended, less than [`GIVEN_UP`] ago.
    Running {
        /// Since when, in milliseconds since 1970.
        since_ms: i64,
    },
    /// It was answered.
    Done(Answer),
    /// The key was used for another request.
    Different,
}

impl Idempotency {
    pub(crate) fn new(database: Arc<Database>) -> Idempotency {
        Idempotency { database }
    }

    /// Takes the key for a request. `scope` is whose keys they are, `request` tells one request from another: a hash of it.
    /// Times are milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn begin(&self, scope: &str, key: &str, request: &str, now_ms: i64) -> Result<Begun, DatabaseError> {
        let mut transaction = self.database.begin().await?;
        let mut old = Sql::new("DELETE FROM idempotency WHERE (created_ms <= ");
        old.bind(now_ms - KEPT_MS).push(" OR status IS NULL AND created_ms <= ").bind(now_ms - GIVEN_UP_MS);
        old.push(") AND scope = ").bind(scope).push(" AND name = ").bind(key);
        old.execute(&mut transaction).await?;
        let row = [scope.into(), key.into(), request.into(), now_ms.into()];
        let new = insert(&mut transaction, "idempotency", "scope, name, request, created_ms", &[row]).await?;
        let begun = match new {
            0 => known(&mut transaction, scope, key, Some(request), now_ms).await?.unwrap_or(Begun::Fresh),
            _ => Begun::Fresh,
        };
        transaction.commit().await?;
        Ok(begun)
    }

    /// What came of the request.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn finish(&self, scope: &str, key: &str, answer: &Answer) -> Result<(), DatabaseError> {
        let mut sql = Sql::new("UPDATE idempotency SET status = ");
        sql.bind(i64::from(answer.status)).push(", content_type = ").bind(&*answer.content_type).push(", body = ").bind(&*answer.body);
        sql.push(" WHERE scope = ").bind(scope).push(" AND name = ").bind(key);
        sql.execute(&mut *self.database.connection().await?).await?;
        Ok(())
    }

    /// Gives the key back: nothing was done, and the request may come again.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn release(&self, scope: &str, key: &str) -> Result<(), DatabaseError> {
        let mut sql = Sql::new("DELETE FROM idempotency WHERE status IS NULL AND scope = ");
        sql.bind(scope).push(" AND name = ").bind(key);
        sql.execute(&mut *self.database.connection().await?).await?;
        Ok(())
    }

    /// What is known of a key, if anything is.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn find(&self, scope: &str, key: &str, now_ms: i64) -> Result<Option<Begun>, DatabaseError> {
        Ok(known(&mut *self.database.connection().await?, scope, key, None, now_ms).await?)
    }

    /// Forgets what is kept for longer than [`KEPT`]. How many they were.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn forget_expired(&self, now_ms: i64) -> Result<u64, DatabaseError> {
        let mut sql = Sql::new("DELETE FROM idempotency WHERE created_ms <= ");
        sql.bind(now_ms - KEPT_MS);
        Ok(sql.execute(&mut *self.database.connection().await?).await?)
    }
}

async fn known(
    connection: &mut AnyConnection,
    scope: &str,
    key: &str,
    request: Option<&str>,
    now_ms: i64,
) -> Result<Option<Begun>, sqlx::Error> {
    let mut sql = Sql::new("SELECT request, status, content_type, body, created_ms FROM idempotency WHERE created_ms > ");
    sql.bind(now_ms - KEPT_MS).push(" AND scope = ").bind(scope).push(" AND name = ").bind(key);
    let rows = sql.fetch(connection).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::of(row);
    let (first, status) = (columns.text()?, columns.maybe_int()?);
    let (content_type, body) = (columns.maybe_text()?.unwrap_or_default(), columns.maybe_text()?);
    Ok(Some(match (status, body) {
        _ if request.is_some_and(|request| *request != *first) => Begun::Different,
        (Some(status), Some(body)) => Begun::Done(Answer { status, content_type, body }),
        _ => Begun::Running { since_ms: columns.int()? },
    }))
}
