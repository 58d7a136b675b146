//! Several sessions, legs that come, go and change over, and everything that can be said of them, in any order: each leg still hears one
//! stream, ports are given back once, and nothing is left to do in the end.

use crate::common::{address, rtp, word};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::LazyLock,
    time::Duration,
};
use tandem_media::{Channel, Clip, Format, Input, Output, PacketBuf, Playable, Session, Setup, Verdict};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, Hearing, Key, KeyPress, Keys, Layout, LegId, LocalEndpoint, MediaEvent,
    PacketTimes, PayloadRule, PlayId, PortId, Recorded, RecordingId, SourceRule, Speech, StreamKind, Timestamp,
};
use tandem_sound::{Encoder, opus::OpusTerms};

const SESSIONS: usize = 2;
const LEGS: usize = 6;

/// Sound is said in packets of this or a multiple.
const TURN: Duration = Duration::from_millis(10);

/// A key that is pressed, and what was pressed before it, is told of by then.
const KEYS_LAST: Duration = Duration::from_secs(3);

/// Whoever hears nobody any more is told what was on its way.
const FADE: Duration = Duration::from_millis(200);

/// Opus packets of a voice, by milliseconds.
static OPUS: LazyLock<BTreeMap<u8, Vec<Vec<u8>>>> = LazyLock::new(|| {
    let coded = |ms: u8| {
        let mut encoder = Encoder::new(Codec::Opus, 48_000, &OpusTerms::default()).unwrap();
        let frame = 48 * usize::from(ms);
        let sample = |n: usize| (9_000.0 * (n as f64 * 0.05).sin()) as i16;
        let packet = |nth: usize| {
            let samples: Vec<i16> = (nth * frame..(nth + 1) * frame).map(sample).collect();
            let mut packet = [0; 4_000];
            let length = encoder.encode(&samples, &mut packet).unwrap();
            packet[..length].to_vec()
        };
        (0..20).map(packet).collect()
    };
    [10, 20, 40, 60].map(|ms| (ms, coded(ms))).into()
});

/// How a leg is described.
#[derive(Clone, Debug)]
struct Manner {
    codec: Codec,
    says_ms: u8,
    wants_ms: u8,
    passed: PacketTimes,
    events: Option<u8>,
    has_noise: bool,
    is_deaf: bool,
    is_mute: bool,
    is_fax: bool,
    has_speech: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, usize),
    Describe(usize, Manner),
    Hear(usize, Vec<(usize, usize)>),
    Play {
        leg: usize,
        sound: u8,
        times: u16,
        over: bool,
    },
    Stop(u16),
    Record {
        session: usize,
        leg: Option<usize>,
        sides: bool,
    },
    StopRecording(u16),
    Press(usize, Vec<(u8, u16)>),
    Adopt(usize, usize),
    Remove(usize),
    /// Whoever can speaks, for so many turns.
    Talk {
        turns: usize,
        lost: u8,
        key: bool,
    },
    Wait(u64),
    Garbage(usize, Channel, u8, Vec<u8>),
    Close(usize),
}

fn manners() -> impl Strategy<Value = Manner> {
    let passed = prop_oneof![
        3 => Just(PacketTimes::ANY),
        1 => prop_oneof![Just(10), Just(20), Just(30), Just(60)].prop_map(|ms| PacketTimes { least_ms: ms, most_ms: ms, frame_ms: u8::MAX }),
        1 => prop_oneof![Just(20), Just(30)].prop_map(|ms| PacketTimes { least_ms: 0, most_ms: ms, frame_ms: ms }),
    ];
    let ms = || prop_oneof![4 => Just(20), 1 => Just(10), 1 => Just(40), 1 => Just(60)];
    let codec = prop_oneof![2 => Just(Codec::Pcmu), 1 => Just(Codec::Pcma), 1 => Just(Codec::G722), 2 => Just(Codec::Opus)];
    let has_events = any::<bool>();
    let odd = || prop::bool::weighted(0.1);
    (codec, ms(), ms(), passed, has_events, [odd(), odd(), odd(), odd(), odd()]).prop_map(
        |(codec, says_ms, wants_ms, passed, has_events, [has_noise, is_deaf, is_mute, is_fax, is_silent])| Manner {
            codec,
            says_ms,
            wants_ms,
            passed,
            events: has_events.then_some(if codec == Codec::Opus { 102 } else { 101 }),
            has_noise,
            is_deaf,
            is_mute,
            is_fax,
            has_speech: !is_silent,
        },
    )
}

