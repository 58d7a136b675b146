//! A leg of another call that is to take the place of one of ours (RFC 3891): one whose INVITE says so, or one that an attended transfer
//! sends over (RFC 5589 §7). The one gets ports here, the other keeps its own. The offer of an INVITE goes to the one who stays; any other newcomer
//! is offered what the one who stays has. Until they agree the leg that is to be replaced stays where it is, and a leg that was sent over can go
//! back: its media endpoint is in the session of its call until then, and is [taken over](MediaCommand::Adopt) with the place.

use super::super::leg::{Leg, MAX_FORWARDS, State, glare_pause, sdp_of};
use super::super::letter::{Addressee, Letter, MovingLeg};
use super::super::modify::Modify;
use super::super::phase::{MediaState, Phase};
use super::super::reoffer::Purpose;
use super::super::usage::ends_own_dialog;
use super::super::{Call, Side, context, over, relayed_status};
use super::dial::trunk_of;
use super::join::{Joined, PATIENCE, PAUSE};
use super::pick_up::Offered;
use super::{Joining, MAX_TRANSFERS, Stage, target_mut};
use crate::message::{Message, Method};
use crate::negotiation::{self, Exchange, Offer, PendingOwn, SettledLike};
use crate::sdp::Direction;
use tandem_model::{CallId, EndpointRequest, EventKind, LegId, LocalEndpoint, MediaCommand, Timestamp};

/// Such a leg.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) leg: Leg,
    /// Whose it is until it has its place; nobody's but ours if its INVITE is unanswered.
    from: Option<CallId>,
    /// It has its ports.
    is_open: bool,
    /// It was held by us there.
    was_held: bool,
    /// What it was offered.
    pending: Option<PendingOwn>,
    /// The same where whoever it is to replace rings yet.
    pub(super) offered: Option<Box<Offered>>,
    /// It is to replace nobody who has answered.
    early_only: bool,
    /// When that is tried, again or at all.
    pub(super) again: Option<Timestamp>,
    /// It must be decided by then.
    until: Option<Timestamp>,
    /// It is to go back, as soon as what it was offered is decided.
    refused: Option<u16>,
}

impl Arriving {
    pub(super) fn deadlines(&self) -> [Option<Timestamp>; 2] {
        [self.again, self.until]
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.again.is_some_and(|at| at <= now)
    }

    pub(super) fn is_overdue(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|at| at <= now)
    }

    /// It has its ports, and is to have its place.
    pub(super) fn is_ready(&self) -> bool {
        self.is_open && self.refused.is_none()
    }

    /// It has its place. With the call that it comes from and that waits to hear of it.
    pub(super) fn into_leg(self) -> (Leg, Option<CallId>) {
        (self.leg, self.from)
    }

    pub(super) fn waits_for_ports(&self, leg: LegId) -> bool {
        !self.is_open && self.leg.id == leg
    }
}

impl Call {
    /// Whether a leg of another call is to have a place here.
    pub(in super::super) fn is_taking_in(&self) -> bool {
        matches!(self.transfer().map(|transfer| &transfer.stage), Some(Stage::Arriving(_)))
    }

    pub(super) fn arriving(&mut self) -> Option<&mut Arriving> {
        match &mut self.transfer_mut()?.stage {
            Stage::Arriving(arriving) => Some(arriving),
            _ => None,
        }
    }

    /// Why the leg of that side cannot be replaced now. `by`: who asks for it, if that is not enough.
    pub(in super::super) fn why_no_place(&self, side: Side, by: Option<&str>) -> Option<u16> {
        let (Some(leg), Some(stays)) = (self.leg(side), self.leg(side.other())) else { return Some(501) };
        if by.is_some_and(|by| trunk_of(by) != trunk_of(&leg.endpoint)) {
            return Some(403);
        }
        if !self.is_anchored() {
            // What passes by us has no ports of ours.
            return Some(501);
        }
        let is_early = leg.state == State::Outgoing;
        let transfers = self.transfers.as_deref();
        if transfers.is_some_and(|transfers| transfers.count == MAX_TRANSFERS) {
            return Some(403);
        }
        let is_busy = transfers.is_some_and(|transfers| transfers.under_way.is_some());
        let is_settled = match &self.phase {
            Phase::Dialling(_) => is_early && !stays.is_nobody(),
            Phase::Talking => [leg, stays].iter().all(|leg| leg.state == State::Confirmed),
            _ => false,
        };
        (is_busy || !is_settled).then_some(491)
    }

