//! URIs: sip, sips and tel (RFC 3261 §19.1, RFC 3966), and the mere scheme of any other.

use super::chars::{self, Classes, HEADER, PARAM, PASSWORD, USER};
use super::error::{ParseError, ParseErrorKind};
use super::headers::{address, host_length, port};
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest URI of a Contact that we call, in bytes: of a registration, or of a redirection without its headers.
pub(crate) const MAX_CONTACT: usize = 512;

/// Parameters, or headers, of a URI that are compared one by one. What has more is equal to what is written the same alone.
const MAX_COMPARED: usize = 32;

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other, as written.
    Other(&'a str),
}

/// Where a URI points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host<'a> {
    /// A host name as written. Empty for `tel`; all that follows the scheme for an unknown one.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address (in brackets on the wire).
    V6(Ipv6Addr),
}

/// A URI in parts. They are as written: escapes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// Its scheme.
    pub scheme: Scheme<'a>,
    /// The user part; of `tel`, the number.
    pub user: Option<&'a str>,
    /// The password (deprecated by RFC 3261 §19.1.1; kept, as it is part of equality).
    pub password: Option<&'a str>,
    /// The host.
    pub host: Host<'a>,
    /// The port.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: UriParams<'a>,
    /// What follows the question mark.
    pub headers: UriHeaders<'a>,
}

impl<'a> Uri<'a> {
    /// Reads a URI. Of an unknown scheme only the scheme is looked at.
    pub fn parse(text: &'a str) -> Result<Uri<'a>, ParseError> {
        let colon = chars::find(text.as_bytes(), b':').ok_or(ParseError::new(0, ParseErrorKind::Scheme))?;
        let (name, rest) = (&text[..colon], &text[colon + 1..]);
        let shift = |error: ParseError| error.shifted(colon + 1);
        if name == "sip" || name.eq_ignore_ascii_case("sip") {
            Uri::sip(Scheme::Sip, rest).map_err(shift)
        } else if name.eq_ignore_ascii_case("sips") {
            Uri::sip(Scheme::Sips, rest).map_err(shift)
        } else if name.eq_ignore_ascii_case("tel") {
            Uri::tel(rest).map_err(shift)
        } else {
            Uri::other(name, rest)
        }
    }

    fn sip(scheme: Scheme<'a>, text: &'a str) -> Result<Uri<'a>, ParseError> {
        let (user, password, start) = match chars::find(text.as_bytes(), b'@') {
            None => (None, None, 0),
            Some(at) => {
                let end = run(&text[..at], USER, 0)?;
                if end == 0 || end < at && text.as_bytes()[end] != b':' {
                    return Err(ParseError::new(end, ParseErrorKind::Character));
                }
                let password = (end < at).then(|| &text[end + 1..at]);
                password.map_or(Ok(()), |password| check(password, PASSWORD, end + 1))?;
                (Some(&text[..end]), password, at + 1)
            }
        };
        let bytes = text.as_bytes();
        let length = host_length(&bytes[start..]).ok_or(ParseError::new(start, ParseErrorKind::Host))?;
        let host = host(&text[start..start + length]);
        let mut end = start + length;
        let mut uri_port = None;
        if bytes.get(end) == Some(&b':') {
            let digits = &bytes[end + 1..];
            let count = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            uri_port = Some(port(&digits[..count]).ok_or(ParseError::new(end + 1, ParseErrorKind::Port))?);
            end += 1 + count;
        }
        if end == text.len() {
            return Ok(Uri { scheme, user, password, host, port: uri_port, params: UriParams::default(), headers: UriHeaders::default() });
        }
        let question = chars::find(&text.as_bytes()[end..], b'?').map_or(text.len(), |place| end + place);
        let params = UriParams::parse(&text[end..question]).map_err(|error| error.shifted(end))?;
        let headers = UriHeaders::parse(&text[question..]).map_err(|error| error.shifted(question))?;
        Ok(Uri { scheme, user, password, host, port: uri_port, params, headers })
    }

    /// RFC 3966: digits and visual separators, globally with a leading plus sign, and parameters.
    fn tel(text: &'a str) -> Result<Uri<'a>, ParseError> {
        let end = chars::find(text.as_bytes(), b';').unwrap_or(text.len());
        let number = &text[..end];
        let digits = number.strip_prefix('+').unwrap_or(number).as_bytes();
        let is_digit = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')');
        if digits.is_empty() || !digits.iter().all(is_digit) {
            return Err(ParseError::new(0, ParseErrorKind::Character));
        }
        let params = UriParams::parse(&text[end..]).map_err(|error| error.shifted(end))?;
        let headers = UriHeaders::default();
        Ok(Uri { scheme: Scheme::Tel, user: Some(number), password: None, host: Host::Name(""), port: None, params, headers })
    }

