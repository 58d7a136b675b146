//! Two legs, and short ways to write and read descriptions.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may fail loudly")]

use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc};
use tandem_model::{Across, BuiltIn, CallId, Codec, LocalEndpoint, PayloadRule};
use tandem_signalling::{
    negotiation::{self, Alone, LegMedia, Offer, PendingOffer, Refusal, Settled, translate_answer},
    sdp::Description,
};

/// A leg with ports on 10.0.0.`host`.
pub(crate) fn leg(host: u8, port: u16, allowed: &[Codec]) -> LegMedia {
    let mut leg = LegMedia::new(allowed, true, None, u64::from(host) * 1000);
    leg.set_local(endpoint(&format!("10.0.0.{host}"), port));
    leg
}

/// Our end at `address`, with RTCP on the next port.
pub(crate) fn endpoint(address: &str, port: u16) -> LocalEndpoint {
    let address = address.parse().unwrap();
    let leg = CallId::new(1, 0).leg(0).unwrap();
    LocalEndpoint { leg, rtp: SocketAddr::new(address, port), rtcp: SocketAddr::new(address, port + 1) }
}

/// Two anchored legs that allow every codec: 10.0.0.1:20000 and 10.0.0.2:20004.
pub(crate) fn legs() -> (LegMedia, LegMedia) {
    (leg(1, 20000, &Codec::ALL), leg(2, 20004, &Codec::ALL))
}

/// Two legs whose media does not go through us. Our signalling is at one address for the one and at another for the other.
pub(crate) fn direct_legs() -> (LegMedia, LegMedia) {
    let (mut a, mut b) = (LegMedia::new(&Codec::ALL, false, None, 1000), LegMedia::new(&Codec::ALL, false, None, 2000));
    a.set_origin("[2001:db8::7]");
    b.set_origin("203.0.113.7");
    (a, b)
}

/// A description from `address`, with what follows `t=` given in lines that end in LF.
pub(crate) fn sdp(address: &str, media: &str) -> String {
    let family = if address.contains(':') { "IP6" } else { "IP4" };
    let head = format!("v=0\no=- 77 1 IN {family} {address}\ns=-\nc=IN {family} {address}\nt=0 0\n");
    (head + media).replace('\n', "\r\n")
}

/// PCMU and telephone events from a caller at 192.0.2.10.
pub(crate) fn caller() -> String {
    sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n")
}

/// The same from a called phone at 198.51.100.7.
pub(crate) fn called() -> String {
    sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n")
}

/// Reads an offer.
pub(crate) fn read(offer: &[u8]) -> Result<Offer, Refusal> {
    Offer::read(Bytes::copy_from_slice(offer))
}

/// Reads and screens an offer.
pub(crate) fn screen_offer(offer: &[u8], from: &[Codec], to: &[Codec], anchored: bool) -> Result<(), Refusal> {
    negotiation::screen_offer(&read(offer)?, from, to, negotiation::Passage { anchored, ..negotiation::Passage::default() })
}

/// Reads and translates an offer.
pub(crate) fn translate_offer(offer: &[u8], from: &mut LegMedia, to: &mut LegMedia) -> Result<PendingOffer, Refusal> {
    negotiation::translate_offer(&read(offer)?, from, to)
}

/// Reads an offer and declines it, if it can be read.
pub(crate) fn decline_offer(offer: &[u8], leg: &mut LegMedia) -> Option<Arc<[u8]>> {
    Some(negotiation::decline_offer(&read(offer).ok()?, leg))
}

/// Reads an offer and answers it for a built-in.
pub(crate) fn answer_alone(offer: &[u8], leg: &mut LegMedia, builtin: BuiltIn) -> Result<Alone, Refusal> {
    negotiation::answer_alone(&read(offer)?, leg, builtin)
}

/// Offers from `from` to `to`.
pub(crate) fn offer(offer: &str, from: &mut LegMedia, to: &mut LegMedia) -> PendingOffer {
    translate_offer(offer.as_bytes(), from, to).unwrap()
}

/// A whole exchange: our offer and what came of the answer.
pub(crate) fn exchange(offered: &str, answered: &str, from: &mut LegMedia, to: &mut LegMedia) -> (String, Settled) {
    let pending = offer(offered, from, to);
    let settled = translate_answer(&pending, answered.as_bytes(), from, to).unwrap();
    (text(pending.sdp()).to_owned(), settled)
}

/// What the answer to an offer is refused with.
pub(crate) fn refused_answer(offered: &str, answered: &str) -> Refusal {
    let (mut a, mut b) = legs();
    let pending = offer(offered, &mut a, &mut b);
    translate_answer(&pending, answered.as_bytes(), &mut a, &mut b).unwrap_err()
}

/// What an offer is refused with, by legs that allow every codec.
pub(crate) fn refused_offer(offered: &str) -> Refusal {
    let (mut a, mut b) = legs();
    translate_offer(offered.as_bytes(), &mut a, &mut b).unwrap_err()
}

/// Status and warning code.
pub(crate) fn code(refusal: &Refusal) -> (u16, u16) {
    (refusal.status, refusal.warning.as_ref().map_or(0, |(code, _)| *code))
}

/// Bytes as text.
pub(crate) fn text(sdp: &[u8]) -> &str {
    std::str::from_utf8(sdp).unwrap()
}

/// The lines that begin so.
pub(crate) fn lines<'a>(sdp: &'a str, start: &str) -> Vec<&'a str> {
    sdp.split("\r\n").filter(|line| line.starts_with(start)).collect()
}

/// The one `m=audio` line that is not rejected.
pub(crate) fn audio(sdp: &str) -> &str {
    lines(sdp, "m=audio ").into_iter().find(|line| !line.starts_with("m=audio 0 ")).unwrap_or("")
}

/// The version of `o=`.
pub(crate) fn version(sdp: &str) -> u64 {
    let description = Description::parse(sdp.as_bytes()).unwrap();
    description.session().origin().unwrap().session_version.parse().unwrap()
}

/// From and to of the payloads that are relayed.
pub(crate) fn rules(description: &tandem_model::EndpointDescription) -> Vec<(u8, u8)> {
    let relayed = |rule: &PayloadRule| match rule.across {
        Across::As(to) => Some((rule.from, to)),
        Across::Sound(_) | Across::Event { .. } | Across::Key => None,
    };
    description.payloads.iter().filter_map(relayed).collect()
}
