//! What values are made of: words, numbers and addresses, read byte by byte because they are short.

use std::net::Ipv4Addr;

/// Words between white space.
#[derive(Clone, Debug)]
pub(crate) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    pub(crate) fn of(value: &'a [u8]) -> Words<'a> {
        Words(value)
    }

    /// What was not looked at yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| !is_space(*byte))?;
        let text = &self.0[start..];
        let end = text.iter().position(|byte| is_space(*byte)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

/// Whether a byte is white space; nearly always the first comparison tells.
fn is_space(byte: u8) -> bool {
    byte <= b' ' && byte.is_ascii_whitespace()
}

/// Digits as a number.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0u32;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    Some(number)
}

/// A port.
pub(crate) fn port(digits: &[u8]) -> Option<u16> {
    number(digits)?.try_into().ok()
}

/// A payload number: the field has seven bits.
pub(crate) fn payload_number(digits: &[u8]) -> Option<u8> {
    number(digits).filter(|number| *number < 128).map(|number| number as u8)
}

/// `"111 minptime=10"` as 111 and what is behind it.
pub(crate) fn split_payload(value: &[u8]) -> Option<(u8, &[u8])> {
    let mut words = Words::of(value);
    let number = payload_number(words.next()?)?;
    Some((number, words.rest().trim_ascii()))
}

/// Four numbers with dots between them, none with a zero too many: that could be meant octal.
pub(super) fn ipv4(host: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = host.split(|byte| *byte == b'.');
    for octet in &mut octets {
        *octet = match parts.next()? {
            [b'0', _, ..] => return None,
            digits => number(digits)?.try_into().ok()?,
        };
    }
    parts.next().is_none().then(|| octets.into())
}
