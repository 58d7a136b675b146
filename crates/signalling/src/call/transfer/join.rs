//! The target has answered: the one who stays takes its offer, and it takes the place of the transferor.

use super::super::leg::{Leg, MAX_FORWARDS, State, sdp_of};
use super::super::modify::Modify;
use super::super::phase::PassedOffer;
use super::super::reoffer::Purpose;
use super::super::usage::ends_own_dialog;
use super::super::{Call, Output, Side, context, over, relayed_status};
use super::{Joining, Stage, Transfers};
use crate::message::{Message, Method};
use crate::negotiation::{self, Offer, Settled};
use std::time::Duration;
use tandem_model::{Codec, EndReason, EndpointDescription, EventKind, LegEnd, LegId, Place, QuestionId, Timestamp};

/// While somebody else's re-INVITE is open: when it is tried again.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// How long the target's 2xx waits for its ACK at the most: less than the 32 s after which it hangs up (RFC 3261 §13.3.1.4).
pub(super) const PATIENCE: Duration = Duration::from_secs(25);

/// How long the transferor has to hang up by itself, once it has been told that the target has answered.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// What two legs have settled that hear each other from now on.
pub(in super::super) struct Joined {
    pub(in super::super) described: [(LegId, Option<Box<EndpointDescription>>); 2],
    pub(in super::super) codec: Option<Codec>,
    /// The newcomer does not want to hear anything; nor does the one who stays.
    pub(in super::super) holds: [bool; 2],
}

pub(super) fn joining(transfers: &mut Option<Box<Transfers>>) -> Option<&mut Joining> {
    match &mut transfers.as_mut()?.under_way.as_mut()?.stage {
        Stage::Joining(joining) => Some(joining),
        _ => None,
    }
}

impl Call {
    /// The target answered with an offer; it is acknowledged when the one who stays has answered that.
    pub(super) fn on_target_answered(&mut self, now: Timestamp, message: &Message) {
        let Some(transfer) = self.transfer_mut() else { return };
        let (leg, own) = match std::mem::replace(&mut transfer.stage, Stage::Turning) {
            Stage::Dialling(dialled) => (dialled.leg, dialled.own),
            stage => {
                transfer.stage = stage;
                return;
            }
        };
        let id = leg.id;
        if let Some(own) = own {
            return self.target_took(now, leg, *own, message);
        }
        let offer = sdp_of(message).and_then(|sdp| Offer::read(sdp).ok());
        let is_unusable = offer.is_none();
        transfer.stage = Stage::Joining(Box::new(Joining { leg, offer, took: None, again: None, until: now + PATIENCE }));
        self.notify(now, Some(id), EventKind::LegAnswered);
        if is_unusable {
            return self.target_out(now, 488, None);
        }
        self.dismiss_other_targets(now);
        self.try_join(now);
    }

    /// Offers the one who stays what the target offered, now or as soon as it may be.
    pub(super) fn try_join(&mut self, now: Timestamp) {
        if joining(&mut self.transfers).is_some_and(|joining| joining.took.is_some()) {
            return self.try_join_taken(now);
        }
        let Some(stays) = self.transfer().map(|transfer| transfer.by.other()) else { return };
        let is_free = self.modify.is_none() && self.leg(stays).is_some_and(Leg::may_reinvite);
        let Some(joining) = joining(&mut self.transfers) else { return };
        joining.again = Some(now + PAUSE);
        let leg = stays.of(&mut self.caller, &mut self.callee);
        let (Some(leg), Some(offer), true) = (leg, joining.offer.clone(), is_free) else { return };
        let passed = match PassedOffer::pass(offer, &mut joining.leg.media, &mut leg.media) {
            Ok(passed) => passed,
            // Another offer is open with the one who stays.
            Err(refusal) if matches!(refusal.status, 491 | 500) => return,
            Err(refusal) => return self.fail_transfer(now, refusal.status, None),
        };
        joining.again = None;
        if !leg.reinvite(context!(self, now), Some(passed.pending.sdp()), MAX_FORWARDS) {
            return self.fail_transfer(now, 500, None);
        }
        self.modify = Some(Box::new(Modify::Joining { to: stays, passed: Box::new(passed) }));
    }

