//! Session-ID (RFC 7989): a name for a conversation that stays the same on its whole way, made of one UUID for each of the two ends. Each
//! side of us is told the other end's as its own, so that both sides, and whoever listens to either, name the same conversation.

use crate::message::{HeaderName, Message, Printer};
use std::fmt;
use std::num::NonZeroU128;

/// What names one end. None is zero, which stands for "not known" (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uuid(NonZeroU128);

impl Uuid {
    /// Of bits that nobody else comes upon: such a one as RFC 4122 §4.3 makes of a name.
    pub(crate) fn of_bits(bits: u128) -> Uuid {
        let version = bits & !(0xf << 76) | 5 << 76;
        let variant = version & !(3 << 62) | 2 << 62;
        // The version is not zero.
        Uuid(NonZeroU128::new(variant).unwrap_or(NonZeroU128::MIN))
    }

    /// What the sender of a message says of itself (§5); older senders say nothing else (RFC 7329).
    pub(crate) fn told_in(message: &Message) -> Option<Uuid> {
        let text = message.header(HeaderName::SessionId)?.split(';').next()?.trim();
        let is_uuid = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        NonZeroU128::new(u128::from_str_radix(text, 16).ok().filter(|_| is_uuid)?).map(Uuid)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The two ends of a conversation, as one leg has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionId {
    /// The leg's peer, once it has said something.
    pub(crate) peer: Option<Uuid>,
    /// Whom it talks with, once that is known.
    pub(crate) far: Option<Uuid>,
}

impl SessionId {
    /// Says it to the peer. §7: what is not known yet is zero.
    pub(crate) fn write(self, printer: &mut Printer) {
        if self != SessionId::default() {
            printer.header(HeaderName::SessionId, self);
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [far, peer] = [self.far, self.peer].map(|uuid| uuid.map_or(0, |uuid| uuid.0.get()));
        write!(f, "{far:032x};remote={peer:032x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn told(value: &str) -> Option<Uuid> {
        let text = format!(
            "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nSession-ID: {value}\r\n\r\n"
        );
        Uuid::told_in(&Message::parse(Bytes::from(text)).unwrap())
    }

    #[test]
    fn what_is_no_uuid_says_nothing() {
        let uuid = "ab30317f1a784dc48ff824d0d3715d86";
        let shown = |value: &str| told(value).map(|uuid| uuid.to_string());
        assert_eq!(shown(&format!("{uuid};remote=00000000000000000000000000000000")).as_deref(), Some(uuid));
        assert_eq!(shown(&uuid.to_uppercase()).as_deref(), Some(uuid));
        for nothing in ["", "00", "00000000000000000000000000000000", "+b30317f1a784dc48ff824d0d3715d86", &uuid[1..], &format!("{uuid}0")] {
            assert_eq!(told(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn both_ends_are_written_and_the_unknown_one_is_zero() {
        let far = Uuid::of_bits(0);
        assert_eq!(far.to_string(), "00000000000050008000000000000000");
        let session = SessionId { peer: None, far: Some(far) };
        assert_eq!(session.to_string(), "00000000000050008000000000000000;remote=00000000000000000000000000000000");
    }
}
