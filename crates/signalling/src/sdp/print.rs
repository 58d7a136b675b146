//! Lines to text.

use super::Line;
use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr},
};

/// Writes one description. It takes what it is given: that no value holds an end of line is the caller's care.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty text with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Writer {
        Writer(Vec::with_capacity(bytes))
    }

    /// Adds a whole line.
    pub fn line(&mut self, line: Line<'_>) {
        self.0.extend_from_slice(&[line.kind, b'=']);
        self.bytes(line.value).end();
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Writer {
        self.bytes(text.as_bytes())
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Writer {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a number in decimal.
    pub fn number(&mut self, number: u64) -> &mut Writer {
        let mut digits = [0u8; 20];
        let (mut start, mut rest) = (digits.len(), number);
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return self.bytes(&digits[start..]);
            }
        }
    }

    /// Adds `IN IP4 192.0.2.1` or `IN IP6 2001:db8::1`.
    pub fn address(&mut self, address: IpAddr) -> &mut Writer {
        match address {
            IpAddr::V4(address) => self.text("IN IP4 ").ipv4(address),
            IpAddr::V6(address) => {
                // Writing to a Vec does not fail.
                let _ = write!(self.0, "IN IP6 {address}");
                self
            }
        }
    }

    fn ipv4(&mut self, address: Ipv4Addr) -> &mut Writer {
        let mut text = [b'.'; 16];
        let mut end = 0;
        for octet in address.octets() {
            for unit in [100, 10, 1] {
                if octet >= unit || unit == 1 {
                    text[end] = b'0' + octet / unit % 10;
                    end += 1;
                }
            }
            end += 1;
        }
        // The dot behind the last number stays here.
        self.bytes(&text[..end - 1])
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Writer {
        self.text("\r\n")
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}
