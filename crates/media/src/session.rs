//! One call's media: its endpoints, and who hears whom.
//!
//! The order of calls: [`Session::open`], then any number of [`Session::handle`], [`Session::add`] and
//! [`Session::handle_packet`]. After `open`, `add` and each `handle`, drain [`Session::poll_output`] and ask [`Session::poll_timeout`] anew; packets change
//! neither, but for those that [wait](Verdict::Waits). When the time that it gave has come, `handle` [`Input::Wake`].

mod converting;
mod keys;
mod matrix;
mod members;
mod mixing;
mod plays;
mod recordings;
mod reports;

use crate::{
    endpoint::{Plain, Unheard},
    packet::{Channel, DropReason, PacketBuf, Verdict},
    path::{mix::Mix, relay, repack::Packed},
    rtcp::reports::Report,
    rtp::{header::Header, rewrite::Feeder, sequence::Seen},
    source::Playable,
    voice::Said,
};
pub use members::Adoptee;
use recordings::Recordings;
use reports::Farewell;
use std::{collections::VecDeque, net::SocketAddr, time::Duration};
use tandem_model::{
    Across, Carries, EndpointDescription, EndpointStats, Hearing, KeyPress, LegId, LocalEndpoint, MAX_ENDPOINTS, MediaEvent, PlayFailure,
    PlayId, PortId, Random, RecordingEnd, RecordingId, StreamKind, Timestamp,
};

/// What a session is made of.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// One entry a leg: our end as SDP states it, and the ports that are behind it. The first two hear each other.
    pub endpoints: &'a [(LocalEndpoint, PortId)],
    /// Silence after which a leg that should send is reported; zero: never.
    pub inactivity: Duration,
    /// The same while the leg is held.
    pub hold: Duration,
    /// Decides SSRCs and where sequences begin.
    pub seed: u64,
    /// Time since the Unix epoch when the session's clock was at zero, for reports.
    pub wall_clock: Duration,
}

/// No session can be made of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is none, or more than may be.
    #[error("a media session has 1 to {MAX_ENDPOINTS} endpoints, not {0}")]
    Endpoints(usize),
}

/// The session gets no such endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// It has as many as it may, or has had.
    #[error("the media session has, or has had, as many endpoints as it may")]
    Full,
    /// The leg has one.
    #[error("the leg has an endpoint in the media session")]
    Twice,
    /// It has ended.
    #[error("the media session has ended")]
    Closed,
}

/// What a session is told; commands as in [`tandem_model::MediaCommand`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A leg's remote description.
    Describe(LegId, Box<EndpointDescription>),
    /// Something is played to a leg.
    Play {
        /// To whom.
        leg: LegId,
        /// Its name.
        play: PlayId,
        /// What.
        sound: Playable,
        /// How often; 0: until it is stopped.
        times: u16,
        /// Over what the leg hears, not in place of it.
        over: bool,
    },
    /// A prompt that is [awaited](Playable::Awaited) has come, or what is heard in its place; or neither will.
    Loaded(PlayId, Result<Playable, PlayFailure>),
    /// What is played ends.
    Stop(PlayId),
    /// Who hears whom, in full.
    Hear(Box<[Hearing]>),
    /// A leg is to hear these keys, in its own way.
    Press(LegId, Box<[KeyPress]>),
    /// A leg leaves; [`Output::Release`] says which ports it had.
    Remove(LegId),
    /// A recording ends.
    StopRecording(RecordingId),
    /// The end.
    Close,
    /// The time that [`Session::poll_timeout`] gave has come.
    Wake,
}