    /// The newcomer may have the place of the leg on that side.
    pub(in super::super) fn make_room(&mut self, now: Timestamp, from: CallId, leg: MovingLeg, (side, early_only): (Side, bool)) {
        let mut leg = leg.into_leg();
        let Some(stays) = self.leg(side.other()).map(|leg| leg.id) else { return };
        let is_new = leg.state == State::Incoming;
        if is_new {
            self.tell_taken(from, stays);
        }
        let was_held = leg.media.is_held();
        // Here nobody has asked for that.
        leg.media.hold(false);
        let endpoint = EndpointRequest { leg: leg.id, side: leg.profile.media };
        let arriving = Arriving {
            leg,
            from: (!is_new).then_some(from),
            is_open: !is_new,
            was_held,
            pending: None,
            offered: None,
            early_only,
            again: None,
            until: Some(now + PATIENCE),
            refused: None,
        };
        self.under_way(side, Stage::Arriving(Box::new(arriving)), |_| {});
        if let Some(transfers) = &mut self.transfers {
            transfers.count += 1;
        }
        if is_new {
            self.media(MediaCommand::Add { call: self.id, endpoint });
        } else {
            self.try_arrive(now);
        }
    }

    /// The newcomer has its place, and its media endpoint comes after it.
    pub(super) fn adopt(&mut self, leg: LegId, from: CallId) {
        self.media(MediaCommand::Adopt { call: self.id, leg, from });
    }

    /// Its ports, if they are.
    pub(super) fn on_newcomer_ports(&mut self, now: Timestamp, locals: &[LocalEndpoint]) -> bool {
        let Some(arriving) = self.arriving() else { return false };
        let Some(local) = locals.iter().find(|local| arriving.waits_for_ports(local.leg)).copied() else { return false };
        arriving.is_open = true;
        arriving.leg.media.set_local(local);
        self.try_arrive(now);
        true
    }

    /// Begins to join the newcomer to the one who stays, now or as soon as nothing else changes the session.
    pub(super) fn try_arrive(&mut self, now: Timestamp) {
        let Some((by, named)) = self.transfer().map(|transfer| (transfer.by, transfer.transferor)) else { return };
        if self.is_ringing() {
            return self.try_pick_up(now, named);
        }
        let is_still = |leg: Option<&Leg>| leg.is_some_and(|leg| leg.media.exchange() == Exchange::Stable);
        let is_up = self.leg(by.other()).is_some_and(|leg| leg.state == State::Confirmed);
        let is_free = self.modify.is_none() && is_up && is_still(self.leg(by.other())) && is_still(self.leg(by));
        let is_other = self.leg(by).is_none_or(|leg| leg.id != named);
        let Some(arriving) = self.arriving().filter(|arriving| arriving.is_ready()) else { return };
        if is_other || arriving.early_only {
            // It has been answered meanwhile, by somebody else or by itself.
            return self.turn_away(now, if is_other { 603 } else { 486 });
        }
        arriving.again = Some(now + PAUSE);
        if !is_free || (arriving.leg.state == State::Confirmed && !arriving.leg.may_reinvite()) {
            return;
        }
        arriving.again = None;
        match arriving.leg.offered() {
            Some(offer) if arriving.leg.state == State::Incoming => match Offer::read(offer) {
                Ok(offer) => self.pass_newcomer(now, offer),
                Err(refusal) => self.turn_away(now, refusal.status),
            },
            _ => self.offer_newcomer(now, by),
        }
    }

    /// The offer of its INVITE goes to the one who stays, as that of a target does.
    fn pass_newcomer(&mut self, now: Timestamp, offer: Offer) {
        let Some(transfer) = self.transfer_mut() else { return };
        match std::mem::replace(&mut transfer.stage, Stage::Turning) {
            Stage::Arriving(arriving) => {
                let joining = Joining { leg: arriving.leg, offer: Some(offer), took: None, again: None, until: now + PATIENCE };
                transfer.stage = Stage::Joining(Box::new(joining));
                self.try_join(now);
            }
            stage => transfer.stage = stage,
        }
    }

    /// It is offered what the one who stays has.
    fn offer_newcomer(&mut self, now: Timestamp, by: Side) {
        let stays = by.other().of(&mut self.caller, &mut self.callee);
        let under_way = self.transfers.as_mut().and_then(|transfers| transfers.under_way.as_deref_mut());
        let (Some(stays), Some(Stage::Arriving(arriving))) = (stays, under_way.map(|transfer| &mut transfer.stage)) else { return };
        let pending = match negotiation::offer_like(&stays.media, &mut arriving.leg.media, Direction::SendRecv) {
            Ok(pending) => pending,
            Err(refusal) => return self.turn_away(now, refusal.status),
        };
        if arriving.leg.state == State::Incoming {
            arriving.leg.accept(context!(self, now), Some(pending.sdp()));
            let leg = arriving.leg.id;
            arriving.pending = Some(pending);
            self.notify(now, Some(leg), EventKind::LegAnswered);
        } else if arriving.leg.reinvite(context!(self, now), Some(pending.sdp()), MAX_FORWARDS) {
            arriving.pending = Some(pending);
        } else {
            return self.turn_away(now, 500);
        }
        self.modify = Some(Box::new(Modify::Arriving));
    }

