//! What is forgotten after its time.

use crate::kept::now_ms;
use std::{sync::Arc, time::Duration};
use tandem_store::{DatabaseError, Store};
use tokio::time::sleep;

/// How often it is looked for what is old.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Calls that are deleted in one transaction, and how long others may use the database then.
const AT_ONCE: (usize, Duration) = (500, Duration::from_millis(200));

/// Looks again and again, for as long as it is polled. Calls are kept for so long; `None`: for ever.
pub(crate) async fn keep_house(store: Arc<Store>, calls: Option<Duration>) {
    loop {
        if let Err(error) = forget(&store, calls, now_ms()).await {
            tracing::warn!(%error, "what is old could not be deleted from the database: it is tried again in an hour");
        }
        sleep(EVERY).await;
    }
}

pub(super) async fn forget(store: &Store, calls: Option<Duration>, now_ms: i64) -> Result<(), DatabaseError> {
    store.idempotency().forget_expired(now_ms).await?;
    store.registrations().forget_expired(now_ms).await?;
    let Some(kept) = calls else { return Ok(()) };
    let kept_ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    let before_us = now_ms.saturating_sub(kept_ms).saturating_mul(1_000);
    let (most, pause) = AT_ONCE;
    while store.forget_calls(before_us, most).await? == most as u64 {
        sleep(pause).await;
    }
    Ok(())
}