    fn other(name: &'a str, rest: &'a str) -> Result<Uri<'a>, ParseError> {
        let mut letters = name.bytes();
        let starts = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !starts || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
            return Err(ParseError::new(0, ParseErrorKind::Scheme));
        }
        if let Some(place) = rest.bytes().position(|byte| !byte.is_ascii_graphic() || matches!(byte, b'<' | b'>' | b'"')) {
            return Err(ParseError::new(name.len() + 1 + place, ParseErrorKind::Character));
        }
        Ok(Uri {
            scheme: Scheme::Other(name),
            user: None,
            password: None,
            host: Host::Name(rest),
            port: None,
            params: UriParams::default(),
            headers: UriHeaders::default(),
        })
    }

    /// The user part without escapes; empty if there is none. Bytes that are no UTF-8 show as U+FFFD.
    pub fn user_unescaped(&self) -> Cow<'a, str> {
        unescape(self.user.unwrap_or_default())
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<&'a str> {
        self.params.get("transport")
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<&'a str> {
        self.params.get("maddr")
    }

    /// Whether it has `lr` (§19.1.1), also as `lr=on`, which some write.
    pub fn is_loose_router(&self) -> bool {
        self.params.has("lr")
    }

    /// Equality as §19.1.4 defines it. It is not transitive. URIs that are no sip or sips are compared part by part.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        self.same_place(other) && self.params.equivalent(&other.params) && self.headers.equivalent(&other.headers)
    }

    fn same_place(&self, other: &Uri<'_>) -> bool {
        let schemes = match (self.scheme, other.scheme) {
            (Scheme::Other(one), Scheme::Other(two)) => one.eq_ignore_ascii_case(two),
            (one, two) => same_scheme(one, two),
        };
        let hosts = match (self.host, other.host) {
            (Host::Name(one), Host::Name(two)) if matches!(self.scheme, Scheme::Other(_)) => one == two,
            (Host::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            (one, two) => same_address(one, two),
        };
        let users = match self.scheme {
            Scheme::Tel => same_number(self.user.unwrap_or_default(), other.user.unwrap_or_default()),
            _ => same_text(self.user, other.user),
        };
        schemes && hosts && users && self.port == other.port && same_text(self.password, other.password)
    }
}

fn same_scheme(one: Scheme<'_>, two: Scheme<'_>) -> bool {
    matches!((one, two), (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) | (Scheme::Tel, Scheme::Tel))
}

fn same_address(one: Host<'_>, two: Host<'_>) -> bool {
    match (one, two) {
        (Host::V4(one), Host::V4(two)) => one == two,
        (Host::V6(one), Host::V6(two)) => one == two,
        _ => false,
    }
}

/// RFC 3966 §4: without visual separators.
fn same_number(one: &str, two: &str) -> bool {
    let digits = |byte: &u8| !matches!(byte, b'-' | b'.' | b'(' | b')');
    let (one, two) = (one.bytes().filter(digits), two.bytes().filter(digits));
    one.map(|byte| byte.to_ascii_lowercase()).eq(two.map(|byte| byte.to_ascii_lowercase()))
}

/// With case, but an escaped character equals itself (§19.1.4).
fn same_text(one: Option<&str>, two: Option<&str>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => unescaped(one).eq(unescaped(two)),
        (None, None) => true,
        _ => false,
    }
}

/// Without case, and an escaped character equals itself.
fn same_word(one: &str, two: &str) -> bool {
    unescaped(one).map(|byte| byte.to_ascii_lowercase()).eq(unescaped(two).map(|byte| byte.to_ascii_lowercase()))
}

fn host(text: &str) -> Host<'_> {
    match address(text) {
        Some(IpAddr::V4(address)) => Host::V4(address),
        Some(IpAddr::V6(address)) => Host::V6(address),
        None => Host::Name(text),
    }
}

/// The length of the run of one class and of escapes that `text` begins with. `offset` is where it begins.
fn run(text: &str, class: Classes, offset: usize) -> Result<usize, ParseError> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += chars::run(&bytes[at..], class);
        match bytes.get(at..) {
            Some([b'%', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 3,
            Some([b'%', ..]) => return Err(ParseError::new(offset + at, ParseErrorKind::Escape)),
            _ => return Ok(at),
        }
    }
}

/// All of one class, or escapes.
fn check(text: &str, class: Classes, offset: usize) -> Result<(), ParseError> {
    match run(text, class, offset)? {
        end if end == text.len() => Ok(()),
        end => Err(ParseError::new(offset + end, ParseErrorKind::Character)),
    }
}

