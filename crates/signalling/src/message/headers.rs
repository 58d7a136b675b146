//! Typed views of the headers that Tandem acts upon.

use super::chars::{self, DISPLAY, HOST, SCHEME, SPACE, TOKEN, URI};
use super::error::{ParseError, ParseErrorKind};
use super::list::{Params, skip_space};
use super::method::Method;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// CSeq numbers are below this (RFC 3261 §8.1.1.5).
const CSEQ_LIMIT: u32 = 1 << 31;

/// `name-addr` or `addr-spec` with its parameters: From, To, Contact, Route (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// The display name as written, quotes and all; [`NameAddr::display_name`] reads it.
    pub display: Option<&'a str>,
    /// The URI, without angle brackets.
    pub uri: &'a str,
    /// What follows the URI; without angle brackets all parameters are the header's.
    pub params: Params<'a>,
    tag: Option<&'a str>,
}

impl<'a> NameAddr<'a> {
    /// One whose parts have been read before.
    pub(super) fn known(display: Option<&'a str>, uri: &'a str, params: Params<'a>, tag: Option<&'a str>) -> NameAddr<'a> {
        NameAddr { display, uri, params, tag }
    }

    /// Reads one item of a list.
    pub fn parse(text: &'a str) -> Result<NameAddr<'a>, ParseError> {
        let bytes = text.as_bytes();
        let start = skip_space(bytes, 0);
        let display_end = match bytes.get(start) {
            Some(b'"') => {
                let end = chars::quoted_end(bytes, start).filter(|end| *end <= bytes.len());
                let end = end.ok_or(ParseError::new(start, ParseErrorKind::Quote))?;
                let bracket = skip_space(bytes, end);
                if bytes.get(bracket) != Some(&b'<') {
                    return Err(ParseError::new(bracket, ParseErrorKind::Brackets));
                }
                bracket
            }
            _ => start + chars::run(&bytes[start..], DISPLAY),
        };
        if bytes.get(display_end) != Some(&b'<') {
            return NameAddr::bare(text, start);
        }
        let open = display_end + 1;
        let close = open + uri_length(&bytes[open..]).map_err(|error| error.shifted(open))?;
        match bytes.get(close) {
            Some(b'>') => {}
            Some(_) if chars::find(&bytes[close..], b'>').is_some() => return Err(ParseError::new(close, ParseErrorKind::Character)),
            _ => return Err(ParseError::new(display_end, ParseErrorKind::Brackets)),
        }
        let uri = &text[open..close];
        let (params, tag) = Params::parse_with(&text[close + 1..], "tag").map_err(|error| error.shifted(close + 1))?;
        let display = chars::trim(&text[start..display_end]);
        Ok(NameAddr { display: (!display.is_empty()).then_some(display), uri, params, tag })
    }

    fn bare(text: &'a str, start: usize) -> Result<NameAddr<'a>, ParseError> {
        let bytes = text.as_bytes();
        let end = bytes[start..].iter().position(|byte| *byte == b';' || chars::is(*byte, SPACE));
        let end = end.map_or(bytes.len(), |end| start + end);
        let uri = &text[start..end];
        let length = uri_length(uri.as_bytes()).map_err(|error| error.shifted(start))?;
        if length < uri.len() {
            return Err(ParseError::new(start + length, ParseErrorKind::Character));
        }
        if let Some(place) = uri.bytes().position(|byte| matches!(byte, b'?' | b',')) {
            return Err(ParseError::new(start + place, ParseErrorKind::NeedsBrackets));
        }
        let (params, tag) = Params::parse_with(&text[end..], "tag").map_err(|error| error.shifted(end))?;
        Ok(NameAddr { display: None, uri, params, tag })
    }

    /// The tag parameter (§19.3).
    pub fn tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// The display name without quotes and backslashes.
    pub fn display_name(&self) -> Option<Cow<'a, str>> {
        let display = self.display?;
        match display.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            None => Some(Cow::Borrowed(display)),
            Some(inner) if !inner.contains('\\') => Some(Cow::Borrowed(inner)),
            Some(inner) => {
                let mut escaped = false;
                let keep = |character: &char| {
                    escaped = *character == '\\' && !escaped;
                    !escaped
                };
                Some(Cow::Owned(inner.chars().filter(keep).collect()))
            }
        }
    }
}

