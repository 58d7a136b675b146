//! Those who are in a session: each a leg of its room, whose label has the names that it has here.

use super::{refusal::Refusal, rooms::Room, session::Session, signed::hex, who::Who};
use crate::Interface;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use std::sync::Arc;
use tandem_model::{CallCommand, CallId, LegId, LegState};

/// Somebody who is in a session, or is being called into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) id: Box<str>,
    /// What it says.
    pub(super) stream: Box<str>,
    /// It is muted when all are.
    pub(super) observes_mute: bool,
    pub(super) leg: LegId,
    pub(super) has_answered: bool,
}

/// The label of a leg that has these names.
pub(super) fn label(connection: &str, stream: &str, observes_mute: bool) -> Box<str> {
    format!("{connection} {stream} {}", if observes_mute { "mute" } else { "-" }).into()
}

/// A name that nobody can guess, in the form of RFC 9562.
pub(super) fn name() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    // §5.4: version and variant.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    Ok([&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"))
}

/// All who are in a session.
pub(super) struct Present {
    pub(super) room: Arc<Room>,
    pub(super) call: CallId,
    pub(super) all: Vec<Connection>,
}

impl Interface {
    /// All who are in the session, or are being called into it; `None` where there is nobody.
    pub(super) async fn present(&self, session: &Session) -> Option<Present> {
        let (room, call) = self.room_of(session).await?;
        Some(Present { room, call, all: self.connections(call).await })
    }

    /// All who are in the call of a room.
    pub(super) async fn connections(&self, call: CallId) -> Vec<Connection> {
        let view = self.node.call(call).await;
        let connection = |leg: &tandem_model::LegView| {
            let mut names = leg.label.as_deref()?.split(' ');
            let (id, stream) = (names.next()?.into(), names.next()?.into());
            let has_answered = leg.state == LegState::Answered;
            Some(Connection { id, stream, observes_mute: names.next() == Some("mute"), leg: leg.leg, has_answered })
        };
        view.iter().flat_map(|view| &view.legs).filter_map(connection).collect()
    }

    /// One of those who are in the session.
    pub(super) async fn connection(&self, session: &Session, id: &str) -> Result<(CallId, Connection), Refusal> {
        let found = self
            .present(session)
            .await
            .and_then(|Present { call, all, .. }| all.into_iter().find(|known| *known.id == *id).map(|known| (call, known)));
        found.ok_or_else(|| Refusal::unknown("there is no such connection in the session"))
    }
}

/// `DELETE …/connection/{connection}`.
pub(super) async fn disconnect(
    State(interface): State<Arc<Interface>>,
    Who(project): Who,
    Path((_, session, connection)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let session = Session::read(&project, &session)?;
    let (call, Connection { leg, .. }) = interface.connection(&session, &connection).await?;
    interface.node.command(call, CallCommand::HangUp { leg }).await?;
    Ok(StatusCode::NO_CONTENT)
}
