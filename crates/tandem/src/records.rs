//! Records of calls that are over, on their way from the node to the store, and to whoever asks for them over HTTP.

use anyhow::Context;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tandem_api::{Interface, MemoryRecords};
use tandem_config::Node;
use tandem_model::{CallRecord, Epoch, EventKind};
use tandem_runtime::{Records, Told, background::Background};
use tandem_store::{Bounds, CallRow, Settings, Store};
use tokio::{sync::oneshot, time::timeout};

/// How long the end of the program waits for the database to take what it lacks. What it has not taken then lies in the journal.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where records go.
pub(crate) struct Keeper {
    store: Option<Store>,
    shown: Option<Shown>,
}

/// Who shows them, and what it shows.
pub(crate) struct Shown {
    pub(crate) records: Arc<MemoryRecords>,
    pub(crate) interface: Arc<Interface>,
}

/// A keeper at work.
pub(crate) struct Keeping {
    done: oneshot::Receiver<()>,
}

impl Keeper {
    /// Opens the store that the configuration names, if it does.
    pub(crate) fn new(node: &Node, background: &Background) -> anyhow::Result<Keeper> {
        let Some(url) = &node.store else { return Ok(Keeper { store: None, shown: None }) };
        let settings = Settings {
            url: url.expose().to_owned(),
            folder: PathBuf::from(&*node.journal_dir),
            node: node.name.to_string(),
            bounds: Bounds::default(),
        };
        let store = background.run(Store::open(settings)).blocking_recv()?.context("no store")?;
        Ok(Keeper { store: Some(store), shown: None })
    }

    /// Shows them over HTTP as well.
    pub(crate) fn show(&mut self, shown: Shown) {
        self.shown = Some(shown);
    }

    /// Keeps what comes until the node has ended.
    pub(crate) fn start(self, mut ended: Records, background: &Background) -> Keeping {
        let done = background.run(async move {
            while let Some(told) = ended.recv().await {
                if let EventKind::CallEnded(record) = &told.event.kind {
                    self.keep(record, epoch(&told));
                }
            }
            if let Some(store) = self.store {
                store.close(PATIENCE).await;
            }
        });
        Keeping { done }
    }

    fn keep(&self, record: &CallRecord, epoch: Epoch) {
        let mut row = self.store.as_ref().map(|store| (store.records(), CallRow::of(record, epoch)));
        if let Some(shown) = &self.shown {
            let record = shown.interface.record(record);
            if let (Some((_, row)), Some(metadata)) = (&mut row, &record.metadata) {
                row.metadata = Some(metadata.to_string().into());
            }
            shown.records.keep(record);
        }
        if let Some((records, row)) = row {
            records.push(row);
        }
    }
}

impl Keeping {
    /// Waits for what is still to be written, but not for long.
    pub(crate) fn end(self, background: &Background) {
        // It ends by itself once the node has gone, and what it is late with is on the disk.
        let done = self.done;
        let _ = background.run(async move { timeout(2 * PATIENCE, done).await }).blocking_recv();
    }
}

/// The wall-clock time of the node's zero, as what was told has it.
fn epoch(told: &Told) -> Epoch {
    let now = Duration::from_micros(u64::try_from(told.unix_us).unwrap_or(0));
    Epoch::new(now.saturating_sub(Duration::from_micros(told.event.time.as_micros())))
}