fn steps(is_rough: bool) -> impl Strategy<Value = Vec<Step>> {
    let leg = || 0..LEGS;
    let session = || 0..SESSIONS;
    let pairs = prop::collection::vec((0..LEGS, 0..LEGS), 0..7);
    let few = prop::collection::vec((0..LEGS, 0..LEGS), 1..3);
    let channel = prop_oneof![4 => Just(Channel::Rtp), 1 => Just(Channel::Rtcp)];
    let lost = if is_rough { prop_oneof![Just(0), 0..60_u8].boxed() } else { Just(0).boxed() };
    let garbage = if is_rough { 4 } else { 1 };
    let numbers = prop_oneof![prop::sample::select(&[0, 8, 9, 13, 101, 102, 111][..]), any::<u8>()];
    let step = prop_oneof![
        3 => (session(), leg()).prop_map(|(session, leg)| Step::Add(session, leg)),
        4 => (leg(), manners()).prop_map(|(leg, manner)| Step::Describe(leg, manner)),
        4 => (session(), prop_oneof![few, pairs]).prop_map(|(session, pairs)| Step::Hear(session, pairs)),
        3 => (leg(), 0..5_u8, 0..3_u16, any::<bool>()).prop_map(|(leg, sound, times, over)| Step::Play { leg, sound, times, over }),
        1 => (0..8_u16).prop_map(Step::Stop),
        2 => (session(), prop::option::of(leg()), any::<bool>()).prop_map(|(session, leg, sides)| Step::Record { session, leg, sides }),
        1 => (0..4_u16).prop_map(Step::StopRecording),
        1 => (leg(), prop::collection::vec((0..16_u8, 40..400_u16), 1..4)).prop_map(|(leg, keys)| Step::Press(leg, keys)),
        3 => (leg(), session()).prop_map(|(leg, session)| Step::Adopt(leg, session)),
        2 => leg().prop_map(Step::Remove),
        12 => (1..30_usize, lost, prop::bool::weighted(0.2)).prop_map(|(turns, lost, key)| Step::Talk { turns, lost, key }),
        2 => (0..3_000_u64).prop_map(Step::Wait),
        garbage => (leg(), channel, numbers, prop::collection::vec(any::<u8>(), 0..400))
            .prop_map(|(leg, channel, number, bytes)| Step::Garbage(leg, channel, number, bytes)),
        1 => session().prop_map(Step::Close),
    ];
    prop::collection::vec(step, 10..80)
}

fn number(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
        Codec::G722 => 9,
        Codec::Opus => 111,
    }
}

fn clock(number: u8) -> u32 {
    if matches!(number, 111 | 102) { 48_000 } else { 8_000 }
}

fn leg_id(index: usize, life: u16) -> LegId {
    CallId::new(1, life).leg(index as u8).unwrap()
}

/// One leg, as its phone knows it.
struct Phone {
    id: LegId,
    session: Option<usize>,
    port: PortId,
    manner: Option<Manner>,
    ssrc: u32,
    sequence: u16,
    /// Of its next packet.
    at: Timestamp,
    said: usize,
    last: Vec<u8>,
    key: Option<(u8, u32)>,
    heard: Option<(Timestamp, Vec<u8>)>,
    sound_at: Option<(Timestamp, u32, u8)>,
    /// Since when it has been told that it hears nobody.
    deaf_since: Option<Timestamp>,
    pressed_until: Timestamp,
}

struct World {
    now: Timestamp,
    sessions: Vec<Option<Session>>,
    hearing: Vec<Vec<Hearing>>,
    phones: Vec<Phone>,
    lives: u16,
    released: BTreeSet<PortId>,
    plays: u16,
    /// Told to have ended.
    ended: BTreeSet<PlayId>,
    playing: BTreeMap<PlayId, (LegId, bool)>,
    recordings: u16,
    recorded: BTreeMap<RecordingId, (usize, Format, Timestamp, u64)>,
    is_rough: bool,
    closed: Vec<usize>,
    random: u64,
    packet: PacketBuf,
}