    /// The one who stays took the target's offer.
    pub(in super::super) fn on_joined(&mut self, now: Timestamp, stays: Side, passed: &PassedOffer, message: &Message) {
        self.with_leg(stays, now, |leg, context| leg.ack(context, None));
        let leg = stays.of(&mut self.caller, &mut self.callee);
        let answer = sdp_of(message);
        let settled = match (joining(&mut self.transfers), leg, &answer) {
            (Some(joining), Some(leg), Some(answer)) => {
                negotiation::translate_answer(&passed.pending, answer, &mut joining.leg.media, &mut leg.media).ok()
            }
            _ => None,
        };
        match settled {
            Some(settled) => self.join_target(now, stays, settled),
            // The target has gone meanwhile, and its offer with it: back to the one who is there.
            None if self.transfer().is_none() => self.reoffer(now, stays, Purpose::Like { direction: None }),
            // The one who stays has let go of the session that it had, and there is none to take its place.
            None => self.end(now, EndReason::Failed(488), None),
        }
    }

    fn join_target(&mut self, now: Timestamp, stays: Side, settled: Settled) {
        let Some(transfer) = self.transfers.as_mut().and_then(|transfers| transfers.under_way.take()) else { return };
        let Stage::Joining(joining) = transfer.stage else { return };
        let is_newcomer = joining.leg.state == State::Incoming;
        let Some(stayer) = self.leg(stays).map(|leg| leg.id) else { return };
        let id = joining.leg.id;
        let (described, holds) = ([(id, settled.describe_from), (stayer, settled.describe_to)], [settled.from_holds, settled.to_holds]);
        self.take_place(now, (transfer.by, joining.leg), Joined { described, codec: settled.codec, holds });
        self.with_leg(transfer.by, now, |leg, context| match is_newcomer {
            true => leg.accept(context, Some(&settled.answer)),
            false => leg.ack(context, Some(&settled.answer)),
        });
        if is_newcomer {
            self.count_newcomer(transfer.by);
            self.notify(now, Some(id), EventKind::LegAnswered);
            // RFC 3891 §3.
            return self.part(now, transfer.transferor);
        }
        self.bid_farewell(now, (transfer.transferor, transfer.question), id);
    }

    /// The target has the place of the transferor, who is told, and may hang up by itself.
    pub(super) fn bid_farewell(&mut self, now: Timestamp, (transferor, question): (LegId, Option<QuestionId>), target: LegId) {
        if let Some(question) = question {
            self.note_place(target, Place::Target(question));
        }
        if let Some(transfers) = &mut self.transfers {
            let is_there = self.strays.iter().any(|leg| leg.id == transferor && leg.state == State::Confirmed);
            transfers.parting = is_there.then_some((transferor, now + FAREWELL));
        }
        if self.tell_commander(transferor, 200) {
            // Nobody has told it to hang up by itself.
            self.part_with_the_last(now);
        }
        self.tell(now, transferor, 200, None);
    }

    /// The leg on that side was another call's, which its trunk counted, and for which somebody pays.
    pub(super) fn count_newcomer(&mut self, side: Side) {
        if let Some(leg) = side.of(&mut self.caller, &mut self.callee) {
            let (id, payers) = (leg.id, std::mem::take(&mut leg.payers).into());
            self.outputs.push_back(Output::Joined(id, leg.endpoint.clone(), payers));
            let record = leg.record.take();
            self.note_place(id, Place::Joined(id));
            self.want_recording(record);
        }
    }

