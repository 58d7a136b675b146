//! Transfer (RFC 3515, RFC 5589): a peer asks by REFER that the other one be joined to somebody else, and we do it.
//!
//! The two legs of the call stay as they are while the target is called. When it has answered and the one who stays has taken its
//! offer, the target's leg takes the place of the transferor's, which then only sees its NOTIFY and its BYE through. Until then
//! whatever goes wrong leaves the call as it was.
//!
//! A REFER or an INVITE with Replaces that names a leg of ours (RFC 3891) joins two calls of ours: a leg goes from one ([`leave`]) to the
//! other ([`arrive`]) and takes the place of the leg that is named, which may ring yet ([`pick_up`]). A REFER that the other peer is to carry
//! out goes on to it ([`pass`]), and names the leg to be replaced as that one's far peer knows it ([`faces`]).

mod arrive;
mod commanded;
mod dial;
mod faces;
mod group;
mod join;
mod leave;
mod notice;
mod outside;
mod own;
mod pass;
mod pick_up;
mod places;
mod refer;

use super::leg::{Leg, LegEvent};
use super::{Call, Cause, Reason, Side, context};
use crate::negotiation::Offer;
use arrive::Arriving;
use faces::Asking;
use group::Group;
pub(super) use join::Joined;
use notice::Notice;
use outside::Aside;
use own::{OwnOffer, Took};
use pass::PassedRefer;
pub(super) use pick_up::Offered;
use tandem_model::{CommandId, EndReason, LegId, LegPlan, Place, QuestionId, Timestamp, TrunkId};

/// Transfers of one call that are carried out; more are refused, so that two who pass a caller to and fro come to an end.
const MAX_TRANSFERS: u8 = 8;

/// All that a call knows of transfers; nothing until its first.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    under_way: Option<Box<Transfer>>,
    notices: Vec<Notice>,
    /// REFERs that the other peer has got.
    passed: Vec<PassedRefer>,
    /// A REFER passed before has lost its place to a later one: a NOTIFY that does not say which it is about may be of that.
    has_forgotten: bool,
    /// REFERs that wait for the name of a leg of another call.
    asking: Vec<Asking>,
    /// Questions of that kind so far.
    tickets: u16,
    /// A leg that was replaced, and when it is hung up by us.
    parting: Option<(LegId, Timestamp)>,
    /// Whoever told us to transfer, and whose leg; they are told what came of it.
    commander: Option<(LegId, CommandId)>,
    /// How many were begun.
    count: u8,
    /// What trunks count the legs for that are here by transfer, and those that were replaced.
    places: Vec<(LegId, Place)>,
    /// The dialogs that REFERs from outside of any have made.
    asides: Vec<Aside>,
    /// Legs that have referred before, in their dialog: their next REFER's NOTIFYs say which they are about (RFC 3515 §2.4.6).
    referred: Vec<LegId>,
}

/// A transfer that is being carried out.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Whose peer asked for it.
    by: Side,
    /// That leg.
    transferor: LegId,
    /// What policy was asked about it, if it was asked: a trunk may count the target.
    question: Option<QuestionId>,
    /// The trunk that counts it.
    seized: Option<TrunkId>,
    /// What it has said of where it leads.
    plans: Box<[LegPlan]>,
    next: usize,
    /// All of them together.
    deadline: Option<Timestamp>,
    /// The ring group that they are a member of.
    group: Option<Box<Group>>,
    /// Headers of the INVITE that the REFER asks for.
    referred_by: Option<Box<str>>,
    replaces: Option<Box<str>>,
    /// It asks for a `sips:` URI.
    sips: bool,
    max_forwards: u32,
    /// What the transferor is told when no target is left.
    failure: u16,
    stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
enum Stage {
    /// Policy has been asked where it leads.
    Routing(QuestionId, Timestamp),
    /// Policy has been asked whether the trunk of the next place has room.
    Seizing(QuestionId, Timestamp),
    /// Ports are being opened for the target, as this leg.
    Opening(LegId, Timestamp),
    /// The target is invited.
    Dialling(Box<Dialled>),
    /// On the way from one stage to the next.
    Turning,
    /// It has answered, and the one who stays is to take its offer.
    Joining(Box<Joining>),
    /// The one who would stay is with another call, which says before then what becomes of it.
    Away(Timestamp),
    /// It is that call's for good; the transferor may hang up by itself until then.
    SentOver(Timestamp),
    /// A leg of another call is to take the place of the transferor's.
    Arriving(Box<Arriving>),
}

