//! What happened, told to whoever listens: logs now, an API and records later.

use crate::{CallId, EndpointStats, Flow, KeyPress, LegId, PlayEnd, PlayId, RecordingEnd, RecordingId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};

/// Something that happened to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// To which call.
    pub call: CallId,
    /// To which of its legs, if one.
    pub leg: Option<LegId>,
    /// What.
    pub kind: EventKind,
}

/// The kinds of event; each prints as its public name (`leg.ringing`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// An INVITE was admitted.
    CallCreated,
    /// A leg exists; how the outside names it.
    LegCreated(LegNames),
    /// The far end has our INVITE (first 1xx).
    LegTrying,
    /// The far end rings.
    LegRinging,
    /// Media may flow before the answer.
    LegEarlyMedia,
    /// The far end answered.
    LegAnswered,
    /// The leg put us on hold, or we it.
    LegHeld(HeldBy),
    /// It is back, or we are.
    LegResumed(HeldBy),
    /// The leg's peer has pressed a key, and let it go.
    LegDtmf(KeyPress),
    /// The leg's peer takes no keys by INFO, as it was to get them: what it said to one. Told once.
    LegDtmfRefused(u16),
    /// The leg talks with another now.
    LegTransferred {
        /// The leg whose peer asked for that, and whose place was taken.
        by: LegId,
        /// The leg that has it now.
        to: LegId,
    },
    /// What was played to the leg, because the call was told to, is over.
    PlayEnded {
        /// As it was named when it began.
        play: PlayId,
        /// How.
        end: PlayEnd,
    },
    /// The call was told to say that to those who listen; of a leg if it is for that.
    Signal(Box<Signal>),
    /// The leg ended before it was answered.
    LegFailed(LegEnd),
    /// The leg ended after it was answered.
    LegEnded(LegEnd),
    /// A recording has ended, and its file is whole; of one leg, or of the call.
    RecordingReady(Box<RecordingDone>),
    /// The call is over.
    CallEnded(Box<CallRecord>),
    /// A limit was reached, and calls are refused; its call is nobody's, as those of the next three.
    LimitReached(Box<LimitState>),
    /// Nobody was refused for a while.
    LimitOver(Box<LimitState>),
    /// A trunk or user has spent what it may in an hour, and its calls are refused; or it has called a number that it may not.
    TollTripped(Box<LimitState>),
    /// It may call again; or has called no such number for a while.
    TollOver(Box<LimitState>),
    /// A request outside of any dialog was passed on, or refused; its id is one of those that calls have.
    Exchanged(Box<ExchangeRecord>),
    /// A trunk can be used: it is registered, and a target answers. The id of this and the next six is of the trunk's agent.
    TrunkUp(Box<TrunkState>),
    /// It cannot.
    TrunkDown(Box<TrunkState>),
    /// One of a trunk's registrars has taken our registration.
    Registered(Box<TrunkState>),
    /// It has not taken the refresh of a registration that still holds; [`EventKind::Registered`] or [`EventKind::Unregistered`] follows.
    RefreshFailed(Box<TrunkState>),
    /// It has none of ours any more: it refused, its time is over, its connection is lost, or we gave it up.
    Unregistered(Box<TrunkState>),
    /// One of a trunk's targets answers pings.
    TargetUp(Box<TrunkState>),
    /// It answers none.
    TargetDown(Box<TrunkState>),
    /// Where a user is to be found changed; its call is nobody's.
    RegistrationChanged(Box<RegistrationChange>),
}

impl EventKind {
    /// The public name of the kind.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::CallCreated => "call.created",
            EventKind::LegCreated(_) => "leg.created",
            EventKind::LegTrying => "leg.trying",
            EventKind::LegRinging => "leg.ringing",
            EventKind::LegEarlyMedia => "leg.early_media",
            EventKind::LegAnswered => "leg.answered",
            EventKind::LegHeld(_) => "leg.held",
            EventKind::LegResumed(_) => "leg.resumed",
            EventKind::LegDtmf(_) => "leg.dtmf",
            EventKind::LegDtmfRefused(_) => "leg.dtmf_refused",
            EventKind::LegTransferred { .. } => "leg.transferred",
            EventKind::PlayEnded { .. } => "play.ended",
            EventKind::Signal(_) => "signal",
            EventKind::LegFailed(_) => "leg.failed",
            EventKind::LegEnded(_) => "leg.ended",
            EventKind::RecordingReady(_) => "recording.ready",
            EventKind::CallEnded(_) => "call.ended",
            EventKind::Exchanged(_) => "message.ended",
            EventKind::TrunkUp(_) => "trunk.up",
            EventKind::TrunkDown(_) => "trunk.down",
            EventKind::Registered(_) => "trunk.registered",
            EventKind::RefreshFailed(_) => "trunk.refresh_failed",
            EventKind::Unregistered(_) => "trunk.unregistered",
            EventKind::TargetUp(_) => "target.up",
            EventKind::TargetDown(_) => "target.down",
            EventKind::RegistrationChanged(_) => "registration.changed",
            EventKind::LimitReached(_) => "limit.reached",
            EventKind::LimitOver(_) => "limit.over",
            EventKind::TollTripped(_) => "toll.tripped",
            EventKind::TollOver(_) => "toll.over",
        }
    }
}

