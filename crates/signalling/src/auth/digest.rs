//! The arithmetic of digests (RFC 7616 §3.4, RFC 8760 §2).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use std::fmt;

/// A hash function that digests are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// RFC 1321.
    Md5,
    /// FIPS 180-4.
    Sha256,
    /// SHA-512 cut to 256 bits, as FIPS 180-4 has it.
    Sha512Trunc256,
}

/// What `algorithm` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// The function.
    pub hash: Hash,
    /// `-sess`: the first nonce and cnonce go into the key.
    pub session: bool,
}

impl Algorithm {
    /// What a challenge means that names none (RFC 7616 §3.3).
    pub const DEFAULT: Algorithm = Algorithm { hash: Hash::Md5, session: false };

    const ALL: [(&str, Algorithm); 6] = [
        ("MD5", Algorithm { hash: Hash::Md5, session: false }),
        ("SHA-256", Algorithm { hash: Hash::Sha256, session: false }),
        ("SHA-512-256", Algorithm { hash: Hash::Sha512Trunc256, session: false }),
        ("MD5-sess", Algorithm { hash: Hash::Md5, session: true }),
        ("SHA-256-sess", Algorithm { hash: Hash::Sha256, session: true }),
        ("SHA-512-256-sess", Algorithm { hash: Hash::Sha512Trunc256, session: true }),
    ];

    /// Reads the word, whatever its case. `None` for one that we do not know.
    pub fn parse(word: &str) -> Option<Algorithm> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, algorithm)| *algorithm)
    }

    /// The word.
    pub fn token(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("MD5", |(word, _)| *word)
    }
}

/// A digest in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex {
    text: [u8; MOST_DIGITS],
    len: u8,
}

impl Hex {
    /// The digits, in lower case.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.len)]).expect("hexadecimal digits are ASCII")
    }

    pub(super) fn of(bytes: &[u8]) -> Hex {
        let mut hex = Hex { text: [0; MOST_DIGITS], len: 0 };
        for (byte, digits) in bytes.iter().zip(hex.text.chunks_mut(2)) {
            digits[0] = DIGITS[usize::from(byte >> 4)];
            digits[1] = DIGITS[usize::from(byte & 15)];
            hex.len += 2;
        }
        hex
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Digits of the longest: a nonce.
const MOST_DIGITS: usize = 74;

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Hash {
    /// The digest of `parts` with a colon between each two.
    pub fn of(self, parts: &[&str]) -> Hex {
        #[cfg(test)]
        counted::MADE.with_borrow_mut(|made| made.push((self, parts.iter().map(|part| part.len() + 1).sum())));
        match self {
            Hash::Md5 => fold::<Md5>(parts),
            Hash::Sha256 => fold::<Sha256>(parts),
            Hash::Sha512Trunc256 => fold::<Sha512_256>(parts),
        }
    }
}

/// What hashes a test's thread has made, and how many bytes went into each.
#[cfg(test)]
pub(super) mod counted {
    use super::Hash;
    use std::cell::RefCell;

    thread_local! {
        pub(super) static MADE: RefCell<Vec<(Hash, usize)>> = const { RefCell::new(Vec::new()) };
    }

    /// What `work` makes.
    pub(crate) fn during(work: impl FnOnce()) -> Vec<(Hash, usize)> {
        MADE.take();
        work();
        MADE.take()
    }
}

fn fold<D: Digest>(parts: &[&str]) -> Hex {
    let mut digest = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part.as_bytes());
    }
    Hex::of(&digest.finalize())
}

/// All that goes into a response.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// How.
    pub algorithm: Algorithm,
    /// User name.
    pub username: &'a str,
    /// Realm.
    pub realm: &'a str,
    /// Password.
    pub password: &'a str,
    /// The challenge's nonce.
    pub nonce: &'a str,
    /// Method of the request.
    pub method: &'a str,
    /// `uri` of the credentials.
    pub uri: &'a str,
    /// `nc` and `cnonce` where `qop` is `auth`; `None` where there is no `qop` (RFC 2069).
    pub auth: Option<(&'a str, &'a str)>,
}

impl Terms<'_> {
    /// `response` (RFC 7616 §3.4.1). A session without `qop` is none.
    pub fn response(&self) -> Hex {
        let hash = self.algorithm.hash;
        // §3.4.2
        let mut key = hash.of(&[self.username, self.realm, self.password]);
        if let (true, Some((_, cnonce))) = (self.algorithm.session, self.auth) {
            key = hash.of(&[key.as_str(), self.nonce, cnonce]);
        }
        // §3.4.3
        let request = hash.of(&[self.method, self.uri]);
        match self.auth {
            Some((count, cnonce)) => hash.of(&[key.as_str(), self.nonce, count, cnonce, "auth", request.as_str()]),
            // RFC 2617 §3.2.2.1: what peers of RFC 2069 compute.
            None => hash.of(&[key.as_str(), self.nonce, request.as_str()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rfc_7616(algorithm: &str) -> String {
        let terms = Terms {
            algorithm: Algorithm::parse(algorithm).unwrap(),
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            method: "GET",
            uri: "/dir/index.html",
            auth: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        terms.response().as_str().to_owned()
    }

    #[test]
    fn the_examples_of_rfc_7616() {
        assert_eq!(of_rfc_7616("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(of_rfc_7616("SHA-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn the_example_of_rfc_2617() {
        let terms = Terms {
            algorithm: Algorithm::DEFAULT,
            username: "Mufasa",
            realm: "testrealm@host.com",
            password: "Circle Of Life",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            method: "GET",
            uri: "/dir/index.html",
            auth: Some(("00000001", "0a4f113b")),
        };
        assert_eq!(terms.response().as_str(), "6629fae49393a05397450978507c4ef1");
        // Errata of RFC 2069 §2.4.
        assert_eq!(Terms { auth: None, ..terms }.response().as_str(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn sha_512_256_is_the_function_of_its_own_beginning() {
        // FIPS 180-4 example: "abc".
        let expected = "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23";
        assert_eq!(Hash::Sha512Trunc256.of(&["abc"]).as_str(), expected);
    }

    #[test]
    fn words_are_read_whatever_their_case() {
        assert_eq!(Algorithm::parse("sha-256-SESS"), Some(Algorithm { hash: Hash::Sha256, session: true }));
        assert_eq!(Algorithm::parse("AKAv1-MD5"), None);
        assert!(Algorithm::ALL.iter().all(|(word, algorithm)| algorithm.token() == *word));
    }
}
