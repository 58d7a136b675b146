//! What happens, as it happens: as Server-Sent Events, or over a WebSocket.

mod sse;
mod websocket;

use crate::{
    Interface,
    ids::OneCall,
    problem::{MALFORMED, Problem},
    public::{EventId, PublicEvent, concerns},
    read::Query,
};
use axum::{
    extract::{FromRequestParts, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tandem_model::CallId;
use tandem_runtime::{Feed, Heard};
use utoipa::IntoParams;

/// How long a reader hears nothing before it is shown that the node is there.
const PING: Duration = Duration::from_secs(20);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Those of one call: `call_…`.
    #[param(value_type = Option<String>, pattern = "^call_[0-9a-z]{13}$")]
    call: Option<OneCall>,
    /// Those behind this one, an `id` of an event, as far as they are kept; else those from now on. `Last-Event-ID` says the same.
    after: Option<String>,
}

/// What happens from now on, or from an event on that was heard before: over a WebSocket one JSON object a message, else as
/// Server-Sent Events. Who reads too slowly gets `{"type": "events.missed", "missed": 17}` in the place of those that it missed.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "events",
    params(Which, ("Last-Event-ID" = Option<String>, Header, description = "As `after`")),
    responses((status = 200, body = PublicEvent, content_type = "text/event-stream"),
        (status = 101, description = "Goes on as a WebSocket"), (status = 400, description = "No handshake of a WebSocket")))]
pub(crate) async fn events(
    State(interface): State<Arc<Interface>>,
    Query(which): Query<Which>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let heard = listen(&interface, &which, &parts.headers)?;
    if !parts.headers.contains_key(header::UPGRADE) {
        return Ok(sse::stream(heard));
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    match upgrade {
        Ok(upgrade) => Ok(websocket::stream(upgrade, heard)),
        Err(rejection) => {
            let response = rejection.into_response();
            Err(Problem::new(MALFORMED, format!("no handshake of a WebSocket (RFC 6455 §4.1): {}", response.status())))
        }
    }
}

fn listen(interface: &Arc<Interface>, which: &Which, headers: &HeaderMap) -> Result<Listening, Problem> {
    let header = headers.get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default());
    let (field, after) = match &which.after {
        Some(after) => ("after", Some(after.as_str())),
        None => ("Last-Event-ID", header.filter(|id| !id.is_empty())),
    };
    let after = after.map(str::parse::<EventId>).transpose().map_err(|why| Problem::invalid(field, why))?;
    let feed = after.map_or_else(|| interface.node.subscribe(), |after| interface.node.subscribe_from(after.0.saturating_add(1)));
    Ok(Listening { feed, interface: interface.clone(), call: which.call.map(|call| call.0) })
}

/// Somebody who listens.
struct Listening {
    feed: Feed,
    interface: Arc<Interface>,
    call: Option<CallId>,
}

/// What is next for a listener.
enum Next {
    /// An event: its id, and itself as JSON.
    Event(String, String),
    /// So many are lost, as JSON.
    Missed(String),
}

impl Listening {
    /// What is next for it; `None` once the node has stopped.
    async fn next(&mut self) -> Option<Next> {
        loop {
            match self.feed.next().await? {
                Heard::Missed(missed) => {
                    return Some(Next::Missed(format!("{{\"type\":\"events.missed\",\"missed\":{missed}}}")));
                }
                Heard::Event(told) if self.call.is_none_or(|call| concerns(&told, call)) => {
                    let event = self.interface.event(&told);
                    return Some(Next::Event(event.id.clone(), event.json()));
                }
                Heard::Event(_) => {}
            }
        }
    }
}