impl World {
    fn new(is_rough: bool) -> World {
        let now = Timestamp::from_millis(1_000_000);
        let phone = |index: usize| Phone {
            id: leg_id(index, 0),
            session: None,
            port: PortId(index as u32),
            manner: None,
            ssrc: 77 + index as u32,
            sequence: 65_500 + index as u16,
            at: now,
            said: 0,
            last: Vec::new(),
            key: None,
            heard: None,
            sound_at: None,
            deaf_since: Some(now),
            pressed_until: now,
        };
        let mut world = World {
            now,
            sessions: (0..SESSIONS).map(|_| None).collect(),
            hearing: vec![Vec::new(); SESSIONS],
            phones: (0..LEGS).map(phone).collect(),
            lives: LEGS as u16,
            released: BTreeSet::new(),
            plays: 0,
            ended: BTreeSet::new(),
            playing: BTreeMap::new(),
            recordings: 0,
            recorded: BTreeMap::new(),
            is_rough,
            closed: Vec::new(),
            random: 1,
            packet: PacketBuf::new(),
        };
        for session in 0..SESSIONS {
            let endpoints: Vec<_> = [2 * session, 2 * session + 1].map(|index| (world.local(index), world.phones[index].port)).into();
            let setup = Setup {
                endpoints: &endpoints,
                inactivity: Duration::from_secs(30),
                hold: Duration::from_secs(60),
                seed: session as u64,
                wall_clock: crate::common::WALL_CLOCK,
            };
            world.sessions[session] = Some(Session::open(now, setup).unwrap());
            world.phones[2 * session].session = Some(session);
            world.phones[2 * session + 1].session = Some(session);
            world.hearing[session] = Hearing::each_other([endpoints[0].0.leg, endpoints[1].0.leg]).into();
            world.settle(session);
        }
        world
    }

    fn local(&self, index: usize) -> LocalEndpoint {
        let at = |port| SocketAddr::from(([203, 0, 113, 7], port + 2 * index as u16));
        LocalEndpoint { leg: self.phones[index].id, rtp: at(20_000), rtcp: at(20_001) }
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 100 < u64::from(percent)
    }

    fn phone_at(index: usize) -> [SocketAddr; 2] {
        [address(&format!("192.0.2.{}:4000", 10 + index)), address(&format!("192.0.2.{}:4001", 10 + index))]
    }

    fn handle(&mut self, session: usize, input: Input) {
        let now = self.now;
        if let Some(session) = &mut self.sessions[session] {
            session.handle(now, input);
        }
        self.settle(session);
    }

    /// Does what the session wants, and looks whether it is right.
    fn settle(&mut self, session: usize) {
        self.look_who_is_deaf(session);
        let mut outputs = 0;
        let Some(mut own) = self.sessions[session].take() else { return };
        let mut closed = false;
        while let Some(output) = own.poll_output() {
            outputs += 1;
            assert!(outputs < 20_000, "no end of outputs");
            match output {
                Output::Packet { port, channel, to, bytes } => {
                    let bytes = bytes.to_vec();
                    self.hears(session, port, channel, to, &bytes);
                }
                Output::Event(MediaEvent::Closed(_)) => closed = true,
                Output::Event(MediaEvent::Played { play, .. }) => {
                    assert!(self.ended.insert(play), "{play:?} ended twice");
                    self.playing.remove(&play);
                }
                Output::Event(_) => {}
                Output::Release(port) => assert!(self.released.insert(port), "{port:?} was given back twice"),
                Output::Block { recording, bytes } => {
                    let (_, format, _, taken) = self.recorded.get_mut(&recording).unwrap();
                    assert!(bytes.len() <= format.block() && bytes.len() % format.moment() == 0);
                    *taken += bytes.len() as u64;
                }
                Output::RecordingOver { recording, .. } => {
                    let (_, format, began, taken) = self.recorded.remove(&recording).unwrap();
                    let ms = taken * 1_000 / (format.moment() as u64 * u64::from(format.rate_hz));
                    let lasted = self.now.since(began).as_millis() as u64;
                    assert!(ms.abs_diff(lasted) <= 60, "{ms} ms were recorded of {lasted}");
                }
            }
        }
        let at = own.poll_timeout();
        assert!(at.is_none_or(|(at, _)| at > self.now), "it wants to be woken at once: {at:?} at {}", self.now);
        if closed {
            assert_eq!(at, None);
            assert!(own.is_closed());
            self.closed.push(session);
        }
        self.sessions[session] = Some(own);
        self.look_who_is_deaf(session);
    }

