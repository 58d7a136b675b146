//! Text to sections. Strict where a line could be mistaken for two or be copied to another peer, lenient elsewhere.

use super::{MAX_DESCRIPTION_BYTES, MAX_MEDIA_LINES, MAX_TOKEN_BYTES, Writer};
use std::{fmt, str};

/// A session description over the text it was parsed from.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    session: Section<'a>,
    media: Vec<Media<'a>>,
}

/// A run of whole lines: those before the first `m=`, or those after one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a>(&'a [u8]);

/// One `m=` line and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, …
    pub kind: &'a str,
    /// The transport port; 0 means that the medium is not wanted.
    pub port: u16,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, …
    pub proto: &'a str,
    formats: &'a str,
    text: &'a [u8],
    section: Section<'a>,
}

/// One line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The letter before `=`.
    pub kind: u8,
    /// What is behind it. Usually UTF-8, but nobody promises.
    pub value: &'a [u8],
}

/// An `a=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// In front of the colon.
    pub name: &'a [u8],
    /// Behind it; empty for a property attribute.
    pub value: &'a [u8],
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
        let mut media: Vec<Media<'a>> = Vec::new();
        let (mut session_end, mut section_start, mut number) = (None, 0, 0);
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
            if number == 1 && (line.kind != b'v' || line.value.trim_ascii_end() != b"0") {
                return Err(error(SdpErrorKind::Version));
            }
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
        if session.lines().next().is_none_or(|line| line.kind != b'v') {
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
    /// The formats as written: payload numbers for RTP.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.formats.split_ascii_whitespace()
    }

    /// The lines behind `m=`.
    pub fn section(&self) -> Section<'a> {
        self.section
    }

    /// RFC 8866 §5.14. The number of ports (`49170/2`) is read over: nothing here speaks in layers.
    fn read(value: &'a [u8]) -> Option<Media<'a>> {
        let text = str::from_utf8(value).ok()?;
        let (kind, rest) = token(text)?;
        let (port, rest) = token(rest)?;
        let (proto, formats) = token(rest)?;
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        if formats.split_ascii_whitespace().next().is_some_and(|format| format.len() > MAX_TOKEN_BYTES) {
            return None;
        }
        Some(Media { kind, port: port.parse().ok()?, proto, formats, text: value, section: Section(&[]) })
    }
}

/// The first word and what is behind it.
fn token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_ascii_start();
    let end = text.find(|c: char| c.is_ascii_whitespace()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let graphic = word.bytes().all(|byte| byte.is_ascii_graphic());
    (graphic && !word.is_empty() && word.len() <= MAX_TOKEN_BYTES).then_some((word, rest))
}

impl<'a> Line<'a> {
    fn read(content: &'a [u8]) -> Option<Line<'a>> {
        match content {
            [kind, b'=', value @ ..] if kind.is_ascii_alphabetic() => Some(Line { kind: *kind, value }),
            _ => None,
        }
    }

    /// The line as an attribute, if it is one.
    pub fn attribute(self) -> Option<Attribute<'a>> {
        if self.kind != b'a' {
            return None;
        }
        let colon = self.value.iter().position(|&byte| byte == b':');
        let (name, value) = match colon {
            Some(colon) => (&self.value[..colon], &self.value[colon + 1..]),
            None => (self.value, &[][..]),
        };
        Some(Attribute { name: name.trim_ascii_end(), value })
    }
}

/// The lines of a [`Section`].
#[derive(Clone, Debug)]
pub struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        while !self.0.is_empty() {
            // Every line was split and read once before, so an error cannot come and an empty one is skipped.
            if let Some(line) = split_line(&mut self.0).ok().and_then(Line::read) {
                return Some(line);
            }
        }
        None
    }
}

/// Takes the first line off `rest` and gives it without its end.
fn split_line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SdpErrorKind> {
    let text = *rest;
    let is_special = |byte: &u8| *byte <= b'\r' && matches!(*byte, b'\n' | b'\r' | 0);
    let Some(end) = text.iter().position(is_special) else {
        *rest = &[];
        return Ok(text);
    };
    let behind = match &text[end..] {
        [b'\n', ..] => end + 1,
        [b'\r', b'\n', ..] => end + 2,
        // The sender's own mistake of ending the last line in CR only.
        [b'\r'] => end + 1,
        _ => {
            *rest = &[];
            return Err(SdpErrorKind::ControlByte);
        }
    };
    *rest = &text[behind..];
    Ok(&text[..end])
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
