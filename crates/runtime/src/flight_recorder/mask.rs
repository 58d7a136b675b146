//! Secrets, overwritten where they stand: the text keeps its length, so positions and Content-Length stay true.

use super::pressed;
use memchr::{memchr, memchr_iter, memmem::Finder, memrchr3};
use std::ops::Range;
use tandem_signalling::message::{HeaderName, Message, Method};

/// What secrets become. In a URI it is a character as any other.
const MASK: u8 = b'*';

/// Finds out whether there is anything to mask. There hardly ever is, and this is cheaper than to go through every line.
pub(super) struct Suspicion([Finder<'static>; 3]);

impl Suspicion {
    pub(super) fn new() -> Self {
        // No description begins with `k=`.
        Suspicion([Finder::new(CRYPTO), Finder::new(KEY_MANAGEMENT), Finder::new(b"\nk=")])
    }

    pub(super) fn has_secrets(&self, message: &Message) -> bool {
        let has = |name| message.header(name).is_some();
        (message.method() == Method::Info && message.is_request() && !message.body().is_empty())
            || has(HeaderName::Authorization)
            || has(HeaderName::ProxyAuthorization)
            || has(HeaderName::AuthenticationInfo)
            || may_have_passwords(message.bytes())
            || self.0.iter().any(|finder| finder.find(message.body()).is_some())
    }
}

/// Whether there is an `@` with a colon before it that is not the one of `<sip:`.
fn may_have_passwords(text: &[u8]) -> bool {
    memchr_iter(b'@', text).any(|at| {
        let Some(colon) = memrchr3(b':', b' ', b'\n', &text[..at]).filter(|place| text[*place] == b':') else { return false };
        !(text[..colon].ends_with(b"<sip") || text[..colon].ends_with(b" sip"))
    })
}

/// The passwords of URIs (`sip:user:password@host`, `http://user:password@host`), in order. They may hold characters that no URI
/// may hold: those who write such are to be spared too.
pub(crate) struct Passwords<'a> {
    text: &'a [u8],
    next: usize,
    /// The first `@` and the first end of a URI behind the last scheme: each byte is looked at once, however many schemes there are.
    sign: usize,
    stop: usize,
}

impl Passwords<'_> {
    pub(crate) fn of(text: &[u8]) -> Passwords<'_> {
        Passwords { text, next: 0, sign: 0, stop: 0 }
    }

    /// Where the part begins that may hold a user, if this is the colon behind a scheme, and where it ends at the latest.
    fn authority(&self, colon: usize) -> Option<(usize, usize)> {
        let (before, after) = (&self.text[..colon], &self.text[colon + 1..]);
        let ends_with = |scheme: &[u8]| before.len() >= scheme.len() && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme);
        if ends_with(b"sip") || ends_with(b"sips") {
            return Some((colon + 1, self.text.len()));
        }
        let length = memchr(b'/', after.strip_prefix(b"//")?).unwrap_or(after.len() - 2);
        Some((colon + 3, colon + 3 + length))
    }

    fn password(&self, start: usize, end: usize) -> Option<Range<usize>> {
        let text = &self.text[..end];
        let begin = start + memchr(b':', text.get(start..self.sign)?)? + 1;
        // `host:5060;tag=a@b`
        let digits = text[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if (1..=5).contains(&digits) && matches!(text[begin + digits], b';' | b'?') {
            return None;
        }
        let host = text[self.sign..].iter().position(|byte| matches!(byte, b';' | b'?' | b',')).map_or(end, |length| self.sign + length);
        let last_sign = text[..host].iter().rposition(|byte| *byte == b'@')?;
        (begin < last_sign).then_some(begin..last_sign)
    }
}

