//! Which call is the room of a session.

use super::{connection::Connection, refusal::Refusal, session::Session};
use crate::Interface;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tandem_config::OpentokProject;
use tandem_model::{CallCommand, CallId, CommandError, CommandOutcome, Dial, DialLeg, DialOrder, LegId};

/// How long a room may last.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// How often a room may have ended just when somebody was to be added to it.
const TRIES: usize = 3;

/// The rooms of all sessions: no more than there are calls, for each is forgotten with its call.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<Box<str>, Arc<Room>>>);

/// The room of a session.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Its call, once there is one. Who makes one holds this meanwhile, so that two who come at the same moment come into the same room.
    call: tokio::sync::Mutex<Option<CallId>>,
    /// The connections that were muted with all, while that holds.
    silenced: Mutex<Option<BTreeSet<Box<str>>>>,
}

impl Rooms {
    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Arc<Room>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, session: &Session) -> Arc<Room> {
        self.all().entry(session.id.clone()).or_default().clone()
    }

    fn known(&self, session: &Session) -> Option<Arc<Room>> {
        self.all().get(&session.id).cloned()
    }

    /// That call is over.
    pub(crate) fn forget(&self, call: CallId) {
        self.all().retain(|_, room| {
            let is_held = Arc::strong_count(room) > 1;
            let Ok(mut of) = room.call.try_lock() else { return true };
            of.take_if(|of| *of == call);
            is_held || of.is_some()
        });
    }
}

impl Room {
    /// Mutes one who comes, if all were: whether.
    pub(super) fn silence(&self, connection: &str) -> bool {
        self.silenced().as_mut().map(|silenced| silenced.insert(connection.into())).is_some()
    }

    /// Whether all were muted; what was, to be changed.
    pub(super) fn silenced(&self) -> std::sync::MutexGuard<'_, Option<BTreeSet<Box<str>>>> {
        self.silenced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interface {
    /// The room of a session and its call, if there is one.
    pub(super) async fn room_of(&self, session: &Session) -> Option<(Arc<Room>, CallId)> {
        let room = self.rooms.known(session)?;
        let call = (*room.call.lock().await)?;
        Some((room, call))
    }

    /// Calls somebody into a session, which has a room from then on. `leg` is shown that, and who is there.
    pub(super) async fn call_into(
        &self,
        project: &OpentokProject,
        session: &Session,
        leg: impl Fn(&Room, &[Connection]) -> DialLeg,
    ) -> Result<(CallId, LegId), Refusal> {
        let room = self.rooms.room(session);
        for _ in 0..TRIES {
            let call = self.call_of(project, session, &room).await?;
            let leg = Box::new(leg(&room, &self.connections(call).await));
            match self.node.command(call, CallCommand::Add { leg }).await {
                Ok(CommandOutcome::Leg(leg)) => return Ok((call, leg)),
                // The last has left it just now.
                Err(CommandError::CallOver(_)) => {
                    room.call.lock().await.take_if(|of| *of == call);
                    room.silenced().take();
                }
                Ok(_) => return Err(Refusal::bad("nobody was called")),
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::CallOver(CallId::new(0, 0)).into())
    }

    async fn call_of(&self, project: &OpentokProject, session: &Session, room: &Room) -> Result<CallId, Refusal> {
        let mut of = room.call.lock().await;
        if let Some(call) = *of {
            return Ok(call);
        }
        let by = format!("opentok {}", project.key).into();
        let metadata = Some(serde_json::json!({"opentok_session": session.id}).to_string().into());
        let dial =
            Dial { legs: Box::default(), order: DialOrder::Room, then: None, max_duration: Some(LONGEST), by, quiet: false, metadata };
        let call = self.node.dial(dial).await?;
        *of = Some(call);
        Ok(call)
    }
}
