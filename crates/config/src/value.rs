//! Values that are written as text: durations, sizes, ranges, networks and patterns. Each reader answers with the value
//! or with what is wrong, in words that fit behind "`key`: ".

use regex::bytes::{Regex, RegexBuilder};
use std::{fmt, net::IpAddr, time::Duration};

/// What a compiled pattern may take, in bytes; also the bound of its matcher's cache.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// How deep groups of a pattern may nest.
const MAX_PATTERN_DEPTH: u32 = 32;

/// A regular expression on a called number. `\d`, `\w` and case mean ASCII. It looks anywhere in the number unless `^`
/// and `$` say otherwise.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it fits somewhere in `number`.
    pub fn is_match(&self, number: &str) -> bool {
        self.regex.is_match(number.as_bytes())
    }

    /// `number` with what fits replaced by `to`, where it fits first; `None` if it does not fit, or if what comes of it could be no
    /// number: more than [`MAX_NUMBER`] bytes, a control character, broken UTF-8.
    pub fn rewrite(&self, number: &str, to: &Template) -> Option<String> {
        let number = number.as_bytes();
        let captures = self.regex.captures(number)?;
        let whole = captures.get(0)?;
        let mut rewritten = number[..whole.start()].to_vec();
        for piece in &to.pieces {
            match piece {
                Piece::Text(text) => rewritten.extend_from_slice(text.as_bytes()),
                Piece::Group(group) => rewritten.extend_from_slice(captures.get(*group).map_or(&[][..], |group| group.as_bytes())),
            }
        }
        rewritten.extend_from_slice(&number[whole.end()..]);
        String::from_utf8(rewritten).ok().filter(|number| number.len() <= MAX_NUMBER && !number.contains(char::is_control))
    }

    /// How many groups it has, the whole (`$0`) included.
    pub(crate) fn groups(&self) -> usize {
        self.regex.captures_len()
    }

    pub(crate) fn parse(text: &str) -> Result<Pattern, String> {
        let regex = RegexBuilder::new(text)
            .unicode(false)
            .size_limit(MAX_PATTERN_BYTES)
            .dfa_size_limit(MAX_PATTERN_BYTES)
            .nest_limit(MAX_PATTERN_DEPTH)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => format!("the pattern takes more than {limit} bytes when compiled"),
                error => format!("not a regular expression: {}", last_line(&error.to_string())),
            })?;
        Ok(Pattern { text: text.into(), regex })
    }
}

/// The longest number that a rule may make, in bytes.
pub const MAX_NUMBER: usize = 128;

/// What a rule writes in place of what its pattern fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Box<[Piece]>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// What this group of the pattern holds.
    Group(usize),
}

