//! What an audio line says, gathered in one pass, and whether it can be taken.

use super::{
    Refusal,
    format::{Format, FormatList, Numbers},
};
use crate::sdp::{Connection, Description, Direction, MAX_FORMATS, Media, RtcpAddress, RtpMap, payload_number};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str,
};
use tandem_model::Codec;

/// Milliseconds of sound that a packet may be asked to hold; more is no `ptime` but a mistake.
const MAX_PTIME_MS: u16 = 1000;

/// Bytes of `a=fmtp` parameters that are carried over.
const MAX_PARAMETERS_BYTES: usize = 512;

/// An audio line with all that concerns it.
pub(super) struct Audio<'a> {
    pub(super) media: Media<'a>,
    /// `c=`, of the medium or else of the session.
    connection: Option<Connection<'a>>,
    /// What it lists of what we know, in its order.
    pub(super) formats: FormatList,
    /// And under which numbers: the first of each format.
    pub(super) numbers: Numbers,
    /// All numbers that it lists, known or not, as bits.
    pub(super) listed: u128,
    /// What its writer does, an address of zeros (RFC 3264 §8.4) counted in.
    pub(super) direction: Direction,
    pub(super) ptime: Option<u16>,
    pub(super) maxptime: Option<u16>,
    pub(super) mux: bool,
    rtcp: Option<RtcpAddress>,
}

/// Where a leg wants its media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) rtp: Option<SocketAddr>,
    pub(super) rtcp: Option<SocketAddr>,
    /// Whence its packets come.
    pub(super) host: Option<IpAddr>,
}

impl Remote {
    pub(super) const NOWHERE: Remote = Remote { rtp: None, rtcp: None, host: None };
}

/// On what terms an offer is looked at.
pub(super) struct Terms {
    pub(super) anchored: bool,
    /// Where the audio was so far.
    pub(super) audio: Option<usize>,
    /// Our own address on that leg, once it is known.
    pub(super) local: Option<IpAddr>,
}

/// What a session says for all its media: read once, however many they are.
struct Common<'a> {
    connection: Option<&'a [u8]>,
    direction: Option<Direction>,
}

impl<'a> Common<'a> {
    fn of(description: &Description<'a>) -> Common<'a> {
        let session = description.session();
        Common { connection: session.line(b'c'), direction: session.direction() }
    }
}

impl<'a> Audio<'a> {
    /// Reads the `index`-th medium. A dynamic number without `rtpmap` stands for what it stood for in `asked`, our offer:
    /// some leave the map out of an answer.
    pub(super) fn read(description: &Description<'a>, index: usize, asked: &Numbers) -> Option<Audio<'a>> {
        description.media().get(index).map(|media| Audio::of(*media, &Common::of(description), asked))
    }

    fn of(media: Media<'a>, common: &Common<'a>, asked: &Numbers) -> Audio<'a> {
        let mut audio = Audio {
            media,
            connection: None,
            formats: FormatList::EMPTY,
            numbers: Numbers::NONE,
            listed: 0,
            direction: Direction::SendRecv,
            ptime: None,
            maxptime: None,
            mux: false,
            rtcp: None,
        };
        let (mut stated, mut connection) = (None, None);
        let mut maps: [Option<Option<Format>>; 128] = [None; 128];
        for line in media.section().lines() {
            if line.kind == b'c' {
                connection = connection.or(Some(line.value));
            }
            let Some(attribute) = line.attribute() else { continue };
            match attribute.name {
                b"rtpmap" => {
                    if let Some(map) = RtpMap::parse(attribute.value) {
                        maps[usize::from(map.payload)].get_or_insert(Format::from_map(&map));
                    }
                }
                b"ptime" => audio.ptime = milliseconds(attribute.value),
                b"maxptime" => audio.maxptime = milliseconds(attribute.value),
                b"rtcp-mux" => audio.mux = true,
                b"rtcp" => audio.rtcp = RtcpAddress::parse(attribute.value),
                name => stated = stated.or_else(|| Direction::from_name(name)),
            }
        }
        for number in media.formats().take(MAX_FORMATS).filter_map(payload_number) {
            audio.listed |= 1 << number;
            let unmapped = || Format::from_static(number).or_else(|| asked.format_of(number));
            let format = maps[usize::from(number)].unwrap_or_else(unmapped);
            if let Some(format) = format.filter(|format| !audio.formats.contains(*format)) {
                audio.formats.push(format);
                audio.numbers.set(format, number);
            }
        }
        let stated = stated.or(common.direction).unwrap_or(Direction::SendRecv);
        audio.connection = connection.or(common.connection).and_then(Connection::parse);
        // RFC 3264 §8.4: an address of zeros is the old way to say that nothing is to be sent.
        let blackhole = matches!(audio.connection, Some(Connection::Address(address)) if address.is_unspecified());
        audio.direction = Direction::new(stated.sends(), stated.receives() && !blackhole);
        audio
    }

