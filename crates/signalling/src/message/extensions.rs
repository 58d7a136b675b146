//! What a message asks of us that we may not know: option tags and content codings.

use super::{HeaderName, Message};

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
