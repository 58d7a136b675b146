//! What is answered to a request that comes to nothing: problem details (RFC 9457).

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::ToSchema;

/// Why a request came to nothing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The kind of problem, as an address on the page that tells of it.
    #[serde(rename = "type")]
    pub(crate) kind: Cow<'static, str>,
    /// The kind in words.
    pub(crate) title: Cow<'static, str>,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What is wrong this time.
    pub(crate) detail: String,
    /// The part of the request that is wrong: `legs[0].headers.Via`, or the name of a parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) field: Option<String>,
    /// The SIP status that a peer answered with, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) sip_status: Option<u16>,
    /// Seconds to wait.
    #[serde(skip)]
    pub(crate) retry_after: Option<u32>,
}

/// What problems are answered as.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A kind of problem: status, the word that names it, and the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) status: StatusCode,
    pub(crate) word: &'static str,
    pub(crate) title: &'static str,
}

const fn kind(status: StatusCode, word: &'static str, title: &'static str) -> Kind {
    Kind { status, word, title }
}

pub(crate) const MALFORMED: Kind = kind(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read");
pub(crate) const NO_KEY: Kind = kind(StatusCode::UNAUTHORIZED, "no-key", "A key is needed");
pub(crate) const FORBIDDEN: Kind = kind(StatusCode::FORBIDDEN, "forbidden", "This is not allowed");
pub(crate) const NOT_FOUND: Kind = kind(StatusCode::NOT_FOUND, "not-found", "There is no such thing");
pub(crate) const BAD_METHOD: Kind = kind(StatusCode::METHOD_NOT_ALLOWED, "bad-method", "That cannot be done with it");
pub(crate) const TOO_SLOW: Kind = kind(StatusCode::REQUEST_TIMEOUT, "too-slow", "The request did not come whole in time");
pub(crate) const CONFLICT: Kind = kind(StatusCode::CONFLICT, "conflict", "That cannot be done now");
pub(crate) const TOO_LONG: Kind = kind(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "The request is too long");
pub(crate) const NOT_JSON: Kind = kind(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "The body has to be JSON");
pub(crate) const INVALID: Kind = kind(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Something in the request cannot be so");
pub(crate) const TOO_MANY: Kind = kind(StatusCode::TOO_MANY_REQUESTS, "too-many", "That was too much in too short a time");
pub(crate) const INTERNAL: Kind = kind(StatusCode::INTERNAL_SERVER_ERROR, "internal", "It failed inside");
pub(crate) const REFUSED: Kind = kind(StatusCode::BAD_GATEWAY, "refused", "The other side refused");
pub(crate) const UNAVAILABLE: Kind = kind(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now");
pub(crate) const NO_ANSWER: Kind = kind(StatusCode::GATEWAY_TIMEOUT, "no-answer", "It took too long");

/// All there are, in the order of their status.
pub(crate) const KINDS: [Kind; 15] = [
    MALFORMED,
    NO_KEY,
    FORBIDDEN,
    NOT_FOUND,
    BAD_METHOD,
    TOO_SLOW,
    CONFLICT,
    TOO_LONG,
    NOT_JSON,
    INVALID,
    TOO_MANY,
    INTERNAL,
    REFUSED,
    UNAVAILABLE,
    NO_ANSWER,
];

impl Problem {
    /// A problem of that kind.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem {
            kind: Cow::Owned(format!("/docs#problem-{}", kind.word)),
            title: Cow::Borrowed(kind.title),
            status: kind.status.as_u16(),
            detail: detail.into(),
            field: None,
            sip_status: None,
            retry_after: None,
        }
    }

    /// Something that cannot be so, and where.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::new(INVALID, detail).at(field)
    }

    /// Where it is.
    pub(crate) fn at(self, field: impl Into<String>) -> Problem {
        Problem { field: Some(field.into()), ..self }
    }

    /// When it may be tried again.
    pub(crate) fn after(self, seconds: u32) -> Problem {
        Problem { retry_after: Some(seconds), ..self }
    }

    /// What a peer said.
    pub(crate) fn said(self, sip_status: u16) -> Problem {
        Problem { sip_status: Some(sip_status), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(serde_json::to_vec(&self).unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6750 §3.
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tandem\""));
        }
        response
    }
}
