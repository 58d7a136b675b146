//! The descriptions that we write: one line of ours, of audio or fax, among the lines that the leg's session has had.

use super::{
    format::{FormatList, Numbers},
    leg::LegMedia,
    read::Heard,
    received::Offer,
    wishes::Like,
};
use crate::sdp::{Attribute, Direction, Line, MAX_MEDIA_LINES, Writer, split_payload};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tandem_model::LocalEndpoint;

/// What an ordinary description of ours takes.
const USUAL_BYTES: usize = 384;

/// `t=` of a session without bounds.
pub(super) const ALWAYS: &[u8] = b"0 0";

/// What remains of a line in the session of a leg that turned to the other.
const REJECTED_AUDIO: &[u8] = b"audio 0 RTP/AVP 0";
pub(super) const REJECTED_FAX: &[u8] = b"image 0 udptl t38";

/// How the lines of either begin.
const AUDIO_KIND: &[u8] = b"audio ";
const FAX_KIND: &[u8] = b"image ";

/// Where nothing is known: no address, as browsers write it (RFC 8829 §5.2.1).
const NO_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The `m=` lines of a leg's session: never fewer with time (RFC 3264 §8).
#[derive(Clone, Debug)]
pub(super) struct Layout {
    live: usize,
    /// The other lines in their order, as they are printed: `video 0 RTP/AVP 31`.
    others: Vec<Box<[u8]>>,
}

impl Layout {
    /// Audio alone.
    pub(super) const AUDIO: Layout = Layout { live: 0, others: Vec::new() };

    /// The `live`-th line is the one in use.
    pub(super) fn new(live: usize, others: Vec<Box<[u8]>>) -> Layout {
        Layout { live, others }
    }

    /// Which line is in use.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// The same lines with another one in use, between audio and fax: one that was rejected before, or one more at the end.
    /// So there is never more than one line of each more than the leg itself has ever had.
    pub(super) fn turned(&self, to_fax: bool) -> Layout {
        let (left, wanted) = if to_fax { (REJECTED_AUDIO, FAX_KIND) } else { (REJECTED_FAX, AUDIO_KIND) };
        let mut lines = self.others.clone();
        lines.insert(self.live.min(lines.len()), left.into());
        let is_wanted = |line: &[u8]| line.get(..wanted.len()).is_some_and(|kind| kind.eq_ignore_ascii_case(wanted));
        match lines.iter().position(|line| is_wanted(line)) {
            Some(live) => {
                lines.remove(live);
                Layout { live, others: lines }
            }
            // Where no line may be added, the one in use changes its type.
            None if lines.len() == MAX_MEDIA_LINES => self.clone(),
            None => Layout { live: lines.len(), others: lines },
        }
    }

    /// The same lines with more behind them, of audio or fax, that were rejected: up to so many.
    pub(super) fn with_rejected(&self, lines: usize, fax: bool) -> Layout {
        let mut others = self.others.clone();
        let rejected = if fax { REJECTED_FAX } else { REJECTED_AUDIO };
        others.resize_with(others.len().max(lines.min(MAX_MEDIA_LINES).saturating_sub(1)), || rejected.into());
        Layout { live: self.live, others }
    }

    /// The lines from that one on, which is behind the one in use.
    fn from(&self, line: usize) -> &[Box<[u8]>] {
        self.others.get(line.saturating_sub(1)..).unwrap_or_default()
    }

    /// Prints the lines, `live` where it belongs. `behind` follows each rejected line.
    fn print(&self, writer: &mut Writer, behind: Option<Line<'_>>, live: impl FnOnce(&mut Writer)) {
        let print_others = |writer: &mut Writer, others: &[Box<[u8]>]| {
            for other in others {
                print_rejected(writer, other);
                if let Some(line) = behind {
                    writer.line(line);
                }
            }
        };
        let (before, after) = self.others.split_at(self.live.min(self.others.len()));
        print_others(writer, before);
        live(writer);
        print_others(writer, after);
    }
}

/// Our end of a line.
pub(super) enum End<'a> {
    /// Its address and port.
    Open(SocketAddr),
    /// None: the line of the offer is rejected, and this is what remains of it.
    Rejected(&'a [u8]),
}

/// A line of ours.
pub(super) struct OurLine<'a> {
    pub(super) end: End<'a>,
    pub(super) formats: FormatList,
    pub(super) numbers: Numbers,
    /// Whose parameters and packet times are carried over.
    pub(super) like: Like<'a>,
    pub(super) direction: Direction,
    pub(super) mux: bool,
    /// It is one of fax: codecs and RTCP are not its matter.
    pub(super) fax: bool,
    /// Where our RTCP is, if that must be said (RFC 3605).
    pub(super) rtcp: Option<SocketAddr>,
}

