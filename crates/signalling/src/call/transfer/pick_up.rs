//! A call that rings is picked up: a newcomer names an early dialog that we began (RFC 3891 §3), and answers in the place of whoever rings.
//!
//! It rings on until the newcomer has ports and the two have a session in common; until then whatever goes wrong leaves the call as it
//! was. Where both have made an offer each is answered at once. Where one has not, it gets one, and who waits for the answer is the other.
//! A caller that has had its answer keeps that (RFC 3261 §13.2.1), and is offered the newcomer's session afterwards if that is another.

use super::super::leg::{Leg, MAX_FORWARDS, State};
use super::super::modify::Modify;
use super::super::phase::{Dialling, PassedOffer, Phase};
use super::super::reoffer::Purpose;
use super::super::{Call, Output, Side, context, over};
use super::Stage;
use super::arrive::Arriving;
use super::join::PAUSE;
use crate::negotiation::{self, Exchange, LegMedia, Offer, PendingOwn, Refusal};
use crate::reason::COMPLETED_ELSEWHERE;
use crate::sdp::Direction;
use std::sync::Arc;
use tandem_model::{EndReason, EventKind, LegId, Place, Timestamp};

/// What a newcomer that made no offer was offered.
#[derive(Debug)]
pub(in super::super) enum Offered {
    /// The caller's offer.
    Passed(Box<PassedOffer>),
    /// The like of what the caller has been answered.
    Like(PendingOwn),
    /// Ours, where the caller made none.
    Own(PendingOwn),
}

impl Offered {
    fn sdp(&self) -> &[u8] {
        match self {
            Offered::Passed(passed) => passed.pending.sdp(),
            Offered::Like(pending) | Offered::Own(pending) => pending.sdp(),
        }
    }

    /// Takes the newcomer's answer. What the caller is told then; `None` where they have nothing in common.
    fn settle(&self, answer: &[u8], caller: &mut LegMedia, newcomer: &mut LegMedia) -> Option<ToCaller> {
        match self {
            Offered::Passed(passed) => {
                let settled = negotiation::translate_answer(&passed.pending, answer, caller, newcomer).ok()?;
                Some(ToCaller::Answer(settled.answer))
            }
            Offered::Like(pending) => {
                let settled = negotiation::settle_like(pending, answer, caller, newcomer).ok()?;
                settled.codec.map(|_| ToCaller::Told)
            }
            Offered::Own(pending) => {
                negotiation::settle_own(pending, answer, newcomer).ok()?;
                let direction = newcomer.direction().unwrap_or(Direction::SendRecv);
                negotiation::offer_like(newcomer, caller, direction).ok().map(ToCaller::Offer)
            }
        }
    }

    /// Takes the answer of a newcomer that does not get the place after all: the caller hears nothing of it.
    pub(super) fn settle_without(&self, answer: &[u8], caller: &LegMedia, newcomer: &mut LegMedia) -> bool {
        match self {
            Offered::Passed(passed) => {
                let mut nobody = LegMedia::new(&[], true, None, 0);
                caller.local().into_iter().for_each(|local| nobody.set_local(local));
                negotiation::translate_answer(&passed.pending, answer, &mut nobody, newcomer).is_ok()
            }
            Offered::Like(pending) | Offered::Own(pending) => negotiation::settle_own(pending, answer, newcomer).is_ok(),
        }
    }
}

/// What the caller's 200 says.
enum ToCaller {
    /// The answer to its offer.
    Answer(Arc<[u8]>),
    /// The answer that it has had.
    Told,
    /// An offer like what the newcomer has; its ACK will answer that.
    Offer(PendingOwn),
}

/// What becomes of the newcomer's offer.
enum Taken {
    /// It has its answer, and the caller's 200 says that.
    Answered(Arc<[u8]>, ToCaller),
    /// The caller, which made none, is to answer it.
    Passed(Box<PassedOffer>),
}

impl Call {
    /// Whether somebody is called, and nobody has answered yet.
    pub(in super::super) fn is_ringing(&self) -> bool {
        matches!(self.phase, Phase::Seizing(..) | Phase::Opening(..) | Phase::Dialling(_) | Phase::Between)
    }

    /// Whether that leg is called and has not answered. It is the one under way then.
    fn rings(&mut self, leg: LegId) -> bool {
        self.bring_leg_forward(leg);
        let is_called = |callee: &Leg| callee.id == leg && callee.state == State::Outgoing;
        matches!(self.phase, Phase::Dialling(_)) && self.callee.as_ref().is_some_and(is_called)
    }

    /// A leg rings no longer. Who was to have its place is told so (RFC 3891 §3).
    pub(in super::super) fn place_is_gone(&mut self, now: Timestamp, leg: LegId) {
        let is_wanted = self.transfer().is_some_and(|transfer| transfer.transferor == leg && matches!(transfer.stage, Stage::Arriving(_)));
        if is_wanted {
            self.turn_away(now, 603);
        }
    }

