//! `Idempotency-Key`: a request that comes again is answered as before, and not done again.

use crate::{
    Interface,
    access::Caller,
    kept::{Answer, Begun, Repeatable},
    problem::{CONFLICT, INTERNAL, Problem, UNAVAILABLE},
    read::whole,
};
use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer is one from before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The longest key, in bytes.
const MAX_KEY: usize = 255;

/// The longest answer that is kept, in bytes.
const MAX_ANSWER: usize = 1 << 20;

pub(crate) async fn remember(State(interface): State<Arc<Interface>>, request: Request, next: Next) -> Response {
    let is_known = matches!(request.extensions().get::<Caller>(), Some(Caller::Key { .. } | Caller::Local));
    if request.method() != Method::POST || !request.headers().contains_key(KEY) || !is_known {
        return next.run(request).await;
    }
    answered(interface, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answered(interface: Arc<Interface>, request: Request, next: Next) -> Result<Response, Problem> {
    let by = request.extensions().get::<Caller>().map_or("", Caller::name).to_owned();
    let repeatable = Repeatable { by, key: key(request.headers())? };
    let (parts, body) = request.into_parts();
    let body = whole(body, &parts.headers, interface.settings.now().body).await?;
    let fingerprint = fingerprint(&[parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default()], &body);
    match interface.idempotency.begin(repeatable.clone(), fingerprint).await {
        Err(unavailable) => return Err(Problem::new(UNAVAILABLE, unavailable.to_string()).after(1)),
        Ok(Begun::New) => {}
        Ok(Begun::Done(answer)) => return Ok(again(answer)),
        Ok(Begun::Running) => return Err(Problem::new(CONFLICT, "the request that came with this `Idempotency-Key` is still being done")),
        Ok(Begun::Other) => {
            return Err(Problem::invalid("Idempotency-Key", "another request came with this key within the last 24 h"));
        }
    }
    // Done to its end also if nobody waits for the answer any more.
    let done = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        keep(&interface, repeatable, response).await
    });
    done.await.map_err(|_| Problem::new(INTERNAL, "this is a fault of ours; the log has more"))
}

async fn keep(interface: &Interface, request: Repeatable, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let body = match to_bytes(body, MAX_ANSWER).await {
        Ok(body) => body,
        Err(error) => {
            interface.idempotency.abandon(request).await;
            return Problem::new(INTERNAL, error.to_string()).into_response();
        }
    };
    // What has passed by the next time is tried again.
    if parts.status.is_server_error() {
        interface.idempotency.abandon(request).await;
    } else {
        let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        interface.idempotency.finish(request, Answer { status: parts.status.as_u16(), content_type, body: body.clone() }).await;
    }
    Response::from_parts(parts, Body::from(body))
}

fn again(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(kind) = HeaderValue::try_from(answer.content_type)
        && !kind.is_empty()
    {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let wrong = || Problem::invalid("Idempotency-Key", format!("one key is wanted, of 1 to {MAX_KEY} visible characters"));
    let mut all = headers.get_all(KEY).iter();
    let (Some(key), None) = (all.next(), all.next()) else { return Err(wrong()) };
    let is_good = (1..=MAX_KEY).contains(&key.len()) && key.as_bytes().iter().all(u8::is_ascii_graphic);
    if is_good { key.to_str().map(str::to_owned).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// What a request says, pressed. Each part has its length before it, so that none runs into the next.
fn fingerprint(parts: &[&str], body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts.iter().map(|part| part.as_bytes()).chain([body]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
