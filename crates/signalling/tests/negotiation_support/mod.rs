//! Two legs with ports, and short ways to write descriptions.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and a test may fail loudly")]

use tandem_model::{CallId, Codec, LocalEndpoint};
use tandem_signalling::negotiation::LegMedia;

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
    LocalEndpoint { leg, rtp: std::net::SocketAddr::new(address, port), rtcp: std::net::SocketAddr::new(address, port + 1) }
}

/// Two anchored legs that allow every codec.
pub(crate) fn legs() -> (LegMedia, LegMedia) {
    (leg(1, 20000, &Codec::ALL), leg(2, 20004, &Codec::ALL))
}

/// Two legs whose media does not go through us.
pub(crate) fn direct_legs() -> (LegMedia, LegMedia) {
    (LegMedia::new(&Codec::ALL, false, None, 1000), LegMedia::new(&Codec::ALL, false, None, 2000))
}

/// Bytes as text.
pub(crate) fn text(sdp: &[u8]) -> &str {
    std::str::from_utf8(sdp).unwrap()
}
