//! Sends what waits, several at a time, until it is taken. A receiver that takes nothing is asked one at a time, and waits for nobody:
//! whoever gives us events puts them into a channel and never looks back.

use crate::{
    Client, Notice, Queue, QueueError, Terms, Url, Waiting,
    pace::Pace,
    signature::{SIGNATURE_HEADER, sign},
};
use hyper::header::{HeaderName, HeaderValue};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
    time::Instant,
};

/// Requests under way at a time.
pub const MAX_ON_THE_WAY: usize = 32;

/// Notices that wait in memory for the queue.
pub const MAX_INTAKE: usize = 4096;

/// What was not taken for so long is given up.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

const PACE: Pace = Pace { first: Duration::from_secs(1), most: Duration::from_secs(300), give_up_after: GIVE_UP_AFTER };

/// What a receiver may take to answer; its words are of no interest.
const TERMS: Terms = Terms { timeout: Duration::from_secs(10), max_reply: 64 * 1024 };

/// Notices that go into the queue at once.
const BATCH: usize = 256;

/// How long a queue that failed is left alone.
const QUEUE_PAUSE: Duration = Duration::from_secs(1);

/// Where to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The URL.
    pub url: Url,
    /// What signatures are made with; empty: nothing is signed.
    pub secret: Box<str>,
}

/// What became of what was to be sent, counted from the start.
#[derive(Debug, Default)]
pub struct Tally {
    /// Taken: a status of 2xx.
    pub taken: AtomicU64,
    /// Attempts that came to nothing.
    pub failed: AtomicU64,
    /// Given up after [`GIVE_UP_AFTER`].
    pub given_up: AtomicU64,
    /// Not even put into the queue, which was full.
    pub lost: AtomicU64,
}

impl Tally {
    /// So many more are lost.
    pub fn lose(&self, events: u64) {
        let before = self.lost.fetch_add(events, Ordering::Relaxed);
        // Losses come in crowds, and the log is no place for one: each doubling is said.
        if before.checked_ilog2() != (before + events).checked_ilog2() {
            tracing::error!(lost = before + events, "events for the webhook were lost: as many wait as may");
        }
    }
}

/// Sends.
#[derive(Debug)]
pub struct Sender<Q> {
    client: Client,
    target: Arc<Target>,
    queue: Arc<Q>,
    tally: Arc<Tally>,
    pace: Pace,
    /// Under way.
    posts: JoinSet<Posted>,
    /// Those, and those that are unnoted.
    ids: BTreeSet<Box<str>>,
    /// What the queue is yet to be told.
    unnoted: Vec<Fate>,
    /// How often in a row the receiver took nothing: then one at a time is tried, and none before its time.
    failures: u32,
    retry_at: Instant,
    /// The queue did not answer when it was asked last.
    is_queue_failing: bool,
}

/// What became of one that was sent.
#[derive(Debug)]
enum Fate {
    /// It waits no more.
    Over(Box<str>),
    /// It is sent again then, in milliseconds since the epoch.
    Again(Box<str>, i64),
}

impl<Q: Queue> Sender<Q> {
    /// One that sends what is in `queue` to `target`.
    pub fn new(client: Client, target: Target, queue: Arc<Q>) -> Sender<Q> {
        Sender {
            client,
            target: Arc::new(target),
            queue,
            tally: Arc::default(),
            pace: PACE,
            posts: JoinSet::new(),
            ids: BTreeSet::new(),
            unnoted: Vec::new(),
            failures: 0,
            retry_at: Instant::now(),
            is_queue_failing: false,
        }
    }

    /// Sends again at another pace: for tests.
    #[cfg(test)]
    pub(crate) fn at(self, pace: Pace) -> Sender<Q> {
        Sender { pace, ..self }
    }

