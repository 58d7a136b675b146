//! What an audio line says, or one of fax, gathered in one pass, and whether it can be taken.

use super::{
    Refusal,
    bandwidth::ControlShares,
    format::{Format, FormatList, Numbers},
};
use crate::sdp::{Connection, Description, Direction, Line, Media, RtcpAddress, RtpMap, Section, Span, Words, number};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Milliseconds of sound that a packet may be asked to hold; more is no `ptime` but a mistake.
const MAX_PTIME_MS: u32 = 1000;

/// Bytes of `a=fmtp` parameters that are carried over.
const MAX_PARAMETERS_BYTES: usize = 512;

/// Bytes of `t=`: two numbers of 64 bits.
const MAX_TIMES_BYTES: usize = 41;

/// What a session says for all its media: read once, however many they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    section: Span,
    /// The letters of its lines, as bits.
    kinds: u64,
    /// `t=`, empty if it cannot be read.
    times: Option<Span>,
    host: Option<Host>,
    direction: Option<Direction>,
    control: ControlShares,
}

/// What `c=` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name,
    Unreadable,
}

/// An `m=` line.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaLine {
    pub(super) port: u16,
    kind: Span,
    proto: Span,
    /// The first of its formats.
    format: Span,
}

/// An audio line, or one of fax, with all that concerns it, without what it was read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    pub(super) line: MediaLine,
    section: Span,
    /// The section from its first `a=fmtp` on.
    parameters: Span,
    protocol: Protocol,
    /// `c=`, of the medium or else of the session.
    host: Option<Host>,
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
    control: ControlShares,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// `RTP/AVP`.
    Plain,
    /// RTP with feedback or keys.
    OtherRtp,
    /// `udptl` of `t38`, on an image line (ITU-T T.38 annex D).
    Fax,
    Other,
}

/// Such a line beside the text that it was read from.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) text: &'a [u8],
    pub(super) head: &'a Head,
    pub(super) stream: &'a Stream,
}

/// Where a leg wants its media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) rtp: Option<SocketAddr>,
    pub(super) rtcp: Option<SocketAddr>,
    /// Whence its packets come.
    pub(super) host: Option<IpAddr>,
    /// It wants no RTCP (RFC 3556), wherever that would go.
    pub(super) uncontrolled: bool,
}

impl Remote {
    pub(super) const NOWHERE: Remote = Remote { rtp: None, rtcp: None, host: None, uncontrolled: false };
}

impl Head {
    pub(super) fn read(text: &[u8], description: &Description<'_>) -> Head {
        let section = description.session();
        let mut head =
            Head { section: section.span(text), kinds: 0, times: None, host: None, direction: None, control: ControlShares::default() };
        for line in section.lines() {
            head.kinds |= kind_bit(line.kind);
            match line.kind {
                b'c' => head.host = head.host.or_else(|| Some(Host::read(line.value))),
                b'b' => head.control.note(line.value),
                b't' if head.times.is_none() => {
                    head.times = Some(if is_time(line.value) { Span::of(line.value, text) } else { Span::default() });
                }
                b'a' => head.direction = head.direction.or_else(|| Direction::from_name(line.attribute()?.name)),
                _ => {}
            }
        }
        head
    }

    /// It has a line of that letter.
    pub(super) fn has(&self, kind: u8) -> bool {
        self.kinds & kind_bit(kind) != 0
    }

    /// `t=` of an offer, for its answer (RFC 3264 §6), if it can be read.
    pub(super) fn times<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        self.times.map(|times| times.read(text)).filter(|times| !times.is_empty())
    }
}

fn kind_bit(kind: u8) -> u64 {
    1 << (kind.wrapping_sub(b'A') & 63)
}

impl Host {
    fn read(value: &[u8]) -> Host {
        match Connection::parse(value) {
            Some(Connection::Address(address)) => Host::Address(address),
            Some(Connection::Name(_)) => Host::Name,
            None => Host::Unreadable,
        }
    }
}

impl MediaLine {
    pub(super) fn read(text: &[u8], media: &Media<'_>) -> MediaLine {
        let span = |word: &[u8]| Span::of(word, text);
        let format = media.formats().next().map_or_else(Span::default, |format| span(format.as_bytes()));
        MediaLine { port: media.port, kind: span(media.kind), proto: span(media.proto), format }
    }

