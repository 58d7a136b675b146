//! What waits for the webhook: in the store, or in memory without one.

use crate::kept::asked;
use bytes::Bytes;
use tandem_hooks::{MemoryQueue, Notice, Queue, QueueError, Waiting};
use tandem_store::{DatabaseError, Store, WaitingEvent, Webhooks};

/// The name of the one target that there is, in the store.
const TARGET: &str = "webhook";

/// Events that may wait in the store.
const MOST_STORED: usize = 100_000;

/// Events that may wait in memory.
const MOST_IN_MEMORY: usize = 10_000;

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
        match stored.put(&events, now_ms).await.map_err(failed)? {
            0 => Ok(()),
            left_out => Err(QueueError::Full(left_out)),
        }
    }

    async fn due(&self, now_ms: i64, most: usize) -> Result<Vec<Waiting>, QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.due(now_ms, most).await,
            EventQueue::Stored(stored) => Ok(stored.due(now_ms, most).await.map_err(failed)?.into_iter().map(waiting).collect()),
        }
    }

    async fn next_due_ms(&self) -> Result<Option<i64>, QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.next_due_ms().await,
            EventQueue::Stored(stored) => stored.next_due_ms().await.map_err(failed),
        }
    }

    async fn done(&self, ids: &[Box<str>]) -> Result<(), QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.done(ids).await,
            EventQueue::Stored(stored) => {
                let ids: Vec<&str> = ids.iter().map(|id| &**id).collect();
                stored.done(&ids).await.map_err(failed)
            }
        }
    }

    async fn postpone(&self, id: &str, due_ms: i64) -> Result<(), QueueError> {
        match self {
            EventQueue::Memory(memory) => memory.postpone(id, due_ms).await,
            EventQueue::Stored(stored) => stored.postpone(id, due_ms).await.map_err(failed),
        }
    }
}

fn waiting(event: WaitingEvent) -> Waiting {
    let WaitingEvent { id, event, attempts, created_ms } = event;
    Waiting { notice: Notice { id, body: Bytes::from(String::from(event)) }, attempts, since_ms: created_ms }
}

fn failed(error: DatabaseError) -> QueueError {
    QueueError::Failed(error.to_string().into())
}
