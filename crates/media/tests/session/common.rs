//! A session with two legs, or one, and packets to give it.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};
use tandem_media::{Channel, Input, Output, PacketBuf, Playable, Session, Setup, Verdict};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, EndpointStats, Keys, LegId, LocalEndpoint, MediaEvent, PacketTimes, PayloadRule,
    PlayId, PortId, RecordingEnd, RecordingId, SourceRule, Speech, StreamKind, Timestamp,
};

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const C: usize = 2;
pub(crate) const PHONE: [&str; 3] = ["192.0.2.1:4000", "198.51.100.2:6000", "192.0.2.3:5000"];
pub(crate) const PHONE_RTCP: [&str; 3] = ["192.0.2.1:4001", "198.51.100.2:6001", "192.0.2.3:5001"];
pub(crate) const STRANGER: &str = "203.0.113.66:4000";
pub(crate) const INACTIVITY: Duration = Duration::from_secs(300);
pub(crate) const HOLD: Duration = Duration::from_secs(3600);

/// 2026-01-31, when the clock of the sessions here was at zero.
pub(crate) const WALL_CLOCK: Duration = Duration::from_secs(1_769_817_600);

pub(crate) struct Bench {
    pub(crate) session: Session,
    pub(crate) now: Timestamp,
    /// Ports that were to be given back.
    pub(crate) released: Vec<PortId>,
    /// RTCP that the session made.
    pub(crate) reports: Timed<Sent>,
    pub(crate) recorded: Recorded,
    packet: PacketBuf,
}

/// Recordings: all blocks of each in a row, and those that ended.
#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) bytes: BTreeMap<RecordingId, Vec<u8>>,
    pub(crate) over: Vec<(RecordingId, RecordingEnd)>,
}

/// What came out of the session for a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) port: PortId,
    pub(crate) channel: Channel,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    pub(crate) fn timestamp(&self) -> u32 {
        word(&self.bytes, 4)
    }

    pub(crate) fn ssrc(&self) -> u32 {
        word(&self.bytes, 8)
    }

    pub(crate) fn payload(&self) -> u8 {
        self.bytes[1] & 0x7f
    }

    pub(crate) fn marker(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }
}

/// Each with the time at which it came.
pub(crate) type Timed<T> = Vec<(Timestamp, T)>;

pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(crate) fn leg(index: usize) -> LegId {
    CallId::new(1, 0).leg(index as u8).unwrap()
}

pub(crate) fn port(index: usize) -> PortId {
    PortId(10 + index as u32)
}

/// Our end of a leg.
pub(crate) fn local(index: usize) -> LocalEndpoint {
    let at = |port| SocketAddr::from(([203, 0, 113, 7], port + 2 * index as u16));
    LocalEndpoint { leg: leg(index), rtp: at(20_000), rtcp: at(20_001) }
}

/// It wants to be spoken to in that codec.
pub(crate) fn speech(payload: u8, codec: Codec) -> Speech {
    Speech { payload, codec, packet_ms: 20, passed: PacketTimes::ANY, parameters: None }
}

/// A leg that sends and receives µ-law as 0, A-law as 8 and events as 101.
pub(crate) fn description(index: usize) -> EndpointDescription {
    let rule = |from, to| PayloadRule {
        from,
        carries: if from < 96 { Carries::Sound(if from == 8 { Codec::Pcma } else { Codec::Pcmu }) } else { Carries::Event },
        across: Across::As(to),
        clock_rate: 8000,
    };
    EndpointDescription {
        kind: StreamKind::Rtp,
        rtp: Some(address(PHONE[index])),
        rtcp: Some(address(PHONE_RTCP[index])),
        rtcp_mux: false,
        source: SourceRule::Described(address(PHONE[index]).ip()),
        receives: true,
        held: false,
        payloads: [rule(0, 0), rule(8, 8), rule(101, 101)].into(),
        hearer: None,
        speech: Some(speech(0, Codec::Pcmu)),
        keys: Keys::InBand,
    }
}

pub(crate) fn rtp(payload: u8, ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..160_u8).map(|n| n ^ payload));
    packet
}

