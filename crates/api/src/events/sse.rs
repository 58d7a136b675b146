//! Server-Sent Events (the HTML standard, §9.2): one event after the other in the body of an answer.

use super::{Listening, Next, PING};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;
use tokio::time::timeout;

/// The body is made as it is read: what a slow reader does not read waits nowhere.
pub(super) fn stream(listening: Listening) -> Response {
    let events = stream::unfold(listening, |mut listening| async move {
        let text = match timeout(PING, listening.next()).await {
            // JSON holds no line end.
            Ok(Some(Next::Event(id, json))) => format!("id: {id}\ndata: {json}\n\n"),
            Ok(Some(Next::Missed(json))) => format!("data: {json}\n\n"),
            Ok(None) => return None,
            Err(_) => ": ping\n\n".to_owned(),
        };
        Some((Ok::<_, Infallible>(Bytes::from(text)), listening))
    });
    // A first line, so that whoever asked knows that it listens.
    let begun = stream::once(async { Ok(Bytes::from_static(b": hello\n\n")) });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(begun, events)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}
