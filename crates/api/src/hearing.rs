//! The hear matrix: who hears whom.

use crate::{
    Interface,
    ids::{OfCall, OneLeg},
    problem::Problem,
    read::{Json, Place},
};
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use tandem_model::{CallCommand, HearEntry, MAX_HEARING};
use utoipa::ToSchema;

/// One entry of the hear matrix.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The leg that is heard, or not.
    #[schema(value_type = String)]
    speaker: OneLeg,
    /// By this one.
    #[schema(value_type = String)]
    listener: OneLeg,
    /// Whether.
    hears: bool,
}

/// Sets entries of the hear matrix; the rest stays. Without any, legs that talk with each other hear each other. At most 64.
#[utoipa::path(put, path = "/v1/calls/{id}/hearing", tag = "calls", operation_id = "hearing", params(OfCall), request_body = Vec<Entry>,
    responses((status = 204, description = "It is so"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn hearing(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfCall>,
    Json(entries): Json<Vec<Entry>>,
) -> Result<StatusCode, Problem> {
    if entries.len() > MAX_HEARING {
        return Err(Problem::invalid(format!("[{MAX_HEARING}]"), format!("at most {MAX_HEARING} entries are set at once")));
    }
    if let Some(place) = entries.iter().position(|entry| entry.speaker.0 == entry.listener.0) {
        return Err(Problem::invalid(format!("[{place}].listener"), "a leg does not hear itself"));
    }
    let entry = |entry: Entry| HearEntry { speaker: entry.speaker.0, listener: entry.listener.0, hears: entry.hears };
    interface.tell_to(of.id.0, CallCommand::Hear { entries: entries.into_iter().map(entry).collect() }).await
}