/// Words that one program has for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// What kind of words; may be empty.
    pub kind: Box<str>,
    /// The words.
    pub data: Box<str>,
}

/// A recording that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingDone {
    /// Its name in the call.
    pub recording: RecordingId,
    /// The file below the folder for recordings; empty if there is none.
    pub file: Box<str>,
    /// How long it plays, in milliseconds.
    pub ms: u64,
    /// Why it ended.
    pub end: RecordingEnd,
}

/// What became of one contact of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationChange {
    /// Whose.
    pub user: Box<str>,
    /// The Contact URI.
    pub contact: Box<str>,
    /// What.
    pub fate: Fate,
    /// Until when it holds, or would have.
    pub until: Timestamp,
    /// How its REGISTER came.
    pub flow: Flow,
    /// Contacts that the user has now.
    pub contacts: usize,
}

/// What can become of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It is new.
    Added,
    /// It holds longer.
    Refreshed,
    /// The phone is elsewhere, or comes over another flow.
    Moved,
    /// The phone took it back, or its user is none any more.
    Removed,
    /// Nobody refreshed it.
    Expired,
    /// Its flow is gone.
    Lost,
}

impl Fate {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            Fate::Added => "added",
            Fate::Refreshed => "refreshed",
            Fate::Moved => "moved",
            Fate::Removed => "removed",
            Fate::Expired => "expired",
            Fate::Lost => "lost",
        }
    }
}

/// A limit, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitState {
    /// Whose: `trunk:carrier`, `route:to the carrier`, `user:alice`.
    pub of: Box<str>,
    /// Which; of several the first that was reached.
    pub limit: Limit,
    /// Calls that were refused for it since it was reached.
    pub refused: u32,
    /// The first number that was called and may not be, or the beginning of it; empty for other limits.
    #[serde(default)]
    pub number: Box<str>,
}

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// Calls at a time.
    Calls,
    /// New calls a second.
    Rate,
    /// Call-minutes an hour.
    Minutes,
    /// Which numbers.
    Numbers,
}

impl Limit {
    /// The key that sets it.
    pub const fn key(self) -> &'static str {
        match self {
            Limit::Calls => "calls",
            Limit::Rate => "cps",
            Limit::Minutes => "minutes_per_hour",
            Limit::Numbers => "may_call",
        }
    }
}

/// How a trunk, or a part of it, is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkState {
    /// Its name.
    pub trunk: Box<str>,
    /// The registrar or target that it is about; empty for the trunk as a whole.
    pub at: Box<str>,
    /// Why, in words; empty where there is nothing to say.
    pub reason: Box<str>,
}

/// How a leg ended. Exactly one a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegEnd {
    /// The final status of its INVITE, 487 where that had none, if it was never answered. Else what the end comes to as a status:
    /// 200 where somebody hung up, or what the Reason that came with it says or maps to (RFC 3398 §7.2.4.1).
    pub sip_status: u16,
    /// In words.
    pub reason: Cow<'static, str>,
    /// The cause that a peer gave (RFC 3326, RFC 6432), or the one that the status maps to (RFC 3398 §8.2.6.1).
    pub q850_cause: u8,
    /// Whose word it was.
    pub by: EndedBy,
}

/// What a leg is called in the logs of its peer, and of everybody on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegNames {
    /// Call-ID of its dialog.
    pub sip_call_id: Box<str>,
    /// Session-ID (RFC 7989) as the leg is told it: the UUID of whom it talks with, and its own; zeros for one that is not known yet.
    pub session_id: Box<str>,
}

/// Who holds whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldBy {
    /// The leg's peer does not want to hear us.
    Peer,
    /// We hold the leg, because we were told to.
    Node,
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    /// Its own peer: BYE, CANCEL, or a failure in answer to our INVITE.
    Peer,
    /// We: because the other leg ended, time ran out, or the peer was not there.
    Node,
}

