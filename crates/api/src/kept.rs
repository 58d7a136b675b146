//! What others keep for us: records of calls, and the answers to requests that may come again. Each has a bounded stand-in in memory, for
//! a node that keeps nothing.

use crate::{record::Record, time::Time};
use bytes::Bytes;
pub use futures_util::future::BoxFuture;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tandem_model::CallId;

/// Records that are kept in memory.
pub const MAX_RECORDS: usize = 10_000;

/// Answers that are kept in memory.
const MAX_ANSWERS: usize = 10_000;

/// How long an answer is kept.
pub const ANSWER_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Nothing can be read or written now; why, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// At most so many.
    pub limit: usize,
    /// Behind this place, as [`Listed::next`] of the page before has it.
    pub cursor: Option<String>,
    /// Of calls that came then or later.
    pub since: Option<Time>,
    /// Of calls that came before.
    pub before: Option<Time>,
    /// With a leg of this endpoint: `trunk:carrier`.
    pub endpoint: Option<String>,
    /// With this number as the user part of From or To of a leg.
    pub number: Option<String>,
}

/// A page of records, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// The records.
    pub records: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// Records of calls that are over and cannot be listed yet.
    pub waiting: u64,
}

/// Why there is no page of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The cursor is none that was given.
    #[error("that is no cursor")]
    Cursor,
    /// They cannot be read now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Where records of calls are read.
pub trait Records: Send + Sync {
    /// A page of them.
    fn list(&self, wanted: Wanted) -> BoxFuture<'_, Result<Listed, ListError>>;

    /// That of one call.
    fn get(&self, call: CallId) -> BoxFuture<'_, Result<Option<Record>, Unavailable>>;
}

/// A request that may come again: who sent it, and by which key (`Idempotency-Key`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repeatable {
    /// The name of the API key; `local` without any.
    pub by: String,
    /// Its `Idempotency-Key`.
    pub key: String,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its Content-Type; empty without a body.
    pub content_type: String,
    /// Its body.
    pub body: Bytes,
}

/// What is known of a request that may have come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new: do it, and then [`Idempotency::finish`] or [`Idempotency::abandon`] it.
    New,
    /// It is being done.
    Running,
    /// It was another request that came with that key.
    Other,
    /// It was done, and answered so.
    Done(Answer),
}

/// Where answers are kept for requests that come again, for [`ANSWER_KEPT`].
pub trait Idempotency: Send + Sync {
    /// A request has come. `fingerprint` tells it from others.
    fn begin(&self, request: Repeatable, fingerprint: [u8; 32]) -> BoxFuture<'_, Result<Begun, Unavailable>>;

    /// It was answered so.
    fn finish(&self, request: Repeatable, answer: Answer) -> BoxFuture<'_, ()>;

    /// It failed in a way that may pass: the next time it is new.
    fn abandon(&self, request: Repeatable) -> BoxFuture<'_, ()>;
}

/// The last [`MAX_RECORDS`] records, in memory.
#[derive(Debug, Default)]
pub struct MemoryRecords(Mutex<VecDeque<Record>>);

impl MemoryRecords {
    /// Keeps one; the oldest goes where there is no room.
    pub fn keep(&self, record: Record) {
        let mut all = lock(&self.0);
        if all.len() >= MAX_RECORDS {
            all.pop_front();
        }
        all.push_back(record);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The user part of a URI.
fn user(uri: &str) -> &str {
    uri.split_once(':').map_or("", |(_, rest)| rest).split(['@', ';']).next().unwrap_or_default()
}

impl Wanted {
    fn fits(&self, record: &Record) -> bool {
        let number = |number: &String| record.legs.iter().any(|leg| user(&leg.from) == number || user(&leg.to) == number);
        self.since.is_none_or(|since| record.began >= since)
            && self.before.is_none_or(|before| record.began < before)
            && self.endpoint.as_ref().is_none_or(|endpoint| record.legs.iter().any(|leg| leg.endpoint == *endpoint))
            && self.number.as_ref().is_none_or(number)
    }
}

impl Records for MemoryRecords {
    fn list(&self, wanted: Wanted) -> BoxFuture<'_, Result<Listed, ListError>> {
        Box::pin(async move {
            // Ids sort by time; the cursor is the id of the last that was shown.
            if wanted.cursor.as_ref().is_some_and(|cursor| cursor.parse::<CallId>().is_err()) {
                return Err(ListError::Cursor);
            }
            let all = lock(&self.0);
            let is_behind = |record: &&Record| wanted.cursor.as_ref().is_none_or(|cursor| record.id < *cursor);
            let mut fitting: Vec<&Record> = all.iter().filter(|record| wanted.fits(record)).filter(is_behind).collect();
            fitting.sort_by(|one, other| other.id.cmp(&one.id));
            let has_more = fitting.len() > wanted.limit;
            let records: Vec<Record> = fitting.into_iter().take(wanted.limit).cloned().collect();
            let next = records.last().filter(|_| has_more).map(|last| last.id.clone());
            Ok(Listed { records, next, waiting: 0 })
        })
    }

    fn get(&self, call: CallId) -> BoxFuture<'_, Result<Option<Record>, Unavailable>> {
        let id = call.to_string();
        Box::pin(async move { Ok(lock(&self.0).iter().rev().find(|record| record.id == id).cloned()) })
    }
}

