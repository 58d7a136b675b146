//! What is signed with the secret of a project: JSON Web Tokens (RFC 7519) of the one algorithm that the SDKs use, and texts of our own.

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};
use tandem_model::Secret;

/// How far the clocks of programs may be off, in seconds.
const LEEWAY: f64 = 30.0;

/// base64url without padding where we write it, with or without where we read it.
pub(super) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a token says.
#[derive(Debug)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Seconds since the epoch.
    fn time(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// It is of that project.
    pub(super) fn is_of(&self, key: &str) -> bool {
        self.text("iss") == key && self.text("ist") == "project"
    }

    /// It lets somebody into a session, and does not speak for the project: browsers have such ones.
    pub(super) fn is_for_a_session(&self) -> bool {
        ["scope", "session_id", "role"].iter().any(|name| self.0.contains_key(*name))
    }

    /// It was issued, and has not expired.
    pub(super) fn is_current(&self, now: f64) -> bool {
        self.time("iat").is_some_and(|at| at <= now + LEEWAY) && self.time("exp").is_some_and(|at| now - LEEWAY < at)
    }
}

/// The claims of a JSON Web Token, which nobody has vouched for.
pub(super) fn unverified(token: &str) -> Option<Claims> {
    json(token.split('.').nth(1)?).map(Claims)
}

/// The claims of a JSON Web Token that was signed with that secret.
pub(super) fn verified(token: &str, secret: &Secret) -> Option<Claims> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (head, claims) = signed.split_once('.')?;
    // RFC 8725 §3.1: it is not for the token to say how it is to be checked.
    if json(head)?.get("alg").and_then(Value::as_str) != Some("HS256") {
        return None;
    }
    let mut mac = keyed(secret);
    mac.update(signed.as_bytes());
    mac.verify_slice(&BASE64URL.decode(signature).ok()?).ok()?;
    json(claims).map(Claims)
}

fn json(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok()
}

/// HMAC-SHA256 (RFC 2104) with that secret; it compares in constant time.
pub(super) fn keyed(secret: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length")
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since the epoch.
pub(super) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
