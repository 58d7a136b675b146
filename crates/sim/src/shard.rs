//! The media threads in one, without sockets: real sessions on ports of the virtual network.

use crate::{
    node::World,
    queue::{Datagram, Event},
    recordings::Recordings,
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_media::{AddError, Channel, Clip, Input, Output, PacketBuf, Playable, PortAllocator, Probe, Session, Setup, Verdict};
use tandem_model::{
    CallId, EndpointDescription, EndpointRequest, Hearing, LegId, LocalEndpoint, MediaCommand, MediaEvent, MediaFailure, NetworkTone,
    PlayFailure, PortId, RecordingEnd, RecordingFailure, Sound, Timestamp,
};

/// One `[[media]]` side.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) address: IpAddr,
    pub(crate) ports: PortAllocator,
}

#[derive(Debug)]
struct Opened {
    session: Session,
    endpoints: Vec<(EndpointRequest, LocalEndpoint, PortId)>,
}

/// All media threads in one.
#[derive(Debug)]
pub struct Shard {
    sides: Vec<Side>,
    sessions: BTreeMap<CallId, Opened>,
    /// Who owns an address of ours.
    owners: BTreeMap<SocketAddr, (CallId, PortId, Channel)>,
    next_port: u32,
    buffer: PacketBuf,
    /// Every description that a leg was given, in their order.
    pub descriptions: Vec<(LegId, EndpointDescription)>,
    /// Every hear matrix after that of the opening, in their order.
    pub matrices: Vec<Box<[Hearing]>>,
    /// The files of `[files] prompts`.
    pub prompts: BTreeMap<Box<str>, Clip>,
    /// Endpoints that went from one session to another.
    pub adopted: u32,
    /// The next so many times that a prompt is read something comes of it, and then never more.
    pub reads_that_end: u32,
    /// How long it takes until a call hears of its session.
    pub delay: Duration,
    /// What was recorded.
    pub recordings: Recordings,
    /// The next so many sessions are refused.
    pub refuse: u32,
    /// Commands that came for sessions that do not exist: a call that talks to nobody.
    pub misdirected: u32,
    /// Packets at addresses that were no session's, or were not the leg's.
    pub dropped: u32,
}

impl Shard {
    pub(crate) fn new(sides: Vec<Side>) -> Shard {
        Shard {
            sides,
            sessions: BTreeMap::new(),
            owners: BTreeMap::new(),
            next_port: 0,
            buffer: PacketBuf::new(),
            descriptions: Vec::new(),
            matrices: Vec::new(),
            prompts: BTreeMap::new(),
            adopted: 0,
            reads_that_end: u32::MAX,
            delay: Duration::from_micros(200),
            recordings: Recordings::default(),
            refuse: 0,
            misdirected: 0,
            dropped: 0,
        }
    }

    /// Pairs of ports in use.
    pub fn ports(&self, now: Timestamp) -> usize {
        self.sides.iter().map(|side| side.ports.counts(now).in_use).sum()
    }

    /// Sessions that exist.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The call whose session there is, if there is just one.
    pub fn only_call(&self) -> Option<CallId> {
        self.sessions.keys().next().copied().filter(|_| self.sessions.len() == 1)
    }