impl Template {
    /// Reads text in which `$0` to `$9` stand for groups, of which the pattern has so many, and `$$` for a dollar sign.
    pub(crate) fn parse(text: &str, groups: usize) -> Result<Template, String> {
        if text.len() > MAX_NUMBER {
            return Err(format!("at most {MAX_NUMBER} bytes are possible"));
        }
        if let Some(odd) = text.chars().find(|c| c.is_control()) {
            return Err(format!("{odd:?} cannot stand in a number"));
        }
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            if character != '$' {
                plain.push(character);
                continue;
            }
            match characters.next() {
                Some('$') => plain.push('$'),
                Some(digit) if digit.is_ascii_digit() => {
                    let group = digit as usize - '0' as usize;
                    if group >= groups {
                        return Err(format!("`{text}`: `${group}`, but `match` has {} groups in (parentheses)", groups - 1));
                    }
                    pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
                    pieces.push(Piece::Group(group));
                }
                _ => return Err(format!("`{text}`: behind `$` stands the digit of a group, as in `$1`, or another `$`")),
            }
        }
        pieces.push(Piece::Text(plain.into()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Template { pieces: pieces.into() })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// The regex crate draws a picture over several lines and says what is wrong in the last.
fn last_line(message: &str) -> &str {
    message.lines().last().unwrap_or(message).trim_start_matches("error: ")
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The first address of it: the bits behind the prefix are zero.
    pub address: IpAddr,
    /// Leading bits that count: 0 to 32, or to 128 for IPv6.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` lies in it. An IPv4 address that is written as an IPv6 one (`::ffff:…`) is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix) == Some(self.address)
    }

    /// The network with that prefix that `address` lies in; `None` if the prefix is longer than the address.
    pub fn around(address: IpAddr, prefix: u8) -> Option<Network> {
        masked(address.to_canonical(), prefix).map(|address| Network { address, prefix })
    }

    /// The last address of it.
    pub fn last(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() | u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0)).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() | u128::MAX.checked_shr(self.prefix.into()).unwrap_or(0)).into()),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Network, String> {
        let (host, prefix) = text.split_once('/').map_or((text, None), |(host, prefix)| (host, Some(prefix)));
        let address: IpAddr = host.parse().map_err(|_| format!("`{text}` is not an address or a network like 198.51.100.0/24"))?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => widest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= widest && is_plain_number(digits))
                .ok_or_else(|| format!("`{text}`: behind the slash stands a number from 0 to {widest}"))?,
        };
        let first = masked(address, prefix).unwrap_or(address);
        if first != address {
            return Err(format!("`{text}` has bits set behind the prefix; did you mean `{first}/{prefix}` or `{address}`?"));
        }
        Ok(Network { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The address with all bits behind the prefix cleared; `None` if the prefix is longer than the address.
fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let drop = 32u32.checked_sub(prefix.into())?;
            let mask = u32::MAX.checked_shl(drop).unwrap_or(0);
            Some(IpAddr::V4((v4.to_bits() & mask).into()))
        }
        IpAddr::V6(v6) => {
            let drop = 128u32.checked_sub(prefix.into())?;
            let mask = u128::MAX.checked_shl(drop).unwrap_or(0);
            Some(IpAddr::V6((v6.to_bits() & mask).into()))
        }
    }
}

/// UDP ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl PortRange {
    /// Pairs of an even port and the odd one behind it that lie wholly inside: each serves one leg's RTP and RTCP.
    pub fn pairs(self) -> u32 {
        let first_even = u32::from(self.first).next_multiple_of(2);
        (u32::from(self.last) + 1).saturating_sub(first_even) / 2
    }

    pub(crate) fn parse(text: &str) -> Result<PortRange, String> {
        let wrong = || format!("`{text}` is not a range of ports like \"20000-29999\"");
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let port = |digits: &str| digits.parse::<u16>().ok().filter(|_| is_plain_number(digits)).ok_or_else(wrong);
        let range = PortRange { first: port(first)?, last: port(last)? };
        if range.first > range.last {
            return Err(format!("`{text}` ends before it begins"));
        }
        if range.first < 1024 {
            return Err(format!("`{text}`: ports below 1024 belong to the system"));
        }
        if range.pairs() < 2 {
            return Err(format!("`{text}`: one call takes 4 ports, two pairs that each begin with an even one"));
        }
        Ok(range)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// "500ms", "30s", "5m", "6h".
///
/// # Errors
/// What is wrong with it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write a whole number and a unit, \"500ms\", \"30s\", \"5m\" or \"6h\"");
    let (digits, unit) = split_unit(text);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

/// A duration as the configuration writes it, in the largest unit that it is a whole number of.
pub fn print_duration(span: Duration) -> String {
    let ms = span.as_millis();
    match ms {
        0 => "0s".to_owned(),
        _ if ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        _ if ms.is_multiple_of(1000) => format!("{}s", ms / 1000),
        _ => format!("{ms}ms"),
    }
}

/// "64KiB", "64MiB", "1GiB", "4096B", in bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size: write a whole number and a unit, \"4096B\", \"64KiB\", \"64MiB\" or \"1GiB\"");
    let (digits, unit) = split_unit(text);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit_bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_bytes).ok_or_else(wrong)
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Digits alone: `str::parse` lets a sign through.
fn is_plain_number(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit())
}
