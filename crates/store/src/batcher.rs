//! Takes records from the journal to the database, some at a time, each time in one transaction; and goes on trying for ever.

use crate::{
    CallRow,
    database::{self, Database, DatabaseError},
    health::Tally,
    journal::{Batch, Folder, Marks, Position, Reader},
};
use std::{
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::task::spawn_blocking;

/// A transaction that takes longer is given up, and tried again.
const TRANSACTION: Duration = Duration::from_secs(30);

/// The first wait after a failure; each further one is twice as long, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Batcher {
    database: Arc<Database>,
    folder: Folder,
    marks: Arc<Marks>,
    tally: Arc<Tally>,
    /// Records of a transaction, at most.
    most: usize,
}

/// What was read, and what it says.
struct Loaded {
    rows: Vec<CallRow>,
    /// Records whose checksum is right and that nobody understands.
    strange: Vec<Box<[u8]>>,
    batch: Batch,
}

impl Batcher {
    pub(crate) fn new(database: Arc<Database>, folder: Folder, marks: Arc<Marks>, tally: Arc<Tally>, most: usize) -> Batcher {
        Batcher { database, folder, marks, tally, most }
    }

    /// Runs until the end was told and the database has everything.
    pub(crate) async fn run(self) {
        let mut reader = Reader::new(self.folder.clone(), Arc::clone(&self.marks));
        let mut waits = Waits::default();
        // Whether it can be written to is seen before there is something to write.
        while let Err(error) = self.database.prepare().await {
            self.failed(&error);
            waits.wait().await;
        }
        self.tally.on_database(Ok(()));
        loop {
            let most = self.most;
            let Ok((back, loaded)) = spawn_blocking(move || load(reader, most)).await else { return };
            reader = back;
            let loaded = match loaded {
                Ok(loaded) => loaded,
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    waits.wait().await;
                    continue;
                }
            };
            if loaded.batch.records.is_empty() && loaded.batch.damaged == 0 {
                if self.marks.state().is_ending {
                    return;
                }
                self.marks.more.notified().await;
                continue;
            }
            self.report(&loaded);
            self.write(&loaded.rows).await;
            self.commit(loaded.batch.end, loaded.batch.records.len() as u64).await;
        }
    }

    fn failed(&self, error: &DatabaseError) {
        self.tally.on_database(Err(&error.to_string()));
    }

    fn report(&self, loaded: &Loaded) {
        if loaded.batch.damaged > 0 {
            self.tally.damaged.fetch_add(loaded.batch.damaged, Relaxed);
            tracing::error!(bytes = loaded.batch.damaged, "the journal is damaged: what stood there was left out");
        }
        loaded.strange.iter().for_each(|record| self.refuse(record, "it is no record"));
    }

    /// Until the database has all of them, but for those that it refuses for what they hold.
    async fn write(&self, rows: &[CallRow]) {
        let mut waits = Waits::default();
        while let Err(error) = self.attempt(rows).await {
            if error.is_about_values() && rows.len() > 1 {
                return self.write_singly(rows).await;
            }
            if error.is_about_values() {
                return rows.iter().for_each(|row| self.refuse_row(row, &error));
            }
            self.failed(&error);
            waits.wait().await;
        }
    }

    async fn write_singly(&self, rows: &[CallRow]) {
        for row in rows {
            Box::pin(self.write(std::slice::from_ref(row))).await;
        }
    }

    async fn attempt(&self, rows: &[CallRow]) -> Result<(), DatabaseError> {
        match tokio::time::timeout(TRANSACTION, database::write(&self.database, rows)).await {
            Ok(written) => written?,
            Err(_) => return Err(DatabaseError::Slow(TRANSACTION)),
        }
        self.tally.written.fetch_add(rows.len() as u64, Relaxed);
        self.tally.on_database(Ok(()));
        Ok(())
    }

    fn refuse_row(&self, row: &CallRow, error: &DatabaseError) {
        // Numbers and text: it can be written as JSON.
        let record = serde_json::to_vec(row).unwrap_or_default();
        self.refuse(&record, &error.to_string());
    }

    fn refuse(&self, record: &[u8], reason: &str) {
        self.tally.refused.fetch_add(1, Relaxed);
        let kept = self.folder.refuse(record);
        tracing::error!(reason, is_kept = kept.is_ok(), "a call record was refused: it is in refused.jsonl");
    }

    async fn commit(&self, end: Position, records: u64) {
        let (folder, marks) = (self.folder.clone(), Arc::clone(&self.marks));
        if let Ok(Err(error)) = spawn_blocking(move || marks.commit(&folder, end, records)).await {
            tracing::warn!(%error, "the journal cannot be cleared: records in it will be read again");
        }
    }
}

fn load(mut reader: Reader, most: usize) -> (Reader, io::Result<Loaded>) {
    let loaded = reader.read(most).map(|batch| {
        let (mut rows, mut strange) = (Vec::new(), Vec::new());
        for (_, record) in &batch.records {
            match serde_json::from_slice(record) {
                Ok(row) => rows.push(row),
                Err(_) => strange.push(record.clone()),
            }
        }
        Loaded { rows, strange, batch }
    });
    (reader, loaded)
}

/// Waits that grow, and differ: nodes that share a database do not come back to it all at once.
#[derive(Debug, Default)]
struct Waits {
    last: Option<Duration>,
}

impl Waits {
    async fn wait(&mut self) {
        let next = self.last.map_or(FIRST_WAIT, |last| (2 * last).min(LAST_WAIT));
        self.last = Some(next);
        // Without randomness, all of it.
        let share = getrandom::u32().unwrap_or(u32::MAX);
        tokio::time::sleep(next / 2 + (next / 2).mul_f64(f64::from(share) / f64::from(u32::MAX))).await;
    }
}