    pub(super) fn proto<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        self.proto.read(text)
    }

    /// The line as an answer rejects it, without `m=`. RFC 3264 §6: it keeps its type and protocol, and any format will do.
    pub(super) fn rejected(&self, text: &[u8]) -> Box<[u8]> {
        let format = self.format.read(text);
        let format = if format.is_empty() { b"0" } else { format };
        [self.kind.read(text), b" 0 ", self.proto.read(text), b" ", format].concat().into()
    }
}

impl Protocol {
    fn of(name: &[u8]) -> Protocol {
        if name.eq_ignore_ascii_case(b"RTP/AVP") {
            return Protocol::Plain;
        }
        let is_rtp = name.split(|byte| *byte == b'/').any(|part| part.eq_ignore_ascii_case(b"RTP"));
        if is_rtp { Protocol::OtherRtp } else { Protocol::Other }
    }
}

impl Stream {
    /// Whether its writer wants its media where that other one does, and the same way.
    pub(super) fn is_at_same_place(&self, other: &Stream) -> bool {
        (self.line.port, self.host, self.direction) == (other.line.port, other.host, other.direction)
    }

    /// A dynamic number without `rtpmap` stands for what it stood for in `asked`, our offer: some leave the map out of an
    /// answer.
    pub(super) fn read(text: &[u8], media: &Media<'_>, head: &Head, asked: &Numbers) -> Stream {
        let mut audio = Stream {
            line: MediaLine::read(text, media),
            section: media.section().span(text),
            parameters: Span::default(),
            protocol: if is_fax(media) { Protocol::Fax } else { Protocol::of(media.proto) },
            host: None,
            formats: FormatList::EMPTY,
            numbers: Numbers::NONE,
            listed: 0,
            direction: Direction::SendRecv,
            ptime: None,
            maxptime: None,
            mux: false,
            rtcp: None,
            control: ControlShares::default(),
        };
        let mut stated = None;
        let mut maps: [Option<Option<Format>>; 128] = [None; 128];
        let mut lines = media.section().lines();
        loop {
            let rest = lines.rest();
            let Some(line) = lines.next() else { break };
            match line.kind {
                b'c' => audio.host = audio.host.or_else(|| Some(Host::read(line.value))),
                b'b' => audio.control.note(line.value),
                _ => {}
            }
            let Some(attribute) = line.attribute() else { continue };
            match attribute.name {
                b"rtpmap" => {
                    if let Some(map) = RtpMap::parse(attribute.value) {
                        maps[usize::from(map.payload)].get_or_insert(Format::from_map(&map));
                    }
                }
                b"fmtp" if audio.parameters.is_empty() => audio.parameters = rest.span(text),
                b"ptime" => audio.ptime = milliseconds(attribute.value),
                b"maxptime" => audio.maxptime = milliseconds(attribute.value),
                b"rtcp-mux" => audio.mux = true,
                b"rtcp" => audio.rtcp = RtcpAddress::parse(attribute.value),
                name => stated = stated.or_else(|| Direction::from_name(name)),
            }
        }
        for number in media.payloads() {
            audio.listed |= 1 << number;
            let unmapped = || Format::from_static(number).or_else(|| asked.format_of(number));
            let format = maps[usize::from(number)].unwrap_or_else(unmapped);
            if let Some(format) = format.filter(|format| !audio.formats.contains(*format)) {
                audio.formats.push(format);
                audio.numbers.set(format, number);
            }
        }
        audio.host = audio.host.or(head.host);
        audio.control = audio.control.or(head.control);
        let stated = stated.or(head.direction).unwrap_or(Direction::SendRecv);
        // RFC 3264 §8.4: an address of zeros is the old way to say that nothing is to be sent.
        let blackhole = matches!(audio.host, Some(Host::Address(address)) if address.is_unspecified());
        audio.direction = Direction::new(stated.sends(), stated.receives() && !blackhole);
        audio
    }

