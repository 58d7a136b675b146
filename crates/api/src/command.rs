//! Calls are told to do something, and what they say is answered.

use crate::{
    Interface,
    problem::{CONFLICT, INVALID, NOT_FOUND, Problem, REFUSED, UNAVAILABLE},
};
use tandem_model::{CallCommand, CallId, CommandError, CommandOutcome};

impl Interface {
    /// Tells a call to do something.
    pub(crate) async fn tell(&self, call: CallId, command: CallCommand) -> Result<CommandOutcome, Problem> {
        self.node.command(call, command).await.map_err(|error| problem(&error))
    }

    /// The same where nothing but its being done is to be said.
    pub(crate) async fn tell_to(&self, call: CallId, command: CallCommand) -> Result<axum::http::StatusCode, Problem> {
        self.tell(call, command).await.map(|_| axum::http::StatusCode::NO_CONTENT)
    }
}

/// What is answered where a command comes to nothing.
pub(crate) fn problem(error: &CommandError) -> Problem {
    let (kind, field) = match error {
        CommandError::CallOver(_) => (NOT_FOUND, Some("id")),
        CommandError::UnknownLeg(_) => (NOT_FOUND, Some("leg")),
        CommandError::Busy(_) => return Problem::new(UNAVAILABLE, error.to_string()).after(1),
        CommandError::Refused { status, .. } | CommandError::NotCalled { status, .. } => {
            return Problem::new(REFUSED, error.to_string()).said(*status);
        }
        CommandError::Itself(_) => (INVALID, Some("listener")),
        CommandError::TooManyKeys(_) => (INVALID, Some("keys")),
        CommandError::UnknownPlay(_) => (INVALID, Some("play")),
        CommandError::UnknownRecording(_) => (INVALID, Some("recording")),
        CommandError::BadName(_) => (INVALID, Some("file")),
        CommandError::BadStatus(_) => (INVALID, Some("status")),
        CommandError::BadReason(_) => (INVALID, Some("reason")),
        CommandError::NotAnswered(_)
        | CommandError::UnderWay(_)
        | CommandError::NotAnchored(_)
        | CommandError::NoAudio(_)
        | CommandError::TooManyEntries(_)
        | CommandError::TooManyPlays(_)
        | CommandError::TooManyLegs(_)
        | CommandError::TooManyTransfers(_)
        | CommandError::IsGuest(_)
        | CommandError::IsAlone(_)
        | CommandError::NotCalling(_)
        | CommandError::TooManyRecordings(_) => (CONFLICT, None),
    };
    let problem = Problem::new(kind, error.to_string());
    match field {
        Some(field) => problem.at(field),
        None => problem,
    }
}
