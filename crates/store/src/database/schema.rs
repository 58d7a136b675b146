//! The tables, and how those of an older version become those of this one.

use super::{
    Database, DatabaseError, Kind,
    sql::{Columns, Sql},
};
use crate::health::now_us;

/// What leads from each version to the next. An entry that was released is never changed.
const VERSIONS: [&str; 2] = [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Two nodes do not do this to the same database of PostgreSQL at the same time: a number that nobody else uses as a lock.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235421885443)";

pub(super) async fn migrate(database: &Database) -> Result<(), DatabaseError> {
    let mut transaction = database.transaction().await?;
    if database.kind == Kind::Postgres {
        sqlx::raw_sql(LOCK).execute(&mut *transaction).await?;
    }
    Sql::new("CREATE TABLE IF NOT EXISTS tandem_schema (version BIGINT NOT NULL, since_ms BIGINT NOT NULL)")
        .execute(&mut transaction)
        .await?;
    let found = Sql::new("SELECT max(version) FROM tandem_schema").fetch(&mut transaction).await?;
    let found: i64 = found.first().map(|row| Columns::of(row).maybe_int()).transpose()?.flatten().unwrap_or(0);
    let known = VERSIONS.len() as i64;
    if found > known {
        return Err(DatabaseError::Newer { found, known });
    }
    for (version, statements) in (1..).zip(VERSIONS).skip_while(|(version, _)| *version <= found) {
        sqlx::raw_sql(statements).execute(&mut *transaction).await?;
        let mut noted = Sql::new("INSERT INTO tandem_schema (version, since_ms) VALUES ");
        noted.tuple([version, now_us() / 1_000].map(Into::into));
        noted.execute(&mut transaction).await?;
    }
    Ok(transaction.commit().await?)
}