/// The bytes of a text without its escapes.
fn unescaped(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', &rest[1..]),
            },
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(byte)
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether `uri` is of the scheme that promises TLS on every hop (RFC 3261 §26.2.2).
pub fn is_sips(uri: &str) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sips:"))
}

/// A text without its percent escapes, borrowed where it has none.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes: Vec<u8> = unescaped(text).collect();
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// URI parameters: `;name=value;flag`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriParams<'a> {
    text: &'a str,
}

impl<'a> UriParams<'a> {
    fn parse(text: &'a str) -> Result<UriParams<'a>, ParseError> {
        match text.as_bytes().first() {
            None => return Ok(UriParams { text }),
            Some(b';') => {}
            Some(_) => return Err(ParseError::new(0, ParseErrorKind::Trailing)),
        }
        let mut at = 1;
        for param in text.split(';').skip(1) {
            let (name, value) = param.split_once('=').map_or((param, None), |(name, value)| (name, Some(value)));
            if name.is_empty() || value.is_some_and(str::is_empty) {
                return Err(ParseError::new(at, ParseErrorKind::Parameter));
            }
            check(name, PARAM, at)?;
            value.map_or(Ok(()), |value| check(value, PARAM, at + name.len() + 1))?;
            at += param.len() + 1;
        }
        Ok(UriParams { text })
    }

    /// Name and value of each, in order and as written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        self.text.split(';').skip(1).map(|param| param.split_once('=').map_or((param, None), |(name, value)| (name, Some(value))))
    }

    /// The value of `name`, compared without case; empty where the parameter has no value.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(found, _)| same_word(found, name)).map(|(_, value)| value.unwrap_or_default())
    }

    /// Whether `name` is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The text, from the first semicolon.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// §19.1.4: what both have must match; user, ttl, method and maddr (and transport) must be in both or in none. Of a
    /// parameter that is there twice, which §19.1.1 forbids, the first counts.
    fn equivalent(&self, other: &UriParams<'_>) -> bool {
        if self.text == other.text {
            return true;
        }
        if self.iter().count().max(other.iter().count()) > MAX_COMPARED {
            return false;
        }
        let one_way = |one: &UriParams<'_>, two: &UriParams<'_>| {
            one.iter().all(|(name, value)| match two.get(name) {
                Some(found) => same_word(value.unwrap_or_default(), found) || one.get(name).is_some_and(|first| same_word(first, found)),
                None => !["user", "ttl", "method", "maddr", "transport"].iter().any(|strict| same_word(name, strict)),
            })
        };
        one_way(self, other) && one_way(other, self)
    }
}

/// Headers of a URI: `?name=value&name=value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriHeaders<'a> {
    text: &'a str,
}

impl<'a> UriHeaders<'a> {
    fn parse(text: &'a str) -> Result<UriHeaders<'a>, ParseError> {
        let Some(list) = text.strip_prefix('?') else {
            return Ok(UriHeaders { text });
        };
        let mut at = 1;
        for header in list.split('&') {
            let Some((name, value)) = header.split_once('=') else {
                return Err(ParseError::new(at, ParseErrorKind::Parameter));
            };
            if name.is_empty() {
                return Err(ParseError::new(at, ParseErrorKind::Parameter));
            }
            check(name, HEADER, at)?;
            check(value, HEADER, at + name.len() + 1)?;
            at += header.len() + 1;
        }
        Ok(UriHeaders { text })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Name and value of each, in order and as written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let list = self.text.strip_prefix('?').unwrap_or_default();
        list.split('&').filter_map(|header| header.split_once('='))
    }

    /// The text, from the question mark.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// §19.1.4: the same headers with the same values, in any order.
    fn equivalent(&self, other: &UriHeaders<'_>) -> bool {
        if self.text == other.text {
            return true;
        }
        let has = |headers: &UriHeaders<'_>, name: &str, value: &str| {
            headers.iter().any(|(found, text)| same_word(found, name) && unescaped(text).eq(unescaped(value)))
        };
        let count = self.iter().count();
        count == other.iter().count()
            && count <= MAX_COMPARED
            && self.iter().all(|(name, value)| has(other, name, value))
            && other.iter().all(|(name, value)| has(self, name, value))
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Scheme<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other(name) => name,
        })
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.user.unwrap_or_default())?;
        if let Some(password) = self.password {
            write!(f, ":{password}")?;
        }
        if self.user.is_some() && !matches!(self.scheme, Scheme::Tel) {
            f.write_str("@")?;
        }
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.params.text)?;
        f.write_str(self.headers.text)
    }
}