#[derive(Debug)]
struct Dialled {
    leg: Leg,
    /// What its INVITE offered.
    own: Option<Box<OwnOffer>>,
    /// No response at all until then.
    trying_until: Option<Timestamp>,
    /// No answer until then.
    ring_until: Timestamp,
}

#[derive(Debug)]
struct Joining {
    leg: Leg,
    /// The offer of its 2xx; `None` if that cannot be read.
    offer: Option<Offer>,
    /// What it said to an offer of ours, if its INVITE had one; it has its ACK.
    took: Option<Box<Took>>,
    /// When it is tried, again or at all.
    again: Option<Timestamp>,
    /// The longest that the target's 2xx may wait for its ACK.
    until: Timestamp,
}

impl Stage {
    fn leg(&self) -> Option<&Leg> {
        match self {
            Stage::Dialling(dialled) => Some(&dialled.leg),
            Stage::Joining(joining) => Some(&joining.leg),
            Stage::Arriving(arriving) => Some(&arriving.leg),
            _ => None,
        }
    }

    fn leg_mut(&mut self) -> Option<&mut Leg> {
        match self {
            Stage::Dialling(dialled) => Some(&mut dialled.leg),
            Stage::Joining(joining) => Some(&mut joining.leg),
            Stage::Arriving(arriving) => Some(&mut arriving.leg),
            _ => None,
        }
    }

    fn deadlines(&self) -> [Option<Timestamp>; 2] {
        match self {
            Stage::Routing(_, until)
            | Stage::Seizing(_, until)
            | Stage::Opening(_, until)
            | Stage::Away(until)
            | Stage::SentOver(until) => [Some(*until), None],
            Stage::Turning => [None, None],
            Stage::Dialling(dialled) => [dialled.trying_until, Some(dialled.ring_until)],
            Stage::Joining(joining) => [joining.again, Some(joining.until)],
            Stage::Arriving(arriving) => arriving.deadlines(),
        }
    }
}

/// The leg that the call is being transferred to.
fn target_mut(transfers: &mut Option<Box<Transfers>>) -> Option<&mut Leg> {
    transfers.as_mut()?.under_way.as_mut()?.stage.leg_mut()
}

impl Call {
    pub(super) fn transfer(&self) -> Option<&Transfer> {
        self.transfers.as_ref()?.under_way.as_deref()
    }

    fn transfer_mut(&mut self) -> Option<&mut Transfer> {
        self.transfers.as_mut()?.under_way.as_deref_mut()
    }

    /// The leg that the call is being transferred to; of a ring group the one under way.
    pub(super) fn target(&self) -> Option<&Leg> {
        self.transfer()?.stage.leg()
    }

    /// The transferor has hung up, and the one who stays waits for the target: the call goes on (RFC 5589 §6).
    pub(super) fn outlives(&self, side: Side) -> bool {
        !self.is_ringing() && self.transfer().is_some_and(|transfer| transfer.by == side && !matches!(transfer.stage, Stage::SentOver(_)))
    }

    /// Something that the target's leg has to tell.
    pub(super) fn on_target_event(&mut self, now: Timestamp, event: Option<LegEvent>) {
        match event {
            None => {}
            Some(LegEvent::Trying) => self.on_target_trying(),
            Some(LegEvent::Provisional(message)) => self.on_target_provisional(now, &message),
            Some(LegEvent::Accepted(message)) => self.on_target_answered(now, &message),
            Some(LegEvent::Rejected(message)) => self.on_target_rejected(now, &message),
            Some(LegEvent::Turned) => self.on_target_turned(now),
            Some(LegEvent::TimedOut) => self.on_target_silent(now, Cause::Timeout),
            Some(LegEvent::Unreachable) => self.on_target_silent(now, Cause::Unreachable),
            Some(LegEvent::HungUp(_) | LegEvent::Lost | LegEvent::KeyLost | LegEvent::Expired) => self.on_target_gone(now),
            Some(LegEvent::RefreshDue) => {
                if let Some(leg) = target_mut(&mut self.transfers) {
                    leg.refresh_later(now);
                }
            }
            // Nobody is joined to it yet who could be asked.
            Some(LegEvent::Asked(id)) => {
                let reply = super::leg::Reply::new(500, &[]);
                if let Some(leg) = target_mut(&mut self.transfers) {
                    leg.reply(context!(self, now), id, &reply);
                }
            }
            Some(LegEvent::Reinvited) => {
                if let Some(leg) = target_mut(&mut self.transfers) {
                    leg.reject(context!(self, now), 491, None, &super::leg::Extra::none());
                }
            }
            Some(LegEvent::Noticed(..) | LegEvent::Replied(..) | LegEvent::Unanswered(_) | LegEvent::Undelivered(..)) => {}
            Some(LegEvent::Cancelled(_)) => self.fail_transfer(now, 487, None),
            Some(LegEvent::Acknowledged(sdp)) => self.settle_newcomer(now, sdp.as_deref()),
            Some(LegEvent::AckMissing) => self.fail_transfer(now, 408, None),
            Some(LegEvent::Modified(message)) => self.on_newcomer_modified(now, &message),
            Some(LegEvent::Unmodified) => self.on_newcomer_unreached(now),
            Some(LegEvent::PrackAnswered(_) | LegEvent::PrackOffered(..) | LegEvent::PrackMissing | LegEvent::Accepting) => {}
        }
    }

