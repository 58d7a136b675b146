//! A store of each kind, with nothing in it.

use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
use tandem_store::{Bounds, CallRow, DirectionRow, LegRow, MediaRow, Settings, Store};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

/// A folder that goes when it is dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        let folder = env::temp_dir().join(format!("tandem-store-{}-{}", process::id(), FOLDERS.fetch_add(1, Relaxed)));
        fs::create_dir_all(&folder).unwrap();
        Scratch(folder)
    }

    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite:{}", self.0.join("store.db").display())
    }

    pub(crate) fn settings(&self, url: &str) -> Settings {
        Settings { url: url.to_owned(), folder: self.0.join("journal"), node: "one".into(), bounds: Bounds::default() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a test with each kind of database, one after the other.
pub(crate) fn with_each(test: impl AsyncFn(&Scratch, &str)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let postgres = env::var("TANDEM_TEST_POSTGRES").ok();
    for kind in ["sqlite::memory:", "sqlite:", "postgres:"] {
        let scratch = Scratch::new();
        let url = match (kind, &postgres) {
            ("sqlite:", _) => scratch.sqlite(),
            ("postgres:", None) => continue,
            ("postgres:", Some(server)) => server.clone(),
            _ => kind.to_owned(),
        };
        runtime.block_on(test(&scratch, &url));
    }
}

/// A call with one leg of everything and one with nothing.
pub(crate) fn call(number: u32) -> CallRow {
    let began_us = 1_700_000_000_000_000 + i64::from(number) * 1_000;
    let received = DirectionRow { packets: 500, bytes: 80_000, lost: 3, jitter_us: 1_250, mos: Some(4.32) };
    let media = MediaRow {
        received,
        sent: DirectionRow { mos: None, packets: u64::from(number), ..received },
        dropped: 7,
        round_trip_us: Some(40_000),
        late: Some(1),
        missing: Some(4),
        delay_us: Some(61_000),
    };
    let caller = LegRow {
        leg: format!("leg_{number:013}a").into(),
        endpoint: "trunk:pbx".into(),
        from: format!("sip:{number}@pbx.example").into(),
        to: "sip:+4930123@tandem.example;user=phone".into(),
        remote: Some("[2001:db8::1]:5060".into()),
        sip_status: 200,
        codec: Some("opus".into()),
        replaced_by: Some("leg_1".into()),
        end_status: 200,
        end_reason: "caller \"hung\" up, so to say; 'ü'".into(),
        q850_cause: 16,
        ended_by: "peer".into(),
        sip_call_id: Some("a84b4c76e66710@pc33.example".into()),
        session_id: Some("ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2".into()),
        media: Some(media),
    };
    let callee =
        LegRow { leg: format!("leg_{number:013}b").into(), endpoint: "trunk:carrier".into(), ended_by: "node".into(), ..LegRow::default() };
    CallRow {
        node: "one".into(),
        call: format!("call_{number:013}").into(),
        route: "to the carrier".into(),
        began_us,
        rang_us: Some(began_us + 1),
        answered_us: number.is_multiple_of(2).then_some(began_us + 2),
        ended_us: began_us + 3,
        reason: if number.is_multiple_of(2) { "caller hung up".into() } else { "failed with 486".into() },
        sip_status: (!number.is_multiple_of(2)).then_some(486),
        metadata: Some(r#"{"ticket":"42"}"#.into()),
        legs: vec![caller, callee],
    }
}

/// A store with nothing in it. A database that is shared is emptied.
pub(crate) async fn empty(scratch: &Scratch, url: &str) -> Store {
    if url.starts_with("postgres") {
        use sqlx::Connection as _;
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
    Store::open(scratch.settings(url)).await.unwrap()
}

pub(crate) async fn push(store: &Store, numbers: impl IntoIterator<Item = u32>) {
    numbers.into_iter().for_each(|number| assert!(store.records().push(call(number))));
    assert!(store.settle(PATIENCE).await);
}