/// Writes a description with our address for `leg`. `times` is what `t=` says.
pub(super) fn write(leg: &mut LegMedia, address: IpAddr, times: &[u8], layout: &Layout, line: &OurLine<'_>) -> Arc<[u8]> {
    let (mut writer, tail) = begin_with(leg, Some(address), times);
    let asked = leg.ptime_ms;
    layout.print(&mut writer, None, |writer| line.print(writer, asked));
    leg.stamp(writer, tail)
}

fn print_rejected(writer: &mut Writer, line: &[u8]) {
    writer.text("m=").bytes(line).end();
}

impl OurLine<'_> {
    /// `asked_ms` is what the leg is asked to send, whatever is carried over.
    fn print(&self, writer: &mut Writer, asked_ms: Option<u8>) {
        let local = match self.end {
            End::Open(local) => local,
            End::Rejected(line) => return print_rejected(writer, line),
        };
        if self.fax {
            return self.print_fax(writer, local.port());
        }
        writer.text("m=audio ").number(local.port().into()).text(" RTP/AVP");
        let listed = || self.formats.iter().filter_map(|format| Some((format, self.numbers.get(format)?)));
        listed().for_each(|(_, number)| _ = writer.text(" ").number(number.into()));
        writer.end();
        for (format, number) in listed() {
            writer.text("a=rtpmap:").number(number.into()).text(" ").text(format.mapping()).end();
            if let Some(parameters) = self.like.parameters(format) {
                writer.text("a=fmtp:").number(number.into()).text(" ").bytes(parameters).end();
            }
        }
        let (wanted, maxptime) = self.like.packets();
        let asked = asked_ms.map(u16::from);
        // What comes in longer packets than the other leg takes is cut for it.
        let maxptime = maxptime.filter(|most| asked.is_none_or(|asked| asked <= *most));
        if let Some(ptime) = asked.or(wanted) {
            writer.text("a=ptime:").number(ptime.into()).end();
        }
        if let Some(maxptime) = maxptime {
            writer.text("a=maxptime:").number(maxptime.into()).end();
        }
        writer.text("a=").text(self.direction.as_str()).end();
        if let Some(rtcp) = self.rtcp {
            writer.text("a=rtcp:").number(rtcp.port().into()).text(" ").address(rtcp.ip()).end();
        }
        if self.mux {
            writer.text("a=rtcp-mux\r\n");
        }
    }

    fn print_fax(&self, writer: &mut Writer, port: u16) {
        writer.text("m=image ").number(port.into()).text(" udptl t38\r\n");
        if let Like::Heard(like) = self.like {
            like.fax_attributes().for_each(|line| writer.line(line));
        }
        // Some machines for fax know no directions, and this is what silence means.
        if self.direction != Direction::SendRecv {
            writer.text("a=").text(self.direction.as_str()).end();
        }
    }
}

/// Writes `source` on to `leg` where media flows between the peers: addresses, ports, candidates and keys stay, the
/// other media and codecs that are not in `formats` go, and the origin is ours.
pub(super) fn pass(leg: &mut LegMedia, heard: &Heard<'_>, formats: &FormatList, layout: &Layout) -> Arc<[u8]> {
    let (mut writer, tail) = begin(leg, None);
    let session = heard.session();
    let print = |writer: &mut Writer, kind: u8, is_kept: fn(&Line<'_>) -> bool| {
        if heard.head.has(kind) {
            session.lines().filter(|line| line.kind == kind && is_kept(line)).for_each(|line| writer.line(line));
        }
    };
    print(&mut writer, b'c', |_| true);
    print(&mut writer, b'b', |_| true);
    writer.text("t=").bytes(heard.head.times(heard.text).unwrap_or(ALWAYS)).end();
    // Groups name the media by their `mid`; all but one of them stay behind.
    print(&mut writer, b'a', |line| line.attribute().is_some_and(|attribute| attribute.name != b"group"));
    let own_connection = if heard.head.has(b'c') { None } else { heard.section().lines().find(|line| line.kind == b'c') };
    layout.print(&mut writer, own_connection, |writer| pass_stream(writer, heard, formats));
    leg.stamp(writer, tail)
}

