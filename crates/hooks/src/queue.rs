//! What waits to be sent.

use bytes::Bytes;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// An event for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its id: what is put twice under one waits once.
    pub id: Box<str>,
    /// As it is sent.
    pub body: Bytes,
}

/// One that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What.
    pub notice: Notice,
    /// How often it was sent.
    pub attempts: u32,
    /// Since when it waits, in milliseconds since the epoch.
    pub since_ms: i64,
}

/// Why the queue did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// So much waits that no more may: so many, the last of what was to be put, are left out.
    #[error("as much waits as may: {0} are left out")]
    Full(usize),
    /// It may do it later.
    #[error("{0}")]
    Failed(Box<str>),
}

/// Keeps what is to be sent until it was, over a restart too if it can.
pub trait Queue: Send + Sync + 'static {
    /// These wait from now on, and are due at once.
    ///
    /// # Errors
    /// See [`QueueError`].
    fn put(&self, notices: &[Notice], now_ms: i64) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// At most so many of those that are due, those first that were due first.
    ///
    /// # Errors
    /// See [`QueueError`].
    fn due(&self, now_ms: i64, most: usize) -> impl Future<Output = Result<Vec<Waiting>, QueueError>> + Send;

    /// When the next one is due, if any waits.
    ///
    /// # Errors
    /// See [`QueueError`].
    fn next_due_ms(&self) -> impl Future<Output = Result<Option<i64>, QueueError>> + Send;

    /// These wait no more.
    ///
    /// # Errors
    /// See [`QueueError`].
    fn done(&self, ids: &[Box<str>]) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// That one was sent once more, and is due again at that time.
    ///
    /// # Errors
    /// See [`QueueError`].
    fn postpone(&self, id: &str, due_ms: i64) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// A queue that ends with the process, for a node that stores nothing.
#[derive(Debug)]
pub struct MemoryQueue {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// By when they are due and in which order they came.
    due: BTreeMap<(i64, u64), Waiting>,
    places: BTreeMap<Box<str>, (i64, u64)>,
    count: u64,
}

impl MemoryQueue {
    /// One that holds so many.
    pub fn new(most: usize) -> MemoryQueue {
        MemoryQueue { most, held: Mutex::default() }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.with(|held| held.due.len())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Held) -> T) -> T {
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn insert(&mut self, due_ms: i64, waiting: Waiting) {
        self.count += 1;
        let place = (due_ms, self.count);
        self.places.insert(waiting.notice.id.clone(), place);
        self.due.insert(place, waiting);
    }

    fn take(&mut self, id: &str) -> Option<Waiting> {
        let place = self.places.remove(id)?;
        self.due.remove(&place)
    }
}

impl Queue for MemoryQueue {
    async fn put(&self, notices: &[Notice], now_ms: i64) -> Result<(), QueueError> {
        self.with(|held| {
            let mut left_out = 0;
            for notice in notices {
                if held.places.contains_key(&notice.id) {
                    continue;
                }
                if held.due.len() >= self.most {
                    left_out += 1;
                    continue;
                }
                held.insert(now_ms, Waiting { notice: notice.clone(), attempts: 0, since_ms: now_ms });
            }
            if left_out > 0 { Err(QueueError::Full(left_out)) } else { Ok(()) }
        })
    }

    async fn due(&self, now_ms: i64, most: usize) -> Result<Vec<Waiting>, QueueError> {
        Ok(self.with(|held| held.due.range(..(now_ms.saturating_add(1), 0)).take(most).map(|(_, waiting)| waiting.clone()).collect()))
    }

    async fn next_due_ms(&self) -> Result<Option<i64>, QueueError> {
        Ok(self.with(|held| held.due.keys().next().map(|(due_ms, _)| *due_ms)))
    }

    async fn done(&self, ids: &[Box<str>]) -> Result<(), QueueError> {
        self.with(|held| ids.iter().for_each(|id| drop(held.take(id))));
        Ok(())
    }

    async fn postpone(&self, id: &str, due_ms: i64) -> Result<(), QueueError> {
        self.with(|held| {
            if let Some(waiting) = held.take(id) {
                held.insert(due_ms, Waiting { attempts: waiting.attempts + 1, ..waiting });
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(id: &str) -> Notice {
        Notice { id: id.into(), body: Bytes::from_static(b"{}") }
    }

    async fn due(queue: &MemoryQueue, now_ms: i64) -> Vec<(String, u32)> {
        queue.due(now_ms, 10).await.unwrap().iter().map(|waiting| (waiting.notice.id.to_string(), waiting.attempts)).collect()
    }

    #[tokio::test]
    async fn each_waits_once_until_it_is_done() {
        let queue = MemoryQueue::new(3);
        queue.put(&[notice("a"), notice("b"), notice("a")], 5).await.unwrap();
        assert_eq!(due(&queue, 4).await, []);
        assert_eq!(due(&queue, 5).await, [("a".into(), 0), ("b".into(), 0)]);
        queue.postpone("a", 9).await.unwrap();
        assert_eq!(due(&queue, 8).await, [("b".into(), 0)]);
        queue.done(&["b".into()]).await.unwrap();
        assert_eq!(queue.next_due_ms().await, Ok(Some(9)));
        assert_eq!(due(&queue, 9).await, [("a".into(), 1)]);
        queue.done(&["a".into(), "b".into()]).await.unwrap();
        assert_eq!(queue.next_due_ms().await, Ok(None));
    }

    #[tokio::test]
    async fn it_holds_no_more_than_it_may() {
        let queue = MemoryQueue::new(2);
        assert_eq!(queue.put(&[notice("a"), notice("b"), notice("c"), notice("d")], 0).await, Err(QueueError::Full(2)));
        assert_eq!((due(&queue, 0).await.len(), queue.waiting()), (2, 2));
    }
}
