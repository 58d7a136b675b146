//! Events as everybody outside sees them: over WebSocket, as Server-Sent Events and by webhook, in one form.

use crate::{
    record::{Record, ended_by},
    time::Time,
};
use serde::Serialize;
use std::str::FromStr;
use tandem_model::{CallId, Epoch, EventKind, HeldBy, KeyPress, LegEnd, LimitState, PlayEnd, PlayFailure, TrunkState};
use tandem_runtime::{LegOver, Told};
use utoipa::ToSchema;

/// Something that happened. What does not belong to a type is absent.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PublicEvent {
    /// `evt_…`; each is greater than those before. `after` and `Last-Event-ID` go on behind it.
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub time: Time,
    /// `call.created`, `leg.answered`, …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// To which call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub call: Option<String>,
    /// To which of its legs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub leg: Option<String>,
    /// `leg.created`, `leg.failed`, `leg.ended`: Call-ID of its dialog.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sip_call_id: Option<String>,
    /// Its Session-ID (RFC 7989): the UUID of whom it talks with, then its own; zeros as long as one is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub session_id: Option<String>,
    /// Where a leg failed or ended: its final status, or what the end comes to as one. `leg.dtmf_refused`: what the peer said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sip_status: Option<u16>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Where a leg failed or ended: the cause of ISDN.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub q850_cause: Option<u8>,
    /// Who ended the leg, or holds it: `peer` or `node`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by: Option<&'static str>,
    /// `leg.dtmf`: the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub key: Option<char>,
    /// How long it was pressed, or a recording plays, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ms: Option<u64>,
    /// `leg.transferred`: the leg whose peer asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub by_leg: Option<String>,
    /// `leg.transferred`: the leg that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to_leg: Option<String>,
    /// `play.ended`: the number that `play` was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub play: Option<u16>,
    /// `play.ended`: `finished`, `stopped`, `failed`. `registration.changed`: `added`, `refreshed`, `moved`, `removed`, `expired`, `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<&'static str>,
    /// `recording.ready`: the number that `record` was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recording: Option<u16>,
    /// The file below the folder for recordings; empty if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file: Option<String>,
    /// `signal`: its type, and what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signal: Option<String>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub data: Option<String>,
    /// How long a leg that is over rang, or the far end of a call, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ringing_ms: Option<u64>,
    /// How long it took to be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub setup_ms: Option<u64>,
    /// How long it lasted from the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duration_ms: Option<u64>,
    /// `call.ended`: all that is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub record: Option<Record>,
    /// The trunk that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trunk: Option<String>,
    /// Its registrar or target, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub at: Option<String>,
    /// `registration.changed`: whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub user: Option<String>,
    /// The Contact URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub contact: Option<String>,
    /// Until when it holds, or would have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub until: Option<Time>,
    /// Contacts that the user has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub contacts: Option<usize>,
    /// `limit.…`, `toll.…`: whose limit: `trunk:carrier`, `route:…`, `user:alice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub of: Option<String>,
    /// Which.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<&'static str>,
    /// Calls that were refused for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refused: Option<u32>,
    /// The first number that was called and may not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub number: Option<String>,
    /// `message.ended`: From and To of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from: Option<String>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub to: Option<String>,
}

/// The number of an event, as its id has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventId(pub(crate) u64);

const PREFIX: &str = "evt_";

impl FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<EventId, String> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok()).map(EventId).ok_or_else(|| "the `id` of an event is wanted: `evt_…`".to_owned())
    }
}