    fn look_who_is_deaf(&mut self, session: usize) {
        let now = self.now;
        for phone in self.phones.iter_mut().filter(|phone| phone.session == Some(session)) {
            let is_played = self.playing.values().any(|(leg, _)| *leg == phone.id);
            let hears = self.hearing[session].iter().any(|pair| pair.listener == phone.id);
            match (is_played || hears, phone.deaf_since) {
                (true, _) => phone.deaf_since = None,
                (false, None) => phone.deaf_since = Some(now),
                _ => {}
            }
        }
    }

    /// A leg is sent a packet.
    fn hears(&mut self, session: usize, port: PortId, channel: Channel, to: SocketAddr, bytes: &[u8]) {
        let (now, is_rough) = (self.now, self.is_rough);
        let index = port.0 as usize;
        let phone = &mut self.phones[index];
        assert_eq!(phone.session, Some(session).filter(|_| !self.released.contains(&port)).or(phone.session));
        let is_report = channel == Channel::Rtcp || (192..=223).contains(&bytes[1]);
        if is_report {
            assert!(to == World::phone_at(index)[1] || to.ip() == World::phone_at(index)[0].ip());
            return;
        }
        assert_eq!(to, World::phone_at(index)[0]);
        let Some(manner) = &phone.manner else { panic!("nobody knows where it is") };
        assert!(!manner.is_deaf, "it is held");
        if manner.is_fax {
            (phone.heard, phone.sound_at) = (None, None);
            return;
        }
        assert!(bytes.len() > 12 && bytes[0] >> 6 == 2, "no packet: {bytes:?}");
        let payload = bytes[1] & 0x7f;
        let is_quiet = phone.deaf_since.is_some_and(|since| now.since(since) > FADE) && now > phone.pressed_until;
        // Who is in a mix goes on to be told what silence sounds like.
        assert!(!is_quiet || payload == 13, "it hears nobody since {:?} at {now}: {payload}", phone.deaf_since);
        if let Some((_, before)) = &phone.heard {
            assert_eq!(word(before, 8), word(bytes, 8), "another stream");
            let numbers = [before, bytes].map(|bytes| u16::from_be_bytes([bytes[2], bytes[3]]));
            let ahead = numbers[1].wrapping_sub(numbers[0]) as i16;
            assert!(is_rough || ahead == 1, "a seam at {now}: {ahead}, of {payload} after {}", before[1] & 0x7f);
        }
        phone.heard = Some((now, bytes.to_vec()));
        // In another clock nothing can be told of the time that passed, and an event may have begun before it was heard.
        phone.sound_at.take_if(|(_, _, last)| clock(*last) != clock(payload) || matches!(payload, 101 | 102));
        if !matches!(payload, 101 | 102 | 13) && !is_rough {
            let timestamp = word(bytes, 4);
            if let Some((at, before, last)) = phone.sound_at {
                let ticks = timestamp.wrapping_sub(before) as i32;
                let passed = (now.since(at) + Duration::from_millis(200)).as_micros() * u128::from(clock(payload)) / 1_000_000;
                assert!(ticks > 0, "back in time at {now} by {ticks}: {payload} after {last}");
                assert!(ticks as u128 <= passed, "leg {index}: {ticks} ticks at {now}, {passed} since {at}: {payload} after {last}");
            }
            phone.sound_at = Some((now, timestamp, payload));
        }
    }

    /// Time passes.
    fn run(&mut self, until: Timestamp) {
        loop {
            let next = |session: &Option<Session>| session.as_ref().and_then(|session| session.poll_timeout());
            let due = (0..SESSIONS).filter_map(|session| Some((next(&self.sessions[session])?.0, session))).min();
            let Some((at, session)) = due.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            self.handle(session, Input::Wake);
        }
        self.now = until;
    }

    /// A phone sends a packet.
    fn offer(&mut self, index: usize, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        let Some(session) = self.phones[index].session else { return };
        let (now, port) = (self.now, self.phones[index].port);
        let Some(own) = &mut self.sessions[session] else { return };
        self.packet.fill(bytes);
        let verdict = own.handle_packet(now, port, channel, from, &mut self.packet);
        let at = own.poll_timeout();
        if let Verdict::Forward { port, channel, to } | Verdict::ForwardAndWait { port, channel, to } = verdict {
            let bytes = self.packet.bytes().to_vec();
            self.hears(session, port, channel, to, &bytes);
        }
        if matches!(verdict, Verdict::Waits | Verdict::ForwardAndWait { .. }) && at.is_some_and(|(at, _)| at <= now) {
            self.handle(session, Input::Wake);
        }
    }