/// What a session wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// A packet that the session made.
    Packet {
        /// From the ports of this endpoint …
        port: PortId,
        /// … and of these the socket of this channel …
        channel: Channel,
        /// … to this address.
        to: SocketAddr,
        /// The packet, to be sent or copied before the next poll.
        bytes: &'a [u8],
    },
    /// To be told to the call. After [`MediaEvent::Closed`] the session takes nothing more; its ports are to be given
    /// back.
    Event(MediaEvent),
    /// The ports of an endpoint that was removed are to be given back.
    Release(PortId),
    /// The next bytes of a recording, to be kept before the next poll: a whole block ([`Format::block`](crate::Format::block)), or the last
    /// of it.
    Block {
        /// Which.
        recording: RecordingId,
        /// Samples, as [`Format`](crate::Format) says.
        bytes: &'a [u8],
    },
    /// A recording has ended; there are no more blocks of it.
    RecordingOver {
        /// Which.
        recording: RecordingId,
        /// Why.
        end: RecordingEnd,
    },
}

/// Why a session wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The next packet that we make.
    Voice,
    /// A key that is pressed for a leg, or that a leg presses and does not let go, or that is yet to be told of.
    Key,
    /// The next report that we make of it (RFC 3550 §6.2).
    Report,
    /// A leg may have been silent for too long.
    Silence,
}

/// One call's media.
#[derive(Debug)]
#[repr(C)]
pub struct Session {
    // First what every packet touches.
    endpoints: Vec<Plain>,
    /// Who hears each endpoint.
    listeners: [Option<u8>; MAX_ENDPOINTS],
    closed: bool,
    /// Endpoints that there have been: the next one's name.
    named: u8,
    // What no packet touches.
    inactivity: Duration,
    hold: Duration,
    /// At most one `Opened`, one `Inactive` a leg, one `Played` a play and one `Closed` between two drains.
    events: VecDeque<MediaEvent>,
    /// Of an endpoint that was removed since the last drain.
    released: Vec<PortId>,
    /// The last reports to legs that have just left.
    farewells: Vec<Farewell>,
    /// The report that was made last.
    report: Report,
    /// Up to when tones are to be made.
    now: Timestamp,
    /// Who hears whom.
    hearing: Box<[Hearing]>,
    /// How they do, where packets cannot just go on.
    mix: Option<Box<Mix>>,
    recordings: Option<Box<Recordings>>,
    /// Names and figures of the endpoints that were removed.
    removed: Vec<(u8, EndpointStats)>,
    /// What further endpoints are made of.
    random: Random,
    wall_clock: Duration,
}

impl Session {
    /// Makes a session; its first output is [`MediaEvent::Opened`].
    ///
    /// # Errors
    /// A number of endpoints that no path serves.
    pub fn open(now: Timestamp, setup: Setup<'_>) -> Result<Session, OpenError> {
        let Setup { endpoints, inactivity, hold, seed, wall_clock } = setup;
        if !(1..=MAX_ENDPOINTS).contains(&endpoints.len()) {
            return Err(OpenError::Endpoints(endpoints.len()));
        }
        let mut random = Random::new(seed);
        let opened = MediaEvent::Opened(endpoints.iter().map(|(local, _)| *local).collect());
        let mut session = Session {
            endpoints: (0..).zip(endpoints).map(|(name, (local, port))| Plain::new(name, local.leg, *port, now, &mut random)).collect(),
            listeners: [None; MAX_ENDPOINTS],
            inactivity,
            hold,
            events: VecDeque::from([opened]),
            released: Vec::new(),
            farewells: Vec::new(),
            report: Report::default(),
            now,
            closed: false,
            named: endpoints.len() as u8,
            hearing: if let [(a, _), (b, _), ..] = endpoints { Hearing::each_other([a.leg, b.leg]) } else { Box::default() },
            mix: None,
            recordings: None,
            removed: Vec::new(),
            random,
            wall_clock,
        };
        session.arrange();
        Ok(session)
    }

