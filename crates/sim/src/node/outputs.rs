//! What calls want done.

use super::{CoreNode, World};
use crate::{
    queue::{Datagram, Event},
    streams::{End, Ends},
};
use std::net::SocketAddr;
use tandem_model::{CallId, Consult, Decision, Delivery, Destination, EventKind, Flow, MediaCommand, Place, Question, QuestionId};
use tandem_signalling::{Input, Output, Transmit, message::Message};

/// Inputs that one input may lead to at once; more is a call that talks to itself for ever.
const MAX_ANSWERS: usize = 64;

/// How a description in a message begins.
const SDP_BEGINS: &[u8] = b"\r\n\r\nv=0";

impl CoreNode {
    /// Does what a call wants until it wants nothing more, and then has its letters read.
    pub(super) fn carry_out(&mut self, world: &mut World<'_>, id: CallId) {
        self.carry_out_one(world, id);
        self.deliver_letters(world);
    }

    pub(super) fn carry_out_one(&mut self, world: &mut World<'_>, id: CallId) {
        for _ in 0..MAX_ANSWERS {
            let (mut answers, mut described) = (Vec::new(), true);
            while let Some(output) = self.calls.get_mut(&id).and_then(|held| held.call.poll_output()) {
                if matches!(output, Output::Ended) {
                    return self.over(world, id);
                }
                match &output {
                    Output::Media(command) if matches!(**command, MediaCommand::Describe { .. } | MediaCommand::Play { .. }) => {
                        assert!(described, "media hears of a description after the peer, who may send as soon as it has it: {command:?}");
                    }
                    Output::Send(transmit) => described &= !transmit.bytes.windows(SDP_BEGINS.len()).any(|bytes| bytes == SDP_BEGINS),
                    _ => {}
                }
                answers.extend(self.do_one(world, id, output));
            }
            if answers.is_empty() {
                return;
            }
            for answer in answers {
                if let Some(held) = self.calls.get_mut(&id) {
                    held.call.handle(world.now, answer);
                }
            }
        }
        assert!(self.calls.is_empty(), "{id} asks and asks");
    }

    fn do_one(&mut self, world: &mut World<'_>, id: CallId, output: Output) -> Option<Input> {
        match output {
            Output::Send(transmit) => self.send(world, Some(id), *transmit),
            Output::Locate(leg, sought) => return self.locate(world, leg, *sought).map(|located| Input::Located(leg, located)),
            Output::HopFailed(hop, span) => self.locator.hop_failed(world.now, hop, span),
            Output::NobodyThere(hop) => self.flow_lost(world.now, hop.listener, hop.address),
            Output::Ask(question, what) => return self.ask(world, id, question, &what),
            Output::Media(command) => self.shard.command(world, *command),
            Output::Notify(event) => {
                if matches!(event.kind, EventKind::CallEnded(_) | EventKind::Exchanged(_)) {
                    self.limits.end();
                    if let Some(held) = self.calls.get_mut(&id) {
                        held.places.give_back(&mut self.trunks, world.now);
                    }
                }
                if let (EventKind::LegAnswered, Some(held)) = (&event.kind, self.calls.get_mut(&id)) {
                    held.places.answered(&mut self.trunks, world.now);
                }
                self.events.push(*event);
            }
            Output::LegAdded(leg) => self.dispatcher.leg_added(leg, id),
            Output::LegRemoved(leg) => self.dispatcher.leg_removed(leg, id),
            Output::Letter(to, mut letter) => {
                if let Some(held) = self.calls.get(&id) {
                    letter.bill(held.places.payers(&self.trunks));
                }
                return self.post(id, to, letter);
            }
            Output::Health(news) => self.health.take(world.now, &news),
            Output::PlaceFree(place) => {
                if let Some(held) = self.calls.get_mut(&id) {
                    held.places.free(&mut self.trunks, place);
                }
            }
            Output::Joined(leg, endpoint, payers) => {
                if let Some(held) = self.calls.get_mut(&id) {
                    held.places.take_over(&mut self.trunks, world.now, (leg, &endpoint), &payers);
                }
            }
            Output::FlowFailed(used) => self.flow_failed(world.now, &used),
            Output::Commanded(command, outcome) => self.commanded.push((command, outcome)),
            Output::Retire(key, tombstone) => self.dispatcher.retire(world.now, key, tombstone),
            Output::Ended => {}
        }
        None
    }

    fn ask(&mut self, world: &mut World<'_>, id: CallId, question: QuestionId, what: &Question) -> Option<Input> {
        let place = Place::asked(question, what);
        if let Some(held) = self.calls.get_mut(&id) {
            // It asks when it turns to somebody else.
            held.places.free(&mut self.trunks, place);
        }
        let seed = self.calls.get(&id).map_or(0, |held| held.seed);
        let decision = self.decide(world.now, seed, what);
        if let Decision::Consult(consult) = decision {
            self.consult(world, (id, question), what, *consult);
            return None;
        }
        if let Some(held) = self.calls.get_mut(&id) {
            held.places.take(&mut self.trunks, world.now, (question, what), &decision);
        }
        if self.policy_delay.is_zero() {
            return Some(Input::Decided(question, Box::new(decision)));
        }
        world.flight.push(world.now + self.policy_delay, Event::Decided(id, question, Box::new(decision)));
        None
    }