    /// The newcomer has its ports: it answers in the place of `named`, now or as soon as nothing else changes the caller's session.
    pub(super) fn try_pick_up(&mut self, now: Timestamp, named: LegId) {
        if !self.rings(named) {
            return self.turn_away(now, 603);
        }
        let is_free = self.modify.is_none() && !matches!(self.caller.media.exchange(), Exchange::OfferSent { .. });
        let Some(arriving) = self.arriving().filter(|arriving| arriving.is_ready()) else { return };
        let is_new = arriving.leg.state == State::Incoming;
        arriving.again = Some(now + PAUSE);
        if !is_free || !(is_new || arriving.leg.may_reinvite()) {
            return;
        }
        arriving.again = None;
        match arriving.leg.offered().filter(|_| is_new).map(Offer::read).transpose() {
            Ok(Some(offer)) => self.answer_newcomer(now, offer),
            Ok(None) => self.offer_ringing(now, is_new),
            Err(refusal) => self.turn_away(now, refusal.status),
        }
    }

    /// The newcomer has made an offer.
    fn answer_newcomer(&mut self, now: Timestamp, offer: Offer) {
        let Some((dialling, caller, newcomer)) = self.meeting() else { return };
        let taken = match take_offer(offer, dialling, &mut caller.media, &mut newcomer.media) {
            Ok(taken) => taken,
            Err(refusal) => return self.turn_away(now, refusal.status),
        };
        let Some(arriving) = self.take_arriving() else { return };
        let id = arriving.leg.id;
        self.take_over(now, arriving);
        match taken {
            Taken::Answered(answer, to_caller) => {
                self.accept_picked_up(now, to_caller, |call| {
                    call.with_leg(Side::Callee, now, |leg, context| leg.accept(context, Some(&answer)));
                    call.notify(now, Some(id), EventKind::LegAnswered);
                });
            }
            Taken::Passed(passed) => {
                self.answered = Some(now);
                self.caller.accept(context!(self, now), Some(passed.pending.sdp()));
                self.phase = Phase::LateAnswer(passed);
                self.tell_accepted(now);
            }
        }
    }

    /// What has gone to whoever rings, the caller and the newcomer.
    fn meeting(&mut self) -> Option<(&Dialling, &mut Leg, &mut Leg)> {
        let Phase::Dialling(dialling) = &self.phase else { return None };
        match &mut self.transfers.as_mut()?.under_way.as_mut()?.stage {
            Stage::Arriving(arriving) => Some((dialling, &mut self.caller, &mut arriving.leg)),
            _ => None,
        }
    }

    /// The newcomer has made no offer, or comes from another call: it gets one.
    fn offer_ringing(&mut self, now: Timestamp, is_new: bool) {
        let Some((dialling, caller, newcomer)) = self.meeting() else { return };
        let offered = match make_offer(dialling, caller, &mut newcomer.media) {
            Ok(offered) => offered,
            Err(refusal) => return self.turn_away(now, refusal.status),
        };
        if is_new {
            let Some(mut arriving) = self.take_arriving() else { return };
            arriving.leg.accept(context!(self, now), Some(offered.sdp()));
            self.notify(now, Some(arriving.leg.id), EventKind::LegAnswered);
            self.take_over(now, arriving);
            self.phase = Phase::TakenOver(Box::new(offered));
            return;
        }
        let under_way = self.transfers.as_mut().and_then(|transfers| transfers.under_way.as_deref_mut());
        let Some(Stage::Arriving(arriving)) = under_way.map(|transfer| &mut transfer.stage) else { return };
        if !arriving.leg.reinvite(context!(self, now), Some(offered.sdp()), MAX_FORWARDS) {
            return self.turn_away(now, 500);
        }
        arriving.offered = Some(Box::new(offered));
        self.modify = Some(Box::new(Modify::Arriving));
    }

    /// The newcomer's ACK, with its answer to our offer: who rang is gone.
    pub(in super::super) fn on_taken_over(&mut self, now: Timestamp, offered: &Offered, answer: &[u8]) {
        let Some(callee) = &mut self.callee else { return };
        match offered.settle(answer, &mut self.caller.media, &mut callee.media) {
            Some(to_caller) => self.accept_picked_up(now, to_caller, |_| {}),
            None => self.end(now, EndReason::Failed(488), None),
        }
    }

    /// The newcomer that comes from another call has answered our offer.
    pub(super) fn settle_sent_over(&mut self, now: Timestamp, offered: &Offered, answer: Option<&[u8]>) {
        let under_way = self.transfers.as_mut().and_then(|transfers| transfers.under_way.as_deref_mut());
        let Some(Stage::Arriving(arriving)) = under_way.map(|transfer| &mut transfer.stage) else { return };
        let settled = answer.and_then(|answer| offered.settle(answer, &mut self.caller.media, &mut arriving.leg.media));
        let Some(to_caller) = settled else { return self.newcomer_gone(now, 488) };
        let Some(arriving) = self.take_arriving() else { return };
        self.take_over(now, arriving);
        self.accept_picked_up(now, to_caller, |_| {});
    }

