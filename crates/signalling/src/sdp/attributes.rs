//! Typed views of the lines that offer and answer act upon. Each reads its line when asked.

use super::{
    Section,
    words::{Words, ipv4, number, payload_number, port, split_payload},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    str,
};

/// `a=sendrecv` and its kin, as the writer of the description sees it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sends and receives.
    SendRecv,
    /// Sends only.
    SendOnly,
    /// Receives only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// All four, the most open first.
    pub const ALL: [Direction; 4] = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];

    /// From its two halves.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// The writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same seen from the other end.
    pub const fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow.
    pub const fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The direction that an attribute of this name states.
    pub fn from_name(name: &[u8]) -> Option<Direction> {
        match name {
            b"sendrecv" => Some(Direction::SendRecv),
            b"sendonly" => Some(Direction::SendOnly),
            b"recvonly" => Some(Direction::RecvOnly),
            b"inactive" => Some(Direction::Inactive),
            _ => None,
        }
    }
}

/// `c=` (RFC 8866 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection<'a> {
    /// A literal address. All zeros mean that nothing is to be sent (RFC 3264 §8.4).
    Address(IpAddr),
    /// A host name.
    Name(&'a str),
}

impl<'a> Connection<'a> {
    /// Reads the value of a `c=` line, or the address part of an attribute that ends like one.
    pub fn parse(value: &'a [u8]) -> Option<Connection<'a>> {
        let mut words = Words::of(value);
        let (net, family, address) = (words.next()?, words.next()?, words.next()?);
        if !net.eq_ignore_ascii_case(b"IN") {
            return None;
        }
        // A multicast address has its TTL or its count behind a slash.
        let host = address.split(|byte| *byte == b'/').next()?;
        let literal = match family {
            b"IP4" => ipv4(host).map(IpAddr::V4),
            b"IP6" => text(host)?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => return None,
        };
        literal.map_or_else(|| name(host).map(Connection::Name), |address| Some(Connection::Address(address)))
    }
}

/// A host that is no literal: letters, digits and what joins them.
fn name(host: &[u8]) -> Option<&str> {
    let joins = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    text(host).filter(|_| host.iter().all(joins))
}

/// `o=` (RFC 8866 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user, often `-`.
    pub username: &'a str,
    /// With the user and the address it names the session for ever. Digits, as written: some do not fit 64 bits.
    pub session_id: &'a str,
    /// Goes up with every change.
    pub session_version: &'a str,
    /// The address or name of whoever made it.
    pub address: &'a str,
}

/// `a=rtpmap` (RFC 8866 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// The payload number.
    pub payload: u8,
    /// The encoding, compared without case.
    pub encoding: &'a [u8],
    /// RTP clock in hertz.
    pub clock_rate: u32,
    /// Channels; 1 where none are written.
    pub channels: u8,
}

impl<'a> RtpMap<'a> {
    /// Reads the value of the attribute.
    pub fn parse(value: &'a [u8]) -> Option<RtpMap<'a>> {
        let mut words = Words::of(value);
        let payload = payload_number(words.next()?)?;
        let mut parts = words.next()?.split(|byte| *byte == b'/');
        let (encoding, clock_rate) = (parts.next()?, number(parts.next()?)?);
        let channels = parts.next().map_or(Some(1), |channels| number(channels)?.try_into().ok())?;
        Some(RtpMap { payload, encoding, clock_rate, channels })
    }
}

/// `a=rtcp` (RFC 3605 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpAddress {
    /// The port.
    pub port: u16,
    /// The address, where it is another one than that of RTP.
    pub address: Option<IpAddr>,
}

impl RtcpAddress {
    /// Reads the value of the attribute. An address that is no literal is read over.
    pub fn parse(value: &[u8]) -> Option<RtcpAddress> {
        let value = value.trim_ascii_start();
        let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        let (digits, rest) = value.split_at(end);
        let port = port(digits.trim_ascii())?;
        let address = match Connection::parse(rest) {
            Some(Connection::Address(address)) => Some(address),
            _ => None,
        };
        Some(RtcpAddress { port, address })
    }
}

impl<'a> Section<'a> {
    /// Its `c=` line, if it has one: `Some(None)` where that cannot be read.
    pub fn connection(self) -> Option<Option<Connection<'a>>> {
        self.line(b'c').map(Connection::parse)
    }

    /// Its `o=` line.
    pub fn origin(self) -> Option<Origin<'a>> {
        let mut words = Words::of(self.line(b'o')?).map_while(text);
        let (username, session_id, session_version) = (words.next()?, words.next()?, words.next()?);
        let address = words.nth(2)?;
        Some(Origin { username, session_id, session_version, address })
    }

    /// Its direction, where it states one.
    pub fn direction(self) -> Option<Direction> {
        self.attributes().find_map(|attribute| Direction::from_name(attribute.name))
    }

    /// Its `a=rtpmap` lines that can be read.
    pub fn rtp_maps(self) -> impl Iterator<Item = RtpMap<'a>> {
        self.attributes().filter(|attribute| attribute.name == b"rtpmap").filter_map(|attribute| RtpMap::parse(attribute.value))
    }

    /// The parameters of a payload number (RFC 8866 §6.15), without the number.
    pub fn format_parameters(self, payload: u8) -> Option<&'a [u8]> {
        self.attributes().filter(|attribute| attribute.name == b"fmtp").find_map(|attribute| {
            let (number, parameters) = split_payload(attribute.value)?;
            (number == payload).then_some(parameters)
        })
    }
}

fn text(word: &[u8]) -> Option<&str> {
    str::from_utf8(word).ok()
}
