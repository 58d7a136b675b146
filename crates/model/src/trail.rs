//! Who was called before, and where the call was sent from there: Diversion (RFC 5806) and History-Info (RFC 7044).

use serde::{Deserialize, Serialize};

/// What the two headers say. `None` of one: it is not looked at, and not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trail {
    /// Who sent the call on, the latest first.
    pub diversion: Option<Vec<Passage>>,
    /// Where the call went, from the first on.
    pub history: Option<Vec<Passage>>,
    /// An entry is added to the first where a redirection is followed.
    pub adds_diversion: bool,
    /// The same of the second.
    pub adds_history: bool,
    /// What is private is not told.
    pub enforces: bool,
    /// All of it is private.
    pub hides: bool,
}

/// One entry of either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Passage {
    /// The display name.
    pub name: Option<Box<str>>,
    /// The user part: unescaped, without its parameters.
    pub number: Box<str>,
    /// What of the URI's parameters and headers goes on, as written: `;cause=302?Reason=SIP%3Bcause%3D486`.
    pub tail: Box<str>,
    /// The parameters of the entry, as written, less `privacy`.
    pub params: Box<str>,
    /// It is not to be told, says who wrote it.
    pub private: bool,
    /// It is told without saying who it is.
    pub hidden: bool,
    /// We add it, for this reason.
    pub own: Option<Moved>,
}

/// Why we send a call to another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moved {
    /// Its route names another.
    ByRoute,
    /// A redirection was followed.
    ByRedirection,
}
