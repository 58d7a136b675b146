//! What a message asks of us that we may not know: option tags, content codings, kinds of answer.

use super::{HeaderName, MediaType, Message};

/// The option tags that a request requires of a user agent and that are not in `supported` (RFC 3261 §8.2.2.3): each goes
/// into the Unsupported of a 420. ACK and CANCEL are exempt, so do not ask for them.
pub fn unsupported_extensions<'a>(message: &'a Message, supported: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let known = |tag: &&str| !supported.iter().any(|one| one.eq_ignore_ascii_case(tag));
    message.values(HeaderName::Require).filter(known)
}

/// The content codings of the body that are not understood, which are all but `identity` (§8.2.3): each is a reason for 415
/// with an Accept-Encoding. A message without a body has none.
pub fn unsupported_encodings(message: &Message) -> impl Iterator<Item = &str> {
    let has_body = !message.body().is_empty();
    message.values(HeaderName::ContentEncoding).filter(move |coding| has_body && !coding.eq_ignore_ascii_case("identity"))
}

/// What a body that we cannot read is answered with beside 415 (§8.2.3): the header that says what we could. `None` for a session
/// description, whatever lies beside it unless that must be understood too (RFC 5621 §9.1), without a body, and for one that by its
/// own word need not be understood.
pub fn unreadable_body(message: &Message) -> Option<(HeaderName, &'static str)> {
    if unsupported_encodings(message).next().is_some() {
        return Some((HeaderName::AcceptEncoding, "identity"));
    }
    if message.body().is_empty() {
        return None;
    }
    let found = message.survey_body();
    let readable = if found.session.is_some() { !found.is_refused } else { found.is_optional };
    (!readable).then_some((HeaderName::Accept, "application/sdp"))
}

/// Whether the sender understands bodies of `kind/subtype` in a response (RFC 3261 §20.1): without an Accept, `application/sdp` only
/// is taken for granted. If not, and a body must be sent, the answer is 406.
pub fn accepts(message: &Message, kind: &str, subtype: &str) -> bool {
    if message.header(HeaderName::Accept).is_none() {
        return kind.eq_ignore_ascii_case("application") && subtype.eq_ignore_ascii_case("sdp");
    }
    let mut ranges = message.values(HeaderName::Accept).filter_map(|item| MediaType::parse(item).ok());
    ranges.any(|range| {
        let all = range.kind == "*" && range.subtype == "*";
        all || range.kind.eq_ignore_ascii_case(kind) && (range.subtype == "*" || range.subtype.eq_ignore_ascii_case(subtype))
    })
}
