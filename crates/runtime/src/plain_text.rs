//! Numbers and addresses as text, for what every call needs: `core::fmt` takes a thousand instructions for an address.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

/// `255.255.255.255:65535`, and as long as any `u64`.
const LONGEST: usize = 21;

/// A text of digits, points and colons. It is written from its end to its beginning.
#[derive(Clone, Copy)]
pub(crate) struct PlainText {
    bytes: [u8; LONGEST],
    start: usize,
}

impl PlainText {
    /// A number.
    pub(crate) fn number(number: u64) -> PlainText {
        let mut text = PlainText { bytes: [0; LONGEST], start: LONGEST };
        text.prepend_number(number);
        text
    }

    /// A number of tenths: `12.3`.
    pub(crate) fn tenths(tenths: u64) -> PlainText {
        let mut text = PlainText { bytes: [0; LONGEST], start: LONGEST };
        text.prepend_number(tenths % 10);
        text.prepend(b'.');
        text.prepend_number(tenths / 10);
        text
    }

    /// A number of hundredths: `12.34`, and `12.3` rather than `12.30`.
    pub(crate) fn hundredths(hundredths: u64) -> PlainText {
        if hundredths.is_multiple_of(10) {
            return PlainText::tenths(hundredths / 10);
        }
        let mut text = PlainText { bytes: [0; LONGEST], start: LONGEST };
        text.prepend_number(hundredths % 10);
        text.prepend_number(hundredths / 10 % 10);
        text.prepend(b'.');
        text.prepend_number(hundredths / 100);
        text
    }

    /// `192.0.2.1`
    pub(crate) fn v4(address: Ipv4Addr) -> PlainText {
        let mut text = PlainText { bytes: [0; LONGEST], start: LONGEST };
        text.prepend_v4(address);
        text
    }

    /// `192.0.2.1:5060`
    pub(crate) fn socket_v4(address: SocketAddrV4) -> PlainText {
        let mut text = PlainText::number(address.port().into());
        text.prepend(b':');
        text.prepend_v4(*address.ip());
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }

    fn prepend_v4(&mut self, address: Ipv4Addr) {
        let [first, rest @ ..] = address.octets();
        for octet in rest.into_iter().rev() {
            self.prepend_number(octet.into());
            self.prepend(b'.');
        }
        self.prepend_number(first.into());
    }

    fn prepend_number(&mut self, mut number: u64) {
        loop {
            self.prepend(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn prepend(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }
}

/// Prints an address as its own `Display` does.
pub(crate) struct Address(pub(crate) SocketAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V4(address) => f.write_str(PlainText::socket_v4(address).as_str()),
            SocketAddr::V6(address) => fmt::Display::fmt(&address, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn texts_are_those_of_the_standard_library() {
        for number in [0, 9, 10, 255, 65_535, u64::MAX] {
            assert_eq!(PlainText::number(number).as_str(), number.to_string());
        }
        for tenths in [0u32, 7, 10, 12_345] {
            assert_eq!(PlainText::tenths(tenths.into()).as_str(), format!("{:.1}", f64::from(tenths) / 10.0));
        }
        for (hundredths, text) in [(0, "0.0"), (7, "0.07"), (10, "0.1"), (437, "4.37"), (440, "4.4"), (400, "4.0"), (409, "4.09")] {
            assert_eq!(PlainText::hundredths(hundredths).as_str(), text);
        }
        assert_eq!(PlainText::tenths(u64::MAX).as_str(), "1844674407370955161.5");
        for address in ["0.0.0.0:0", "192.0.2.10:5060", "255.255.255.255:65535", "[2001:db8::1]:5061"] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(Address(address).to_string(), address.to_string());
            if let IpAddr::V4(ip) = address.ip() {
                assert_eq!(PlainText::v4(ip).as_str(), ip.to_string());
            }
        }
    }
}
