//! Who hears whom: the legs that talk with each other, and what was asked for beside that ([`super::command`]).

use super::Call;
use super::command::Controls;
use super::phase::MediaState;
use tandem_model::{BuiltIn, Hearing, LegId, MediaCommand};

impl Controls {
    /// Who hears whom of the legs that talk with each other; `echoes`: each hears itself, too.
    pub(super) fn matrix(&self, joined: &[LegId], echoes: bool) -> Box<[Hearing]> {
        let pairs = joined.iter().flat_map(|speaker| joined.iter().map(|listener| Hearing { speaker: *speaker, listener: *listener }));
        pairs.filter(|pair| self.hears(*pair, echoes || pair.speaker != pair.listener)).collect()
    }

    fn hears(&self, pair: Hearing, usually: bool) -> bool {
        let entry = self.entries.iter().find(|entry| (entry.speaker, entry.listener) == (pair.speaker, pair.listener));
        let speaks = self.of(pair.speaker).is_none_or(|leg| !leg.muted && !leg.held);
        let listens = self.of(pair.listener).is_none_or(|leg| !leg.deaf && !leg.held && leg.hears & (1 << pair.speaker.index()) != 0);
        speaks && listens && entry.map_or(usually, |entry| entry.hears)
    }
}

impl Call {
    /// All that talk with each other, or the one that talks with nobody.
    fn joined(&self) -> Vec<LegId> {
        let other = match &self.ring {
            Some(ring) => ring.heard(),
            None => self.callee.as_ref().map(|callee| callee.id),
        };
        let caller = Some(self.caller.id).filter(|_| !self.caller.is_nobody());
        caller.into_iter().chain(other).chain(self.company().map(|guest| guest.id)).collect()
    }

    /// Whether nothing that was asked for keeps one from hearing another.
    pub(super) fn lets_hear(&self, speaker: LegId, listener: LegId) -> bool {
        self.controls.as_ref().is_none_or(|controls| controls.hears(Hearing { speaker, listener }, true))
    }

    /// Who hears whom as it is to be.
    fn hearing(&self) -> Box<[Hearing]> {
        let echoes = self.alone == Some(BuiltIn::Echo) && !self.has_company();
        let nothing = Controls::default();
        self.controls.as_deref().unwrap_or(&nothing).matrix(&self.joined(), echoes)
    }

    /// Tells the media session who hears whom from now on.
    pub(super) fn tell_hearing(&mut self) {
        let pairs = self.hearing();
        if let Some(controls) = &mut self.controls {
            controls.told = Some(pairs.clone());
        }
        self.media(MediaCommand::Hear { call: self.id, pairs });
    }

    /// The same after an input to a call of which something was asked, where that, or who talks with whom, has changed.
    pub(super) fn hear_anew(&mut self) {
        let is_open = self.media == MediaState::Open && self.ended.is_none();
        let told = self.controls.as_ref().filter(|_| is_open).map(|controls| controls.told.as_deref());
        if told.is_some_and(|told| told != Some(&*self.hearing())) {
            self.tell_hearing();
        }
    }