    /// What becomes of it.
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// Sends what comes, and what waits from before, until nobody can give anything any more and all is taken that is due, or something is
    /// not taken: that stays in the queue.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Notice>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut next = Instant::now();
        loop {
            tokio::select! {
                came = intake.recv_many(&mut batch, BATCH) => {
                    if came == 0 {
                        break;
                    }
                    self.put(&mut batch).await;
                }
                Some(posted) = self.posts.join_next() => self.settle(posted),
                () = tokio::time::sleep_until(next) => {}
            }
            next = self.go_on().await;
        }
        loop {
            // One more attempt would be made of what has just failed: the next process makes it.
            if self.note().await.is_err() || (self.failures == 0 && self.send_due().await.is_err()) {
                return;
            }
            let Some(posted) = self.posts.join_next().await else { return };
            self.settle(posted);
        }
    }

    /// Does what can be done now; until when there is nothing more. A queue that fails is left alone for a while: what it was not told would
    /// be sent again at once.
    async fn go_on(&mut self) -> Instant {
        let done = match self.note().await {
            Ok(()) => self.send_due().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(next) => {
                self.is_queue_failing = false;
                next
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_queue_failing, true) {
                    tracing::warn!(%error, "the queue of the webhook does not answer");
                }
                Instant::now() + QUEUE_PAUSE
            }
        }
    }

    async fn put(&mut self, batch: &mut Vec<Notice>) {
        while let Err(error) = self.queue.put(batch, now_ms()).await {
            match error {
                QueueError::Full(left_out) => {
                    self.tally.lose(left_out as u64);
                    break;
                }
                QueueError::Failed(_) => {
                    if !std::mem::replace(&mut self.is_queue_failing, true) {
                        tracing::warn!(%error, "events for the webhook wait in memory: their queue takes none");
                    }
                    tokio::time::sleep(QUEUE_PAUSE).await;
                }
            }
        }
        batch.clear();
    }

    /// Sends what is due, as much as may be under way; until when there is nothing more to do.
    async fn send_due(&mut self) -> Result<Instant, QueueError> {
        let most = if self.failures > 0 { 1 } else { MAX_ON_THE_WAY };
        if self.failures > 0 && Instant::now() < self.retry_at {
            return Ok(self.retry_at);
        }
        let now = now_ms();
        let room = most.saturating_sub(self.ids.len());
        if room > 0 {
            // Those that are under way are still in the queue.
            let due = self.queue.due(now, room + self.ids.len()).await?;
            let fresh: Vec<_> = due.into_iter().filter(|waiting| !self.ids.contains(&waiting.notice.id)).take(room).collect();
            fresh.into_iter().for_each(|waiting| self.post(waiting));
        }
        if !self.posts.is_empty() {
            // The end of one of them is what comes next.
            return Ok(Instant::now() + TERMS.timeout);
        }
        let next_ms = self.queue.next_due_ms().await?.map_or(u64::MAX, |due| u64::try_from(due - now).unwrap_or(0));
        Ok(Instant::now() + Duration::from_millis(next_ms).min(self.pace.most))
    }

    fn post(&mut self, waiting: Waiting) {
        self.ids.insert(waiting.notice.id.clone());
        let (client, target) = (self.client.clone(), self.target.clone());
        self.posts.spawn(async move {
            let outcome = post(&client, &target, &waiting.notice).await;
            (waiting, outcome)
        });
    }

    /// Takes note of what became of one, and of all others that have come to their end meanwhile.
    fn settle(&mut self, first: Result<Posted, JoinError>) {
        let mut next = Some(first);
        while let Some(posted) = next {
            // None of them panics or is aborted.
            if let Ok((waiting, outcome)) = posted {
                let fate = match outcome {
                    Ok(()) => self.taken(waiting),
                    Err(why) => self.failed(waiting, &why),
                };
                self.unnoted.push(fate);
            }
            next = self.posts.try_join_next();
        }
    }

    fn taken(&mut self, waiting: Waiting) -> Fate {
        self.failures = 0;
        self.tally.taken.fetch_add(1, Ordering::Relaxed);
        Fate::Over(waiting.notice.id)
    }

    fn failed(&mut self, waiting: Waiting, why: &str) -> Fate {
        let Waiting { notice, attempts, since_ms } = waiting;
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        if self.failures == 0 {
            tracing::warn!(url = %self.target.url, why, "the webhook does not take events; they are sent again later");
        }
        // What was on the way together fails together, and that is one failure.
        if self.failures == 0 || Instant::now() >= self.retry_at {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = Instant::now() + self.pace.after(self.failures, draw());
        }
        let now = now_ms();
        if i128::from(now - since_ms) >= i128::try_from(self.pace.give_up_after.as_millis()).unwrap_or(i128::MAX) {
            let given_up = self.tally.given_up.fetch_add(1, Ordering::Relaxed) + 1;
            if given_up.is_power_of_two() {
                tracing::error!(given_up, "events that the webhook did not take for a day were given up");
            }
            return Fate::Over(notice.id);
        }
        let pause = self.pace.after(attempts + 1, draw());
        Fate::Again(notice.id, now.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Tells the queue what became of what was sent: of all that was taken at once. What it does not take stays unnoted, and is not sent
    /// again meanwhile.
    async fn note(&mut self) -> Result<(), QueueError> {
        let over: Vec<Box<str>> =
            self.unnoted.iter().filter_map(|fate| if let Fate::Over(id) = fate { Some(id.clone()) } else { None }).collect();
        if !over.is_empty() {
            self.queue.done(&over).await?;
            self.unnoted.retain(|fate| matches!(fate, Fate::Again(..)));
            self.ids.retain(|id| !over.contains(id));
        }
        while let Some(Fate::Again(id, due_ms)) = self.unnoted.last() {
            self.queue.postpone(id, *due_ms).await?;
            self.ids.remove(id);
            self.unnoted.pop();
        }
        Ok(())
    }
}

/// What was sent, and why it was not taken.
type Posted = (Waiting, Result<(), Box<str>>);

async fn post(client: &Client, target: &Target, notice: &Notice) -> Result<(), Box<str>> {
    let mut headers = Vec::new();
    if !target.secret.is_empty()
        && let Ok(signature) = HeaderValue::from_str(&sign(&target.secret, now_ms() / 1000, &notice.body))
    {
        headers.push((HeaderName::from_static(SIGNATURE_HEADER), signature));
    }
    match client.post(&target.url, &headers, notice.body.clone(), &TERMS).await {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(()),
        Ok(reply) => Err(format!("it answered {}", reply.status).into()),
        Err(error) => Err(error.to_string().into()),
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn draw() -> u16 {
    let mut bytes = [0; 2];
    // Without random numbers all wait alike.
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}