fn pass_stream(writer: &mut Writer, heard: &Heard<'_>, formats: &FormatList) {
    let line = &heard.stream.line;
    if heard.stream.is_fax() && line.port != 0 {
        return pass_fax(writer, heard);
    }
    let numbers = || formats.iter().filter_map(|format| heard.stream.numbers.get(format));
    let kept = numbers().fold(0u128, |kept, number| kept | 1 << number);
    if line.port == 0 || kept == 0 {
        return print_rejected(writer, &line.rejected(heard.text));
    }
    writer.text("m=audio ").number(line.port.into()).text(" ").bytes(line.proto(heard.text));
    numbers().for_each(|number| _ = writer.text(" ").number(number.into()));
    writer.end();
    let is_kept_number = |value: &[u8]| split_payload(value).is_some_and(|(number, _)| kept & 1 << number != 0);
    let concerns_us = |attribute: Attribute<'_>| match attribute.name {
        b"rtpmap" | b"fmtp" => is_kept_number(attribute.value),
        b"rtcp-fb" => attribute.value.trim_ascii_start().starts_with(b"*") || is_kept_number(attribute.value),
        _ => true,
    };
    let is_kept = |line: &Line<'_>| matches!(line.kind, b'c' | b'b') || line.attribute().is_some_and(concerns_us);
    heard.section().lines().filter(is_kept).for_each(|line| writer.line(line));
}

fn pass_fax(writer: &mut Writer, heard: &Heard<'_>) {
    writer.text("m=image ").number(heard.stream.line.port.into()).text(" udptl t38\r\n");
    heard.section().lines().filter(|line| matches!(line.kind, b'a' | b'b' | b'c')).for_each(|line| writer.line(line));
}

/// RFC 3605 §2: only RTCP that is not on the next port must be told of.
pub(super) fn rtcp_to_state(local: LocalEndpoint) -> Option<SocketAddr> {
    let next = local.rtp.port().checked_add(1).map(|port| SocketAddr::new(local.rtp.ip(), port));
    (next != Some(local.rtcp)).then_some(local.rtcp)
}

/// Declines everything that `offer` holds.
pub(super) fn decline(leg: &mut LegMedia, offer: &Offer) -> Arc<[u8]> {
    let local = leg.local().map(|local| local.rtp.ip());
    leg.keep_lines_of(offer);
    let (mut writer, tail) = begin_with(leg, local, offer.times().unwrap_or(ALWAYS));
    offer.rejected_lines().for_each(|line| print_rejected(&mut writer, &line));
    leg.stamp(writer, tail)
}

/// A description that `leg` was sent before, with the lines of `layout` behind it that were rejected since.
pub(super) fn again(leg: &mut LegMedia, said: &[u8], layout: &Layout) -> Option<Arc<[u8]>> {
    // Behind `o=- id version `.
    let (behind, _) = said.iter().enumerate().filter(|(_, byte)| **byte == b' ').nth(2)?;
    let (mut writer, tail) = begin_origin(leg);
    writer.bytes(said.get(behind + 1..)?);
    let count = said.windows(3).filter(|text| text == b"\nm=").count();
    layout.from(count).iter().for_each(|line| print_rejected(&mut writer, line));
    Some(leg.stamp(writer, tail))
}

/// A description of ours in another direction: the line in use is the only one that has attributes.
pub(super) fn directed(said: &[u8], direction: Direction) -> Option<Vec<u8>> {
    let is_direction = |line: &&[u8]| line.strip_prefix(b"a=").and_then(Direction::from_name).is_some();
    let before = said.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end()).find(is_direction)?;
    let at = said.windows(before.len()).position(|text| text == before)?;
    Some([&said[..at], b"a=", direction.as_str().as_bytes(), &said[at + before.len()..]].concat())
}

/// The lines of a session whose media comes from us.
fn begin_with(leg: &LegMedia, address: Option<IpAddr>, times: &[u8]) -> (Writer, usize) {
    let (mut writer, tail) = begin(leg, address);
    writer.text("c=").address(address.unwrap_or(NO_ADDRESS)).text("\r\nt=").bytes(times).end();
    (writer, tail)
}

/// The lines up to the name, with the version tentatively one up; what counts as a change begins at the offset. Without an
/// address of our media the origin is that of our signalling.
fn begin(leg: &LegMedia, address: Option<IpAddr>) -> (Writer, usize) {
    let (mut writer, tail) = begin_origin(leg);
    match (address, leg.origin()) {
        (Some(address), _) => writer.address(address),
        (None, Some(host)) => match host.parse() {
            Ok(address) => writer.address(address),
            // RFC 8866 §5.2: a name may stand for the address.
            Err(_) => writer.text("IN IP4 ").text(host),
        },
        (None, None) => writer.address(NO_ADDRESS),
    };
    writer.text("\r\ns=-\r\n");
    (writer, tail)
}

fn begin_origin(leg: &LegMedia) -> (Writer, usize) {
    let mut writer = Writer::with_capacity(USUAL_BYTES);
    writer.text("v=0\r\no=- ").number(leg.session_id()).text(" ").number(leg.next_version()).text(" ");
    let tail = writer.len();
    (writer, tail)
}
