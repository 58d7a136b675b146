//! A session is changed (RFC 3261 §14, RFC 3311, RFC 3264 §8): offer and answer of one leg become those of the other.
//!
//! An INVITE goes on as an INVITE, with its offer or without. An UPDATE with an offer goes on as UPDATE where the other peer takes that,
//! else as a re-INVITE; an UPDATE without is for [`super::relay`]. One change at a time is under way in a call. Offers of our own
//! are [`super::reoffer`]'s, and a change that only one side took is [`super::restore`]'s.

use super::failure::Failure;
use super::leg::{HeldId, Leg, MAX_FORWARDS, RETRY_AFTER_RANGE, Reply, State, hops_left, sdp_of};
use super::phase::{PassedOffer, Phase};
use super::reoffer::Own;
use super::usage::ends_dialog;
use super::{Call, Side};
use crate::message::{HeaderName, Message, Method};
use crate::negotiation::{self, Exchange, Offer, PendingAlone, PendingOffer};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{EndReason, Timestamp};

/// How long the other side may think about an UPDATE that went on as a re-INVITE: whoever sent it waits 32 s at most (RFC 3261 §17.1.2.2,
/// Timer F), and RFC 3311 §5.2 wants an answer at once.
const UPDATE_PATIENCE: Duration = Duration::from_secs(20);

/// What is under way.
#[derive(Debug)]
pub(super) enum Modify {
    /// A peer's change on its way through the call.
    Passing(Passing),
    /// An offer of our own.
    Own(Own),
    /// The target of a transfer made the offer, and this side is to be joined to it.
    Joining { to: Side, passed: Box<PassedOffer> },
    /// A leg that comes from another call was offered what the one who stays has: that is to stay so.
    Arriving,
    /// Our offer went to this side's peer, which sent an INVITE without one while a guest talks; the ACK will answer it.
    Beside { from: Side, pending: PendingAlone },
}

/// A peer's change. `from` is the side whose peer began it.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) from: Side,
    pub(super) asker: Asker,
    /// What it went on as.
    by: Method,
    pub(super) step: Step,
    /// The other side's re-INVITE is taken back then.
    pub(super) until: Option<Timestamp>,
}

/// What the peer sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asker {
    Invite,
    Update(HeldId),
    /// An INVITE that it took back, and that is answered.
    Gone,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Step {
    /// Its offer went to the other side.
    Offering(Box<PendingOffer>),
    /// It had no offer; the other side was asked for one.
    Asking,
    /// The other side's offer went back in our 2xx, whose ACK will hold the answer.
    Answering(Box<PassedOffer>),
}

impl Modify {
    /// The peer that waits for the end of it; none for an offer of ours.
    pub(super) fn from(&self) -> Option<Side> {
        match self {
            Modify::Passing(Passing { asker: Asker::Gone, .. }) => None,
            Modify::Passing(passing) => Some(passing.from),
            Modify::Beside { from, .. } => Some(*from),
            Modify::Own(_) | Modify::Joining { .. } | Modify::Arriving => None,
        }
    }
}

impl Call {
    /// A peer sent an INVITE inside its dialog; 100 is sent.
    pub(super) fn on_reinvited(&mut self, now: Timestamp, from: Side) {
        let offer = self.leg(from).and_then(|leg| leg.offered());
        if from == Side::Caller && self.answer_refresh_while_ringing(now, offer.as_ref()) {
            return;
        }
        if let Some(crossing) = self.crossing(from) {
            return self.refuse_modify(now, from, Asker::Invite, crossing);
        }
        if !matches!(self.phase, Phase::Talking) {
            return self.refuse_modify(now, from, Asker::Invite, Failure::new(491));
        }
        if self.has_company() {
            return self.modify_beside(now, from, Asker::Invite, offer);
        }
        if self.callee.is_none() {
            return self.modify_alone(now, Asker::Invite, offer);
        }
        let hops = self.leg(from).map_or(MAX_FORWARDS, Leg::hops_left);
        self.pass_on(now, from, Asker::Invite, Method::Invite, offer, hops);
    }

    /// A peer sent an UPDATE with an offer. It is held.
    pub(super) fn on_update_offered(&mut self, now: Timestamp, from: Side, id: HeldId, offer: Bytes) {
        let asker = Asker::Update(id);
        self.close_first_offer();
        if let Some(crossing) = self.crossing(from) {
            return self.refuse_modify(now, from, asker, crossing);
        }
        if self.has_company() {
            return self.modify_beside(now, from, asker, Some(offer));
        }
        if self.alone.is_some() {
            return self.modify_alone(now, asker, Some(offer));
        }
        // What several ring for cannot be changed with one of them.
        let Some(far) = self.leg(from.other()).filter(|_| self.ring.is_none()) else {
            // There is nobody yet whom it could be offered.
            let later = self.later();
            return self.refuse_modify(now, from, asker, later);
        };
        let by = if far.takes_update() { Method::Update } else { Method::Invite };
        let hops = hops_left(self.leg(from).and_then(|leg| leg.held(id)));
        self.pass_on(now, from, asker, by, Some(offer), hops);
    }