    fn speak(&mut self, index: usize, lost: u8, key: bool) {
        let now = self.now;
        let is_lost = self.chance(lost);
        let is_late = lost > 0 && self.chance(lost / 2);
        let phone = &mut self.phones[index];
        let Some(manner) = phone.manner.clone() else { return };
        if manner.is_fax {
            return self.offer(index, Channel::Rtp, World::phone_at(index)[0], &[0, 1, 2, 3]);
        }
        if now < phone.at {
            return;
        }
        phone.at = now + Duration::from_millis(manner.says_ms.into());
        phone.said += 1;
        phone.sequence = phone.sequence.wrapping_add(1);
        let ticks = now.as_micros() * u64::from(manner.codec.clock_rate()) / 1_000_000;
        let mut packet = rtp(number(manner.codec), phone.ssrc, phone.sequence, ticks as u32);
        phone.key.take_if(|_| !key);
        packet.truncate(12);
        match manner.events.filter(|_| key) {
            Some(events) => {
                // Six packets for each, the last of which says that it is over.
                let nth = phone.key.map_or(0, |(nth, _)| nth + 1) % 6;
                let begins = phone.key.filter(|_| nth > 0).map_or(ticks as u32, |(_, begins)| begins);
                phone.key = Some((nth, begins));
                packet[1] = events | if nth == 0 { 0x80 } else { 0 };
                packet[4..8].copy_from_slice(&begins.to_be_bytes());
                let lasted = (ticks as u32).wrapping_sub(begins) + u32::from(manner.says_ms) * manner.codec.clock_rate() / 1_000;
                packet.extend([5, if nth == 5 { 0x8a } else { 10 }]);
                packet.extend((lasted as u16).to_be_bytes());
                let until = now + KEYS_LAST;
                self.phones.iter_mut().for_each(|phone| phone.pressed_until = until);
            }
            None if manner.has_noise && phone.said % 7 == 3 => {
                packet[1] = 13;
                packet.push(50);
            }
            None if manner.codec == Codec::Opus => packet.extend(&OPUS[&manner.says_ms][phone.said % 20]),
            None => packet.extend((0..8 * u32::from(manner.says_ms)).map(|n| (n * 7 % 251) as u8)),
        }
        let from = World::phone_at(index)[0];
        let before = std::mem::replace(&mut self.phones[index].last, packet.clone());
        if !is_lost {
            self.offer(index, Channel::Rtp, from, &packet);
        }
        if is_late {
            self.offer(index, Channel::Rtp, from, &before);
        }
    }

    fn describe(&mut self, index: usize, manner: Manner) {
        let Some(session) = self.phones[index].session else { return };
        let [rtp, rtcp] = World::phone_at(index);
        let rule = |from: u8, carries| {
            let across = match carries {
                Carries::Sound(codec) => Across::Sound(codec),
                _ => Across::As(from),
            };
            PayloadRule { from, carries, across, clock_rate: clock(from) }
        };
        let sound = Codec::ALL.map(|codec| rule(number(codec), Carries::Sound(codec)));
        let events = manner.events.map(|number| rule(number, Carries::Event));
        let noise = manner.has_noise.then(|| rule(13, Carries::Noise));
        let description = EndpointDescription {
            kind: if manner.is_fax { StreamKind::Udptl } else { StreamKind::Rtp },
            rtp: (!manner.is_deaf).then_some(rtp),
            rtcp: Some(rtcp),
            rtcp_mux: false,
            source: SourceRule::Described(rtp.ip()),
            receives: !manner.is_mute,
            held: manner.is_deaf,
            payloads: sound.into_iter().chain(events).chain(noise).collect(),
            // As for somebody who is not there: it is worked out for whoever hears it.
            hearer: Some(leg_id(LEGS, u16::MAX)),
            speech: manner.has_speech.then(|| Speech {
                payload: number(manner.codec),
                codec: manner.codec,
                packet_ms: manner.wants_ms,
                passed: manner.passed,
                parameters: None,
            }),
            keys: manner.events.map_or(Keys::InBand, |payload| Keys::Events { payload, clock_khz: (clock(payload) / 1_000) as u8 }),
        };
        let phone = &mut self.phones[index];
        phone.manner = Some(manner);
        self.handle(session, Input::Describe(self.phones[index].id, Box::new(description)));
    }