impl PublicEvent {
    /// An event of a node whose clock began then.
    pub fn of(told: &Told, epoch: Epoch) -> PublicEvent {
        let (event, kind) = (&told.event, &told.event.kind);
        let plain = PublicEvent {
            id: format!("{PREFIX}{:020}", told.seq),
            time: Time(told.unix_us),
            kind: kind.name(),
            call: is_of_a_call(kind).then(|| event.call.to_string()),
            leg: event.leg.map(|leg| leg.to_string()),
            ..PublicEvent::default()
        };
        match kind {
            EventKind::CallCreated | EventKind::LegTrying | EventKind::LegRinging | EventKind::LegEarlyMedia | EventKind::LegAnswered => {
                plain
            }
            EventKind::LegCreated(names) => {
                PublicEvent { sip_call_id: Some(names.sip_call_id.to_string()), session_id: Some(names.session_id.to_string()), ..plain }
            }
            EventKind::LegHeld(by) | EventKind::LegResumed(by) => PublicEvent { by: Some(held_by(*by)), ..plain },
            EventKind::LegDtmf(KeyPress { key, ms }) => PublicEvent { key: Some(key.sign()), ms: Some((*ms).into()), ..plain },
            EventKind::LegDtmfRefused(status) => PublicEvent { sip_status: Some(*status), ..plain },
            EventKind::LegTransferred { by, to } => PublicEvent { by_leg: Some(by.to_string()), to_leg: Some(to.to_string()), ..plain },
            EventKind::PlayEnded { play, end } => plain.played(play.0, *end),
            EventKind::Signal(signal) => {
                PublicEvent { signal: Some(signal.kind.to_string()), data: Some(signal.data.to_string()), ..plain }
            }
            EventKind::LegFailed(end) | EventKind::LegEnded(end) => plain.leg_over(end, told.over.as_deref()),
            EventKind::RecordingReady(done) => PublicEvent {
                recording: Some(done.recording.0),
                file: Some(done.file.to_string()),
                ms: Some(done.ms),
                reason: Some(done.end.to_string()),
                ..plain
            },
            EventKind::CallEnded(record) => plain.call_over(Record::of(record, epoch)),
            EventKind::LimitReached(state) | EventKind::LimitOver(state) | EventKind::TollTripped(state) | EventKind::TollOver(state) => {
                plain.limited(state)
            }
            EventKind::Exchanged(record) => {
                PublicEvent { sip_status: record.sip_status, from: Some(record.from.to_string()), to: Some(record.to.to_string()), ..plain }
            }
            EventKind::TrunkUp(state)
            | EventKind::TrunkDown(state)
            | EventKind::Registered(state)
            | EventKind::RefreshFailed(state)
            | EventKind::Unregistered(state)
            | EventKind::TargetUp(state)
            | EventKind::TargetDown(state) => plain.of_trunk(state),
            EventKind::RegistrationChanged(change) => PublicEvent {
                user: Some(change.user.to_string()),
                contact: Some(change.contact.to_string()),
                outcome: Some(change.fate.word()),
                until: Some(Time::of(change.until, epoch)),
                contacts: Some(change.contacts),
                ..plain
            },
        }
    }

    /// As JSON, in one line.
    pub fn json(&self) -> String {
        // All keys are text and all values can be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn leg_over(self, end: &LegEnd, over: Option<&LegOver>) -> PublicEvent {
        PublicEvent {
            sip_call_id: over.and_then(|over| said(&over.sip_call_id)),
            ringing_ms: over.and_then(|over| over.ringing_ms),
            setup_ms: over.and_then(|over| over.setup_ms),
            duration_ms: over.and_then(|over| over.duration_ms),
            sip_status: Some(end.sip_status),
            reason: Some(end.reason.to_string()),
            q850_cause: Some(end.q850_cause),
            by: Some(ended_by(end.by)),
            ..self
        }
    }

    fn call_over(self, record: Record) -> PublicEvent {
        PublicEvent {
            sip_status: record.sip_status,
            reason: Some(record.reason.clone()),
            ringing_ms: record.ringing_ms,
            setup_ms: record.setup_ms,
            duration_ms: record.duration_ms,
            record: Some(record),
            ..self
        }
    }

    fn played(self, play: u16, end: PlayEnd) -> PublicEvent {
        let (outcome, reason) = match end {
            PlayEnd::Finished => ("finished", None),
            PlayEnd::Stopped => ("stopped", None),
            PlayEnd::Failed(PlayFailure::Missing) => ("failed", Some("there is no such file")),
            PlayEnd::Failed(PlayFailure::Unreadable) => ("failed", Some("the file cannot be played")),
            PlayEnd::Failed(PlayFailure::Overloaded) => ("failed", Some("more is played than may be")),
            PlayEnd::Failed(PlayFailure::Unheard) => ("failed", Some("the leg hears nothing")),
        };
        PublicEvent { play: Some(play), outcome: Some(outcome), reason: reason.map(str::to_owned), ..self }
    }

    fn limited(self, state: &LimitState) -> PublicEvent {
        PublicEvent {
            of: Some(state.of.to_string()),
            limit: Some(state.limit.key()),
            refused: Some(state.refused),
            number: said(&state.number),
            ..self
        }
    }

    fn of_trunk(self, state: &TrunkState) -> PublicEvent {
        PublicEvent { trunk: Some(state.trunk.to_string()), at: said(&state.at), reason: said(&state.reason), ..self }
    }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn held_by(by: HeldBy) -> &'static str {
    match by {
        HeldBy::Peer => "peer",
        HeldBy::Node => "node",
    }
}