    /// RFC 3311 §5.1: before the call is answered another offer may follow the first once that has its answer on both legs, which takes
    /// reliable responses; and here there must be one phone alone that it could be of.
    fn close_first_offer(&mut self) {
        let (Phase::Dialling(dialling), Some(callee)) = (&self.phase, &mut self.callee) else { return };
        let is_answered = callee.only_early_tag().is_some_and(|tag| callee.is_bound_by(tag) && dialling.early.is_heard(tag));
        if dialling.passed.is_some() && is_answered && self.caller.is_settled_early() {
            self.caller.media.close_any_offer();
            callee.media.close_any_offer();
        }
    }

    /// What a peer gets whose change meets another that is under way (RFC 3261 §14.2, RFC 3311 §5.2): 500 where an offer of its own is not
    /// yet answered, 491 where one of ours is, to it or to the other side.
    fn crossing(&mut self, from: Side) -> Option<Failure> {
        let exchange = |side| self.leg(side).map_or(Exchange::Idle, |leg| leg.media.exchange());
        let is_own = self.modify.as_ref().is_some_and(|modify| modify.from() == Some(from));
        let is_open = |exchange| matches!(exchange, Exchange::OfferSent { .. } | Exchange::OfferReceived { .. });
        if is_own || matches!(exchange(from), Exchange::OfferReceived { .. }) {
            return Some(self.later());
        }
        (self.modify.is_some() || is_open(exchange(from)) || is_open(exchange(from.other()))).then(|| Failure::new(491))
    }

    /// 500, and when to come again.
    fn later(&mut self) -> Failure {
        let mut failure = Failure::new(500);
        failure.extra.push(HeaderName::RetryAfter, &self.random.below(RETRY_AFTER_RANGE).to_string());
        failure
    }