    fn consult(&mut self, world: &mut World<'_>, (id, question): (CallId, QuestionId), what: &Question, consult: Consult) {
        let Consult { rule, timeout, .. } = consult;
        let (span, said) = self.hooks.pop_front().filter(|(span, _)| *span < timeout).unwrap_or((timeout, None));
        self.consulted.push(what.clone());
        let consulted = Question::Consulted { asked: Box::new(what.clone()), rule, said };
        world.flight.push(world.now + span, Event::Said(id, question, Box::new(consulted)));
    }

    /// Something was said to a route that asked somebody else, or nothing was.
    pub(crate) fn said(&mut self, world: &mut World<'_>, id: CallId, question: QuestionId, consulted: Question) {
        let is_over = |call: CallId| self.events.iter().any(|event| event.call == call && matches!(event.kind, EventKind::CallEnded(_)));
        let (Some(seed), false) = (self.calls.get(&id).map(|held| held.seed), is_over(id)) else { return };
        let decision = self.decide(world.now, seed, &consulted);
        let Question::Consulted { asked, .. } = consulted else { return };
        if let Some(held) = self.calls.get_mut(&id) {
            held.places.take(&mut self.trunks, world.now, (question, &asked), &decision);
        }
        self.input(world, id, Input::Decided(question, Box::new(decision)));
    }

    fn over(&mut self, world: &mut World<'_>, id: CallId) {
        self.calls.remove(&id);
        self.return_letters(world, id);
        self.dispatcher.call_removed(id);
        if self.draining && self.calls.is_empty() {
            self.dismiss_agents(world);
        }
    }

    pub(super) fn send(&mut self, world: &mut World<'_>, call: Option<CallId>, transmit: Transmit) {
        if let Some(call) = call.filter(|_| transmit.bytes.starts_with(b"INVITE "))
            && let Ok(invite) = Message::parse(transmit.bytes.clone())
        {
            self.dialogs.entry(invite.call_id().into()).or_insert(call);
        }
        let (transport, _) = self.listeners[usize::from(transmit.listener.0)];
        let to = match &transmit.destination {
            Destination::Address(address) | Destination::Hop { address, .. } => *address,
            Destination::Back { remote, port } if transport.is_reliable() => {
                let is_there = self.connections.find(transmit.listener, *remote).is_some();
                SocketAddr::new(remote.ip(), if is_there { remote.port() } else { *port })
            }
            Destination::Back { remote, .. } => *remote,
            Destination::Name { .. } | Destination::Domain { .. } => return self.send_by_name(world, call, transmit),
        };
        self.send_to(world, call, transmit, Some(to));
    }

    pub(super) fn send_to(&mut self, world: &mut World<'_>, call: Option<CallId>, transmit: Transmit, to: Option<SocketAddr>) {
        let (transport, from) = self.listeners[usize::from(transmit.listener.0)];
        let bytes = transmit.bytes.to_vec();
        match to {
            Some(to) if transport.is_reliable() && transmit.trial && self.connections.refused.contains(&to) => {
                self.tell_unreachable(world, call, transmit);
            }
            Some(to) if transport.is_reliable() => {
                let over = self.connections.find(transmit.listener, to).unwrap_or_else(|| {
                    let ends = Ends { phone: to, core: SocketAddr::new(from.ip(), world.streams.free_port()) };
                    let stream = world.streams.connect(world.now, ends, End::Core, world.network, world.flight);
                    self.connections.enter(transmit.listener, to, stream)
                });
                if let Some(call) = call {
                    self.uses(call, &Flow { listener: transmit.listener, transport, remote: to });
                }
                world.outbox.push(Datagram { from, to, bytes, rtp: false, over: Some(over) });
            }
            Some(to) if !self.unreachable.contains(&to) => world.outbox.push(Datagram { from, to, bytes, rtp: false, over: None }),
            // What cannot be sent is told to the call after it has said everything.
            _ => self.tell_unreachable(world, call, transmit),
        }
    }

    fn tell_unreachable(&mut self, world: &World<'_>, call: Option<CallId>, transmit: Transmit) {
        let Some(call) = call else { return };
        let returned =
            self.facts.minter.leg_in(&transmit.bytes).filter(|_| !self.listeners[usize::from(transmit.listener.0)].0.is_reliable());
        let delivery = returned.map_or(Delivery::Never, |leg| Delivery::Returned { leg: leg.index(), nobody_there: true });
        let input = Input::Unreachable(transmit.listener, transmit.destination, delivery);
        if let Some(held) = self.calls.get_mut(&call) {
            held.call.handle(world.now, input);
        } else if let Some(agent) = self.agents.get_mut(&call) {
            agent.handle(world.now, input);
        }
    }
}
