//! How the store is: read by whoever shows it, and told in the log when it changes.

use crate::journal::Marks;
use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// The wall clock: microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// How the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether the last attempt to write to the database succeeded.
    pub is_database_up: bool,
    /// Whether the journal takes records. While it does not they wait in memory.
    pub is_journal_up: bool,
    /// Records that wait for the disk.
    pub in_memory: u64,
    /// Records on the disk that wait for the database.
    pub waiting: u64,
    /// For how long the first of those has waited.
    pub lag: Duration,
    /// Bytes of the journal on the disk.
    pub journal_bytes: u64,
    /// Records that this process has given to the database, those included that it had already.
    pub written: u64,
    /// Records that were lost: too many waited, or they were too large.
    pub lost: u64,
    /// Records that the database will never take; they are in `refused.jsonl` in the folder.
    pub refused: u64,
    /// Bytes of the journal that were no record when they were read.
    pub damaged: u64,
    /// The last error of the database or the journal, also if all is well again.
    pub last_error: Option<Box<str>>,
}

/// What is counted, by whoever does it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) pushed: AtomicU64,
    pub(crate) durable: AtomicU64,
    lost: AtomicU64,
    pub(crate) written: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) damaged: AtomicU64,
    is_database_up: AtomicBool,
    is_journal_down: AtomicBool,
    is_losing: AtomicBool,
    last_error: Mutex<Option<Box<str>>>,
    /// Records that are durable or lost.
    settled: watch::Sender<u64>,
}

impl Tally {
    fn last_error(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settled(&self) -> watch::Receiver<u64> {
        self.settled.subscribe()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    pub(crate) fn lose(&self, records: u64) {
        if records == 0 {
            return;
        }
        self.lost.fetch_add(records, Relaxed);
        self.settled.send_modify(|settled| *settled += records);
        if !self.is_losing.swap(true, Relaxed) {
            tracing::error!("call records are being lost: too many wait for the disk");
        }
    }

    pub(crate) fn on_durable(&self, records: u64) {
        self.durable.fetch_add(records, Relaxed);
        self.settled.send_modify(|settled| *settled += records);
        if self.is_journal_down.swap(false, Relaxed) {
            tracing::info!("call records go to the journal again");
        }
        if self.is_losing.swap(false, Relaxed) {
            tracing::error!(lost = self.lost(), "call records were lost");
        }
    }

    pub(crate) fn on_journal_stuck(&self, error: &io::Error) {
        *self.last_error() = Some(format!("journal: {error}").into());
        if !self.is_journal_down.swap(true, Relaxed) {
            tracing::warn!(%error, "call records wait in memory: the journal cannot be written");
        }
    }

    pub(crate) fn on_database(&self, outcome: Result<(), &str>) {
        match outcome {
            Ok(()) => {
                let had_failed = self.last_error().as_deref().is_some_and(|error| error.starts_with("database: "));
                if !self.is_database_up.swap(true, Relaxed) && had_failed {
                    tracing::info!("the database takes call records again");
                }
            }
            Err(error) => {
                let told = Some(format!("database: {error}").into());
                let is_new = std::mem::replace(&mut *self.last_error(), told.clone()) != told;
                if self.is_database_up.swap(false, Relaxed) || is_new {
                    tracing::warn!(error, "call records wait for the database");
                }
            }
        }
    }

    pub(crate) fn health(&self, marks: &Arc<Marks>) -> Health {
        let state = marks.state();
        let lag = state.oldest_us.map_or(0, |oldest| now_us().saturating_sub(oldest));
        let settled = *self.settled.borrow();
        Health {
            is_database_up: self.is_database_up.load(Relaxed),
            is_journal_up: !self.is_journal_down.load(Relaxed),
            in_memory: self.pushed.load(Relaxed).saturating_sub(settled),
            waiting: state.waiting,
            lag: Duration::from_micros(u64::try_from(lag).unwrap_or(0)),
            journal_bytes: state.bytes(),
            written: self.written.load(Relaxed),
            lost: self.lost(),
            refused: self.refused.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
            last_error: self.last_error().clone(),
        }
    }
}
