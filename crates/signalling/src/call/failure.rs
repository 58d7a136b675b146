//! What a failure on one leg means on the other.

use super::leg::Extra;
use super::over::reason_value;
use super::parties::is_text;
use super::user_to_user;
use crate::cause::status_of_cause;
use crate::dispatcher::SIPS_NOT_ALLOWED;
use crate::message::{Contact, HeaderName, Message, Uri};
use crate::reason::{self, Told};
use tandem_model::{BindingUsed, EndReason, Failover, LegPlan};

/// "Flow Failed" (RFC 5626 §11.2).
const FLOW_FAILED: u16 = 430;

/// Seconds after which a caller that met a full node may try again.
pub(super) const RETRY_AFTER_SECONDS: &str = "5";

/// The status that the caller gets for a final failure of the callee. `docs/failures.md` has the table.
pub const fn relayed_status(status: u16) -> u16 {
    match status {
        // RFC 3261 §16.7: a 503 would tell the caller that *we* are out of service.
        503 => 500,
        // A redirection to a proxy is for us, not for the caller.
        305 => 500,
        300..=302 | 380 => status,
        // RFC 3261 §8.1.3.2: a status that nobody knows means what the first of its class means.
        303..=399 => 300,
        // The callee challenges us, and we have no answer: the caller cannot give one either.
        401 | 407 | 494 => 500,
        // Our own request was found wanting: not the caller's fault.
        400 | 402 | 405 | 406 | 413..=417 | 420..=424 | 428 | 429 | 436..=440 | 469 | 470 | 481 | 489 | 493 | 501 | 505 | 513 | 580 => 500,
        // We did not cancel it, and neither did the caller.
        487 => 480,
        // Only a request inside a dialog can glare.
        491 => 500,
        0..=299 => 500,
        _ => status,
    }
}

/// The same for a failure that says a Q.850 cause too (RFC 6432). A status that cannot go on as it is says nothing of the called
/// party; its cause does, where RFC 3398 §7.2.4.1 has one of the statuses that can.
fn relayed_with_cause(status: u16, said: Told) -> u16 {
    let relayed = relayed_status(status);
    if relayed == status || status < 400 {
        return relayed;
    }
    let meant = said.q850.and_then(status_of_cause).filter(|meant| relayed_status(*meant) == *meant);
    meant.unwrap_or(relayed)
}

/// Whether a Contact can be read: whoever gets one that cannot might drop the whole response.
fn names_somebody(item: &str) -> bool {
    matches!(Contact::parse(item), Ok(Contact::Address(address)) if Uri::parse(address.uri).is_ok())
}

/// Why a target is out, as it counts for trying the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It said so.
    Status(u16),
    /// Nobody answered: no response at all (`trying_timeout`, Timer B), or no final one in time.
    Timeout,
    /// The network says that nobody is there.
    Unreachable,
}

impl Cause {
    /// Whether `failover` has it.
    pub(super) fn is_in(self, failover: &Failover) -> bool {
        match self {
            Cause::Status(status) => failover.has(status),
            Cause::Timeout => failover.timeout,
            Cause::Unreachable => failover.unreachable,
        }
    }

    /// Whether the plan at `next` is tried now that the one before it failed so. Other flows of a phone that has answered are passed over.
    pub(super) fn turns(self, plans: &[LegPlan], next: &mut usize) -> bool {
        let Some(failed) = next.checked_sub(1).and_then(|place| plans.get(place)) else { return false };
        let is_other_flow = |plan: &LegPlan| plan.binding.as_ref().is_some_and(|binding| binding.is_other_flow);
        // RFC 5626 §7: another flow of the same phone, after these alone.
        let is_flow_gone = matches!(self, Cause::Status(FLOW_FAILED | 408) | Cause::Timeout | Cause::Unreachable);
        if is_flow_gone && plans.get(*next).is_some_and(is_other_flow) {
            return true;
        }
        if !self.is_in(&failed.profile.failover) {
            return false;
        }
        *next += plans[*next..].iter().take_while(|plan| is_other_flow(plan)).count();
        true
    }

    /// The binding that `plan` went to, if it is gone with its flow: a proxy on the way says so (RFC 5626 §5.3).
    pub(super) fn lost_flow(self, plan: Option<&LegPlan>) -> Option<Box<BindingUsed>> {
        plan.filter(|_| self == Cause::Status(FLOW_FAILED)).and_then(|plan| plan.binding.clone())
    }

