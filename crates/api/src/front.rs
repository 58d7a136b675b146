//! What stands before and behind every request: a time limit, a guard against our own mistakes, and headers for whoever shows the answer.

use crate::problem::{BAD_METHOD, INTERNAL, NO_ANSWER, NOT_FOUND, Problem};
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::time::timeout;

/// How long an answer may take to begin.
const ANSWER_TIME: Duration = Duration::from_secs(90);

/// Said of every answer: it is what it says, stands in nobody's frame, and is kept by nobody.
const SAID: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CACHE_CONTROL, "no-store"),
];

pub(crate) async fn stand(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = answer.await.unwrap_or_else(|_| {
        tracing::error!(%method, path = uri.path(), "a request failed inside");
        Problem::new(INTERNAL, "this is a fault of ours; the log has more").into_response()
    });
    tracing::debug!(%method, path = uri.path(), status = response.status().as_u16(), "a request was answered");
    for (name, value) in SAID {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Ends what takes too long. Who has times of its own needs none of ours.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    let late = || Problem::new(NO_ANSWER, format!("there was no answer within {} s", ANSWER_TIME.as_secs())).into_response();
    timeout(ANSWER_TIME, next.run(request)).await.unwrap_or_else(|_| late())
}

pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(NOT_FOUND, format!("there is nothing at {}: /docs tells what there is", shown(uri.path())))
}

pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    Problem::new(BAD_METHOD, format!("{} cannot be done to {}: /docs tells what can", shown(method.as_str()), shown(uri.path())))
}

/// What somebody sent, short enough to be said again.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_default).collect()
}