    /// The final response to its re-INVITE.
    pub(super) fn on_newcomer_modified(&mut self, now: Timestamp, message: &Message) {
        let Some(arriving) = self.arriving() else { return };
        let (status, refused) = (message.status(), arriving.refused);
        match (status, refused) {
            (..300, None) if self.is_answered_meanwhile() => self.return_changed(now, message, 486),
            (..300, None) => {
                let answer = sdp_of(message);
                if let Some(leg) = target_mut(&mut self.transfers) {
                    leg.ack(context!(self, now), None);
                }
                self.settle_newcomer(now, answer.as_deref());
            }
            (..300, Some(refused)) => self.return_changed(now, message, refused),
            _ if ends_own_dialog(Method::Invite, status) => self.newcomer_gone(now, status),
            (491, None) => {
                let pause = self.target().map(|leg| leg.owns_call_id).map_or(PAUSE, |owns| glare_pause(owns, &mut self.random));
                self.offer_again(now + pause);
            }
            (_, refused) => self.return_newcomer(now, refused.unwrap_or(relayed_status(status)), false),
        }
    }

    /// Its re-INVITE never left.
    pub(super) fn on_newcomer_unreached(&mut self, now: Timestamp) {
        match self.arriving().map(|arriving| arriving.refused) {
            Some(None) => self.offer_again(now + PAUSE),
            Some(Some(status)) => self.return_newcomer(now, status, false),
            None => {}
        }
    }

    fn offer_again(&mut self, at: Timestamp) {
        self.unlock();
        if let Some(arriving) = self.arriving() {
            (arriving.pending, arriving.offered, arriving.again) = (None, None, Some(at));
        }
    }

    /// It has said what it takes of what it was offered: in the 2xx to our re-INVITE, or in the ACK of its INVITE, which had no offer.
    pub(super) fn settle_newcomer(&mut self, now: Timestamp, answer: Option<&[u8]>) {
        if let Some(offered) = self.arriving().and_then(|arriving| arriving.offered.take()) {
            return self.settle_sent_over(now, &offered, answer);
        }
        let Some(by) = self.transfer().map(|transfer| transfer.by) else { return };
        let stays = by.other().of(&mut self.caller, &mut self.callee);
        let under_way = self.transfers.as_mut().and_then(|transfers| transfers.under_way.as_deref_mut());
        let (Some(stays), Some(Stage::Arriving(arriving))) = (stays, under_way.map(|transfer| &mut transfer.stage)) else { return };
        let settled = match (arriving.pending.take(), answer) {
            (Some(pending), Some(answer)) => negotiation::settle_like(&pending, answer, &stays.media, &mut arriving.leg.media).ok(),
            _ => None,
        };
        match settled.filter(|settled| settled.codec.is_some()) {
            Some(settled) => self.newcomer_takes_place(now, settled),
            None => self.newcomer_gone(now, 488),
        }
    }

    fn newcomer_takes_place(&mut self, now: Timestamp, settled: SettledLike) {
        self.unlock();
        let Some(transfer) = self.transfers.as_mut().and_then(|transfers| transfers.under_way.take()) else { return };
        let Stage::Arriving(arriving) = transfer.stage else { return };
        let stays = transfer.by.other();
        let Some((stayer, direction)) = self.leg(stays).map(|leg| (leg.id, leg.media.direction())) else { return };
        let (id, hears) = (arriving.leg.id, arriving.leg.media.direction());
        let described = [(id, settled.describe_to), (stayer, settled.describe_of)];
        let holds = [settled.to_holds, false];
        if let Some(from) = arriving.from {
            self.adopt(id, from);
        }
        self.take_place(now, (transfer.by, arriving.leg), Joined { described, codec: settled.codec, holds });
        self.count_newcomer(transfer.by);
        // RFC 3891 §3.
        self.part(now, transfer.transferor);
        if let Some(from) = arriving.from {
            self.tell_taken(from, stayer);
        }
        // The one who stays may have been held by the one who has left.
        if [direction, hears] != [Some(Direction::SendRecv); 2] {
            self.reoffer(now, stays, Purpose::Like { direction: None });
        }
    }

    /// It was offered what the caller of a call that rang has, and that call has been answered since.
    fn is_answered_meanwhile(&mut self) -> bool {
        !self.is_ringing() && self.arriving().is_some_and(|arriving| arriving.offered.is_some())
    }