    /// The status that stands for it (RFC 3261 §8.1.3.1).
    pub(super) const fn status(self) -> u16 {
        match self {
            Cause::Status(status) => status,
            Cause::Timeout => 408,
            Cause::Unreachable => 503,
        }
    }
}

/// A final failure on its way to the caller.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// As the caller gets it.
    pub(super) status: u16,
    /// Reason phrase, where the callee's own status is passed.
    pub(super) reason: Option<Box<str>>,
    pub(super) extra: Extra,
    /// What the record says, where it is not the status.
    pub(super) end: Option<EndReason>,
}

impl Failure {
    /// A failure of our own making.
    pub(super) fn new(status: u16) -> Self {
        Failure { status, reason: None, extra: Extra::none(), end: None }
    }

    /// The callee's final response; with its User-to-User, if that is passed on.
    pub(super) fn from_response(response: &Message, passes: bool) -> Self {
        let said = reason::passable(response);
        let status = relayed_with_cause(response.status(), said.as_deref().map(reason::told).unwrap_or_default());
        let kept = status == response.status();
        let mut extra = Extra::reason(said.as_deref());
        for warning in response.headers().filter(|header| header.name == HeaderName::Warning && is_text(&header.unfolded())) {
            extra.push(HeaderName::Warning, warning.value);
        }
        if kept && let Some(after) = response.header(HeaderName::RetryAfter) {
            extra.push(HeaderName::RetryAfter, after);
        }
        if status < 400 {
            let contacts = response.values(HeaderName::Contact).filter(|item| names_somebody(item));
            let contacts: Vec<_> = contacts.map(|item| user_to_user::screened(item, passes)).collect();
            if !contacts.is_empty() {
                extra.push(HeaderName::Contact, &contacts.join(", "));
            }
        }
        let said = if passes { user_to_user::said(response) } else { Vec::new() };
        said.iter().for_each(|value| extra.push(HeaderName::UserToUser, value));
        Failure { status, reason: kept.then(|| response.reason().into()), extra, end: None }
    }

    /// Nobody answered the INVITE, or it could not be delivered.
    pub(super) fn unanswered(cause: Cause) -> Self {
        Failure { status: relayed_status(cause.status()), reason: None, extra: Extra::none(), end: None }
    }

    /// It rang, and nobody answered in time.
    pub(super) fn ring_timeout() -> Self {
        let end = EndReason::RingTimeout;
        let mut failure = Failure { end: Some(end), ..Failure::new(caller_status(end)) };
        if let Some(reason) = reason_value(end) {
            failure.extra.push(HeaderName::Reason, &reason);
        }
        failure
    }

    /// There is no room for a leg's media.
    pub(super) fn overloaded() -> Self {
        let mut failure = Failure::new(503);
        failure.extra.push(HeaderName::RetryAfter, RETRY_AFTER_SECONDS);
        failure
    }

    /// A target without TLS, for a caller who asked for `sips:` (RFC 5630 §5.1.2).
    pub(super) fn insecure() -> Self {
        let mut failure = Failure { reason: Some("sips Request-URI without TLS".into()), ..Failure::new(480) };
        failure.extra.push(HeaderName::Warning, SIPS_NOT_ALLOWED);
        failure
    }

    /// A description that cannot be agreed on.
    pub(super) fn refused(refusal: &crate::negotiation::Refusal, agent: &str) -> Self {
        let mut failure = Failure::new(refusal.status);
        if let Some((code, text)) = &refusal.warning {
            // RFC 3261 §20.43: code, agent, quoted text.
            failure.extra.push(HeaderName::Warning, &format!("{code} {agent} \"{text}\""));
        }
        failure
    }
}

/// The status that an unanswered caller gets when the call ends for `reason`.
pub(super) const fn caller_status(reason: EndReason) -> u16 {
    match reason {
        EndReason::Cancelled | EndReason::CallerHungUp | EndReason::Moved => 487,
        EndReason::Failed(status) => status,
        EndReason::RingTimeout
        | EndReason::MaxDuration
        | EndReason::Inactivity
        | EndReason::SessionExpired
        | EndReason::CalleeHungUp
        | EndReason::Played
        | EndReason::Commanded
        | EndReason::Transferred => 480,
        EndReason::DialogLost | EndReason::AckTimeout | EndReason::Shutdown | EndReason::Internal => 500,
    }
}
