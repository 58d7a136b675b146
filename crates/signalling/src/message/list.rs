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
    let mut at = 0;
    while let Some(found) = memchr::memchr3(b',', b'"', b'<', &text[at..]) {
        at += found;
        at = match text[at] {
            b',' => return at,
            b'"' => chars::quoted_end(text, at).map_or(text.len(), |end| end.min(text.len())),
            _ => memchr::memchr(b'>', &text[at..]).map_or(text.len(), |close| at + close + 1),
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
        let mut at = 0;
        while let Some(end) = check_param(text.as_bytes(), at)? {
            at = end;
        }
        Ok(Params { text: chars::trim(text) })
    }

    /// Name and value of each, in order. Names have the case they came with; values in quotes keep them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let text = rest.strip_prefix(';')?;
            let (param, next) = text.split_at(param_end(text.as_bytes()));
            rest = next;
            Some(match memchr::memchr(b'=', param.as_bytes()) {
                Some(equals) => (chars::trim(&param[..equals]), Some(chars::trim(&param[equals + 1..]))),
                None => (chars::trim(param), None),
            })
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

/// Where a parameter that [`Params::parse`] has read ends: at the next semicolon that is in no quotes.
fn param_end(text: &[u8]) -> usize {
    match memchr::memchr2(b';', b'"', text) {
        Some(found) if text[found] == b';' => found,
        Some(quote) => {
            let after = chars::quoted_end(text, quote).unwrap_or(text.len()).min(text.len());
            after + memchr::memchr(b';', &text[after..]).unwrap_or(text.len() - after)
        }
        None => text.len(),
    }
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// The end of the parameter whose semicolon comes next after `start`; `None` at the end of the text.
fn check_param(bytes: &[u8], start: usize) -> Result<Option<usize>, ParseError> {
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
    at = skip_space(bytes, name_end);
    if bytes.get(at) != Some(&b'=') {
        return Ok(Some(at));
    }
    at = skip_space(bytes, at + 1);
    let value_end = match bytes.get(at) {
        Some(b'"') => chars::quoted_end(bytes, at).filter(|end| *end <= bytes.len()).ok_or(ParseError::new(at, ParseErrorKind::Quote))?,
        _ => at + chars::run(bytes.get(at..).unwrap_or_default(), VALUE),
    };
    if value_end == at {
        return Err(ParseError::new(at, ParseErrorKind::Parameter));
    }
    Ok(Some(value_end))
}

pub(super) fn skip_space(bytes: &[u8], at: usize) -> usize {
    at + chars::run(&bytes[at.min(bytes.len())..], chars::SPACE)
}
