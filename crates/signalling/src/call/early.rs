//! What happens between the INVITE to the callee and its final response.

use super::Output;
use super::failure::{Cause, Failure};
use super::leg::sdp_of;
use super::over;
use super::phase::Phase;
use super::{Call, Side, context};
use crate::message::{Message, reason_phrase};
use crate::negotiation::{self, Settled};
use std::borrow::Cow;
use std::sync::Arc;
use tandem_model::{EndReason, EndpointDescription, EventKind, HeldBy, LegId, MediaCommand, Timestamp};

impl Call {
    pub(super) fn on_trying(&mut self, now: Timestamp) {
        let Phase::Dialling(dialling) = &mut self.phase else { return };
        if dialling.trying_until.take().is_some() {
            self.notify(now, self.callee.as_ref().map(|callee| callee.id), EventKind::LegTrying);
        }
    }

    /// The callee's INVITE is at another place now, and has its own time there.
    pub(super) fn on_turned(&mut self, now: Timestamp) {
        let plan = self.bridge.as_ref().and_then(|bridge| bridge.current());
        let (Phase::Dialling(dialling), Some(plan)) = (&mut self.phase, plan) else { return };
        dialling.trying_until = Some(now + plan.profile.trying_timeout);
    }

    /// 101 to 199 from the callee: passed on, with its SDP as an answer to the caller's offer.
    pub(super) fn on_provisional(&mut self, now: Timestamp, message: &Message) {
        self.on_trying(now);
        let (status, reason) = (message.status(), message.reason());
        let tag = message.to_tag().unwrap_or_default();
        // RFC 6228: a 199 says that one fork has ended; the caller knows nothing of forks.
        if status == 199 {
            return self.on_fork_ended(now, tag);
        }
        let answer = sdp_of(message).and_then(|sdp| self.early_answer(now, tag, &sdp));
        let owes_answer = self.callee.as_ref().is_some_and(|callee| callee.owes_answer(tag));
        if owes_answer && self.ring.is_some() {
            return self.member_gone(now, &Failure::new(488));
        }
        let offer = sdp_of(message).filter(|_| owes_answer).and_then(|sdp| self.early_offer(now, tag, sdp));
        let Phase::Dialling(dialling) = &mut self.phase else { return };
        dialling.passed_on = true;
        let is_silent = answer.is_none() && offer.is_none();
        let ours = self.ringback.is_some().then(|| self.ring_back(status, is_silent)).flatten();
        if self.ring.is_some() {
            return self.pass_ringing(now, (status, reason), answer.as_ref(), ours.as_ref());
        }
        match &ours {
            Some(sdp) => self.caller.provisional(context!(self, now), 183, reason_phrase(183), Some(sdp)),
            None => self.caller.provisional(context!(self, now), status, reason, answer.as_deref().or(offer.as_deref())),
        }
        let callee = self.callee.as_ref().map(|callee| callee.id);
        if status == 180 {
            self.rang = self.rang.or(Some(now));
            self.notify(now, callee, EventKind::LegRinging);
        }
        if answer.is_some() {
            self.notify(now, callee, EventKind::LegEarlyMedia);
        }
    }

    /// The SDP of a provisional response as an answer for the caller. One that cannot be used is left out: the final response
    /// decides.
    fn early_answer(&mut self, now: Timestamp, tag: &str, sdp: &[u8]) -> Option<Arc<[u8]>> {
        if self.keeps_early_media(now, tag, sdp) {
            return None;
        }
        let Phase::Dialling(dialling) = &self.phase else { return None };
        if dialling.passed.is_none() && !self.has_picked_up() {
            return None;
        }
        // What was answered reliably is final for that phone (RFC 3261 §13.2.1).
        let is_bound = self.callee.as_ref().is_some_and(|callee| callee.is_bound_by(tag));
        let sdp = dialling.early.of(tag).filter(|_| is_bound).map_or(Cow::Borrowed(sdp), |known| Cow::Owned(known.to_vec()));
        // A phone that repeats itself does not take the word from another.
        if let Some(known) = dialling.early.known(tag, &sdp) {
            return Some(known);
        }
        let Some(answer) = self.hear_early(now, &sdp) else {
            // It does not fit what the caller has been told of another phone; a 2xx of this one may mean it all the same.
            if let Phase::Dialling(dialling) = &mut self.phase {
                dialling.early.keep(tag, &sdp);
            }
            return None;
        };
        self.source_began();
        if let Phase::Dialling(dialling) = &mut self.phase {
            dialling.early.hear(tag, &sdp, &answer);
        }
        Some(answer)
    }

