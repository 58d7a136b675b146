//! Signals: words for those who listen to the events of the session's room.

use super::{connection::Connection, dial::body, refusal::Refusal, session::Session, who::Who};
use crate::Interface;
use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
};
use serde::Deserialize;
use std::sync::Arc;
use tandem_model::{CallCommand, CommandError, Signal};

/// Bytes of the two parts of a signal.
const MAX_TYPE: usize = 128;
const MAX_DATA: usize = 8 << 10;

#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: Option<String>,
    data: Option<String>,
}

/// `POST …/signal`. In a session with nobody in it, nobody hears it.
pub(super) async fn to_all(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let signal = read(&interface, request).await?;
    let session = Session::read(&project, &session)?;
    if let Some((_, call)) = interface.room_of(&session).await {
        match interface.node.command(call, CallCommand::Signal { leg: None, signal }).await {
            Ok(_) | Err(CommandError::CallOver(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST …/connection/{connection}/signal`.
pub(super) async fn to_one(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session, connection)): Path<(String, String, String)>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let signal = read(&interface, request).await?;
    let session = Session::read(&project, &session)?;
    let (call, Connection { leg, .. }) = interface.connection(&session, &connection).await?;
    interface.node.command(call, CallCommand::Signal { leg: Some(leg), signal }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(interface: &Interface, request: Request) -> Result<Box<Signal>, Refusal> {
    let Wanted { kind, data } = body(interface, request).await?;
    let (kind, data) = (kind.unwrap_or_default(), data.unwrap_or_default());
    if kind.len() > MAX_TYPE || data.len() > MAX_DATA {
        let message = format!("`type` has at most {MAX_TYPE} bytes and `data` at most {MAX_DATA}");
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(Box::new(Signal { kind: kind.into(), data: data.into() }))
}
