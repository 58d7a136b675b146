//! A packet allocates nothing: RTP of one source, a change of source, RTCP, strangers and junk, what is said again in another codec, and
//! the reports about it. And so does a tick: of a mix, of what is played, and of a recording.
#![allow(clippy::unwrap_used, reason = "a test fails loudly")]
#![allow(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    net::SocketAddr,
    time::Duration,
};
use tandem_media::{Channel, Clip, DropReason, Input, Output, PacketBuf, Playable, Session, Setup, Verdict};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, Hearing, Keys, LegId, LocalEndpoint, MAX_ENDPOINTS, NetworkTone, PacketTimes,
    PayloadRule, PlayId, PortId, Recorded, RecordingId, SourceRule, Speech, StreamKind, Timestamp,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PORTS: [PortId; 2] = [PortId(0), PortId(1)];

fn phone(index: usize, rtcp: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + index as u8], 4000 + rtcp))
}

fn session(kind: StreamKind) -> Session {
    let call = CallId::new(1, 1);
    let local = |index: u8| LocalEndpoint {
        leg: call.leg(index).unwrap(),
        rtp: SocketAddr::from(([127, 0, 0, 1], 20_000)),
        rtcp: SocketAddr::from(([127, 0, 0, 1], 20_001)),
    };
    let endpoints = [(local(0), PORTS[0]), (local(1), PORTS[1])];
    let timeouts = Duration::from_secs(300);
    let mut session = Session::open(
        Timestamp::ZERO,
        Setup { endpoints: &endpoints, inactivity: timeouts, hold: timeouts, seed: 1, wall_clock: Duration::ZERO },
    )
    .unwrap();
    for index in [0, 1] {
        session.handle(Timestamp::ZERO, Input::Describe(call.leg(index as u8).unwrap(), Box::new(description(index, kind))));
    }
    while session.poll_output().is_some() {}
    session
}

fn description(index: usize, kind: StreamKind) -> EndpointDescription {
    EndpointDescription {
        kind,
        rtp: Some(phone(index, 0)),
        rtcp: Some(phone(index, 1)),
        rtcp_mux: false,
        source: SourceRule::Described(phone(index, 0).ip()),
        receives: true,
        held: false,
        payloads: [PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::As(96), clock_rate: 8000 }].into(),
        hearer: None,
        speech: None,
        keys: Keys::InBand,
    }
}

fn audio(ssrc: u32, sequence: u16) -> [u8; 172] {
    let mut packet = [0x55; 172];
    packet[..2].copy_from_slice(&[0x80, 0]);
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence) * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