/// The length of the URI that `bytes` begin with, whatever its scheme: `scheme:` and at least one more character, none of them
/// one that ends a URI.
fn uri_length(bytes: &[u8]) -> Result<usize, ParseError> {
    let colon = chars::run(bytes, SCHEME);
    let end = colon + chars::run(&bytes[colon..], URI);
    if !bytes.first().is_some_and(u8::is_ascii_alphabetic) || bytes.get(colon) != Some(&b':') || end == colon + 1 {
        return Err(ParseError::new(0, ParseErrorKind::Scheme));
    }
    Ok(end)
}

/// One Contact value (RFC 3261 §20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact<'a> {
    /// `*`: all bindings of a REGISTER.
    Star,
    /// An address.
    Address(NameAddr<'a>),
}

impl<'a> Contact<'a> {
    /// Reads one item of the list.
    pub fn parse(text: &'a str) -> Result<Contact<'a>, ParseError> {
        if chars::trim(text) == "*" { Ok(Contact::Star) } else { NameAddr::parse(text).map(Contact::Address) }
    }
}

/// One Via value (RFC 3261 §20.42).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// `UDP`, `TCP` …, as written.
    pub transport: &'a str,
    /// Host of sent-by as written: an IPv6 address has its brackets.
    pub host: &'a str,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Its parameters.
    pub params: Params<'a>,
    sent_by: &'a str,
    branch: Option<&'a str>,
}

impl<'a> Via<'a> {
    /// Reads one item of the list.
    pub fn parse(text: &'a str) -> Result<Via<'a>, ParseError> {
        let bytes = text.as_bytes();
        let protocol_end = word(bytes, skip_space(bytes, 0))?;
        let version_end = word(bytes, slash(bytes, protocol_end)?)?;
        let transport_start = slash(bytes, version_end)?;
        let transport_end = word(bytes, transport_start)?;
        let host_start = skip_space(bytes, transport_end);
        if host_start == transport_end {
            return Err(ParseError::new(host_start, ParseErrorKind::Host));
        }
        let host_end = host_start + host_length(&bytes[host_start..]).ok_or(ParseError::new(host_start, ParseErrorKind::Host))?;
        let (port, end) = port_after(bytes, host_end)?;
        let (params, branch) = Params::parse_with(&text[end..], "branch").map_err(|error| error.shifted(end))?;
        Ok(Via {
            transport: &text[transport_start..transport_end],
            host: &text[host_start..host_end],
            port,
            params,
            sent_by: &text[host_start..end],
            branch,
        })
    }

    /// One whose parts have been read before: transport, host, sent-by and branch.
    pub(super) fn known(
        [transport, host, sent_by]: [&'a str; 3],
        port: Option<u16>,
        params: Params<'a>,
        branch: Option<&'a str>,
    ) -> Via<'a> {
        Via { transport, host, port, params, sent_by, branch }
    }

    /// Host and port as written.
    pub fn sent_by(&self) -> &'a str {
        self.sent_by
    }

    /// The host as an address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        address(self.host)
    }

    /// The transaction's name (§8.1.1.7).
    pub fn branch(&self) -> Option<&'a str> {
        self.branch
    }

    /// RFC 3581: `None` without the parameter, `Some(None)` while it has no value (or one that is no port).
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|port| port.parse().ok())
    }

    /// Where the request came from, as the next hop saw it (§18.2.1).
    pub fn received(&self) -> Option<&'a str> {
        self.params.get("received")
    }
}

/// The end of the token at `start`.
fn word(bytes: &[u8], start: usize) -> Result<usize, ParseError> {
    match chars::run(&bytes[start..], TOKEN) {
        0 => Err(ParseError::new(start, ParseErrorKind::Token)),
        length => Ok(start + length),
    }
}

/// The place after a slash with white space around it.
fn slash(bytes: &[u8], start: usize) -> Result<usize, ParseError> {
    let at = skip_space(bytes, start);
    if bytes.get(at) == Some(&b'/') { Ok(skip_space(bytes, at + 1)) } else { Err(ParseError::new(at, ParseErrorKind::Token)) }
}

/// The length of the host that `bytes` begin with: a name, an IPv4 address, or an IPv6 address in brackets.
pub(super) fn host_length(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'[') {
        return Some(chars::run(bytes, HOST)).filter(|length| *length > 0);
    }
    let close = chars::find(bytes, b']')?;
    let inner = std::str::from_utf8(&bytes[1..close]).ok()?;
    ipv6(inner).map(|_| close + 1)
}