    fn gone(&mut self, index: usize) {
        let Phone { id, port, .. } = self.phones[index];
        assert!(self.released.remove(&port), "it is not given back");
        self.hearing.iter_mut().for_each(|pairs| pairs.retain(|pair| pair.speaker != id && pair.listener != id));
        self.lives += 1;
        let lives = self.lives;
        let phone = &mut self.phones[index];
        (phone.session, phone.manner, phone.heard, phone.sound_at) = (None, None, None, None);
        phone.id = leg_id(index, lives);
    }

    fn adopt(&mut self, index: usize, to: usize) {
        let (now, id) = (self.now, self.phones[index].id);
        let Some(from) = self.phones[index].session.filter(|from| *from != to) else { return };
        if self.closed.contains(&to) || self.closed.contains(&from) {
            return;
        }
        let Some(own) = &mut self.sessions[from] else { return };
        let (adoptee, port) = own.detach(now, id).unwrap();
        assert_eq!((adoptee.leg(), port), (id, self.phones[index].port));
        self.hearing[from].retain(|pair| pair.speaker != id && pair.listener != id);
        self.phones[index].session = Some(to);
        self.phones[index].deaf_since = Some(now);
        self.settle(from);
        assert!(self.playing.values().all(|(leg, _)| *leg != id), "it is played to still");
        let Some(taker) = &mut self.sessions[to] else { return };
        taker.adopt(now, adoptee, port).unwrap();
        self.settle(to);
    }

    fn add(&mut self, session: usize, index: usize) {
        let local = self.local(index);
        if self.phones[index].session.is_some() || self.closed.contains(&session) {
            return;
        }
        let (now, port) = (self.now, self.phones[index].port);
        let Some(own) = &mut self.sessions[session] else { return };
        own.add(now, local, port).unwrap();
        (self.phones[index].session, self.phones[index].deaf_since) = (Some(session), Some(now));
        self.settle(session);
    }

    fn hear(&mut self, session: usize, pairs: Vec<(usize, usize)>) {
        let of = |index: usize| self.phones[index].id;
        let is_here = |index: usize| self.phones[index].session == Some(session);
        let pairs = pairs.into_iter().filter(|(speaker, listener)| is_here(*speaker) && is_here(*listener));
        let pairs: Vec<Hearing> = pairs.map(|(speaker, listener)| Hearing { speaker: of(speaker), listener: of(listener) }).collect();
        if !self.closed.contains(&session) {
            self.hearing[session].clone_from(&pairs);
        }
        self.handle(session, Input::Hear(pairs.into()));
    }

    fn play(&mut self, leg: usize, (sound, times, over): (u8, u16, bool)) {
        let Some(session) = self.phones[leg].session.filter(|session| !self.closed.contains(session)) else { return };
        let sound = match sound {
            0 => Playable::Sine { frequency_hz: 440 },
            1 => Playable::Awaited,
            2 => Playable::Clip(Clip::new(8_000, vec![5_000; 1_234].into())),
            3 => Playable::Clip(Clip::new(48_000, vec![5_000; 9_999].into())),
            _ => Playable::Clip(Clip::new(16_000, [].into())),
        };
        let play = PlayId(self.plays);
        self.plays += 1;
        let id = self.phones[leg].id;
        self.playing.insert(play, (id, over));
        self.handle(session, Input::Play { leg: id, play, sound, times, over });
    }

    fn record(&mut self, session: usize, leg: Option<usize>, sides: bool) {
        let of = leg.map_or(Recorded::Call, |leg| Recorded::Leg(self.phones[leg].id));
        let recording = RecordingId(self.recordings);
        self.recordings += 1;
        let now = self.now;
        let Some(own) = &mut self.sessions[session] else { return };
        if let Ok(format) = own.record(now, recording, of, if sides { Layout::Sides } else { Layout::Mono }) {
            self.recorded.insert(recording, (session, format, now, 0));
        }
        self.settle(session);
    }

    fn press(&mut self, index: usize, keys: &[(u8, u16)]) {
        let Some(session) = self.phones[index].session else { return };
        let presses: Vec<KeyPress> = keys.iter().map(|(code, ms)| KeyPress { key: Key::of_code(*code).unwrap(), ms: *ms }).collect();
        self.phones[index].pressed_until = self.now + KEYS_LAST;
        self.handle(session, Input::Press(self.phones[index].id, presses.into()));
    }

