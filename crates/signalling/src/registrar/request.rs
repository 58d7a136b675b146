//! What a REGISTER asks for.

use super::reply::Reply;
use super::{RegistrarTerms, way};
use crate::message::{Contact, HeaderName, MAX_CONTACT, Message, NameAddr, Scheme, Uri, unsupported_extensions};
use std::time::Duration;

pub(super) const PATH: &str = "path";
pub(super) const OUTBOUND: &str = "outbound";

/// The longest `+sip.instance`, and the longest Call-ID, in bytes.
const MAX_ID: usize = 256;

/// Proxies that calls may go through to one contact, and how many bytes their URIs have together.
const MAX_PATH: usize = 8;
const MAX_PATH_BYTES: usize = 2_048;

/// A REGISTER, read.
#[derive(Debug)]
pub(super) struct Wish<'m> {
    pub(super) contacts: Vec<Wanted<'m>>,
    /// `*`: none is to be left.
    pub(super) removes_all: bool,
    pub(super) path: Vec<&'m str>,
    pub(super) cseq: u32,
}

/// One Contact.
#[derive(Debug)]
pub(super) struct Wanted<'m> {
    pub(super) text: &'m str,
    pub(super) uri: Uri<'m>,
    /// Zero: it is to go.
    pub(super) expires: Duration,
    pub(super) q: u16,
    pub(super) instance: Option<&'m str>,
    /// Only where the phone wants outbound.
    pub(super) reg_id: Option<u32>,
}

/// Whether the sender says that it knows that extension.
pub(super) fn supports(request: &Message, tag: &str) -> bool {
    let mut said = request.values(HeaderName::Supported).chain(request.values(HeaderName::Require));
    said.any(|value| value.eq_ignore_ascii_case(tag))
}

/// Whether it is about that user of ours (RFC 3261 §10.3 steps 1 to 5).
pub(super) fn check_target(terms: &RegistrarTerms, user: &str, request: &Message) -> Result<(), Reply> {
    let missing: Vec<&str> = unsupported_extensions(request, &[PATH, OUTBOUND]).collect();
    if !missing.is_empty() {
        return Err(Reply::new(420).with(HeaderName::Unsupported, missing.join(", ")));
    }
    let is_ours = |uri: &Uri<'_>| {
        let host = uri.host.to_string();
        matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && terms.domains.iter().any(|domain| domain.eq_ignore_ascii_case(&host))
    };
    let to = request.to().ok().and_then(|to| Uri::parse(to.uri).ok()).ok_or_else(|| Reply::new(400))?;
    let target = Uri::parse(request.uri()).map_err(|_| Reply::new(400))?;
    if !is_ours(&target) || !is_ours(&to) {
        return Err(Reply::new(404));
    }
    if to.user_unescaped() == user { Ok(()) } else { Err(Reply::new(403)) }
}

/// Reads the rest of it (steps 6 and 7), as far as it can be judged without knowing what is there.
pub(super) fn read<'m>(terms: &RegistrarTerms, request: &'m Message) -> Result<Wish<'m>, Reply> {
    let cseq = request.cseq().map_err(|_| Reply::new(400))?.number;
    let expires = request.header(HeaderName::Expires);
    let values: Vec<&str> = request.values(HeaderName::Contact).take(terms.contacts + 1).collect();
    if values.len() > terms.contacts || request.call_id().len() > MAX_ID {
        return Err(Reply::because(403, "Too Many Contacts"));
    }
    let mut wish = Wish { contacts: Vec::new(), removes_all: false, path: read_path(request)?, cseq };
    for value in values {
        match Contact::parse(value).map_err(|_| Reply::because(400, "Unreadable Contact"))? {
            Contact::Star => wish.removes_all = true,
            Contact::Address(address) => wish.contacts.push(read_contact(terms, request, &address, expires)?),
        }
    }
    // Step 6: `*` alone, and with Expires of zero.
    if wish.removes_all && (!wish.contacts.is_empty() || expires.and_then(seconds) != Some(0)) {
        return Err(Reply::because(400, "Wildcard Contact Needs Expires: 0"));
    }
    // RFC 5626 §4.2: each flow is registered by a request of its own.
    if wish.contacts.iter().filter(|contact| contact.reg_id.is_some() && !contact.expires.is_zero()).count() > 1 {
        return Err(Reply::because(400, "More Than One reg-id"));
    }
    if wish.contacts.iter().any(|contact| contact.reg_id.is_some()) && way::lacks_outbound(request, &wish.path) {
        return Err(Reply::new(439));
    }
    Ok(wish)
}

