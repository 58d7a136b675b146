//! What is answered. Programs compare these texts: they are as the original has them, to the last blank.

use crate::problem::{INTERNAL, Problem};
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::fmt;

/// A UUID of version 4 (RFC 9562 §5.4), which an answer and its call are found by.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TrackingId(String);

impl TrackingId {
    pub(super) fn new() -> Result<TrackingId, Problem> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| Problem::new(INTERNAL, "the system has no randomness"))?;
        Ok(TrackingId::of(u128::from_be_bytes(bytes)))
    }

    fn of(random: u128) -> TrackingId {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        let hex = format!("{:032x}", random & !VERSION & !VARIANT | 4 << 76 | 0b10 << 62);
        TrackingId([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The body of every answer, whose status is 200.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    success: bool,
    message: String,
    tracking_id: TrackingId,
}

impl Answer {
    pub(super) fn received(id: TrackingId) -> Answer {
        Answer { success: true, message: "Request to bridge call has been received.".to_owned(), tracking_id: id }
    }

    pub(super) fn established(id: TrackingId) -> Answer {
        Answer { success: true, message: "Bridge established.".to_owned(), tracking_id: id }
    }

    pub(super) fn failed(failure: &Failure, id: TrackingId) -> Answer {
        Answer { success: false, message: failure.to_string().trim().to_owned(), tracking_id: id }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// One of the three tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Initial,
    Endpoint,
    Meeting,
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    /// Webex says 401.
    Unauthorized,
    /// It could not be one, or Webex says something else.
    Invalid,
}

/// Why there is no bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NoInitialToken,
    NoEndpointToken,
    NoMeeting,
    NoEndpoint,
    SameTokens,
    /// All that are wrong.
    Tokens(Vec<(Whose, BadToken)>),
    /// Webex gave no answer.
    NotLoaded,
    /// As it was given to us, and why.
    Meeting(String, String),
    /// As it was given to us, and why.
    Endpoint(String, String),
    /// The meeting did not answer.
    NotLetIn,
    /// The other side did not.
    NotDialled,
    /// As many wait as may.
    Busy,
}

impl Failure {
    /// For the log, in which nobody's number stands.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Failure::NoInitialToken | Failure::NoEndpointToken | Failure::NoMeeting | Failure::NoEndpoint => "incomplete",
            Failure::SameTokens | Failure::Tokens(_) => "tokens",
            Failure::NotLoaded => "no answer of Webex",
            Failure::Meeting(..) => "meeting",
            Failure::Endpoint(..) => "endpoint",
            Failure::NotLetIn => "meeting did not answer",
            Failure::NotDialled => "endpoint did not answer",
            Failure::Busy => "too many",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::NoInitialToken => "initialToken is required and must be a bearer token belonging to a licensed Webex or guest user.",
            Failure::NoEndpointToken => "endpointToken is required and must belong to a licensed Webex user.",
            Failure::NoMeeting => "meeting parameter is required and should be a meeting SIP or url.",
            Failure::NoEndpoint => "endpointSIP is required and must be a valid SIP address.",
            Failure::SameTokens => "meetingToken must belong to another user than initialToken.",
            Failure::Tokens(all) => {
                return all.iter().try_for_each(|(whose, what)| match what {
                    BadToken::Unauthorized => write!(f, "The {} is unauthorized. (401)", whose.name()),
                    BadToken::Invalid => write!(f, "The {} is not valid.", whose.name()),
                });
            }
            Failure::NotLoaded => "Timeout waiting for Webex session to initialize.  Are your tokens correct?",
            Failure::Meeting(meeting, why) => return write!(f, "{meeting} could not be joined: {why}"),
            Failure::Endpoint(endpoint, why) => return write!(f, "{endpoint} could not be joined because {why}"),
            Failure::NotLetIn => "Timeout waiting for initialToken user to be let into meetingSIP.",
            Failure::NotDialled => "Timeout waiting for endpointToken to dial endpointSIP",
            Failure::Busy => "Too many calls are being bridged. Try again later.",
        })
    }
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Whose::Initial => "initialToken",
            Whose::Endpoint => "endpointToken",
            Whose::Meeting => "meetingToken",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_id_is_a_uuid_of_version_4() {
        assert_eq!(TrackingId::of(0).0, "00000000-0000-4000-8000-000000000000");
        assert_eq!(TrackingId::of(u128::MAX).0, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_ne!(TrackingId::new().unwrap().0, TrackingId::new().unwrap().0);
    }

    #[test]
    fn what_is_wrong_with_several_tokens_is_one_text() {
        let all =
            vec![(Whose::Initial, BadToken::Unauthorized), (Whose::Endpoint, BadToken::Invalid), (Whose::Meeting, BadToken::Unauthorized)];
        assert_eq!(
            Failure::Tokens(all).to_string(),
            "The initialToken is unauthorized. (401)The endpointToken is not valid.The meetingToken is unauthorized. (401)"
        );
    }
}
