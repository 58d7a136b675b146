//! User-to-User (RFC 7433) where it is not in an INVITE: in responses and BYEs, and in URIs that say what is to be said to whoever is
//! called there (§4.1). And what else such a URI may say.

use super::leg::LegEvent;
use super::{Call, Side};
use crate::message::{HeaderName, Message, NameAddr, Uri, UriHeaders, unescape};
use std::borrow::Cow;

/// Values that one message passes on.
const MAX_VALUES: usize = 8;

/// Bytes of them together.
const MAX_BYTES: usize = 2048;

const NAME: &str = "User-to-User";

/// What a URI may say of a request that somebody is to make of it: the dialogs that it is about, and what is not to be told (RFC 7044
/// §10.1.1). The rest would be the word of whoever wrote it in the name of whoever makes the request (RFC 3261 §19.1.5).
const KEPT: &[&str] = &["Replaces", "Require", "Join", "Target-Dialog", "Privacy"];

/// What a message says; nothing where that is more than may go on.
pub(crate) fn said(message: &Message) -> Vec<Box<str>> {
    bounded(message.headers().filter(|header| header.name == HeaderName::UserToUser).map(|header| header.unfolded()))
}

/// What a URI asks to be said.
pub(super) fn asked(headers: UriHeaders<'_>) -> Vec<Box<str>> {
    bounded(headers.iter().filter(|(name, _)| is_named(name)).map(|(_, value)| unescape(value)))
}

/// A `name-addr` with no other headers in its URI than those that may be kept, and User-to-User where that is passed on.
pub(super) fn screened(value: &str, passes: bool) -> Cow<'_, str> {
    let Some((address, uri)) = NameAddr::parse(value).ok().and_then(|address| Some((address, Uri::parse(address.uri).ok()?))) else {
        return Cow::Borrowed(value);
    };
    let is_kept = |name: &str| KEPT.iter().any(|known| unescape(name).eq_ignore_ascii_case(known)) || passes && is_named(name);
    if uri.headers.iter().all(|(name, _)| is_kept(name)) {
        return Cow::Borrowed(value);
    }
    let kept: Vec<_> = uri.headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| [name, "=", value].concat()).collect();
    let question = if kept.is_empty() { "" } else { "?" };
    let bare = &address.uri[..address.uri.len() - uri.headers.as_str().len()];
    Cow::Owned([address.display.unwrap_or_default(), "<", bare, question, &kept.join("&"), ">", address.params.as_str()].concat())
}

fn is_named(name: &str) -> bool {
    unescape(name).eq_ignore_ascii_case(NAME)
}

fn bounded<'m>(values: impl Iterator<Item = Cow<'m, str>>) -> Vec<Box<str>> {
    // Escapes can hold line ends.
    let values: Vec<Box<str>> = values.filter(|value| !value.chars().any(char::is_control)).take(MAX_VALUES + 1).map(Into::into).collect();
    let fits = values.len() <= MAX_VALUES && values.iter().map(|value| value.len()).sum::<usize>() <= MAX_BYTES;
    if fits { values } else { Vec::new() }
}

impl Call {
    /// What the callee says in a response to our INVITE is said in the caller's.
    pub(super) fn hear_user_to_user(&mut self, event: &LegEvent) {
        let (LegEvent::Provisional(response) | LegEvent::Accepted(response)) = event else { return };
        if self.passes_user_to_user(Side::Callee) && self.caller.has_open_server_invite() {
            self.caller.user_to_user = said(response);
        }
    }

    /// What a peer has said in its BYE is said in the other's.
    pub(super) fn pass_farewell(&mut self, from: Side) {
        if self.passes_user_to_user(from) {
            let said = from.of(&mut self.caller, &mut self.callee).map(|leg| std::mem::take(&mut leg.user_to_user));
            if let (Some(said), Some(to)) = (said, from.other().of(&mut self.caller, &mut self.callee)) {
                to.user_to_user = said;
            }
        }
    }

    /// Whether what the peer of that side says is for the other one.
    pub(super) fn passes_user_to_user(&self, from: Side) -> bool {
        let rule = |side: Side| self.leg(side).map(|leg| leg.profile.user_to_user).unwrap_or_default();
        rule(from).lets_in && rule(from.other()).lets_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_keeps_no_other_headers_than_it_may() {
        for (value, passed, kept) in [
            ("<sip:a@b>;q=0.5", "<sip:a@b>;q=0.5", "<sip:a@b>;q=0.5"),
            ("<sip:a@b?X-A=1>;q=0.5", "<sip:a@b>;q=0.5", "<sip:a@b>;q=0.5"),
            ("\"a ?X=1> \" <sip:a@b;x=y?From=z&X-A=1>", "\"a ?X=1> \"<sip:a@b;x=y>", "\"a ?X=1> \"<sip:a@b;x=y>"),
            (
                "<sip:a@b?%58-A=1&REplaces=c%3Bd&%52equire=e>",
                "<sip:a@b?REplaces=c%3Bd&%52equire=e>",
                "<sip:a@b?REplaces=c%3Bd&%52equire=e>",
            ),
            ("<sip:a@b?user-%74o-user=1&body=x>", "<sip:a@b>", "<sip:a@b?user-%74o-user=1>"),
            ("<sips:a@b?P-Asserted-Identity=%3Csip:c%3E&Privacy=history>", "<sips:a@b?Privacy=history>", "<sips:a@b?Privacy=history>"),
        ] {
            assert_eq!((screened(value, false).as_ref(), screened(value, true).as_ref()), (passed, kept), "{value}");
        }
    }

    #[test]
    fn what_is_asked_is_text_and_bounded() {
        let asked = |headers: &str| asked(Uri::parse(&format!("sip:a@b?{headers}")).expect("a URI").headers);
        let said: Vec<Box<str>> = vec!["1;encoding=hex".into(), "\"2, 3\"".into()];
        assert_eq!(asked("User-to-User=1%3Bencoding%3Dhex&X=1&USER-to-user=%222%2C%203%22"), said);
        for odd in ["%0D%0AVia:x", "a%00", "a%7F", "%C2%85"] {
            assert!(asked(&format!("User-to-User={odd}")).is_empty(), "{odd}");
        }
        assert_eq!(asked(&["User-to-User=1"; 8].join("&")).len(), 8);
        assert!(asked(&["User-to-User=1"; 9].join("&")).is_empty());
        assert!(asked(&format!("User-to-User={}&User-to-User={}", "a".repeat(1024), "b".repeat(1025))).is_empty());
    }
}
