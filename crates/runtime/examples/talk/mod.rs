//! A media session whose legs speak different codecs, for programs that measure it.

use std::{net::SocketAddr, time::Duration};
use tandem_media::{Input, Session, Setup};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, Hearing, Keys, LegId, LocalEndpoint, PacketTimes, PayloadRule, PortId, SourceRule,
    Speech, StreamKind, Timestamp,
};

/// The payload number that either leg sends and is sent.
pub(crate) const NUMBER: u8 = 96;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Where a leg has its audio.
pub(crate) fn phone(index: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, index + 1], 4_000))
}

/// Legs at the ports 0, 1 and so on, each of which hears all others in its own codec; `parameters` is what each says of it.
pub(crate) fn session(codecs: &[Codec], parameters: Option<&str>) -> Result<Session, Failure> {
    let call = CallId::new(1, 1);
    let legs = (0..).take(codecs.len()).map(|index| call.leg(index).ok_or("no leg")).collect::<Result<Vec<_>, _>>()?;
    let local = |leg: LegId| {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        LocalEndpoint { leg, rtp: at(20_000), rtcp: at(20_001) }
    };
    let endpoints: Vec<_> = legs.iter().zip(0..).map(|(leg, port)| (local(*leg), PortId(port))).collect();
    let patience = Duration::from_secs(3_600);
    let setup = Setup { endpoints: &endpoints, inactivity: patience, hold: patience, seed: 1, wall_clock: Duration::ZERO };
    let mut session = Session::open(Timestamp::ZERO, setup)?;
    for (index, (leg, codec)) in (0..).zip(legs.iter().zip(codecs)) {
        let description = describe(*leg, phone(index), *codec, parameters);
        session.handle(Timestamp::ZERO, Input::Describe(*leg, Box::new(description)));
    }
    session.handle(Timestamp::ZERO, Input::Hear(everybody(&legs)));
    Ok(session)
}

/// Each hears all others.
pub(crate) fn everybody(legs: &[LegId]) -> Box<[Hearing]> {
    let pairs = legs.iter().flat_map(|speaker| legs.iter().map(|listener| Hearing { speaker: *speaker, listener: *listener }));
    pairs.filter(|pair| pair.speaker != pair.listener).collect()
}

/// A leg at that address which speaks and is spoken to in one codec, whoever hears it: what they have in common goes on as it is.
pub(crate) fn describe(leg: LegId, rtp: SocketAddr, codec: Codec, parameters: Option<&str>) -> EndpointDescription {
    let sound = PayloadRule { from: NUMBER, carries: Carries::Sound(codec), across: Across::Sound(codec), clock_rate: codec.clock_rate() };
    EndpointDescription {
        kind: StreamKind::Rtp,
        rtp: Some(rtp),
        rtcp: None,
        rtcp_mux: false,
        source: SourceRule::Described(rtp.ip()),
        receives: true,
        held: false,
        payloads: [sound].into(),
        hearer: Some(leg),
        speech: Some(Speech { payload: NUMBER, codec, packet_ms: 20, passed: PacketTimes::ANY, parameters: parameters.map(Into::into) }),
        keys: Keys::InBand,
    }
}

/// The `number`-th packet of a stream, each of which lasts for so many ticks.
pub(crate) fn rtp(number: u32, ticks: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, NUMBER];
    packet.extend((number as u16).to_be_bytes());
    packet.extend(number.wrapping_mul(ticks).to_be_bytes());
    packet.extend(7_u32.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}