    /// The media session is new, and lets its first two hear each other whatever was asked for.
    pub(super) fn forget_told(&mut self) {
        if let Some(controls) = &mut self.controls {
            controls.told = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_model::{CallId, HearEntry};

    fn legs() -> [LegId; 3] {
        [0, 1, 2].map(|index| CallId::new(1, 1).leg(index).unwrap())
    }

    /// Who hears whom, as `ab` for `b` hears `a`.
    fn told(controls: &Controls, joined: &[LegId], echoes: bool) -> String {
        let letter = |leg: LegId| char::from(b'a' + leg.index());
        let pairs = controls.matrix(joined, echoes);
        pairs.iter().map(|pair| format!("{}{}", letter(pair.speaker), letter(pair.listener))).collect::<Vec<_>>().join(" ")
    }

    fn entry(speaker: LegId, listener: LegId, hears: bool) -> HearEntry {
        HearEntry { speaker, listener, hears }
    }

    #[test]
    fn all_hear_all_and_nobody_itself() {
        let (nothing, legs) = (Controls::default(), legs());
        assert_eq!(told(&nothing, &legs[..1], false), "");
        assert_eq!(told(&nothing, &legs[..1], true), "aa");
        assert_eq!(told(&nothing, &legs[..2], false), "ab ba");
        assert_eq!(told(&nothing, &legs, false), "ab ac ba bc ca cb");
    }

    #[test]
    fn the_muted_is_heard_by_nobody_and_the_deaf_hears_nobody() {
        let [a, b, c] = legs();
        let mut controls = Controls::default();
        controls.at(a).muted = true;
        assert_eq!(told(&controls, &[a, b, c], false), "ba bc ca cb");
        controls.at(b).deaf = true;
        assert_eq!(told(&controls, &[a, b, c], false), "ba bc ca");
        controls.at(b).muted = true;
        assert_eq!(told(&controls, &[a, b, c], false), "ca");
        assert_eq!(told(&controls, &[a, c], false), "ca");
        controls.at(a).muted = false;
        assert_eq!(told(&controls, &[a, b, c], false), "ac ca");
    }

    #[test]
    fn who_hears_some_alone_hears_nobody_who_comes_later() {
        let [a, b, c] = legs();
        let mut controls = Controls::default();
        controls.at(a).hears = 1 << b.index();
        assert_eq!(told(&controls, &[a, b], false), "ab ba");
        assert_eq!(told(&controls, &[a, b, c], false), "ab ac ba bc cb");
        controls.at(b).hears = 0;
        assert_eq!(told(&controls, &[a, b, c], false), "ac ba bc");
    }

    #[test]
    fn an_echo_is_an_entry_like_any_other() {
        let [a, ..] = legs();
        let mut controls = Controls::default();
        controls.at(a).muted = true;
        assert_eq!(told(&controls, &[a], true), "");
        (controls.at(a).muted, controls.at(a).deaf) = (false, true);
        assert_eq!(told(&controls, &[a], true), "");
    }

    /// The coached (b) hears the coach (c), the other side (a) never does.
    #[test]
    fn a_coach_is_heard_by_the_coached_alone() {
        let [a, b, c] = legs();
        let mut controls = Controls::default();
        controls.set(&[entry(c, a, false)]).unwrap();
        assert_eq!(told(&controls, &[a, b, c], false), "ab ac ba bc cb");
        // It listens and says nothing.
        controls.at(c).muted = true;
        assert_eq!(told(&controls, &[a, b, c], false), "ab ac ba bc");
        // It comes in.
        controls.at(c).muted = false;
        controls.set(&[entry(c, a, true)]).unwrap();
        assert_eq!(told(&controls, &[a, b, c], false), "ab ac ba bc ca cb");
    }

    #[test]
    fn entries_stay_below_what_is_muted_deaf_or_held() {
        let [a, b, c] = legs();
        let mut controls = Controls::default();
        controls.set(&[entry(a, b, true), entry(b, a, false)]).unwrap();
        controls.at(a).held = true;
        assert_eq!(told(&controls, &[a, b, c], false), "bc cb");
        controls.at(a).held = false;
        assert_eq!(told(&controls, &[a, b, c], false), "ab ac bc ca cb", "as it was");
        controls.at(b).deaf = true;
        assert_eq!(told(&controls, &[a, b], false), "");
        controls.at(b).deaf = false;
        assert_eq!(told(&controls, &[a, b], false), "ab");
    }

    #[test]
    fn what_was_asked_of_a_leg_goes_with_it() {
        let [a, b, c] = legs();
        let mut controls = Controls::default();
        (controls.at(a).muted, controls.at(b).deaf) = (true, true);
        controls.set(&[entry(c, b, false), entry(a, c, false)]).unwrap();
        controls.keep(&|leg| leg != b);
        assert_eq!(told(&controls, &[a, b, c], false), "ba bc ca cb");
        assert!(!controls.is_idle());
        controls.keep(&|_| false);
        assert!(controls.is_idle());
    }

    #[test]
    fn no_more_entries_are_kept_than_so_many() {
        let call = CallId::new(1, 1);
        let leg = |index: usize| call.leg(index as u8).unwrap();
        let pairs = (0..9).flat_map(|one| (0..9).filter(move |other| *other != one).map(move |other| (one, other)));
        let entries: Vec<_> = pairs.map(|(one, other)| entry(leg(one), leg(other), true)).collect();
        let mut controls = Controls::default();
        controls.set(&entries[..tandem_model::MAX_HEARING]).unwrap();
        let before = controls.entries.clone();
        assert!(controls.set(&entries[tandem_model::MAX_HEARING..]).is_err());
        assert_eq!(controls.entries, before, "nothing was changed");
        controls.set(&[entry(leg(0), leg(1), false)]).unwrap();
        assert_eq!(controls.entries.len(), tandem_model::MAX_HEARING);
    }
}