    fn pass_on(&mut self, now: Timestamp, from: Side, asker: Asker, by: Method, offer: Option<Bytes>, hops: u32) {
        let Some((near, far)) = self.pair(from) else { return };
        if far.state == State::Leaving || (by == Method::Invite && !far.may_reinvite()) || (by == Method::Update && far.has_open_update()) {
            return self.refuse_modify(now, from, asker, Failure::new(491));
        }
        let translate = |sdp| negotiation::translate_offer(&Offer::read(sdp)?, &mut near.media, &mut far.media);
        let pending = match offer.map(translate).transpose() {
            Ok(pending) => pending,
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.refuse_modify(now, from, asker, failure);
            }
        };
        if !self.send_change(now, from.other(), by, pending.as_ref().map(|pending| pending.sdp()), hops) {
            drop(pending);
            return self.refuse_modify(now, from, asker, Failure::new(500));
        }
        let step = pending.map_or(Step::Asking, |pending| Step::Offering(Box::new(pending)));
        let until = matches!((asker, by), (Asker::Update(_), Method::Invite)).then(|| now + UPDATE_PATIENCE);
        self.modify = Some(Box::new(Modify::Passing(Passing { from, asker, by, step, until })));
    }

    pub(super) fn send_change(&mut self, now: Timestamp, to: Side, by: Method, sdp: Option<&[u8]>, hops: u32) -> bool {
        let mut sent = false;
        self.with_leg(to, now, |leg, context| {
            sent = if by == Method::Update { leg.update(context, sdp, hops) } else { leg.reinvite(context, sdp, hops) };
        });
        sent
    }

    /// A change of a call that we answered ourselves.
    fn modify_alone(&mut self, now: Timestamp, asker: Asker, offer: Option<Bytes>) {
        let Some(built_in) = self.alone else { return self.refuse_modify(now, Side::Caller, asker, Failure::new(500)) };
        let Some(offer) = offer else {
            if let Err(refusal) = self.offer_alone(now, built_in) {
                let failure = self.failure_of(&refusal);
                self.refuse_modify(now, Side::Caller, asker, failure);
            }
            return;
        };
        match Offer::read(offer).and_then(|offer| negotiation::answer_alone(&offer, &mut self.caller.media, built_in)) {
            Ok(alone) => {
                let sdp = Arc::clone(&alone.sdp);
                self.play(now, alone);
                self.accept_modify(now, Side::Caller, asker, &sdp);
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                self.refuse_modify(now, Side::Caller, asker, failure);
            }
        }
    }

    /// The final response to our re-INVITE or UPDATE on that side.
    pub(super) fn on_modified(&mut self, now: Timestamp, side: Side, message: &Message) {
        let accepted = message.status() < 300;
        match self.modify.take().map(|modify| *modify) {
            Some(Modify::Passing(passing)) if accepted => self.on_passed_accepted(now, passing, message),
            Some(Modify::Passing(passing)) => self.on_passed_refused(now, passing, message),
            Some(Modify::Own(own)) => self.on_own_answered(now, own, message),
            Some(Modify::Joining { to, passed }) if accepted => self.on_joined(now, to, &passed, message),
            Some(Modify::Joining { to, passed }) => {
                drop(passed);
                self.on_join_refused(now, to, message);
            }
            Some(waiting @ (Modify::Arriving | Modify::Beside { .. })) => self.modify = Some(Box::new(waiting)),
            None => self.acknowledge(now, side, None),
        }
    }

    /// Our re-INVITE or UPDATE on that side never left: as if it had got a 503 (RFC 3261 §8.1.3.1). That alone ends no call.
    pub(super) fn on_unmodified(&mut self, now: Timestamp) {
        match self.modify.take().map(|modify| *modify) {
            Some(Modify::Passing(passing)) => self.refuse_modify(now, passing.from, passing.asker, Failure::new(500)),
            Some(Modify::Own(own)) => self.on_own_refused(now, own, 503, None),
            Some(Modify::Joining { passed, .. }) => {
                drop(passed);
                self.join_later(now);
            }
            Some(waiting @ (Modify::Arriving | Modify::Beside { .. })) => self.modify = Some(Box::new(waiting)),
            None => {}
        }
    }

    fn on_passed_accepted(&mut self, now: Timestamp, passing: Passing, message: &Message) {
        let Passing { from, asker, .. } = passing;
        if matches!(asker, Asker::Gone) {
            return self.on_taken_back_accepted(now, passing, message);
        }
        match (passing.step, sdp_of(message)) {
            (Step::Offering(pending), Some(sdp)) => {
                let Some((near, far)) = self.pair(from) else { return };
                match negotiation::translate_answer(&pending, &sdp, &mut near.media, &mut far.media) {
                    Ok(settled) => {
                        let answer = settled.answer.clone();
                        self.describe(now, from, settled);
                        self.acknowledge(now, from.other(), None);
                        self.accept_modify(now, from, asker, &answer);
                        self.restored_otherwise();
                    }
                    Err(refusal) => {
                        drop(pending);
                        let failure = self.failure_of(&refusal);
                        self.acknowledge(now, from.other(), None);
                        self.refuse_and_restore(now, from, asker, failure);
                    }
                }
            }
            (Step::Asking, Some(sdp)) => {
                let offer = match Offer::read(sdp) {
                    Ok(offer) => offer,
                    Err(refusal) => {
                        let failure = Failure::refused(&refusal.of_answer(), &self.warn_agent());
                        self.acknowledge(now, from.other(), None);
                        return self.refuse_and_restore(now, from, asker, failure);
                    }
                };
                let Some((near, far)) = self.pair(from) else { return };
                match negotiation::translate_offer(&offer, &mut far.media, &mut near.media) {
                    Ok(pending) => {
                        let sdp: Box<[u8]> = pending.sdp().into();
                        self.accept_modify(now, from, asker, &sdp);
                        let step = Step::Answering(Box::new(PassedOffer { pending, offer }));
                        self.modify = Some(Box::new(Modify::Passing(Passing { step, until: None, ..passing })));
                    }
                    Err(refusal) => {
                        let failure = self.failure_of(&refusal);
                        self.acknowledge_declined(now, from.other(), Some(&offer));
                        self.refuse_and_restore(now, from, asker, failure);
                    }
                }
            }
            // Without the SDP that it owes.
            (step, _) => {
                drop(step);
                self.acknowledge(now, from.other(), None);
                self.refuse_and_restore(now, from, asker, Failure::new(500));
            }
        }
    }

    /// The answer to the other side's offer.
    pub(super) fn on_modify_acknowledged(&mut self, now: Timestamp, side: Side, sdp: Option<Bytes>) {
        let Some(Modify::Passing(Passing { from, step: Step::Answering(late), .. })) = self.modify.take().map(|modify| *modify) else {
            return;
        };
        debug_assert_eq!(from, side);
        let Some((near, far)) = self.pair(from) else { return };
        let answer = sdp.as_deref().unwrap_or_default();
        match negotiation::translate_answer(&late.pending, answer, &mut far.media, &mut near.media) {
            Ok(settled) => {
                let answer = settled.answer.clone();
                self.describe(now, from.other(), settled);
                self.acknowledge(now, from.other(), Some(&answer));
                self.restored_otherwise();
            }
            Err(_) => self.decline(now, from.other(), Some(&late.offer)),
        }
    }

    /// The other side refused: the session stays as it was (RFC 3261 §14.1), unless that ends its dialog.
    fn on_passed_refused(&mut self, now: Timestamp, passing: Passing, message: &Message) {
        let (status, far) = (message.status(), passing.from.other());
        if self.answered.is_some() && ends_dialog(passing.by, status) {
            if self.has_company() {
                self.refuse_modify(now, passing.from, passing.asker, Failure::new(500));
            }
            return self.dialog_refused(now, far, status);
        }
        // RFC 3311 §4, §5.3: it takes no UPDATE after all, or must ask somebody first: INVITE can wait for that.
        if passing.by == Method::Update && matches!(status, 405 | 501 | 504) {
            if status != 504 {
                self.with_leg(far, now, |leg, _| leg.give_up_update());
            }
            return self.pass_by_invite(now, passing);
        }
        if let (487, Asker::Update(_)) = (status, passing.asker) {
            let later = self.later();
            return self.refuse_modify(now, passing.from, passing.asker, later);
        }
        let offers_fax = matches!(&passing.step, Step::Offering(pending) if pending.is_fax());
        let failure = failure_of_change(message, offers_fax);
        self.refuse_modify(now, passing.from, passing.asker, failure);
    }

    /// The same change as a re-INVITE.
    fn pass_by_invite(&mut self, now: Timestamp, passing: Passing) {
        let far = passing.from.other();
        let Step::Offering(pending) = &passing.step else { return };
        let may = self.leg(far).is_some_and(Leg::may_reinvite);
        if !may || !self.send_change(now, far, Method::Invite, Some(pending.sdp()), MAX_FORWARDS) {
            let later = self.later();
            return self.refuse_modify(now, passing.from, passing.asker, later);
        }
        let until = Some(now + UPDATE_PATIENCE);
        self.modify = Some(Box::new(Modify::Passing(Passing { by: Method::Invite, until, ..passing })));
    }

    /// A failure that ends the dialog on that side ends the call, unless somebody else is there; all legs that end are told why.
    pub(super) fn dialog_refused(&mut self, now: Timestamp, side: Side, status: u16) {
        match status {
            408 | 481 => self.leave(now, side, EndReason::DialogLost, None),
            _ => {
                let reason = format!("SIP;cause={status};text=\"the other leg is gone\"");
                self.leave(now, side, EndReason::DialogLost, Some(&reason));
            }
        }
    }

    /// When an UPDATE will have waited long enough.
    pub(super) fn update_due(&self) -> Option<Timestamp> {
        match self.modify.as_deref()? {
            Modify::Passing(passing) => passing.until,
            Modify::Own(_) | Modify::Joining { .. } | Modify::Arriving | Modify::Beside { .. } => None,
        }
    }

    /// An UPDATE that went on as a re-INVITE has waited long enough: its sender is told to try again.
    pub(super) fn on_update_overdue(&mut self, now: Timestamp) {
        let Some(Modify::Passing(passing)) = self.modify.as_deref_mut() else { return };
        if passing.until.take_if(|at| *at <= now).is_none() {
            return;
        }
        let far = passing.from.other();
        self.with_leg(far, now, |leg, context| leg.cancel(context, None));
    }

    pub(super) fn refuse_modify(&mut self, now: Timestamp, side: Side, asker: Asker, failure: Failure) {
        let Failure { status, reason, extra, .. } = &failure;
        self.with_leg(side, now, |leg, context| match asker {
            Asker::Invite => leg.reject(context, *status, reason.as_deref(), extra),
            Asker::Update(id) => {
                let extra = extra.pairs();
                leg.reply(context, id, &Reply { reason: reason.as_deref(), ..Reply::new(*status, &extra) });
            }
            Asker::Gone => {}
        });
    }

    pub(super) fn accept_modify(&mut self, now: Timestamp, side: Side, asker: Asker, sdp: &[u8]) {
        self.with_leg(side, now, |leg, context| match asker {
            Asker::Invite => leg.accept(context, Some(sdp)),
            Asker::Update(id) => leg.reply(context, id, &Reply { sdp: Some(sdp), ..Reply::new(200, &[]) }),
            Asker::Gone => {}
        });
    }

    pub(super) fn acknowledge(&mut self, now: Timestamp, side: Side, sdp: Option<&[u8]>) {
        self.with_leg(side, now, |leg, context| leg.ack(context, sdp));
    }
}

/// What the peer gets whose change the other side refused so.
fn failure_of_change(message: &Message, offers_fax: bool) -> Failure {
    // RFC 5057 §5.1: redirection has no meaning inside a dialog, and would lead out of it into the other network.
    if message.status() < 400 {
        return Failure::new(500);
    }
    let mut failure = Failure::from_response(message, false);
    // Inside a dialog these are about the offer or about crossing, and the other peer knows what to do with them.
    if matches!(message.status(), 487 | 491) || (offers_fax && message.status() == 415) {
        failure.status = message.status();
    }
    failure
}