impl Iterator for Passwords<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let colon = self.next + memchr(b':', &self.text[self.next..])?;
            self.next = colon + 1;
            let Some((start, end)) = self.authority(colon) else { continue };
            if self.sign < start {
                self.sign = start + memchr(b'@', &self.text[start..])?;
            }
            if self.stop < start {
                let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'<' | b'>' | b'"' | b'\\');
                self.stop = self.text[start..].iter().position(ends).map_or(self.text.len(), |length| start + length);
            }
            let end = end.min(self.stop);
            if self.sign < end
                && let Some(password) = self.password(start, end)
            {
                self.next = password.end;
                return Some(password);
            }
        }
    }
}

/// Masks the credentials of Authorization and Proxy-Authorization headers and what Authentication-Info proves, folded lines included; the passwords of URIs; and the
/// keys of SDP: `a=crypto` (RFC 4568 §9.1), `a=key-mgmt` (RFC 4567 §3) and `k=` (RFC 4566 §5.12); which key of a phone an INFO tells of.
/// Works on anything that has lines, malformed messages too.
pub fn mask_secrets(message: &mut [u8]) {
    pressed::mask(message);
    mask_passwords(message);
    let mut inside_credentials = false;
    let mut start = 0;
    while start < message.len() {
        let end = memchr(b'\n', &message[start..]).map_or(message.len(), |at| start + at + 1);
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

/// Masks the passwords of all URIs.
pub(crate) fn mask_passwords(text: &mut [u8]) {
    let passwords: Vec<_> = Passwords::of(text).collect();
    passwords.into_iter().for_each(|password| text[password].fill(MASK));
}

/// Masks one line that begins a header or an SDP attribute; says whether it holds credentials.
fn mask_line(line: &mut [u8]) -> bool {
    match line.first() {
        Some(b'a' | b'A' | b'p' | b'P' | b'k') => {}
        _ => return false,
    }
    if let Some((value, has_scheme)) = credentials(line) {
        if !has_scheme {
            blank(&mut line[value..]);
            return true;
        }
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
    } else if line.starts_with(KEY) || line.starts_with(KEY_MANAGEMENT) {
        // `k=clear:…`, `k=prompt`, `a=key-mgmt:mikey …`: how the key is given is no secret.
        let from = if line.starts_with(KEY) { KEY.len() } else { KEY_MANAGEMENT.len() };
        let kind = line[from..].iter().position(|byte| matches!(byte, b':' | b' ')).map_or(line.len(), |length| from + length + 1);
        blank(&mut line[kind..]);
    }
    false
}

const CRYPTO: &[u8] = b"a=crypto:";
const KEY_MANAGEMENT: &[u8] = b"a=key-mgmt:";
const KEY: &[u8] = b"k=";
const INLINE: &[u8] = b"inline:";

/// Where the value of a header with credentials begins, and whether it begins with a scheme. A password can be tried on a digest,
/// whoever made it.
fn credentials(line: &[u8]) -> Option<(usize, bool)> {
    let colon = memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    let secret: [(&[u8], bool); 3] = [(b"authorization", true), (b"proxy-authorization", true), (b"authentication-info", false)];
    secret.iter().find(|(secret, _)| name.eq_ignore_ascii_case(secret)).map(|(_, has_scheme)| (colon + 1, *has_scheme))
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
        assert!(!masked("Authentication-Info: qop=auth, rspauth=\"5ecret\"\r\n").contains("5ecret"));
        assert!(!masked("Authentication-Info: rspauth=\"5ecret\"\r\n").contains("5ecret"));
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
    fn keys_of_descriptions_are_blanked() {
        assert_eq!(
            masked("v=0\r\nk=clear:5ecret key\r\nk=prompt\r\nk=base64:NWVjcmV0\r\n"),
            "v=0\r\nk=clear:****** ***\r\nk=prompt\r\nk=base64:********\r\n"
        );
        assert_eq!(masked("a=key-mgmt:mikey AQAF\r\n"), "a=key-mgmt:mikey ****\r\n");
        assert_eq!(masked("k: timer\r\n"), "k: timer\r\n");
    }

    #[test]
    fn passwords_of_uris_are_blanked() {
        for (text, expected) in [
            ("INVITE sip:a:5ecret@b SIP/2.0\r\nTo: <SIPS:c:p@d>;tag=x", "INVITE sip:a:******@b SIP/2.0\r\nTo: <SIPS:c:*@d>;tag=x"),
            ("Contact: \"x\" <sip:a:x;2@b:5060>, sip:c:p,q@d;y=z", "Contact: \"x\" <sip:a:***@b:5060>, sip:c:***@d;y=z"),
            ("From: sip:a:p@q@b;tag=x@y", "From: sip:a:***@b;tag=x@y"),
            ("Refer-To: <sip:a;x=y:p@b?Replaces=1%402>", "Refer-To: <sip:a;x=y:*@b?Replaces=1%402>"),
            ("Call-Info: <http://a:5ecret@b/c>", "Call-Info: <http://a:******@b/c>"),
            ("f:sip:a:sip:p@b\r\n", "f:sip:a:*****@b\r\n"),
            ("{\"uri\":\"sip:a:p\u{e4}@b\"}", "{\"uri\":\"sip:a:***@b\"}"),
        ] {
            assert_eq!(masked(text), expected);
            assert!(may_have_passwords(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn many_schemes_take_no_more_time_than_one() {
        for piece in ["sip:", "sip:a:5;", "sip:a:@;", "sip:a:b@", "://", "sip:a:b@c "] {
            let text = piece.repeat(65_535 / piece.len());
            let began = std::time::Instant::now();
            masked(&text);
            assert!(began.elapsed() < std::time::Duration::from_secs(1), "{piece}");
        }
    }

    #[test]
    fn uris_without_password_are_left_alone() {
        for text in [
            "INVITE sip:a@b:5060;x=y SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: \"x:y\" <sip:b@c:5060>\r\nCall-ID: 1@d\r\n",
            "Contact: <sip:b:5060>\r\nCall-ID: x@y\r\n",
            "From: sip:b:5060;tag=a@b",
            "To: <sip:[2001:db8::1]:5060>;x=\"a@b\"",
            "To: <sip:a:@b>",
            "Call-Info: <http://b:80/c@d>",
        ] {
            assert_eq!(masked(text), text);
        }
        let plain = "INVITE sip:a@b:5060;x=y SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nCall-ID: 1@d\r\n";
        assert!(!may_have_passwords(plain.as_bytes()));
    }

    #[test]
    fn every_secret_is_noticed() {
        let message =
            |header: &str, body: &str| Message::parse(format!("BYE sip:a@b SIP/2.0\r\nVia: x\r\n{header}\r\n{body}").into()).unwrap();
        let has_secrets = |message: Message| Suspicion::new().has_secrets(&message);
        assert!(!has_secrets(message("", "v=0\r\na=rtpmap:0 PCMU/8000\r\n")));
        assert!(has_secrets(message("authorization : Digest a=1\r\n", "")));
        assert!(has_secrets(message("Authentication-Info: rspauth=1\r\n", "")));
        assert!(has_secrets(message("Proxy-Authorization:\r\n Digest a=1\r\n", "")));
        for body in ["v=0\r\na=crypto:1 X inline:abc\r\n", "v=0\r\nk=clear:x\r\n", "v=0\nk=clear:x\n", "a=key-mgmt:mikey x\r\n"] {
            assert!(has_secrets(message("", body)), "{body}");
        }
        assert!(has_secrets(message("Contact: <sip:a:b@c>\r\n", "")));
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        let text = "Allow: INVITE\r\nP-Asserted-Identity: <sip:a@b>\r\nAccept: x\r\n folded\r\n\r\na=rtpmap:0 PCMU/8000\r\na=crypt";
        assert_eq!(masked(text), text);
        assert_eq!(masked(""), "");
    }
}