    /// Something that a leg tells which is no part of the conversation any more.
    pub(super) fn on_stray_event(&mut self, now: Timestamp, leg: LegId, event: Option<LegEvent>) {
        match event {
            Some(LegEvent::Noticed(id, accepted)) => self.on_noticed(now, id, accepted),
            Some(LegEvent::Asked(id)) => {
                if self.on_subscribe(now, leg, id) {
                    return;
                }
                if let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == leg) {
                    stray.reply(context!(self, now), id, &super::leg::Reply::new(500, &[]));
                }
            }
            Some(LegEvent::Reinvited) => {
                if let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == leg) {
                    stray.reject(context!(self, now), 500, None, &super::leg::Extra::none());
                }
            }
            Some(LegEvent::HungUp(_) | LegEvent::Lost | LegEvent::KeyLost) => {
                self.forget_parting(leg);
                self.free_place(leg);
            }
            Some(event @ (LegEvent::Replied(..) | LegEvent::Unanswered(_) | LegEvent::Undelivered(..))) => {
                self.on_aside_event(now, leg, event);
            }
            _ => {}
        }
    }

    /// Whether the call is being transferred to that leg; then it is hung up, and the transfer has come to nothing, unless others ring.
    pub(super) fn hang_up_target(&mut self, now: Timestamp, leg: LegId) -> bool {
        let is_target = self.transfers.as_deref_mut().is_some_and(|transfers| transfers.bring_forward(leg).is_some());
        if is_target {
            self.target_out(now, 480, None);
        }
        is_target
    }

    fn forget_parting(&mut self, leg: LegId) {
        if let Some(transfers) = &mut self.transfers {
            transfers.parting.take_if(|(parting, _)| *parting == leg);
        }
    }

    /// The call ends: the target is let go, and the transferor told.
    pub(super) fn end_transfer(&mut self, now: Timestamp) {
        let Some(transfers) = &mut self.transfers else { return };
        let parting = transfers.parting.take();
        // What they wait for is of no use: they are answered with everything else that waits.
        transfers.asking.clear();
        match transfers.under_way.as_ref().map(|transfer| (&transfer.stage, transfer.transferor)) {
            None => {}
            // It comes back, or does not.
            Some((Stage::Away(_), transferor)) => self.tell(now, transferor, 487, None),
            // RFC 3891 §3: the dialog that it names is over.
            Some((Stage::Arriving(_), _)) => self.turn_away(now, 603),
            Some((_, transferor)) => {
                if let Some(transfer) = transfers.under_way.take() {
                    self.let_targets_go(now, *transfer, 603);
                }
                self.tell(now, transferor, 487, None);
            }
        }
        if let Some((leg, _)) = parting {
            self.part(now, leg);
        }
        self.end_asides(now);
    }

    pub(super) fn transfer_deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> {
        let transfers = self.transfers.as_deref();
        let under_way = transfers.and_then(|transfers| transfers.under_way.as_ref()).map(|transfer| transfer.all_deadlines());
        let parting = transfers.and_then(|transfers| transfers.parting).map(|(_, at)| at);
        let notices = transfers.map(|transfers| transfers.notices.as_slice()).unwrap_or_default().iter().filter_map(Notice::poll_timeout);
        let asking = transfers.map(|transfers| transfers.asking.as_slice()).unwrap_or_default().iter().map(Asking::deadline);
        let all = under_way.into_iter().flatten().chain(parting).chain(notices).chain(asking);
        all.map(|at| (at, Reason::Transfer))
    }

    pub(super) fn on_transfer_deadline(&mut self, now: Timestamp) {
        let Some(transfers) = &mut self.transfers else { return };
        if let Some((leg, _)) = transfers.parting.take_if(|(_, at)| *at <= now) {
            self.part(now, leg);
        }
        self.expire_notices(now);
        self.expire_asking(now);
        self.on_stage_deadline(now);
        while self.bring_due_forward(now) {
            self.on_stage_deadline(now);
        }
    }

    fn on_stage_deadline(&mut self, now: Timestamp) {
        let Some(transfer) = self.transfer() else { return };
        match &transfer.stage {
            Stage::Routing(_, until) if *until <= now => self.fail_transfer(now, 500, None),
            Stage::Seizing(_, until) | Stage::Opening(_, until) if *until <= now => self.target_out(now, 500, None),
            Stage::Routing(..) | Stage::Seizing(..) | Stage::Opening(..) | Stage::Turning => {}
            Stage::Dialling(dialled) if dialled.ring_until <= now => self.on_target_silent(now, Cause::Timeout),
            Stage::Dialling(dialled) if dialled.trying_until.is_some_and(|at| at <= now) => self.on_target_silent(now, Cause::Timeout),
            Stage::Dialling(_) => {}
            Stage::Joining(joining) if joining.until <= now => self.fail_transfer(now, 500, None),
            Stage::Joining(joining) if joining.again.is_some_and(|at| at <= now) => self.try_join(now),
            Stage::Joining(_) => {}
            Stage::Arriving(arriving) if arriving.is_overdue(now) => self.fail_transfer(now, 408, None),
            Stage::Arriving(arriving) if arriving.is_due(now) => self.try_arrive(now),
            Stage::Away(until) if *until <= now => self.on_away_too_long(now),
            Stage::SentOver(until) if *until <= now => self.end(now, EndReason::Transferred, None),
            Stage::Arriving(_) | Stage::Away(_) | Stage::SentOver(_) => {}
        }
    }

    /// Whoever the transfer before replaced is hung up, if it has not done so: there is one at a time who is waited for.
    pub(super) fn part_with_the_last(&mut self, now: Timestamp) {
        if let Some((leg, _)) = self.transfers.as_mut().and_then(|transfers| transfers.parting.take()) {
            self.part(now, leg);
        }
    }

    /// A leg that was replaced is hung up.
    fn part(&mut self, now: Timestamp, leg: LegId) {
        self.free_place(leg);
        if let Some(stray) = self.strays.iter_mut().find(|stray| stray.id == leg) {
            stray.hang_up(context!(self, now), 487, super::over::reason_value(EndReason::Transferred).as_deref());
        }
    }

    /// The leg of that id, wherever it stands in the call.
    fn any_leg(&mut self, id: LegId) -> Option<&mut Leg> {
        let legs = std::iter::once(&mut self.caller).chain(&mut self.callee).chain(&mut self.strays);
        legs.into_iter().find(|leg| leg.id == id)
    }

    /// The transfer came to nothing: the transferor is told, and the call goes on as it was; without a transferor it ends.
    pub(super) fn fail_transfer(&mut self, now: Timestamp, status: u16, reason: Option<&str>) {
        if matches!(self.transfer().map(|transfer| &transfer.stage), Some(Stage::Arriving(_))) {
            return self.turn_away(now, status);
        }
        let Some(transfer) = self.transfers.as_mut().and_then(|transfers| transfers.under_way.take()) else { return };
        let (by, transferor) = (transfer.by, transfer.transferor);
        self.let_targets_go(now, *transfer, status);
        self.tell(now, transferor, status, reason);
        self.end_without(now, by);
    }

    /// The call ends if that side's peer has hung up while somebody was to take its place.
    fn end_without(&mut self, now: Timestamp, by: Side) {
        if self.leg(by).is_none_or(|leg| leg.state == super::leg::State::Leaving) {
            let end = if by == Side::Caller { EndReason::CallerHungUp } else { EndReason::CalleeHungUp };
            self.leave(now, by, end, None);
        }
    }
}