/// The ids of the others are of trunks, or of nobody.
fn is_of_a_call(kind: &EventKind) -> bool {
    !matches!(
        kind,
        EventKind::LimitReached(_)
            | EventKind::LimitOver(_)
            | EventKind::TollTripped(_)
            | EventKind::TollOver(_)
            | EventKind::TrunkUp(_)
            | EventKind::TrunkDown(_)
            | EventKind::Registered(_)
            | EventKind::RefreshFailed(_)
            | EventKind::Unregistered(_)
            | EventKind::TargetUp(_)
            | EventKind::TargetDown(_)
            | EventKind::RegistrationChanged(_)
    )
}

/// Whether `told` is about that call.
pub(crate) fn concerns(told: &Told, call: CallId) -> bool {
    told.event.call == call && is_of_a_call(&told.event.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::{sync::Arc, time::Duration};
    use tandem_model::{EndReason, EndedBy, Event, Key, Timestamp};

    fn json_of(kind: EventKind, leg: bool) -> Value {
        let call = CallId::new(1, 1);
        let event = Event { time: Timestamp::ZERO, call, leg: leg.then(|| call.leg(0)).flatten(), kind };
        let over = LegOver { sip_call_id: "abc".into(), ringing_ms: Some(700), ..LegOver::default() };
        let over = matches!(event.kind, EventKind::LegFailed(_)).then(|| Arc::new(over));
        let told = Told { seq: 7, unix_us: 1_767_225_600_000_000, event: Arc::new(event), over };
        let json = PublicEvent::of(&told, Epoch::new(Duration::from_secs(1_767_225_600))).json();
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn an_event_says_what_belongs_to_it_and_no_more() {
        let id = "evt_00000000000000000007";
        let head = |kind: &str| json!({"id": id, "time": "2026-01-01T00:00:00.000000Z", "type": kind, "call": "call_0000000840020", "leg": "leg_0000000840021"});
        let with = |kind: &str, more: Value| {
            let mut all = head(kind);
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let same_call = |mut event: Value| {
            let call = CallId::new(1, 1);
            event["call"] = json!(call.to_string());
            event["leg"] = json!(call.leg(0).unwrap().to_string());
            event
        };
        assert_eq!(json_of(EventKind::LegRinging, true), same_call(head("leg.ringing")));
        let end = LegEnd { sip_status: 486, reason: "Busy Here".into(), q850_cause: 17, by: EndedBy::Peer };
        let failed =
            json!({"sip_status": 486, "reason": "Busy Here", "q850_cause": 17, "by": "peer", "sip_call_id": "abc", "ringing_ms": 700});
        assert_eq!(json_of(EventKind::LegFailed(end), true), same_call(with("leg.failed", failed)));
        let key = KeyPress { key: Key::of_sign('#').unwrap(), ms: 80 };
        assert_eq!(json_of(EventKind::LegDtmf(key), true), same_call(with("leg.dtmf", json!({"key": "#", "ms": 80}))));
        let trunk = TrunkState { trunk: "carrier".into(), at: "".into(), reason: "".into() };
        let up = json!({"id": id, "time": "2026-01-01T00:00:00.000000Z", "type": "trunk.up", "trunk": "carrier"});
        assert_eq!(json_of(EventKind::TrunkUp(Box::new(trunk)), false), up);
        assert_eq!(id.parse(), Ok(EventId(7)));
        for wrong in ["", "evt_", "7", "evt_7", "evt_+0000000000000000007", "evt_99999999999999999999"] {
            assert!(wrong.parse::<EventId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_end_of_a_call_has_its_times_and_its_record() {
        let at = Timestamp::from_millis;
        let record = tandem_model::CallRecord {
            call: CallId::new(1, 1),
            route: "all".into(),
            began: at(0),
            rang: Some(at(300)),
            answered: Some(at(1_000)),
            ended: at(6_000),
            reason: EndReason::CallerHungUp,
            metadata: Some(r#"{"ticket": "42"}"#.into()),
            legs: [].into(),
        };
        let event = json_of(EventKind::CallEnded(Box::new(record)), false);
        assert_eq!((&event["ringing_ms"], &event["setup_ms"], &event["duration_ms"]), (&json!(700), &json!(1000), &json!(5000)));
        assert_eq!((&event["reason"], &event["record"]["metadata"]["ticket"]), (&json!("caller hung up"), &json!("42")));
        assert_eq!(event["record"]["ended"], "2026-01-01T00:00:06.000000Z");
    }
}
