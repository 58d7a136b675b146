//! What comes from the network: whose it is, whether it is let in, and the calls that it begins.

use super::{CoreNode, Held, World};
use crate::queue::Datagram;
use bytes::Bytes;
use tandem_model::{Admit, CallId, Decision, Flow, LegProfile, Origin, Question, Timestamp, Transport};
use tandem_policy::{CallView, Offence, Places};
use tandem_signalling::{
    Arrival, CallSetup, DropReason, Input, Lines, Machine, RETRY_WHEN_DRAINING_S, Transmit, Verdict,
    message::{Message, Method, Uri},
};

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
        tandem_policy::decide(&self.rules, &CallView { load: &self.trunks, health: &self.health, now, draw }, question)
    }

    fn admitted(&mut self, world: &mut World<'_>, arrival: &Arrival) -> Option<(Origin, LegProfile)> {
        match self.decide(world.now, 0, &Question::Admit(admit(&arrival.message, &arrival.flow, &self.lines))) {
            Decision::Admitted { origin, mut profile, challenge } => {
                profile.replaces |= self.honours_replaces;
                let asked = challenge.as_ref().and_then(|challenge| self.dispatcher.authenticate(world.now, challenge, arrival).err());
                let Some(unproven) = asked else {
                    self.abuse.let_in(world.now, &arrival.flow, challenge.is_some());
                    return Some((origin, profile));
                };
                if let Some(holder) = unproven.wrong.as_ref().and_then(|wrong| wrong.holder) {
                    self.bans.extend(self.abuse.offence(world.now, holder, Offence::Credentials));
                }
                self.wrong.extend(unproven.wrong.map(|wrong| *wrong));
                self.answer_stranger(world, &arrival.flow, arrival.message.bytes().len(), unproven.transmit);
                None
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
            Decision::Route { .. } | Decision::Dial(_) => None,
        }
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
        let is_full =
            if self.draining { Some(RETRY_WHEN_DRAINING_S) } else { self.limits.try_begin(world.now).err().map(|full| full.retry_after_s) };
        if let Some(retry_after_s) = is_full {
            let answer = self.dispatcher.refuse_for_now(world.now, &arrival, retry_after_s);
            return self.send(world, None, answer);
        }
        let Origin::Trunk { id: trunk, .. } = &origin;
        let begun = match self.trunks.try_begin(*trunk, world.now) {
            Ok(begun) => begun,
            Err(status) => {
                self.limits.end();
                let answer = self.dispatcher.answer(world.now, &arrival, status, |_| {});
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
        self.calls.insert(id, Held { call, seed, places: Places::new(begun) });
        self.carry_out(world, id);
    }

    fn exchange(&mut self, world: &mut World<'_>, arrival: Box<Arrival>) {
        let Some(who) = self.admitted(world, &arrival) else { return };
        if arrival.message.method() == Method::Message {
            return self.begin(world, arrival, who);
        }
        if arrival.message.method() == Method::Refer {
            return self.refer(world, arrival, who);
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
    let registered = uri.and_then(|uri| lines.trunk_of(&uri)).map(Into::into);
    let to = request.to().ok().and_then(|to| Uri::parse(to.uri).ok().map(|uri| uri.user_unescaped().as_ref().into()));
    Admit { listener: flow.listener, source: flow.remote, domain, to: to.unwrap_or_default(), tls_names: Box::default(), registered }
}
