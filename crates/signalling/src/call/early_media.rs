//! Whose early media the caller hears, when several phones behind the callee bring some (RFC 3261 §13.2.2.1, RFC 3960 §3.2).
//!
//! One at a time: the phone that was the last to bring its first description, until it brings the answer, or a 199 ends it
//! (RFC 6228) and the one before it is heard again.

use std::sync::Arc;

/// Phones whose early media is known of; of one more the oldest is forgotten.
const MAX_EARLY: usize = 8;

/// The early media of one INVITE.
#[derive(Debug, Default)]
pub(super) struct EarlyMedia {
    /// Who has media, by To tag, with its description. The last is heard.
    phones: Vec<(Box<str>, Box<[u8]>)>,
    /// The answer that the caller has of it.
    answer: Option<Arc<[u8]>>,
}

impl EarlyMedia {
    /// The answer that the caller has, if this description of this phone brings nothing new.
    pub(super) fn known(&self, tag: &str, sdp: &[u8]) -> Option<Arc<[u8]>> {
        let known = self.phones.iter().any(|(of, before)| **of == *tag && **before == *sdp);
        self.answer.clone().filter(|_| known)
    }

    /// The phone is heard from now on; the caller gets that answer.
    pub(super) fn hear(&mut self, tag: &str, sdp: &[u8], answer: &Arc<[u8]>) {
        self.keep(tag, sdp);
        self.answer = Some(Arc::clone(answer));
    }

    /// The phone has no media any more. The description of the one to be heard instead, if that changes.
    pub(super) fn end(&mut self, tag: &str) -> Option<Box<[u8]>> {
        let heard = self.is_heard(tag);
        self.phones.retain(|(of, _)| **of != *tag);
        self.phones.last().filter(|_| heard).map(|(_, sdp)| sdp.clone())
    }

    /// The phone has media that the caller is not to hear.
    pub(super) fn keep(&mut self, tag: &str, sdp: &[u8]) {
        self.phones.retain(|(of, _)| **of != *tag);
        if self.phones.len() == MAX_EARLY {
            self.phones.remove(0);
        }
        self.phones.push((tag.into(), sdp.into()));
    }

    /// The description of the phone that is heard.
    pub(super) fn heard(&self) -> Option<&[u8]> {
        self.phones.last().map(|(_, sdp)| &**sdp)
    }

    /// What the caller's answer is from now on.
    pub(super) fn set_answer(&mut self, answer: &Arc<[u8]>) {
        self.answer = Some(Arc::clone(answer));
    }

    /// The caller has an answer, and that of another description.
    pub(super) fn tells_another(&self, sdp: &[u8]) -> bool {
        self.answer.is_some() && self.heard() != Some(sdp)
    }

    /// It is the one that is heard.
    pub(super) fn is_heard(&self, tag: &str) -> bool {
        self.phones.last().is_some_and(|(of, _)| **of == *tag)
    }

    /// The description that the phone gave, for a 2xx that has none: it means that one.
    pub(super) fn of(&self, tag: &str) -> Option<&[u8]> {
        self.phones.iter().find(|(of, _)| **of == *tag).map(|(_, sdp)| &**sdp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_begin_is_heard_until_it_ends() {
        let (mut early, answer) = (EarlyMedia::default(), Arc::from(*b"x"));
        early.hear("a", b"1", &answer);
        early.hear("b", b"2", &answer);
        assert!(early.known("a", b"1").is_some() && early.known("a", b"3").is_none());
        assert_eq!(early.end("a"), None, "it is not the one that is heard");
        early.hear("a", b"1", &answer);
        assert_eq!(early.end("a").as_deref(), Some(&b"2"[..]));
        assert_eq!((early.of("b"), early.of("a")), (Some(&b"2"[..]), None));
        assert_eq!(early.end("b"), None);
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let (mut early, answer) = (EarlyMedia::default(), Arc::from(*b"x"));
        (0..20).for_each(|number| early.hear(&number.to_string(), b"", &answer));
        assert_eq!(early.phones.len(), MAX_EARLY);
    }
}
