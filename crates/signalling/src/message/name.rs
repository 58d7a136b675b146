//! Header names: the ones that mean something to a SIP element, and [`HeaderName::Other`] for the rest.

use std::fmt;

macro_rules! header_names {
    ($($variant:ident = $canonical:literal $(, $compact:literal)?;)*) => {
        /// The name of a header, whatever its case and whether it was written long or compact (RFC 3261 §7.3.3).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $canonical, "`.")] $variant,)*
            /// A name that nothing here acts on; [`Header::raw_name`](super::Header::raw_name) has it.
            Other,
        }

        const NAMES: &[(HeaderName, &str, Option<u8>)] = &[
            $((HeaderName::$variant, $canonical, header_names!(@compact $($compact)?)),)*
        ];
    };
    (@compact $letter:literal) => { Some($letter) };
    (@compact) => { None };
}

header_names! {
    Via = "Via", b'v';
    From = "From", b'f';
    To = "To", b't';
    CallId = "Call-ID", b'i';
    CSeq = "CSeq";
    Contact = "Contact", b'm';
    MaxForwards = "Max-Forwards";
    Route = "Route";
    RecordRoute = "Record-Route";
    ContentType = "Content-Type", b'c';
    ContentLength = "Content-Length", b'l';
    ContentEncoding = "Content-Encoding", b'e';
    ContentDisposition = "Content-Disposition";
    ContentLanguage = "Content-Language";
    MimeVersion = "MIME-Version";
    Require = "Require";
    ProxyRequire = "Proxy-Require";
    Supported = "Supported", b'k';
    Unsupported = "Unsupported";
    Allow = "Allow";
    Accept = "Accept";
    AcceptEncoding = "Accept-Encoding";
    AcceptLanguage = "Accept-Language";
    AlertInfo = "Alert-Info";
    CallInfo = "Call-Info";
    ErrorInfo = "Error-Info";
    Reason = "Reason";
    Warning = "Warning";
    RetryAfter = "Retry-After";
    UserAgent = "User-Agent";
    Server = "Server";
    Date = "Date";
    Timestamp = "Timestamp";
    Expires = "Expires";
    MinExpires = "Min-Expires";
    Subject = "Subject", b's';
    Organization = "Organization";
    Priority = "Priority";
    ReplyTo = "Reply-To";
    InReplyTo = "In-Reply-To";
    Authorization = "Authorization";
    ProxyAuthorization = "Proxy-Authorization";
    WwwAuthenticate = "WWW-Authenticate";
    ProxyAuthenticate = "Proxy-Authenticate";
    AuthenticationInfo = "Authentication-Info";
    Event = "Event", b'o';
    AllowEvents = "Allow-Events", b'u';
    SubscriptionState = "Subscription-State";
    ReferTo = "Refer-To", b'r';
    ReferredBy = "Referred-By", b'b';
    ReferSub = "Refer-Sub";
    Replaces = "Replaces";
    Join = "Join";
    TargetDialog = "Target-Dialog";
    SessionExpires = "Session-Expires", b'x';
    MinSe = "Min-SE";
    RAck = "RAck";
    RSeq = "RSeq";
    SipEtag = "SIP-ETag";
    SipIfMatch = "SIP-If-Match";
    PAssertedIdentity = "P-Asserted-Identity";
    PPreferredIdentity = "P-Preferred-Identity";
    PCalledPartyId = "P-Called-Party-ID";
    RemotePartyId = "Remote-Party-ID";
    PChargingVector = "P-Charging-Vector";
    PAccessNetworkInfo = "P-Access-Network-Info";
    Privacy = "Privacy";
    Path = "Path";
    ServiceRoute = "Service-Route";
    Identity = "Identity", b'y';
    IdentityInfo = "Identity-Info", b'n';
    AcceptContact = "Accept-Contact", b'a';
    RejectContact = "Reject-Contact", b'j';
    RequestDisposition = "Request-Disposition", b'd';
    HistoryInfo = "History-Info";
    Diversion = "Diversion";
    UserToUser = "User-To-User";
    Geolocation = "Geolocation";
    AnswerMode = "Answer-Mode";
    SessionId = "Session-ID";
    InfoPackage = "Info-Package";
    RecvInfo = "Recv-Info";
}