    /// Lets the caller hear whoever gave this description.
    pub(super) fn hear_early(&mut self, now: Timestamp, sdp: &[u8]) -> Option<Arc<[u8]>> {
        if self.has_picked_up() {
            return self.hear_member(now, sdp);
        }
        let has_told = self.ring.as_ref().is_some_and(|ring| ring.has_told()) || self.caller.is_described_reliably();
        let (Phase::Dialling(dialling), Some(callee)) = (&self.phase, &mut self.callee) else { return None };
        // RFC 3261 §13.2.1: the first description is the answer; what a later response says instead, the caller does not look at.
        let has_told = has_told || dialling.early.has_told();
        let pending = &dialling.passed.as_ref()?.pending;
        let (from, to) = (&mut self.caller.media, &mut callee.media);
        let settled =
            if has_told { negotiation::join_answer(pending, sdp, from, to) } else { negotiation::translate_answer(pending, sdp, from, to) };
        let settled = settled.ok()?;
        let (answer, leg) = (settled.answer.clone(), callee.id);
        self.join(leg);
        self.describe(now, Side::Caller, settled);
        self.pause_ringback();
        Some(answer)
    }

    /// One of several phones has given up. If it was heard, the one before it is heard again.
    fn on_fork_ended(&mut self, now: Timestamp, tag: &str) {
        let Phase::Dialling(dialling) = &mut self.phase else { return };
        let heard = dialling.early.end(tag);
        if let (None, Some(callee)) = (dialling.early.heard(), &self.callee) {
            return self.silence(callee.id);
        }
        let Some(sdp) = heard.filter(|_| self.is_heard()) else { return };
        let answer = self.hear_early(now, &sdp);
        let (Phase::Dialling(dialling), Some(callee)) = (&mut self.phase, &self.callee) else { return };
        match answer {
            Some(answer) => dialling.early.hear_again(&sdp, &answer),
            None => {
                dialling.early.fall_silent();
                self.silence(callee.id);
            }
        }
    }

    /// Tells the media session what offer and answer settled, before the answer goes out. `offerer` is the side that made the offer.
    pub(super) fn describe(&mut self, now: Timestamp, offerer: Side, settled: Settled) {
        self.codec = settled.codec.or(self.codec);
        let outcomes = [(offerer, settled.describe_from, settled.from_holds), (offerer.other(), settled.describe_to, settled.to_holds)];
        for (side, description, holds) in outcomes {
            let Some(leg) = self.leg(side).map(|leg| leg.id) else { continue };
            if let Some(description) = description {
                self.media(MediaCommand::Describe { call: self.id, leg, description });
            }
            self.note_hold(now, side, leg, holds);
        }
    }

    /// Tells the media session of two legs, as far as it has to know.
    pub(super) fn describe_each(&mut self, described: [(LegId, Option<Box<EndpointDescription>>); 2]) {
        for (leg, description) in described {
            if let Some(description) = description {
                self.media(MediaCommand::Describe { call: self.id, leg, description });
            }
        }
    }

    /// Tells of a leg that does not want to hear the other side any more, or wants to again.
    pub(super) fn note_hold(&mut self, now: Timestamp, side: Side, leg: LegId, holds: bool) {
        let held = std::mem::replace(&mut self.held[side as usize], holds);
        if self.answered.is_some() && held != holds {
            self.notify(now, Some(leg), if holds { EventKind::LegHeld(HeldBy::Peer) } else { EventKind::LegResumed(HeldBy::Peer) });
        }
    }

