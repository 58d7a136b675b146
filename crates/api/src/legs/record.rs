//! `record` and `stop_record`.

use crate::{
    Interface,
    ids::OfLeg,
    problem::{INTERNAL, Problem},
    read::{Json, Place},
};
use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tandem_model::{CallCommand, CommandOutcome, Layout, MAX_FILE_NAME, Recorded, RecordingId, is_file_name};
use utoipa::ToSchema;

/// What to record, and how.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRecording {
    /// The file below the folder `recordings` of `[files]`, with or without `.wav`; the id of leg or call where it is not said.
    file: Option<String>,
    /// What is recorded.
    #[serde(default)]
    of: Of,
    /// How it lies in the file.
    #[serde(default)]
    layout: Channels,
}

/// What is recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// What the leg says, and what it hears.
    #[default]
    Leg,
    /// What all legs say.
    Call,
}

/// Channels.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channels {
    /// One with all of it.
    #[default]
    Mono,
    /// Left what the leg (or the first one) says, right the rest.
    Sides,
}

/// What is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recording {
    /// Its number in the call: `recording.ready` has it too.
    recording: u16,
}

/// What to record no more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopRecord {
    /// Its number.
    recording: u16,
}

/// Records. The event `recording.ready` tells when the file is whole.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/record", tag = "calls", operation_id = "record", params(OfLeg), request_body(content = Option<NewRecording>),
    responses((status = 200, body = Recording), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn record(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(record): Json<NewRecording>,
) -> Result<axum::Json<Recording>, Problem> {
    let (recorded, usual) = match record.of {
        Of::Leg => (Recorded::Leg(of.leg.0), of.leg.0.to_string()),
        Of::Call => (Recorded::Call, of.id.0.to_string()),
    };
    let file = record.file.unwrap_or(usual);
    if !is_file_name(&file) {
        let why = format!("a name below the folder for recordings, of at most {MAX_FILE_NAME} bytes and without `..`, is wanted");
        return Err(Problem::invalid("file", why));
    }
    let layout = match record.layout {
        Channels::Mono => Layout::Mono,
        Channels::Sides => Layout::Sides,
    };
    match interface.tell(of.id.0, CallCommand::Record { of: recorded, layout, file: file.into() }).await? {
        CommandOutcome::Recording(RecordingId(recording)) => Ok(axum::Json(Recording { recording })),
        other => Err(Problem::new(INTERNAL, format!("{other:?} came of it"))),
    }
}

/// Ends a recording.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/stop_record", tag = "calls", operation_id = "stop_record", params(OfLeg),
    request_body = StopRecord,
    responses((status = 204, description = "It is ending"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 503, description = "Too much to do")))]
pub(crate) async fn stop_record(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(stop): Json<StopRecord>,
) -> Result<StatusCode, Problem> {
    interface.tell_to(of.id.0, CallCommand::StopRecording { recording: RecordingId(stop.recording) }).await
}
