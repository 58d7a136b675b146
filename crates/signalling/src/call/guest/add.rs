//! Somebody is to come into the call: where that is, and its INVITE. Where several may be meant (the phones of a user) they ring as a ring group
//! does, and the first to answer is the guest.

use super::super::early_media::EarlyMedia;
use super::super::invite::Invited;
use super::super::leg::{MAX_FORWARDS, State};
use super::super::parties::who_is;
use super::super::phase::{MediaState, Phase};
use super::super::setup::{DECISION_TIMEOUT, MEDIA_OPEN_TIMEOUT, UNKNOWN};
use super::super::{Call, Output};
use super::room::heard_by;
use super::{Dialling, Guest, Key, Stage, guest};
use crate::negotiation::{self, LegMedia, PendingOwn, Refusal};
use crate::sdp::Direction;
use std::collections::VecDeque;
use tandem_model::{
    Action, Calling, Codec, CommandError, CommandId, CommandOutcome, Decision, Destination, DialLeg, EndReason, LegId, LegPlan,
    LocalEndpoint, MAX_GUESTS, MAX_LEGS, Manner, Origin, Question, QuestionId, RingGroup, RingTerms, Strategy, Timestamp,
};

/// What one command wants to come into the call, until somebody has answered.
#[derive(Debug)]
pub(super) struct Search {
    key: Key,
    /// It waits to be told which leg is dialled.
    command: Option<CommandId>,
    terms: RingTerms,
    /// For all members together.
    deadline: Option<Timestamp>,
    /// Whose turn is yet to come, and which it is, where several share one.
    waiting: VecDeque<(Option<u8>, Box<[LegPlan]>)>,
    /// The turn that it is.
    turn: Option<u8>,
    /// How whoever answers comes into the call.
    manner: Manner,
}

/// Whoever tells a call what to do, where it is not said who that is.
fn somebody() -> Origin {
    Origin::Api { name: Box::default() }
}

/// The question where a leg is that a command wants dialled.
pub(in super::super) fn where_is(leg: DialLeg) -> Question {
    Question::Call(Box::new(Calling { by: somebody(), leg }))
}

impl Call {
    /// Somebody is to come into the call; told once it is being dialled.
    pub(in super::super) fn add_guest(
        &mut self,
        now: Timestamp,
        command: CommandId,
        mut leg: DialLeg,
    ) -> Result<Option<CommandOutcome>, CommandError> {
        self.may_take_guests()?;
        leg.from = leg.from.or_else(|| (!self.caller.is_nobody()).then(|| who_is(&self.caller)));
        let manner = std::mem::take(&mut leg.manner);
        let label = manner.label.clone();
        let question = self.ask(where_is(leg));
        let guests = self.guests.get_or_insert_default();
        let key = guests.next_key();
        let (terms, waiting) = (RingTerms::default(), VecDeque::new());
        let search = Search { key, command: Some(command), terms, deadline: None, waiting, turn: None, manner };
        guests.searches.push(search);
        guests.list.push(Guest {
            key,
            search: key,
            question: Some(question),
            seized: None,
            plans: Box::default(),
            next: 0,
            deadline: None,
            failure: 480,
            label,
            stage: Stage::Routing(question, now + DECISION_TIMEOUT),
        });
        Ok(None)
    }

    fn may_take_guests(&self) -> Result<(), CommandError> {
        self.is_through_us()?;
        let talks = matches!(self.phase, Phase::Talking) && self.media == MediaState::Open;
        for leg in std::iter::once(&self.caller).filter(|caller| !caller.is_nobody()).chain(&self.callee) {
            if leg.is_husk() {
                return Err(CommandError::UnderWay(leg.id));
            }
            if !talks || leg.state != State::Confirmed || leg.media.direction().is_none() {
                return Err(CommandError::NotAnswered(leg.id));
            }
            if leg.media.is_fax() {
                return Err(CommandError::NoAudio(leg.id));
            }
        }
        if self.legs_created >= MAX_LEGS {
            return Err(CommandError::TooManyLegs(usize::from(MAX_LEGS)));
        }
        if self.guests().len() >= MAX_GUESTS { Err(CommandError::TooManyLegs(MAX_GUESTS)) } else { Ok(()) }
    }

