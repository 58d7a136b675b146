//! Session descriptions as a phone needs them (RFC 4566): enough to offer, to answer, and to judge those of others.

mod check;

pub use check::{check_answer, check_next};

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
};

/// Which way a stream flows, as the one who says it sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// The speaker only sends: the usual hold.
    SendOnly,
    /// The speaker only listens.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    const ALL: [(Direction, &'static str); 4] = [
        (Direction::SendRecv, "sendrecv"),
        (Direction::SendOnly, "sendonly"),
        (Direction::RecvOnly, "recvonly"),
        (Direction::Inactive, "inactive"),
    ];

    /// The attribute.
    pub fn token(self) -> &'static str {
        Direction::ALL.iter().find(|(direction, _)| *direction == self).map_or("sendrecv", |(_, token)| token)
    }

    /// Whether the speaker sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the speaker listens.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// What an answerer says who would rather do `wish` (RFC 3264 §6.1).
    pub fn answered_with(self, wish: Direction) -> Direction {
        Direction::of(self.receives() && wish.sends(), self.sends() && wish.receives())
    }
}

/// A payload format of a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// RTP payload number.
    pub payload: u8,
    /// As in `a=rtpmap`: `PCMU/8000`.
    pub encoding: String,
    /// As in `a=fmtp`.
    pub parameters: Option<String>,
}

impl Format {
    /// A format without parameters.
    pub fn new(payload: u8, encoding: &str) -> Format {
        Format { payload, encoding: encoding.into(), parameters: None }
    }

    /// G.711 µ-law under its own number.
    pub fn pcmu() -> Format {
        Format::new(0, "PCMU/8000")
    }

    /// G.711 A-law under its own number.
    pub fn pcma() -> Format {
        Format::new(8, "PCMA/8000")
    }

    /// RFC 4733 events.
    pub fn events(payload: u8) -> Format {
        Format { payload, encoding: "telephone-event/8000".into(), parameters: Some("0-15".into()) }
    }

    /// Whether it is RFC 4733 events.
    pub fn is_events(&self) -> bool {
        self.encoding.to_ascii_lowercase().starts_with("telephone-event/")
    }
}

/// The `o=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// User name.
    pub user: String,
    /// Session id.
    pub session: u64,
    /// Session version.
    pub version: u64,
    /// The rest: network type, address type, address.
    pub address: String,
}

/// One `m=` line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// 0: refused or stopped.
    pub port: u16,
    /// `RTP/AVP`.
    pub protocol: String,
    /// In the order of preference.
    pub formats: Vec<String>,
    /// The media's own `c=` address.
    pub connection: Option<IpAddr>,
    /// `a=` lines without `a=`, all but the direction.
    pub attributes: Vec<String>,
    /// The direction, the session's where the media says none.
    pub direction: Direction,
}

impl Media {
    /// A line of fax (ITU-T T.38 annex D).
    pub fn fax(port: u16, direction: Direction) -> Media {
        let attributes = ["T38FaxVersion:0", "T38MaxBitRate:14400", "T38FaxRateManagement:transferredTCF", "T38FaxUdpEC:t38UDPRedundancy"];
        Media {
            kind: "image".into(),
            port,
            protocol: "udptl".into(),
            formats: vec!["t38".into()],
            connection: None,
            attributes: attributes.map(String::from).into(),
            direction,
        }
    }

    /// Switches the stream off.
    pub fn stop(&mut self) {
        (self.port, self.connection) = (0, None);
        self.attributes.clear();
    }

    /// The encoding of a payload number: of `a=rtpmap`, or what RFC 3551 assigned, upper case, one channel left out.
    pub fn encoding(&self, format: &str) -> Option<String> {
        let mapped = self.attributes.iter().find_map(|attribute| {
            let (payload, encoding) = attribute.strip_prefix("rtpmap:")?.split_once(' ')?;
            (payload == format).then(|| encoding.trim().to_ascii_uppercase())
        });
        let encoding = mapped.or_else(|| match format {
            "0" => Some("PCMU/8000".into()),
            "8" => Some("PCMA/8000".into()),
            "9" => Some("G722/8000".into()),
            _ => None,
        })?;
        Some(encoding.strip_suffix("/1").map_or(encoding.clone(), str::to_owned))
    }

    /// The value of an attribute; empty for a property.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find_map(|attribute| {
            let (key, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            (key == name).then_some(value)
        })
    }
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdp {
    /// Who wrote it, which version.
    pub origin: Origin,
    /// The session's `c=` address.
    pub connection: Option<IpAddr>,
    /// In the order of the text, which never changes within a session.
    pub media: Vec<Media>,
}