/// RFC 3327 §5.3: proxies that put themselves into the path of a phone that knows nothing of it are refused, as it could not see them.
fn read_path(request: &Message) -> Result<Vec<&str>, Reply> {
    let path: Vec<&str> = request.values(HeaderName::Path).take(MAX_PATH + 1).collect();
    if path.is_empty() {
        return Ok(path);
    }
    if !supports(request, PATH) {
        return Err(Reply::new(420).with(HeaderName::Unsupported, PATH));
    }
    let bytes: usize = path.iter().map(|value| value.len()).sum();
    let is_good = |value: &&str| {
        NameAddr::parse(value).ok().and_then(|address| Uri::parse(address.uri).ok()).is_some_and(|uri| uri.is_loose_router())
    };
    if path.len() > MAX_PATH || bytes > MAX_PATH_BYTES || !path.iter().all(is_good) {
        return Err(Reply::because(400, "Unusable Path"));
    }
    Ok(path)
}

fn read_contact<'m>(terms: &RegistrarTerms, request: &Message, address: &NameAddr<'m>, expires: Option<&str>) -> Result<Wanted<'m>, Reply> {
    let unusable = || Reply::because(400, "Unusable Contact");
    let uri = Uri::parse(address.uri).map_err(|_| unusable())?;
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || !uri.headers.is_empty() || address.uri.len() > MAX_CONTACT {
        return Err(unusable());
    }
    // Step 7: what cannot be read counts as an hour.
    let said = address.params.get("expires").or(expires).map(|text| seconds(text).unwrap_or(3_600));
    let asked = said.map_or(terms.expires, |seconds| Duration::from_secs(seconds.into()));
    if !asked.is_zero() && asked < terms.min_expires {
        return Err(Reply::new(423).with(HeaderName::MinExpires, terms.min_expires.as_secs().to_string()));
    }
    let q = address.params.get("q").map_or(Some(1_000), thousandths).ok_or_else(unusable)?;
    let instance = address.params.get("+sip.instance").map(|text| text.trim_matches('"'));
    if instance.is_some_and(|instance| instance.len() > MAX_ID || instance.contains(['"', '\\'])) {
        return Err(unusable());
    }
    // RFC 5626 §6: without an instance, or for who does not say that it knows it, that means nothing.
    let knows = instance.is_some() && supports(request, OUTBOUND);
    let reg_id =
        address.params.get("reg-id").filter(|_| knows).map(|text| text.parse::<u32>().ok().filter(|id| *id > 0).ok_or_else(unusable));
    let reg_id = reg_id.transpose()?;
    Ok(Wanted { text: address.uri, uri, expires: asked.min(terms.max_expires), q, instance, reg_id })
}

/// `delta-seconds`; more than there is room for is as much as there is.
fn seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

/// `qvalue` (RFC 3261 §25.1).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let q = format!("{whole}{rest:0<3}").parse().ok()?;
    (q <= 1_000).then_some(q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_has_three_places_and_no_more_than_one() {
        let read = ["1", "0", "0.5", "1.000", "0.07", "0.125", "1.1", "2", ".5", "0.1234", "-0", ""].map(thousandths);
        assert_eq!(read, [Some(1000), Some(0), Some(500), Some(1000), Some(70), Some(125), None, None, None, None, None, None]);
    }

    #[test]
    fn seconds_are_digits_alone() {
        assert_eq!(["60", " 0 ", "99999999999", "", "1h", "-1"].map(seconds), [Some(60), Some(0), Some(u32::MAX), None, None, None]);
    }
}