    /// Whether this is policy's answer about a guest; then it is taken.
    pub(in super::super) fn on_guest_decision(&mut self, now: Timestamp, id: QuestionId, decision: &Decision) -> bool {
        let waits = |guest: &&Guest| matches!(guest.stage, Stage::Routing(asked, _) | Stage::Seizing(asked, _) if asked == id);
        let Some(key) = self.guests().iter().find(waits).map(|guest| guest.key) else { return false };
        let Some(guest) = guest(&mut self.guests, key) else { return false };
        match (&guest.stage, decision) {
            (Stage::Routing(..), Decision::Route { action: Action::Bridge { legs, timeout, .. }, .. }) => {
                guest.seized = legs.first().and_then(|plan| plan.trunk);
                (guest.plans, guest.deadline) = (legs.clone(), timeout.map(|span| now + span));
                self.call_guest(now, key);
            }
            (Stage::Routing(..), Decision::Route { action: Action::Ring(group), .. }) => self.ring_guests(now, key, group),
            (Stage::Seizing(..), Decision::Dial(trunk)) => {
                guest.seized = *trunk;
                self.open_guest(now, key);
            }
            (Stage::Seizing(..), Decision::Reject { status, .. }) => {
                (guest.failure, guest.question) = (*status, None);
                self.call_guest(now, key);
            }
            (_, Decision::Reject { status, reason }) => self.guest_out(now, key, *status, reason.as_deref()),
            // An answer of our own is nobody who could be joined.
            (_, Decision::Route { .. }) => self.guest_out(now, key, 403, None),
            _ => self.guest_out(now, key, 500, None),
        }
        true
    }

    /// Turns to the next place where the guest may be.
    pub(super) fn call_guest(&mut self, now: Timestamp, key: Key) {
        let Some(guest) = guest(&mut self.guests, key) else { return };
        let Some(plan) = guest.plans.get(guest.next) else {
            let failure = guest.failure;
            return self.guest_out(now, key, failure, None);
        };
        guest.next += 1;
        if guest.seized == plan.trunk {
            return self.open_guest(now, key);
        }
        // Another trunk: it has not been asked yet whether it has room.
        let (before, endpoint) = (guest.question.take(), plan.endpoint.clone());
        self.free_target(before);
        let question = self.ask(Question::Target(endpoint));
        if let Some(guest) = super::guest(&mut self.guests, key) {
            (guest.question, guest.seized) = (Some(question), None);
            guest.stage = Stage::Seizing(question, now + DECISION_TIMEOUT);
        }
    }

    /// There is room for it: it needs ports.
    fn open_guest(&mut self, now: Timestamp, key: Key) {
        let Some(leg) = self.id.leg(self.legs_created) else { return self.guest_out(now, key, 503, None) };
        let Some(guest) = guest(&mut self.guests, key) else { return };
        guest.stage = Stage::Opening(leg, now + MEDIA_OPEN_TIMEOUT);
        let Some(endpoint) = guest.wanted_endpoint() else { return };
        self.legs_created += 1;
        self.ask_guest_ports(now, endpoint);
    }

    fn opening(&self, leg: LegId) -> Option<Key> {
        let waits = |guest: &&Guest| matches!(guest.stage, Stage::Opening(asked, _) if asked == leg);
        self.guests().iter().find(waits).map(|guest| guest.key)
    }

    /// Ports for a guest, if it is its ports that were opened.
    pub(in super::super) fn on_guest_ports(&mut self, now: Timestamp, locals: &[LocalEndpoint]) -> bool {
        let Some((key, local)) = locals.iter().find_map(|local| Some((self.opening(local.leg)?, *local))) else { return false };
        self.dial_guest(now, key, local);
        true
    }

    /// There are none for it.
    pub(in super::super) fn on_guest_refused_ports(&mut self, now: Timestamp, leg: LegId) -> bool {
        let Some(key) = self.opening(leg) else { return false };
        if let Some(guest) = guest(&mut self.guests, key) {
            guest.stage = Stage::Turning;
        }
        self.guest_out(now, key, 503, None);
        true
    }

    fn dial_guest(&mut self, now: Timestamp, key: Key, local: LocalEndpoint) {
        let Some(guest) = guest(&mut self.guests, key) else { return };
        let Some(plan) = guest.plan().cloned() else { return };
        let (search, deadline) = (guest.search, guest.deadline);
        let remote = if let Destination::Address(address) = &plan.destination { address.ip() } else { UNKNOWN };
        let mut media = self.media_with(&plan.profile, remote, true, Some(local));
        let own = match self.offer_guest(&mut media) {
            Ok(own) => own,
            Err(refusal) => return self.guest_out(now, key, refusal.status, None),
        };
        let said = plan.presentation.as_deref().cloned().unwrap_or_default();
        let invited =
            Invited { said: &said, more: &[], far: None, max_forwards: MAX_FORWARDS, sdp: Some(own.sdp()), prack: plan.profile.prack };
        let leg = self.invite_aside(now, local.leg, &plan, media, &invited);
        let id = leg.id;
        let ring_until = now + plan.profile.ring_timeout;
        let ring_until = deadline.map_or(ring_until, |deadline| deadline.min(ring_until));
        let trying_until = Some(now + plan.profile.trying_timeout);
        let dialling = Dialling { leg, own, early: EarlyMedia::default(), trying_until, ring_until };
        if let Some(guest) = super::guest(&mut self.guests, key) {
            guest.stage = Stage::Dialling(Box::new(dialling));
        }
        let Some(search) = self.search(search) else { return };
        let (command, hears, muted) = (search.command.take(), heard_by(&search.manner), search.manner.muted);
        if muted || hears != u64::MAX {
            let controls = self.controls.get_or_insert_default().at(id);
            (controls.muted, controls.hears) = (muted, hears);
        }
        if let Some(command) = command {
            self.reply_to(command, Ok(CommandOutcome::Leg(id)));
        }
    }