impl Sdp {
    /// One audio line.
    pub fn audio(origin: Origin, address: IpAddr, port: u16, formats: &[Format], direction: Direction) -> Sdp {
        let mut media = Media {
            kind: "audio".into(),
            port,
            protocol: "RTP/AVP".into(),
            formats: formats.iter().map(|format| format.payload.to_string()).collect(),
            connection: None,
            attributes: Vec::new(),
            direction,
        };
        for format in formats {
            media.attributes.push(format!("rtpmap:{} {}", format.payload, format.encoding));
            media.attributes.extend(format.parameters.iter().map(|text| format!("fmtp:{} {text}", format.payload)));
        }
        Sdp { origin, connection: Some(address), media: vec![media] }
    }

    /// Reads a description; the error says which line is wrong.
    pub fn parse(text: &[u8]) -> Result<Sdp, String> {
        let text = std::str::from_utf8(text).map_err(|_| "SDP is not UTF-8".to_owned())?;
        let (mut origin, mut connection, mut session_direction) = (None, None, Direction::SendRecv);
        let (mut media, mut said): (Vec<Media>, Vec<bool>) = (Vec::new(), Vec::new());
        let (mut version, mut timing) = (false, false);
        for line in text.lines() {
            let broken = || format!("SDP line {line:?}");
            let (kind, value) = line.split_once('=').ok_or_else(broken)?;
            match kind {
                "v" => version = value == "0",
                "o" => origin = Some(parse_origin(value).ok_or_else(broken)?),
                "t" => timing = true,
                "c" => {
                    let address = Some(parse_connection(value).ok_or_else(broken)?);
                    media.last_mut().map_or(&mut connection, |last| &mut last.connection).clone_from(&address);
                }
                "m" => {
                    media.push(parse_media(value, session_direction).ok_or_else(broken)?);
                    said.push(false);
                }
                "a" => match (Direction::ALL.iter().find(|(_, token)| *token == value), media.last_mut()) {
                    (Some((direction, _)), None) => session_direction = *direction,
                    (Some((direction, _)), Some(last)) => last.direction = *direction,
                    (None, Some(last)) => last.attributes.push(value.to_owned()),
                    (None, None) => {}
                },
                _ if kind.len() == 1 => {}
                _ => return Err(broken()),
            }
        }
        if !version || !timing {
            return Err("SDP without v=0 or t=".into());
        }
        if media.iter().any(|one| one.port != 0 && one.connection.is_none()) && connection.is_none() {
            return Err("SDP without a c= for every stream".into());
        }
        Ok(Sdp { origin: origin.ok_or("SDP without o=")?, connection, media })
    }

    /// The text.
    pub fn print(&self) -> Vec<u8> {
        let mut text = String::with_capacity(256);
        let origin = &self.origin;
        // Writing to a String cannot fail.
        let _ = write!(text, "v=0\r\no={} {} {} {}\r\ns=-\r\n", origin.user, origin.session, origin.version, origin.address);
        if let Some(address) = self.connection {
            let _ = write!(text, "c={}\r\n", Connection(address));
        }
        text.push_str("t=0 0\r\n");
        for media in &self.media {
            let _ = write!(text, "m={} {} {}", media.kind, media.port, media.protocol);
            for format in &media.formats {
                let _ = write!(text, " {format}");
            }
            text.push_str("\r\n");
            if let Some(address) = media.connection {
                let _ = write!(text, "c={}\r\n", Connection(address));
            }
            for attribute in &media.attributes {
                let _ = write!(text, "a={attribute}\r\n");
            }
            if media.port != 0 {
                let _ = write!(text, "a={}\r\n", media.direction.token());
            }
        }
        text.into_bytes()
    }

    /// The line of fax, if it is on.
    pub fn fax_line(&self) -> Option<&Media> {
        self.media.iter().find(|media| media.kind == "image" && media.protocol == "udptl" && media.port != 0)
    }

    /// Where the fax wants its datagrams.
    pub fn fax_address(&self) -> Option<std::net::SocketAddr> {
        let media = self.fax_line()?;
        Some(std::net::SocketAddr::new(media.connection.or(self.connection)?, media.port))
    }

    /// An answer that takes the fax and nothing else.
    pub fn answer_fax(&self, origin: Origin, address: IpAddr, port: u16, wish: Direction) -> Option<Sdp> {
        let chosen = self.fax_line()?;
        let mut media: Vec<Media> = self.media.clone();
        for line in &mut media {
            match &*line == chosen {
                true => *line = Media::fax(port, chosen.direction.answered_with(wish)),
                false => line.stop(),
            }
        }
        Some(Sdp { origin, connection: Some(address), media })
    }

    /// An answer to an offer that wants no stream (RFC 3264 §6).
    pub fn answer_none(&self, origin: Origin, address: IpAddr) -> Option<Sdp> {
        let wants_none = !self.media.is_empty() && self.media.iter().all(|media| media.port == 0);
        let mut media = self.media.clone();
        media.iter_mut().for_each(Media::stop);
        wants_none.then_some(Sdp { origin, connection: Some(address), media })
    }

