//! The signature of what is sent, so that whoever gets it knows that it is from here and how old it is.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write;

/// The header that holds it.
pub const SIGNATURE_HEADER: &str = "tandem-signature";

/// `t=1700000000,v1=5257a8…`: the time in seconds since the epoch, and the HMAC-SHA256 (RFC 2104) with `secret` of that time as it is
/// written, a full stop, and the body.
///
/// # Panics
/// Never: a key of HMAC has any length.
pub fn sign(secret: &str, unix_s: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{unix_s}.").as_bytes());
    mac.update(body);
    let mut header = format!("t={unix_s},v1=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a String does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf '1700000000.{"id":"1"}' | openssl dgst -sha256 -hmac whsec`.
    #[test]
    fn it_is_what_others_compute() {
        assert_eq!(
            sign("whsec", 1_700_000_000, br#"{"id":"1"}"#),
            "t=1700000000,v1=60734808e731b08d45bee887cade715d87211348f1bcb975b46c8d2e7fa5dbcd"
        );
    }

    #[test]
    fn time_and_body_and_secret_count() {
        let one = sign("a", 1, b"x");
        assert!([sign("b", 1, b"x"), sign("a", 2, b"x"), sign("a", 1, b"y")].iter().all(|other| *other != one));
    }
}
