//! A ring group: several who may take one call, rung at once or one after the other.
//!
//! Each member has what a bridge has: its plans, a leg, and the phase that this leg is in. One of them, the member under way,
//! stands where that of a bridge stands; the others are rivals. What happens to a rival brings it forward, and goes on as it does for
//! a bridge. The first answer makes a bridge of the group; a failure is its member's alone, until no member is left.

mod at_once;
mod own;
mod rivals;
mod sound;

use super::best_failure::is_better;
use super::failure::Failure;
use super::leg::Leg;
use super::over;
use super::phase::{Bridge, Opening, Phase};
use super::{Call, Output, Reason, Side, context};
use crate::message::{Message, reason_phrase};
use crate::negotiation::Offer;
use crate::reason::COMPLETED_ELSEWHERE;
use rivals::Rival;
use sound::Sound;
use std::collections::VecDeque;
use tandem_model::{EndedBy, Hears, LegEnd, LegId, LegPlan, PicksUp, Place, RingGroup, RingTerms, Strategy, Timestamp};

/// The group of a call, until somebody answers.
#[derive(Debug)]
pub(super) struct Ring {
    terms: RingTerms,
    anchor: bool,
    /// The caller's offer, if it made one.
    offer: Option<Offer>,
    /// For all of them together.
    deadline: Option<Timestamp>,
    /// Whose turn is yet to come, each with its number.
    waiting: VecDeque<(u8, Box<[LegPlan]>)>,
    /// Of each member its turn; empty: each has its own.
    turns: Box<[u8]>,
    /// The turn that it is.
    turn: Option<u8>,
    /// Another turn comes only while that is `None` or true: whether all who failed did so in a way that calls turn elsewhere for.
    goes_on: Option<bool>,
    rivals: Vec<Rival>,
    /// The best failure so far.
    best: Option<Failure>,
    sound: Sound,
    /// The INVITE of a caller that was answered before anybody rang.
    picked_up: Option<Message>,
    /// Ports that were asked for last are not awaited longer.
    ports_until: Option<Timestamp>,
}

impl Ring {
    /// The legs of the rivals.
    pub(super) fn legs(&self) -> impl Iterator<Item = &Leg> {
        self.rivals.iter().filter_map(Rival::leg)
    }

    /// The leg that is joined with the caller's.
    pub(super) fn heard(&self) -> Option<LegId> {
        self.sound.joined
    }

    /// Media passes through here.
    pub(super) fn is_anchored(&self) -> bool {
        self.anchor
    }

    /// Whether the caller has had an answer, in a provisional response: it may get no other.
    pub(super) fn has_told(&self) -> bool {
        self.sound.has_told
    }

    /// It has one now.
    pub(super) fn tell(&mut self) {
        self.sound.has_told = true;
    }

    /// Whether the caller hears a member.
    pub(super) fn is_heard(&self) -> bool {
        self.sound.is_heard()
    }

    /// Whether a rival rings without media of its own.
    pub(super) fn is_ringing(&self) -> bool {
        self.rivals.iter().any(|rival| rival.phase.is_ringing())
    }

    /// Whether the caller is to hear no member.
    pub(super) fn is_mute(&self) -> bool {
        self.terms.hears == Hears::Ringing
    }

    /// What the rivals wait for.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Timestamp, Reason)> {
        let legs = self.legs().filter_map(Leg::poll_timeout).map(|at| (at, Reason::Transaction));
        legs.chain(self.rivals.iter().flat_map(Rival::deadlines)).chain(self.ports_until.map(|at| (at, Reason::MediaOpen)))
    }
}

impl Call {
    /// Rings the members of a group.
    pub(super) fn ring(&mut self, now: Timestamp, group: RingGroup, offer: Option<Offer>) {
        let RingGroup { members, terms, anchor, turns, tries, .. } = group;
        let is_at_once = terms.picks_up == PicksUp::AtOnce && anchor;
        self.ring = Some(Box::new(Ring {
            terms,
            anchor,
            offer: offer.clone().filter(|_| !is_at_once),
            deadline: terms.timeout.map(|span| now + span),
            waiting: (0..).zip(members).collect(),
            turns,
            turn: None,
            goes_on: tries.then_some(true),
            rivals: Vec::new(),
            best: None,
            sound: Sound::default(),
            picked_up: None,
            ports_until: None,
        }));
        if is_at_once {
            return self.open_media(now, Opening::Caller, offer);
        }
        self.begin_to_ring(now);
    }

    fn begin_to_ring(&mut self, now: Timestamp) {
        self.phase = Phase::Between;

        self.ring_more(now);
    }