    /// The callee said no.
    pub(super) fn on_rejected(&mut self, now: Timestamp, message: &Message) {
        let plan = self.bridge.as_ref().and_then(|bridge| bridge.current());
        self.outputs.extend(Cause::Status(message.status()).lost_flow(plan).map(Output::FlowFailed));
        self.with_leg(Side::Callee, now, |callee, context| {
            let end = over::rejected(message, callee.why_unanswered());
            callee.note_end(context, end);
        });
        let mut failure = Failure::from_response(message, self.passes_user_to_user(Side::Callee));
        if self.caller.is_nobody() {
            // There is nobody whom another status would be for.
            failure = Failure { status: message.status(), reason: Some(message.reason().into()), ..failure };
        }
        if self.is_followed(message) {
            return self.leave_target(now, true, failure);
        }
        self.target_failed(now, Cause::Status(message.status()), failure);
    }

    /// The callee said nothing, or was not there.
    pub(super) fn on_unanswered(&mut self, now: Timestamp, cause: Cause) {
        self.with_leg(Side::Callee, now, |callee, context| callee.note_end(context, over::unanswered(cause.status())));
        let failure = if self.caller.is_nobody() { Failure::new(cause.status()) } else { Failure::unanswered(cause) };
        self.target_failed(now, cause, failure);
    }

    /// The target under way is out: the next one, unless ringing was passed on or the failure is final.
    fn target_failed(&mut self, now: Timestamp, cause: Cause, failure: Failure) {
        let Phase::Dialling(dialling) = &self.phase else { return };
        let may_retry = !dialling.passed_on;
        let retry = may_retry && self.bridge.as_mut().is_some_and(|bridge| cause.turns(&bridge.plans, &mut bridge.next));
        self.note_failed_member(retry);
        self.leave_target(now, retry, failure);
    }

    /// Whether the callee sends the call elsewhere, and it goes there: its Contacts are the next targets then.
    fn is_followed(&mut self, response: &Message) -> bool {
        let (Phase::Dialling(dialling), Some(bridge)) = (&self.phase, &mut self.bridge) else { return false };
        let Some(listener) = bridge.current().map(|plan| plan.profile.listener) else { return false };
        !dialling.passed_on && bridge.follow(response, self.node.listener(listener).transport)
    }

    fn leave_target(&mut self, now: Timestamp, retry: bool, failure: Failure) {
        let Phase::Dialling(dialling) = &mut self.phase else { return };
        let offer = dialling.passed.take().map(|passed| passed.offer);
        self.give_up_callee(now);
        match &mut self.bridge {
            Some(bridge) if retry && bridge.deadline.is_none_or(|deadline| now < deadline) => {
                bridge.failure = failure;
                self.try_next(now, offer);
            }
            _ => self.out_of_targets(now, &failure),
        }
    }

    /// The callee's leg is no part of the conversation any more; it only sees its transactions to the end.
    pub(super) fn give_up_callee(&mut self, now: Timestamp) {
        if let Some(mut callee) = self.callee.take() {
            self.place_is_gone(now, callee.id);
            callee.end_held(context!(self, now));
            let asked = callee.forget_askers();
            self.answer_for_gone(now, Side::Caller, &asked);
            self.silence(callee.id);
            self.remove_ports(callee.id);
            self.strays.push(callee);
        }
    }

    /// Deadlines of the target under way.
    pub(super) fn on_dialling_deadline(&mut self, now: Timestamp) {
        let Phase::Dialling(dialling) = &self.phase else { return };
        if dialling.ring_until <= now {
            if let Some(callee) = &mut self.callee {
                callee.cancel(context!(self, now), over::reason_value(EndReason::RingTimeout).as_deref());
                callee.note_end(context!(self, now), over::rang_too_long());
            }
            self.target_failed(now, Cause::Timeout, Failure::ring_timeout());
        } else if dialling.trying_until.is_some_and(|at| at <= now) {
            if let Some(callee) = &mut self.callee {
                callee.cancel(context!(self, now), None);
            }
            self.on_unanswered(now, Cause::Timeout);
        }
    }
}
