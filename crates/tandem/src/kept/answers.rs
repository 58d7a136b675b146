//! Answers to requests that may come again, in the store.

use super::{ANSWER_TIME, asked, now_ms, unavailable};
use std::{fmt::Write, future::Future, sync::Arc, time::Duration};
use tandem_api::{Answer, Begun, BoxFuture, Repeatable, Unavailable};
use tandem_store::{Idempotency, Store};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};

/// Answers that may wait for a database which does not take them.
const MAX_LATE: usize = 1024;

/// How often that is tried again, and with which pause: for as long as the store holds the key of a request that was not answered.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(5);

/// Those of the store.
pub(crate) struct StoredAnswers {
    store: Idempotency,
    late: Arc<Semaphore>,
}

impl StoredAnswers {
    pub(crate) fn new(store: &Arc<Store>) -> StoredAnswers {
        StoredAnswers { store: store.idempotency(), late: Arc::new(Semaphore::new(MAX_LATE)) }
    }

    /// Tells the store, now or later.
    async fn tell<F: Future<Output = Result<(), Unavailable>> + Send + 'static>(&self, tell: impl Fn() -> F + Send + Sync + 'static) {
        if tell().await.is_ok() {
            return;
        }
        match self.late.clone().try_acquire_owned() {
            Ok(place) => drop(tokio::spawn(insist(place, tell))),
            Err(_) => not_kept(),
        }
    }
}

/// Tells the store until it takes it.
async fn insist<F: Future<Output = Result<(), Unavailable>> + Send>(place: OwnedSemaphorePermit, tell: impl Fn() -> F + Send + Sync) {
    for _ in 0..TRIES {
        sleep(PAUSE).await;
        if tell().await.is_ok() {
            return;
        }
    }
    drop(place);
    not_kept();
}

fn not_kept() {
    tracing::warn!("an answer was not kept: its request gets 409 if it comes again");
}

impl tandem_api::Idempotency for StoredAnswers {
    fn begin(&self, request: Repeatable, fingerprint: [u8; 32]) -> BoxFuture<'_, Result<Begun, Unavailable>> {
        let store = self.store.clone();
        Box::pin(async move {
            let (asked_by, hash) = (request.clone(), hex(&fingerprint));
            let (begins, ends) = (store.clone(), store);
            let begun = tokio::spawn(async move { begins.begin(&asked_by.by, &asked_by.key, &hash, now_ms()).await });
            let (tell, mut told) = oneshot::channel();
            // It runs to its end also if nobody waits for that any more: then the key is given back, should it have become ours.
            tokio::spawn(async move {
                let Ok(begun) = begun.await else { return };
                if let Err(Ok(tandem_store::Begun::Fresh)) = tell.send(begun)
                    && asked(ends.release(&request.by, &request.key)).await.is_err()
                {
                    not_kept();
                }
            });
            let gone = || Unavailable("the database does not answer now".to_owned());
            let begun = timeout(ANSWER_TIME, &mut told).await.map_err(|_| gone())?.map_err(|_| gone())?;
            Ok(match begun.map_err(|error| unavailable(&error))? {
                tandem_store::Begun::Fresh => Begun::New,
                tandem_store::Begun::Running { .. } => Begun::Running,
                tandem_store::Begun::Different => Begun::Other,
                tandem_store::Begun::Done(tandem_store::Answer { status, content_type, body }) => {
                    Begun::Done(Answer { status, content_type: content_type.into(), body: String::from(body).into() })
                }
            })
        })
    }

    fn finish(&self, request: Repeatable, answer: Answer) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // What we answer is text.
            let body = String::from_utf8_lossy(&answer.body).into();
            let kept = tandem_store::Answer { status: answer.status, content_type: answer.content_type.into(), body };
            let store = self.store.clone();
            let kept = Arc::new((request, kept));
            self.tell(move || {
                let (store, kept) = (store.clone(), kept.clone());
                async move { asked(store.finish(&kept.0.by, &kept.0.key, &kept.1)).await }
            })
            .await;
        })
    }

    fn abandon(&self, request: Repeatable) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let store = self.store.clone();
            self.tell(move || {
                let (store, request) = (store.clone(), request.clone());
                async move { asked(store.release(&request.by, &request.key)).await }
            })
            .await;
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