impl HeaderName {
    /// The name as RFCs write it; empty for [`HeaderName::Other`].
    pub const fn canonical(self) -> &'static str {
        if matches!(self, HeaderName::Other) { "" } else { NAMES[self as usize].1 }
    }

    /// The compact form, a lower-case letter, if there is one.
    pub const fn compact(self) -> Option<char> {
        match self {
            HeaderName::Other => None,
            known => match NAMES[known as usize].2 {
                Some(letter) => Some(letter as char),
                None => None,
            },
        }
    }

    /// Reads a name without regard to case.
    pub fn from_bytes(name: &[u8]) -> HeaderName {
        let (index, is_long) = match name {
            [] => return HeaderName::Other,
            [letter] if letter.is_ascii_alphabetic() => (COMPACT[usize::from(letter | 0x20)], false),
            _ => (LONG[slot(name)], true),
        };
        match NAMES.get(usize::from(index)) {
            // Most names come as the RFC writes them, and that is compared faster.
            Some((known, canonical, _)) if !is_long || canonical.as_bytes() == name || canonical.as_bytes().eq_ignore_ascii_case(name) => {
                *known
            }
            _ => HeaderName::Other,
        }
    }

    /// A bit of its own in a set of names.
    pub(super) const fn bit(self) -> u128 {
        1 << self as u8
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, HeaderName::Other) { "unknown" } else { self.canonical() })
    }
}

/// Stands in the tables for "no such name".
const NONE: u8 = u8::MAX;

const SLOTS: usize = 512;

/// A hash without collisions among [`NAMES`]; [`LONG`] does not compile otherwise. `| 0x20` folds the case of letters.
const fn slot(name: &[u8]) -> usize {
    let first = (name[0] | 0x20) as usize;
    let middle = (name[name.len() / 2] | 0x20) as usize;
    let last = (name[name.len() - 1] | 0x20) as usize;
    (name.len() * 501 + first * 784 + last * 432 + middle * 490) % SLOTS
}

const LONG: [u8; SLOTS] = {
    let mut table = [NONE; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let place = slot(NAMES[index].1.as_bytes());
        assert!(table[place] == NONE, "two header names share a slot: choose other multipliers");
        table[place] = index as u8;
        index += 1;
    }
    table
};

const COMPACT: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut index = 0;
    while index < NAMES.len() {
        if let Some(letter) = NAMES[index].2 {
            assert!(table[letter as usize] == NONE, "two header names share a letter");
            table[letter as usize] = index as u8;
        }
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_in_its_compact_form() {
        for (name, canonical, compact) in NAMES {
            assert_eq!(HeaderName::from_bytes(canonical.as_bytes()), *name);
            assert_eq!(HeaderName::from_bytes(canonical.to_ascii_uppercase().as_bytes()), *name);
            assert_eq!(HeaderName::from_bytes(canonical.to_ascii_lowercase().as_bytes()), *name);
            assert_eq!(name.canonical(), *canonical);
            if let Some(letter) = compact {
                assert_eq!(HeaderName::from_bytes(&[*letter]), *name);
                assert_eq!(HeaderName::from_bytes(&[letter.to_ascii_uppercase()]), *name);
            }
        }
    }

    #[test]
    fn what_is_not_a_known_name_is_other() {
        for name in ["", "X-Custom", "Viaa", "Vi", "z", "!", "Content_Length", "Call-IDx", "\u{16}"] {
            assert_eq!(HeaderName::from_bytes(name.as_bytes()), HeaderName::Other, "{name}");
        }
    }
}
