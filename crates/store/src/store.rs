//! The store as a whole: opened, asked, closed.

use crate::{
    CallRow, Cursor, DatabaseError, Export, Filter, Health, Idempotency, Page, Records, Registrations, Webhooks,
    batcher::Batcher,
    database::Database,
    health::Tally,
    journal::{Journal, MAX_RECORD, Marks, Writer},
};
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::task::{self, spawn_blocking};

/// How long an answer of the database is waited for when the store is opened. One that is away then is waited for later.
const OPENING: Duration = Duration::from_secs(2);

/// What a store is opened with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`, `sqlite::memory:` or `postgres://…`.
    pub url: String,
    /// The folder of the journal. One process has it at a time.
    pub folder: PathBuf,
    /// The name of the node, which is part of every key.
    pub node: String,
    /// How much is kept waiting.
    pub bounds: Bounds,
}

/// How much is kept waiting, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records that may wait in memory: some 2 KiB each. One more is lost.
    pub in_memory: usize,
    /// Bytes of one file of the journal; a file is deleted when all that is in it is in the database.
    pub segment_bytes: u64,
    /// Bytes of the journal. When it has as many, records wait in memory.
    pub journal_bytes: u64,
    /// How long a record may wait for others before the disk is asked to have them.
    pub sync_every: Duration,
    /// Records of one transaction.
    pub batch: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { in_memory: 32_768, segment_bytes: 4 << 20, journal_bytes: 1 << 30, sync_every: Duration::from_millis(10), batch: 500 }
    }
}

impl Bounds {
    /// A segment has room for a record, the journal for some segments.
    fn sensible(mut self) -> Bounds {
        self.journal_bytes = self.journal_bytes.max(4 * MAX_RECORD as u64);
        self.segment_bytes = self.segment_bytes.min(self.journal_bytes / 4);
        self.batch = self.batch.max(1);
        self
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be had.
    #[error("the journal in {}: {error}", folder.display())]
    Journal {
        /// Where.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The URL is none, or the tables are of a newer version.
    #[error(transparent)]
    Database(DatabaseError),
}

/// What outlives the process.
#[derive(Debug)]
pub struct Store {
    database: Arc<Database>,
    records: Records,
    marks: Arc<Marks>,
    tally: Arc<Tally>,
    node: Arc<str>,
    writer: Mutex<Option<JoinHandle<()>>>,
    batcher: task::JoinHandle<()>,
}

impl Store {
    /// Opens the journal, takes up what a process before left in it, and begins to write it to the database. Within a runtime of tokio, with
    /// time.
    ///
    /// # Errors
    ///
    /// When the journal cannot be had, the URL is none, or the database has tables of a newer version. A database that cannot be reached is
    /// no error: [`Store::health`] and the log tell.
    pub async fn open(settings: Settings) -> Result<Store, OpenError> {
        let Settings { url, folder, node, bounds } = settings;
        let database = Arc::new(Database::new(&url).map_err(OpenError::Database)?);
        let tally = Arc::new(Tally::default());
        match tokio::time::timeout(OPENING, database.prepare()).await {
            Ok(Err(error @ DatabaseError::Newer { .. })) => return Err(OpenError::Database(error)),
            Ok(Err(error)) => tally.on_database(Err(&error.to_string())),
            Err(_) => tally.on_database(Err(&DatabaseError::Slow(OPENING).to_string())),
            Ok(Ok(())) => tally.on_database(Ok(())),
        }
        let path = folder.clone();
        let opened = spawn_blocking(move || Journal::open(&path)).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let journal = opened.map_err(|error| OpenError::Journal { folder: folder.clone(), error })?;
        if journal.leftover != Default::default() {
            tracing::info!(
                records = journal.leftover.records,
                torn_bytes = journal.leftover.torn,
                "the journal has call records of before"
            );
        }
        let bounds = bounds.sensible();
        let (files, marks, node) = (journal.folder.clone(), Arc::clone(&journal.marks), Arc::<str>::from(node));
        let (sender, queue) = sync_channel(bounds.in_memory);
        let batcher = Batcher::new(Arc::clone(&database), files, Arc::clone(&marks), Arc::clone(&tally), bounds.batch);
        let writer = Writer::new(queue, journal, Arc::clone(&tally), bounds);
        let writer = thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Journal { folder, error })?;
        let records = Records::new(sender, Arc::clone(&tally), Arc::clone(&node));
        Ok(Store { database, records, marks, tally, node, writer: Mutex::new(Some(writer)), batcher: tokio::spawn(batcher.run()) })
    }

    /// Where records go.
    pub fn records(&self) -> Records {
        self.records.clone()
    }

    /// How it is now.
    pub fn health(&self) -> Health {
        self.tally.health(&self.marks)
    }

    /// Calls, newest first: at most so many, behind a place that the page before told.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn calls(&self, filter: &Filter, after: Option<&Cursor>, most: usize) -> Result<Page, DatabaseError> {
        self.database.page(filter, after, most).await
    }

    /// The call of this id, `call_…`. One that has just ended may not be there yet.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn call(&self, call: &str) -> Result<Option<CallRow>, DatabaseError> {
        self.database.call(&self.node, call).await
    }

    /// Deletes calls of this node that came before: at most so many, the oldest first. How many they were.
    ///
    /// # Errors
    ///
    /// When the database cannot be asked.
    pub async fn forget_calls(&self, before_us: i64, most: usize) -> Result<u64, DatabaseError> {
        self.database.forget(&self.node, before_us, most).await
    }

    /// All calls that the filter lets through, for a file.
    pub fn export(&self, filter: Filter) -> Export {
        Export::new(Arc::clone(&self.database), filter)
    }

    /// Where this node's users are.
    pub fn registrations(&self) -> Registrations {
        Registrations::new(Arc::clone(&self.database), Arc::clone(&self.node))
    }

    /// What was answered to requests that may come again.
    pub fn idempotency(&self) -> Idempotency {
        Idempotency::new(Arc::clone(&self.database))
    }

    /// What waits to be sent from this node to a target of this name, of which `most` may wait.
    pub fn webhooks(&self, target: &str, most: usize) -> Webhooks {
        Webhooks::new(Arc::clone(&self.database), Arc::clone(&self.node), target, most)
    }

    /// Waits until the database has all that was pushed before, or lost it, but no longer than so long. Whether it has.
    pub async fn settle(&self, most: Duration) -> bool {
        let settled = async {
            self.records.flush().await;
            let target = self.marks.state().durable;
            self.marks.committed(target).await;
        };
        tokio::time::timeout(most, settled).await.is_ok()
    }

    /// Ends it: what was pushed goes to the disk, and to the database as far as that takes it in so long. What it does not take stays in the
    /// journal for the next process.
    pub async fn close(&self, most: Duration) {
        let until = Instant::now() + most;
        self.settle(most).await;
        self.marks.end();
        self.records.wake();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A disk that hangs would hold the end up; what it has not taken by now is lost.
            let joined = spawn_blocking(move || writer.join());
            let _ = tokio::time::timeout(until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1)), joined).await;
        }
        self.batcher.abort();
        self.database.close().await;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.marks.end();
        self.records.wake();
        self.batcher.abort();
    }
}
