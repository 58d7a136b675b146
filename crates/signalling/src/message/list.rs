//! Header values that are lists, and the parameters that follow a value.

use super::chars::{self, TOKEN, VALUE};
use super::error::{ParseError, ParseErrorKind};

/// The items of a comma-separated value, trimmed; empty ones too. Commas inside quotes and angle brackets do not count.
#[derive(Clone, Debug)]
pub(super) struct List<'a> {
    rest: Option<&'a str>,
}

impl<'a> List<'a> {
    pub(super) fn new(value: &'a str) -> Self {
        List { rest: Some(value) }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        let end = item_end(text.as_bytes());
        self.rest = text.get(end + 1..);
        Some(chars::trim(&text[..end]))
    }
}

/// Where the first item ends: at a comma or at the end of the text.
fn item_end(text: &[u8]) -> usize {
    // Most lists have one item.
    if memchr::memchr(b',', text).is_none() {
        return text.len();
    }
    let mut at = 0;
    while let Some(found) = text[at..].iter().position(|byte| matches!(byte, b',' | b'"' | b'<')) {
        at += found;
        at = match text[at] {
            b',' => return at,
            b'"' => chars::quoted_end(text, at).map_or(text.len(), |end| end.min(text.len())),
            _ => chars::find(&text[at..], b'>').map_or(text.len(), |close| at + close + 1),
        };
    }
    text.len()
}

/// Parameters of a header value: `;name=value;flag` (RFC 3261 §25.1 `generic-param`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a> {
    text: &'a str,
}

impl<'a> Params<'a> {
    /// Reads parameters that begin with a semicolon, or nothing at all.
    pub fn parse(text: &'a str) -> Result<Params<'a>, ParseError> {
        Params::parse_with(text, "").map(|(params, _)| params)
    }

    /// Reads parameters, and finds the value of `wanted` on the way as [`Params::get`] would.
    pub(super) fn parse_with(text: &'a str, wanted: &str) -> Result<(Params<'a>, Option<&'a str>), ParseError> {
        let (mut at, mut found) = (0, None);
        while let Some(param) = Param::read(text, at)? {
            if found.is_none() && param.name.eq_ignore_ascii_case(wanted) {
                found = Some(unquoted(param.value.unwrap_or_default()));
            }
            at = param.end;
        }
        Ok((Params { text: chars::trim(text) }, found))
    }

    /// Parameters that [`Params::parse`] has read before.
    pub(super) fn known(text: &'a str) -> Params<'a> {
        Params { text }
    }

    /// Name and value of each, in order. Names have the case they came with; values in quotes keep them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let (text, mut at) = (self.text, 0);
        std::iter::from_fn(move || {
            let param = Param::read(text, at).ok()??;
            at = param.end;
            Some((param.name, param.value))
        })
    }

    /// The value of `name`, compared without case and stripped of its quotes; empty where the parameter has no value.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| unquoted(value.unwrap_or_default()))
    }

    /// Whether `name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(found, _)| found.eq_ignore_ascii_case(name))
    }

    /// The text, from the first semicolon.
    pub fn as_str(&self) -> &'a str {
        self.text
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// One parameter as it stands.
struct Param<'a> {
    name: &'a str,
    value: Option<&'a str>,
    /// Where it ends in the text that it was read from.
    end: usize,
}

impl<'a> Param<'a> {
    /// The parameter whose semicolon comes next after `start`; `None` at the end of the text.
    fn read(text: &'a str, start: usize) -> Result<Option<Param<'a>>, ParseError> {
        let bytes = text.as_bytes();
        let mut at = skip_space(bytes, start);
        match bytes.get(at) {
            None => return Ok(None),
            Some(b';') => at = skip_space(bytes, at + 1),
            Some(_) => return Err(ParseError::new(at, ParseErrorKind::Trailing)),
        }
        let name_end = at + chars::run(&bytes[at..], TOKEN);
        if name_end == at {
            return Err(ParseError::new(at, ParseErrorKind::Parameter));
        }
        let name = &text[at..name_end];
        at = skip_space(bytes, name_end);
        if bytes.get(at) != Some(&b'=') {
            return Ok(Some(Param { name, value: None, end: at }));
        }
        at = skip_space(bytes, at + 1);
        let end = match bytes.get(at) {
            Some(b'"') => {
                chars::quoted_end(bytes, at).filter(|end| *end <= bytes.len()).ok_or(ParseError::new(at, ParseErrorKind::Quote))?
            }
            _ => at + chars::run(bytes.get(at..).unwrap_or_default(), VALUE),
        };
        if end == at {
            return Err(ParseError::new(at, ParseErrorKind::Parameter));
        }
        Ok(Some(Param { name, value: Some(&text[at..end]), end }))
    }
}

pub(super) fn skip_space(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    while bytes.get(at).is_some_and(|byte| chars::is(*byte, chars::SPACE)) {
        at += 1;
    }
    at
}
