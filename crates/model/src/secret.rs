//! What authenticates: names and passwords that are never shown.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, sync::Arc};

/// A password. It is not printed, and not written down: what is read back is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes it in.
    pub fn new(text: &str) -> Self {
        Secret(text.into())
    }

    /// The text itself, for who computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Secret)
    }
}

/// What we answer a peer's challenges with (RFC 3261 §22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// User name.
    pub username: Box<str>,
    /// Password.
    pub password: Secret,
    /// The realm that it is for; any that the peer names where `None`.
    pub realm: Option<Box<str>>,
}

/// How a peer may answer our challenges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DigestAlgorithm {
    /// RFC 8760.
    Sha256,
    /// RFC 3261.
    Md5,
}

/// What a peer must answer our challenges with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The trunk whose peer it is, or `users`: a nonce made for one is nothing to another.
    pub trunk: Box<str>,
    /// The realm that we name.
    pub realm: Box<str>,
    /// Asked for in this order.
    pub algorithms: Box<[DigestAlgorithm]>,
    /// Whose answers are good.
    pub accounts: Accounts,
}

/// A name and the password that goes with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// User name.
    pub username: Box<str>,
    /// Password.
    pub password: Secret,
}

/// Whose answers to a challenge are good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Accounts {
    /// This one's.
    One(Account),
    /// Any of these, at least one, sorted by name.
    Any(Arc<[Account]>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let login = Login { username: "acme".into(), password: Secret::new("s3cret"), realm: None };
        assert!(!format!("{login:?}").contains("s3cret"));
        assert_eq!(login.password.expose(), "s3cret");
    }
}
