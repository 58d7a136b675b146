//! One media thread: waits for packets, commands and timers, and lets sessions handle them.

mod adoption;
mod recordings;

use super::{
    Shared, Sink,
    inbox::{Inbox, Item},
    sockets::Sockets,
};
use crate::{clock::Clock, containment::contain, flight_recorder::Fault as Panic, log::Escaped, recorder::Recorder};
use adoption::Awaited;
use recordings::Tapes;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io, mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tandem_media::{Input, Output, PacketBuf, Playable, Session, Setup, Verdict};
use tandem_model::{CallId, EndpointRequest, LocalEndpoint, MediaCommand, MediaEvent, MediaFailure, PortId, Random, Timestamp};

/// Commands handled before packets have their turn again: opening ports takes as long as forwarding several packets.
const COMMANDS_PER_TURN: usize = 16;

/// Timers handled likewise.
const TIMERS_PER_TURN: usize = 64;

/// Packets that are looked ahead to, and that share one reading of the clock.
const PACKETS_AT_ONCE: usize = 16;

/// The token of the bell. Sockets count from zero.
const BELL: u64 = u64::MAX;

/// One media thread.
pub(super) struct Worker {
    index: usize,
    inbox: Inbox,
    /// The inbox has more than its turn allowed.
    backlog: bool,
    sockets: Sockets,
    sessions: Vec<Option<Entry>>,
    /// Places of `sessions` that are empty. Both are bounded by the ports: a session has one pair at least.
    vacant: Vec<u32>,
    calls: HashMap<CallId, u32>,
    /// Calls whose next commands are for when a leg is here that comes from another session.
    awaited: BTreeMap<CallId, Awaited>,
    /// Each session that wants to be woken has one entry.
    timers: BTreeSet<(Timestamp, u32)>,
    packet: PacketBuf,
    shared: Arc<Shared>,
    sink: Sink,
    recorder: Recorder,
    clock: Clock,
    random: Random,
}

/// The session comes first: it begins where a line of the cache does, and packets touch no more of it.
#[repr(C, align(64))]
struct Entry {
    session: Session,
    call: CallId,
    ports: Vec<PortId>,
    timer: Option<Timestamp>,
    /// Of the recordings that run.
    tapes: Tapes,
    #[cfg(test)]
    fault: Option<Fault>,
}

