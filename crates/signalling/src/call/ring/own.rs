//! A caller that makes no offer: each member gets one of ours, and the caller one like what the first answer settled.

use super::super::failure::Failure;
use super::super::leg::sdp_of;
use super::super::phase::{Dialling, Phase};
use super::super::{Call, Side, context};
use crate::message::Message;
use crate::negotiation::{self, LegMedia, PendingOwn, Refusal};
use crate::sdp::Direction;
use bytes::Bytes;
use tandem_model::{EndReason, Timestamp};

impl Call {
    /// Our offer for a member of a group. Where media does not go through us there is none: the member is to make it.
    pub(in super::super) fn member_offer(&self, media: &mut LegMedia) -> Result<Option<Box<PendingOwn>>, Refusal> {
        if self.has_picked_up() {
            let codecs = &self.caller.profile.codecs;
            let direction = self.caller.media.direction().unwrap_or(Direction::SendRecv);
            return negotiation::offer_first_like(&self.caller.media, media, codecs, direction).map(|offer| Some(Box::new(offer)));
        }
        let is_wanted = self.ring.as_ref().is_some_and(|ring| ring.anchor && ring.offer.is_none());
        let offer = is_wanted.then(|| negotiation::offer_own(media, &self.caller.profile.codecs));
        offer.transpose().map(|offer| offer.map(Box::new))
    }

    /// The member under way answered our offer: 200 with an offer to the caller, whose ACK will answer it.
    pub(in super::super) fn answer_own(&mut self, now: Timestamp, own: &PendingOwn, dialling: &Dialling, message: &Message) {
        let (is_picked_up, is_first) = (self.has_picked_up(), self.caller.is_nobody());
        let Some(callee) = &mut self.callee else { return };
        let tag = message.to_tag().unwrap_or_default();
        // RFC 3261 §13.2.1: what came reliably was the answer; and a 2xx without one means what came before.
        let early = dialling.early.of(tag);
        let said = sdp_of(message).filter(|_| early.is_none() || !callee.is_bound_by(tag));
        let Some(sdp) = said.as_deref().or(early) else { return self.unusable_answer(now, Failure::new(500)) };
        if is_picked_up {
            return self.join_picked_up(now, own, sdp);
        }
        if is_first {
            let sdp = Bytes::copy_from_slice(sdp);
            return self.take_caller(now, own, sdp);
        }
        let caller = &mut self.caller.media;
        let offered = negotiation::settle_own(own, sdp, &mut callee.media).and_then(|_| {
            let direction = callee.media.direction().unwrap_or(Direction::SendRecv);
            negotiation::offer_like(&callee.media, caller, direction)
        });
        match offered {
            Ok(pending) => {
                callee.ack(context!(self, now), None);
                self.ring_answered(now);
                self.caller.accept(context!(self, now), Some(pending.sdp()));
                self.phase = Phase::LateLike(Box::new(pending));
                self.tell_accepted(now);
            }
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                self.unusable_answer(now, failure);
            }
        }
    }

    /// The caller's ACK, with its answer to the offer that is like what the callee settled on.
    pub(in super::super) fn settle_caller(&mut self, now: Timestamp, pending: &PendingOwn, sdp: Option<Bytes>) {
        let Some(callee) = &self.callee else { return };
        let answer = sdp.as_deref().unwrap_or_default();
        let Ok(settled) = negotiation::settle_like(pending, answer, &callee.media, &mut self.caller.media) else {
            return self.end(now, EndReason::Failed(488), None);
        };
        let (caller, callee) = (self.caller.id, callee.id);
        self.codec = settled.codec.or(self.codec);
        self.describe_each([(caller, settled.describe_to), (callee, settled.describe_of)]);
        self.note_hold(now, Side::Caller, caller, settled.to_holds);
    }
}
