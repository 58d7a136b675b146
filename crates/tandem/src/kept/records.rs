//! Records of calls, read from the store.

use super::asked;
use std::{sync::Arc, time::Duration};
use tandem_api::{
    BoxFuture, Direction, ListError, Listed, Media, MemoryRecords, Record, RecordLeg, Records, Time, Times, Unavailable, Wanted,
    milliseconds,
};
use tandem_model::CallId;
use tandem_store::{CallRow, Cursor, DirectionRow, Filter, LegRow, MediaRow, Store};

/// How long somebody who asks waits for the records of calls that have just ended to be in the database.
const SETTLING: Duration = Duration::from_secs(1);

/// Those of the store, and before those of the last calls, which the database may not have yet.
pub(crate) struct StoredRecords {
    store: Arc<Store>,
    recent: Arc<MemoryRecords>,
}

impl StoredRecords {
    pub(crate) fn new(store: Arc<Store>, recent: Arc<MemoryRecords>) -> StoredRecords {
        StoredRecords { store, recent }
    }

    /// Records that the database lacks, once it has had its time to take them.
    async fn waiting(&self) -> u64 {
        if self.store.settle(SETTLING).await {
            return 0;
        }
        let health = self.store.health();
        health.in_memory + health.waiting
    }

    async fn find(&self, call: CallId) -> Result<Option<Record>, Unavailable> {
        if let Some(record) = self.recent.get(call).await? {
            return Ok(Some(record));
        }
        let id = call.to_string();
        if let Some(row) = asked(self.store.call(&id)).await? {
            return Ok(Some(record_of(row)));
        }
        // It may be one of those that the process before left in the journal.
        let health = self.store.health();
        if health.in_memory + health.waiting == 0 {
            return Ok(None);
        }
        let waiting = self.waiting().await;
        match asked(self.store.call(&id)).await? {
            Some(row) => Ok(Some(record_of(row))),
            None if waiting > 0 => Err(Unavailable(format!("{waiting} records wait for the database, and it may be one of them"))),
            None => Ok(None),
        }
    }
}

impl Records for StoredRecords {
    fn list(&self, wanted: Wanted) -> BoxFuture<'_, Result<Listed, ListError>> {
        Box::pin(async move {
            let cursor = wanted.cursor.map(|cursor| cursor.parse::<Cursor>()).transpose().map_err(|_| ListError::Cursor)?;
            // Later pages are of calls that were over before.
            let waiting = if cursor.is_none() { self.waiting().await } else { 0 };
            let filter = Filter {
                since_us: wanted.since.map(|time| time.0),
                before_us: wanted.before.map(|time| time.0),
                endpoint: wanted.endpoint.map(Into::into),
                number: wanted.number.map(Into::into),
                reason: None,
            };
            let page = asked(self.store.calls(&filter, cursor.as_ref(), wanted.limit)).await?;
            let records = page.calls.into_iter().map(record_of).collect();
            Ok(Listed { records, next: page.next.map(|next| next.to_string()), waiting })
        })
    }

    fn get(&self, call: CallId) -> BoxFuture<'_, Result<Option<Record>, Unavailable>> {
        Box::pin(self.find(call))
    }
}

fn record_of(row: CallRow) -> Record {
    let times =
        Times { began: Time(row.began_us), rang: row.rang_us.map(Time), answered: row.answered_us.map(Time), ended: Time(row.ended_us) };
    Record {
        id: row.call.into(),
        route: row.route.into(),
        reason: row.reason.into(),
        sip_status: row.sip_status,
        // It was written as JSON.
        metadata: row.metadata.and_then(|metadata| serde_json::from_str(&metadata).ok()),
        legs: row.legs.into_iter().map(leg_of).collect(),
        ..Record::with_times(times)
    }
}

fn leg_of(row: LegRow) -> RecordLeg {
    RecordLeg {
        id: row.leg.into(),
        endpoint: row.endpoint.into(),
        from: row.from.into(),
        to: row.to.into(),
        remote: row.remote.map(Into::into),
        sip_call_id: row.sip_call_id.unwrap_or_default().into(),
        session_id: row.session_id.unwrap_or_default().into(),
        codec: row.codec.map(Into::into),
        sip_status: row.sip_status,
        end_status: row.end_status,
        reason: row.end_reason.into(),
        q850_cause: row.q850_cause,
        ended_by: row.ended_by.into(),
        replaced_by: row.replaced_by.map(Into::into),
        media: row.media.map(media_of),
    }
}

fn media_of(row: MediaRow) -> Media {
    Media {
        received: direction_of(row.received),
        sent: direction_of(row.sent),
        dropped: row.dropped,
        round_trip_ms: row.round_trip_us.map(milliseconds),
    }
}

fn direction_of(row: DirectionRow) -> Direction {
    let DirectionRow { packets, bytes, lost, jitter_us, mos } = row;
    Direction { packets, bytes, lost, jitter_ms: milliseconds(jitter_us), mos }
}
