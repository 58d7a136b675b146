//! Records of calls that are over, on their way from the node to the store, and to whoever asks for them over HTTP.

use crate::{
    kept::{StoredAnswers, StoredRecords, bindings, housekeeping::keep_house},
    webhook::{EventQueue, Teller},
};
use anyhow::Context;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tandem_api::{AskKeeping, Idempotency, Interface, Keeping as Figures, MemoryIdempotency, MemoryRecords, StoreFigures};
use tandem_config::Config;
use tandem_hooks::Client;
use tandem_model::{CallRecord, Epoch, EventKind};
use tandem_runtime::{BindingsKept, ChangedBindings, Feed, Records, Told, background::Background};
use tandem_store::{Bounds, CallRow, Health, Settings, Store};
use tokio::{sync::oneshot, time::timeout};

/// How long the end of the program waits for the database to take what it lacks. What it has not taken then lies in the journal.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where records go.
pub(crate) struct Keeper {
    store: Option<Arc<Store>>,
    recent: Arc<MemoryRecords>,
    shown: Option<Arc<Interface>>,
    teller: Option<Teller>,
    /// They end once those have who write to the store beside us.
    others: Vec<oneshot::Receiver<()>>,
}

/// A keeper at work.
pub(crate) struct Keeping {
    done: oneshot::Receiver<()>,
}

impl Keeper {
    /// Opens the store that the configuration names, if it does. `client` calls whoever is told of events.
    pub(crate) fn new(config: &Config, client: &Client, background: &Background) -> anyhow::Result<Keeper> {
        let store = Keeper::open(config, background)?;
        let webhook = config.api.as_ref().and_then(|api| api.webhook.as_ref());
        let teller = webhook.map(|webhook| Teller::new(webhook, client.clone(), EventQueue::new(store.as_deref())));
        Ok(Keeper { store, recent: Arc::default(), shown: None, teller: teller.transpose()?, others: Vec::new() })
    }

    fn open(config: &Config, background: &Background) -> anyhow::Result<Option<Arc<Store>>> {
        let node = &config.node;
        let Some(url) = &node.store else { return Ok(None) };
        let settings = Settings {
            url: url.expose().to_owned(),
            folder: PathBuf::from(&*node.journal_dir),
            node: node.name.to_string(),
            bounds: Bounds::default(),
        };
        let store = Arc::new(background.run(Store::open(settings)).blocking_recv()?.context("no store")?);
        drop(background.run(keep_house(store.clone(), node.keep_records)));
        Ok(Some(store))
    }

    /// Where they are read.
    pub(crate) fn records(&self) -> Arc<dyn tandem_api::Records> {
        match &self.store {
            Some(store) => Arc::new(StoredRecords::new(store.clone(), self.recent.clone())),
            None => self.recent.clone(),
        }
    }

    /// Where answers are kept for requests that come again.
    pub(crate) fn answers(&self) -> Arc<dyn Idempotency> {
        match &self.store {
            Some(store) => Arc::new(StoredAnswers::new(store)),
            None => Arc::<MemoryIdempotency>::default(),
        }
    }

    /// Where users were before, and where it is told where they are.
    pub(crate) fn bindings(&mut self, background: &Background) -> anyhow::Result<Option<BindingsKept>> {
        let Some(store) = &self.store else { return Ok(None) };
        let (registrations, changed) = (store.registrations(), ChangedBindings::default());
        let asked = registrations.clone();
        let before = background.run(async move { bindings::read(&asked).await }).blocking_recv()?;
        self.others.push(background.run(bindings::write(registrations, changed.clone())));
        Ok(Some(BindingsKept { before, changed }))
    }

    /// How they fare.
    pub(crate) fn figures(&self) -> AskKeeping {
        let (store, webhook) = (self.store.clone(), self.teller.as_ref().map(Teller::watch));
        Box::new(move || {
            let (store, webhook) = (store.clone(), webhook.clone());
            Box::pin(async move {
                let webhook = match webhook {
                    Some(webhook) => Some(webhook.figures().await),
                    None => None,
                };
                Figures { store: store.map(|store| store_figures(store.health())), webhook }
            })
        })
    }

    /// Somebody shows them over HTTP; what `feed` hears is told in its words.
    pub(crate) fn show(&mut self, interface: Arc<Interface>, feed: Feed, background: &Background) {
        self.others.extend(self.teller.take().map(|teller| teller.start(feed, interface.clone(), background)));
        self.shown = Some(interface);
    }

    /// Keeps what comes until the node has ended.
    pub(crate) fn start(mut self, mut ended: Records, background: &Background) -> Keeping {
        let done = background.run(async move {
            while let Some(told) = ended.recv().await {
                if let EventKind::CallEnded(record) = &told.event.kind {
                    self.keep(record, epoch(&told));
                }
            }
            let others = std::mem::take(&mut self.others);
            if timeout(PATIENCE, all(others)).await.is_err() {
                tracing::warn!("the node ends before all was kept: events for the webhook and where users are may be lost");
            }
            if let Some(store) = self.store {
                store.close(PATIENCE).await;
            }
        });
        Keeping { done }
    }

    fn keep(&self, record: &CallRecord, epoch: Epoch) {
        if let Some(shown) = &self.shown {
            self.recent.keep(shown.record(record));
        }
        if let Some(store) = &self.store {
            store.records().push(CallRow::of(record, epoch));
        }
    }
}

impl Keeping {
    /// Waits for what is still to be written, but not for long.
    pub(crate) fn end(self, background: &Background) {
        // It ends by itself once the node has gone, and what it is late with is on the disk.
        let done = self.done;
        let _ = background.run(async move { timeout(3 * PATIENCE, done).await }).blocking_recv();
    }
}

fn store_figures(health: Health) -> StoreFigures {
    StoreFigures {
        is_database_up: health.is_database_up,
        is_journal_up: health.is_journal_up,
        in_memory: health.in_memory,
        in_journal: health.waiting,
        lag: health.lag,
        journal_bytes: health.journal_bytes,
        written: health.written,
        lost: health.lost,
        refused: health.refused,
    }
}

async fn all(others: Vec<oneshot::Receiver<()>>) {
    for other in others {
        let _ = other.await;
    }
}

/// The wall-clock time of the node's zero, as what was told has it.
fn epoch(told: &Told) -> Epoch {
    let now = Duration::from_micros(u64::try_from(told.unix_us).unwrap_or(0));
    Epoch::new(now.saturating_sub(Duration::from_micros(told.event.time.as_micros())))
}
