//! Secrets, overwritten where they stand: the text keeps its length, so positions and Content-Length stay true.

use memchr::memmem::Finder;
use tandem_signalling::message::{HeaderName, Message};

/// What secrets become.
const MASK: u8 = b'*';

/// Finds out whether there is anything to mask. There hardly ever is, and this is cheaper than to go through every line.
pub(super) struct Suspicion(Finder<'static>);

impl Suspicion {
    pub(super) fn new() -> Self {
        Suspicion(Finder::new(CRYPTO))
    }

    pub(super) fn has_secrets(&self, message: &Message) -> bool {
        let has = |name| message.header(name).is_some();
        has(HeaderName::Authorization) || has(HeaderName::ProxyAuthorization) || self.0.find(message.bytes()).is_some()
    }
}

/// Masks the credentials of Authorization and Proxy-Authorization headers, folded lines included, and the keys of
/// SDES `a=crypto` lines (RFC 4568 §9.1). Works on anything that has lines, malformed messages too.
pub fn mask_secrets(message: &mut [u8]) {
    let mut inside_credentials = false;
    let mut start = 0;
    while start < message.len() {
        let end = memchr::memchr(b'\n', &message[start..]).map_or(message.len(), |at| start + at + 1);
        let line = &mut message[start..end];
        let continues = matches!(line.first(), Some(b' ' | b'\t'));
        if continues && inside_credentials {
            blank(line);
        } else if !continues {
            inside_credentials = mask_line(line);
        }
        start = end;
    }
}

/// Masks one line that begins a header or an SDP attribute; says whether it holds credentials.
fn mask_line(line: &mut [u8]) -> bool {
    match line.first() {
        Some(b'a' | b'A' | b'p' | b'P') => {}
        _ => return false,
    }
    if let Some(value) = credentials(line) {
        // The scheme says how to read the rest and is no secret.
        let scheme = line[value..].iter().skip_while(|byte| byte.is_ascii_whitespace()).take_while(|byte| !byte.is_ascii_whitespace());
        let leading = line[value..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let scheme = scheme.count();
        let rest = (value + leading + scheme).min(line.len());
        blank(&mut line[rest..]);
        return true;
    }
    if line.len() > CRYPTO.len() && line[..CRYPTO.len()].eq_ignore_ascii_case(CRYPTO) {
        mask_keys(&mut line[CRYPTO.len()..]);
    }
    false
}

const CRYPTO: &[u8] = b"a=crypto:";
const INLINE: &[u8] = b"inline:";

/// Where the value of an Authorization or Proxy-Authorization header begins.
fn credentials(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    let secret = name.eq_ignore_ascii_case(b"authorization") || name.eq_ignore_ascii_case(b"proxy-authorization");
    secret.then_some(colon + 1)
}

/// Blanks every `inline:` key up to the `|` or the space that ends it.
fn mask_keys(mut rest: &mut [u8]) {
    while let Some(at) = rest.windows(INLINE.len()).position(|window| window.eq_ignore_ascii_case(INLINE)) {
        let (_, after) = std::mem::take(&mut rest).split_at_mut(at + INLINE.len());
        let length = after.iter().position(|byte| matches!(byte, b'|' | b' ' | b'\t' | b';' | b'\r' | b'\n')).unwrap_or(after.len());
        after[..length].fill(MASK);
        rest = &mut after[length..];
    }
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| !byte.is_ascii_whitespace()).for_each(|byte| *byte = MASK);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask_secrets(&mut bytes);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn credentials_are_blanked_and_the_scheme_stays() {
        assert_eq!(masked("Authorization: Digest user=\"a\"\r\nVia: x\r\n"), "Authorization: Digest ********\r\nVia: x\r\n");
        assert_eq!(masked("PROXY-authorization :Bearer abc.def\r\n"), "PROXY-authorization :Bearer *******\r\n");
        assert_eq!(masked("authorization:\r\n"), "authorization:\r\n");
    }

    #[test]
    fn folded_credentials_are_blanked_too() {
        let text = "Authorization: Digest a=1,\r\n  response=\"5ecret\"\r\n\tcnonce=2\r\nTo: <sip:b@c>\r\n";
        let shown = masked(text);
        assert!(!shown.contains("5ecret") && !shown.contains("cnonce") && shown.ends_with("To: <sip:b@c>\r\n"), "{shown}");
    }

    #[test]
    fn a_scheme_on_the_folded_line_is_blanked_with_the_rest() {
        assert!(!masked("Authorization:\r\n Digest response=5ecret\r\n").contains("5ecret"));
    }

    #[test]
    fn every_key_of_a_crypto_line_is_blanked() {
        let line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3|2^20|1:32;inline:Zm9v FEC_KEY=x\r\n";
        let expected = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****************|2^20|1:32;inline:**** FEC_KEY=x\r\n";
        assert_eq!(masked(line), expected);
    }

    #[test]
    fn every_secret_is_noticed() {
        let message =
            |header: &str, body: &str| Message::parse(format!("BYE sip:a@b SIP/2.0\r\nVia: x\r\n{header}\r\n{body}").into()).unwrap();
        let has_secrets = |message: Message| Suspicion::new().has_secrets(&message);
        assert!(!has_secrets(message("", "v=0\r\na=rtpmap:0 PCMU/8000\r\n")));
        assert!(has_secrets(message("authorization : Digest a=1\r\n", "")));
        assert!(has_secrets(message("Proxy-Authorization:\r\n Digest a=1\r\n", "")));
        assert!(has_secrets(message("", "v=0\r\na=crypto:1 X inline:abc\r\n")));
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        let text = "Allow: INVITE\r\nP-Asserted-Identity: <sip:a@b>\r\nAccept: x\r\n folded\r\n\r\na=rtpmap:0 PCMU/8000\r\na=crypt";
        assert_eq!(masked(text), text);
        assert_eq!(masked(""), "");
    }
}
