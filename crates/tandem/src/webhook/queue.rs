//! What waits for the webhook: in the store, or in memory without one.

use crate::kept::asked;
use bytes::Bytes;
use std::{future::Future, time::Duration};
use tandem_hooks::{MemoryQueue, Notice, Queue, QueueError, Waiting};
use tandem_store::{DatabaseError, Store, WaitingEvent, Webhooks};
use tokio::time::timeout;

/// The name of the one target that there is, in the store.
const TARGET: &str = "webhook";

/// Events that may wait in the store.
const MOST_STORED: usize = 100_000;

/// Events that may wait in memory.
const MOST_IN_MEMORY: usize = 10_000;

/// How long the database may take: one that has vanished never answers.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) enum EventQueue {
    Memory(MemoryQueue),
    Stored(Webhooks),
}

impl EventQueue {
    pub(crate) fn new(store: Option<&Store>) -> EventQueue {
        match store {
            Some(store) => EventQueue::Stored(store.webhooks(TARGET, MOST_STORED)),
            None => EventQueue::Memory(MemoryQueue::new(MOST_IN_MEMORY)),
        }
    }

    /// How many wait; `None`: the database does not say.
    pub(crate) async fn waiting(&self) -> Option<u64> {
        match self {
            EventQueue::Memory(memory) => Some(memory.waiting() as u64),
            EventQueue::Stored(stored) => asked(stored.waiting()).await.ok().map(|waiting| waiting as u64),
        }
    }
}

impl Queue for EventQueue {
    async fn put(&self, notices: &[Notice], now_ms: i64) -> Result<(), QueueError> {
        let stored = match self {
            EventQueue::Memory(memory) => return memory.put(notices, now_ms).await,
            EventQueue::Stored(stored) => stored,
        };
        // They are JSON.
        let events: Vec<_> = notices.iter().map(|notice| (&*notice.id, std::str::from_utf8(&notice.body).unwrap_or_default())).collect();
        match in_time(stored.put(&events, now_ms)).await? {
            0 => Ok(()),
            left_out => Err(QueueError::Full(left_out)),
        }
    }

    async fn due(&self, now_ms: i64, most: usize) -> Result<Vec<Waiting>, QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.due(now_ms, most).await,
            EventQueue::Stored(stored) => Ok(in_time(stored.due(now_ms, most)).await?.into_iter().map(waiting).collect()),
        }
    }

    async fn next_due_ms(&self) -> Result<Option<i64>, QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.next_due_ms().await,
            EventQueue::Stored(stored) => in_time(stored.next_due_ms()).await,
        }
    }

    async fn done(&self, ids: &[Box<str>]) -> Result<(), QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.done(ids).await,
            EventQueue::Stored(stored) => {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                in_time(stored.done(&ids)).await
            }
        }
    }

    async fn postpone(&self, id: &str, due_ms: i64) -> Result<(), QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.postpone(id, due_ms).await,
            EventQueue::Stored(stored) => in_time(stored.postpone(id, due_ms)).await,
        }
    }
}

fn waiting(event: WaitingEvent) -> Waiting {
    let WaitingEvent { id, event, attempts, created_ms } = event;
    Waiting { notice: Notice { id, body: Bytes::from(String::from(event)) }, attempts, since_ms: created_ms }
}

async fn in_time<T>(answer: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, QueueError> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| QueueError::Failed(error.to_string().into())),
        Err(_) => Err(QueueError::Failed(format!("the database did not answer within {} s", PATIENCE.as_secs()).into())),
    }
}
