//! Re-INVITE through the call (RFC 3261 §14, RFC 3264 §8): offer and answer of one leg become those of the other.

use super::failure::Failure;
use super::leg::{Leg, MAX_FORWARDS, sdp_of};
use super::phase::{PassedOffer, Phase};
use super::{Call, Side, context};
use crate::message::Message;
use crate::negotiation::{self, Offer, PendingAudio, PendingOffer, Refusal};
use bytes::Bytes;
use std::sync::Arc;
use tandem_model::{EndReason, MediaCommand, Timestamp};

/// A re-INVITE under way. `from` is the side whose peer began it.
#[derive(Debug)]
pub(super) enum Modify {
    /// Its offer went to the other side.
    Offering { from: Side, pending: Box<PendingOffer> },
    /// It had no offer; the other side was asked for one.
    Asking { from: Side },
    /// The other side's offer went back in our 2xx, whose ACK will hold the answer.
    Answering { from: Side, late: Box<PassedOffer> },
    /// Its offer of fax left the other side without a stream; it was refused, and the other side is offered its audio again.
    Restoring { from: Side, pending: Box<PendingAudio> },
}

impl Modify {
    fn from(&self) -> Side {
        match self {
            Modify::Offering { from, .. } | Modify::Asking { from } | Modify::Answering { from, .. } | Modify::Restoring { from, .. } => {
                *from
            }
        }
    }
}

impl Call {
    /// A peer sent an INVITE inside its dialog; 100 is sent.
    pub(super) fn on_reinvited(&mut self, now: Timestamp, from: Side) {
        if !matches!(self.phase, Phase::Talking) || self.modify.is_some() {
            return self.refuse_modify(now, from, &Failure::new(491));
        }
        if self.callee.is_none() {
            return self.modify_alone(now);
        }
        let busy = self
            .leg(from.other())
            .is_none_or(|other| other.has_open_client_invite() || other.is_awaiting_ack() || other.has_open_server_invite());
        if busy {
            return self.refuse_modify(now, from, &Failure::new(491));
        }
        let offer = self.leg(from).and_then(|leg| leg.offered());
        let hops = self.leg(from).map_or(MAX_FORWARDS, Leg::hops_left);
        let Some((near, far)) = self.pair(from) else { return };
        let translate = |sdp| negotiation::translate_offer(&Offer::read(sdp)?, &mut near.media, &mut far.media);
        let pending = match offer.map(translate).transpose() {
            Ok(pending) => pending,
            Err(refusal) => {
                let failure = Failure::refused(&refusal, &self.warn_agent());
                return self.refuse_modify(now, from, &failure);
            }
        };
        let sdp: Option<Box<[u8]>> = pending.as_ref().map(|pending| pending.sdp().into());
        let far = match from {
            Side::Caller => self.callee.as_mut(),
            Side::Callee => Some(&mut self.caller),
        };
        if !far.is_some_and(|far| far.reinvite(context!(self, now), sdp.as_deref(), hops)) {
            return self.refuse_modify(now, from, &Failure::new(500));
        }
        self.modify = Some(match pending {
            Some(pending) => Modify::Offering { from, pending: Box::new(pending) },
            None => Modify::Asking { from },
        });
    }

    /// A re-INVITE to a call that we answered ourselves.
    fn modify_alone(&mut self, now: Timestamp) {
        let Some(built_in) = self.alone else { return self.refuse_modify(now, Side::Caller, &Failure::new(500)) };
        let Some(offer) = self.caller.offered() else {
            if let Err(refusal) = self.offer_alone(now, built_in) {
                let failure = Failure::refused(&refusal, &self.warn_agent());
                self.refuse_modify(now, Side::Caller, &failure);
            }
            return;
        };
        match Offer::read(offer).and_then(|offer| negotiation::answer_alone(&offer, &mut self.caller.media, built_in)) {
            Ok(alone) => {
                let sdp = Arc::clone(&alone.sdp);
                self.play(now, alone);
                self.caller.accept(context!(self, now), Some(&sdp));
            }
            Err(refusal) => {
                let failure = Failure::refused(&refusal, &self.warn_agent());
                self.refuse_modify(now, Side::Caller, &failure);
            }
        }
    }

    /// The other side accepted.
    pub(super) fn on_modify_accepted(&mut self, now: Timestamp, message: &Message) {
        let sdp = sdp_of(message);
        match (self.modify.take(), sdp) {
            (Some(Modify::Offering { from, pending }), Some(sdp)) => {
                let Some((near, far)) = self.pair(from) else { return };
                match negotiation::translate_answer(&pending, &sdp, &mut near.media, &mut far.media) {
                    Ok(settled) => {
                        let answer = settled.answer.clone();
                        self.describe(now, from, settled);
                        self.acknowledge(now, from.other(), None);
                        self.accept_modify(now, from, &answer);
                    }
                    Err(refusal) if refusal.rejects_fax() => self.restore_audio(now, from, *pending, &refusal),
                    Err(_) => self.end(now, EndReason::Failed(488), None),
                }
            }
            (Some(Modify::Restoring { from, pending }), Some(sdp)) => self.on_audio_restored(now, from, &pending, &sdp),
            (Some(Modify::Asking { from }), Some(sdp)) => {
                let Ok(offer) = Offer::read(sdp) else { return self.decline(now, from.other(), None) };
                let Some((near, far)) = self.pair(from) else { return };
                match negotiation::translate_offer(&offer, &mut far.media, &mut near.media) {
                    Ok(pending) => {
                        let sdp: Box<[u8]> = pending.sdp().into();
                        self.accept_modify(now, from, &sdp);
                        self.modify = Some(Modify::Answering { from, late: Box::new(PassedOffer { pending, offer }) });
                    }
                    Err(_) => self.decline(now, from.other(), Some(&offer)),
                }
            }
            // A 2xx without the SDP that it owes leaves the two sides with different ideas of the session.
            _ => self.end(now, EndReason::Failed(500), None),
        }
    }

