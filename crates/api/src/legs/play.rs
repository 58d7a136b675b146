//! `play` and `stop`.

use super::sound;
use crate::{
    Interface,
    ids::OfLeg,
    problem::{INTERNAL, Problem},
    read::{Json, Place},
};
use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tandem_model::{CallCommand, CommandOutcome, PlayId, Stopping};
use utoipa::ToSchema;

/// What to play.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Play {
    /// A prompt of the folder `prompts` of `[files]` (`welcome.wav`), or a tone (`busy:de`).
    sound: String,
    /// How often; 0: until it is stopped. Once where it is not said.
    times: Option<u16>,
    /// Mixed with what the leg hears; else in place of that.
    #[serde(default)]
    over: bool,
}

/// What is played.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Playing {
    /// Its number in the call: `play.ended` has it too.
    play: u16,
}

/// What to stop.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    /// That alone; all that is played to the leg where it is not said.
    play: Option<u16>,
}

/// Plays to the leg. The event `play.ended` tells when it is over.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/play", tag = "calls", operation_id = "play", params(OfLeg), request_body = Play,
    responses((status = 200, body = Playing), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn play(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(play): Json<Play>,
) -> Result<axum::Json<Playing>, Problem> {
    let sound = sound("sound", &play.sound)?;
    let command = CallCommand::Play { leg: Some(of.leg.0), sound, times: play.times.unwrap_or(1), over: play.over };
    match interface.tell(of.id.0, command).await? {
        CommandOutcome::Playing(PlayId(play)) => Ok(axum::Json(Playing { play })),
        other => Err(Problem::new(INTERNAL, format!("{other:?} came of it"))),
    }
}

/// Stops what is played to the leg. The music of a held leg goes on.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/stop", tag = "calls", operation_id = "stop", params(OfLeg), request_body(content = Option<Stop>),
    responses((status = 204, description = "It is stopped"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn stop(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(stop): Json<Stop>,
) -> Result<StatusCode, Problem> {
    let what = stop.play.map_or(Stopping::Leg(of.leg.0), |play| Stopping::Play(PlayId(play)));
    interface.tell_to(of.id.0, CallCommand::Stop { what }).await
}
