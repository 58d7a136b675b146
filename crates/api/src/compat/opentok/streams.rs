//! What is to be heard in a session: a stream of each who has answered.

use super::{
    connection::{Connection, Present},
    refusal::Refusal,
    session::Session,
    who::Who,
};
use crate::Interface;
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_model::CallId;

impl Interface {
    /// One of the streams of a session.
    pub(super) async fn stream(&self, session: &Session, id: &str) -> Result<(CallId, Connection), Refusal> {
        let found = self.present(session).await.and_then(|Present { call, all, .. }| {
            all.into_iter().find(|known| known.has_answered && *known.stream == *id).map(|known| (call, known))
        });
        found.ok_or_else(|| Refusal::unknown("there is no such stream in the session"))
    }
}

fn shown(connection: &Connection) -> Value {
    json!({"id": connection.stream, "videoType": "custom", "name": "", "layoutClassList": []})
}

/// `GET …/stream`.
pub(super) async fn list(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let session = Session::read(&project, &session)?;
    let all = interface.present(&session).await.map(|present| present.all).unwrap_or_default();
    let items: Vec<Value> = all.iter().filter(|known| known.has_answered).map(shown).collect();
    Ok(Json(json!({"count": items.len(), "items": items})))
}

/// `GET …/stream/{stream}`.
pub(super) async fn get(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session, stream)): Path<(String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let session = Session::read(&project, &session)?;
    interface.stream(&session, &stream).await.map(|(_, connection)| Json(shown(&connection)))
}