    /// Lets those ring whose turn it is. With nobody left the caller gets the best failure.
    fn ring_more(&mut self, now: Timestamp) {
        while let Some(ring) = &mut self.ring {
            let is_idle = matches!(self.phase, Phase::Between);
            let is_over = ring.deadline.is_some_and(|deadline| deadline <= now);
            let may_go_on = is_idle && ring.goes_on != Some(false);
            let (turns, turn) = (&ring.turns, ring.turn);
            let is_in_turn = |member: u8| turn.is_some() && turns.get(usize::from(member)).copied() == turn;
            let has_turn = |member| !is_over && (may_go_on || ring.terms.strategy == Strategy::Parallel || is_in_turn(member));
            let Some((member, plans)) = ring.waiting.pop_front_if(|(member, _)| has_turn(*member)) else {
                if is_idle {
                    let failure = ring.best.take().unwrap_or_else(|| Failure::new(480));
                    self.fail(now, &failure);
                }
                return;
            };
            ring.turn = ring.turns.get(usize::from(member)).copied();
            let own = ring.terms.target_timeout.map(|span| now + span);
            let deadline = own.into_iter().chain(ring.deadline).min();
            let (anchor, offer) = (ring.anchor, ring.offer.clone());
            self.step_back();
            let failure = Failure::new(480);
            let bridge = Bridge { member, plans, next: 0, seized: None, deadline, redirects: 0, anchor, failure };
            self.bridge = Some(Box::new(bridge));
            self.try_next(now, offer);
        }
    }

    /// A member failed in a way that calls turn to their next target for, or that is final.
    pub(super) fn note_failed_member(&mut self, retry: bool) {
        if let Some(goes_on) = self.ring.as_mut().and_then(|ring| ring.goes_on.as_mut()) {
            *goes_on &= retry;
        }
    }

    /// No target is left for the one under way: a member of a group leaves it to the others, else that is the end of the call.
    pub(super) fn out_of_targets(&mut self, now: Timestamp, failure: &Failure) {
        let Some(ring) = &mut self.ring else { return self.fail(now, failure) };
        // RFC 3261 §16.7 step 5: a 6xx ends all branches.
        if ring.terms.ends_on_6xx && failure.status >= 600 {
            let reason = format!("SIP;cause={};text=\"{}\"", failure.status, reason_phrase(failure.status));
            self.leave_member(now);
            self.dismiss_rivals(now, Some(&reason), None);
            return self.fail(now, failure);
        }
        if ring.best.as_ref().is_none_or(|best| is_better(failure, best)) {
            ring.best = Some(failure.clone());
        }
        self.leave_member(now);
        if self.ring.as_ref().is_some_and(|ring| !ring.rivals.is_empty()) {
            self.bring_forward(0);
        }
        self.ring_more(now);
    }

    /// The member under way is out.
    fn leave_member(&mut self, now: Timestamp) {
        self.give_up_callee(now);
        self.phase = Phase::Between;
        if let Some(bridge) = self.bridge.take() {
            self.outputs.push_back(Output::PlaceFree(Place::Member(bridge.member)));
        }
    }

    /// The member under way answered: from now on the call is one like any other.
    pub(super) fn ring_answered(&mut self, now: Timestamp) {
        if self.ring.is_none() {
            return;
        }
        if let Some(leg) = self.callee.as_ref().map(|callee| callee.id) {
            self.join(leg);
        }
        self.dismiss_rivals(now, Some(COMPLETED_ELSEWHERE), Some(&over::answered_elsewhere()));
        self.ring = None;
    }

    /// The member under way answered with what nobody can use: it is hung up, and the others go on.
    pub(super) fn hang_up_answered(&mut self, now: Timestamp, failure: &Failure) {
        if let Some(callee) = &mut self.callee {
            callee.hang_up(context!(self, now), failure.status, None);
            callee.note_end(context!(self, now), over::unanswered(failure.status));
        }
        self.out_of_targets(now, failure);
    }

    /// Takes all rivals back. `end`: how that ends them, where it is not the end of the call that does.
    pub(super) fn dismiss_rivals(&mut self, now: Timestamp, reason: Option<&str>, end: Option<&LegEnd>) {
        let rivals = self.ring.as_mut().map(|ring| std::mem::take(&mut ring.rivals)).unwrap_or_default();
        for rival in rivals {
            self.dismiss(now, rival, reason, end);
        }
    }

    fn dismiss(&mut self, now: Timestamp, rival: Rival, reason: Option<&str>, end: Option<&LegEnd>) {
        if let Some(leg) = rival.phase.opens() {
            self.remove_ports(leg);
        }
        if let Some(mut leg) = rival.callee {
            self.place_is_gone(now, leg.id);
            leg.hang_up(context!(self, now), 487, reason);
            let asked = leg.forget_askers();
            self.answer_for_gone(now, Side::Caller, &asked);
            if let Some(end) = end {
                leg.note_end(context!(self, now), end.clone());
            }
            self.remove_ports(leg.id);
            self.strays.push(leg);
        }
        self.outputs.push_back(Output::PlaceFree(Place::Member(rival.bridge.member)));
    }

    /// The member under way left before it answered, knows nothing of us, or does what we have no answer for.
    pub(super) fn member_gone(&mut self, now: Timestamp, failure: &Failure) {
        if let Some(callee) = &mut self.callee {
            callee.hang_up(context!(self, now), failure.status, None);
            callee.note_end(context!(self, now), LegEnd { by: EndedBy::Peer, ..over::unanswered(failure.status) });
        }
        self.out_of_targets(now, failure);
    }
}