    /// `target` takes the place of the leg on that side, and hears the other one from now on.
    pub(super) fn take_place(&mut self, now: Timestamp, (by, target): (Side, Leg), joined: Joined) {
        let Some(stayer) = self.leg(by.other()).map(|leg| leg.id) else { return };
        let (replacement, [target_holds, stayer_holds]) = (target.id, joined.holds);
        let Some(replaced) = self.displace(now, (by, target), joined, Some(over::transferred())) else { return };
        self.notify(now, Some(stayer), EventKind::LegTransferred { by: replaced, to: replacement });
        self.held[by as usize] = false;
        self.note_hold(now, by.other(), stayer, stayer_holds);
        self.note_hold(now, by, replacement, target_holds);
    }

    /// The newcomer stands on that side from now on, and who stood there, which is returned, sees its transactions to the end; `end` is how
    /// it ended, if that was not told before.
    pub(in super::super) fn displace(
        &mut self,
        now: Timestamp,
        (by, newcomer): (Side, Leg),
        joined: Joined,
        end: Option<LegEnd>,
    ) -> Option<LegId> {
        let slot = by.of(&mut self.caller, &mut self.callee)?;
        let (replacement, mut replaced) = (newcomer.id, newcomer);
        std::mem::swap(slot, &mut replaced);
        self.codec = joined.codec.or(self.codec);
        self.describe_each(joined.described);
        self.join_media();
        self.give_up_ports(replaced.id);
        replaced.end_held(context!(self, now));
        let asked = replaced.forget_askers();
        self.answer_for_gone(now, by.other(), &asked);
        // What the one who stays still says to questions of the other is for nobody: the newcomer's may have the same numbers.
        self.with_leg(by.other(), now, |leg, _| drop(leg.forget_askers()));
        self.forget_passed_of(replaced.id);
        replaced.replaced_by = Some(replacement);
        end.into_iter().for_each(|end| replaced.note_end(context!(self, now), end));
        // Whatever was still to be offered to the one who has left.
        self.forget_reoffers(by);
        self.note_replaced(replaced.id);
        if replaced.state == State::Leaving {
            self.free_place(replaced.id);
        }
        let id = replaced.id;
        self.strays.push(replaced);
        Some(id)
    }

    /// The one who stays did not take the target's offer: its session is as it was (RFC 3261 §14.1), and so is the call.
    pub(in super::super) fn on_join_refused(&mut self, now: Timestamp, stays: Side, message: &Message) {
        match message.status() {
            status if ends_own_dialog(Method::Invite, status) => self.dialog_refused(now, stays, status),
            491 => {
                let leg = stays.of(&mut self.caller, &mut self.callee);
                let pause = leg.map_or(PAUSE, |leg| leg.glare_pause(&mut self.random));
                if let Some(joining) = joining(&mut self.transfers) {
                    joining.again = Some(now + pause);
                }
            }
            status => self.fail_transfer(now, relayed_status(status), None),
        }
    }

    /// The offer never reached the one who stays.
    pub(in super::super) fn join_later(&mut self, now: Timestamp) {
        if let Some(joining) = joining(&mut self.transfers) {
            joining.again = Some(now + PAUSE);
        }
    }

    /// The target has hung up before it was joined to anybody.
    pub(super) fn on_target_gone(&mut self, now: Timestamp) {
        if !self.on_newcomer_gone(now) {
            self.target_out(now, 480, None);
        }
    }

    /// The target is hung up: the offer of its 2xx is owed an answer before that (RFC 3261 §13.2.2.4).
    pub(super) fn decline_target(&mut self, now: Timestamp, joining: Joining) -> Leg {
        if let Some(Modify::Joining { to, .. }) = self.modify.as_deref() {
            let to = *to;
            // Its final response finds nothing to be joined to.
            self.with_leg(to, now, |leg, context| leg.cancel(context, None));
        }
        let mut leg = joining.leg;
        if leg.state == State::Incoming || joining.took.is_some() {
            return leg;
        }
        let declined = joining.offer.map(|offer| negotiation::decline_offer(&offer, &mut leg.media));
        leg.ack(context!(self, now), declined.as_deref());
        leg
    }

    /// The two who are on the two sides now talk with each other.
    pub(super) fn join_media(&mut self) {
        if self.is_anchored() {
            self.tell_hearing();
        }
    }
}