impl Bench {
    /// A session that has been told of no leg yet.
    pub(crate) fn bare(legs: usize) -> Bench {
        let now = Timestamp::from_millis(1_000_000);
        let endpoints: Vec<_> = (0..legs).map(|index| (local(index), port(index))).collect();
        let session =
            Session::open(now, Setup { endpoints: &endpoints, inactivity: INACTIVITY, hold: HOLD, seed: 7, wall_clock: WALL_CLOCK })
                .unwrap();
        let mut bench =
            Bench { session, now, released: Vec::new(), reports: Vec::new(), recorded: Recorded::default(), packet: PacketBuf::new() };
        let (packets, events) = bench.drain();
        assert!(packets.is_empty());
        assert_eq!(events, [MediaEvent::Opened(endpoints.iter().map(|(local, _)| *local).collect())]);
        bench
    }

    /// Two legs that talk.
    pub(crate) fn talking() -> Bench {
        let mut bench = Bench::bare(2);
        bench.describe(A, description(A));
        bench.describe(B, description(B));
        bench
    }

    pub(crate) fn describe(&mut self, index: usize, description: EndpointDescription) {
        self.handle(Input::Describe(leg(index), Box::new(description)));
    }

    pub(crate) fn play(&mut self, index: usize, sound: Playable) {
        self.play_as(index, 0, sound, 0);
    }

    pub(crate) fn play_as(&mut self, index: usize, play: u16, sound: Playable, times: u16) {
        self.handle(Input::Play { leg: leg(index), play: PlayId(play), sound, times, over: false });
    }

    /// An input that is not to lead to any output at once.
    pub(crate) fn handle(&mut self, input: Input) {
        self.session.handle(self.now, input);
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// All that the session does, and RTP apart from RTCP that it made, which is in `reports`.
    pub(crate) fn drain(&mut self) -> (Vec<Sent>, Vec<MediaEvent>) {
        let (mut packets, mut events) = (Vec::new(), Vec::new());
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Packet { port, channel, to, bytes } => {
                    let sent = Sent { port, channel, to, bytes: bytes.to_vec() };
                    if (192..=223).contains(&sent.bytes[1]) {
                        self.reports.push((self.now, sent));
                    } else {
                        packets.push(sent);
                    }
                }
                Output::Event(event) => events.push(event),
                Output::Release(port) => self.released.push(port),
                Output::Block { recording, bytes } => self.recorded.bytes.entry(recording).or_default().extend_from_slice(bytes),
                Output::RecordingOver { recording, end } => self.recorded.over.push((recording, end)),
            }
        }
        (packets, events)
    }

    /// Wakes the session whenever it wants, up to `until`, and collects what it does.
    pub(crate) fn run(&mut self, until: Timestamp) -> (Timed<Sent>, Timed<MediaEvent>) {
        let (mut all_packets, mut all_events) = (Vec::new(), Vec::new());
        while let Some((at, _)) = self.session.poll_timeout().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.handle(Input::Wake);
            let (packets, events) = self.drain();
            all_packets.extend(packets.into_iter().map(|packet| (at, packet)));
            all_events.extend(events.into_iter().map(|event| (at, event)));
        }
        self.now = until;
        (all_packets, all_events)
    }

    pub(crate) fn offer(&mut self, index: usize, channel: Channel, from: &str, packet: &[u8]) -> Result<Sent, Verdict> {
        self.packet.fill(packet);
        match self.session.handle_packet(self.now, port(index), channel, address(from), &mut self.packet) {
            Verdict::Forward { port, channel, to } | Verdict::ForwardAndWait { port, channel, to } => {
                Ok(Sent { port, channel, to, bytes: self.packet.bytes().to_vec() })
            }
            other => Err(other),
        }
    }

    /// RTP from the leg's own address.
    pub(crate) fn say(&mut self, index: usize, packet: &[u8]) -> Result<Sent, Verdict> {
        self.offer(index, Channel::Rtp, PHONE[index], packet)
    }

    /// RTCP from the leg's own address.
    pub(crate) fn report(&mut self, index: usize, packet: &[u8]) -> Result<Sent, Verdict> {
        self.offer(index, Channel::Rtcp, PHONE_RTCP[index], packet)
    }

    /// Ends the session.
    pub(crate) fn close(&mut self) -> Vec<EndpointStats> {
        self.handle(Input::Close);
        let (packets, mut events) = self.drain();
        assert!(packets.is_empty());
        assert_eq!(self.session.poll_timeout(), None);
        // Keys that nobody has let go are told of by then.
        events.retain(|event| !matches!(event, MediaEvent::Key { .. }));
        match events.pop() {
            Some(MediaEvent::Closed(stats)) if events.is_empty() => stats.to_vec(),
            other => panic!("{other:?} after {events:?}"),
        }
    }
}
