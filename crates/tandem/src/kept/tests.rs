//! What the store gives back is what was shown of the same call from memory.

use super::{StoredRecords, housekeeping};
use serde_json::json;
use std::{env, fs, path::Path, process, sync::Arc, time::Duration};
use tandem_api::{MemoryRecords, Record, Records, Wanted};
use tandem_model::{
    CallId, CallRecord, Codec, DirectionStats, EndReason, EndedBy, EndpointStats, Epoch, LegEnd, LegId, LegRecord, Mos, Timestamp,
};
use tandem_store::{Bounds, CallRow, Filter, Settings, Store};

fn leg(leg: LegId, other: LegId) -> LegRecord {
    let sent = DirectionStats { packets: 50, bytes: 8_000, lost: 1, jitter_us: 1_234, mos: Some(Mos::from_hundredths(433)) };
    let received = DirectionStats { mos: None, lost: 0, ..sent };
    let stats = EndpointStats { leg, received, sent, dropped: 3, round_trip_us: Some(40_321), playout: None };
    LegRecord {
        leg,
        endpoint: "trunk:carrier".into(),
        from: "sip:+4930123@example.com".into(),
        to: "sip:42;x=1@example.com".into(),
        remote: Some("[2001:db8::1]:5060".parse().unwrap()),
        sip_call_id: "abc@example.com".into(),
        session_id: "".into(),
        sip_status: 200,
        codec: Some(Codec::Opus),
        replaced_by: Some(other),
        media: Some(stats),
        end: LegEnd { sip_status: 200, reason: "OK".into(), q850_cause: 16, by: EndedBy::Peer },
    }
}

fn record(number: u64) -> CallRecord {
    let call = CallId::new(number, 0);
    let (first, second) = (call.leg(0).unwrap(), call.leg(1).unwrap());
    let at = |ms| Timestamp::from_millis(1_000 * number + ms);
    let bare = LegRecord { remote: None, sip_call_id: "".into(), codec: None, replaced_by: None, media: None, ..leg(second, first) };
    CallRecord {
        call,
        route: "to the carrier".into(),
        began: at(0),
        rang: Some(at(300)),
        answered: number.is_multiple_of(2).then(|| at(900)),
        ended: at(5_000),
        reason: if number.is_multiple_of(2) { EndReason::CallerHungUp } else { EndReason::Failed(486) },
        metadata: Some(json!({"ticket": "42", "nested": [1, null, "ü"]}).to_string().into()),
        legs: [leg(first, second), bare].into(),
    }
}

fn settings(folder: &Path) -> Settings {
    Settings { url: "sqlite::memory:".into(), folder: folder.to_owned(), node: "one".into(), bounds: Bounds::default() }
}

#[tokio::test]
async fn calls_go_when_they_have_been_kept_for_long_enough() {
    let folder = env::temp_dir().join(format!("tandem-forgotten-{}", process::id()));
    let store = Store::open(settings(&folder)).await.unwrap();
    let epoch = Epoch::new(Duration::from_secs(1_767_225_600));
    (1..=1_200).for_each(|number| assert!(store.records().push(CallRow::of(&record(number), epoch))));
    assert!(store.settle(Duration::from_secs(20)).await);
    let hour = Duration::from_secs(60 * 60);
    let left = async || store.calls(&Filter::default(), None, 1_000).await.unwrap().calls.len();
    let an_hour_after = |number: i64| (1_767_225_600 + 60 * 60 + number) * 1_000;
    housekeeping::forget(&store, None, an_hour_after(1_150)).await.unwrap();
    assert_eq!(left().await, 1_000, "a page, and more");
    housekeeping::forget(&store, Some(hour), an_hour_after(1_150)).await.unwrap();
    assert_eq!(left().await, 51, "those that began an hour ago or later");
    store.close(Duration::from_secs(5)).await;
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_was_shown_from_memory_comes_back_from_the_store() {
    let folder = env::temp_dir().join(format!("tandem-kept-{}", process::id()));
    let store = Arc::new(Store::open(settings(&folder)).await.unwrap());
    let epoch = Epoch::new(Duration::from_secs(1_767_225_600));
    let memory = MemoryRecords::default();
    for number in 1..=3 {
        let record = record(number);
        memory.keep(Record::of(&record, epoch));
        store.records().push(CallRow::of(&record, epoch));
    }
    let stored = StoredRecords::new(store.clone(), Arc::default());
    for wanted in [
        Wanted { limit: 9, ..Wanted::default() },
        Wanted { limit: 9, number: Some("+4930123".into()), endpoint: Some("trunk:carrier".into()), ..Wanted::default() },
        Wanted { limit: 9, number: Some("43".into()), ..Wanted::default() },
    ] {
        assert_eq!(stored.list(wanted.clone()).await, memory.list(wanted).await);
    }
    let call = CallId::new(2, 0);
    assert_eq!(stored.get(call).await, memory.get(call).await);
    assert_eq!(stored.get(CallId::new(9, 0)).await, Ok(None));
    store.close(Duration::from_secs(5)).await;
    fs::remove_dir_all(folder).unwrap();
}
