//! `hold` and `unhold`.

use super::sound;
use crate::{
    Interface,
    ids::OfLeg,
    problem::Problem,
    read::{Json, Nothing, Place},
};
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use tandem_model::CallCommand;
use utoipa::ToSchema;

/// How to hold.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hold {
    /// What it hears meanwhile, over and over: a prompt (`music.wav`) or a tone (`ringing:de`). Nothing: silence.
    music: Option<String>,
}

/// Holds the leg: its peer is told, nobody hears it, and it hears nobody. Answered once the peer has agreed.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/hold", tag = "calls", operation_id = "hold", params(OfLeg), request_body(content = Option<Hold>),
    responses((status = 204, description = "It is held"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 502, description = "Its peer refused"), (status = 503, description = "Too much to do")))]
pub(crate) async fn hold(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(hold): Json<Hold>,
) -> Result<StatusCode, Problem> {
    let music = hold.music.map(|music| sound("music", &music)).transpose()?;
    interface.tell_to(of.id.0, CallCommand::Hold { leg: of.leg.0, music }).await
}

/// The leg is as it was before.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/unhold", tag = "calls", operation_id = "unhold", params(OfLeg),
    responses((status = 204, description = "It is held no more"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 502, description = "Its peer refused"), (status = 503, description = "Too much to do")))]
pub(crate) async fn unhold(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Result<StatusCode, Problem> {
    interface.tell_to(of.id.0, CallCommand::Unhold { leg: of.leg.0 }).await
}
