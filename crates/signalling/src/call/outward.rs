//! Calls that begin here: somebody has told us to call somebody.
//!
//! Until the first leg has answered there is no caller, and [nobody](Leg::nobody) stands in its place. Whoever is called rings as the members
//! of a ring group do, with an offer of ours. The first that answers is the caller from then on, and stands as one whom we had
//! answered before anybody rang: what becomes of it is a ring group for it, or an answer of our own.
//!
//! All that policy has to say is asked before anybody is called: nobody is called for a call that cannot come about.

use super::best_failure::is_better;
use super::failure::Failure;
use super::leg::Leg;
use super::parties::number_in;
use super::phase::Phase;
use super::ring::Member;
use super::ringback::Ringback;
use super::setup::DECISION_TIMEOUT;
use super::{Call, CallSetup, Side, context};
use crate::negotiation::{self, PendingOwn};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    Action, Announce, Announcement, BuiltIn, Caller, Calling, Codec, Country, Decision, Dial, DialLeg, DialOrder, EventKind, LegId,
    LegPlan, MAX_MEMBERS, NetworkTone, Origin, Privacy, Question, QuestionId, Random, RingGroup, RingTerms, Route, Sound, Strategy, Then,
    Timestamp,
};

/// What is known of a call that begins here.
#[derive(Debug)]
pub(super) struct Outward {
    by: Origin,
    order: DialOrder,
    longest: Option<Duration>,
    /// The first hears no ringing tone while the second is called.
    quiet: bool,
    /// What is said of the call.
    metadata: Option<Arc<str>>,
    /// Legs that policy has not been asked about.
    unasked: VecDeque<DialLeg>,
    /// What becomes of the one who answers, as we were told it; until policy has been asked about that.
    then: Option<Box<str>>,
    /// Who calls, as the first leg is told, and who is called there, as others are.
    from: Option<Caller>,
    called: Option<Caller>,
    /// Who is called first.
    first: Option<Group>,
    /// What becomes of the one who answers.
    next: Next,
    /// The best failure of those who are not called at all.
    failure: Option<Failure>,
}

/// Who rings, and how.
#[derive(Debug)]
struct Group {
    members: Vec<Member>,
    terms: RingTerms,
    tries: bool,
}

impl Group {
    /// Those whom policy names; a trunk counts the first target of each already if it said so in answer to that question.
    fn of(action: Action, counted: QuestionId, first: u8) -> Option<Group> {
        let (mut group, counted) = match action {
            Action::Bridge { legs, timeout, anchor, ringback } => {
                let terms = RingTerms { strategy: Strategy::Sequential, timeout, ..RingTerms::default() };
                let (members, turns) = ([legs].into(), Box::default());
                (RingGroup { members, terms, anchor, turns, tries: true, ringback }, Some(counted))
            }
            Action::Ring(group) => (*group, None),
            Action::Answer(_) | Action::Announce(_) => return None,
        };
        Some(Group { members: Member::of(&mut group, counted, first).collect(), terms: group.terms, tries: group.tries })
    }

    fn plans(&self) -> impl Iterator<Item = &LegPlan> {
        self.members.iter().flat_map(|member| &member.plans)
    }
}

/// What becomes of the one who answers.
#[derive(Debug, Default)]
enum Next {
    /// It hears what the call is told to let it hear.
    #[default]
    Waits,
    /// We answer it.
    Answer(BuiltIn),
    /// It hears that.
    Play(Announcement),
    /// These are called for it; what it hears meanwhile.
    Ring(Group, Option<Sound>),
}

impl Outward {
    /// Who has told us to call.
    pub(super) fn by(&self) -> &Origin {
        &self.by
    }

    /// Whether the call is a room.
    pub(super) fn is_room(&self) -> bool {
        self.order == DialOrder::Room
    }
}

impl Call {
    /// A call that somebody tells us to make. What of it [cannot be](Dial::check) is not looked at here.
    ///
    /// # Panics
    /// Never: the first leg of a call is within every bound.
    pub fn dial(setup: CallSetup, now: Timestamp, dial: Dial) -> Call {
        let CallSetup { id, seed, node } = setup;
        let by = dial.origin();
        let leg = id.leg(0).expect("a call may have a first leg");
        let nobody = Leg::nobody(&node, leg, by.endpoint());
        let mut call = Call::begun(id, node, now, (VecDeque::new(), Random::new(seed)), nobody);
        call.route = by.endpoint();
        call.outward = Some(Box::new(Outward {
            by,
            order: dial.order,
            longest: dial.max_duration,
            quiet: dial.quiet,
            metadata: dial.metadata,
            from: dial.legs.first().and_then(|leg| leg.from.clone()),
            called: None,
            unasked: dial.legs.into_iter().collect(),
            then: dial.then,
            first: None,
            next: Next::Waits,
            failure: None,
        }));
        call.notify(now, None, EventKind::CallCreated);
        if call.is_room() {
            call.open_room()
        } else {
            call.ask_outward(now)
        }
        call.reap();
        call
    }

