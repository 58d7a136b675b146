//! A MESSAGE outside of any dialog (RFC 3428), passed on by route: no call, but made of the same parts. It lives until its sender has an
//! answer, and no longer than its sender waits for one.
//!
//! [`MessageExchange::found`] makes it from an admitted request. Then [`MessageExchange::handle`] every input and drain
//! [`MessageExchange::poll_output`] to `None` each time, as with a [`Call`](super::Call).

use super::failure::{Cause, Failure};
use super::leg::{Context, Extra, Invitation, Leg, LegEvent, LostWay, ends_of, hops_left, refuse_outside};
use super::setup::{DECISION_TIMEOUT, as_sips, new_call_id};
use super::{Addressee, CallSetup, Input, Letter, NodeFacts, Output, Reason, parties};
use crate::message::{HeaderName, Message, Printer, is_sips, reason_phrase, unsupported_extensions};
use crate::outside::ALLOW_WITHOUT_MESSAGE;
use crate::tombstone::Tombstone;
use crate::transaction::{TRANSACTION_TIMEOUT, TransactionKey};
use crate::wire::{Arrival, ReturnTo, Transmit};
use std::collections::VecDeque;
use std::sync::Arc;
use tandem_model::{
    Action, CallId, CommandError, Decision, Event, EventKind, ExchangeRecord, Flow, LegPlan, LegProfile, Origin, Prack, Question,
    QuestionId, Random, Route, Timestamp, TrunkId,
};

/// Targets that one message is offered to.
const MAX_TARGETS: u8 = 8;

/// A message on its way.
#[derive(Debug)]
pub struct MessageExchange {
    id: CallId,
    node: Arc<NodeFacts>,
    random: Random,
    outputs: VecDeque<Output>,
    asker: Asker,
    phase: Phase,
    /// Who got it last.
    asked: Box<str>,
    plans: VecDeque<LegPlan>,
    /// The members of a ring group whose turn is yet to come, and whether one 6xx ends it.
    group: Option<(VecDeque<Box<[LegPlan]>>, bool)>,
    /// The trunk that counts it.
    seized: Option<TrunkId>,
    tried: u8,
    questions: u16,
    route: Box<str>,
    began: Timestamp,
    /// What the asker gets when no target is left.
    failure: Failure,
}

/// Whose request it is, and what its answer is made of.
#[derive(Debug)]
struct Asker {
    request: Message,
    key: TransactionKey,
    flow: Flow,
    profile: LegProfile,
    endpoint: Box<str>,
}

#[derive(Debug)]
enum Phase {
    /// Policy has been asked where it goes, and is waited for until then.
    Routing(QuestionId, Timestamp),
    /// Policy has been asked whether there is room at the next target.
    Seizing(QuestionId, Timestamp),
    /// A target has it.
    Asking(Box<Leg>),
    /// Nothing is left.
    Over,
}

/// Lends a leg what it works with, field by field.
macro_rules! context {
    ($exchange:expr, $now:expr) => {
        &mut Context {
            now: $now,
            call: $exchange.id,
            node: &$exchange.node,
            outputs: &mut $exchange.outputs,
            random: &mut $exchange.random,
        }
    };
}

