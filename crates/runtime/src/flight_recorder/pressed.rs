//! Which key of a phone an INFO tells of may be a digit of a secret: another one is written in its place, so that a call that is told of it
//! again does what it did. What cannot be read stays what cannot be read.

use std::ops::Range;

/// The key that stands for all.
const KEY: u8 = b'0';
/// What stands for a sign that is no key.
const NO_KEY: u8 = b'?';

/// Masks the body of an INFO that is about keys.
pub(super) fn mask(message: &mut [u8]) {
    let Some(start) = message.iter().position(|byte| !byte.is_ascii_whitespace()) else { return };
    if !message[start..].starts_with(b"INFO ") {
        return;
    }
    let Some(body) = end_of_head(message, start) else { return };
    // A type that says so (`application/dtmf-relay`), an INFO package, or whatever else.
    if message[start..body].windows(4).any(|word| word.eq_ignore_ascii_case(b"dtmf")) {
        message[body..].split_mut(|byte| matches!(byte, b'\r' | b'\n')).for_each(mask_line);
    }
}

fn end_of_head(message: &[u8], start: usize) -> Option<usize> {
    let mut line = start;
    while let Some(length) = memchr::memchr(b'\n', &message[line..]) {
        if message[line..line + length].trim_ascii().is_empty() {
            return Some(line + length + 1);
        }
        line += length + 1;
    }
    None
}

fn mask_line(line: &mut [u8]) {
    let value = value_of(line);
    if let Some(value) = value {
        mask_sign(&mut line[value]);
    }
}

/// Where a line may tell of a key: behind its name if it has one, and nowhere if that is the duration.
fn value_of(line: &[u8]) -> Option<Range<usize>> {
    let separator = line.iter().position(|byte| matches!(byte, b'=' | b':'));
    let name = separator.map(|at| line[..at].trim_ascii()).unwrap_or_default();
    if name.eq_ignore_ascii_case(b"duration") {
        return None;
    }
    let is_name = name.len() > 1 && name.iter().all(u8::is_ascii_alphabetic);
    let from = separator.filter(|_| is_name).map_or(0, |at| at + 1);
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'"';
    let start = from + line[from..].iter().position(|byte| !is_around(byte))?;
    let end = line.iter().rposition(|byte| !is_around(byte))? + 1;
    Some(start..end)
}

fn mask_sign(sign: &mut [u8]) {
    let code =
        std::str::from_utf8(sign).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).and_then(|text| text.parse().ok());
    let is_flash = matches!(&*sign, b"!" | b"16") || sign.eq_ignore_ascii_case(b"flash");
    match (&mut *sign, code) {
        _ if is_flash => {}
        ([one], _) => *one = if matches!(one.to_ascii_uppercase(), b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D') { KEY } else { NO_KEY },
        // By the code of its event.
        ([front @ .., ten, one], Some(10..=15_u32)) => {
            front.fill(b'0');
            (*ten, *one) = (b'1', b'0');
        }
        _ => sign.iter_mut().filter(|byte| byte.is_ascii_graphic()).for_each(|byte| *byte = NO_KEY),
    }
}

#[cfg(test)]
mod tests {
    use super::super::mask_secrets;
    use tandem_signalling::message::Message;

    fn info(kind: &str, body: &str) -> String {
        format!(
            "INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 5\r\n\
             CSeq: 1 INFO\r\nMax-Forwards: 70\r\n{kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask_secrets(&mut bytes);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_digit_is_left_and_a_key_stays_a_key() {
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", "Signal=0\r\nDuration=160\r\n"),
            ("signal = \"7\" \nDURATION: 90", "signal = \"0\" \nDURATION: 90"),
            ("Signal=11\r\n", "Signal=10\r\n"),
            ("Signal=015", "Signal=010"),
            ("5", "0"),
            (" #\r\n", " 0\r\n"),
            ("Signal=16\r\n", "Signal=16\r\n"),
            ("!", "!"),
            ("Signal=1234", "Signal=????"),
            ("Signal=E", "Signal=?"),
            ("1:2", "???"),
            ("d=5", "???"),
            ("Signal=1\r\nSignal=2\r\n3", "Signal=0\r\nSignal=0\r\n0"),
            ("", ""),
        ] {
            for kind in ["Content-Type: application/dtmf-relay", "c: Application/DTMF", "Content-Type:\r\n application/dtmf"] {
                assert_eq!(masked(&info(kind, body)), info(kind, expected));
            }
        }
    }

    #[test]
    fn what_is_read_of_it_differs_in_nothing_but_the_key() {
        use tandem_signalling::message::KeyInfo;
        let read = |text: String, kind: &str| KeyInfo::of(&Message::parse(info(kind, &text).into()).unwrap());
        let signs = (0..=127_u8).map(|byte| char::from(byte).to_string()).chain((0..200).map(|code| format!("{code:02}")));
        for sign in signs.chain(["é", "flash", "*1", "", "-1", "5\r\n6"].map(String::from)) {
            for body in [sign.clone(), format!("Signal={sign}\r\nDuration=70\r\n"), format!("x:y\r\nsignal: {sign}")] {
                for kind in ["application/dtmf", "application/dtmf-relay"].map(|kind| format!("Content-Type: {kind}")) {
                    let text = masked(&info(&kind, &body));
                    let after = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap();
                    match (read(body.clone(), &kind), read(after, &kind)) {
                        (Some(KeyInfo::Pressed(before)), Some(KeyInfo::Pressed(after))) => {
                            assert_eq!(before.ms, after.ms, "{body:?}");
                            assert!(matches!(after.key.sign(), '0' | '*'), "{body:?}");
                        }
                        (before, after) => assert_eq!(before, after, "{body:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn other_bodies_are_left_alone() {
        for text in [
            info("Content-Type: application/json", "5"),
            info("Content-Type: application/dtmf", "5").replacen("INFO", "MESSAGE", 1),
            "INFO sip:a@b SIP/2.0\r\nContent-Type: application/dtmf\r\n5".into(),
        ] {
            assert_eq!(masked(&text), text);
        }
    }
}
