//! What comes from the network: whose it is, whether it is let in, and the calls that it begins.

use super::{CoreNode, Held, World};
use crate::queue::Datagram;
use bytes::Bytes;
use tandem_model::{Accounts, Admit, CallId, Challenge, Decision, Flow, LegProfile, Origin, Proved, Question, Timestamp, Transport};
use tandem_policy::{Begun, CallView, Offence, Places};
use tandem_signalling::{
    Arrival, CallSetup, DropReason, Input, Lines, Machine, RETRY_WHEN_DRAINING_S, ReturnTo, Transmit, Verdict, answer_destination,
    is_behind_nat,
    message::{Message, Method, Uri},
    number_called,
};

/// What has no room for a call.
enum NoRoom {
    /// The node, for so many seconds.
    Node(u32),
    /// Whoever calls: the status to say so with.
    Origin(u16),
}

impl CoreNode {
    pub(crate) fn receive(&mut self, world: &mut World<'_>, datagram: &Datagram) {
        if datagram.rtp {
            return self.shard.receive(world, datagram);
        }
        let Some(listener) = self.listener(Transport::Udp, datagram.to) else { return };
        if self.abuse.is_banned(world.now, datagram.from) {
            return;
        }
        let flow = Flow { listener, transport: Transport::Udp, remote: datagram.from };
        self.take(world, flow, Bytes::copy_from_slice(&datagram.bytes));
    }

    pub(super) fn take(&mut self, world: &mut World<'_>, flow: Flow, bytes: Bytes) {
        let asked = bytes.len();
        match self.dispatcher.receive(world.now, bytes, flow) {
            Verdict::Call(call, arrival) => {
                self.uses(call, &flow);
                if flow.transport.is_reliable() {
                    self.abuse.let_in(world.now, &flow, false);
                }
                self.input(world, call, Input::Message(arrival));
            }
            Verdict::Founding(arrival) => self.found(world, arrival),
            Verdict::Exchange(arrival) => self.exchange(world, arrival),
            Verdict::Again(transmit) => self.send(world, None, transmit),
            Verdict::Dismiss(transmits) => transmits.into_iter().for_each(|transmit| self.send(world, None, transmit)),
            Verdict::Refuse(transmit) => {
                let admit = Admit {
                    listener: flow.listener,
                    source: flow.remote,
                    domain: Box::default(),
                    to: Box::default(),
                    tls_names: Box::default(),
                    registered: None,
                    registers: false,
                };
                if self.decide(world.now, 0, &Question::Admit(admit)) != Decision::Ignore {
                    self.answer_stranger(world, &flow, asked, transmit);
                }
            }
            Verdict::Drop(reason) => {
                if reason == DropReason::Garbage {
                    self.offence_over(world.now, &flow, Offence::NoSip);
                }
                *self.drops.entry(reason).or_default() += 1;
            }
        }
    }

    pub(super) fn decide(&self, now: Timestamp, draw: u64, question: &Question) -> Decision {
        let view = CallView { load: &self.trunks, health: &self.health, bindings: self.registrar.bindings(), now, draw };
        tandem_policy::decide(&self.rules, &view, question)
    }

    fn admitted(&mut self, world: &mut World<'_>, arrival: &Arrival) -> Option<(Origin, LegProfile)> {
        match self.decide(world.now, 0, &Question::Admit(admit(&arrival.message, &arrival.flow, &self.lines))) {
            Decision::Admitted { origin, mut profile, challenge } => {
                profile.replaces |= self.honours_replaces;
                if let Some(challenge) = &challenge {
                    self.prove(world, challenge, arrival).ok()?;
                }
                self.abuse.let_in(world.now, &arrival.flow, challenge.is_some());
                Some((origin, profile))
            }
            Decision::Prove(challenge) => {
                let name = self.prove(world, &challenge, arrival).ok()??;
                let behind_nat = is_behind_nat(&arrival.message, &arrival.flow);
                let proved = Proved { name, listener: arrival.flow.listener, behind_nat };
                let known = self.decide(world.now, 0, &Question::User(Box::new(proved)));
                let Decision::Admitted { origin, profile, .. } = known else { return None };
                self.abuse.let_in(world.now, &arrival.flow, true);
                Some((origin, profile))
            }
            Decision::Reject { status, reason } => {
                let transmit = self.dispatcher.reply(&arrival.message, &arrival.flow, status, reason.as_deref(), |_| {});
                self.answer_stranger(world, &arrival.flow, arrival.message.bytes().len(), transmit);
                self.offence_over(world.now, &arrival.flow, Offence::Stranger);
                None
            }
            Decision::Ignore => {
                self.offence_over(world.now, &arrival.flow, Offence::Stranger);
                None
            }
            Decision::Route { .. } | Decision::Consult(_) | Decision::Dial(_) => None,
        }
    }

    /// Who they are, where they could be several; else they have been asked.
    fn prove(&mut self, world: &mut World<'_>, challenge: &Challenge, arrival: &Arrival) -> Result<Option<Box<str>>, ()> {
        let is_known = self.abuse.is_trusted(world.now, arrival.flow.remote);
        let mut unproven = match self.dispatcher.authenticate(world.now, challenge, arrival, is_known) {
            Ok(who) => return Ok(who),
            Err(unproven) => unproven,
        };
        if matches!(challenge.accounts, Accounts::Any(_)) {
            unproven.transmit.destination = answer_destination(&arrival.message, &arrival.flow, false);
        }
        if let Some(holder) = unproven.wrong.as_ref().filter(|wrong| !wrong.is_unheard).and_then(|wrong| wrong.holder) {
            self.abuse.answered_wrong(world.now, arrival.flow.remote, holder);
            self.bans.extend(self.abuse.offence(world.now, holder, Offence::Credentials));
        }
        self.wrong.extend(unproven.wrong.map(|wrong| *wrong));
        self.answer_stranger(world, &arrival.flow, arrival.message.bytes().len(), unproven.transmit);
        Err(())
    }

