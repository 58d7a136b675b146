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
use bytes::Bytes;
use rivals::Rival;
use sound::Sound;
use std::collections::VecDeque;
use tandem_model::{EndedBy, Hears, LegEnd, LegId, LegPlan, PicksUp, QuestionId, RingGroup, RingTerms, Strategy, Timestamp};

/// The group of a call, until somebody answers.
#[derive(Debug)]
pub(super) struct Ring {
    terms: RingTerms,
    anchor: bool,
    /// The caller's offer, if it made one.
    offer: Option<Offer>,
    /// For all of them together.
    deadline: Option<Timestamp>,
    /// Whose turn is yet to come.
    waiting: VecDeque<Member>,
    /// The turn that it is.
    turn: Option<u8>,
    /// Another turn comes only while that is `None` or true: whether all who failed did so in a way that calls turn elsewhere for.
    goes_on: Option<bool>,
    rivals: Vec<Rival>,
    /// The best failure so far.
    best: Option<Failure>,
    sound: Sound,
    /// The caller has a session before anybody rings.
    picked_up: Option<PickedUp>,
    /// Ports that were asked for last are not awaited longer.
    ports_until: Option<Timestamp>,
}

/// Somebody who is to be rung.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Which of the group.
    number: u8,
    /// Those of one turn ring at once. `None`: a turn of its own.
    turn: Option<u8>,
    /// What a trunk counts it for already, at the first of its plans.
    counted: Option<QuestionId>,
    pub(super) plans: Box<[LegPlan]>,
}

impl Member {
    /// The members of a group, numbered from there. Each is asked for when its turn comes, unless they are `counted`.
    pub(super) fn of(group: &mut RingGroup, counted: Option<QuestionId>, first: u8) -> impl Iterator<Item = Member> + use<'_> {
        let turns = group.turns.iter().copied().map(Some).chain(std::iter::repeat(None));
        let members = (first..).zip(turns).zip(std::mem::take(&mut group.members));
        members.map(move |((number, turn), plans)| Member { number, turn, counted, plans })
    }
}

/// A caller that has a session.
#[derive(Debug)]
struct PickedUp {
    /// Its INVITE, which we answered; none of one that we called.
    invite: Option<Message>,
    /// What it last said of its session.
    said: Option<Bytes>,
}

impl Ring {
    fn new(members: VecDeque<Member>, terms: RingTerms, anchor: bool, now: Timestamp) -> Ring {
        Ring {
            terms,
            anchor,
            offer: None,
            deadline: terms.timeout.map(|span| now + span),
            waiting: members,
            turn: None,
            goes_on: None,
            rivals: Vec::new(),
            best: None,
            sound: Sound::default(),
            picked_up: None,
            ports_until: None,
        }
    }

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
    pub(super) fn ring(&mut self, now: Timestamp, mut group: RingGroup, offer: Option<Offer>) {
        let is_at_once = group.terms.picks_up == PicksUp::AtOnce && group.anchor;
        let mut ring = Ring::new(Member::of(&mut group, None, 0).collect(), group.terms, group.anchor, now);
        (ring.offer, ring.goes_on) = (offer.clone().filter(|_| !is_at_once), group.tries.then_some(true));
        self.ring = Some(Box::new(ring));
        if is_at_once {
            return self.open_media(now, Opening::Caller, offer);
        }
        self.begin_to_ring(now);
    }

    /// Rings these, of whom the first that answers is to be the caller; `failure`: that of others, who are not rung.
    pub(super) fn ring_first(&mut self, now: Timestamp, members: Vec<Member>, (terms, tries): (RingTerms, bool), failure: Option<Failure>) {
        let mut ring = Ring::new(members.into(), terms, true, now);
        (ring.goes_on, ring.best) = (tries.then_some(true), failure);
        self.ring = Some(Box::new(ring));
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
            let turn = ring.turn;
            let is_in_turn = |member: &Member| turn.is_some() && member.turn == turn;
            let has_turn = |member: &mut Member| !is_over && (may_go_on || ring.terms.strategy == Strategy::Parallel || is_in_turn(member));
            let Some(Member { number: member, turn, counted, plans }) = ring.waiting.pop_front_if(has_turn) else {
                if is_idle {
                    let failure = ring.best.take().unwrap_or_else(|| Failure::new(480));
                    self.fail(now, &failure);
                }
                return;
            };
            ring.turn = turn;
            let own = ring.terms.target_timeout.map(|span| now + span);
            let deadline = own.into_iter().chain(ring.deadline).min();
            let (anchor, offer) = (ring.anchor, ring.offer.clone());
            self.step_back();
            let failure = Failure::new(480);
            let seized = counted.and_then(|_| plans.first().and_then(|plan| plan.trunk));
            let bridge = Bridge { member, counted, plans, next: 0, seized, deadline, redirects: 0, anchor, failure };
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
            self.outputs.push_back(Output::PlaceFree(bridge.place()));
        }
    }

    /// The member under way answered: from now on the call is one like any other.
    pub(super) fn ring_answered(&mut self, now: Timestamp) {
        if self.ring.is_none() {
            return;
        }
        if let Some(leg) = self.callee.as_ref().map(|callee| callee.id) {
            self.join(leg);
            self.note_dialled(leg);
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
        self.outputs.push_back(Output::PlaceFree(rival.bridge.place()));
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
