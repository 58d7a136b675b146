//! What the store keeps for the HTTP interface.

mod answers;
pub(crate) mod bindings;
pub(crate) mod housekeeping;
mod records;
#[cfg(test)]
mod tests;

pub(crate) use answers::StoredAnswers;
pub(crate) use records::StoredRecords;

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tandem_api::Unavailable;
use tandem_store::DatabaseError;
use tokio::time::timeout;

/// How long the database may take to answer somebody who waits.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// What the database says, if it does so in time.
pub(crate) async fn asked<T>(answer: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, Unavailable> {
    match timeout(ANSWER_TIME, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unavailable(&error)),
        Err(_) => Err(Unavailable(format!("the database did not answer within {} s", ANSWER_TIME.as_secs()))),
    }
}

/// What a reader of the API is told: the words of the database may say more than it should know.
fn unavailable(error: &DatabaseError) -> Unavailable {
    tracing::debug!(%error, "the database did not answer");
    Unavailable("the database does not answer now".to_owned())
}

/// The wall clock: milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
