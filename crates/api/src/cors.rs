//! Pages of other sites that a browser lets ask (the Fetch standard, "CORS protocol"): none, unless the configuration names them.

use crate::Interface;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use std::sync::Arc;

/// What a page may send, and read of the answer.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
const SENT: HeaderValue = HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, Last-Event-ID");
const SHOWN: HeaderValue = HeaderValue::from_static("Idempotency-Replayed, Location, Retry-After, Tandem-Next, Tandem-Waiting");
const SECONDS_KEPT: HeaderValue = HeaderValue::from_static("600");

pub(crate) async fn answer(State(interface): State<Arc<Interface>>, request: Request, next: Next) -> Response {
    let Some(origin) = origin(&interface.settings.now().cors, request.headers()) else { return next.run(request).await };
    let asks_before = request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_before {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, SECONDS_KEPT);
        response
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

/// The origin of a request, if it is one of those.
fn origin(origins: &[Box<str>], headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}