    /// Where its writer receives. `local` is our end of the leg: both must be of one family.
    pub(super) fn remote(&self, local: Option<IpAddr>) -> Result<Remote, Refusal> {
        if self.media.port == 0 {
            return Ok(Remote::NOWHERE);
        }
        let address = match self.connection {
            Some(Connection::Address(address)) => address,
            Some(Connection::Name(_)) => return Err(Refusal::HOST_NAME),
            None => return Err(Refusal::CONNECTION),
        };
        if address.is_unspecified() {
            return Ok(Remote::NOWHERE);
        }
        if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(Refusal::MULTICAST);
        }
        if local.is_some_and(|local| local.is_ipv4() != address.is_ipv4()) {
            return Err(Refusal::FAMILY);
        }
        let rtcp_host = self.rtcp.and_then(|rtcp| rtcp.address).filter(|host| host.is_ipv4() == address.is_ipv4());
        let rtcp_port = self.rtcp.map_or_else(|| self.media.port.checked_add(1), |rtcp| Some(rtcp.port).filter(|port| *port != 0));
        let rtcp_host = rtcp_host.filter(|host| !host.is_unspecified() && !host.is_multicast()).unwrap_or(address);
        Ok(Remote {
            rtp: Some(SocketAddr::new(address, self.media.port)),
            rtcp: rtcp_port.map(|port| SocketAddr::new(rtcp_host, port)),
            host: Some(address),
        })
    }

    /// The parameters of a format, if they can be shown to another peer.
    pub(super) fn parameters(&self, format: Format) -> Option<&'a [u8]> {
        if !format.has_parameters() {
            return None;
        }
        let parameters = self.media.section().format_parameters(self.numbers.get(format)?)?;
        let is_plain = parameters.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        (is_plain && !parameters.is_empty() && parameters.len() <= MAX_PARAMETERS_BYTES).then_some(parameters)
    }

    /// The formats to go on with when `codecs` are allowed, in that order.
    fn accept(&self, terms: &Terms, codecs: impl Iterator<Item = Codec>) -> Result<FormatList, Refusal> {
        if self.media.port == 0 {
            return Err(Refusal::NO_AUDIO);
        }
        self.check_protocol(terms.anchored)?;
        if terms.anchored {
            self.remote(terms.local)?;
        }
        let formats = self.formats.restrict(codecs);
        if formats.codec().is_none() { Err(Refusal::NO_CODEC) } else { Ok(formats) }
    }

    /// Between the peers any RTP may flow; through us only the plain one does.
    pub(super) fn check_protocol(&self, anchored: bool) -> Result<(), Refusal> {
        let proto = self.media.proto;
        let plain = proto.eq_ignore_ascii_case("RTP/AVP");
        let any = proto.split('/').any(|part| part.eq_ignore_ascii_case("RTP"));
        if plain || (any && !anchored) { Ok(()) } else { Err(Refusal::PROTOCOL) }
    }
}

/// The audio line to go on with, and its formats: the line that was used before if it will do, else the first that does.
pub(super) fn choose<'a, C: Iterator<Item = Codec>>(
    description: &Description<'a>,
    terms: &Terms,
    codecs: impl Fn() -> C,
) -> Result<(usize, Audio<'a>, FormatList), Refusal> {
    let common = Common::of(description);
    let mut refusal = Refusal::NO_AUDIO;
    for index in terms.audio.into_iter().chain(0..description.media().len()) {
        let Some(media) = description.media().get(index).filter(|_| is_audio(description, index)) else { continue };
        let audio = Audio::of(*media, &common, &Numbers::NONE);
        match audio.accept(terms, codecs()) {
            Ok(formats) => return Ok((index, audio, formats)),
            Err(reason) if refusal == Refusal::NO_AUDIO => refusal = reason,
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// The audio in use, where an offer switches everything off. Some hold a call so.
pub(super) fn switched_off<'a>(description: &Description<'a>, terms: &Terms) -> Option<(usize, Audio<'a>)> {
    let index = terms.audio.filter(|index| is_audio(description, *index))?;
    if description.media().iter().any(|media| media.port != 0) {
        return None;
    }
    Some((index, Audio::read(description, index, &Numbers::NONE)?))
}

/// The `index`-th medium exists and is audio.
pub(super) fn is_audio(description: &Description<'_>, index: usize) -> bool {
    description.media().get(index).is_some_and(|media| media.kind.eq_ignore_ascii_case("audio"))
}

/// `20`, also when something follows it (`20.0`, `20 ms`).
fn milliseconds(value: &[u8]) -> Option<u16> {
    let value = value.trim_ascii_start();
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let number: u16 = str::from_utf8(&value[..end]).ok()?.parse().ok()?;
    (1..=MAX_PTIME_MS).contains(&number).then_some(number)
}