    pub(super) fn tell_taken(&mut self, from: CallId, hears: LegId) {
        self.write_to(Addressee::Call(from), Letter::Taken(hears));
    }

    /// The newcomer does not get the place: it goes back to its call, or its INVITE is refused.
    pub(super) fn turn_away(&mut self, now: Timestamp, status: u16) {
        let Some(arriving) = self.arriving() else { return };
        arriving.again = None;
        if arriving.from.is_none() || arriving.leg.state != State::Confirmed {
            return self.newcomer_gone(now, status);
        }
        if !arriving.leg.has_open_client_invite() {
            return self.return_newcomer(now, status, false);
        }
        (arriving.refused, arriving.until) = (arriving.refused.or(Some(status)), None);
        self.unlock();
        if let Some(leg) = target_mut(&mut self.transfers) {
            leg.cancel(context!(self, now), None);
        }
        self.end_if_left(now);
    }

    /// Its 2xx crossed our CANCEL: it goes back, with a session that is none of its call's.
    fn return_changed(&mut self, now: Timestamp, message: &Message, status: u16) {
        if let Some(leg) = target_mut(&mut self.transfers) {
            leg.ack(context!(self, now), None);
        }
        let under_way = self.transfers.as_mut().and_then(|transfers| transfers.under_way.as_deref_mut());
        let (answer, Some(Stage::Arriving(arriving))) = (sdp_of(message), under_way.map(|transfer| &mut transfer.stage)) else { return };
        let settled = match (arriving.pending.take(), arriving.offered.take(), answer) {
            (Some(pending), _, Some(answer)) => negotiation::settle_own(&pending, &answer, &mut arriving.leg.media).is_ok(),
            (_, Some(offered), Some(answer)) => offered.settle_without(&answer, &self.caller.media, &mut arriving.leg.media),
            _ => false,
        };
        if settled { self.return_newcomer(now, status, true) } else { self.newcomer_gone(now, 488) }
    }

    /// Back to the call that it comes from.
    fn return_newcomer(&mut self, now: Timestamp, status: u16, disturbed: bool) {
        let Some(mut arriving) = self.take_arriving() else { return };
        let Some(from) = arriving.from else { return };
        (arriving.pending, arriving.offered) = (None, None);
        arriving.leg.media.hold(arriving.was_held);
        match MovingLeg::new(arriving.leg) {
            Ok(leg) => self.write_to(Addressee::Call(from), Letter::Refused { leg, status, disturbed }),
            Err(leg) => self.see_newcomer_off(now, *leg, Some(from), status),
        }
        self.end_if_left(now);
    }

    /// It is over, or cannot go back, and is seen to its end here.
    pub(super) fn newcomer_gone(&mut self, now: Timestamp, status: u16) {
        let Some(arriving) = self.take_arriving() else { return };
        if arriving.from.is_none() {
            self.drop_ports(arriving.leg.id);
        }
        self.see_newcomer_off(now, arriving.leg, arriving.from, status);
        self.end_if_left(now);
    }

    fn see_newcomer_off(&mut self, now: Timestamp, mut leg: Leg, from: Option<CallId>, status: u16) {
        leg.hang_up(context!(self, now), status, None);
        leg.note_end(context!(self, now), over::unanswered(status));
        self.strays.push(leg);
        if let Some(from) = from {
            self.write_to(Addressee::Call(from), Letter::Lost { status });
        }
    }

    /// The newcomer is no longer here, whose place it was to have has hung up, or the call has ended and waited for it.
    fn end_if_left(&mut self, now: Timestamp) {
        if self.ended.is_some() {
            if self.transfer().is_none() {
                self.nothing_elsewhere(now);
            }
            return;
        }
        if self.is_ringing() {
            return;
        }
        for side in [Side::Caller, Side::Callee] {
            self.end_without(now, side);
        }
    }

    pub(super) fn take_arriving(&mut self) -> Option<Arriving> {
        self.unlock();
        let under_way = &mut self.transfers.as_mut()?.under_way;
        match under_way.take_if(|transfer| matches!(transfer.stage, Stage::Arriving(_)))?.stage {
            Stage::Arriving(arriving) => Some(*arriving),
            _ => None,
        }
    }

    fn unlock(&mut self) {
        self.modify.take_if(|modify| matches!(**modify, Modify::Arriving));
    }

    /// Its ports, if the media session is still there.
    fn drop_ports(&mut self, leg: LegId) {
        if matches!(self.media, MediaState::Open) {
            self.give_up_ports(leg);
        }
    }

    /// It has hung up.
    pub(super) fn on_newcomer_gone(&mut self, now: Timestamp) -> bool {
        let is_here = self.arriving().is_some();
        if is_here {
            self.newcomer_gone(now, 480);
        }
        is_here
    }
}
