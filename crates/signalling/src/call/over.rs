//! How each leg ended: status, words, Q.850 cause and whose word it was; and what the legs that we end are told.

use super::failure::caller_status;
use super::leg::Leg;
use super::{Call, Side, context};
use crate::cause::{NORMAL_CLEARING, cause_of_status, status_of_cause};
use crate::message::{Message, reason_phrase};
use crate::reason::{self, Told};
use std::borrow::Cow;
use tandem_model::{EndReason, EndedBy, LegEnd, Timestamp};

/// What Q.850 calls a call that nobody answered, one that was answered elsewhere, and one that ends for no reason of its own.
const NO_ANSWER: u8 = 19;
const NON_SELECTED_USER: u8 = 26;
const TEMPORARY_FAILURE: u8 = 41;
const UNSPECIFIED: u8 = 31;
const TIMER_EXPIRY: u8 = 102;

/// Our INVITE was refused. `words`: why, where that is more than the peer's phrase.
pub(super) fn rejected(response: &Message, words: Option<Box<str>>) -> LegEnd {
    let q850 = reason::passable(response).and_then(|said| reason::told(&said).q850);
    let status = response.status();
    LegEnd {
        sip_status: status,
        reason: Cow::Owned(words.map_or_else(|| response.reason().into(), String::from)),
        q850_cause: q850.unwrap_or_else(|| cause_of_status(status)),
        by: EndedBy::Peer,
    }
}

/// Our INVITE found nobody, or no answer; `status` stands for that.
pub(super) fn unanswered(status: u16) -> LegEnd {
    LegEnd { sip_status: status, reason: Cow::Borrowed(reason_phrase(status)), q850_cause: cause_of_status(status), by: EndedBy::Node }
}

/// It rang, and we took our INVITE back.
pub(super) fn rang_too_long() -> LegEnd {
    LegEnd { reason: EndReason::RingTimeout.words(), q850_cause: NO_ANSWER, ..unanswered(487) }
}

/// It rang, and somebody else answered: for those who go without.
pub(super) fn answered_elsewhere() -> LegEnd {
    LegEnd { reason: Cow::Borrowed("answered elsewhere"), q850_cause: NON_SELECTED_USER, ..unanswered(487) }
}

/// It rang, and the call was picked up by a call that asked for its place.
pub(super) fn picked_up_elsewhere() -> LegEnd {
    LegEnd { reason: Cow::Borrowed("picked up elsewhere"), ..answered_elsewhere() }
}

/// Its peer has transferred the other one.
pub(super) fn transferred() -> LegEnd {
    let reason = EndReason::Transferred;
    LegEnd { sip_status: own_status(reason), reason: reason.words(), q850_cause: NORMAL_CLEARING, by: EndedBy::Node }
}

/// Of a leg whose end nobody told; there should be none.
pub(super) fn untold(leg: &Leg) -> LegEnd {
    debug_assert!(false, "nobody told how {:?} ended", leg.id);
    unanswered(500)
}

/// The Q.850 cause of an end that nobody gave one for.
const fn own_cause(reason: EndReason) -> Option<u8> {
    Some(match reason {
        EndReason::CallerHungUp
        | EndReason::CalleeHungUp
        | EndReason::Cancelled
        | EndReason::Transferred
        | EndReason::Moved
        | EndReason::Commanded
        | EndReason::Played => NORMAL_CLEARING,
        EndReason::Failed(_) => return None,
        EndReason::RingTimeout => NO_ANSWER,
        EndReason::AckTimeout | EndReason::SessionExpired => TIMER_EXPIRY,
        EndReason::DialogLost | EndReason::Inactivity | EndReason::Shutdown | EndReason::Internal => TEMPORARY_FAILURE,
        EndReason::MaxDuration => UNSPECIFIED,
    })
}

