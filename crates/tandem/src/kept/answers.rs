//! Answers to requests that may come again, in the store.

use super::{asked, now_ms};
use std::{fmt::Write, sync::Arc};
use tandem_api::{Answer, Begun, BoxFuture, Repeatable, Unavailable};
use tandem_store::{Idempotency, Store};

/// Those of the store.
pub(crate) struct StoredAnswers(Idempotency);

impl StoredAnswers {
    pub(crate) fn new(store: &Arc<Store>) -> StoredAnswers {
        StoredAnswers(store.idempotency())
    }
}

impl tandem_api::Idempotency for StoredAnswers {
    fn begin(&self, request: Repeatable, fingerprint: [u8; 32]) -> BoxFuture<'_, Result<Begun, Unavailable>> {
        Box::pin(async move {
            let hash = hex(&fingerprint);
            Ok(match asked(self.0.begin(&request.by, &request.key, &hash, now_ms())).await? {
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
            if let Err(error) = asked(self.0.finish(&request.by, &request.key, &kept)).await {
                tracing::warn!(%error, "an answer was not kept: its request gets 409 if it comes again");
            }
        })
    }

    fn abandon(&self, request: Repeatable) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = asked(self.0.release(&request.by, &request.key)).await {
                tracing::warn!(%error, "an answer was not kept: its request gets 409 if it comes again");
            }
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
