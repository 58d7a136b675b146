//! Calls in which the caller is played something: before they are answered or refused, as early media (RFC 3960 §3), or when they are
//! answered, until that is over.

use super::leg::Extra;
use super::phase::{Opening, Phase};
use super::plays::FIRST_OF_COMMANDS;
use super::{Call, context};
use crate::message::reason_phrase;
use crate::negotiation::{self, Offer, Passage};
use std::sync::Arc;
use tandem_model::{Announce, Announcement, BuiltIn, Codec, EndReason, MediaCommand, PlayEnd, PlayId, Sound, Then, Timestamp};

/// What is still to be played, and what becomes of the call then.
#[derive(Debug)]
pub(super) struct Announcing {
    early: Option<Announcement>,
    then: Then,
    /// What plays.
    playing: Option<PlayId>,
}

/// What the built-in tone sounds like.
const TONE: Sound = Sound::Sine { frequency_hz: 440 };

impl Call {
    /// Takes a route that plays something.
    pub(super) fn announce(&mut self, now: Timestamp, announce: Announce, offer: Option<Offer>) {
        let Announce { mut early, then } = announce;
        let passage = Passage { anchored: true, ..Passage::default() };
        let screen = |offer: &Offer| negotiation::screen_offer(offer, &self.caller.profile.codecs, &Codec::ALL, passage);
        let screened = offer.as_ref().map_or(Ok(()), screen);
        // Without its offer there is nothing that a provisional response could answer.
        early = early.filter(|_| offer.is_some() && screened.is_ok());
        match (then, screened) {
            (Then::Reject { status, reason }, _) if early.is_none() => self.refuse(now, status, reason.as_deref(), &Extra::none()),
            (_, Err(refusal)) => self.fail_refused(now, &refusal),
            (then, Ok(())) => {
                let built_in = match (&early, &then) {
                    (None, Then::Answer(built_in)) => *built_in,
                    _ => BuiltIn::Player,
                };
                self.announcing = Some(Box::new(Announcing { early, then, playing: None }));
                self.open_media(now, Opening::BuiltIn(built_in), offer);
            }
        }
    }

    /// Whether something is to be heard before the call is answered.
    pub(super) fn is_told_early(&self) -> bool {
        self.announcing.as_ref().is_some_and(|announcing| announcing.early.is_some())
    }

    /// The caller's ports are there: 183 with the answer to its offer, which stays that.
    pub(super) fn announce_early(&mut self, now: Timestamp, offer: &Offer) {
        match negotiation::answer_alone(offer, &mut self.caller.media, BuiltIn::Player) {
            Ok(alone) => {
                let sdp = Arc::clone(&alone.sdp);
                self.alone = Some(BuiltIn::Player);
                self.phase = Phase::Announcing(Arc::clone(&sdp));
                self.play(now, alone);
                self.caller.provisional(context!(self, now), 183, reason_phrase(183), Some(&sdp));
                if self.announcing.as_ref().is_none_or(|announcing| announcing.playing.is_none()) {
                    // Audio is switched off.
                    self.go_on_from_announcement(now);
                }
            }
            Err(refusal) => self.fail_refused(now, &refusal),
        }
    }

    /// Lets the caller hear what it is to hear now, unless it does.
    pub(super) fn play_to_caller(&mut self, built_in: BuiltIn) {
        let (call, leg) = (self.id, self.caller.id);
        match built_in {
            BuiltIn::Echo => self.tell_hearing(),
            BuiltIn::Tone => {
                self.media(MediaCommand::Play { call, leg, play: PlayId(0), sound: TONE, times: 0, over: false });
            }
            BuiltIn::Player => {
                let is_early = matches!(self.phase, Phase::Announcing(_));
                let Some(announcing) = self.announcing.as_deref_mut().filter(|announcing| announcing.playing.is_none()) else { return };
                let now = match &announcing.then {
                    _ if is_early => announcing.early.take(),
                    Then::Play(announcement) => Some(announcement.clone()),
                    Then::Answer(_) | Then::Reject { .. } => None,
                };
                if let Some(Announcement { sound, times }) = now {
                    let play = self.next_play();
                    self.announcing.iter_mut().for_each(|announcing| announcing.playing = Some(play));
                    self.media(MediaCommand::Play { call, leg, play, sound, times, over: false });
                }
            }
        }
    }

    /// A name for what is played next. The built-in tone has the first.
    pub(super) fn next_play(&mut self) -> PlayId {
        self.plays = self.plays % (FIRST_OF_COMMANDS - 1) + 1;
        PlayId(self.plays)
    }

    /// Something has come to its end.
    pub(super) fn on_played(&mut self, now: Timestamp, play: PlayId, end: PlayEnd) {
        let Some(announcing) = self.announcing.as_mut().filter(|announcing| announcing.playing == Some(play)) else {
            return self.on_play_ended(now, play, end);
        };
        announcing.playing = None;
        match self.phase {
            Phase::Announcing(_) => self.go_on_from_announcement(now),
            // Something else was to be played in its place: whoever wanted that wants the call to go on.
            _ if end == PlayEnd::Stopped => {}
            _ => self.end(now, EndReason::Played, None),
        }
    }

    /// The caller has heard what it was told early: 200 with the answer that it has, or the refusal.
    fn go_on_from_announcement(&mut self, now: Timestamp) {
        let Phase::Announcing(sdp) = std::mem::replace(&mut self.phase, Phase::Talking) else { return };
        let Some(announcing) = &self.announcing else { return };
        let built_in = match &announcing.then {
            Then::Reject { status, reason } => {
                let (status, reason) = (*status, reason.clone());
                return self.refuse(now, status, reason.as_deref(), &Extra::none());
            }
            Then::Answer(built_in) => *built_in,
            Then::Play(_) => BuiltIn::Player,
        };
        self.alone = Some(built_in);
        self.answered = Some(now);
        if self.caller.media.codec().is_some() {
            self.play_to_caller(built_in);
        }
        self.caller.accept(context!(self, now), Some(&sdp));
        self.tell_accepted(now);
    }
}
