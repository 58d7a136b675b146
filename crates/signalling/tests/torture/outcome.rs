//! What becomes of a message.

use bytes::Bytes;
use tandem_signalling::message::{Message, Method, ParseErrorKind, screen, unreadable_body, unsupported_encodings, unsupported_extensions};

/// The outcome that a table asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A request that nothing in the message itself speaks against.
    Accepted,
    /// A request that [`screen`] refuses with this status.
    Refused(u16),
    /// A well-formed request for something that this user agent does not do: 405, 415, 420, 501.
    Unsupported(u16),
    /// A response with this status.
    Response(u16),
    /// A response, or an ACK, that is malformed.
    Dropped,
    /// Nothing that could be answered.
    NotSip(ParseErrorKind),
}

/// Reads `bytes` and says what becomes of them.
pub(crate) fn outcome(bytes: Bytes) -> (Outcome, Option<Message>) {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return (Outcome::NotSip(error.kind), None),
    };
    let found = match (message.is_request(), screen(&message)) {
        (false, Ok(())) => Outcome::Response(message.status()),
        (false, Err(_)) => Outcome::Dropped,
        (true, Err(_)) if message.method() == Method::Ack => Outcome::Dropped,
        (true, Err(rejection)) => Outcome::Refused(rejection.status),
        (true, Ok(())) => unsupported(&message).map_or(Outcome::Accepted, Outcome::Unsupported),
    };
    (found, Some(message))
}

/// What a user agent that speaks plain calls refuses, in the order of RFC 3261 §8.2.
fn unsupported(message: &Message) -> Option<u16> {
    match message.method() {
        Method::Invite | Method::Ack | Method::Bye | Method::Cancel | Method::Options | Method::Message => {}
        Method::Other => return Some(501),
        _ => return Some(405),
    }
    if unsupported_extensions(message, &[]).next().is_some() {
        return Some(420);
    }
    let unreadable = message.method() == Method::Invite && unreadable_body(message).is_some();
    (unreadable || unsupported_encodings(message).next().is_some()).then_some(415)
}

/// Judges one row of a table.
pub(crate) fn judge(bytes: Bytes, expected: Outcome, check: fn(&Message)) {
    let (found, message) = outcome(bytes);
    assert_eq!(found, expected, "{:?}", message.as_ref().map(screen));
    if let Some(message) = message {
        check(&message);
    }
}

/// One `#[test]` a row: `name: "file" => outcome, |message| checks;`.
macro_rules! outcomes {
    ($load:path; $($name:ident: $file:literal => $expected:expr $(, $check:expr)?;)*) => {
        /// Every file that has a row.
        pub(crate) const FILES: &[&str] = &[$($file),*];

        $(
            #[test]
            fn $name() {
                if let Some(bytes) = $load($file) {
                    crate::outcome::judge(bytes, $expected, crate::outcome::outcomes!(@check $($check)?));
                }
            }
        )*
    };
    (@check $check:expr) => { $check };
    (@check) => { |_| {} };
}
pub(crate) use outcomes;