    /// Where a session of ours has its ports for RTP.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.owners.iter().filter(|(_, (.., channel))| *channel == Channel::Rtp).map(|(address, _)| *address).collect()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Timestamp> {
        self.sessions.values().filter_map(|opened| opened.session.poll_timeout()).map(|(at, _)| at).min()
    }

    pub(crate) fn wake(&mut self, world: &mut World<'_>) {
        let due = |opened: &Opened| opened.session.poll_timeout().is_some_and(|(at, _)| at <= world.now);
        let calls: Vec<CallId> = self.sessions.iter().filter(|(_, opened)| due(opened)).map(|(call, _)| *call).collect();
        for call in calls {
            self.handle(world, call, Input::Wake);
        }
    }

    pub(crate) fn receive(&mut self, world: &mut World<'_>, datagram: &Datagram) {
        let owner = self.owners.get(&datagram.to).copied();
        let Some((call, port, channel)) = owner else { return self.dropped += 1 };
        let Some(opened) = self.sessions.get_mut(&call) else { return };
        self.buffer.fill(&datagram.bytes);
        match opened.session.handle_packet(world.now, port, channel, datagram.from, &mut self.buffer) {
            Verdict::Forward { port, channel, to } | Verdict::ForwardAndWait { port, channel, to } => {
                let from = local(&opened.endpoints, port, channel);
                world.outbox.extend(from.map(|from| Datagram { from, to, bytes: self.buffer.bytes().to_vec(), rtp: true, over: None }));
            }
            Verdict::Consumed | Verdict::Waits => {}
            Verdict::Dropped(_) => self.dropped += 1,
        }
    }

    pub(crate) fn command(&mut self, world: &mut World<'_>, command: MediaCommand) {
        match command {
            MediaCommand::Open { call, endpoints, inactivity, hold } => {
                if let Err(failure) = self.open(world.now, call, &endpoints, inactivity, hold) {
                    self.tell(world, call, MediaEvent::Refused(failure));
                }
                self.drain(world, call);
            }
            MediaCommand::Describe { call, leg, description } => {
                self.descriptions.push((leg, (*description).clone()));
                self.handle(world, call, Input::Describe(leg, description));
            }
            MediaCommand::Prepare { call, file } => {
                if let Some(read) = self.read(&file) {
                    self.tell(world, call, MediaEvent::Prepared { file, length: read.map(|clip| clip.ms()) });
                }
            }
            MediaCommand::Play { call, leg, play, sound, times, over, instead } => {
                self.handle(world, call, Input::Play { leg, play, sound: Playable::of(&sound), times, over });
                let Sound::Prompt(file) = sound else { return };
                let ringing = instead.map(|country| Playable::Tone { country, tone: NetworkTone::Ringing });
                if let Some(read) = self.read(&file) {
                    let sound = read.map(Playable::Clip).or_else(|failure| ringing.ok_or(failure));
                    self.handle(world, call, Input::Loaded(play, sound));
                }
            }
            MediaCommand::Stop { call, play } => self.handle(world, call, Input::Stop(play)),
            MediaCommand::Add { call, endpoint } => {
                if let Err(failure) = self.add(world.now, call, endpoint) {
                    self.tell(world, call, MediaEvent::NotAdded { leg: endpoint.leg, failure });
                }
                self.drain(world, call);
            }
            MediaCommand::Adopt { call, leg, from } => {
                if !self.adopt(world.now, call, leg, from) {
                    self.tell(world, call, MediaEvent::NotAdded { leg, failure: MediaFailure::Gone });
                }
                self.drain(world, from);
                self.drain(world, call);
            }
            MediaCommand::Hear { call, pairs } => {
                self.matrices.push(pairs.clone());
                self.handle(world, call, Input::Hear(pairs));
            }
            MediaCommand::Press { call, leg, keys } => self.handle(world, call, Input::Press(leg, keys)),
            MediaCommand::Remove { call, leg } => self.handle(world, call, Input::Remove(leg)),
            MediaCommand::Record { call, recording, of, layout, file } => {
                let session = self.sessions.get_mut(&call).map(|opened| &mut opened.session);
                let begun = session.ok_or(RecordingFailure::NoLeg).and_then(|session| session.record(world.now, recording, of, layout));
                match begun {
                    Ok(format) => self.recordings.begin(call, recording, file, format),
                    Err(failure) => {
                        let end = RecordingEnd::Failed(failure);
                        self.tell(world, call, MediaEvent::Recorded { recording, file: "".into(), ms: 0, end });
                    }
                }
                self.drain(world, call);
            }
            MediaCommand::StopRecording { call, recording } => self.handle(world, call, Input::StopRecording(recording)),
            MediaCommand::Close { call } => self.handle(world, call, Input::Close),
        }
    }

    fn handle(&mut self, world: &mut World<'_>, call: CallId, input: Input) {
        match self.sessions.get_mut(&call) {
            Some(opened) => opened.session.handle(world.now, input),
            // A session that was refused is closed by a call that has not heard of it yet.
            None => self.misdirected += u32::from(input != Input::Close),
        }
        self.drain(world, call);
    }

    /// Does what a session wants done.
    fn drain(&mut self, world: &mut World<'_>, call: CallId) {
        let Some(opened) = self.sessions.get_mut(&call) else { return };
        let (mut events, mut released, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(output) = opened.session.poll_output() {
            match output {
                Output::Event(event) => events.push(event),
                Output::Release(port) => released.push(port),
                Output::Block { recording, bytes } => {
                    if let Some(event) = self.recordings.write(call, recording, bytes) {
                        recorded.push(event);
                        opened.session.handle(world.now, Input::StopRecording(recording));
                    }
                }
                Output::RecordingOver { recording, end } => recorded.extend(self.recordings.end(call, recording, end)),
                Output::Packet { port, channel, to, bytes } => {
                    let bytes = bytes.to_vec();
                    world.outbox.extend(local(&opened.endpoints, port, channel).map(|from| Datagram {
                        from,
                        to,
                        bytes,
                        rtp: true,
                        over: None,
                    }));
                }
            }
        }
        let closed = opened.session.is_closed();
        for event in recorded {
            world.flight.push(world.now + self.delay + self.recordings.delay, Event::Media(call, Box::new(event)));
        }
        for event in events {
            self.tell(world, call, event);
        }
        let gone = match self.sessions.get_mut(&call) {
            Some(_) if closed => self.sessions.remove(&call).map(|opened| opened.endpoints).unwrap_or_default(),
            Some(opened) => opened.endpoints.extract_if(.., |(.., port)| released.contains(port)).collect(),
            None => Vec::new(),
        };
        for (request, local, _) in gone {
            self.owners.remove(&local.rtp);
            self.owners.remove(&local.rtcp);
            self.sides[usize::from(request.side.0)].ports.give_back(world.now, local.rtp.port());
        }
    }

    /// What comes of reading a prompt; `None`: nothing ever does.
    fn read(&mut self, file: &str) -> Option<Result<Clip, PlayFailure>> {
        self.reads_that_end = self.reads_that_end.checked_sub(1)?;
        Some(self.prompts.get(file).cloned().ok_or(PlayFailure::Missing))
    }

    fn tell(&self, world: &mut World<'_>, call: CallId, event: MediaEvent) {
        world.flight.push(world.now + self.delay, Event::Media(call, Box::new(event)));
    }

    fn open(
        &mut self,
        now: Timestamp,
        call: CallId,
        requests: &[EndpointRequest],
        inactivity: Duration,
        hold: Duration,
    ) -> Result<(), MediaFailure> {
        if self.refuse > 0 {
            self.refuse -= 1;
            return Err(MediaFailure::NoPorts);
        }
        if self.sessions.contains_key(&call) {
            self.misdirected += 1;
            return Err(MediaFailure::NoPorts);
        }
        let endpoints: Vec<_> = requests.iter().map_while(|request| self.take(now, *request)).collect();
        let locals: Vec<(LocalEndpoint, PortId)> = endpoints.iter().map(|(_, local, port)| (*local, *port)).collect();
        let setup = Setup { endpoints: &locals, inactivity, hold, seed: call.bits(), wall_clock: Duration::ZERO };
        match Session::open(now, setup) {
            Ok(session) if locals.len() == requests.len() => {
                locals.into_iter().for_each(|(local, port)| self.own(call, local, port));
                self.sessions.insert(call, Opened { session, endpoints });
                Ok(())
            }
            _ => {
                for (request, local, _) in endpoints {
                    self.sides[usize::from(request.side.0)].ports.give_back_unused(local.rtp.port());
                }
                Err(MediaFailure::NoPorts)
            }
        }
    }

    fn add(&mut self, now: Timestamp, call: CallId, request: EndpointRequest) -> Result<(), MediaFailure> {
        if !self.sessions.contains_key(&call) {
            self.misdirected += 1;
            return Ok(());
        }
        if self.refuse > 0 {
            self.refuse -= 1;
            return Err(MediaFailure::NoPorts);
        }
        let (_, local, port) = self.take(now, request).ok_or(MediaFailure::NoPorts)?;
        let Some(opened) = self.sessions.get_mut(&call) else { return Ok(()) };
        match opened.session.add(now, local, port) {
            Ok(()) => {
                opened.endpoints.push((request, local, port));
                self.own(call, local, port);
                Ok(())
            }
            Err(error) => {
                assert_eq!(error, AddError::Full, "{call} adds {request:?}");
                self.sides[usize::from(request.side.0)].ports.give_back_unused(local.rtp.port());
                Err(MediaFailure::Full)
            }
        }
    }

    /// A leg goes from one session to another.
    fn adopt(&mut self, now: Timestamp, call: CallId, leg: LegId, from: CallId) -> bool {
        let Some(giver) = self.sessions.get_mut(&from) else { return false };
        let Some((adoptee, port)) = giver.session.detach(now, leg) else { return false };
        let mut endpoints = giver.endpoints.extract_if(.., |(.., own)| *own == port).collect::<Vec<_>>();
        let Some(taker) = self.sessions.get_mut(&call) else {
            self.misdirected += 1;
            return false;
        };
        let adopted = taker.session.adopt(now, adoptee, port);
        assert!(adopted.is_ok(), "{call} adopts {leg}: {adopted:?}");
        taker.endpoints.append(&mut endpoints);
        if let Some((_, local, _)) = taker.endpoints.last().copied() {
            self.own(call, local, port);
        }
        self.adopted += 1;
        true
    }

    /// A pair of ports of a side.
    fn take(&mut self, now: Timestamp, request: EndpointRequest) -> Option<(EndpointRequest, LocalEndpoint, PortId)> {
        let side = self.sides.get_mut(usize::from(request.side.0))?;
        let port = side.ports.take(now, |_| Probe::Opened)?;
        let (rtp, rtcp) = (SocketAddr::new(side.address, port), SocketAddr::new(side.address, port + 1));
        self.next_port += 1;
        Some((request, LocalEndpoint { leg: request.leg, rtp, rtcp }, PortId(self.next_port)))
    }

    fn own(&mut self, call: CallId, local: LocalEndpoint, port: PortId) {
        self.owners.insert(local.rtp, (call, port, Channel::Rtp));
        self.owners.insert(local.rtcp, (call, port, Channel::Rtcp));
    }
}

/// The address behind an endpoint's port.
fn local(endpoints: &[(EndpointRequest, LocalEndpoint, PortId)], port: PortId, channel: Channel) -> Option<SocketAddr> {
    let (_, local, _) = endpoints.iter().find(|(.., own)| *own == port)?;
    Some(if channel == Channel::Rtp { local.rtp } else { local.rtcp })
}
