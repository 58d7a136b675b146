//! The callee's 2xx, the caller's ACK, and calls that we answer ourselves.

use super::failure::Failure;
use super::leg::{State, sdp_of};
use super::modify::{Modify, Passing, Step};
use super::phase::{Dialling, PassedOffer, Phase};
use super::reoffer::Purpose;
use super::{Call, Side, context};
use crate::message::Message;
use crate::negotiation::{self, Exchange, Offer, Refusal};
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{BuiltIn, EndReason, EventKind, MediaCommand, Timestamp};

impl Call {
    /// The callee answered.
    pub(super) fn on_answer(&mut self, now: Timestamp, message: &Message) {
        let mut dialling = match std::mem::replace(&mut self.phase, Phase::Talking) {
            Phase::Dialling(dialling) => dialling,
            phase => {
                self.phase = phase;
                return;
            }
        };
        let sdp = sdp_of(message);
        self.answered = self.answered.or(Some(now));
        self.notify(now, self.callee.as_ref().map(|callee| callee.id), EventKind::LegAnswered);
        if let Some(own) = dialling.own.take() {
            return self.answer_own(now, &own, &dialling, message);
        }
        if let Some(offers) = dialling.offers.take() {
            return self.answer_after_offers(now, *offers, message);
        }
        match (&dialling.passed, sdp) {
            // A peer that answered in a provisional response and says no more in its 2xx means that answer.
            (Some(_), sdp) => {
                let tag = message.to_tag().unwrap_or_default();
                let (early, sdp) = (dialling.early.of(tag), sdp.as_deref());
                // One that came reliably was the answer, and what else the 2xx says is none (RFC 3261 §13.2.1).
                let is_bound = early.is_some() && self.callee.as_ref().is_some_and(|callee| callee.is_bound_by(tag));
                if is_bound && dialling.early.is_heard(tag) && self.is_heard() && self.caller.is_settled_early() {
                    self.ring_answered(now);
                    return self.answer_settled(now);
                }
                self.answer_with(now, &dialling, if is_bound { early } else { sdp.or(early) });
            }
            (None, Some(offer)) => self.offer_in_answer(now, offer),
            (None, None) => self.unusable_answer(now, Failure::new(500)),
        }
    }

    /// Offer and answer were complete before: 200 to the caller, ACK to the callee.
    fn answer_settled(&mut self, now: Timestamp) {
        self.with_leg(Side::Callee, now, |callee, context| callee.ack(context, None));
        self.caller.accept(context!(self, now), None);
        self.tell_accepted(now);
    }

    /// The caller's offer is answered: 200 to the caller, ACK to the callee. A caller that has had an answer keeps that (RFC 3261 §13.2.1):
    /// where the callee said something else, one of them is offered the other's afterwards.
    fn answer_with(&mut self, now: Timestamp, dialling: &Dialling, sdp: Option<&[u8]>) {
        let (Some(PassedOffer { pending, .. }), Some(callee)) = (&dialling.passed, &mut self.callee) else { return };
        let Some(sdp) = sdp else { return self.unusable_answer(now, Failure::new(500)) };
        let has_told = self.ring.as_ref().is_some_and(|ring| ring.has_told()) || self.caller.is_described_reliably();
        let (from, to) = (&mut self.caller.media, &mut callee.media);
        // The session has been changed with another phone since (RFC 3311): this one knows the first offer alone.
        let is_past = to.exchange() == Exchange::Stable;
        let told = (has_told || dialling.early.tells_another(sdp)).then(|| negotiation::part_answer(pending, sdp, from, to).ok()).flatten();
        let is_parted = told.is_some() && !dialling.early.tells(sdp);
        let answer = match told.map_or_else(|| negotiation::translate_answer(pending, sdp, from, to), Ok) {
            Ok(settled) => {
                let answer = settled.answer.clone();
                self.ring_answered(now);
                self.describe(now, Side::Caller, settled);
                answer
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.unusable_answer(now, failure);
            }
        };
        if let Some(callee) = &mut self.callee {
            callee.ack(context!(self, now), None);
        }
        self.caller.accept(context!(self, now), Some(&answer));
        self.tell_accepted(now);
        let differs = self.callee.as_ref().is_some_and(|callee| pending.could_be_alike(&self.caller.media, &callee.media));
        match self.caller.media.is_anchored() {
            true if is_past => self.reoffer(now, Side::Callee, Purpose::Like { direction: None }),
            true if differs => self.reoffer(now, Side::Caller, Purpose::Like { direction: None }),
            false if is_parted => self.reoffer(now, Side::Caller, Purpose::Like { direction: None }),
            _ => {}
        }
    }

    /// The caller made no offer, so the callee did: it goes on to the caller, whose ACK will answer it.
    fn offer_in_answer(&mut self, now: Timestamp, sdp: Bytes) {
        let Some(callee) = &mut self.callee else { return };
        let offer = match Offer::read(sdp) {
            Ok(offer) => offer,
            Err(refusal) => {
                callee.ack(context!(self, now), None);
                let failure = self.failure_of(&refusal);
                return self.unusable_answer(now, failure);
            }
        };
        match negotiation::translate_offer(&offer, &mut callee.media, &mut self.caller.media) {
            Ok(pending) => {
                self.ring_answered(now);
                self.caller.accept(context!(self, now), Some(pending.sdp()));
                self.phase = Phase::LateAnswer(Box::new(PassedOffer { pending, offer }));
                self.notify(now, Some(self.caller.id), EventKind::LegAnswered);
            }
            Err(refusal) => {
                let declined = negotiation::decline_offer(&offer, &mut callee.media);
                callee.ack(context!(self, now), Some(&declined));
                let failure = self.failure_of(&refusal);
                self.unusable_answer(now, failure);
            }
        }
    }