    fn remove(&mut self, index: usize) {
        let Some(session) = self.phones[index].session.filter(|session| !self.closed.contains(session)) else { return };
        self.handle(session, Input::Remove(self.phones[index].id));
        self.gone(index);
    }

    fn garble(&mut self, index: usize, channel: Channel, number: u8, bytes: &[u8]) {
        let [rtp_at, rtcp_at] = World::phone_at(index);
        // It may be a key.
        let until = self.now + KEYS_LAST;
        self.phones.iter_mut().for_each(|phone| phone.pressed_until = until);
        let phone = &mut self.phones[index];
        phone.sequence = phone.sequence.wrapping_add(1);
        let mut packet = rtp(number & 0x7f, phone.ssrc, phone.sequence, self.now.as_micros() as u32 / 125);
        packet.truncate(12);
        packet.extend(bytes);
        self.offer(index, channel, if channel == Channel::Rtp { rtp_at } else { rtcp_at }, &packet);
        self.offer(index, channel, rtp_at, bytes);
    }

    fn close(&mut self, session: usize) {
        if self.closed.contains(&session) {
            return;
        }
        self.handle(session, Input::Close);
        assert!(self.closed.contains(&session));
        assert!(self.recorded.values().all(|(of, ..)| *of != session));
        for phone in self.phones.iter_mut().filter(|phone| phone.session == Some(session)) {
            (phone.session, phone.manner) = (None, None);
            (phone.heard, phone.sound_at) = (None, None);
        }
        let ids: Vec<LegId> = self.phones.iter().map(|phone| phone.id).collect();
        self.playing.retain(|_, (leg, _)| ids.contains(leg));
        for index in 0..LEGS {
            if self.phones[index].session.is_none() {
                self.lives += 1;
                self.phones[index].id = leg_id(index, self.lives);
            }
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(session, index) => self.add(session, index),
            Step::Describe(index, manner) => self.describe(index, manner),
            Step::Hear(session, pairs) => self.hear(session, pairs),
            Step::Play { leg, sound, times, over } => self.play(leg, (sound, times, over)),
            Step::Stop(nth) => (0..SESSIONS).for_each(|session| self.handle(session, Input::Stop(PlayId(nth)))),
            Step::Record { session, leg, sides } => self.record(session, leg, sides),
            Step::StopRecording(nth) => {
                (0..SESSIONS).for_each(|session| self.handle(session, Input::StopRecording(RecordingId(nth))));
                assert!(!self.recorded.contains_key(&RecordingId(nth)));
            }
            Step::Press(index, keys) => self.press(index, &keys),
            Step::Adopt(index, to) => self.adopt(index, to),
            Step::Remove(index) => self.remove(index),
            Step::Talk { turns, lost, key } => {
                for _ in 0..turns {
                    (0..LEGS).for_each(|index| self.speak(index, lost, key));
                    self.run(self.now + TURN);
                }
            }
            Step::Wait(ms) => self.run(self.now + Duration::from_millis(ms)),
            Step::Garbage(..) if !self.is_rough => {}
            Step::Garbage(index, channel, number, bytes) => self.garble(index, channel, number, &bytes),
            Step::Close(session) => self.close(session),
        }
    }
}

fn check(steps: Vec<Step>, is_rough: bool) {
    let mut world = World::new(is_rough);
    let plain = Manner {
        codec: Codec::Pcmu,
        says_ms: 20,
        wants_ms: 20,
        passed: PacketTimes::ANY,
        events: Some(101),
        has_noise: false,
        is_deaf: false,
        is_mute: false,
        is_fax: false,
        has_speech: true,
    };
    (0..LEGS).for_each(|index| world.describe(index, plain.clone()));
    steps.into_iter().for_each(|step| world.step(step));
    world.step(Step::Close(0));
    world.step(Step::Close(1));
    assert!(world.released.is_empty() && world.recorded.is_empty());
}

proptest! {
    #[test]
    fn each_leg_hears_one_stream(steps in steps(false)) {
        check(steps, false);
    }

    #[test]
    fn whatever_comes_nothing_breaks(steps in steps(true)) {
        check(steps, true);
    }
}
