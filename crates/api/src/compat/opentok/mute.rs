//! One is muted, or all who have said when they were called that they may be.

use super::{
    connection::{Connection, Present},
    dial::body,
    refusal::Refusal,
    session::Session,
    who::Who,
};
use crate::Interface;
use axum::{
    Json,
    extract::{Path, Request, State},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_config::OpentokProject;
use tandem_model::{CallCommand, CallId, CommandError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    active: bool,
    #[serde(default)]
    excluded_streams: Option<Vec<String>>,
}

/// `POST …/stream/{stream}/mute`.
pub(super) async fn one(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session, stream)): Path<(String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let session = Session::read(&project, &session)?;
    let (call, connection) = interface.stream(&session, &stream).await?;
    interface.node.command(call, CallCommand::Mute { leg: connection.leg }).await?;
    Ok(shown(&project))
}

/// `POST …/mute`. While it holds, who is called into the session comes muted; when it does no more, all who were muted by it are heard again.
pub(super) async fn all(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let Wanted { active, excluded_streams } = body(&interface, request).await?;
    let session = Session::read(&project, &session)?;
    let Some(Present { room, call, all }) = interface.present(&session).await else { return Ok(shown(&project)) };
    if !active {
        let silenced = room.silenced().take().unwrap_or_default();
        for known in all.iter().filter(|known| silenced.contains(&known.id)) {
            interface.change(call, CallCommand::Unmute { leg: known.leg }).await?;
        }
        return Ok(shown(&project));
    }
    let excluded = excluded_streams.unwrap_or_default();
    let is_meant = |known: &&Connection| known.observes_mute && !excluded.iter().any(|stream| **stream == *known.stream);
    let meant: Vec<Connection> = all.into_iter().filter(|known| is_meant(&known)).collect();
    room.silenced().get_or_insert_default().extend(meant.iter().map(|known| known.id.clone()));
    for Connection { leg, .. } in meant {
        interface.change(call, CallCommand::Mute { leg }).await?;
    }
    Ok(shown(&project))
}

impl Interface {
    /// Who has left by now is left alone.
    async fn change(&self, call: CallId, command: CallCommand) -> Result<(), Refusal> {
        match self.node.command(call, command).await {
            Ok(_) | Err(CommandError::UnknownLeg(_) | CommandError::CallOver(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What is answered: the project.
fn shown(project: &OpentokProject) -> Json<Value> {
    Json(json!({"id": project.key, "status": "ACTIVE", "name": "", "environment": "standard"}))
}
