//! The database: SQLite or PostgreSQL, with the same tables and, but for a lock or two, the same statements.

mod calls;
mod idempotency;
mod registrations;
mod schema;
mod sql;
mod transaction;
mod webhooks;

use sqlx::{
    Any, AnyConnection, AnyPool, ConnectOptions,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
    pool::PoolConnection,
};
use std::{
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use transaction::Transaction;

pub(crate) use calls::write;
pub use calls::{BadCursor, Cursor, Export, Filter, Page};
pub use idempotency::{Answer, Begun, GIVEN_UP, Idempotency, KEPT};
pub use registrations::{BindingRow, Registrations};
pub use webhooks::{WaitingEvent, Webhooks};

/// Connections at a time.
const CONNECTIONS: u32 = 4;

/// A connection that takes longer to be had is none.
const CONNECTING: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is none of ours.
    #[error("a store is sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE: {0}")]
    Url(Box<str>),
    /// Its tables were made by a version after this one.
    #[error("the database has tables of version {found}, and this program knows those up to version {known}")]
    Newer {
        /// Of the tables.
        found: i64,
        /// The last that is known here.
        known: i64,
    },
    /// It is away, locked, full, or said no.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// It did not answer in time.
    #[error("no answer in {} s", .0.as_secs())]
    Slow(Duration),
}

impl DatabaseError {
    /// It was what a record holds that was refused: it will be refused again.
    pub(crate) fn is_about_values(&self) -> bool {
        match self {
            DatabaseError::Database(sqlx::Error::Encode(_)) => true,
            DatabaseError::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| match code.parse::<u32>() {
                // Of SQLite; the lower byte is the class: TOOBIG, CONSTRAINT, MISMATCH.
                Ok(code) if !error.is_postgres() => matches!(code & 0xFF, 18..=20),
                // Of PostgreSQL (SQLSTATE): data exceptions, integrity constraints.
                _ => code.starts_with("22") || code.starts_with("23"),
            }),
            _ => false,
        }
    }
}

/// Whose error it is.
trait Dialect {
    fn is_postgres(&self) -> bool;
}

impl Dialect for Box<dyn sqlx::error::DatabaseError> {
    fn is_postgres(&self) -> bool {
        self.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some()
    }
}

#[derive(Debug)]
pub(crate) struct Database {
    pool: AnyPool,
    kind: Kind,
    /// Its tables are as we know them.
    is_ready: AtomicBool,
}

impl Database {
    /// Connects when something is asked of it.
    ///
    /// # Errors
    ///
    /// When the URL is none.
    pub(crate) fn new(url: &str) -> Result<Database, DatabaseError> {
        install_default_drivers();
        let kind = match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Kind::Sqlite,
            Some("postgres" | "postgresql") => Kind::Postgres,
            _ => return Err(DatabaseError::Url("it begins with neither".into())),
        };
        let is_memory = url == "sqlite::memory:";
        let whole = match kind {
            Kind::Sqlite if !is_memory && !url.contains("mode=") => format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' }),
            _ => url.to_owned(),
        };
        let options = AnyConnectOptions::from_str(&whole).map_err(|error| DatabaseError::Url(error.to_string().into()))?;
        let mut pool = AnyPoolOptions::new().acquire_timeout(CONNECTING);
        pool = match kind {
            // Each connection would have a database of its own, for as long as it lives.
            Kind::Sqlite if is_memory => pool.max_connections(1).idle_timeout(None).max_lifetime(None),
            _ => pool.max_connections(CONNECTIONS),
        };
        if kind == Kind::Sqlite {
            pool = pool.after_connect(|connection, _| Box::pin(settle(connection)));
        }
        let pool = pool.connect_lazy_with(options.disable_statement_logging());
        Ok(Database { pool, kind, is_ready: AtomicBool::new(false) })
    }

    /// Makes or changes the tables, the first time.
    pub(crate) async fn prepare(&self) -> Result<(), DatabaseError> {
        if self.is_ready.load(Relaxed) {
            return Ok(());
        }
        schema::migrate(self).await?;
        self.is_ready.store(true, Relaxed);
        Ok(())
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Any>, DatabaseError> {
        self.prepare().await?;
        Ok(self.pool.acquire().await?)
    }

    /// A transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction, DatabaseError> {
        self.prepare().await?;
        self.transaction().await
    }

    async fn transaction(&self) -> Result<Transaction, DatabaseError> {
        // One of SQLite that begins to write later may find that it cannot.
        let statement = if self.kind == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
        Ok(Transaction::begin(self.pool.acquire().await?, statement).await?)
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Readers do not wait for writers, and what was committed is on the disk.
async fn settle(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").execute(connection).await.map(drop)
}