/// When a session is to panic.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Command,
    Packet,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Over,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        inbox: Inbox,
        sockets: Sockets,
        shared: Arc<Shared>,
        (sink, recorder): (Sink, Recorder),
        clock: Clock,
        seed: u64,
    ) -> io::Result<Worker> {
        sockets.poller.watch_writes(inbox.bell(), BELL)?;
        Ok(Worker {
            index,
            inbox,
            backlog: false,
            sockets,
            sessions: Vec::new(),
            vacant: Vec::new(),
            calls: HashMap::new(),
            awaited: BTreeMap::new(),
            timers: BTreeSet::new(),
            packet: PacketBuf::new(),
            shared,
            sink,
            recorder,
            clock,
            random: Random::new(seed),
        })
    }

    /// Runs until it is told to stop.
    pub(super) fn run(mut self) {
        self.sockets.stock_up(self.clock.now());
        loop {
            let ready = match self.sockets.poller.wait(self.patience()) {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::error!(%error, "the event queue of a media thread failed");
                    return;
                }
            };
            // A packet that was sent after a command finds it carried out: a phone may answer a description at once.
            let obeys = self.backlog || self.inbox.is_filled();
            if obeys && self.obey() == Going::Over {
                return;
            }
            self.read(ready, obeys);
            self.wake();
            if obeys {
                self.sockets.stock_up(self.clock.now());
            }
        }
    }

    /// How long there is nothing to do but for what arrives.
    fn patience(&self) -> Option<Duration> {
        if self.backlog {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.awaited_until()).min().map(|at| at.since(self.clock.now()))
    }

    /// Takes one packet from each socket that is ready. The bell says nothing new if it `was_heard` before.
    fn read(&mut self, ready: usize, was_heard: bool) {
        for first in (0..ready).step_by(PACKETS_AT_ONCE) {
            let group = first..ready.min(first + PACKETS_AT_ONCE);
            group.clone().for_each(|index| self.touch(self.sockets.poller.token(index)));
            let now = self.clock.now();
            for index in group {
                match self.sockets.poller.token(index) {
                    BELL => self.backlog |= !was_heard,
                    token => self.relay(now, token),
                }
            }
        }
    }

    /// Has what a packet will need fetched before it is received. Sessions that have waited for 20 ms are in no cache, and
    /// what is fetched one by one takes a tenth of all the time that a packet takes.
    #[inline]
    fn touch(&self, token: u64) {
        let owner = self.sockets.owner(token);
        let session = owner.and_then(|(place, port)| Some((self.sessions.get(place as usize)?.as_ref()?, port)));
        if let Some(way_out) = session.and_then(|(entry, port)| entry.session.touch(port)) {
            self.sockets.touch(way_out);
        }
    }

    /// One packet's way: received, handled, sent on.
    #[inline]
    fn relay(&mut self, now: Timestamp, token: u64) {
        let Some((place, port, channel, source)) = self.sockets.receive(token, &mut self.packet) else { return };
        let Some(Some(entry)) = self.sessions.get_mut(place as usize) else { return };
        let packet = &mut self.packet;
        let verdict = contain(|| {
            #[cfg(test)]
            assert_ne!(entry.fault, Some(Fault::Packet), "a fault at a packet");
            entry.session.handle_packet(now, port, channel, source, packet)
        });
        match verdict {
            Ok(Verdict::Forward { port, channel, to }) => self.sockets.send(port, channel, to, self.packet.bytes()),
            Ok(Verdict::Consumed | Verdict::Dropped(_)) => {}
            Ok(verdict @ (Verdict::Waits | Verdict::ForwardAndWait { .. })) => {
                if let Verdict::ForwardAndWait { port, channel, to } = verdict {
                    self.sockets.send(port, channel, to, self.packet.bytes());
                }
                let at = entry.session.poll_timeout().map(|(at, _)| at);
                let before = mem::replace(&mut entry.timer, at);
                self.set_timer(place, before, at);
            }
            Err(panic) => self.fail(now, place, &panic),
        }
    }

    /// Handles commands, so many at a time.
    fn obey(&mut self) -> Going {
        self.inbox.answer();
        for _ in 0..COMMANDS_PER_TURN {
            let now = self.clock.now();
            match self.inbox.take() {
                Some(Item::Stop) => return Going::Over,
                Some(item) => self.receive(now, item),
                None => {
                    self.backlog = false;
                    return Going::On;
                }
            }
        }
        self.backlog = true;
        Going::On
    }

    fn act(&mut self, now: Timestamp, item: Item) {
        match item {
            Item::Command(command) => self.command(now, command, None),
            Item::At(command, ports) => self.command(now, command, Some(ports)),
            Item::Loaded(call, play, sound) => {
                if let Some(place) = self.calls.get(&call) {
                    self.handle(now, *place, Some(Input::Loaded(play, sound)));
                }
            }
            Item::Leaves(leaving) => self.leave(now, leaving),
            Item::Comes(call, leg) => self.expect(now, call, leg),
            Item::Here(.., passage) => self.turn_away(passage),
            Item::Returned(loan) => self.sockets.welcome(now, loan),
            // Nothing waits any more.
            Item::Stop => {}
            #[cfg(test)]
            Item::Fault(call, fault) => self.inject(now, call, fault),
        }
    }

    /// `stocked`: the ports of an `Open` or `Add`, where its call has them from the stock.
    fn command(&mut self, now: Timestamp, command: MediaCommand, stocked: Option<Box<[PortId]>>) {
        let (call, input) = match command {
            MediaCommand::Open { call, endpoints, inactivity, hold } => {
                let place = self.vacancy();
                let is_told = stocked.is_some();
                let Some(endpoints) = self.take_ports(now, call, &endpoints, place, stocked) else { return };
                let setup = Setup { endpoints: &endpoints, inactivity, hold, seed: self.random.next_u64(), wall_clock: self.clock.epoch() };
                return self.open(now, call, setup, place, is_told);
            }
            MediaCommand::Add { call, endpoint } => return self.add(now, call, endpoint, stocked),
            MediaCommand::Describe { call, leg, description } => (call, Input::Describe(leg, description)),
            MediaCommand::Play { call, leg, play, sound, times, over, .. } => {
                (call, Input::Play { leg, play, sound: Playable::of(&sound), times, over })
            }
            MediaCommand::Stop { call, play } => (call, Input::Stop(play)),
            MediaCommand::Hear { call, pairs } => (call, Input::Hear(pairs)),
            MediaCommand::Press { call, leg, keys } => (call, Input::Press(leg, keys)),
            MediaCommand::Remove { call, leg } => (call, Input::Remove(leg)),
            MediaCommand::Record { call, recording, of, layout, file } => return self.record(now, call, (recording, of, layout), file),
            MediaCommand::StopRecording { call, recording } => (call, Input::StopRecording(recording)),
            MediaCommand::Close { call } => (call, Input::Close),
            // It is another item by the time that it is here.
            MediaCommand::Adopt { .. } => return,
            // Those who read prompts do that.
            MediaCommand::Prepare { .. } => return,
        };
        if let Some(place) = self.calls.get(&call) {
            self.handle(now, *place, Some(input));
        }
    }

    /// A place for a session.
    fn vacancy(&mut self) -> u32 {
        self.vacant.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            (self.sessions.len() - 1) as u32
        })
    }

    /// All ports of a session, or none.
    fn take_ports(
        &mut self,
        now: Timestamp,
        call: CallId,
        requests: &[EndpointRequest],
        place: u32,
        stocked: Option<Box<[PortId]>>,
    ) -> Option<Vec<(LocalEndpoint, PortId)>> {
        let ports = if let Some(ports) = stocked {
            ports.iter().for_each(|port| self.sockets.assign(now, *port, place));
            ports
        } else {
            let mut ports = Vec::with_capacity(requests.len());
            ports.extend(requests.iter().map_while(|request| self.sockets.take(now, request.side, place)));
            ports.into()
        };
        if ports.len() < requests.len() {
            tracing::debug!(%call, "no media ports are left");
            self.shared.counters.refused.fetch_add(1, Relaxed);
            self.give_up(now, call, place, &ports, MediaEvent::Refused(MediaFailure::NoPorts));
            return None;
        }
        Some(requests.iter().zip(&ports).map(|(request, port)| (self.sockets.local(request.leg, *port), *port)).collect())
    }

    /// Opens a session. Its call may have been told already.
    fn open(&mut self, now: Timestamp, call: CallId, setup: Setup<'_>, place: u32, is_told: bool) {
        let ports: Vec<PortId> = setup.endpoints.iter().map(|(_, port)| *port).collect();
        match Session::open(now, setup) {
            Ok(mut session) => {
                if is_told {
                    // Its first output is what the call knows.
                    let _ = session.poll_output();
                }
                let entry = Entry {
                    call,
                    session,
                    ports,
                    timer: None,
                    tapes: Tapes::default(),
                    #[cfg(test)]
                    fault: None,
                };
                self.sessions[place as usize] = Some(entry);
                self.calls.insert(call, place);
                self.handle(now, place, None);
            }
            Err(error) => {
                tracing::error!(%call, %error, "no media session");
                self.give_up(now, call, place, &ports, MediaEvent::Failed);
            }
        }
    }

    /// Adds an endpoint to a session. Its call may have been told already.
    fn add(&mut self, now: Timestamp, call: CallId, endpoint: EndpointRequest, stocked: Option<Box<[PortId]>>) {
        let EndpointRequest { leg, side } = endpoint;
        let Some(place) = self.calls.get(&call).copied() else {
            // The session has failed since the call was told of these ports, which a peer may know by now.
            return stocked.iter().flatten().for_each(|port| self.sockets.give_back(now, *port, true));
        };
        let known = stocked.as_ref().and_then(|ports| ports.first()).copied();
        let port = match known {
            Some(port) => {
                self.sockets.assign(now, port, place);
                Some(port)
            }
            None => self.sockets.take(now, side, place),
        };
        let Some(Some(entry)) = self.sessions.get_mut(place as usize) else { return };
        let added = match port {
            None => Err(MediaFailure::NoPorts),
            Some(port) => entry.session.add(now, self.sockets.local(leg, port), port).map_err(|error| {
                tracing::warn!(%call, %leg, %error, "no media endpoint");
                MediaFailure::Full
            }),
        };
        match (added, port) {
            (Ok(()), Some(port)) => {
                entry.ports.push(port);
                if known.is_some() {
                    // Its first output is what the call knows.
                    let _ = entry.session.poll_output();
                }
                self.handle(now, place, None);
            }
            (failed, port) => {
                port.into_iter().for_each(|port| self.sockets.give_back(now, port, known.is_some()));
                self.shared.counters.refused.fetch_add(1, Relaxed);
                (self.sink)(call, MediaEvent::NotAdded { leg, failure: failed.err().unwrap_or(MediaFailure::NoPorts) });
            }
        }
    }

    /// A session that did not come to be: nobody was told of its ports.
    fn give_up(&mut self, now: Timestamp, call: CallId, place: u32, ports: &[PortId], event: MediaEvent) {
        ports.iter().for_each(|port| self.sockets.give_back(now, *port, false));
        self.vacant.push(place);
        self.shared.leave(call, self.index);
        (self.sink)(call, event);
    }

    /// Gives the session its input, does what it then wants, and ends it if it is over.
    fn handle(&mut self, now: Timestamp, place: u32, input: Option<Input>) {
        let Some(Some(entry)) = self.sessions.get_mut(place as usize) else { return };
        let (call, sockets, sink, tapes) = (entry.call, &self.sockets, &self.sink, &mut entry.tapes);
        let handled = contain(|| {
            let (mut closed, mut released, mut input) = (None, Vec::new(), input);
            loop {
                if let Some(input) = input {
                    entry.session.handle(now, input);
                }
                while let Some(output) = entry.session.poll_output() {
                    match output {
                        Output::Packet { port, channel, to, bytes } => sockets.send(port, channel, to, bytes),
                        Output::Event(event @ MediaEvent::Closed(_)) => closed = Some(event),
                        Output::Event(event) => sink(call, event),
                        Output::Release(port) => released.push(port),
                        Output::Block { recording, bytes } => tapes.write(recording, bytes),
                        Output::RecordingOver { recording, end } => tapes.end(recording, end),
                    }
                }
                input = tapes.news();
                if input.is_none() {
                    break;
                }
            }
            (closed, released, entry.session.poll_timeout().map(|(at, _)| at))
        });
        match handled {
            Ok((None, released, at)) => {
                for port in released {
                    entry.ports.retain(|own| *own != port);
                    self.sockets.give_back(now, port, true);
                }
                let before = mem::replace(&mut entry.timer, at);
                self.set_timer(place, before, at);
            }
            Ok((Some(closed), ..)) => {
                // Whoever hears of the end finds the ports given back.
                self.remove(now, place);
                (self.sink)(call, closed);
            }
            Err(panic) => self.fail(now, place, &panic),
        }
    }

    fn set_timer(&mut self, place: u32, before: Option<Timestamp>, at: Option<Timestamp>) {
        if before != at {
            if let Some(before) = before {
                self.timers.remove(&(before, place));
            }
            self.timers.extend(at.map(|at| (at, place)));
        }
    }

    /// Wakes the sessions whose time has come.
    fn wake(&mut self) {
        if self.timers.is_empty() && self.awaited.is_empty() {
            return;
        }
        let now = self.clock.now();
        self.look_for_awaited(now);
        for _ in 0..TIMERS_PER_TURN {
            match self.timers.first() {
                Some((at, place)) if *at <= now => self.handle(now, *place, Some(Input::Wake)),
                _ => return,
            }
        }
    }

    /// Takes a session out and gives its ports back.
    fn remove(&mut self, now: Timestamp, place: u32) -> Option<Entry> {
        let entry = self.sessions.get_mut(place as usize).and_then(Option::take)?;
        self.set_timer(place, entry.timer, None);
        self.calls.remove(&entry.call);
        self.vacant.push(place);
        entry.ports.iter().for_each(|port| self.sockets.give_back(now, *port, true));
        self.shared.leave(entry.call, self.index);
        Some(entry)
    }

    /// A session panicked. It is ended, and no other.
    #[cold]
    fn fail(&mut self, now: Timestamp, place: u32, panic: &Panic) {
        let Some(mut entry) = self.remove(now, place) else { return };
        let call = entry.call;
        entry.tapes.fail();
        tracing::error!(%call, place = %panic.place, "a media session failed inside and was ended: {}", Escaped(&panic.message));
        self.shared.counters.failed.fetch_add(1, Relaxed);
        // What is left of it may well fail again when it is dropped.
        let _ = contain(|| drop(entry));
        (self.sink)(call, MediaEvent::Failed);
    }

    #[cfg(test)]
    fn inject(&mut self, now: Timestamp, call: CallId, fault: Fault) {
        let place = self.calls[&call];
        match fault {
            Fault::Command => {
                let panic = contain(|| panic!("a fault at a command")).unwrap_err();
                self.fail(now, place, &panic);
            }
            Fault::Packet => self.sessions[place as usize].as_mut().unwrap().fault = Some(fault),
        }
    }
}