#[test]
fn nothing_is_allocated_for_a_packet() {
    let (mut session, mut packet) = (session(StreamKind::Rtp), PacketBuf::new());
    let (mut forwarded, mut dropped) = (0, 0);
    let report = {
        let mut report = [0; 52];
        report[..4].copy_from_slice(&[0x81, 200, 0, 12]);
        report
    };
    let before = ALLOCATIONS.get();
    for n in 0..10_000_u16 {
        let now = Timestamp::from_millis(u64::from(n) * 10);
        let speaker = usize::from(n % 2);
        // The source changes every thousand packets.
        packet.fill(&audio(u32::from(n / 1000), n));
        let mut give = |channel, source, packet: &mut PacketBuf| match session.handle_packet(now, PORTS[speaker], channel, source, packet) {
            Verdict::Forward { .. } | Verdict::ForwardAndWait { .. } => forwarded += 1,
            Verdict::Dropped(_) => dropped += 1,
            Verdict::Consumed | Verdict::Waits => {}
        };
        // And so does its port, halfway in between.
        give(Channel::Rtp, phone(speaker, (n + 500) / 1000 % 2 * 2), &mut packet);
        give(Channel::Rtp, phone(7, 0), &mut packet);
        if n % 100 == 0 {
            packet.fill(&report);
            give(Channel::Rtcp, phone(speaker, 1), &mut packet);
            packet.fill(b"junk");
            give(Channel::Rtcp, phone(speaker, 1), &mut packet);
        }
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!((forwarded, dropped), (10_100, 10_100));
    drop(Box::new(1));
    assert_ne!(ALLOCATIONS.get(), before, "the allocator counts");
}

/// Both send a packet every 20 ms, of which one in twenty is lost; how many are made of those once both have begun. Nothing is allocated.
fn made_of(session: &mut Session, say: impl Fn(u16, &mut PacketBuf)) -> usize {
    let (mut packet, mut made, mut before) = (PacketBuf::new(), 0, 0);
    for n in 0..2_000_u16 {
        if n == 10 {
            // Both have begun by then.
            (made, before) = (0, ALLOCATIONS.get());
        }
        let now = Timestamp::from_millis(u64::from(n) * 10);
        let speaker = usize::from(n % 2);
        if n % 40 > 1 {
            say(n, &mut packet);
            assert_eq!(session.handle_packet(now, PORTS[speaker], Channel::Rtp, phone(speaker, 0), &mut packet), Verdict::Waits);
        }
        session.handle(now, Input::Wake);
        while let Some(output) = session.poll_output() {
            made += usize::from(matches!(output, Output::Packet { .. }));
        }
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    made
}

/// Who wants to hear it in packets of so long.
fn wants(session: &mut Session, index: usize, ms: u8, (codec, clock_rate): (Codec, u32)) {
    let passed = PacketTimes { least_ms: ms, most_ms: ms, frame_ms: u8::MAX };
    let speech = Some(Speech { payload: 96, codec, packet_ms: ms, passed, parameters: None });
    let payloads = [PayloadRule { from: 0, carries: Carries::Sound(codec), across: Across::As(96), clock_rate }].into();
    let described = EndpointDescription { payloads, speech, ..description(index, StreamKind::Rtp) };
    let leg = CallId::new(1, 1).leg(index as u8).unwrap();
    session.handle(Timestamp::ZERO, Input::Describe(leg, Box::new(described)));
}

#[test]
fn nor_for_one_that_is_cut_and_joined() {
    let mut session = session(StreamKind::Rtp);
    [10, 30].into_iter().enumerate().for_each(|(index, ms)| wants(&mut session, index, ms, (Codec::Pcmu, 8_000)));
    let made = made_of(&mut session, |n, packet| packet.fill(&audio(5, n / 2)));
    assert!((2_300..2_700).contains(&made), "{made}");
}

#[test]
fn nor_for_one_of_opus_whose_frames_go_into_others() {
    let mut session = session(StreamKind::Rtp);
    [10, 60].into_iter().enumerate().for_each(|(index, ms)| wants(&mut session, index, ms, (Codec::Opus, 48_000)));
    let made = made_of(&mut session, |n, packet| {
        let mut told = audio(5, n / 2);
        told[4..8].copy_from_slice(&(u32::from(n / 2) * 960).to_be_bytes());
        // Two frames of 10 ms.
        told[12] = 0x01;
        packet.fill(&told[..12 + 1 + 80 + 2 * usize::from(n % 8)]);
    });
    assert!((2_150..2_500).contains(&made), "{made}");
}

#[test]
fn nor_for_one_of_a_leg_that_nobody_is_to_hear() {
    let (mut session, mut packet) = (session(StreamKind::Rtp), PacketBuf::new());
    let call = CallId::new(1, 1);
    let local = |index: u8| LocalEndpoint {
        leg: call.leg(index).unwrap(),
        rtp: SocketAddr::from(([127, 0, 0, 1], 20_000)),
        rtcp: SocketAddr::from(([127, 0, 0, 1], 20_001)),
    };
    for index in 2..MAX_ENDPOINTS as u8 {
        session.add(Timestamp::ZERO, local(index), PortId(index.into())).unwrap();
    }
    session.handle(Timestamp::ZERO, Input::Hear(Hearing::each_other([call.leg(0).unwrap(), call.leg(17).unwrap()])));
    while session.poll_output().is_some() {}
    let before = ALLOCATIONS.get();
    let mut dropped = 0;
    for n in 0..1000_u16 {
        packet.fill(&audio(1, n));
        let verdict = session.handle_packet(Timestamp::from_millis(u64::from(n) * 20), PORTS[1], Channel::Rtp, phone(1, 0), &mut packet);
        dropped += usize::from(verdict == Verdict::Dropped(DropReason::Unheard));
    }
    assert_eq!((ALLOCATIONS.get() - before, dropped), (0, 1000));
}

#[test]
fn nor_for_one_that_is_said_again_in_another_codec() {
    for codec in [Codec::Pcma, Codec::G722, Codec::Opus] {
        let (mut session, mut packet) = (session(StreamKind::Rtp), PacketBuf::new());
        let call = CallId::new(1, 1);
        let sound = PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::Sound(Codec::Pcmu), clock_rate: 8000 };
        let speaker = EndpointDescription { payloads: [sound].into(), ..description(0, StreamKind::Rtp) };
        let speech = Some(Speech { payload: 96, codec, packet_ms: 20, passed: PacketTimes::ANY, parameters: None });
        let listener = EndpointDescription { speech, ..description(1, StreamKind::Rtp) };
        session.handle(Timestamp::ZERO, Input::Describe(call.leg(0).unwrap(), Box::new(speaker)));
        session.handle(Timestamp::ZERO, Input::Describe(call.leg(1).unwrap(), Box::new(listener)));
        let (mut said, mut reported, mut before) = (0, 0, 0);
        for n in 0..2_000_u16 {
            if n == 500 {
                before = ALLOCATIONS.get();
            }
            let now = Timestamp::from_millis(u64::from(n) * 20);
            // Some are lost, and some late.
            if n % 20 != 7 {
                packet.fill(&audio(1, n));
                let at = now + Duration::from_millis(u64::from(n % 3));
                assert_eq!(session.handle_packet(at, PORTS[0], Channel::Rtp, phone(0, 0), &mut packet), Verdict::Waits);
            }
            session.handle(now + Duration::from_millis(10), Input::Wake);
            while let Some(output) = session.poll_output() {
                said += usize::from(matches!(output, Output::Packet { channel: Channel::Rtp, .. }));
                reported += usize::from(matches!(output, Output::Packet { channel: Channel::Rtcp, .. }));
            }
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "{codec:?}");
        assert!(said > 1_990, "{said}");
        assert!(reported > 10, "{reported}");
    }
}

#[test]
fn nor_for_an_event_beside_it() {
    let (mut session, mut packet) = (session(StreamKind::Rtp), PacketBuf::new());
    let call = CallId::new(1, 1);
    let sound = PayloadRule { from: 0, carries: Carries::Sound(Codec::Pcmu), across: Across::Sound(Codec::Pcmu), clock_rate: 8000 };
    let event = PayloadRule { from: 101, carries: Carries::Event, across: Across::Event { number: 110, clock_khz: 48 }, clock_rate: 8000 };
    let speaker = EndpointDescription { payloads: [sound, event].into(), ..description(0, StreamKind::Rtp) };
    let speech = Some(Speech { payload: 111, codec: Codec::Opus, packet_ms: 20, passed: PacketTimes::ANY, parameters: None });
    let listener = EndpointDescription { speech, ..description(1, StreamKind::Rtp) };
    session.handle(Timestamp::ZERO, Input::Describe(call.leg(0).unwrap(), Box::new(speaker)));
    session.handle(Timestamp::ZERO, Input::Describe(call.leg(1).unwrap(), Box::new(listener)));
    let (mut passed, mut before) = (0, 0);
    for n in 0..2_000_u16 {
        if n == 500 {
            before = ALLOCATIONS.get();
        }
        let now = Timestamp::from_millis(u64::from(n) * 20);
        // Every second a key is pressed, and every other time the end is lost.
        packet.fill(&audio(1, n));
        if n % 50 < 7 && n % 100 != 56 {
            let mut told = audio(1, n);
            told[1] = 101;
            told[4..8].copy_from_slice(&(u32::from(n - n % 50) * 160).to_be_bytes());
            told[12..16].copy_from_slice(&[5, if n % 50 > 3 { 0x8a } else { 10 }, 1, 0x40]);
            packet.fill(&told[..16]);
        }
        let verdict = session.handle_packet(now, PORTS[0], Channel::Rtp, phone(0, 0), &mut packet);
        passed += usize::from(matches!(verdict, Verdict::Forward { .. } | Verdict::ForwardAndWait { .. }));
        session.handle(now + Duration::from_millis(10), Input::Wake);
        while session.poll_output().is_some() {}
    }
    assert_eq!((ALLOCATIONS.get() - before, passed), (0, 260));
}

#[test]
fn nor_for_a_datagram_of_fax() {
    let (mut session, mut packet) = (session(StreamKind::Udptl), PacketBuf::new());
    let before = ALLOCATIONS.get();
    let (mut forwarded, mut dropped) = (0, 0);
    for n in 0..10_000_u16 {
        let speaker = usize::from(n % 2);
        for source in [phone(speaker, 0), phone(7, 0)] {
            packet.fill(&datagram(n));
            match session.handle_packet(Timestamp::from_millis(u64::from(n) * 10), PORTS[speaker], Channel::Rtp, source, &mut packet) {
                Verdict::Forward { .. } | Verdict::ForwardAndWait { .. } => forwarded += 1,
                Verdict::Dropped(_) => dropped += 1,
                Verdict::Consumed | Verdict::Waits => {}
            }
        }
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!((forwarded, dropped), (10_000, 10_000));
}

fn datagram(sequence: u16) -> [u8; 6] {
    let [high, low] = sequence.to_be_bytes();
    [high, low, 1, 6, 0, 0]
}

#[test]
fn nor_for_a_tick_of_a_mix() {
    Codec::ALL.into_iter().for_each(|codec| assert_allocates_nothing(&Case::of(codec)));
}

#[test]
fn nor_for_one_that_is_recorded() {
    for codec in Codec::ALL {
        assert_allocates_nothing(&Case { recordings: RECORDINGS, ..Case::of(codec) });
    }
}

#[test]
fn nor_for_one_with_comfort_noise() {
    for codec in [Codec::Pcmu, Codec::Opus] {
        assert_allocates_nothing(&Case { has_noise: true, ..Case::of(codec) });
        assert_allocates_nothing(&Case { has_noise: true, recordings: RECORDINGS, ..Case::of(codec) });
    }
}

#[test]
fn nor_for_what_is_played() {
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus] {
        let busy = Playable::Tone { country: "gb".parse().unwrap(), tone: NetworkTone::Busy };
        for (sound, over) in [busy, clip(8_000), clip(16_000)].into_iter().flat_map(|sound| [(sound.clone(), false), (sound, true)]) {
            let case = Case { played: Some((sound, over)), ..Case::of(codec) };
            assert_allocates_nothing(&Case { recordings: RECORDINGS, ..case.clone() });
            // To one of two who are not mixed but for that, and who may be silent.
            assert_allocates_nothing(&Case { legs: 2, ..case.clone() });
            assert_allocates_nothing(&Case { legs: 2, is_silent: true, ..case });
        }
    }
}

/// What is heard of a session once it has been set up.
#[derive(Clone)]
struct Case {
    /// 2 or 3, who hear each other.
    legs: usize,
    /// What each wants to be spoken to in. All speak PCMU.
    codec: Codec,
    recordings: &'static [(Whole, tandem_model::Layout)],
    /// To the first leg, over what it hears or in its place, again and again.
    played: Option<(Playable, bool)>,
    /// All say, and want to be told, what silence sounds like.
    has_noise: bool,
    /// Nobody says anything.
    is_silent: bool,
}

/// What is recorded: the whole call, or the first leg.
#[derive(Clone, Copy, PartialEq)]
enum Whole {
    Call,
    Leg,
}

const RECORDINGS: &[(Whole, tandem_model::Layout)] =
    &[(Whole::Call, tandem_model::Layout::Sides), (Whole::Leg, tandem_model::Layout::Mono)];

/// Half a second.
fn clip(rate_hz: u32) -> Playable {
    Playable::Clip(Clip::new(rate_hz, (0..rate_hz / 2).map(|n| (n % 64 * 200) as i16).collect()))
}

impl Case {
    fn of(codec: Codec) -> Case {
        Case { legs: 3, codec, recordings: &[], played: None, has_noise: false, is_silent: false }
    }

    /// A leg of it.
    fn description(&self, index: usize) -> EndpointDescription {
        let speech = Some(Speech { payload: 96, codec: self.codec, packet_ms: 20, passed: PacketTimes::ANY, parameters: None });
        let described = description(index, StreamKind::Rtp);
        let noise = PayloadRule { from: 13, carries: Carries::Noise, across: Across::As(13), clock_rate: 8000 };
        let payloads = described.payloads.iter().copied().chain(self.has_noise.then_some(noise)).collect();
        EndpointDescription { speech, payloads, ..described }
    }

    /// A session of it.
    fn session(&self, legs: &[LegId]) -> Session {
        let mut session = session(StreamKind::Rtp);
        let end = SocketAddr::from(([127, 0, 0, 1], 20_000));
        for (index, leg) in legs.iter().enumerate() {
            if index > 1 {
                session.add(Timestamp::ZERO, LocalEndpoint { leg: *leg, rtp: end, rtcp: end }, PortId(index as u32)).unwrap();
            }
            session.handle(Timestamp::ZERO, Input::Describe(*leg, Box::new(self.description(index))));
        }
        let pairs = legs.iter().flat_map(|speaker| legs.iter().map(|listener| Hearing { speaker: *speaker, listener: *listener }));
        session.handle(Timestamp::ZERO, Input::Hear(pairs.filter(|pair| pair.speaker != pair.listener).collect()));
        for (number, (of, layout)) in (0..).zip(self.recordings) {
            let of = if *of == Whole::Call { Recorded::Call } else { Recorded::Leg(legs[0]) };
            session.record(Timestamp::ZERO, RecordingId(number), of, *layout).unwrap();
        }
        if let Some((sound, over)) = self.played.clone() {
            session.handle(Timestamp::ZERO, Input::Play { leg: legs[0], play: PlayId(1), sound, times: 0, over });
        }
        session
    }
}

/// 24 seconds of it, of which the first six may set it up.
fn assert_allocates_nothing(case: &Case) {
    let call = CallId::new(1, 1);
    let legs: Vec<LegId> = (0..case.legs).map(|index| call.leg(index as u8).unwrap()).collect();
    let (mut session, mut packet) = (case.session(&legs), PacketBuf::new());
    let (mut said, mut written, mut before) = (0, 0, 0);
    for n in 0..1_200_u16 {
        if n == 300 {
            before = ALLOCATIONS.get();
        }
        let now = Timestamp::from_millis(u64::from(n) * 20);
        for index in (0..case.legs).filter(|_| !case.is_silent) {
            let mut spoken = audio(1, n);
            // Some are lost, and one pauses now and then.
            let pauses = index == 2 && n % 100 >= 60;
            let is_noise = case.has_noise && (n % 40 == index as u16 || pauses && n % 10 == 0);
            if is_noise {
                (spoken[1], spoken[12]) = (13, 40);
            }
            if n % 20 != 7 && (is_noise || !pauses && (!case.has_noise || n % 40 > 20)) {
                packet.fill(&spoken[..if is_noise { 16 } else { 172 }]);
                let at = now + Duration::from_millis(u64::from(n % 3));
                session.handle_packet(at, PortId(index as u32), Channel::Rtp, phone(index, 0), &mut packet);
            }
        }
        session.handle(now + Duration::from_millis(10), Input::Wake);
        while let Some(output) = session.poll_output() {
            said += usize::from(matches!(output, Output::Packet { channel: Channel::Rtp, .. }));
            written += usize::from(matches!(output, Output::Block { .. }));
        }
    }
    let Case { legs, codec, has_noise, played, .. } = case;
    assert_eq!(ALLOCATIONS.get() - before, 0, "{legs} {codec:?} {played:?} {has_noise}");
    // What is relayed is not ours; noise is told now and then.
    let least = if *legs == 2 {
        1_190
    } else if *has_noise {
        1_200
    } else {
        3_550
    };
    assert!(said > least, "{legs} {codec:?} {played:?} {has_noise}: {said}");
    assert_eq!(written, 48 * case.recordings.len());
}
