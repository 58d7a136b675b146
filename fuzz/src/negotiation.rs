//! An offer and an answer, translated between two legs.

use crate::sdp::printed;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tandem_model::{Across, BuiltIn, CallId, Codec, EndpointDescription, LegId, LocalEndpoint};
use tandem_signalling::{
    negotiation::{LegMedia, Offer, answer_alone, translate_answer, translate_offer},
    sdp::Description,
};

/// What stands between the two descriptions.
const SEPARATOR: &[u8] = b"\n--\n";

/// Whatever is offered and answered, what we write to either leg can be read and prints the same; it never names the other
/// leg's address where media goes through us, and no leg is given a number to send that does not fit into a packet.
pub fn negotiation(bytes: &[u8]) {
    let place = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let (offer, answer) = place.map_or((bytes, &[][..]), |place| (&bytes[..place], &bytes[place + SEPARATOR.len()..]));
    let Ok(offer) = Offer::read(Bytes::copy_from_slice(offer)) else { return };
    for (anchored, nat) in [(true, false), (true, true), (false, false)] {
        let (mut from, mut to) = (leg(0, anchored, nat), leg(1, anchored, nat));
        let Ok(pending) = translate_offer(&offer, &mut from, &mut to) else { continue };
        check(pending.sdp());
        if let Some(early) = pending.describe_early(&from, &to) {
            check_description(&early.from);
            check_description(&early.to);
        }
        if let Ok(settled) = translate_answer(&pending, answer, &mut from, &mut to) {
            check(&settled.answer);
            settled.describe_from.iter().chain(&settled.describe_to).for_each(|description| check_description(description));
        }
    }
    for builtin in [BuiltIn::Echo, BuiltIn::Tone] {
        if let Ok(alone) = answer_alone(&offer, &mut leg(0, true, false), builtin) {
            check(&alone.sdp);
            check_description(&alone.describe);
        }
    }
}

fn leg(index: u8, anchored: bool, nat: bool) -> LegMedia {
    let host = |last: u8| IpAddr::from(Ipv4Addr::new(203, 0, 113, last));
    let mut leg = LegMedia::new(&Codec::ALL, anchored, nat.then(|| host(index)), 1000);
    leg.allow_fax(true);
    let address = host(100 + index);
    if anchored {
        leg.set_local(LocalEndpoint { leg: id(index), rtp: SocketAddr::new(address, 20_000), rtcp: SocketAddr::new(address, 20_001) });
    } else {
        leg.set_origin("203.0.113.100");
    }
    leg
}

fn id(index: u8) -> LegId {
    let Some(leg) = CallId::new(1, 0).leg(index) else { unreachable!("a call has two legs") };
    leg
}

fn check(ours: &[u8]) {
    let description = Description::parse(ours);
    assert!(description.is_ok(), "{:?} in {:?}", description.err(), String::from_utf8_lossy(ours));
    let Ok(description) = description else { return };
    assert_eq!(printed(&description), ours, "ours is not as we print it");
    assert!(description.session().origin().is_some(), "no origin");
    assert!(description.media().iter().all(|media| media.formats().next().is_some()), "a medium without formats");
}

fn check_description(description: &EndpointDescription) {
    let EndpointDescription { rtp, rtcp, payloads, .. } = description;
    for address in rtp.iter().chain(rtcp) {
        assert!(address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast(), "to be sent to {address}");
    }
    assert!(
        payloads.iter().all(|rule| rule.from < 128 && !matches!(rule.across, Across::As(128..)) && rule.clock_rate > 0),
        "{payloads:?}"
    );
}