    /// The parameters of a format, if they can be shown to another peer. `text` is what it was read from.
    pub(super) fn parameters<'a>(&self, text: &'a [u8], format: Format) -> Option<&'a [u8]> {
        if !format.has_parameters() {
            return None;
        }
        let parameters = Section::again(self.parameters, text).format_parameters(self.numbers.get(format)?)?;
        (is_plain(parameters) && !parameters.is_empty() && parameters.len() <= MAX_PARAMETERS_BYTES).then_some(parameters)
    }

    /// It carries fax instead of audio.
    pub(super) fn is_fax(&self) -> bool {
        self.protocol == Protocol::Fax
    }

    /// Where its writer receives. `local` is our end of the leg: both must be of one family.
    pub(super) fn remote(&self, local: Option<IpAddr>) -> Result<Remote, Refusal> {
        let port = self.line.port;
        if port == 0 {
            return Ok(Remote::NOWHERE);
        }
        let address = match self.host {
            Some(Host::Address(address)) => address,
            Some(Host::Name) => return Err(Refusal::HOST_NAME),
            Some(Host::Unreadable) | None => return Err(Refusal::CONNECTION),
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
        if self.is_fax() {
            return Ok(Remote { rtp: Some(SocketAddr::new(address, port)), host: Some(address), ..Remote::NOWHERE });
        }
        let rtcp_host = self.rtcp.and_then(|rtcp| rtcp.address).filter(|host| host.is_ipv4() == address.is_ipv4());
        let rtcp_port = self.rtcp.map_or_else(|| port.checked_add(1), |rtcp| Some(rtcp.port).filter(|port| *port != 0));
        let rtcp_host = rtcp_host.filter(|host| !host.is_unspecified() && !host.is_multicast()).unwrap_or(address);
        Ok(Remote {
            rtp: Some(SocketAddr::new(address, port)),
            rtcp: rtcp_port.map(|port| SocketAddr::new(rtcp_host, port)).filter(|_| !self.control.are_none()),
            host: Some(address),
            uncontrolled: self.control.are_none(),
        })
    }

    /// Between the peers any RTP may flow; through us only the plain one does.
    pub(super) fn check_protocol(&self, anchored: bool) -> Result<(), Refusal> {
        match self.protocol {
            Protocol::Plain | Protocol::Fax => Ok(()),
            Protocol::OtherRtp if !anchored => Ok(()),
            Protocol::OtherRtp | Protocol::Other => Err(Refusal::PROTOCOL),
        }
    }
}

impl<'a> Heard<'a> {
    /// The lines of its session.
    pub(super) fn session(&self) -> Section<'a> {
        Section::again(self.head.section, self.text)
    }

    /// The lines behind `m=`.
    pub(super) fn section(&self) -> Section<'a> {
        Section::again(self.stream.section, self.text)
    }

    /// What the line says of fax, for the other side to read as it is: `T38FaxVersion` and all its like, whatever their case.
    pub(super) fn fax_attributes(&self) -> impl Iterator<Item = Line<'a>> {
        let is_of_fax = |line: &Line<'_>| {
            line.attribute().and_then(|attribute| attribute.name.get(..3)).is_some_and(|start| start.eq_ignore_ascii_case(b"t38"))
        };
        self.section().lines().filter(move |line| is_of_fax(line) && is_plain(line.value))
    }

    /// The parameters of a format, if they can be shown to another peer.
    pub(super) fn parameters(&self, format: Format) -> Option<&'a [u8]> {
        self.stream.parameters(self.text, format)
    }
}

fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// RFC 3362, and ITU-T T.38 annex D for the line that it stands in. TCP and RTP may carry it too; both are another matter.
pub(super) fn is_fax(media: &Media<'_>) -> bool {
    media.kind.eq_ignore_ascii_case(b"image")
        && media.proto.eq_ignore_ascii_case(b"udptl")
        && media.formats().next().is_some_and(|format| format.eq_ignore_ascii_case("t38"))
}

/// `20`, also when something follows it (`20.0`, `20 ms`).
fn milliseconds(value: &[u8]) -> Option<u16> {
    let word = Words::of(value).next()?;
    let digits = word.iter().position(|byte| !byte.is_ascii_digit()).map_or(word, |end| &word[..end]);
    number(digits).filter(|number| (1..=MAX_PTIME_MS).contains(number)).map(|number| number as u16)
}

fn is_time(value: &[u8]) -> bool {
    value.len() <= MAX_TIMES_BYTES && value.contains(&b' ') && value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
}
