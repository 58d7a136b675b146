//! Keys in bodies of INFO: `application/dtmf-relay`, of which there is no RFC but what Cisco has written and all others do, and
//! `application/dtmf`, one sign.

use super::{HeaderName, Message, Method, unsupported_encodings};
use tandem_model::{Key, KeyPress};

/// What we write.
pub(crate) const DTMF_RELAY: &str = "application/dtmf-relay";

/// Longest that a key is pressed because a body says so.
const MAX_MS: u16 = 10_000;

/// Longest body that is read: two short lines, and room for what some add.
const MAX_BODY: usize = 256;

/// What an INFO says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyInfo {
    /// One is pressed.
    Pressed(KeyPress),
    /// The hook is flashed, which is no key.
    Flash,
    /// It cannot be read.
    Malformed,
}

impl KeyInfo {
    /// Reads a request; `None` if it is about something else. One of an INFO package (RFC 6086) is about that.
    pub fn of(request: &Message) -> Option<KeyInfo> {
        if request.method() != Method::Info || request.header(HeaderName::InfoPackage).is_some() {
            return None;
        }
        let kind = request.content_type().filter(|_| unsupported_encodings(request).next().is_none())?;
        let is_relay = kind.is("application", "dtmf-relay");
        if !is_relay && !kind.is("application", "dtmf") {
            return None;
        }
        let body = std::str::from_utf8(request.body()).ok().filter(|body| body.len() <= MAX_BODY);
        Some(body.map_or(KeyInfo::Malformed, |body| if is_relay || body.contains('=') { read_relay(body) } else { read_sign(body, None) }))
    }
}

fn read_relay(body: &str) -> KeyInfo {
    let (mut signal, mut duration) = (None, None);
    for line in body.split(['\r', '\n']) {
        let Some((name, value)) = line.split_once(['=', ':']) else { continue };
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if name.eq_ignore_ascii_case("signal") {
            signal = signal.or(Some(value));
        } else if name.eq_ignore_ascii_case("duration") {
            duration = duration.or_else(|| value.parse::<u32>().ok());
        }
    }
    signal.map_or(KeyInfo::Malformed, |signal| read_sign(signal, duration))
}

fn read_sign(text: &str, duration: Option<u32>) -> KeyInfo {
    let text = text.trim();
    let mut signs = text.chars();
    let key = match (signs.next(), signs.next()) {
        (Some('!'), None) => return KeyInfo::Flash,
        (Some(sign), None) => Key::of_sign(sign),
        // By the code of their event (RFC 4733 §3.2): 10 and 11 are `*` and `#`, 16 is the flash.
        _ if text == "16" || text.eq_ignore_ascii_case("flash") => return KeyInfo::Flash,
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|code| (10..16).contains(code)).and_then(Key::of_code)
        }
        _ => None,
    };
    let ms = duration.filter(|ms| *ms > 0).map_or(KeyPress::USUAL_MS, |ms| ms.min(MAX_MS.into()) as u16);
    key.map_or(KeyInfo::Malformed, |key| KeyInfo::Pressed(KeyPress { key, ms }))
}

/// The body that says so.
pub(crate) fn relay_body(press: KeyPress) -> String {
    format!("Signal={}\r\nDuration={}\r\n", press.key.sign(), press.ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn info(kind: &str, body: &str) -> Option<KeyInfo> {
        let text = format!(
            "INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\n\
             CSeq: 1 INFO\r\nMax-Forwards: 70\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        KeyInfo::of(&Message::parse(Bytes::from(text)).expect("a message"))
    }

    fn pressed(sign: char, ms: u16) -> Option<KeyInfo> {
        Some(KeyInfo::Pressed(KeyPress { key: Key::of_sign(sign).expect("a key"), ms }))
    }

    #[test]
    fn whatever_phones_write_of_a_key_is_read() {
        for (body, sign, ms) in [
            ("Signal=5\r\nDuration=160", '5', 160),
            ("Signal= *\r\nDuration= 250\r\n", '*', 250),
            ("Signal = #\nDuration = 100\n", '#', 100),
            ("signal=d\r\n", 'D', 160),
            ("Duration=90\rSignal=0", '0', 90),
            ("Signal=10\r\nDuration=100\r\n", '*', 100),
            ("Signal=11\r\nDuration=0\r\n", '#', 160),
            ("Signal=15\r\nDuration=99999999999\r\n", 'D', 160),
            ("Signal=1\r\nDuration=4294967295\r\n", '1', 10_000),
            ("Signal=1\r\nDuration=-5\r\nSignal=2", '1', 160),
            ("\r\n Signal: \"7\" \r\nVolume=10\r\n", '7', 160),
        ] {
            assert_eq!(info("application/dtmf-relay", body), pressed(sign, ms), "{body:?}");
        }
        for (body, sign) in [("5", '5'), (" *\r\n", '*'), ("11", '#'), ("Signal=3", '3')] {
            assert_eq!(info("Application/DTMF;charset=utf-8", body), pressed(sign, 160), "{body:?}");
        }
    }

    #[test]
    fn what_is_no_key() {
        for body in ["16", "!", "Signal=16\r\nDuration=100", "Signal=flash"] {
            assert_eq!(info("application/dtmf", body), Some(KeyInfo::Flash), "{body:?}");
        }
        let long = "Signal=5\r\n".repeat(30);
        for body in ["", "\r\n", "Signal=", "Signal=17", "Signal=E", "Signal=55", "Duration=100", "Signal=é", "five", long.as_str()] {
            assert_eq!(info("application/dtmf-relay", body), Some(KeyInfo::Malformed), "{body:?}");
        }
        assert_eq!(info("application/json", "5"), None);
    }

    #[test]
    fn what_we_write_reads_as_what_was_meant() {
        for press in (0..16).filter_map(Key::of_code).map(|key| KeyPress { key, ms: 120 }) {
            assert_eq!(info(DTMF_RELAY, &relay_body(press)), Some(KeyInfo::Pressed(press)));
        }
    }
}