    /// Caller and newcomer have a session: the caller is answered, and the newcomer by `answer_newcomer`.
    fn accept_picked_up(&mut self, now: Timestamp, to_caller: ToCaller, answer_newcomer: impl FnOnce(&mut Call)) {
        let is_first = self.caller.state == State::Incoming;
        self.answered = self.answered.or(Some(now));
        self.describe_both(now);
        answer_newcomer(self);
        let said = match &to_caller {
            ToCaller::Answer(answer) => Some(Arc::clone(answer)),
            ToCaller::Told => self.caller.media.said(),
            ToCaller::Offer(pending) => Some(Arc::from(pending.sdp())),
        };
        self.caller.accept(context!(self, now), said.as_deref());
        if is_first {
            self.tell_accepted(now);
        }
        match to_caller {
            ToCaller::Answer(_) => {}
            ToCaller::Told => self.offer_what_differs(now),
            ToCaller::Offer(pending) => self.phase = Phase::LateLike(Box::new(pending)),
        }
    }

    /// The caller has an answer that came of somebody else, and is offered what the newcomer has if that is something else.
    fn offer_what_differs(&mut self, now: Timestamp) {
        let stands = |media: &LegMedia| media.codec().zip(media.direction());
        let wanted = self.callee.as_ref().and_then(|callee| stands(&callee.media)).map(|(codec, way)| (codec, way.reversed()));
        if stands(&self.caller.media) != wanted {
            self.reoffer(now, Side::Caller, Purpose::Like { direction: None });
        }
    }

    /// The newcomer takes the place of whoever rings under way; all that ring are let go.
    fn take_over(&mut self, now: Timestamp, arriving: Arriving) {
        let (newcomer, from) = arriving.into_leg();
        let (id, caller) = (newcomer.id, self.caller.id);
        if let Some(from) = from {
            self.adopt(id, from);
        }
        self.phase = Phase::Talking;
        if let Some(mut replaced) = self.callee.replace(newcomer) {
            // RFC 3891 §3: CANCEL, or BYE if its 2xx crosses that.
            replaced.hang_up(context!(self, now), 487, Some(COMPLETED_ELSEWHERE));
            let asked = replaced.forget_askers();
            self.answer_for_gone(now, Side::Caller, &asked);
            self.with_leg(Side::Caller, now, |leg, _| drop(leg.forget_askers()));
            replaced.replaced_by = Some(id);
            replaced.note_end(context!(self, now), over::picked_up_elsewhere());
            self.notify(now, Some(caller), EventKind::LegTransferred { by: replaced.id, to: id });
            self.give_up_ports(replaced.id);
            self.strays.push(replaced);
        }
        let member = self.bridge.as_ref().filter(|_| self.ring.is_some()).map(|bridge| bridge.member);
        self.outputs.push_back(Output::PlaceFree(member.map_or(Place::Callee, Place::Member)));
        self.dismiss_rivals(now, Some(COMPLETED_ELSEWHERE), Some(&over::answered_elsewhere()));
        self.ring = None;
        self.join_media();
        self.count_newcomer(Side::Callee);
        if let Some(from) = from {
            self.tell_taken(from, caller);
        }
    }
}

/// Takes the offer of a newcomer.
fn take_offer(offer: Offer, dialling: &Dialling, caller: &mut LegMedia, newcomer: &mut LegMedia) -> Result<Taken, Refusal> {
    let offered = dialling.passed.as_ref().map(|passed| &passed.offer);
    match (caller.direction(), offered) {
        (Some(_), offered) => {
            let answer = negotiation::answer_beside(&offer, newcomer, caller, offered)?;
            Ok(Taken::Answered(answer, ToCaller::Told))
        }
        (None, Some(offered)) => {
            let [to_caller, answer] = negotiation::answer_both((offered, caller), (&offer, newcomer))?;
            Ok(Taken::Answered(answer, ToCaller::Answer(to_caller)))
        }
        (None, None) => PassedOffer::pass(offer, newcomer, caller).map(|passed| Taken::Passed(Box::new(passed))),
    }
}

/// What a newcomer is offered.
fn make_offer(dialling: &Dialling, caller: &mut Leg, newcomer: &mut LegMedia) -> Result<Offered, Refusal> {
    match (caller.media.direction(), &dialling.passed) {
        (Some(_), _) => negotiation::offer_like(&caller.media, newcomer, Direction::SendRecv).map(Offered::Like),
        (None, Some(passed)) => {
            let passed = PassedOffer::pass(passed.offer.clone(), &mut caller.media, newcomer)?;
            Ok(Offered::Passed(Box::new(passed)))
        }
        (None, None) => negotiation::offer_own(newcomer, &caller.profile.codecs).map(Offered::Own),
    }
}
