//! Bytes to [`Message`]: one pass over the header section that notes where every line lies.

use super::chars::{self, TOKEN};
use super::error::{ParseError, ParseErrorKind};
use super::essentials::Essentials;
use super::headers::number;
use super::store::Store;
use super::{HeaderName, Message, Method};
use bytes::Bytes;

/// Bytes that a message may have: what a UDP datagram can carry.
pub const MAX_MESSAGE: usize = 65_535;

/// Header lines that a message may have.
pub const MAX_HEADERS: usize = 128;

/// Header lines whose places are kept in the message itself; the lines after them are scanned again when asked for.
const INDEXED: usize = 24;

/// A start and an end in bytes from the start of the message.
pub(super) type Span = (u16, u16);

/// The first line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Request { method: Method, token: Span, uri: Span },
    Response { status: u16, reason: Span },
}

/// Where one header line lies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    pub(super) start: u16,
    pub(super) name_end: u16,
    pub(super) value: u16,
    pub(super) end: u16,
}

/// Where the headers and the body lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    names: [HeaderName; INDEXED],
    lines: [Line; INDEXED],
    /// Lines in the two arrays.
    count: u8,
    /// Every name that occurs, one bit each.
    present: u128,
    /// Every name that occurs on more than one line.
    repeated: u128,
    /// Where the lines that found no place in the arrays begin, if there are any.
    tail: Option<u16>,
    pub(super) body: Span,
}

impl Index {
    const EMPTY: Index = Index {
        names: [HeaderName::Other; INDEXED],
        lines: [Line { start: 0, name_end: 0, value: 0, end: 0 }; INDEXED],
        count: 0,
        present: 0,
        repeated: 0,
        tail: None,
        body: (0, 0),
    };

    /// Whether a line of this name is there.
    pub(super) fn has(&self, name: HeaderName) -> bool {
        self.present & name.bit() != 0
    }

    /// Whether more than one line of this name is there.
    pub(super) fn repeats(&self, name: HeaderName) -> bool {
        self.repeated & name.bit() != 0
    }

    /// All lines in order.
    pub(super) fn lines<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (HeaderName, Line)> + 'a {
        let count = usize::from(self.count);
        let indexed = self.names[..count].iter().copied().zip(self.lines[..count].iter().copied());
        indexed.chain(self.tail(bytes))
    }

    /// All lines of one name in order.
    pub(super) fn named<'a>(&'a self, bytes: &'a [u8], name: HeaderName) -> impl Iterator<Item = Line> + 'a {
        let count = if !self.has(name) { 0 } else { usize::from(self.count) };
        let tail = self.tail.filter(|_| count > 0).map(|_| self.tail(bytes)).into_iter().flatten();
        let indexed = self.names[..count].iter().copied().zip(self.lines[..count].iter().copied());
        indexed.chain(tail).filter(move |(found, _)| *found == name).map(|(_, line)| line)
    }

    /// The first line of one name.
    pub(super) fn first(&self, bytes: &[u8], name: HeaderName) -> Option<Line> {
        if !self.has(name) {
            return None;
        }
        match self.names[..usize::from(self.count)].iter().position(|found| *found == name) {
            Some(place) => Some(self.lines[place]),
            None => self.tail(bytes).find(|(found, _)| *found == name).map(|(_, line)| line),
        }
    }

    fn tail<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (HeaderName, Line)> + use<'a> {
        let mut at = self.tail.map(usize::from);
        std::iter::from_fn(move || {
            loop {
                match scan(bytes, at?, &mut Flaws::default()) {
                    Scanned::Header { name, line, next, .. } => {
                        at = Some(next);
                        return Some((name, line));
                    }
                    Scanned::Broken { next, .. } => at = Some(next),
                    Scanned::End { .. } | Scanned::Unended => return None,
                }
            }
        })
    }
}

/// What lies at the start of a line of the header section.
enum Scanned {
    Header {
        name: HeaderName,
        line: Line,
        next: usize,
    },
    /// No name and colon at `next - …`: skipped.
    Broken {
        position: usize,
        next: usize,
    },
    /// The empty line; where the body begins, and whether CRLF ended it.
    End {
        body: usize,
        clean: bool,
    },
    /// The bytes ran out.
    Unended,
}

impl Message {
    /// Reads a message that fills `datagram`, but for line ends before it and what follows its Content-Length. An error
    /// means that there is nothing to answer; whatever else is wrong is the message's [`Message::defect`].
    pub fn parse(datagram: Bytes) -> Result<Message, ParseError> {
        if datagram.len() > MAX_MESSAGE {
            return Err(ParseError::new(MAX_MESSAGE, ParseErrorKind::TooLarge));
        }
        let head = &datagram[..];
        // §7.5: line ends before the start line are ignored.
        let first = head.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
        let first = first.ok_or(ParseError::new(0, ParseErrorKind::Empty))?;
        let mut flaws = Flaws::default();
        let (line_end, next) = line_end(head, first, &mut flaws);
        // §25.1: nothing is quoted in a start line.
        flaws.control = flaws.control.or(flaws.escaped);
        let mut defect = None;
        let start = start_line(head, first, line_end, &mut defect)?;
        let mut index = Index::EMPTY;
        let end = read_headers(head, next, &mut index, &mut flaws, &mut defect);
        let store = Store::new(datagram);
        if let Some(place) = store.not_text(end) {
            note(&mut defect, place, ParseErrorKind::NotUtf8);
        }
        let mut message = Message { store, start, index, essentials: Essentials::default(), defect };
        message.essentials = Essentials::of(&message);
        Ok(message)
    }
}

