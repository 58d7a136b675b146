//! Calls in which the caller is played something: before they are answered or refused, as early media (RFC 3960 §3), or when they are
//! answered, until that is over. Their prompts are read first: a caller is not answered, and charged, for one that cannot be played.

use super::leg::Extra;
use super::phase::{Opening, Phase};
use super::plays::FIRST_OF_COMMANDS;
use super::{Call, context};
use crate::message::reason_phrase;
use crate::negotiation::{self, Offer, Passage, Refusal};
use std::sync::Arc;
use std::time::Duration;
use tandem_model::{
    Announce, Announcement, BuiltIn, Codec, EndReason, MediaCommand, NetworkTone, PlayEnd, PlayFailure, PlayId, Sound, Then, Timestamp,
};

/// How long prompts may take to be read before the call goes on without them, and beyond its own length what plays may take to end: whoever
/// reads gives up before.
const PROMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is still to be played, and what becomes of the call then.
#[derive(Debug)]
pub(super) struct Announcing {
    early: Option<Announcement>,
    then: Then,
    /// Prompts that are being read: nobody is answered for one that cannot be played.
    awaited: Vec<Box<str>>,
    /// Those that were, and how long they play, in milliseconds.
    lengths: Vec<(Box<str>, u64)>,
    /// What plays, and until when at the latest if it has an end.
    playing: Option<(PlayId, Option<Timestamp>)>,
}

impl Announcing {
    fn new(early: Option<Announcement>, then: Then) -> Announcing {
        let last = if let Then::Play(announcement) = &then { Some(announcement) } else { None };
        let mut awaited: Vec<_> = early.iter().chain(last).filter_map(|announcement| prompt(&announcement.sound).map(Box::from)).collect();
        awaited.dedup();
        Announcing { early, then, awaited, lengths: Vec::new(), playing: None }
    }

    /// Whether the call is answered for that prompt alone.
    fn answers_with(&self, file: &str) -> bool {
        matches!(&self.then, Then::Play(announcement) if prompt(&announcement.sound) == Some(file))
    }

    /// How long that takes at most, if it has an end.
    fn longest(&self, Announcement { sound, times }: &Announcement) -> Option<Duration> {
        let once = match sound {
            Sound::Prompt(file) => {
                let (_, ms) = self.lengths.iter().find(|(name, _)| name == file)?;
                Duration::from_millis(*ms)
            }
            Sound::Tone { .. } => NetworkTone::MAX_ROUND,
            Sound::Sine { .. } => return None,
        };
        (*times > 0).then(|| once * u32::from(*times) + PROMPT_TIMEOUT)
    }
}

fn prompt(sound: &Sound) -> Option<&str> {
    if let Sound::Prompt(file) = sound { Some(file) } else { None }
}

/// What the built-in tone sounds like.
const TONE: Sound = Sound::Sine { frequency_hz: 440 };

impl Call {
    /// Takes a route that plays something: reads its prompts first.
    pub(super) fn announce(&mut self, now: Timestamp, announce: Announce, offer: Option<Offer>) {
        let Announce { mut early, then } = announce;
        let passage = Passage { anchored: true, ..Passage::default() };
        let screen = |offer: &Offer| negotiation::screen_offer(offer, &self.caller.profile.codecs, &Codec::ALL, passage);
        let screened = offer.as_ref().map_or(Ok(()), screen);
        // Without its offer there is nothing that a provisional response could answer.
        early = early.filter(|_| offer.is_some() && screened.is_ok());
        if let (Err(refusal), false) = (screened, matches!(then, Then::Reject { .. })) {
            return self.fail_refused(now, &refusal);
        }
        self.announcing = Some(Box::new(Announcing::new(early, then)));
        self.prepare(now, offer);
    }

    /// A caller that is yet to be called is to hear that: its prompts are read before.
    pub(super) fn announce_to_called(&mut self, now: Timestamp, announcement: Announcement) {
        self.announcing = Some(Box::new(Announcing::new(None, Then::Play(announcement))));
        self.prepare(now, None);
    }

    fn prepare(&mut self, now: Timestamp, offer: Option<Offer>) {
        let awaited = self.announcing.as_ref().map(|announcing| announcing.awaited.clone()).unwrap_or_default();
        self.phase = Phase::Preparing(now + PROMPT_TIMEOUT, offer);
        if awaited.is_empty() {
            return self.begin_announcing(now);
        }
        awaited.into_iter().for_each(|file| self.media(MediaCommand::Prepare { call: self.id, file }));
    }

    /// A prompt was read, or cannot be. One that would be heard before the answer is left out then.
    pub(super) fn on_prepared(&mut self, now: Timestamp, file: &str, length: Result<u64, PlayFailure>) {
        let (Phase::Preparing(..), Some(announcing)) = (&self.phase, self.announcing.as_deref_mut()) else { return };
        let Some(place) = announcing.awaited.iter().position(|awaited| **awaited == *file) else { return };
        announcing.awaited.remove(place);
        match length {
            Ok(ms) => announcing.lengths.push((file.into(), ms)),
            Err(PlayFailure::Overloaded) if announcing.answers_with(file) => return self.refuse_overloaded(now),
            Err(_) if announcing.answers_with(file) => return self.fail_refused(now, &Refusal::NO_PROMPT),
            Err(_) => announcing.early = None,
        }
        if announcing.awaited.is_empty() {
            self.begin_announcing(now);
        }
    }

