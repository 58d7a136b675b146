//! A media session of legs that speak codecs of their own, for programs that measure it.

use std::{net::SocketAddr, time::Duration};
use tandem_media::{Input, Session, Setup};
use tandem_model::{
    Across, CallId, Carries, Codec, EndpointDescription, LegId, LocalEndpoint, PayloadRule, PortId, SourceRule, Speech, StreamKind,
    Timestamp,
};

/// The payload number that either leg sends and is sent.
pub(crate) const NUMBER: u8 = 96;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// Where a leg has its audio.
pub(crate) fn phone(index: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, index + 1], 4_000))
}

/// Legs at the ports from 0, of which the first two hear each other, each in its own codec; `parameters` is what all say of it.
pub(crate) fn session(codecs: &[Codec], parameters: Option<&str>) -> Result<Session, Failure> {
    let call = CallId::new(1, 1);
    let legs = (0..).zip(codecs).map(|(index, _)| call.leg(index).ok_or("no leg")).collect::<Result<Vec<_>, _>>()?;
    let local = |leg: LegId| {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        LocalEndpoint { leg, rtp: at(20_000), rtcp: at(20_001) }
    };
    let endpoints: Vec<_> = (0..).zip(&legs).map(|(index, leg)| (local(*leg), PortId(index))).collect();
    let patience = Duration::from_secs(3_600);
    let setup = Setup { endpoints: &endpoints, inactivity: patience, hold: patience, seed: 1, wall_clock: Duration::ZERO };
    let mut session = Session::open(Timestamp::ZERO, setup)?;
    for (index, (leg, codec)) in (0..).zip(legs.into_iter().zip(codecs.iter().copied())) {
        let description = EndpointDescription {
            kind: StreamKind::Rtp,
            rtp: Some(phone(index)),
            rtcp: None,
            rtcp_mux: false,
            source: SourceRule::Described(phone(index).ip()),
            receives: true,
            held: false,
            payloads: [PayloadRule {
                from: NUMBER,
                carries: Carries::Sound(codec),
                across: Across::Sound(codec),
                clock_rate: codec.clock_rate(),
            }]
            .into(),
            hearer: None,
            speech: Some(Speech { payload: NUMBER, codec, packet_ms: 20, parameters: parameters.map(Into::into) }),
            keys: tandem_model::Keys::InBand,
        };
        session.handle(Timestamp::ZERO, Input::Describe(leg, Box::new(description)));
    }
    Ok(session)
}
