//! A media session of two legs, for packets to be given to.

use std::{net::SocketAddr, time::Duration};
use tandem_media::{Channel, Input, Output, PacketBuf, Session, Setup, Verdict};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, EndpointStats, LegId, LocalEndpoint, MediaEvent, PayloadRule, PortId, SourceRule,
    Speech, StreamKind, Timestamp,
};

/// The two legs' addresses for RTP; RTCP is at the next port.
pub(crate) const PHONES: [([u8; 4], u16); 2] = [([192, 0, 2, 1], 4000), ([198, 51, 100, 2], 6000)];

/// Numbers that both legs may send, and that arrive as the same.
pub(crate) const PAYLOADS: [u8; 3] = [0, 8, 101];

/// Numbers that are said again to the other leg in another codec.
const SPOKEN: [(u8, Across); 3] = [(9, Across::Sound(Codec::G722)), (111, Across::Sound(Codec::Opus)), (112, Across::Sound(Codec::Pcma))];

const TIMEOUT: Duration = Duration::from_secs(300);

/// A conversation.
pub(crate) struct Talk {
    session: Session,
    pub(crate) now: Timestamp,
    packet: PacketBuf,
}

/// A packet that a session let out.
pub(crate) struct Sent {
    pub(crate) leg: usize,
    pub(crate) channel: Channel,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

impl Talk {
    /// Two legs that talk. The second one's packets go to where they come from.
    pub(crate) fn new() -> Talk {
        let now = Timestamp::from_millis(1_000_000);
        let locals = [0, 1].map(|leg| {
            let address = |port| SocketAddr::from(([203, 0, 113, 7], port));
            let port = 20_000 + 2 * leg as u16;
            (LocalEndpoint { leg: id(leg), rtp: address(port), rtcp: address(port + 1) }, PortId(leg as u32))
        });
        let Ok(session) =
            Session::open(now, Setup { endpoints: &locals, inactivity: TIMEOUT, hold: TIMEOUT, seed: 7, wall_clock: Duration::ZERO })
        else {
            unreachable!("two endpoints make a session")
        };
        let mut talk = Talk { session, now, packet: PacketBuf::new() };
        for leg in [0, 1] {
            talk.describe(leg, false);
        }
        while talk.session.poll_output().is_some() {}
        talk
    }

    /// Tells the session of a leg, with or without rtcp-mux.
    pub(crate) fn describe(&mut self, leg: usize, rtcp_mux: bool) {
        let rtp = phone(leg, 0);
        let description = EndpointDescription {
            kind: StreamKind::Rtp,
            rtp: Some(rtp),
            rtcp: Some(if rtcp_mux { rtp } else { phone(leg, 1) }),
            rtcp_mux,
            source: if leg == 0 { SourceRule::Described(rtp.ip()) } else { SourceRule::Host(rtp.ip()) },
            receives: true,
            held: false,
            payloads: PAYLOADS.map(|number| (number, Across::As(number))).into_iter().chain(SPOKEN).map(rule).collect(),
            hearer: None,
            speech: Some(Speech {
                payload: 0,
                codec: Codec::Pcmu,
                packet_ms: 20,
                passed: tandem_model::PacketTimes::ANY,
                parameters: None,
            }),
            keys: tandem_model::Keys::InBand,
        };
        self.session.handle(self.now, Input::Describe(id(leg), Box::new(description)));
    }

    /// One packet for a leg's port.
    pub(crate) fn give(&mut self, leg: usize, channel: Channel, source: SocketAddr, bytes: &[u8]) -> Option<Sent> {
        self.packet.fill(bytes);
        match self.session.handle_packet(self.now, PortId(leg as u32), channel, source, &mut self.packet) {
            Verdict::Forward { port, channel, to } | Verdict::ForwardAndWait { port, channel, to } => {
                Some(Sent { leg: port.0 as usize, channel, to, bytes: self.packet.bytes().to_vec() })
            }
            Verdict::Waits => {
                // It is said when the session is woken, which is as often as a packet comes here.
                self.now = self.now + Duration::from_millis(20);
                self.session.handle(self.now, Input::Wake);
                while self.session.poll_output().is_some() {}
                None
            }
            Verdict::Consumed | Verdict::Dropped(_) => None,
        }
    }

    /// Ends the session; its figures.
    pub(crate) fn close(mut self) -> Box<[EndpointStats]> {
        self.session.handle(self.now, Input::Close);
        while let Some(output) = self.session.poll_output() {
            if let Output::Event(MediaEvent::Closed(stats)) = output {
                return stats;
            }
        }
        unreachable!("a session that is closed says so")
    }
}

fn rule((from, across): (u8, Across)) -> PayloadRule {
    PayloadRule { from, carries: if from < 96 { Carries::Sound(Codec::Pcmu) } else { Carries::Event }, across, clock_rate: 8000 }
}

/// An address of a leg, so many ports above that for RTP.
pub(crate) fn phone(leg: usize, above: u16) -> SocketAddr {
    let (host, port) = PHONES[leg];
    SocketAddr::from((host, port + above))
}

/// 160 octets of sound.
pub(crate) fn sound(ssrc: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 160]);
    packet
}

fn id(leg: usize) -> LegId {
    let Some(leg) = u8::try_from(leg).ok().and_then(|leg| CallId::new(1, 0).leg(leg)) else { unreachable!("a call has two legs") };
    leg
}
