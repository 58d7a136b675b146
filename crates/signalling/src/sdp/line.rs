//! Text to lines. Strict where one line could be mistaken for two.

use super::{SdpErrorKind, Section};

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

impl<'a> Line<'a> {
    pub(super) fn read(content: &'a [u8]) -> Option<Line<'a>> {
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
pub struct Lines<'a>(pub(super) &'a [u8]);

impl<'a> Lines<'a> {
    /// Those that are still to come.
    pub(crate) fn rest(&self) -> Section<'a> {
        Section(self.0)
    }
}

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
pub(super) fn split_line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], SdpErrorKind> {
    let (line, behind) = rest.split_at(end_of_line(rest));
    let (next, outcome) = match behind {
        [b'\n', next @ ..] | [b'\r', b'\n', next @ ..] => (next, Ok(line)),
        // To end the last line in nothing is allowed, to end it in CR only is the sender's own mistake.
        [] | [b'\r'] => (&[][..], Ok(line)),
        _ => (&[][..], Err(SdpErrorKind::ControlByte)),
    };
    *rest = next;
    outcome
}

/// Where the first LF, CR or NUL is. Eight bytes are looked at together: this is where the time of reading goes.
fn end_of_line(text: &[u8]) -> usize {
    const EACH: u64 = u64::MAX / 255;
    let mut rest = text;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*eight);
        // Of the bytes up to CR the first one is marked in its top bit; behind it some that are greater may be, too.
        let marks = word.wrapping_sub(EACH * 14) & !word & (EACH * 128);
        if marks == 0 {
            rest = behind;
            continue;
        }
        rest = &rest[marks.trailing_zeros() as usize / 8..];
        match rest {
            [b'\n' | b'\r' | 0, ..] => return text.len() - rest.len(),
            _ => rest = &rest[1..],
        }
    }
    let last = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)).unwrap_or(rest.len());
    text.len() - rest.len() + last
}