    /// The other side took the re-INVITE and nothing of its fax: the peer that began it is refused, so its audio goes on
    /// (RFC 3261 §14.1), and the other side is to have its own again.
    fn restore_audio(&mut self, now: Timestamp, from: Side, pending: PendingOffer, refusal: &Refusal) {
        self.acknowledge(now, from.other(), None);
        let failure = Failure::refused(refusal, &self.warn_agent());
        self.refuse_modify(now, from, &failure);
        let far = match from {
            Side::Caller => self.callee.as_mut(),
            Side::Callee => Some(&mut self.caller),
        };
        let Some(far) = far else { return };
        let pending = negotiation::offer_audio_again(pending, &mut far.media).ok();
        match pending.filter(|pending| far.reinvite(context!(self, now), Some(pending.sdp()), MAX_FORWARDS)) {
            Some(pending) => self.modify = Some(Modify::Restoring { from, pending: Box::new(pending) }),
            None => self.end(now, EndReason::Failed(488), None),
        }
    }

    fn on_audio_restored(&mut self, now: Timestamp, from: Side, pending: &PendingAudio, sdp: &[u8]) {
        let Some((near, far)) = self.pair(from) else { return };
        let Ok((describe_near, describe_far)) = negotiation::settle_audio_again(pending, sdp, &near.media, &mut far.media) else {
            return self.end(now, EndReason::Failed(488), None);
        };
        let described = [(near.id, describe_near), (far.id, describe_far)];
        for (leg, description) in described {
            if let Some(description) = description {
                self.media(MediaCommand::Describe { call: self.id, leg, description });
            }
        }
        self.acknowledge(now, from.other(), None);
    }

    /// The answer to the other side's offer.
    pub(super) fn on_modify_acknowledged(&mut self, now: Timestamp, side: Side, sdp: Option<Bytes>) {
        let Some(Modify::Answering { from, late }) = self.modify.take() else { return };
        debug_assert_eq!(from, side);
        let Some((near, far)) = self.pair(from) else { return };
        let answer = sdp.as_deref().unwrap_or_default();
        match negotiation::translate_answer(&late.pending, answer, &mut far.media, &mut near.media) {
            Ok(settled) => {
                let answer = settled.answer.clone();
                self.describe(now, from.other(), settled);
                self.acknowledge(now, from.other(), Some(&answer));
            }
            Err(_) => self.decline(now, from.other(), Some(&late.offer)),
        }
    }

    /// The other side refused: the session stays as it was (§14.1), unless the other side has no dialog (§12.2.1.2).
    pub(super) fn on_modify_rejected(&mut self, now: Timestamp, message: &Message) {
        let Some(modify) = self.modify.take() else { return };
        if matches!(message.status(), 408 | 481) {
            return self.end(now, EndReason::DialogLost, None);
        }
        if let Modify::Restoring { .. } = modify {
            // Where offers crossed, the other side's own comes again (RFC 3261 §14.1). With any other refusal it has no stream and wants none.
            if message.status() != 491 {
                self.end(now, EndReason::Failed(488), None);
            }
            return;
        }
        let mut failure = Failure::from_response(message);
        let offers_fax = matches!(&modify, Modify::Offering { pending, .. } if pending.is_fax());
        // Inside a dialog these are about the offer or about crossing, and the other peer knows what to do with them.
        if matches!(message.status(), 487 | 491) || (offers_fax && message.status() == 415) {
            failure.status = message.status();
        }
        self.refuse_modify(now, modify.from(), &failure);
    }

    /// The peer took its re-INVITE back; 200 is sent to its CANCEL.
    pub(super) fn on_modify_cancelled(&mut self, now: Timestamp, side: Side, reason: Option<&str>) {
        match &self.modify {
            Some(modify) if modify.from() == side && !matches!(modify, Modify::Restoring { .. }) => {
                let far = match side {
                    Side::Caller => self.callee.as_mut(),
                    Side::Callee => Some(&mut self.caller),
                };
                // Its final response, 487 or a 2xx that crossed, ends the modification either way.
                if let Some(far) = far {
                    far.cancel(context!(self, now), reason);
                }
            }
            _ => self.refuse_modify(now, side, &Failure::new(487)),
        }
    }

    fn refuse_modify(&mut self, now: Timestamp, side: Side, failure: &Failure) {
        self.with_leg(side, now, |leg, context| leg.reject(context, failure.status, failure.reason.as_deref(), &failure.extra));
    }

    fn accept_modify(&mut self, now: Timestamp, side: Side, sdp: &[u8]) {
        self.with_leg(side, now, |leg, context| leg.accept(context, Some(sdp)));
    }

    fn acknowledge(&mut self, now: Timestamp, side: Side, sdp: Option<&[u8]>) {
        self.with_leg(side, now, |leg, context| leg.ack(context, sdp));
    }
}