    /// The first audio line.
    pub fn audio_line(&self) -> Option<&Media> {
        self.media.iter().find(|media| media.kind == "audio")
    }

    /// Where the audio wants RTP, if it wants any.
    pub fn audio_address(&self) -> Option<std::net::SocketAddr> {
        let media = self.audio_line().filter(|media| media.port != 0)?;
        Some(std::net::SocketAddr::new(media.connection.or(self.connection)?, media.port))
    }

    /// An answer by someone with these formats at that address: the first audio line is taken, all else refused
    /// (RFC 3264 §6). `None` if nothing is left.
    pub fn answer(&self, origin: Origin, address: IpAddr, port: u16, formats: &[Format], wish: Direction) -> Option<Sdp> {
        let chosen = self.media.iter().position(|media| media.kind == "audio" && media.port != 0 && media.protocol == "RTP/AVP")?;
        let offered = &self.media[chosen];
        let mut common: Vec<Format> = Vec::new();
        for format in &offered.formats {
            let encoding = offered.encoding(format);
            let own = formats.iter().find(|own| Some(own.encoding.to_ascii_uppercase()) == encoding);
            if let (Some(own), Ok(payload)) = (own, format.parse()) {
                common.push(Format { payload, ..own.clone() });
            }
        }
        if common.iter().all(Format::is_events) {
            return None;
        }
        let mut answer = Sdp::audio(origin, address, port, &common, offered.direction.answered_with(wish));
        let taken = answer.media.pop()?;
        for (index, media) in self.media.iter().enumerate() {
            let refused = Media { port: 0, attributes: Vec::new(), connection: None, ..media.clone() };
            answer.media.push(if index == chosen { taken.clone() } else { refused });
        }
        Some(answer)
    }
}

struct Connection(IpAddr);

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IN {} {}", if self.0.is_ipv4() { "IP4" } else { "IP6" }, self.0)
    }
}

/// The address part of `o=` and `c=`.
pub fn connection_text(address: IpAddr) -> String {
    Connection(address).to_string()
}

fn parse_origin(value: &str) -> Option<Origin> {
    let mut words = value.splitn(4, ' ');
    let (user, session, version, address) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some(Origin { user: user.into(), session: session.parse().ok()?, version: version.parse().ok()?, address: address.into() })
}

fn parse_connection(value: &str) -> Option<IpAddr> {
    let address: IpAddr = match value.split(' ').collect::<Vec<_>>()[..] {
        ["IN", "IP4", text] => IpAddr::V4(text.parse().ok()?),
        ["IN", "IP6", text] => IpAddr::V6(text.parse().ok()?),
        _ => return None,
    };
    Some(address)
}

fn parse_media(value: &str, direction: Direction) -> Option<Media> {
    let mut words = value.split(' ');
    let (kind, port, protocol) = (words.next()?.to_owned(), words.next()?.parse().ok()?, words.next()?.to_owned());
    let formats: Vec<String> = words.map(str::to_owned).collect();
    (!formats.is_empty()).then_some(Media { kind, port, protocol, formats, connection: None, attributes: Vec::new(), direction })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin { user: "-".into(), session: 1, version: 1, address: "IN IP4 10.0.0.1".into() }
    }

    #[test]
    fn an_offer_parses_back_and_its_answer_is_legal() {
        let address = "10.0.0.1".parse().unwrap();
        let mut offer = Sdp::audio(origin(), address, 4000, &[Format::pcmu(), Format::pcma(), Format::events(101)], Direction::SendOnly);
        offer.media.push(Media { kind: "video".into(), formats: vec!["96".into()], ..offer.media[0].clone() });
        assert_eq!(Sdp::parse(&offer.print()).unwrap().media[0], offer.media[0]);
        let answer =
            offer.answer(origin(), address, 5000, &[Format::new(8, "pcma/8000"), Format::events(96)], Direction::SendRecv).unwrap();
        assert_eq!((answer.media[0].direction, answer.media[1].port), (Direction::RecvOnly, 0));
        assert_eq!(answer.media[0].formats, ["8", "101"]);
        assert_eq!(check_answer(&offer, &answer), Vec::<String>::new());
    }

    #[test]
    fn an_offer_without_a_common_codec_has_no_answer() {
        let address = "10.0.0.1".parse().unwrap();
        let offer = Sdp::audio(origin(), address, 4000, &[Format::pcmu(), Format::events(101)], Direction::SendRecv);
        assert_eq!(offer.answer(origin(), address, 5000, &[Format::pcma(), Format::events(101)], Direction::SendRecv), None);
    }
}