/// What the end of an answered leg comes to as a status.
const fn own_status(reason: EndReason) -> u16 {
    match reason {
        EndReason::CallerHungUp
        | EndReason::CalleeHungUp
        | EndReason::Cancelled
        | EndReason::Transferred
        | EndReason::Moved
        | EndReason::Commanded
        | EndReason::Played => 200,
        EndReason::AckTimeout | EndReason::SessionExpired => 408,
        EndReason::DialogLost => 481,
        _ => caller_status(reason),
    }
}

/// The Reason value (RFC 3326) that legs ended by us are told where no peer gave one.
pub(super) fn reason_value(reason: EndReason) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match reason {
        EndReason::CallerHungUp
        | EndReason::CalleeHungUp
        | EndReason::Cancelled
        | EndReason::Moved
        | EndReason::Commanded
        | EndReason::Played => return None,
        EndReason::Failed(status) => return Some(Cow::Owned(format!("SIP;cause={status};text=\"{}\"", reason_phrase(status)))),
        EndReason::Transferred => "Q.850;cause=16;text=\"transferred\"",
        EndReason::RingTimeout => "Q.850;cause=19;text=\"not answered in time\"",
        EndReason::AckTimeout => "SIP;cause=408;text=\"no ACK\"",
        EndReason::DialogLost => "SIP;cause=481;text=\"the other leg is gone\"",
        EndReason::Inactivity => "Q.850;cause=41;text=\"no media\"",
        EndReason::SessionExpired => "Q.850;cause=102;text=\"session timer expired\"",
        EndReason::MaxDuration => "Q.850;cause=31;text=\"maximum duration\"",
        EndReason::Shutdown => "Q.850;cause=41;text=\"node stopped\"",
        EndReason::Internal => "Q.850;cause=41;text=\"internal error\"",
    }))
}

/// The status for a caller whose callee hung up before there was an answer: what the callee's Reason says, if that is about the
/// callee (RFC 3398 §7.2.4.1).
pub(super) fn status_for_caller(reason: EndReason, said: Told) -> u16 {
    let told = said.sip.or(said.q850.and_then(status_of_cause)).filter(|status| *status >= 400);
    match (reason, told) {
        (EndReason::CalleeHungUp, Some(status)) => super::failure::relayed_status(status),
        _ => caller_status(reason),
    }
}

/// How `leg` ends, by the end of the call or its own. `said`: what the peer who ended it gave as reason.
pub(super) fn with_call(leg: &Leg, reason: EndReason, said: Told, by: EndedBy) -> LegEnd {
    let cause = said.q850.or(said.sip.map(cause_of_status));
    let (sip_status, words) = match leg.status {
        200..300 => (said.sip.or(said.q850.and_then(status_of_cause)).unwrap_or(own_status(reason)), reason.words()),
        // Its peer has not said a word yet, and now need not.
        0 => (487, Cow::Borrowed(reason_phrase(487))),
        status => (status, Cow::Borrowed(reason_phrase(status))),
    };
    let q850_cause = cause.or(own_cause(reason)).unwrap_or_else(|| cause_of_status(sip_status));
    LegEnd { sip_status, reason: words, q850_cause, by }
}

impl Call {
    /// Tells of the legs that the end of the call ends. `header`: what the peer who ended it gave as reason.
    pub(super) fn legs_over(&mut self, now: Timestamp, reason: EndReason, said: Told, words: Option<&str>) {
        let whose = match reason {
            EndReason::CallerHungUp | EndReason::Cancelled => Some(Side::Caller),
            EndReason::CalleeHungUp => Some(Side::Callee),
            _ => None,
        };
        for side in [Side::Caller, Side::Callee] {
            let by = if whose == Some(side) { EndedBy::Peer } else { EndedBy::Node };
            self.with_leg(side, now, |leg, context| {
                let end = with_call(leg, reason, said, by);
                let end = LegEnd { reason: words.map_or(end.reason, |words| Cow::Owned(words.to_owned())), ..end };
                leg.note_end(context, end);
            });
        }
        // Whoever was given up before has told already.
        for stray in &mut self.strays {
            let end = with_call(stray, reason, said, EndedBy::Node);
            stray.note_end(context!(self, now), end);
        }
    }
}