/// Answers in memory: they are forgotten with the process.
#[derive(Debug, Default)]
pub struct MemoryIdempotency(Mutex<BTreeMap<Repeatable, Remembered>>);

#[derive(Debug)]
struct Remembered {
    since: Instant,
    fingerprint: [u8; 32],
    answer: Option<Answer>,
}

impl MemoryIdempotency {
    fn begin_at(&self, now: Instant, request: Repeatable, fingerprint: [u8; 32]) -> Result<Begun, Unavailable> {
        let mut all = lock(&self.0);
        let is_old = |remembered: &Remembered| now.saturating_duration_since(remembered.since) >= ANSWER_KEPT;
        if let Some(known) = all.get(&request).filter(|known| !is_old(known)) {
            return Ok(match &known.answer {
                _ if known.fingerprint != fingerprint => Begun::Other,
                Some(answer) => Begun::Done(answer.clone()),
                None => Begun::Running,
            });
        }
        if all.len() >= MAX_ANSWERS {
            all.retain(|_, remembered| !is_old(remembered));
        }
        if all.len() >= MAX_ANSWERS {
            return Err(Unavailable(format!("{MAX_ANSWERS} requests with an `Idempotency-Key` are remembered, and no more")));
        }
        all.insert(request, Remembered { since: now, fingerprint, answer: None });
        Ok(Begun::New)
    }
}

impl Idempotency for MemoryIdempotency {
    fn begin(&self, request: Repeatable, fingerprint: [u8; 32]) -> BoxFuture<'_, Result<Begun, Unavailable>> {
        Box::pin(async move { self.begin_at(Instant::now(), request, fingerprint) })
    }

    fn finish(&self, request: Repeatable, answer: Answer) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(known) = lock(&self.0).get_mut(&request) {
                known.answer = Some(answer);
            }
        })
    }

    fn abandon(&self, request: Repeatable) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            lock(&self.0).remove(&request);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RecordLeg, Times};

    fn record(number: u16, endpoint: &str) -> Record {
        let began = Time(i64::from(number) * 1_000_000);
        let leg = RecordLeg { endpoint: endpoint.into(), from: format!("sip:{number}@a"), ..RecordLeg::default() };
        let times = Times { began, rang: None, answered: None, ended: began };
        let id = CallId::new(u64::from(number), 0).to_string();
        Record { id, legs: vec![leg], ..Record::with_times(times) }
    }

    #[tokio::test]
    async fn records_are_read_page_by_page_newest_first() {
        let records = MemoryRecords::default();
        (1..=5).for_each(|number| records.keep(record(number, "trunk:a")));
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = records.list(Wanted { limit: 2, cursor, ..Wanted::default() }).await.unwrap();
            seen.extend(page.records.iter().map(|record| record.began.0 / 1_000_000));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
        let wanted =
            Wanted { limit: 9, since: Some(Time(2_000_000)), before: Some(Time(4_000_000)), number: Some("3".into()), ..Wanted::default() };
        assert_eq!(records.list(wanted).await.unwrap().records.len(), 1);
        assert_eq!(records.list(Wanted { cursor: Some("x".into()), ..Wanted::default() }).await, Err(ListError::Cursor));
        assert!(records.get(CallId::new(3, 0)).await.unwrap().is_some() && records.get(CallId::new(9, 0)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_request_that_comes_again_is_not_done_again() {
        let kept = MemoryIdempotency::default();
        let request = || Repeatable { by: "ops".into(), key: "k".into() };
        let answer = Answer { status: 201, content_type: String::new(), body: Bytes::from_static(b"x") };
        assert_eq!(kept.begin(request(), [1; 32]).await, Ok(Begun::New));
        assert_eq!(kept.begin(request(), [1; 32]).await, Ok(Begun::Running));
        assert_eq!(kept.begin(request(), [2; 32]).await, Ok(Begun::Other));
        kept.finish(request(), answer.clone()).await;
        assert_eq!(kept.begin(request(), [1; 32]).await, Ok(Begun::Done(answer)));
        assert_eq!(kept.begin_at(Instant::now() + ANSWER_KEPT, request(), [2; 32]), Ok(Begun::New), "a day later it is forgotten");
        kept.abandon(request()).await;
        assert_eq!(kept.begin(request(), [3; 32]).await, Ok(Begun::New));
        let somebody_else = Repeatable { by: "other".into(), ..request() };
        assert_eq!(kept.begin(somebody_else, [1; 32]).await, Ok(Begun::New));
    }
}