impl MessageExchange {
    /// An exchange from a MESSAGE that policy let in.
    pub fn found(setup: CallSetup, now: Timestamp, arrival: Box<Arrival>, origin: Origin, profile: LegProfile) -> MessageExchange {
        let CallSetup { id, seed, node } = setup;
        let endpoint = origin.endpoint();
        let Arrival { message, flow, key, .. } = *arrival;
        let mut exchange = MessageExchange {
            id,
            node,
            random: Random::new(seed),
            outputs: VecDeque::new(),
            asker: Asker { request: message.into_exact(), key, flow, profile, endpoint },
            phase: Phase::Over,
            asked: Box::default(),
            plans: VecDeque::new(),
            group: None,
            seized: None,
            tried: 0,
            questions: 0,
            route: Box::default(),
            began: now,
            failure: Failure::new(480),
        };
        exchange.begin(now, origin);
        exchange
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            // Its own retransmission waits for the answer (RFC 3261 §17.2.2), and nothing else of its sender's comes here.
            Input::Message(arrival) if arrival.message.is_request() => {}
            Input::Message(arrival) => {
                let event = self.with_leg(now, |leg, context| leg.on_message(context, arrival));
                self.on_event(now, event);
            }
            Input::Decided(id, decision) => self.on_decision(now, id, *decision),
            Input::Unreachable(listener, destination, delivery) => {
                let lost = LostWay { call: self.id, listener, destination: &destination, delivery };
                self.with_leg(now, |leg, context| leg.on_unreachable(context, &lost));
                self.on_wake(now);
            }
            Input::Letter(from, letter) => self.on_letter(from, *letter),
            // It is no call.
            Input::Command(id, _) => self.outputs.push_back(Output::Commanded(id, Err(CommandError::CallOver(self.id)))),
            // There is no dialog here that could be named.
            Input::Referred(arrival, origin) => refuse_outside(context!(self, now), &arrival, &origin, 403, &[]),
            Input::End(_) => self.refuse(now, 503),
            Input::Wake => self.on_wake(now),
            // It has none.
            Input::Media(_) => {}
            Input::Located(leg, located) => {
                let event = self.with_leg(now, |asked, context| if asked.id == leg { asked.on_located(context, located) } else { None });
                self.on_event(now, event);
            }
        }
    }

    /// There is no place here that a leg could take.
    fn on_letter(&mut self, from: CallId, letter: Letter) {
        match letter {
            Letter::Replace { leg, .. } => {
                let refused = Letter::Refused { leg, status: 481, disturbed: false };
                self.outputs.push_back(Output::Letter(Addressee::Call(from), Box::new(refused)));
            }
            Letter::WhoFaces { ticket, .. } => {
                let unknown = Letter::Faces { ticket, found: Err(481) };
                self.outputs.push_back(Output::Letter(Addressee::Call(from), Box::new(unknown)));
            }
            letter => {
                let last_word = letter.last_word(&self.node);
                self.outputs.extend(last_word.map(|word| Output::Send(Box::new(word))));
            }
        }
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to wake it, and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        // Whoever asked has given up by then (Timer F), and must not get a late 408 (RFC 4320 §4.2).
        let given_up = (self.began + TRANSACTION_TIMEOUT, Reason::Transaction);
        match &self.phase {
            Phase::Over => None,
            Phase::Routing(_, until) | Phase::Seizing(_, until) => Some((*until, Reason::Decision)),
            Phase::Asking(leg) => {
                let own = leg.poll_timeout().map(|at| (at, Reason::Transaction));
                own.into_iter().chain([given_up]).min_by_key(|(at, _)| *at)
            }
        }
    }

    /// What to tell its sender should it be given up without a word.
    pub fn last_words(&self) -> Vec<Transmit> {
        if matches!(self.phase, Phase::Over) { Vec::new() } else { vec![self.response(500, None, &Extra::none())] }
    }

    fn begin(&mut self, now: Timestamp, origin: Origin) {
        let request = &self.asker.request;
        let missing: Vec<_> = unsupported_extensions(request, &[]).collect();
        let mut extra = Extra::none();
        if !missing.is_empty() {
            extra.push(HeaderName::Unsupported, &missing.join(", "));
            return self.answer(now, 420, None, &extra);
        }
        if request.has_description() {
            // It describes no session of ours, and would tell one peer the addresses of the other.
            extra.push(HeaderName::Accept, "*/*");
            return self.answer(now, 415, None, &extra);
        }
        let shown = self.asker.profile.shown;
        let uri: Box<str> = request.uri().into();
        let called = parties::called_number(Some(request), shown.called_from, &uri);
        if parties::names_nobody(&called, shown.called_from) {
            return self.answer(now, 404, None, &Extra::none());
        }
        let caller = shown.caller.then(|| parties::caller(request, shown.caller_id));
        let headers = if shown.headers { parties::shown_headers(request) } else { Box::default() };
        let id = self.ask(Question::Route(Route { origin, called, uri, caller, trail: None, headers }));
        self.phase = Phase::Routing(id, now + DECISION_TIMEOUT);
    }

    fn ask(&mut self, question: Question) -> QuestionId {
        let id = QuestionId(self.questions);
        self.questions += 1;
        self.outputs.push_back(Output::Ask(id, Box::new(question)));
        id
    }

    fn on_decision(&mut self, now: Timestamp, id: QuestionId, decision: Decision) {
        match (&self.phase, decision) {
            (Phase::Routing(asked, _), Decision::Route { rule, action, .. }) if *asked == id => {
                self.route = rule;
                self.take_route(now, action);
            }
            (Phase::Routing(asked, _), Decision::Reject { status, reason }) if *asked == id => {
                self.answer(now, status, reason.as_deref(), &Extra::none());
            }
            (Phase::Seizing(asked, _), Decision::Dial(trunk)) if *asked == id => {
                self.seized = trunk;
                self.pass_on(now);
            }
            (Phase::Seizing(asked, _), Decision::Reject { status, reason }) if *asked == id => {
                self.seized = None;
                self.failure = Failure { reason, ..Failure::new(status) };
                self.plans.pop_front();
                self.try_next(now);
            }
            (Phase::Routing(asked, _) | Phase::Seizing(asked, _), _) if *asked == id => self.refuse(now, 500),
            _ => {}
        }
    }

    fn take_route(&mut self, now: Timestamp, action: Action) {
        match action {
            Action::Bridge { legs, .. } => {
                self.seized = legs.first().and_then(|plan| plan.trunk);
                self.plans = legs.into_vec().into();
                self.try_next(now);
            }
            // It is for one of them, and the first that takes it does.
            Action::Ring(group) => {
                self.group = Some((group.members.into_vec().into(), group.terms.ends_on_6xx));
                self.try_next(now);
            }
            // Nobody is there who could read it.
            Action::Answer(_) | Action::Announce(_) => {
                let mut extra = Extra::none();
                extra.push(HeaderName::Allow, ALLOW_WITHOUT_MESSAGE);
                self.answer(now, 405, None, &extra);
            }
        }
    }

    /// Turns to the next target, if there is one; with none left the asker gets the last failure.
    fn try_next(&mut self, now: Timestamp) {
        let asks_for_sips = is_sips(self.asker.request.uri());
        while let Some(plan) = self.plans.front_mut() {
            // RFC 5630 §5.1.2: TLS on every hop, or not at all.
            if asks_for_sips && !self.node.listener(plan.profile.listener).transport.is_secure() {
                self.failure = Failure::insecure();
                self.plans.pop_front();
                continue;
            }
            if asks_for_sips {
                plan.uri = as_sips(&plan.uri);
            }
            if plan.trunk == self.seized {
                return self.pass_on(now);
            }
            let question = Question::Dial(plan.endpoint.clone());
            let id = self.ask(question);
            self.phase = Phase::Seizing(id, now + DECISION_TIMEOUT);
            return;
        }
        self.try_next_member(now);
    }

    /// With no target left the next member of the group has its turn, whatever the one before it said, unless that speaks for all.
    fn try_next_member(&mut self, now: Timestamp) {
        let is_for_all = self.failure.status >= 600;
        let next =
            self.group.as_mut().filter(|(_, ends_on_6xx)| !(is_for_all && *ends_on_6xx)).and_then(|(members, _)| members.pop_front());
        if let Some(plans) = next {
            self.plans = plans.into_vec().into();
            return self.try_next(now);
        }
        let failure = self.failure.clone();
        self.fail(now, &failure);
    }

    /// Sends it to the target at the front.
    fn pass_on(&mut self, now: Timestamp) {
        let Some(id) = self.id.leg(self.tried + 1).filter(|_| self.tried < MAX_TARGETS) else {
            let failure = self.failure.clone();
            return self.fail(now, &failure);
        };
        let Some(plan) = self.plans.front() else { return };
        self.tried += 1;
        self.asked = plan.endpoint.clone();
        let (node, request) = (Arc::clone(&self.node), &self.asker.request);
        let presentation = plan.presentation.as_deref();
        let host = parties::our_host(&node, plan);
        let (from, from_uri) = parties::our_from(Some(request), presentation, host);
        let identity = parties::identity(Some(request), presentation, host);
        let call_id = new_call_id(&mut self.random);
        // That ends a loop.
        let max_forwards = hops_left(Some(request));
        let invitation = Invitation {
            from: &from,
            from_uri: &from_uri,
            call_id: &call_id,
            max_forwards,
            identity,
            far: None,
            prack: Prack::Off,
            sdp: None,
        };
        self.outputs.push_back(Output::LegAdded(id));
        let leg = Leg::asking(context!(self, now), id, plan, &invitation, request);
        self.phase = Phase::Asking(Box::new(leg));
    }

    fn with_leg<T>(&mut self, now: Timestamp, act: impl FnOnce(&mut Leg, &mut Context<'_>) -> Option<T>) -> Option<T> {
        let Phase::Asking(leg) = &mut self.phase else { return None };
        act(leg, context!(self, now))
    }

    fn on_wake(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::Routing(_, until) | Phase::Seizing(_, until) if until <= now) {
            return self.refuse(now, 500);
        }
        while let Phase::Asking(leg) = &mut self.phase {
            if leg.poll_timeout().is_none_or(|at| at > now) {
                break;
            }
            let event = self.with_leg(now, |leg, context| leg.on_timeout(context));
            self.on_event(now, event);
        }
        if self.began + TRANSACTION_TIMEOUT <= now && !matches!(self.phase, Phase::Over) {
            self.with_leg(now, |leg, context| {
                leg.give_up_hops(context);
                None::<()>
            });
            self.over(now, None);
        }
    }

    fn on_event(&mut self, now: Timestamp, event: Option<LegEvent>) {
        match event {
            Some(LegEvent::Replied(_, response)) => self.on_reply(now, &response),
            Some(LegEvent::Undelivered(..)) => self.target_failed(now, Cause::Unreachable, Failure::unanswered(Cause::Unreachable)),
            // By now its sender has given it up as well.
            Some(LegEvent::Unanswered(_)) => self.over(now, None),
            _ => {}
        }
    }

    fn on_reply(&mut self, now: Timestamp, response: &Message) {
        let status = response.status();
        let failure = match status {
            // RFC 3428 §7: its answer has no body.
            200..300 => return self.answer(now, status, Some(response.reason()), &Extra::none()),
            // About the message: as inside a dialog.
            405 | 406 | 413 | 415 | 493 | 513 => {
                Failure { reason: Some(response.reason().into()), extra: about(response), ..Failure::new(status) }
            }
            _ => Failure::from_response(response, false),
        };
        self.target_failed(now, Cause::Status(status), failure);
    }

    fn target_failed(&mut self, now: Timestamp, cause: Cause, failure: Failure) {
        let retry = self.plans.pop_front().is_some_and(|plan| cause.is_in(&plan.profile.failover));
        self.leg_over();
        self.failure = failure;
        if retry { self.try_next(now) } else { self.try_next_member(now) }
    }

    fn refuse(&mut self, now: Timestamp, status: u16) {
        self.answer(now, status, None, &Extra::none());
    }

    fn fail(&mut self, now: Timestamp, failure: &Failure) {
        // RFC 4320 §4.2: a 408 to such a request comes too late to be of use.
        let status = if failure.status == 408 { 500 } else { failure.status };
        self.answer(now, status, failure.reason.as_deref(), &failure.extra);
    }

    /// The final response to the asker, and the end.
    fn answer(&mut self, now: Timestamp, status: u16, reason: Option<&str>, extra: &Extra) {
        let transmit = self.response(status, reason, extra);
        let tombstone = Tombstone::Repeat(transmit.bytes.to_vec().into_boxed_slice(), ReturnTo::of(self.asker.profile.nat));
        self.outputs.push_back(Output::Retire(self.asker.key, tombstone));
        self.outputs.push_back(Output::Send(Box::new(transmit)));
        self.over(now, Some(status));
    }

    fn response(&self, status: u16, reason: Option<&str>, extra: &Extra) -> Transmit {
        let Asker { request, flow, profile, .. } = &self.asker;
        let tag = self.id.leg(0).map(|leg| self.node.minter.tag(leg));
        let phrase = reason.unwrap_or_else(|| reason_phrase(status));
        let mut printer = Printer::response_to(request, flow.remote, status, phrase, tag.as_ref().map(|tag| tag.as_str()));
        extra.write(&mut printer);
        let destination = ReturnTo::of(profile.nat).destination(request, flow);
        Transmit { listener: flow.listener, destination, bytes: printer.finish(), trial: false }
    }

    fn leg_over(&mut self) {
        if let Phase::Asking(leg) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.outputs.push_back(Output::LegRemoved(leg.id));
        }
    }

    fn over(&mut self, now: Timestamp, sip_status: Option<u16>) {
        let (from, to) = ends_of(&self.asker.request);
        let record = ExchangeRecord {
            call: self.id,
            route: std::mem::take(&mut self.route),
            from,
            to,
            caller: std::mem::take(&mut self.asker.endpoint),
            callee: std::mem::take(&mut self.asked),
            sip_status,
        };
        self.leg_over();
        let kind = EventKind::Exchanged(Box::new(record));
        self.outputs.push_back(Output::Notify(Box::new(Event { time: now, call: self.id, leg: None, kind })));
        self.outputs.push_back(Output::Ended);
    }
}

/// What a refusal says of what would have been taken.
fn about(response: &Message) -> Extra {
    let mut extra = Extra::none();
    if response.status() == 405 {
        // RFC 3261 §21.4.6: what is not taken there is not allowed here either.
        extra.push(HeaderName::Allow, ALLOW_WITHOUT_MESSAGE);
    }
    for name in [HeaderName::Accept, HeaderName::AcceptEncoding, HeaderName::AcceptLanguage, HeaderName::Warning] {
        response.headers().filter(|header| header.name == name).for_each(|header| extra.push(name, header.value));
    }
    extra
}
