//! Whose early media the caller hears, when several phones behind the callee bring some (RFC 3261 §13.2.2.1, RFC 3960 §3.2).
//!
//! One at a time: the phone that was the last to bring its first description, until it brings the answer, or a 199 ends it
//! (RFC 6228) and the one before it is heard again. Whatever they say, the caller has one answer, which stays as it is (§13.2.1).

use std::sync::Arc;

/// Phones whose early media is known of; of one more the oldest is forgotten.
const MAX_EARLY: usize = 8;

/// The early media of one INVITE.
#[derive(Debug, Default)]
pub(super) struct EarlyMedia {
    /// Who has media, by To tag, with its description. The last is heard.
    phones: Vec<(Box<str>, Box<[u8]>)>,
    /// None of them is heard: they do not fit what the caller has been told.
    is_silent: bool,
    told: Option<Told>,
}

/// The answer that the caller has of it, and which description it was made of.
#[derive(Debug)]
struct Told {
    answer: Arc<[u8]>,
    of: Box<[u8]>,
}

impl EarlyMedia {
    /// The answer that the caller has, if this description of this phone brings nothing new.
    pub(super) fn known(&self, tag: &str, sdp: &[u8]) -> Option<Arc<[u8]>> {
        let known = self.phones.iter().any(|(of, before)| **of == *tag && **before == *sdp);
        self.told.as_ref().filter(|_| known).map(|told| Arc::clone(&told.answer))
    }

    /// The phone is heard from now on; the caller gets that answer.
    pub(super) fn hear(&mut self, tag: &str, sdp: &[u8], answer: &Arc<[u8]>) {
        self.forget(tag);
        self.phones.push((tag.into(), sdp.into()));
        self.hear_again(sdp, answer);
    }

    /// The caller gets that answer, which is of no phone.
    pub(super) fn tell(&mut self, answer: &Arc<[u8]>) {
        self.told.get_or_insert_with(|| Told { answer: Arc::clone(answer), of: Box::default() });
    }

    /// The last one is heard again, with what it said before.
    pub(super) fn hear_again(&mut self, sdp: &[u8], answer: &Arc<[u8]>) {
        self.is_silent = false;
        self.told.get_or_insert_with(|| Told { answer: Arc::clone(answer), of: sdp.into() });
    }

    /// The last one cannot be heard.
    pub(super) fn fall_silent(&mut self) {
        self.is_silent = true;
    }

    /// The phone has no media any more. The description of the one to be heard instead, if that changes.
    pub(super) fn end(&mut self, tag: &str) -> Option<Box<[u8]>> {
        let heard = self.is_heard(tag);
        self.phones.retain(|(of, _)| **of != *tag);
        self.phones.last().filter(|_| heard).map(|(_, sdp)| sdp.clone())
    }

    /// The phone has media that the caller is not to hear.
    pub(super) fn keep(&mut self, tag: &str, sdp: &[u8]) {
        self.forget(tag);
        self.is_silent |= self.phones.is_empty();
        self.phones.insert(0, (tag.into(), sdp.into()));
    }

    /// Makes room for what the phone says anew.
    fn forget(&mut self, tag: &str) {
        self.phones.retain(|(of, _)| **of != *tag);
        if self.phones.len() == MAX_EARLY {
            self.phones.remove(0);
        }
    }

    /// The description of the phone that is heard.
    pub(super) fn heard(&self) -> Option<&[u8]> {
        self.phones.last().filter(|_| !self.is_silent).map(|(_, sdp)| &**sdp)
    }

    /// The caller has an answer.
    pub(super) fn has_told(&self) -> bool {
        self.told.is_some()
    }

    /// The caller has an answer, and that of another description.
    pub(super) fn tells_another(&self, sdp: &[u8]) -> bool {
        self.told.as_ref().is_some_and(|told| *told.of != *sdp)
    }

    /// The caller has an answer, and that of this description.
    pub(super) fn tells(&self, sdp: &[u8]) -> bool {
        self.told.as_ref().is_some_and(|told| *told.of == *sdp)
    }

    /// It is the one that is heard.
    pub(super) fn is_heard(&self, tag: &str) -> bool {
        !self.is_silent && self.phones.last().is_some_and(|(of, _)| **of == *tag)
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
    fn who_is_not_heard_takes_the_word_from_nobody() {
        let (mut early, answer) = (EarlyMedia::default(), Arc::from(*b"x"));
        early.hear("a", b"1", &answer);
        early.keep("b", b"2");
        assert!(early.is_heard("a") && early.tells(b"1") && early.tells_another(b"2"));
        assert_eq!((early.of("b"), early.heard()), (Some(&b"2"[..]), Some(&b"1"[..])));
    }

    #[test]
    fn the_caller_s_answer_is_the_first() {
        let (mut early, first, second): (_, Arc<[u8]>, Arc<[u8]>) = (EarlyMedia::default(), Arc::from(*b"x"), Arc::from(*b"y"));
        early.hear("a", b"1", &first);
        early.hear("b", b"2", &second);
        assert_eq!(early.known("b", b"2"), Some(first));
        assert!(early.is_heard("b") && early.tells(b"1") && early.tells_another(b"2"));
    }

    #[test]
    fn who_does_not_fit_is_not_heard_when_it_is_the_last_one() {
        let (mut early, answer) = (EarlyMedia::default(), Arc::from(*b"x"));
        early.hear("a", b"1", &answer);
        early.keep("b", b"2");
        assert_eq!(early.end("a").as_deref(), Some(&b"2"[..]));
        early.fall_silent();
        assert!(early.heard().is_none() && !early.is_heard("b"));
        early.hear("c", b"3", &answer);
        assert!(early.is_heard("c"));
        assert!(early.end("b").is_none() && early.end("c").is_none());
        early.keep("d", b"4");
        assert!(!early.is_heard("d"));
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let (mut early, answer) = (EarlyMedia::default(), Arc::from(*b"x"));
        (0..20).for_each(|number| early.hear(&number.to_string(), b"", &answer));
        assert_eq!(early.phones.len(), MAX_EARLY);
    }
}