    /// Nobody said in time what came of reading them.
    pub(super) fn stop_waiting_for_prompts(&mut self, now: Timestamp) {
        let awaited = self.announcing.as_ref().map(|announcing| announcing.awaited.clone()).unwrap_or_default();
        awaited.iter().for_each(|file| self.on_prepared(now, file, Err(PlayFailure::Unreadable)));
    }

    /// All that can be read is.
    fn begin_announcing(&mut self, now: Timestamp) {
        let (Phase::Preparing(_, offer), Some(announcing)) = (&mut self.phase, self.announcing.as_deref()) else { return };
        let offer = offer.take();
        let built_in = match (&announcing.early, &announcing.then) {
            (None, Then::Reject { status, reason }) => {
                let (status, reason) = (*status, reason.clone());
                return self.refuse(now, status, reason.as_deref(), &Extra::none());
            }
            (None, Then::Answer(built_in)) => *built_in,
            _ => BuiltIn::Player,
        };
        if self.caller.is_nobody() {
            return self.call_first(now);
        }
        self.open_media(now, Opening::BuiltIn(built_in), offer);
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
    pub(super) fn play_to_caller(&mut self, now: Timestamp, built_in: BuiltIn) {
        let (call, leg) = (self.id, self.caller.id);
        match built_in {
            BuiltIn::Echo => self.tell_hearing(),
            BuiltIn::Tone => {
                self.media(MediaCommand::Play { call, leg, play: PlayId(0), sound: TONE, times: 0, over: false, instead: None });
            }
            BuiltIn::Player => {
                let is_early = matches!(self.phase, Phase::Announcing(_));
                let Some(announcing) = self.announcing.as_deref_mut().filter(|announcing| announcing.playing.is_none()) else { return };
                let next = match &announcing.then {
                    _ if is_early => announcing.early.take(),
                    Then::Play(announcement) => Some(announcement.clone()),
                    Then::Answer(_) | Then::Reject { .. } => None,
                };
                let Some(next) = next else { return };
                let until = announcing.longest(&next).map(|longest| now + longest);
                let (play, Announcement { sound, times }) = (self.next_play(), next);
                self.announcing.iter_mut().for_each(|announcing| announcing.playing = Some((play, until)));
                self.media(MediaCommand::Play { call, leg, play, sound, times, over: false, instead: None });
            }
        }
    }

    /// Somebody is there to talk with: what the caller was to hear alone is over.
    pub(super) fn stop_built_in(&mut self) {
        let play = match self.alone {
            Some(BuiltIn::Tone) => Some(PlayId(0)),
            Some(BuiltIn::Player) => self.announcing.take().and_then(|announcing| announcing.playing).map(|(play, _)| play),
            Some(BuiltIn::Echo) | None => None,
        };
        play.into_iter().for_each(|play| self.media(MediaCommand::Stop { call: self.id, play }));
    }

    /// A name for what is played next. The built-in tone has the first.
    pub(super) fn next_play(&mut self) -> PlayId {
        self.plays = self.plays % (FIRST_OF_COMMANDS - 1) + 1;
        PlayId(self.plays)
    }

    /// Something has come to its end.
    pub(super) fn on_played(&mut self, now: Timestamp, play: PlayId, end: PlayEnd) {
        let is_it = |announcing: &&mut Box<Announcing>| announcing.playing.is_some_and(|(playing, _)| playing == play);
        let Some(announcing) = self.announcing.as_mut().filter(is_it) else {
            return self.on_play_ended(now, play, end);
        };
        announcing.playing = None;
        match (&self.phase, end) {
            (Phase::Announcing(_), _) => self.go_on_from_announcement(now),
            // Something else was to be played in its place: whoever wanted that wants the call to go on.
            (_, PlayEnd::Stopped) => {}
            (_, PlayEnd::Finished | PlayEnd::Failed(PlayFailure::Unheard)) => self.end(now, EndReason::Played, None),
            (_, PlayEnd::Failed(_)) => self.end(now, EndReason::Failed(500), None),
        }
    }

    /// When what the caller hears must have come to its end.
    pub(super) fn announcement_due(&self) -> Option<Timestamp> {
        let announcing = self.announcing.as_ref().filter(|_| self.ended.is_none())?;
        announcing.playing.and_then(|(_, until)| until)
    }

    /// It has not: the call goes on as if it could not be played.
    pub(super) fn on_announcement_overdue(&mut self, now: Timestamp) {
        let is_overdue = self.announcement_due().is_some_and(|until| until <= now);
        let playing = self.announcing.as_ref().and_then(|announcing| announcing.playing);
        if let Some((play, _)) = playing.filter(|_| is_overdue) {
            self.media(MediaCommand::Stop { call: self.id, play });
            self.on_played(now, play, PlayEnd::Failed(PlayFailure::Unreadable));
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
            self.play_to_caller(now, built_in);
        }
        self.caller.accept(context!(self, now), Some(&sdp));
        self.tell_accepted(now);
    }
}
