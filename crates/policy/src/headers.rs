//! `headers_in` and `headers_out`: which headers of a caller's INVITE cross.

use std::borrow::Cow;
use tandem_config::{HeaderRules, NamePattern, check_settable, is_our_header};

/// Headers of the caller that may cross to one leg.
pub(crate) const MAX_PASSED: usize = 64;

/// Bytes of their names and values.
pub(crate) const MAX_PASSED_BYTES: usize = 8192;

/// More would cross than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

pub(crate) type Headers = Box<[(Box<str>, Box<str>)]>;

/// Whether any header of a caller can go out.
pub(crate) fn lets_any_out(outgoing: &HeaderRules) -> bool {
    outgoing.pass.as_ref().is_some_and(|pass| !pass.is_empty())
}

/// What callers say of themselves, which does not go where they must not be known (RFC 3323 §5.3, RFC 5379).
const TELLING: &[&str] = &[
    "Call-Info",
    "Geolocation",
    "Identity",
    "Identity-Info",
    "In-Reply-To",
    "Organization",
    "Referred-By",
    "Reply-To",
    "Subject",
    "User-Agent",
    "Warning",
];

/// The same of all that begin so: what networks tell one another of their callers.
const TELLING_FROM: &str = "P-";

fn tells_of_caller(name: &str) -> bool {
    let begins = name.get(..TELLING_FROM.len()).is_some_and(|start| start.eq_ignore_ascii_case(TELLING_FROM));
    begins || TELLING.iter().any(|telling| telling.eq_ignore_ascii_case(name))
}

/// The name as careless readers have it, who take `P_Asserted.Identity` for what it looks like.
fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Cow::Borrowed(name.trim_matches('-'));
    }
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    Cow::Owned(plain.trim_matches('-').to_owned())
}

/// Whether whoever has us call may say a header of that name.
pub(crate) fn is_settable(name: &str) -> bool {
    check_settable(name).is_ok() && !is_our_header(&plain(name))
}

/// Whether `outgoing` leaves a header alone that was said for one leg.
pub(crate) fn lets_set(outgoing: &HeaderRules, name: &str) -> bool {
    !sets(outgoing, name) && !any(&outgoing.remove, name) && !any(&outgoing.remove, &plain(name))
}

/// What of `headers` crosses: let in by the caller's trunk, let out to the called one, in their order; then what is set. Nothing
/// that tells who calls, if that is to be hidden.
pub(crate) fn crossing(
    incoming: &HeaderRules,
    outgoing: &HeaderRules,
    headers: &[(Box<str>, Box<str>)],
    hides: bool,
    is_beyond: impl Fn(&str) -> bool,
) -> Result<Headers, TooMuch> {
    if !lets_any_out(outgoing) {
        return Ok(outgoing.set.as_slice().into());
    }
    let is_kept = |name: &str| is_our_header(name) || is_beyond(name) || hides && tells_of_caller(name);
    let is_let_out = |name: &str| lets_out(outgoing, name) && !any(&outgoing.remove, &plain(name));
    let came = headers.iter().filter(|(name, _)| {
        let plain = plain(name);
        let is_stopped = is_kept(&plain) || any(&incoming.remove, &plain) || sets(incoming, &plain) || sets(outgoing, &plain);
        !is_stopped && !is_kept(name) && lets_in(incoming, name) && !sets(incoming, name)
    });
    let mut crossing: Vec<(Box<str>, Box<str>)> = Vec::new();
    let mut bytes = 0;
    for (name, value) in came.chain(&incoming.set).filter(|(name, _)| is_let_out(name) && !sets(outgoing, name)) {
        bytes += name.len() + value.len();
        if crossing.len() == MAX_PASSED || bytes > MAX_PASSED_BYTES {
            return Err(TooMuch);
        }
        crossing.push((name.clone(), value.clone()));
    }
    crossing.extend_from_slice(&outgoing.set);
    Ok(crossing.into())
}

/// Whether headers of that name are let in.
pub(crate) fn lets_in(incoming: &HeaderRules, name: &str) -> bool {
    incoming.pass.as_ref().is_none_or(|pass| any(pass, name)) && !any(&incoming.remove, name)
}

/// Whether headers of that name go out.
pub(crate) fn lets_out(outgoing: &HeaderRules, name: &str) -> bool {
    outgoing.pass.as_ref().is_some_and(|pass| any(pass, name)) && !any(&outgoing.remove, name)
}

fn any(patterns: &[NamePattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.fits(name))
}

/// Whether headers of that name are set.
pub(crate) fn sets(rules: &HeaderRules, name: &str) -> bool {
    rules.set.iter().any(|(set, _)| set.eq_ignore_ascii_case(name))
}