/// Notes `kind` unless something was noted before.
#[cold]
fn note(defect: &mut Option<ParseError>, position: usize, kind: ParseErrorKind) {
    defect.get_or_insert(ParseError::new(position, kind));
}

/// Notes where all lies; answers where the header section ends.
fn read_headers(bytes: &[u8], start: usize, index: &mut Index, flaws: &mut Flaws, defect: &mut Option<ParseError>) -> usize {
    let mut at = start;
    let mut total = 0;
    let mut length = Length::Missing;
    let mut length_at = 0;
    let body = loop {
        let scanned = scan(bytes, at, flaws);
        if let Some(place) = flaws.line_end.take() {
            note(defect, place, ParseErrorKind::LineEnd);
        }
        match scanned {
            Scanned::Header { name, line, next } => {
                total += 1;
                if total > MAX_HEADERS {
                    note(defect, at, ParseErrorKind::TooManyHeaders);
                    break bytes.len();
                }
                index.add(name, line);
                if name == HeaderName::ContentLength {
                    length_at = usize::from(line.value);
                    length = length.and(number(&bytes[length_at..usize::from(line.end)]));
                }
                at = next;
            }
            Scanned::Broken { position, next } => {
                note(defect, position, ParseErrorKind::HeaderLine);
                total += 1;
                at = next;
            }
            Scanned::End { body, clean } => {
                if !clean {
                    note(defect, at, ParseErrorKind::LineEnd);
                }
                at = body;
                break body;
            }
            Scanned::Unended => {
                note(defect, bytes.len(), ParseErrorKind::Unended);
                at = bytes.len();
                break bytes.len();
            }
        }
    };
    if let Some(place) = flaws.control {
        note(defect, place, ParseErrorKind::Control);
    }
    let mut end = bytes.len();
    match length {
        Length::Bad => note(defect, length_at, ParseErrorKind::ContentLength),
        Length::Body(length) if length > end - body => note(defect, length_at, ParseErrorKind::ShortBody),
        // §18.3: what follows in a datagram is discarded.
        Length::Body(length) => end = body + length,
        Length::Missing => {}
    }
    index.body = (offset(body), offset(end));
    at
}

/// What a header section says of the length of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes.
    Body(usize),
    /// Nothing.
    Missing,
    /// No number, or two that differ.
    Bad,
}

/// Reads the length of the body from a header section that begins with its start line.
pub(super) fn declared_length(head: &[u8]) -> Length {
    let flaws = &mut Flaws::default();
    let (_, mut at) = line_end(head, 0, flaws);
    let mut length = Length::Missing;
    loop {
        match scan(head, at, flaws) {
            Scanned::Header { name, line, next, .. } => {
                at = next;
                if name == HeaderName::ContentLength {
                    length = length.and(number(&head[usize::from(line.value)..usize::from(line.end)]));
                }
            }
            Scanned::Broken { next, .. } => at = next,
            Scanned::End { .. } | Scanned::Unended => return length,
        }
    }
}

impl Length {
    /// Takes one more Content-Length.
    fn and(self, digits: Option<u32>) -> Length {
        let new = digits.map_or(Length::Bad, |length| Length::Body(usize::try_from(length).unwrap_or(usize::MAX)));
        if self == Length::Missing || self == new { new } else { Length::Bad }
    }
}

impl Index {
    fn add(&mut self, name: HeaderName, line: Line) {
        self.repeated |= self.present & name.bit();
        self.present |= name.bit();
        let count = usize::from(self.count);
        if count < INDEXED {
            self.names[count] = name;
            self.lines[count] = line;
            self.count += 1;
        } else if self.tail.is_none() {
            self.tail = Some(line.start);
        }
    }
}