    /// The callee is up but nothing can be agreed: it is hung up, and the caller refused.
    pub(super) fn unusable_answer(&mut self, now: Timestamp, failure: Failure) {
        if !self.has_picked_up() {
            self.answered = None;
        }
        if self.ring.is_some() {
            return self.hang_up_answered(now, &failure);
        }
        self.fail(now, &failure);
    }

    /// The ACK of our 2xx.
    pub(super) fn on_acknowledged(&mut self, now: Timestamp, side: Side, sdp: Option<Bytes>) {
        if self.settle_beside(now, side, sdp.as_deref()) {
            return;
        }
        if matches!(self.modify.as_deref(), Some(Modify::Passing(Passing { from, step: Step::Answering(_), .. })) if *from == side) {
            return self.on_modify_acknowledged(now, side, sdp);
        }
        if matches!(self.phase, Phase::TakenOver(_)) && side == Side::Caller {
            return;
        }
        match std::mem::replace(&mut self.phase, Phase::Talking) {
            Phase::TakenOver(offered) => self.on_taken_over(now, &offered, sdp.as_deref().unwrap_or_default()),
            Phase::LateAnswer(late) => {
                let Some(callee) = &mut self.callee else { return };
                let answer = sdp.as_deref().unwrap_or_default();
                match negotiation::translate_answer(&late.pending, answer, &mut callee.media, &mut self.caller.media) {
                    Ok(settled) => {
                        let answer = Arc::clone(&settled.answer);
                        self.describe(now, Side::Callee, settled);
                        self.answer_callee(now, &answer);
                    }
                    Err(_) => self.decline(now, Side::Callee, Some(&late.offer)),
                }
            }
            Phase::PickedUp(pending) => self.settle_picked_up(now, &pending, sdp),
            Phase::LateLike(pending) => self.settle_caller(now, &pending, sdp),
            Phase::LateAlone(pending) => {
                let alone = sdp.and_then(|sdp| negotiation::settle_alone(&pending, &sdp, &mut self.caller.media).ok());
                match alone {
                    Some(alone) => self.play(now, alone),
                    None => self.end(now, EndReason::Failed(488), None),
                }
            }
            phase => self.phase = phase,
        }
    }

    /// The answer to the callee's offer: in the ACK of its 2xx, or in ours to the INVITE by which it took the place of who rang.
    fn answer_callee(&mut self, now: Timestamp, answer: &[u8]) {
        let Some(callee) = &mut self.callee else { return };
        if callee.state != State::Incoming {
            return callee.ack(context!(self, now), Some(answer));
        }
        callee.accept(context!(self, now), Some(answer));
        let id = callee.id;
        self.notify(now, Some(id), EventKind::LegAnswered);
    }

    /// The offer of `offerer`'s 2xx has no answer: the ACK declines it if it can be read, and the call ends.
    pub(super) fn decline(&mut self, now: Timestamp, offerer: Side, offer: Option<&Offer>) {
        self.acknowledge_declined(now, offerer, offer);
        self.end(now, EndReason::Failed(488), None);
    }

    pub(super) fn acknowledge_declined(&mut self, now: Timestamp, offerer: Side, offer: Option<&Offer>) {
        self.with_leg(offerer, now, |leg, context| {
            let declined = offer.map(|offer| negotiation::decline_offer(offer, &mut leg.media));
            leg.ack(context, declined.as_deref());
        });
    }

    /// Answers the call ourselves.
    pub(super) fn answer_alone(&mut self, now: Timestamp, built_in: BuiltIn, offer: Option<&Offer>) {
        if let Some(offer) = offer.filter(|_| self.is_told_early()) {
            return self.announce_early(now, offer);
        }
        self.answered = Some(now);
        self.alone = Some(built_in);
        match offer {
            Some(offer) => match negotiation::answer_alone(offer, &mut self.caller.media, built_in) {
                Ok(alone) => {
                    self.phase = Phase::Talking;
                    let sdp = Arc::clone(&alone.sdp);
                    self.play(now, alone);
                    self.caller.accept(context!(self, now), Some(&sdp));
                }
                Err(refusal) => {
                    let failure = self.failure_of(&refusal);
                    return self.unusable_answer(now, failure);
                }
            },
            None => {
                let failure = match self.offer_alone(now, built_in) {
                    Ok(()) => None,
                    Err(refusal) => Some(self.failure_of(&refusal)),
                };
                if let Some(failure) = failure {
                    return self.unusable_answer(now, failure);
                }
            }
        }
        self.notify(now, Some(self.caller.id), EventKind::LegAnswered);
    }

    /// 200 with an offer of our own; the ACK will answer it.
    pub(super) fn offer_alone(&mut self, now: Timestamp, built_in: BuiltIn) -> Result<(), Refusal> {
        let pending = negotiation::offer_alone(&mut self.caller.media, built_in)?;
        self.caller.accept(context!(self, now), Some(pending.sdp()));
        self.phase = Phase::LateAlone(Box::new(pending));
        Ok(())
    }

    /// Tells the media session. To be called before the answer goes out: the peer may send as soon as it has that.
    pub(super) fn play(&mut self, now: Timestamp, alone: negotiation::Alone) {
        self.codec = alone.codec.or(self.codec);
        let (call, leg) = (self.id, self.caller.id);
        self.media(MediaCommand::Describe { call, leg, description: alone.describe });
        alone.hears.into_iter().for_each(|built_in| self.play_to_caller(now, built_in));
        self.note_hold(now, Side::Caller, leg, alone.holds);
    }
}
