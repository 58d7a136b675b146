//! Who calls whom, as messages say it, and what an INVITE of ours says beyond the ordinary.

use crate::{Asks, Privacy, Shows, Trail};
use serde::{Deserialize, Serialize};

/// Where the called number is taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CalledFrom {
    /// The Request-URI.
    #[default]
    RequestUri,
    /// To.
    To,
    /// P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
    /// P-Called-Party-ID, or To where that is not there: the Request-URI is what we registered, and names nobody.
    Beyond,
    /// To, where the Request-URI is likewise.
    ToAlone,
}

/// Where the caller's number and name are read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallerId {
    /// From.
    #[default]
    From,
    /// P-Asserted-Identity (RFC 3325).
    Pai,
    /// Remote-Party-ID, which no RFC has.
    Rpid,
    /// P-Preferred-Identity (RFC 3325 §9.2).
    Ppi,
}

/// What a call reads from the INVITE that began it, to show it to policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Where the called number stands.
    pub called_from: CalledFrom,
    /// Where the caller stands.
    pub caller_id: CallerId,
    /// Some rule looks at who calls.
    pub caller: bool,
    /// Some rule looks at headers that are not ours.
    pub headers: bool,
    /// Some rule looks at who was called before.
    #[serde(default)]
    pub trail: bool,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The display name, without quotes.
    pub name: Option<Box<str>>,
    /// The user part: unescaped, without its parameters; empty if there is none.
    pub number: Box<str>,
    /// What the caller asks to be kept from the called person.
    pub privacy: Privacy,
    /// Somebody who is believed has said that it is so, or we know it.
    #[serde(default)]
    pub is_screened: bool,
}

/// Headers that sign who calls whom (RFC 8224, RFC 4474).
const SIGNATURES: [&str; 2] = ["Identity", "Identity-Info"];

/// Whether the header of that name signs who calls whom.
pub fn is_signature(name: &str) -> bool {
    SIGNATURES.iter().any(|signature| signature.eq_ignore_ascii_case(name))
}

impl Presentation {
    /// The call goes to another number than the one that signatures are about.
    pub fn void_signatures(&mut self) {
        if self.headers.iter().any(|(name, _)| is_signature(name)) {
            self.headers = std::mem::take(&mut self.headers).into_iter().filter(|(name, _)| !is_signature(name)).collect();
        }
    }
}

/// What an INVITE of ours says that it would not say by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    /// Route: the proxy that it goes through.
    pub route: Option<Box<str>>,
    /// Who calls; `None`: whom the caller's From names.
    pub caller: Option<Caller>,
    /// Whom From names.
    #[serde(default)]
    pub shows: Shows,
    /// What is asked to be kept private.
    #[serde(default)]
    pub asks: Asks,
    /// The header beside From that names who calls.
    pub identity: CallerId,
    /// Who was called before.
    #[serde(default)]
    pub trail: Option<Box<Trail>>,
    /// Host part of From and of that header; `None`: the node's.
    pub domain: Option<Box<str>>,
    /// Names and values of headers that nobody here acts on.
    pub headers: Box<[(Box<str>, Box<str>)]>,
}