/// Reads the line at `at`.
fn scan(bytes: &[u8], at: usize, flaws: &mut Flaws) -> Scanned {
    match bytes.get(at) {
        None => return Scanned::Unended,
        Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => return Scanned::End { body: at + 2, clean: true },
        Some(b'\n') => return Scanned::End { body: at + 1, clean: false },
        Some(_) => {}
    }
    let name_end = at + chars::run(&bytes[at..], TOKEN);
    let mut colon = name_end;
    while matches!(bytes.get(colon), Some(b' ' | b'\t')) {
        colon += 1;
    }
    let (mut end, mut next) = line_end(bytes, colon, flaws);
    // §7.3.1: a line that begins with white space goes on with the one before.
    while matches!(bytes.get(next), Some(b' ' | b'\t')) {
        (end, next) = line_end(bytes, next, flaws);
    }
    if name_end == at || bytes.get(colon) != Some(&b':') {
        return Scanned::Broken { position: colon.min(end), next };
    }
    let mut value = colon + 1;
    while value < end && chars::is(bytes[value], chars::SPACE) {
        value += 1;
    }
    while end > value && chars::is(bytes[end - 1], chars::SPACE) {
        end -= 1;
    }
    let line = Line { start: offset(at), name_end: offset(name_end), value: offset(value), end: offset(end) };
    Scanned::Header { name: HeaderName::from_bytes(&bytes[at..name_end]), line, next }
}

/// What is wrong with the bytes themselves, whatever they say.
#[derive(Clone, Copy, Debug, Default)]
struct Flaws {
    /// A CR or LF that stands alone.
    line_end: Option<usize>,
    /// A control character that is no white space and has no backslash before it.
    control: Option<usize>,
    /// One that has.
    escaped: Option<usize>,
}

/// The end of the line at `from` and the start of the next one.
fn line_end(bytes: &[u8], from: usize, flaws: &mut Flaws) -> (usize, usize) {
    let mut at = from;
    while let Some(place) = chars::control(bytes, at) {
        match bytes[place] {
            b'\r' if bytes.get(place + 1) == Some(&b'\n') => return (place, place + 2),
            b'\n' => {
                flaws.line_end.get_or_insert(place);
                return (place, place + 1);
            }
            b'\r' => {
                flaws.line_end.get_or_insert(place);
            }
            b'\t' => {}
            _ if place > 0 && bytes[place - 1] == b'\\' => flaws.escaped = Some(place),
            _ => {
                flaws.control.get_or_insert(place);
            }
        }
        at = place + 1;
    }
    (bytes.len(), bytes.len())
}

/// Reads the first line; an error if it is not SIP at all.
fn start_line(bytes: &[u8], start: usize, end: usize, defect: &mut Option<ParseError>) -> Result<Start, ParseError> {
    let line = &bytes[start..end];
    if line.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"SIP/")) {
        return Ok(status_line(bytes, start, end, defect));
    }
    let token_end = start + chars::run(line, TOKEN);
    let not_sip = ParseError::new(start, ParseErrorKind::NotSip);
    if token_end == start || bytes.get(token_end) != Some(&b' ') {
        return Err(not_sip);
    }
    // The version is the last word: white space after it, or inside the URI, must not hide that this is SIP.
    let trimmed = start + line.iter().rposition(|byte| !chars::is(*byte, chars::SPACE)).map_or(0, |last| last + 1);
    let version = memchr::memrchr(b' ', &bytes[start..trimmed]).map_or(start, |space| start + space + 1);
    if !bytes[version..trimmed].get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"SIP/")) || version <= token_end {
        return Err(not_sip);
    }
    check_version(&bytes[version..trimmed], version, defect);
    let uri = (token_end + 1, (version - 1).max(token_end + 1));
    if trimmed != end || uri.0 == uri.1 {
        note(defect, uri.1, ParseErrorKind::StartLine);
    } else if let Some(place) = bytes[uri.0..uri.1].iter().position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>' | b'"')) {
        note(defect, uri.0 + place, ParseErrorKind::StartLine);
    }
    let token = &bytes[start..token_end];
    Ok(Start::Request { method: Method::from_bytes(token), token: (offset(start), offset(token_end)), uri: (offset(uri.0), offset(uri.1)) })
}

fn status_line(bytes: &[u8], start: usize, end: usize, defect: &mut Option<ParseError>) -> Start {
    let line = &bytes[start..end];
    let version_end = memchr::memchr(b' ', line).map_or(end, |space| start + space);
    check_version(&bytes[start..version_end], start, defect);
    let code = (version_end + 1).min(end);
    let code_end = code + bytes[code..end].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(end - code);
    let status = number(&bytes[code..code_end]).filter(|status| code_end - code == 3 && (100..700).contains(status));
    // §7.2 wants a space after the status even if there is no phrase; its absence hurts nobody.
    if status.is_none() || !matches!(bytes[code_end..end].first(), None | Some(b' ')) {
        note(defect, code, ParseErrorKind::StartLine);
    }
    let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    Start::Response { status, reason: (offset((code_end + 1).min(end)), offset(end)) }
}

/// §7.1: `SIP/2.0`, compared without case.
fn check_version(version: &[u8], position: usize, defect: &mut Option<ParseError>) {
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return;
    }
    let number = version.get(4..).unwrap_or_default();
    let dotted = number.iter().filter(|byte| **byte == b'.').count() == 1 && number.first() != Some(&b'.') && number.last() != Some(&b'.');
    let is_version = dotted && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    note(defect, position, if is_version { ParseErrorKind::Version } else { ParseErrorKind::StartLine });
}

/// Fits by [`MAX_MESSAGE`].
pub(super) fn offset(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}