    /// What whoever told us to make it said of it.
    pub(super) fn metadata(&self) -> Option<Arc<str>> {
        self.outward.as_ref().and_then(|outward| outward.metadata.clone())
    }

    /// How long the call may last.
    pub(super) fn max_duration(&self) -> Duration {
        let own = self.outward.as_ref().and_then(|outward| outward.longest);
        own.into_iter().chain([self.node.terms.max_duration]).min().unwrap_or_default()
    }

    /// Asks the next thing that is to be known before anybody is called; then calls.
    fn ask_outward(&mut self, now: Timestamp) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        let by = outward.by.clone();
        let question = if let Some(leg) = outward.unasked.front() {
            let mut leg = leg.clone();
            leg.from = leg.from.or_else(|| outward.called.clone().filter(|_| outward.order == DialOrder::Sequential));
            Question::Call(Box::new(Calling { by, leg }))
        } else if let Some(act) = outward.then.take() {
            let (called, uri, caller) = (Box::default(), Box::default(), outward.from.clone().or_else(|| outward.called.clone()));
            Question::Told { route: Route { origin: by, called, uri, caller, trail: None, headers: Box::default() }, act }
        } else {
            return self.begin_outward(now);
        };
        let id = self.ask(question);
        self.phase = Phase::Routing(id, now + DECISION_TIMEOUT);
    }

    /// Policy's answer.
    pub(super) fn on_planned(&mut self, now: Timestamp, id: QuestionId, decision: Decision) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        let leg = outward.unasked.pop_front();
        let action = match decision {
            Decision::Route { action, .. } => action,
            Decision::Reject { status, reason } => return self.not_planned(now, leg.is_some(), Failure { reason, ..Failure::new(status) }),
            Decision::Admitted { .. } | Decision::Prove(_) | Decision::Ignore | Decision::Consult(_) | Decision::Dial(_) => {
                return self.not_planned(now, false, Failure::new(500));
            }
        };
        let members = outward.first.as_ref().map_or(0, |group| group.members.len());
        let first = u8::try_from(members).unwrap_or(u8::MAX);
        match (leg, action) {
            (None, Action::Answer(built_in)) => outward.next = Next::Answer(built_in),
            (None, Action::Announce(announce)) => return self.plan_announcement(now, *announce),
            (Some(_), Action::Answer(_) | Action::Announce(_)) => return self.not_planned(now, false, Failure::new(500)),
            (leg, action) => {
                let ringback = match &action {
                    Action::Bridge { ringback, .. } => ringback.clone(),
                    Action::Ring(group) => group.ringback.clone(),
                    Action::Answer(_) | Action::Announce(_) => None,
                };
                let Some(group) = Group::of(action, id, first) else { return };
                match (&mut outward.first, outward.order) {
                    (first @ None, _) => {
                        outward.called = group.plans().next().map(whom);
                        *first = Some(group);
                    }
                    (Some(first), DialOrder::Parallel) if leg.is_some() => {
                        first.members.extend(group.members);
                        first.members.truncate(MAX_MEMBERS);
                        (first.terms, first.tries) = (RingTerms::default(), false);
                    }
                    (Some(_), _) => {
                        outward.next = Next::Ring(group, ringback.or_else(|| leg.filter(|_| !outward.quiet).map(|_| ringing())))
                    }
                }
            }
        }
        self.ask_outward(now);
    }

    /// Policy says no to a leg, or to what becomes of the one who answers. Of several that ring together the others are called all the same.
    fn not_planned(&mut self, now: Timestamp, is_leg: bool, failure: Failure) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        if !(is_leg && outward.order == DialOrder::Parallel) {
            return self.fail(now, &failure);
        }
        if outward.failure.as_ref().is_none_or(|best| is_better(&failure, best)) {
            outward.failure = Some(failure);
        }
        self.ask_outward(now);
    }

    /// Something is to be played to the one who answers. What would come before an answer comes too late.
    fn plan_announcement(&mut self, now: Timestamp, announce: Announce) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        outward.next = match announce.then {
            Then::Answer(built_in) => Next::Answer(built_in),
            Then::Reject { status, reason } => return self.fail(now, &Failure { reason, ..Failure::new(status) }),
            Then::Play(announcement) => Next::Play(announcement),
        };
        self.ask_outward(now);
    }

    /// All is known: those who are called first are, once a prompt for them is read.
    fn begin_outward(&mut self, now: Timestamp) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        if outward.first.is_none() {
            let failure = outward.failure.take().unwrap_or_else(|| Failure::new(480));
            return self.fail(now, &failure);
        }
        match &outward.next {
            Next::Play(announcement) => {
                let announcement = announcement.clone();
                self.announce_to_called(now, announcement);
            }
            _ => self.call_first(now),
        }
    }

    /// Calls those who are called first.
    pub(super) fn call_first(&mut self, now: Timestamp) {
        let Some(outward) = self.outward.as_deref_mut() else { return };
        let Some(mut group) = outward.first.take() else { return };
        if let Next::Ring(next, _) = &outward.next {
            prefer_common(&mut group, next);
        }
        let failure = outward.failure.take();
        self.ring_first(now, group.members, (group.terms, group.tries), failure);
    }

    /// The first answer, to our offer: whoever gave it is the caller from now on.
    pub(super) fn take_caller(&mut self, now: Timestamp, own: &PendingOwn, sdp: Bytes) {
        let Some(callee) = &mut self.callee else { return };
        let settled = match negotiation::settle_own(own, &sdp, &mut callee.media) {
            Ok(settled) => settled,
            Err(refusal) => {
                let failure = self.failure_of(&refusal);
                return self.unusable_answer(now, failure);
            }
        };
        callee.ack(context!(self, now), None);
        self.ring_answered(now);
        let Some(caller) = self.callee.take() else { return };
        let leg = caller.id;
        self.caller = caller;
        self.bridge = None;
        self.note_hold(now, Side::Caller, leg, settled.holds);
        let next = self.outward.as_deref_mut().map(|outward| std::mem::take(&mut outward.next)).unwrap_or_default();
        match next {
            Next::Waits | Next::Play(_) => self.be_alone(now, BuiltIn::Player),
            Next::Answer(built_in) => self.be_alone(now, built_in),
            Next::Ring(group, ringback) => {
                self.ringback = ringback.map(Ringback::new);
                self.ring_for_answered(now, group.members, (group.terms, group.tries), sdp);
            }
        }
    }

    /// The caller, which has a session, is answered by us.
    fn be_alone(&mut self, now: Timestamp, built_in: BuiltIn) {
        self.alone = Some(built_in);
        self.describe_picked_up();
        if self.caller.media.codec().is_some() {
            self.play_to_caller(now, built_in);
        }
    }

    /// A leg that we were told to dial has answered: what its trunk counts it for is given back when it is over.
    pub(super) fn note_dialled(&mut self, leg: LegId) {
        let place = self.bridge.as_ref().filter(|_| self.outward.is_some()).map(|bridge| bridge.place());
        if let Some(place) = place {
            self.note_place(leg, place);
        }
    }
}

/// What the one who has answered hears while the other rings.
fn ringing() -> Sound {
    Sound::Tone { country: Country::default(), tone: NetworkTone::Ringing }
}

/// Who is called there, to others.
fn whom(plan: &LegPlan) -> Caller {
    let number = plan.profile.number.as_deref().map_or_else(|| number_in(&plan.uri).unwrap_or_default(), Into::into);
    Caller { name: None, number, privacy: Privacy::default(), is_screened: plan.endpoint.starts_with("user:") }
}

/// Those who are called first are offered before all what those may speak, too, whom they are to be joined with; and nothing else where it
/// could not be said again in another codec.
fn prefer_common(first: &mut Group, next: &Group) {
    let is_common = |codec: &Codec| next.plans().any(|plan| plan.profile.codecs.contains(codec));
    let may_say_again = next.plans().all(|plan| plan.profile.transcode);
    for plan in first.members.iter_mut().flat_map(|member| &mut member.plans) {
        let mut codecs = plan.profile.codecs.to_vec();
        codecs.sort_by_key(|codec| !is_common(codec));
        if !(may_say_again && plan.profile.transcode) && codecs.iter().any(is_common) {
            codecs.retain(is_common);
        }
        plan.profile.codecs = codecs.into();
    }
}
