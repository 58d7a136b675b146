//! Legs that come to a call and leave it: `POST …/legs`, `DELETE …/legs/LEG`, `transfer`, and the end of the call itself.

use crate::{
    Interface,
    dialled::NewLeg,
    ids::{OfCall, OfLeg},
    problem::{INTERNAL, Problem},
    read::{Json, Nothing, Place},
};
use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tandem_model::{CallCommand, CommandOutcome};
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long what comes of a transfer is waited for.
const WAIT: Duration = Duration::from_secs(60);

/// A leg that is being dialled.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Added {
    /// `leg_…`: its events tell what becomes of it.
    id: String,
}

/// Dials somebody into the call, who then hears all that talk and is heard by them.
#[utoipa::path(post, path = "/v1/calls/{id}/legs", tag = "calls", operation_id = "add_leg", params(OfCall), request_body = NewLeg,
    responses((status = 201, body = Added, description = "It is being dialled"), (status = 404, description = "No such call"),
        (status = 409, description = "Not now"), (status = 502, description = "There is nobody there, or it may not be called"),
        (status = 503, description = "Too much to do")))]
pub(crate) async fn add(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfCall>,
    Json(leg): Json<NewLeg>,
) -> Result<(StatusCode, axum::Json<Added>), Problem> {
    let leg = Box::new(leg.read("", None)?);
    match interface.tell(of.id.0, CallCommand::Add { leg }).await? {
        CommandOutcome::Leg(leg) => Ok((StatusCode::CREATED, axum::Json(Added { id: leg.to_string() }))),
        other => Err(Problem::new(INTERNAL, format!("{other:?} came of it"))),
    }
}

/// Hangs up a leg, which may ring yet. The call goes on while two are left who talk with each other, else it ends.
#[utoipa::path(delete, path = "/v1/calls/{id}/legs/{leg}", tag = "calls", operation_id = "end_leg", params(OfLeg),
    responses((status = 204, description = "It is being hung up"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn hang_up(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Result<StatusCode, Problem> {
    interface.tell_to(of.id.0, CallCommand::HangUp { leg: of.leg.0 }).await
}

/// Why a call ends.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    /// In words, of at most 100 bytes: the legs are told so in a Reason header (RFC 3326), and events and records have it.
    reason: Option<String>,
}

/// Ends the call.
#[utoipa::path(delete, path = "/v1/calls/{id}", tag = "calls", operation_id = "end_call", params(OfCall), request_body(content = Option<Ending>),
    responses((status = 204, description = "It is ending"), (status = 404, description = "No such call"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn end(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfCall>,
    Json(ending): Json<Ending>,
) -> Result<StatusCode, Problem> {
    interface.tell_to(of.id.0, CallCommand::End { reason: ending.reason.map(Into::into) }).await
}

/// How a caller is refused.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// The answer to its INVITE; 603 (Decline) where it is not said.
    #[schema(minimum = 400, maximum = 699)]
    status: Option<u16>,
    /// Why, in words, of at most 100 bytes.
    reason: Option<String>,
}

/// Refuses whoever has called and has no answer yet. The call ends, and whoever rings for it rings no more.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/reject", tag = "calls", operation_id = "reject", params(OfLeg),
    request_body(content = Option<Refusal>),
    responses((status = 204, description = "It is refused"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "It does not call, or was answered"), (status = 503, description = "Too much to do")))]
pub(crate) async fn reject(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(refusal): Json<Refusal>,
) -> Result<StatusCode, Problem> {
    let (status, reason) = (refusal.status.unwrap_or(603), refusal.reason.map(Into::into));
    interface.tell_to(of.id.0, CallCommand::Reject { leg: of.leg.0, status, reason }).await
}

/// Joins whoever talks with this leg to somebody else, and hangs this leg up. Answered once that one has answered, or has not; after 60 s
/// with 202, and then events tell.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/transfer", tag = "calls", operation_id = "transfer", params(OfLeg),
    request_body = NewLeg,
    responses((status = 204, description = "It is done"), (status = 202, description = "It rings yet"),
        (status = 404, description = "No such call or leg"), (status = 409, description = "Not now"),
        (status = 502, description = "Nobody was there, or answered"), (status = 503, description = "Too much to do")))]
pub(crate) async fn transfer(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(to): Json<NewLeg>,
) -> Result<StatusCode, Problem> {
    let to = Box::new(to.read("", None)?);
    let done = interface.tell_to(of.id.0, CallCommand::Transfer { leg: of.leg.0, to });
    timeout(WAIT, done).await.unwrap_or(Ok(StatusCode::ACCEPTED))
}
