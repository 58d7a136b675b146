//! An attended transfer (RFC 5589 §7): the one who stays leaves for the call that has the leg which the REFER's Replaces names. Until that
//! call has it in its place it may come back, and this call goes on.

use super::super::leg::{HeldId, Leg, Reply, State};
use super::super::letter::{Addressee, Letter, MovingLeg};
use super::super::phase::{MediaState, Phase};
use super::super::reoffer::Purpose;
use super::super::{Call, Side, over};
use super::join::FAREWELL;
use super::refer::Asked;
use super::{Stage, Transfer};
use crate::outside::LATER;
use crate::reason::Told;
use std::time::Duration;
use tandem_model::{EndReason, LegId, Timestamp};

/// How long the other call may take: its ports, the re-INVITE with what it says to that, and a CANCEL of it, each within its own bound.
const AWAY_TIMEOUT: Duration = Duration::from_secs(90);

impl Call {
    /// A REFER that may be carried out names a leg of ours that is to be replaced.
    pub(super) fn send_over(&mut self, now: Timestamp, side: Side, id: HeldId, asked: Asked, named: LegId) {
        let Some(transferor) = self.leg(side) else { return };
        let endpoint = transferor.endpoint.clone();
        let by = (!transferor.profile.replaces).then(|| endpoint.clone());
        let is_ours = std::iter::once(&self.caller).chain(&self.callee).chain(&self.strays).any(|leg| leg.id == named);
        // Guests talk in this call.
        let may_move = self.modify.is_none() && !self.has_guests() && self.leg(side.other()).is_some_and(Leg::may_move);
        let refusal = match (is_ours, self.is_anchored(), may_move) {
            // Nobody is joined to the one who is on the other side already. RFC 5057 §5.1: 482 would say that the REFER's own dialog leads
            // nowhere.
            (true, ..) => Some(Reply::new(603, &[])),
            // What passes by us has no ports of ours that could be another call's.
            (_, false, _) => Some(Reply::new(501, &[])),
            (.., false) => Some(Reply::new(500, &LATER)),
            _ => None,
        };
        if let Some(reply) = refusal {
            return self.answer_refer(now, side, id, &reply);
        }
        self.accept_refer(now, side, id, &asked);
        let Some(replaces) = asked.replaces else { return };
        let record = self.recorded_by_route();
        let Some(slot) = side.other().of(&mut self.caller, &mut self.callee) else { return };
        (slot.payers, slot.record) = (vec![endpoint], record);
        let husk = slot.husk();
        match MovingLeg::new(std::mem::replace(slot, husk)) {
            Ok(leg) => {
                self.under_way(side, Stage::Away(now + AWAY_TIMEOUT), |_| {});
                self.write_to(Addressee::OwnerOf(named), Letter::Replace { leg, replaces, by });
            }
            Err(leg) => {
                *slot = *leg;
                if let Some(transferor) = self.leg(side).map(|leg| leg.id) {
                    self.tell(now, transferor, 500, None);
                }
            }
        }
    }

    /// Whether a leg of ours of that id is with another call, and may come back.
    pub(in super::super) fn is_elsewhere(&self, leg: LegId) -> bool {
        let away = self.transfer().filter(|transfer| matches!(transfer.stage, Stage::Away(_)));
        away.is_some_and(|transfer| self.leg(transfer.by.other()).is_some_and(|husk| husk.id == leg))
    }

    /// Whether the one who stayed is another call's for good.
    pub(in super::super) fn has_sent_over(&self) -> bool {
        self.transfer().is_some_and(|transfer| matches!(transfer.stage, Stage::SentOver(_)))
    }

    /// Whether a leg of ours is with another call, and its media endpoint in our session.
    pub(in super::super) fn has_leg_elsewhere(&self) -> bool {
        self.transfer().is_some_and(|transfer| matches!(transfer.stage, Stage::Away(_)))
    }

    /// The call has ended: of its media session nothing is left but that endpoint, until it is decided where the leg goes.
    pub(in super::super) fn empty_media(&mut self) {
        if let Some(leg) = self.away().map(|transfer| transfer.transferor) {
            self.give_up_ports(leg);
        }
    }

    fn away(&mut self) -> Option<&mut Transfer> {
        self.transfer_mut().filter(|transfer| matches!(transfer.stage, Stage::Away(_)))
    }

    /// The leg has its place, and hears `with`: what is left of this call is the transferor's farewell.
    pub(in super::super) fn on_sent_over(&mut self, now: Timestamp, with: LegId) {
        let Some(transfer) = self.away() else { return };
        transfer.stage = Stage::SentOver(now + FAREWELL);
        let (by, transferor) = (transfer.by, transfer.transferor);
        if self.ended.is_some() {
            return self.nothing_elsewhere(now);
        }
        if let Some(moved) = self.leg(by.other()).map(|husk| husk.id) {
            // That call's trunks count it now.
            self.note_replaced(moved);
            self.free_place(moved);
        }
        let mut has_gone = true;
        self.with_leg(by, now, |leg, context| {
            leg.replaced_by = Some(with);
            leg.note_end(context, over::transferred());
            has_gone = leg.state == State::Leaving;
        });
        self.tell(now, transferor, 200, None);
        if has_gone {
            self.end(now, EndReason::Transferred, None);
        }
    }

    /// The leg is here again, as it was: the transfer has failed with that status.
    pub(in super::super) fn on_returned(&mut self, now: Timestamp, leg: Leg, status: u16, disturbed: bool) {
        let Some(stays) = self.away().map(|transfer| transfer.by.other()) else { return };
        if let Some(slot) = stays.of(&mut self.caller, &mut self.callee) {
            *slot = leg;
        }
        if let Some((_, reason)) = self.ended {
            let value = over::reason_value(reason);
            self.with_leg(stays, now, |leg, context| leg.hang_up(context, 487, value.as_deref()));
            self.legs_over(now, reason, Told::default(), None);
            return self.nothing_elsewhere(now);
        }
        self.fail_transfer(now, status, None);
        if disturbed && self.ended.is_none() {
            self.reoffer(now, stays, Purpose::Like { direction: None });
        }
    }

    /// The leg has ended where it is.
    pub(in super::super) fn on_lost_elsewhere(&mut self, now: Timestamp, status: u16) {
        let Some(transfer) = self.away() else { return };
        let (by, transferor) = (transfer.by, transfer.transferor);
        if self.ended.is_some() {
            return self.nothing_elsewhere(now);
        }
        self.tell(now, transferor, status, None);
        self.clear_transfer();
        self.end(now, if by == Side::Caller { EndReason::CalleeHungUp } else { EndReason::CallerHungUp }, None);
    }

    /// The other call never said what became of it: it has failed, and sees to the leg.
    pub(super) fn on_away_too_long(&mut self, now: Timestamp) {
        let Some(transferor) = self.away().map(|transfer| transfer.transferor) else { return };
        self.tell(now, transferor, 500, None);
        if self.ended.is_some() {
            return self.nothing_elsewhere(now);
        }
        self.clear_transfer();
        self.end(now, EndReason::Internal, None);
    }

    pub(super) fn clear_transfer(&mut self) {
        if let Some(transfers) = &mut self.transfers {
            transfers.under_way = None;
        }
    }

    /// The call ended while a leg was between two calls, which is decided now: its media session can end, and its record be written.
    pub(super) fn nothing_elsewhere(&mut self, now: Timestamp) {
        self.clear_transfer();
        // While it is about to end, the rest of it does that.
        match self.media {
            _ if !matches!(self.phase, Phase::Ending) => {}
            MediaState::None => self.record(now),
            _ => self.close_media(now),
        }
    }
}