    /// Takes an input. What is said of a leg that the session does not have is ignored.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        match input {
            _ if self.closed => {}
            Input::Describe(leg, description) => {
                let (inactivity, hold) = (self.inactivity, self.hold);
                if let Some(endpoint) = self.endpoint(leg) {
                    endpoint.describe(now, *description, inactivity, hold);
                }
                self.end_plays();
                self.arrange();
            }
            Input::Play { leg, play, sound, times, over } => self.play(leg, play, sound, times, over),
            Input::Loaded(play, sound) => self.loaded(play, sound),
            Input::Stop(play) => self.stop(play),
            Input::Hear(pairs) => self.hear(pairs),
            Input::Press(leg, keys) => self.press(now, leg, &keys),
            Input::Remove(leg) => self.remove(leg),
            Input::StopRecording(recording) => self.stop_recording(recording),
            Input::Close => {
                self.closed = true;
                self.end_recordings_of(None);
                for place in 0..self.endpoints.len() {
                    self.end_keys(self.endpoints[place].leg);
                }
                for endpoint in &mut self.endpoints {
                    self.farewells.extend(Farewell::to(now, endpoint));
                }
                self.events.push_back(MediaEvent::Closed(self.figures()));
            }
            Input::Wake => {
                self.look_for_reports();
                self.look_for_keys();
                let anybody = self.endpoints.iter().map(|endpoint| endpoint.last_heard).max().unwrap_or(now);
                for endpoint in &mut self.endpoints {
                    if let Some(held) = endpoint.look(now, anybody) {
                        self.events.push_back(MediaEvent::Inactive { leg: endpoint.leg, held });
                    }
                }
            }
        }
    }

    /// Reads what the next packet at `port` will need, so that it is in the processor's cache by then, and says which port
    /// the packet will leave from. Whoever has several packets for several sessions touches all of them first: fetched
    /// together they take little longer than one.
    #[inline]
    pub fn touch(&self, port: PortId) -> Option<PortId> {
        let speaker = self.endpoints.iter().position(|endpoint| endpoint.port == port)?;
        self.endpoints[speaker].touch_as_speaker();
        let listener = &self.endpoints[usize::from(self.listeners[speaker]?)];
        listener.touch_as_listener();
        Some(listener.port)
    }

    /// Takes a packet that arrived at one of the session's ports, and says what to do with it. `packet` is changed in
    /// place when it is to be forwarded. This never allocates.
    pub fn handle_packet(&mut self, now: Timestamp, port: PortId, channel: Channel, source: SocketAddr, packet: &mut PacketBuf) -> Verdict {
        let speaker = match self.endpoints.iter().position(|endpoint| endpoint.port == port) {
            Some(speaker) if !self.closed => speaker,
            _ => return Verdict::Dropped(DropReason::UnknownPort),
        };
        if self.endpoints[speaker].kind == StreamKind::Udptl {
            return self.handle_datagram(now, speaker, channel, source, packet);
        }
        if self.endpoints[speaker].is_rtcp(channel, packet.bytes()) {
            return self.handle_control(now, speaker, channel, source, packet);
        }
        match self.endpoints[speaker].hear(now, source, packet) {
            Err(unheard) => self.pass_over(speaker, unheard),
            Ok(heard) if heard.rule.carries == Carries::Event => self.handle_event(now, speaker, heard, packet),
            Ok(heard) => match self.listeners[speaker] {
                Some(place) => {
                    let name = self.endpoints[speaker].name;
                    let listener = &mut self.endpoints[usize::from(place)];
                    let pair = (speaker, usize::from(place));
                    match heard.rule.across {
                        Across::As(number) if listener.passes.admit(&heard, packet) => {
                            relay::rtp(now, name, heard, number, listener, packet)
                        }
                        Across::As(number) => self.convert(now, pair, heard, number, packet),
                        Across::Sound(codec) => self.say_again(now, pair, heard, codec, packet),
                        Across::Event { .. } | Across::Key => self.handle_event(now, speaker, heard, packet),
                    }
                }
                None => self.take_in(now, speaker, &heard, packet).unwrap_or_else(|| self.ignore(speaker)),
            },
        }
    }

    /// A packet of an event that could not be read counts as one that was not taken.
    fn tell(&mut self, speaker: usize, seen: Seen, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Dropped(reason) => {
                self.endpoints[speaker].count_dropped();
                self.pass_over(speaker, Unheard { reason, skipped: Some(seen) })
            }
            _ => verdict,
        }
    }

    /// A packet that goes no further leaves no gap in what the listener gets.
    #[cold]
    fn pass_over(&mut self, speaker: usize, unheard: Unheard) -> Verdict {
        if let (Some(listener), Some(seen)) = (self.listeners[speaker], unheard.skipped) {
            let name = self.endpoints[speaker].name;
            let listener = &mut self.endpoints[usize::from(listener)];
            listener.outgoing.skip(Feeder::Leg(name), seen);
            listener.packer.iter_mut().for_each(|packer| packer.pass_over(name, seen));
        }
        Verdict::Dropped(unheard.reason)
    }

    #[cold]
    fn handle_datagram(&mut self, now: Timestamp, speaker: usize, channel: Channel, source: SocketAddr, packet: &PacketBuf) -> Verdict {
        match (self.endpoints[speaker].hear_datagram(now, channel, source, packet), self.listeners[speaker]) {
            (Err(reason), _) => Verdict::Dropped(reason),
            (Ok(()), Some(listener)) => relay::datagram(&mut self.endpoints[usize::from(listener)], packet),
            (Ok(()), None) => self.ignore(speaker),
        }
    }

    fn handle_control(&mut self, now: Timestamp, speaker: usize, channel: Channel, source: SocketAddr, packet: &mut PacketBuf) -> Verdict {
        if let Err(reason) = self.endpoints[speaker].hear_control(now, channel, source, packet) {
            return Verdict::Dropped(reason);
        }
        match self.listeners[speaker] {
            // One source of reports a leg, and where we are it, the leg's own are for us.
            Some(listener) if usize::from(listener) != speaker && self.endpoints[usize::from(listener)].reports.is_none() => {
                let verdict = relay::rtcp(&self.endpoints[speaker], &self.endpoints[usize::from(listener)], packet);
                if let (Verdict::Forward { .. }, Some(made)) = (&verdict, self.endpoints[speaker].told_at(now)) {
                    self.endpoints[usize::from(listener)].round_trip.on_told(now, made);
                }
                verdict
            }
            Some(_) => Verdict::Consumed,
            // Of a mix all reports are ours, also of who only listens.
            None if self.mix.is_some() || self.endpoints[speaker].reports.is_some() => Verdict::Consumed,
            None => self.ignore(speaker),
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        if self.has_block() {
            return self.next_block();
        }
        if let Some(Farewell { port, channel, to, report }) = self.farewells.pop() {
            self.report = report;
            return Some(Output::Packet { port, channel, to, bytes: self.report.bytes() });
        }
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        if let Some(port) = self.released.pop() {
            return Some(Output::Release(port));
        }
        let said = self.next_said().or_else(|| self.next_mixed());
        self.hear_keys();
        if let Some((index, to, header)) = said {
            let endpoint = &mut self.endpoints[index];
            let voice = endpoint.voice.as_mut()?;
            return Some(Output::Packet { port: endpoint.port, channel: Channel::Rtp, to, bytes: voice.packet(&header) });
        }
        if let Some((index, to, header)) = self.next_packed() {
            let endpoint = &mut self.endpoints[index];
            let packer = endpoint.packer.as_mut()?;
            return Some(Output::Packet { port: endpoint.port, channel: Channel::Rtp, to, bytes: packer.packet(&header) });
        }
        if self.has_block() {
            return self.next_block();
        }
        self.end_plays();
        // What that brought, and keys that were heard.
        if let Some(event) = self.events.pop_front() {
            return Some(Output::Event(event));
        }
        if let Some((index, to, header)) = self.next_pressed() {
            let endpoint = &mut self.endpoints[index];
            return Some(Output::Packet { port: endpoint.port, channel: Channel::Rtp, to, bytes: endpoint.pressed_packet(&header)? });
        }
        let (port, channel, to) = self.next_report()?;
        Some(Output::Packet { port, channel, to, bytes: self.report.bytes() })
    }

    /// The next packet of ours that is due and may be sent.
    fn next_said(&mut self) -> Option<(usize, SocketAddr, Header)> {
        if self.closed {
            return None;
        }
        let now = self.now;
        for (index, endpoint) in self.endpoints.iter_mut().enumerate() {
            let target = endpoint.rtp_target();
            let Some(voice) = &mut endpoint.voice else { continue };
            while let Some(Said { mut header, seen, due }) = voice.say(now, endpoint.over.as_deref_mut()) {
                if let (Some(recordings), Some(mix)) = (&mut self.recordings, &self.mix) {
                    recordings.overhear(endpoint.leg, voice, mix.rate_hz());
                }
                let Some(to) = target else {
                    endpoint.outgoing.interrupt();
                    continue;
                };
                // What is said while an event sounds is left out, so that the stream changes its source only where that begins and ends.
                let speaker = voice.speaker();
                if endpoint.event.is_some_and(|event| speaker.is_some_and(|speaker| event.silences(speaker, now))) {
                    endpoint.outgoing.skip(Feeder::Voice, seen);
                    continue;
                }
                let clock_rate = voice.clock_rate();
                endpoint.outgoing.renumber(due, Feeder::Voice, seen, clock_rate, &mut header);
                endpoint.note_clock(clock_rate);
                return Some((index, to, header));
            }
        }
        None
    }

    /// The next piece of what was cut and joined that is due.
    fn next_packed(&mut self) -> Option<(usize, SocketAddr, Header)> {
        let now = self.now;
        for (index, endpoint) in self.endpoints.iter_mut().enumerate().filter(|_| !self.closed) {
            if endpoint.voice.is_some() && endpoint.packer.is_some() {
                // Who hears something else by now is told no more of it.
                endpoint.stop_packing();
            }
            let Some(packer) = &mut endpoint.packer else { continue };
            while let Some(Packed { mut header, seen, due }) = packer.next(now) {
                let is_silenced = endpoint.event.is_some_and(|event| event.silences(packer.speaker, now));
                let feeder = Feeder::Packer(packer.speaker);
                let Some(to) = endpoint.rtp_target.filter(|_| !is_silenced) else {
                    endpoint.outgoing.skip(feeder, seen);
                    continue;
                };
                let clock_rate = packer.clock_rate();
                endpoint.outgoing.renumber(due, feeder, seen, clock_rate, &mut header);
                endpoint.note_clock(clock_rate);
                return Some((index, to, header));
            }
        }
        None
    }

    /// The same once what is due was mixed.
    fn next_mixed(&mut self) -> Option<(usize, SocketAddr, Header)> {
        while !self.closed && self.tick() {
            let said = self.next_said();
            if said.is_some() {
                return said;
            }
        }
        None
    }

    /// When and why the session wants to be woken. Of packets, only those of which it is said that they [wait](Verdict::Waits) move it to an
    /// earlier time.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        let of = |endpoint: &Plain| {
            let voice = endpoint.voice.as_ref().and_then(|voice| voice.due_at()).map(|at| (at, Reason::Voice));
            let silence = endpoint.watch_at().map(|at| (at, Reason::Silence));
            let report = endpoint.reports.as_ref().map(|reports| (reports.due_at(), Reason::Report));
            let unreported = endpoint.look_for_reports_at().map(|at| (at, Reason::Report));
            let keys = endpoint.pressed_due_at().into_iter().chain(endpoint.collector.due_at()).min().map(|at| (at, Reason::Key));
            let packed = endpoint.packer.as_ref().and_then(|packer| packer.due_at()).map(|at| (at, Reason::Voice));
            voice.into_iter().chain(keys).chain(packed).chain(report).chain(unreported).chain(silence).min()
        };
        let mixed = self.mix.as_ref().and_then(|mix| mix.due_at()).map(|at| (at, Reason::Voice));
        let told = self.events.front().map(|_| (self.now, Reason::Key));
        self.endpoints.iter().filter_map(of).chain(mixed).chain(told).filter(|_| !self.closed).min()
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn endpoint(&mut self, leg: LegId) -> Option<&mut Plain> {
        self.endpoints.iter_mut().find(|endpoint| endpoint.leg == leg)
    }
}

// What a packet touches of it is one line of the cache.
const _: () = assert!(std::mem::offset_of!(Session, closed) < 64);