/// Why a call ended. Exactly one a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The caller hung up an answered call.
    CallerHungUp,
    /// The called side hung up an answered call.
    CalleeHungUp,
    /// The caller gave up before the answer.
    Cancelled,
    /// It was never answered: the status that the caller got.
    Failed(u16),
    /// Nobody answered in time.
    RingTimeout,
    /// The 2xx that we sent was never acknowledged (RFC 3261 §13.3.1.4).
    AckTimeout,
    /// A request inside the dialog found it gone or silent (481, 408).
    DialogLost,
    /// A leg sent no media for too long.
    Inactivity,
    /// Nobody refreshed a session in time (RFC 4028 §10).
    SessionExpired,
    /// Its peer transferred the other one, and is no part of the call any more. A leg ends so, not a call.
    Transferred,
    /// What the caller was to hear was over.
    Played,
    /// The call, or the leg, was told to end.
    Commanded,
    /// `[calls] max_duration`.
    MaxDuration,
    /// The node stopped before the call did.
    Shutdown,
    /// Its leg went on in another call, in the place of one there (RFC 3891).
    Moved,
    /// We failed; a dump was written.
    Internal,
}

impl EndReason {
    /// In words.
    pub fn words(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            EndReason::CallerHungUp => "caller hung up",
            EndReason::CalleeHungUp => "callee hung up",
            EndReason::Cancelled => "cancelled",
            EndReason::Failed(status) => return Cow::Owned(format!("failed with {status}")),
            EndReason::RingTimeout => "not answered in time",
            EndReason::AckTimeout => "no ACK",
            EndReason::DialogLost => "dialog lost",
            EndReason::Inactivity => "no media",
            EndReason::SessionExpired => "session expired",
            EndReason::Transferred => "transferred",
            EndReason::Played => "announcement over",
            EndReason::Commanded => "told to end",
            EndReason::MaxDuration => "maximum duration",
            EndReason::Shutdown => "node stopped",
            EndReason::Moved => "moved to another call",
            EndReason::Internal => "internal error",
        })
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// What is kept of a call once it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Which call.
    pub call: CallId,
    /// Name of the route that took it; empty if none did. `api:NAME` of one that began here, by the name of who told us to make it.
    pub route: Box<str>,
    /// When it came.
    pub began: Timestamp,
    /// When the far end first rang (180), if it did.
    pub rang: Option<Timestamp>,
    /// When it was answered, if it was.
    pub answered: Option<Timestamp>,
    /// When it was over.
    pub ended: Timestamp,
    /// Why.
    pub reason: EndReason,
    /// What whoever had us make it said of it, as JSON.
    #[serde(default)]
    pub metadata: Option<Arc<str>>,
    /// Its legs, in the order of their creation.
    pub legs: Box<[LegRecord]>,
}

/// What is kept of a message outside of any dialog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRecord {
    /// Its id.
    pub call: CallId,
    /// Name of the route that took it; empty if none did.
    pub route: Box<str>,
    /// From URI as it came.
    pub from: Box<str>,
    /// To URI as it came.
    pub to: Box<str>,
    /// Whose it was: `trunk:pbx`.
    pub caller: Box<str>,
    /// Who got it last; empty if nobody did.
    pub callee: Box<str>,
    /// What its sender was told; `None` where it had given up by then.
    pub sip_status: Option<u16>,
}

/// What is kept of a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegRecord {
    /// Which leg.
    pub leg: LegId,
    /// `trunk:carrier`.
    pub endpoint: Box<str>,
    /// From URI as it stood in the leg's INVITE.
    pub from: Box<str>,
    /// To URI as it stood in the leg's INVITE.
    pub to: Box<str>,
    /// The peer's signalling address.
    pub remote: Option<SocketAddr>,
    /// Call-ID of its dialog.
    #[serde(default)]
    pub sip_call_id: Box<str>,
    /// Session-ID (RFC 7989) as the leg is told it: the UUID of whom it talks with, and its own.
    #[serde(default)]
    pub session_id: Box<str>,
    /// The final status of its INVITE; 0 if there was none.
    pub sip_status: u16,
    /// Name of the audio codec, once one was agreed.
    pub codec: Option<crate::Codec>,
    /// The leg that took its place, if its peer transferred the other one.
    #[serde(default)]
    pub replaced_by: Option<LegId>,
    /// Media figures, if media went through here.
    pub media: Option<EndpointStats>,
    /// How it ended.
    pub end: LegEnd,
}