    fn answer_stranger(&mut self, world: &mut World<'_>, flow: &Flow, asked: usize, transmit: Transmit) {
        if self.abuse.may_answer(world.now, flow, asked, transmit.bytes.len()) {
            self.send(world, None, transmit);
        }
    }

    fn offence_over(&mut self, now: Timestamp, flow: &Flow, offence: Offence) {
        if flow.transport.is_reliable() && !self.abuse.is_trusted(now, flow.remote) {
            self.bans.extend(self.abuse.offence(now, flow.remote.ip(), offence));
        }
    }

    fn found(&mut self, world: &mut World<'_>, arrival: Box<Arrival>) {
        if let Some(who) = self.admitted(world, &arrival) {
            self.begin(world, arrival, who);
        }
    }

    fn begin(&mut self, world: &mut World<'_>, arrival: Box<Arrival>, (origin, profile): (Origin, LegProfile)) {
        let begun = match self.count(world.now, &arrival, &origin, &profile) {
            Ok(begun) => begun,
            Err(NoRoom::Node(retry_after_s)) => {
                let answer = self.dispatcher.refuse_for_now(world.now, &arrival, ReturnTo::of(profile.nat), retry_after_s);
                return self.send(world, None, answer);
            }
            Err(NoRoom::Origin(status)) => {
                let answer = self.dispatcher.answer(world.now, &arrival, ReturnTo::of(profile.nat), status, |_| {});
                return self.send(world, None, answer);
            }
        };
        self.counter = self.counter.wrapping_add(1);
        let id = CallId::new(1_700_000_000_000 + world.now.as_millis(), self.counter);
        self.dispatcher.adopt(&arrival, id);
        self.dialogs.insert(arrival.message.call_id().into(), id);
        self.founded += usize::from(arrival.message.method() == Method::Invite);
        let seed = self.random.next_u64();
        let setup = CallSetup { id, seed, node: self.facts.clone() };
        let call = Machine::found(setup, world.now, arrival, origin, profile);
        let places = Places::new(&self.trunks, begun);
        self.calls.insert(id, Held { call, seed, places });
        self.carry_out(world, id);
    }

    fn count(&mut self, now: Timestamp, arrival: &Arrival, origin: &Origin, profile: &LegProfile) -> Result<Option<Begun>, NoRoom> {
        if self.draining {
            return Err(NoRoom::Node(RETRY_WHEN_DRAINING_S));
        }
        let called = || number_called(&arrival.message, profile.shown.called_from);
        let node = self
            .limits
            .try_begin(now)
            .or_else(|full| if self.rules.is_emergency(origin, &called()) { self.limits.try_begin_emergency(now) } else { Err(full) });
        node.map_err(|full| NoRoom::Node(full.retry_after_s))?;
        self.trunks.try_call(origin, now).or_else(|status| {
            if self.rules.is_emergency(origin, &called()) {
                return Ok(self.trunks.call_anyway(origin, now));
            }
            self.limits.end();
            Err(NoRoom::Origin(status))
        })
    }

    fn exchange(&mut self, world: &mut World<'_>, arrival: Box<Arrival>) {
        let Some(who) = self.admitted(world, &arrival) else { return };
        if arrival.message.method() == Method::Message {
            return self.begin(world, arrival, who);
        }
        if arrival.message.method() == Method::Refer {
            return self.refer(world, arrival, who);
        }
        if let (Method::Register, (Origin::User { name }, profile)) = (arrival.message.method(), &who) {
            return self.register(world, &arrival, name, profile.nat);
        }
        let answer = self.dispatcher.answer_outside(world.now, &arrival, &who.1, self.draining);
        self.send(world, None, answer);
    }

    fn refer(&mut self, world: &mut World<'_>, arrival: Box<Arrival>, (origin, profile): (Origin, LegProfile)) {
        match self.dispatcher.referred_call(world.now, &arrival, &profile) {
            Err(answer) => self.send(world, None, answer),
            Ok(call) => {
                self.dispatcher.adopt_refer(&arrival, call);
                self.uses(call, &arrival.flow);
                self.input(world, call, Input::Referred(arrival, origin));
            }
        }
    }
}

/// What a request shows before anything is spent on it.
fn admit(request: &Message, flow: &Flow, lines: &Lines) -> Admit {
    let uri = Uri::parse(request.uri()).ok();
    let domain = uri.map(|uri| uri.host.to_string().into()).unwrap_or_default();
    let registered = uri.and_then(|uri| lines.trunk_of(&uri, flow.listener)).map(Into::into);
    let to = request.to().ok().and_then(|to| Uri::parse(to.uri).ok().map(|uri| uri.user_unescaped().as_ref().into()));
    let (registers, tls_names) = (request.method() == Method::Register, Box::default());
    Admit { listener: flow.listener, source: flow.remote, domain, to: to.unwrap_or_default(), tls_names, registered, registers }
}
