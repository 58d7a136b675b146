//! WWW-Authenticate and Proxy-Authenticate (RFC 3261 §20.44, RFC 7616 §3.3).

use super::digest::Algorithm;
use super::scheme::{Scheme, escape};
use crate::message::{HeaderName, Printer};

/// A challenge of the Digest scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestChallenge<'a> {
    /// Whose credentials are asked for.
    pub realm: &'a str,
    /// To be hashed along.
    pub nonce: &'a str,
    /// To be given back.
    pub opaque: Option<&'a str>,
    /// How; [`Algorithm::DEFAULT`] where it is not written.
    pub algorithm: Algorithm,
    /// Whether it was written.
    pub names_algorithm: bool,
    /// Whether `qop` is to be `auth`; without any `qop` it is a challenge of RFC 2069.
    pub auth: bool,
    /// Only the nonce of the last answer was too old.
    pub stale: bool,
}

impl<'a> DigestChallenge<'a> {
    /// The challenge, if it is one that we can answer: Digest, with realm and nonce, of an algorithm that we know, and with `auth`
    /// among its `qop` if it has any.
    pub fn from_scheme(scheme: &'a Scheme<'_>) -> Option<DigestChallenge<'a>> {
        if !scheme.is_digest() {
            return None;
        }
        let algorithm = match scheme.get("algorithm") {
            Some(word) => Algorithm::parse(word)?,
            None => Algorithm::DEFAULT,
        };
        let auth = match scheme.get("qop") {
            Some(list) if list.split([',', ' ']).any(|word| word.trim().eq_ignore_ascii_case("auth")) => true,
            // An empty list says as much as none.
            Some(list) if list.trim().is_empty() => false,
            Some(_) => return None,
            None => false,
        };
        // RFC 7616 §3.4.2: the key of a session needs a cnonce.
        if algorithm.session && !auth {
            return None;
        }
        Some(DigestChallenge {
            realm: scheme.get("realm")?,
            nonce: scheme.get("nonce").filter(|nonce| !nonce.is_empty())?,
            opaque: scheme.get("opaque"),
            algorithm,
            names_algorithm: scheme.get("algorithm").is_some(),
            auth,
            stale: scheme.get("stale").is_some_and(|word| word.eq_ignore_ascii_case("true")),
        })
    }

    /// Adds it as WWW-Authenticate.
    pub fn write(&self, printer: &mut Printer) {
        let realm = escape(self.realm);
        let qop = if self.auth { ", qop=\"auth\"" } else { "" };
        let stale = if self.stale { ", stale=true" } else { "" };
        let parts = ["Digest realm=\"", &realm, "\", nonce=\"", self.nonce, "\", algorithm=", self.algorithm.token(), qop, stale];
        printer.header_parts(HeaderName::WwwAuthenticate, &parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Hash;

    fn with<T>(text: &str, look: impl FnOnce(Option<DigestChallenge<'_>>) -> T) -> T {
        look(DigestChallenge::from_scheme(&Scheme::read_all(text).unwrap()[0]))
    }

    #[test]
    fn the_challenge_of_rfc_3261() {
        let text = "Digest realm=\"biloxi.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                    opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        with(text, |challenge| {
            let challenge = challenge.unwrap();
            assert_eq!((challenge.realm, challenge.auth, challenge.stale), ("biloxi.com", true, false));
            assert_eq!((challenge.algorithm, challenge.names_algorithm), (Algorithm::DEFAULT, false));
            assert_eq!(challenge.opaque, Some("5ccc069c403ebaf9f0171e9517f40e41"));
        });
    }

    #[test]
    fn what_peers_write_is_understood() {
        let text = "DIGEST REALM=x,Nonce=\"n\",ALGORITHM=\"sha-256\",qop=auth,STALE=TRUE,future=1";
        with(text, |challenge| {
            let challenge = challenge.unwrap();
            assert_eq!((challenge.realm, challenge.algorithm.hash, challenge.stale), ("x", Hash::Sha256, true));
        });
        with("Digest realm=\"x\",nonce=\"n\",qop=\"\"", |challenge| assert!(!challenge.unwrap().auth));
    }

    #[test]
    fn what_we_cannot_answer_is_none() {
        for text in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest nonce=\"n\"",
            "Digest realm=\"x\",nonce=\"\"",
            "Digest realm=\"x\",nonce=\"n\",algorithm=AKAv1-MD5",
            "Digest realm=\"x\",nonce=\"n\",qop=\"auth-int\"",
            "Digest realm=\"x\",nonce=\"n\",algorithm=MD5-sess",
        ] {
            with(text, |challenge| assert_eq!(challenge, None, "{text}"));
        }
    }

    #[test]
    fn what_we_write_reads_back() {
        let challenge = DigestChallenge {
            realm: "a\"b",
            nonce: "12",
            opaque: None,
            algorithm: Algorithm { hash: Hash::Sha256, session: false },
            names_algorithm: true,
            auth: true,
            stale: true,
        };
        let mut printer = Printer::response(401, "Unauthorized");
        challenge.write(&mut printer);
        let message = crate::message::Message::parse(printer.finish()).unwrap();
        with(message.header(HeaderName::WwwAuthenticate).unwrap(), |read| assert_eq!(read, Some(challenge)));
    }
}
