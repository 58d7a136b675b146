//! Which addresses may be called. A URL that somebody else has written, or a name whose owner points it elsewhere, must not let the node
//! call what only its own network can reach (server-side request forgery).

use crate::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses: those that share the first `length` bits with `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// One of them.
    pub first: IpAddr,
    /// Bits that count; more than an address has count as all.
    pub length: u8,
}

impl Block {
    fn has(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let apart = u32::from(first) ^ u32::from(address);
                self.length == 0 || apart.leading_zeros() >= u32::from(self.length.min(32))
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let apart = u128::from(first) ^ u128::from(address);
                self.length == 0 || apart.leading_zeros() >= u32::from(self.length.min(128))
            }
            _ => false,
        }
    }
}

/// Lets public addresses pass, and others that it was told of.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Box<[Block]>,
}

impl Guard {
    /// One that also lets these pass.
    pub fn new(allowed: impl IntoIterator<Item = Block>) -> Guard {
        Guard { allowed: allowed.into_iter().collect() }
    }

    /// The same, which also lets the address in `url` pass, be it only known on this machine: somebody has configured that URL.
    /// `localhost` is its two addresses; what other names lead to must be let anyway.
    #[must_use]
    pub fn letting(self, url: &Url) -> Guard {
        let is_here = url.uri().host().is_some_and(|host| host.eq_ignore_ascii_case("localhost"));
        let here = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].into_iter().filter(|_| is_here);
        let also = url.address().into_iter().chain(here).map(|first| Block { first, length: 128 });
        Guard { allowed: self.allowed.into_iter().chain(also).collect() }
    }

    /// Whether that address may be called.
    pub fn lets(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|block| block.has(address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// By the registry of special-purpose addresses (RFC 6890 and its updates): what it says is not globally reachable, and what is for many.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        (0 | 10 | 127, ..) | (169, 254, _) | (192, 168, _) => true,
        (100, 64..=127, _) | (172, 16..=31, _) | (198, 18..=19, _) => true,
        // IETF protocol assignments, documentation, and relays of 6to4, which are no more (RFC 7526).
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => true,
        (224.., ..) => true,
        _ => false,
    };
    !is_special
}

/// Of the unicast space 2000::/3 alone addresses are given out to the public. What carries an IPv4 address is as that is.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // RFC 6052 §2.1: the address behind the translator.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Teredo and other protocol assignments, documentation (RFC 3849, RFC 9637).
        [0x2001, ..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, ..=0x0fff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets(guard: &Guard, addresses: &[&str]) -> Vec<bool> {
        addresses.iter().map(|address| guard.lets(address.parse().unwrap())).collect()
    }

    #[test]
    fn the_public_may_be_called() {
        let public = ["8.8.8.8", "1.1.1.1", "198.20.0.1", "172.32.0.1", "100.128.0.1", "2600::1", "2a00:1450::1", "64:ff9b::8.8.8.8"];
        assert!(lets(&Guard::default(), &public).iter().all(|may| *may));
    }

    #[test]
    fn our_own_network_may_not() {
        let ours = [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.1",
            "192.0.2.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "3fff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "100::1",
        ];
        let let_pass: Vec<_> = ours.iter().zip(lets(&Guard::default(), &ours)).filter(|(_, may)| *may).collect();
        assert!(let_pass.is_empty(), "{let_pass:?}");
    }

    #[test]
    fn what_stands_in_a_configured_url_may_be_called() {
        let guard = |url: &str| Guard::default().letting(&Url::parse(url).unwrap());
        assert_eq!(lets(&guard("http://127.0.0.1:9000/v1"), &["127.0.0.1", "127.0.0.2", "::1", "8.8.8.8"]), [true, false, false, true]);
        assert_eq!(lets(&guard("http://localhost:9000"), &["127.0.0.1", "::1", "10.0.0.1"]), [true, true, false]);
        assert_eq!(lets(&guard("https://webex.example"), &["127.0.0.1", "::1"]), [false, false]);
    }

    #[test]
    fn what_is_allowed_may_be_called_and_nothing_beside_it() {
        let block = |text: &str, length| Block { first: text.parse().unwrap(), length };
        let guard = Guard::new([block("127.0.0.1", 32), block("10.1.0.0", 16), block("fd12:3456::", 32)]);
        assert_eq!(
            lets(&guard, &["127.0.0.1", "127.0.0.2", "10.1.255.1", "10.2.0.1", "fd12:3456::1", "fd12:3457::1", "::ffff:10.1.0.1", "::1"]),
            [true, false, true, false, true, false, true, false]
        );
        let all = Guard::new([block("0.0.0.0", 0), block("::", 0)]);
        assert_eq!(lets(&all, &["127.0.0.1", "::1", "224.0.0.1"]), [true; 3]);
    }
}
