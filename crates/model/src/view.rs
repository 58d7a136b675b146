//! What is to be seen of a node while it runs: calls, trunks, registrations, each as it was at one moment.

use crate::{CallId, Codec, Flow, LegId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, sync::Arc};

/// A call that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// Which call.
    pub call: CallId,
    /// Name of the route that took it; empty as long as none has.
    pub route: Box<str>,
    /// How far it is.
    pub state: CallState,
    /// When it came.
    pub began: Timestamp,
    /// When it was answered, if it was.
    pub answered: Option<Timestamp>,
    /// What whoever had us make it said of it, as JSON.
    pub metadata: Option<Arc<str>>,
    /// Who talks, rings or is being called, in the order of their creation. Who has left is not among them.
    pub legs: Box<[LegView]>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Nobody rings yet.
    Created,
    /// Somebody rings.
    Ringing,
    /// It was answered.
    Answered,
}

impl CallState {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            CallState::Created => "created",
            CallState::Ringing => "ringing",
            CallState::Answered => "answered",
        }
    }
}

/// A leg of such a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegView {
    /// Which leg.
    pub leg: LegId,
    /// `trunk:carrier`.
    pub endpoint: Box<str>,
    /// From URI as it stood in the leg's INVITE.
    pub from: Box<str>,
    /// To URI as it stood in the leg's INVITE.
    pub to: Box<str>,
    /// The peer's signalling address; `None` as long as nothing has come from it.
    pub remote: Option<SocketAddr>,
    /// Who invited whom.
    pub direction: LegDirection,
    /// How far it is.
    pub state: LegState,
    /// Call-ID of its dialog.
    pub sip_call_id: Box<str>,
    /// Session-ID (RFC 7989) as the leg is told it: the UUID of whom it talks with, and its own; zeros for one that is not known yet.
    pub session_id: Box<str>,
    /// The audio codec, once one is agreed.
    pub codec: Option<Codec>,
    /// The final status of its INVITE; 0 as long as there is none.
    pub sip_status: u16,
    /// Nobody hears it, because the call was told so.
    pub muted: bool,
    /// It hears nobody, because the call was told so.
    pub deaf: bool,
    /// We hold it, because the call was told so.
    pub held: bool,
    /// Its peer holds us.
    pub holds: bool,
    /// What whoever added it to the call calls it.
    pub label: Option<Box<str>>,
}

/// Who sent a leg's INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegDirection {
    /// Its peer: it called us.
    In,
    /// We: it was called.
    Out,
}

impl LegDirection {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            LegDirection::In => "in",
            LegDirection::Out => "out",
        }
    }
}

/// How far a leg is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegState {
    /// It has called us and has no answer; or we call it and have heard nothing.
    #[default]
    Created,
    /// Somebody there has our INVITE.
    Trying,
    /// It rings.
    Ringing,
    /// It is heard already.
    EarlyMedia,
    /// It talks.
    Answered,
    /// It is being hung up.
    Ended,
}

impl LegState {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            LegState::Created => "created",
            LegState::Trying => "trying",
            LegState::Ringing => "ringing",
            LegState::EarlyMedia => "early_media",
            LegState::Answered => "answered",
            LegState::Ended => "ended",
        }
    }
}

/// A trunk, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkView {
    /// Its name.
    pub trunk: Box<str>,
    /// Whether it can be used.
    pub condition: Condition,
    /// Its targets, in the order of the configuration.
    pub targets: Box<[PartView]>,
    /// Where we register for it.
    pub registrations: Box<[PartView]>,
    /// Calls that it carries now, in both directions.
    pub calls: u32,
    /// The most that it may carry, if there is a limit.
    pub max_calls: Option<u32>,
    /// The most new ones a second.
    pub max_cps: Option<u32>,
}

/// One of a trunk's targets, or one of the registrars where it registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartView {
    /// Its URI.
    pub at: Box<str>,
    /// Whether it answers our pings, or has our registration.
    pub condition: Condition,
    /// A target asked to be left alone until then (503 with Retry-After).
    pub rests_until: Option<Timestamp>,
}

/// How a trunk, or a part of it, is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Whether it can be used; `None`: nobody asks, or nothing is known yet. Then it is used.
    pub is_up: Option<bool>,
    /// Why, in words; empty where there is nothing to say.
    pub reason: Box<str>,
    /// Since when, if anything is known.
    pub since: Option<Timestamp>,
}

impl Condition {
    /// In a word.
    pub const fn word(&self) -> &'static str {
        match self.is_up {
            Some(true) => "up",
            Some(false) => "down",
            None => "unknown",
        }
    }
}

/// Where a user is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationView {
    /// Whose it is.
    pub user: Box<str>,
    /// The Contact URI, as it was written.
    pub contact: Box<str>,
    /// It was made, or refreshed last, then.
    pub since: Timestamp,
    /// It holds until then.
    pub until: Timestamp,
    /// How its REGISTER came.
    pub flow: Flow,
    /// What the phone calls itself; may be empty.
    pub agent: Box<str>,
    /// Which phone it is (RFC 5626 §4.1), if it says so.
    pub instance: Option<Box<str>>,
    /// It is behind a NAT.
    pub behind_nat: bool,
}