/// The port after a colon at `start`, if there is a colon; and where it ends.
fn port_after(bytes: &[u8], start: usize) -> Result<(Option<u16>, usize), ParseError> {
    let colon = skip_space(bytes, start);
    if bytes.get(colon) != Some(&b':') {
        return Ok((None, start));
    }
    let digits = skip_space(bytes, colon + 1);
    let end = digits + bytes[digits..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - digits);
    match port(&bytes[digits..end]) {
        Some(port) => Ok((Some(port), end)),
        None => Err(ParseError::new(digits, ParseErrorKind::Port)),
    }
}

/// A port from its digits.
pub(super) fn port(digits: &[u8]) -> Option<u16> {
    u16::try_from(number(digits)?).ok()
}

/// A number from its digits, leading zeros allowed; `None` without digits or above 32 bits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u32::from(digit - b'0')),
        _ => None,
    })
}

/// An address, with or without the brackets of IPv6.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => ipv6(inner).map(IpAddr::V6),
        // An IPv4 address ends in a digit and an IPv6 address has colons: most names need no closer look.
        None if host.as_bytes().last().is_some_and(u8::is_ascii_digit) => {
            ipv4(host.as_bytes()).map(IpAddr::V4).or_else(|| host.parse().ok())
        }
        None if host.contains(':') => host.parse().ok(),
        None => None,
    }
}

/// Four numbers with dots between them, as nearly every address here is written: read without the general reader's cost.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let (mut octets, mut place, mut digits) = ([0u8; 4], 0, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || octets[place] > 0 => {
                octets[place] = octets[place].checked_mul(10)?.checked_add(byte - b'0')?;
                digits += 1;
            }
            b'.' if digits > 0 && place < 3 => (place, digits) = (place + 1, 0),
            _ => return None,
        }
    }
    (place == 3 && digits > 0).then(|| octets.into())
}

/// An IPv6 address without its brackets. The grammar of RFC 3261 lets a third colon stand before an IPv4 part, which has to be
/// tolerated (RFC 5118 §4.10).
fn ipv6(text: &str) -> Option<Ipv6Addr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    /// The longest text of an address, with the colon too many.
    const LONGEST: usize = 46;
    let extra = text.find(":::")?;
    if text.len() > LONGEST || !text[extra..].contains('.') {
        return None;
    }
    let mut corrected = [0; LONGEST];
    corrected[..extra].copy_from_slice(&text.as_bytes()[..extra]);
    corrected[extra..text.len() - 1].copy_from_slice(&text.as_bytes()[extra + 1..]);
    std::str::from_utf8(&corrected[..text.len() - 1]).ok()?.parse().ok()
}

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2^31 (§8.1.1.5).
    pub number: u32,
    /// The method, if it is a known one.
    pub method: Method,
    /// The method as written.
    pub method_token: &'a str,
}

impl<'a> CSeq<'a> {
    /// Reads the value.
    pub fn parse(text: &'a str) -> Result<CSeq<'a>, ParseError> {
        let bytes = text.as_bytes();
        let digits = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
        let number = number(&bytes[..digits]).filter(|number| *number < CSEQ_LIMIT);
        let number = number.ok_or(ParseError::new(0, ParseErrorKind::Number))?;
        let start = skip_space(bytes, digits);
        let method = &bytes[start..];
        if start == digits || !chars::all(method, TOKEN) {
            return Err(ParseError::new(start, ParseErrorKind::Token));
        }
        Ok(CSeq { number, method: Method::from_bytes(method), method_token: &text[start..] })
    }
}

/// Content-Type (RFC 3261 §20.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application`, as written.
    pub kind: &'a str,
    /// `sdp`, as written.
    pub subtype: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads the value.
    pub fn parse(text: &'a str) -> Result<MediaType<'a>, ParseError> {
        let bytes = text.as_bytes();
        let start = skip_space(bytes, 0);
        let kind_end = word(bytes, start)?;
        let subtype_start = slash(bytes, kind_end)?;
        let subtype_end = word(bytes, subtype_start)?;
        let params = Params::parse(&text[subtype_end..]).map_err(|error| error.shifted(subtype_end))?;
        Ok(MediaType { kind: &text[start..kind_end], subtype: &text[subtype_start..subtype_end], params })
    }

    /// Whether it is `kind/subtype`, whatever its parameters; compared without case.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }
}
