//! Lines to sections. Strict where a word could be copied to another peer, lenient elsewhere.

use super::{
    Attribute, Line, Lines, MAX_DESCRIPTION_BYTES, MAX_FORMATS, MAX_MEDIA_LINES, MAX_TOKEN_BYTES, Writer,
    line::split_line,
    span::Span,
    words::{Words, payload_number, port},
};
use std::{fmt, str};

/// A session description over the text it was parsed from.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    session: Section<'a>,
    media: Vec<Media<'a>>,
}

/// A run of whole lines: those before the first `m=`, or those after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a>(pub(super) &'a [u8]);

/// One `m=` line and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, …
    pub kind: &'a [u8],
    /// The transport port; 0 means that the medium is not wanted.
    pub port: u16,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, …
    pub proto: &'a [u8],
    formats: &'a str,
    text: &'a [u8],
    section: Section<'a>,
}

/// Why a text is no session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SdpError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: SdpErrorKind,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdpErrorKind {
    /// More than [`MAX_DESCRIPTION_BYTES`].
    TooLong,
    /// The text does not begin with `v=0`.
    Version,
    /// Not a letter, `=` and a value.
    NotALine,
    /// NUL, or a carriage return that ends no line: it could be read as two lines elsewhere.
    ControlByte,
    /// `m=` without media type, port and protocol, or with one that is too long.
    Media,
    /// More than [`MAX_MEDIA_LINES`].
    TooManyMedia,
}

impl<'a> Description<'a> {
    /// Parses a text. Lines may end in LF alone, and lines that RFC 8866 demands may be missing, `v=0` excepted.
    pub fn parse(text: &'a [u8]) -> Result<Self, SdpError> {
        if text.len() > MAX_DESCRIPTION_BYTES {
            return Err(SdpError { line: 1, kind: SdpErrorKind::TooLong });
        }
        let mut media: Vec<Media<'a>> = Vec::with_capacity(1);
        let (mut session_end, mut section_start, mut number, mut has_version) = (None, 0, 0, false);
        let mut rest = text;
        while !rest.is_empty() {
            number += 1;
            let start = text.len() - rest.len();
            let error = |kind| SdpError { line: number, kind };
            let content = split_line(&mut rest).map_err(error)?;
            if content.is_empty() {
                continue;
            }
            let line = Line::read(content).ok_or(error(SdpErrorKind::NotALine))?;
            if !has_version && (line.kind != b'v' || line.value.trim_ascii_end() != b"0") {
                return Err(error(SdpErrorKind::Version));
            }
            has_version = true;
            if line.kind != b'm' {
                continue;
            }
            if media.len() == MAX_MEDIA_LINES {
                return Err(error(SdpErrorKind::TooManyMedia));
            }
            match media.last_mut() {
                Some(before) => before.section = Section(&text[section_start..start]),
                None => session_end = Some(start),
            }
            media.push(Media::read(line.value).ok_or(error(SdpErrorKind::Media))?);
            section_start = text.len() - rest.len();
        }
        if let Some(last) = media.last_mut() {
            last.section = Section(&text[section_start..]);
        }
        let session = Section(&text[..session_end.unwrap_or(text.len())]);
        if !has_version {
            return Err(SdpError { line: 1, kind: SdpErrorKind::Version });
        }
        Ok(Description { session, media })
    }

    /// The lines before the first medium.
    pub fn session(&self) -> Section<'a> {
        self.session
    }

    /// The media, in their order.
    pub fn media(&self) -> &[Media<'a>] {
        &self.media
    }

    /// Prints every line as it was, each ended by CRLF.
    pub fn write_to(&self, writer: &mut Writer) {
        self.session.lines().for_each(|line| writer.line(line));
        for media in &self.media {
            writer.line(Line { kind: b'm', value: media.text });
            media.section.lines().for_each(|line| writer.line(line));
        }
    }
}

impl<'a> Section<'a> {
    /// A section that was parsed before.
    pub(crate) fn again(span: Span, text: &'a [u8]) -> Section<'a> {
        Section(span.read(text))
    }

    /// Where it lies in the text of its description.
    pub(crate) fn span(self, text: &[u8]) -> Span {
        Span::of(self.0, text)
    }

    /// Its lines, in their order.
    pub fn lines(self) -> Lines<'a> {
        Lines(self.0)
    }

    /// The first line of that kind.
    pub fn line(self, kind: u8) -> Option<&'a [u8]> {
        self.lines().find(|line| line.kind == kind).map(|line| line.value)
    }

    /// Its `a=` lines, in their order.
    pub fn attributes(self) -> impl Iterator<Item = Attribute<'a>> {
        self.lines().filter_map(Line::attribute)
    }

    /// The value of the first attribute of that name.
    pub fn attribute(self, name: &[u8]) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.name == name).map(|attribute| attribute.value)
    }
}

impl<'a> Media<'a> {
    /// It carries sound.
    pub fn is_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case(b"audio")
    }

    /// The formats as written: payload numbers for RTP.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.formats.split_ascii_whitespace()
    }

    /// Those that are payload numbers, of the first [`MAX_FORMATS`].
    pub(crate) fn payloads(&self) -> impl Iterator<Item = u8> + use<'a> {
        Words::of(self.formats.as_bytes()).take(MAX_FORMATS).filter_map(payload_number)
    }

    /// The lines behind `m=`.
    pub fn section(&self) -> Section<'a> {
        self.section
    }

    /// RFC 8866 §5.14. The number of ports (`49170/2`) is read over: nothing here speaks in layers.
    fn read(value: &'a [u8]) -> Option<Media<'a>> {
        let mut words = Words::of(value);
        let mut token = || words.next().filter(|word| is_token(word));
        let (kind, ports, proto) = (token()?, token()?, token()?);
        let formats = str::from_utf8(words.rest()).ok()?;
        if words.next().is_some_and(|format| format.len() > MAX_TOKEN_BYTES) {
            return None;
        }
        let digits = ports.split(|byte| *byte == b'/').next()?;
        Some(Media { kind, port: port(digits)?, proto, formats, text: value, section: Section(&[]) })
    }
}

/// A word that may be copied to another peer.
fn is_token(word: &[u8]) -> bool {
    word.len() <= MAX_TOKEN_BYTES && word.iter().all(u8::is_ascii_graphic)
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session description, line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for SdpErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SdpErrorKind::TooLong => "too long",
            SdpErrorKind::Version => "does not begin with v=0",
            SdpErrorKind::NotALine => "not of the form x=value",
            SdpErrorKind::ControlByte => "holds a control byte",
            SdpErrorKind::Media => "bad m= line",
            SdpErrorKind::TooManyMedia => "too many m= lines",
        })
    }
}