    /// What it is offered: what the caller speaks, if there is one, and all else that it may use.
    fn offer_guest(&self, media: &mut LegMedia) -> Result<PendingOwn, Refusal> {
        if self.caller.is_nobody() {
            return negotiation::offer_own(media, &Codec::ALL);
        }
        negotiation::offer_first_like(&self.caller.media, media, &Codec::ALL, Direction::SendRecv)
    }

    fn search(&mut self, key: Key) -> Option<&mut Search> {
        self.guests.as_mut()?.searches.iter_mut().find(|search| search.key == key)
    }

    /// Several may be meant.
    fn ring_guests(&mut self, now: Timestamp, key: Key, group: &RingGroup) {
        let first = self.guests.as_mut().and_then(|guests| guests.take(key));
        // No trunk counts them yet.
        self.free_target(first.and_then(|guest| guest.question));
        let turns = group.turns.iter().copied().map(Some).chain(std::iter::repeat(None));
        if let Some(search) = self.search(key) {
            (search.terms, search.deadline) = (group.terms, group.terms.timeout.map(|span| now + span));
            search.waiting = turns.zip(group.members.iter().cloned()).collect();
        }
        self.call_more_guests(now, key, 480, None);
    }

    /// Calls those of a search whose turn it is. With nobody left it has come to nothing: `status` and `reason` say why.
    pub(super) fn call_more_guests(&mut self, now: Timestamp, search: Key, status: u16, reason: Option<&str>) {
        loop {
            let Some(guests) = &mut self.guests else { return };
            let (is_idle, is_full) = (guests.list.iter().all(|guest| guest.search != search), guests.list.len() >= MAX_GUESTS);
            let Some(place) = guests.searches.iter().position(|known| known.key == search) else { return };
            let known = &mut guests.searches[place];
            let is_over = is_full || known.deadline.is_some_and(|deadline| deadline <= now);
            let (turn, may_begin) = (known.turn, is_idle || known.terms.strategy == Strategy::Parallel);
            let has_turn = |of: Option<u8>| !is_over && (may_begin || of.is_some() && of == turn);
            let Some((turn, plans)) = known.waiting.pop_front_if(|(of, _)| has_turn(*of)) else {
                if is_idle {
                    let command = guests.searches.remove(place).command;
                    let error = CommandError::NotCalled { status, reason: reason.map(Into::into) };
                    command.into_iter().for_each(|command| self.reply_to(command, Err(error.clone())));
                    self.leave_room(now, EndReason::Failed(status));
                }
                return;
            };
            known.turn = turn;
            let own = known.terms.target_timeout.map(|span| now + span);
            let deadline = own.into_iter().chain(known.deadline).min();
            let label = known.manner.label.clone();
            let key = guests.next_key();
            let (question, seized, stage) = (None, None, Stage::Turning);
            guests.list.push(Guest { key, search, question, seized, plans, next: 0, deadline, failure: 480, label, stage });
            self.call_guest(now, key);
        }
    }

    /// Somebody has answered, or nobody is to be called any more: those of the same search who have not answered.
    pub(super) fn end_search(&mut self, search: Key) -> Vec<Guest> {
        let Some(guests) = &mut self.guests else { return Vec::new() };
        guests.searches.retain(|known| known.key != search);
        guests.list.extract_if(.., |guest| guest.search == search && !guest.talks()).collect()
    }

    /// Whoever is yet to be called is not.
    pub(super) fn forget_waiting(&mut self, search: Key) {
        if let Some(search) = self.search(search) {
            search.waiting.clear();
        }
    }

    /// Whether one 6xx is the end of all who ring with it (RFC 3261 §16.7).
    pub(super) fn ends_on_6xx(&mut self, search: Key) -> bool {
        self.search(search).is_some_and(|search| search.terms.ends_on_6xx)
    }

    /// The call ends: whoever waits to be told of a leg waits in vain.
    pub(super) fn end_searches(&mut self) {
        let searches = self.guests.as_mut().map(|guests| std::mem::take(&mut guests.searches)).unwrap_or_default();
        for command in searches.into_iter().filter_map(|search| search.command) {
            self.outputs.push_back(Output::Commanded(command, Err(CommandError::CallOver(self.id))));
        }
    }
}
