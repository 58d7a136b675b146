//! The Webex Outbound Dialer: `POST /bridge` joins a meeting of Webex and a SIP address. docs/webex-dialer.md tells what is as there, and
//! what is not.
//!
//! Tokens are checked and the meeting is looked up (`lookup.rs`) before anybody is called (`join.rs`).

mod address;
mod answer;
mod asked;
mod join;
mod lookup;
mod meeting;

use crate::{
    Interface, access, front,
    problem::{INTERNAL, Problem},
    read::whole,
};
use answer::{Answer, Failure, TrackingId};
use asked::Asked;
use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::sync::Arc;
use tandem_config::Webex;
use tandem_hooks::Client;

/// Requests at a time whose meeting is not joined yet.
pub(crate) const MAX_BRIDGING: usize = 256;

/// What `[webex]` says, and by whom Webex is asked.
#[derive(Debug)]
pub struct WebexDialer {
    config: Webex,
    client: Client,
}

impl WebexDialer {
    /// One that asks the `base` of `config`, which `client` must be let call.
    pub fn new(config: Webex, client: Client) -> WebexDialer {
        WebexDialer { config, client }
    }
}

/// Its paths; without `[webex]` there is nothing at them.
pub(crate) fn routes() -> Router<Arc<Interface>> {
    Router::new().route("/bridge", post(bridge)).route("/listener", get(alive).post(alive))
}

async fn alive(State(interface): State<Arc<Interface>>, request: Request) -> Response {
    match interface.settings.now().webex {
        Some(_) => "alive".into_response(),
        None => front::nothing_here(request.uri().clone()).await.into_response(),
    }
}

async fn bridge(State(interface): State<Arc<Interface>>, request: Request) -> Result<Response, Problem> {
    let settings = interface.settings.now();
    let Some(dialer) = settings.webex.clone() else { return Err(front::nothing_here(request.uri().clone()).await) };
    access::may_without_key(&settings, &request, dialer.config.open)?;
    let (parts, body) = request.into_parts();
    let body = whole(body, &parts.headers, settings.body).await?;
    let fields = asked::fields(&parts.headers, &body)?;
    let id = TrackingId::new()?;
    let asked = match Asked::read(&fields) {
        Ok(asked) => asked,
        Err(failure) => return Ok(Answer::failed(&failure, id).into_response()),
    };
    let Ok(place) = interface.bridging.clone().try_acquire_owned() else { return Ok(Answer::failed(&Failure::Busy, id).into_response()) };
    let (wait, told) = (asked.wait, id.clone());
    // Done to its end also if nobody waits for the answer any more.
    let done = tokio::spawn(async move {
        let outcome = joined(&interface, &dialer, &asked, &told).await;
        drop(place);
        outcome
    });
    if !wait {
        return Ok(Answer::received(id).into_response());
    }
    match done.await {
        Ok(Ok(())) => Ok(Answer::established(id).into_response()),
        Ok(Err(failure)) => Ok(Answer::failed(&failure, id).into_response()),
        Err(_) => Err(Problem::new(INTERNAL, "this is a fault of ours; the log has more")),
    }
}

async fn joined(interface: &Interface, dialer: &WebexDialer, asked: &Asked, id: &TrackingId) -> Result<(), Failure> {
    let outcome = match lookup::load(dialer, asked).await {
        Ok(legs) => join::join(interface, dialer, asked, legs, id).await,
        Err(failure) => Err(failure),
    };
    match &outcome {
        Ok(()) => tracing::debug!(tracking_id = %id, "a meeting of Webex was joined"),
        Err(failure) => tracing::info!(tracking_id = %id, why = failure.word(), "a meeting of Webex was not joined"),
    }
    outcome
}
