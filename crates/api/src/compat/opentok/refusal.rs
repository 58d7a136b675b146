//! Every way in which a request fails, as the SDKs read it: `{"code", "message"}`.

use crate::{command, problem::Problem};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tandem_model::{CommandError, DialError};

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    /// Seconds to wait.
    retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), retry_after: None }
    }

    /// Something in the request cannot be so.
    pub(super) fn bad(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn unknown(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn too_many(rate: u32, seconds: u32) -> Refusal {
        let message = format!("more than {rate} requests a second are not served");
        Refusal { retry_after: Some(seconds), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }
}

/// What a body or a leg of ours was refused for.
impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let status = match problem.status {
            // Theirs knows nothing finer.
            415 | 422 => StatusCode::BAD_REQUEST,
            // That would say something about the key.
            401 | 403 => StatusCode::CONFLICT,
            status => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let message = match &problem.field {
            Some(field) => format!("{field}: {}", problem.detail),
            None => problem.detail,
        };
        Refusal { status, message, retry_after: problem.retry_after }
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Refusal {
        match error {
            CommandError::CallOver(_) | CommandError::UnknownLeg(_) => Refusal::unknown("it has left the session"),
            CommandError::NotCalled { status: 503, .. } => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            CommandError::NotCalled { .. } => Refusal::bad(error.to_string()),
            error => Refusal::from(command::problem(&error)),
        }
    }
}

impl From<DialError> for Refusal {
    fn from(error: DialError) -> Refusal {
        let retry_after = if let DialError::Full { retry_after_s } = error { retry_after_s } else { 1 };
        Refusal { retry_after: Some(retry_after), ..Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"code": self.status.as_u16(), "message": self.message});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

pub(super) async fn no_such_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "that cannot be done with it")
}
