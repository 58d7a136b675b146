//! A target that is to have an offer in its INVITE: its trunk requires reliable responses, the first of which would else have to make the
//! offer, and want the answer in its PRACK (RFC 3262 §5). It is offered what the one who stays has, and what else both may use.

use super::super::early_media::EarlyMedia;
use super::super::leg::{Leg, sdp_of};
use super::super::reoffer::Purpose;
use super::super::{Call, context};
use super::join::{Joined, PATIENCE, PAUSE, joining};
use super::{Joining, Stage};
use crate::message::Message;
use crate::negotiation::{self, Exchange, LegMedia, PendingOwn, SettledLike};
use crate::sdp::Direction;
use tandem_model::{EventKind, LegPlan, Prack, Timestamp};

/// Our offer to a target.
#[derive(Debug)]
pub(super) struct OwnOffer {
    pending: PendingOwn,
    /// The answers that provisional responses brought.
    early: EarlyMedia,
}

impl OwnOffer {
    pub(super) fn sdp(&self) -> &[u8] {
        self.pending.sdp()
    }
}

/// What it said to that.
#[derive(Debug)]
pub(super) struct Took {
    pending: PendingOwn,
    answer: Box<[u8]>,
}

impl Call {
    /// What the INVITE to a target offers, if it has to offer anything. `Err` with a status if it cannot.
    pub(super) fn offer_target(&self, plan: &LegPlan, media: &mut LegMedia) -> Result<Option<Box<OwnOffer>>, u16> {
        // What passes by us has no address of ours to offer.
        if plan.profile.prack != Prack::Required || !media.is_anchored() {
            return Ok(None);
        }
        let stays = self.transfer().and_then(|transfer| self.leg(transfer.by.other())).ok_or(500_u16)?;
        // It may be held by the one who transfers it, but not for the target.
        let pending = negotiation::offer_first_like(&stays.media, media, &stays.profile.codecs, Direction::SendRecv);
        let pending = pending.map_err(|refusal| refusal.status)?;
        Ok(Some(Box::new(OwnOffer { pending, early: EarlyMedia::default() })))
    }

    /// A provisional response may bring the answer: if it is reliable, the 2xx need not repeat it.
    pub(super) fn keep_early_answer(&mut self, message: &Message) {
        let Some(Stage::Dialling(dialled)) = self.transfer_mut().map(|transfer| &mut transfer.stage) else { return };
        if let (Some(own), Some(sdp), Some(tag)) = (&mut dialled.own, sdp_of(message), message.to_tag()) {
            own.early.keep(tag, &sdp);
        }
    }

    /// The target answered, and has its ACK at once: there is nothing to be said in it.
    pub(super) fn target_took(&mut self, now: Timestamp, mut leg: Leg, own: OwnOffer, message: &Message) {
        let tag = message.to_tag().unwrap_or_default();
        let early = own.early.of(tag);
        // RFC 3261 §13.2.1: what came reliably was the answer; and a 2xx without one means what came before.
        let said = sdp_of(message).filter(|_| early.is_none() || !leg.is_bound_by(tag));
        let answer: Option<Box<[u8]>> = said.as_deref().or(early).map(Into::into);
        leg.ack(context!(self, now), None);
        let (id, is_usable) = (leg.id, answer.is_some());
        let took = Some(Box::new(Took { pending: own.pending, answer: answer.unwrap_or_default() }));
        if let Some(transfer) = self.transfer_mut() {
            transfer.stage = Stage::Joining(Box::new(Joining { leg, offer: None, took, again: None, until: now + PATIENCE }));
        }
        self.notify(now, Some(id), EventKind::LegAnswered);
        if !is_usable {
            return self.target_out(now, 488, None);
        }
        self.dismiss_other_targets(now);
        self.try_join(now);
    }

    /// Joins the target, which has answered our offer, to the one who stays: now, or as soon as no offer is open between the two.
    pub(super) fn try_join_taken(&mut self, now: Timestamp) {
        let Some(by) = self.transfer().map(|transfer| transfer.by) else { return };
        let is_still = |leg: Option<&Leg>| leg.is_some_and(|leg| leg.media.exchange() == Exchange::Stable);
        let is_free = self.modify.is_none() && is_still(self.leg(by.other())) && is_still(self.leg(by));
        let stays = if by == super::Side::Caller { self.callee.as_ref() } else { Some(&self.caller) };
        let (Some(stays), Some(joining)) = (stays, joining(&mut self.transfers)) else { return };
        joining.again = Some(now + PAUSE);
        let (Some(took), true) = (&joining.took, is_free) else { return };
        let settled = negotiation::settle_like(&took.pending, &took.answer, &stays.media, &mut joining.leg.media).ok();
        match settled.filter(|settled| settled.codec.is_some()) {
            Some(settled) => self.join_taken(now, settled),
            None => self.fail_transfer(now, 488, None),
        }
    }

    fn join_taken(&mut self, now: Timestamp, settled: SettledLike) {
        let Some(transfer) = self.transfers.as_mut().and_then(|transfers| transfers.under_way.take()) else { return };
        let Stage::Joining(joining) = transfer.stage else { return };
        let stays = transfer.by.other();
        let Some((stayer, direction, codec)) = self.leg(stays).map(|leg| (leg.id, leg.media.direction(), leg.media.codec())) else {
            return;
        };
        let (id, hears) = (joining.leg.id, joining.leg.media.direction());
        let described = [(id, settled.describe_to), (stayer, settled.describe_of)];
        let is_like = settled.codec == codec && [direction, hears] == [Some(Direction::SendRecv); 2];
        self.take_place(now, (transfer.by, joining.leg), Joined { described, codec: settled.codec, holds: [settled.to_holds, false] });
        self.bid_farewell(now, (transfer.transferor, transfer.question), id);
        // The one who stays may speak another codec, or be held by the one who has left.
        if !is_like {
            self.reoffer(now, stays, Purpose::Like { direction: None });
        }
    }
}
