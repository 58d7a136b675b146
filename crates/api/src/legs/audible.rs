//! `mute`, `unmute`, `deafen`, `undeafen`.

use crate::{
    Interface,
    ids::OfLeg,
    problem::Problem,
    read::{Nothing, Place},
};
use axum::{extract::State, http::StatusCode};
use std::sync::Arc;
use tandem_model::CallCommand;

type Told = Result<StatusCode, Problem>;

/// Nobody hears the leg.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/mute", tag = "calls", operation_id = "mute", params(OfLeg),
    responses((status = 204, description = "Done"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn mute(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Told {
    interface.tell_to(of.id.0, CallCommand::Mute { leg: of.leg.0 }).await
}

/// The leg is heard again.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/unmute", tag = "calls", operation_id = "unmute", params(OfLeg),
    responses((status = 204, description = "Done"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn unmute(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Told {
    interface.tell_to(of.id.0, CallCommand::Unmute { leg: of.leg.0 }).await
}

/// The leg hears nobody, though what is played to it.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/deafen", tag = "calls", operation_id = "deafen", params(OfLeg),
    responses((status = 204, description = "Done"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn deafen(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Told {
    interface.tell_to(of.id.0, CallCommand::Deafen { leg: of.leg.0 }).await
}

/// The leg hears again.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/undeafen", tag = "calls", operation_id = "undeafen", params(OfLeg),
    responses((status = 204, description = "Done"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn undeafen(State(interface): State<Arc<Interface>>, Place(of): Place<OfLeg>, _: Nothing) -> Told {
    interface.tell_to(of.id.0, CallCommand::Undeafen { leg: of.leg.0 }).await
}
