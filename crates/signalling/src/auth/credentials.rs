//! Authorization and Proxy-Authorization (RFC 3261 §20.7, RFC 7616 §3.4).

use super::digest::{Algorithm, Hex};
use super::scheme::{Scheme, escape};
use crate::message::{HeaderName, Printer};

/// Credentials of the Digest scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// User name.
    pub username: &'a str,
    /// Realm.
    pub realm: &'a str,
    /// The challenge's nonce.
    pub nonce: &'a str,
    /// The Request-URI, as the sender had it.
    pub uri: &'a str,
    /// The digest.
    pub response: &'a str,
    /// How.
    pub algorithm: Algorithm,
    /// `nc`, as a number and as written, and `cnonce`, where `qop` is `auth`.
    pub auth: Option<(u32, &'a str, &'a str)>,
}

impl<'a> Credentials<'a> {
    /// The credentials, if they are Digest and all there: each parameter once, `nc` of eight digits, and no `qop` but `auth`.
    pub fn from_scheme(scheme: &'a Scheme<'_>) -> Option<Credentials<'a>> {
        if !scheme.is_digest() || !scheme.is_whole || scheme.repeats() {
            return None;
        }
        let auth = match scheme.get("qop") {
            Some(word) if word.eq_ignore_ascii_case("auth") => {
                let written = scheme.get("nc").filter(|count| count.len() == 8 && count.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
                let cnonce = scheme.get("cnonce").filter(|cnonce| !cnonce.is_empty())?;
                Some((u32::from_str_radix(written, 16).ok()?, written, cnonce))
            }
            Some(_) => return None,
            None => None,
        };
        Some(Credentials {
            username: scheme.get("username")?,
            realm: scheme.get("realm")?,
            nonce: scheme.get("nonce")?,
            uri: scheme.get("uri")?,
            response: scheme.get("response")?,
            algorithm: scheme.get("algorithm").map_or(Some(Algorithm::DEFAULT), Algorithm::parse)?,
            auth,
        })
    }
}

/// Credentials to be written.
pub(super) struct Written<'a> {
    pub(super) header: HeaderName,
    pub(super) username: &'a str,
    pub(super) realm: &'a str,
    pub(super) nonce: &'a str,
    pub(super) uri: &'a str,
    pub(super) response: Hex,
    pub(super) opaque: Option<&'a str>,
    /// Only where the challenge named one: RFC 2069 knows none.
    pub(super) algorithm: Option<Algorithm>,
    /// `nc` and `cnonce`.
    pub(super) auth: Option<(&'a str, &'a str)>,
}

impl Written<'_> {
    pub(super) fn write(&self, printer: &mut Printer) {
        let [username, realm, nonce] = [self.username, self.realm, self.nonce].map(escape);
        let uri = escape(self.uri);
        let mut text = ["Digest username=\"", &username, "\", realm=\"", &realm, "\", nonce=\"", &nonce, "\", uri=\"", &uri].concat();
        text.push_str("\", response=\"");
        text.push_str(self.response.as_str());
        text.push('"');
        if let Some(algorithm) = self.algorithm {
            text.push_str(", algorithm=");
            text.push_str(algorithm.token());
        }
        if let Some(opaque) = self.opaque {
            text.push_str(", opaque=\"");
            text.push_str(&escape(opaque));
            text.push('"');
        }
        if let Some((count, cnonce)) = self.auth {
            // RFC 7616 §3.4: qop and nc have no quotes here.
            for part in [", qop=auth, nc=", count, ", cnonce=\"", cnonce, "\""] {
                text.push_str(part);
            }
        }
        printer.header_str(self.header, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, look: impl FnOnce(Option<Credentials<'_>>) -> T) -> T {
        look(Credentials::from_scheme(&Scheme::read_all(text).unwrap()[0]))
    }

    const WHOLE: &str = "Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd98b\", uri=\"sip:bob@biloxi.com\", qop=auth, \
                         nc=0000000A, cnonce=\"0a4f113b\", response=\"6629\", opaque=\"5ccc\"";

    #[test]
    fn the_credentials_of_rfc_3261() {
        with(WHOLE, |credentials| {
            let credentials = credentials.unwrap();
            assert_eq!((credentials.username, credentials.uri, credentials.response), ("bob", "sip:bob@biloxi.com", "6629"));
            assert_eq!(credentials.auth, Some((10, "0000000A", "0a4f113b")));
        });
        with(&WHOLE.replace("qop=auth", "qop=\"auth\""), |credentials| assert!(credentials.is_some()));
        with(&WHOLE.replace("qop=auth, ", ""), |credentials| assert_eq!(credentials.unwrap().auth, None));
    }

    #[test]
    fn what_is_not_whole_is_none() {
        for (from, to) in [
            ("Digest", "Basic"),
            ("nc=0000000A", "nc=A"),
            ("nc=0000000A", "nc=+000000A"),
            (", cnonce=\"0a4f113b\"", ""),
            ("qop=auth", "qop=auth-int"),
            ("opaque=", "username="),
            ("opaque=\"5ccc\"", "algorithm=AKAv1-MD5"),
            ("uri=\"sip:bob@biloxi.com\", ", ""),
            ("opaque=\"5ccc\"", "opaque=\"5ccc"),
        ] {
            with(&WHOLE.replace(from, to), |credentials| assert_eq!(credentials, None, "{from} → {to}"));
        }
    }
}
