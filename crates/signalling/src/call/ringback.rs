//! What a caller hears of us while others ring: the tone of its country, or music.
//!
//! It comes with the first 180 of somebody who brings no early media (RFC 3960 §3.2): the caller gets 183 with an answer of ours to its
//! offer, which stays the answer, and is [joined](negotiation::join_answer) later to whoever brings media or answers. It is silent while
//! the caller hears early media, and comes back when that is gone and somebody rings. A caller that made no offer hears its own tone.

use super::Call;
use super::phase::{MediaState, Phase};
use crate::negotiation;
use std::sync::Arc;
use tandem_model::{Country, MediaCommand, PlayId, Sound};

/// What the caller is to hear.
#[derive(Debug)]
pub(super) struct Ringback {
    sound: Sound,
    /// As what it plays, while it does.
    playing: Option<PlayId>,
}

impl Ringback {
    pub(super) fn new(sound: Sound) -> Box<Ringback> {
        Box::new(Ringback { sound, playing: None })
    }
}

impl Call {
    /// The leg under way rings, and `is_silent` where it brought no media with that. The answer that the caller is to get, if it hears us.
    pub(super) fn ring_back(&mut self, status: u16, is_silent: bool) -> Option<Arc<[u8]>> {
        let is_mute = self.ring.as_ref().is_some_and(|ring| ring.is_mute());
        if !is_silent || !(status == 180 || is_mute) {
            return None;
        }
        if let Phase::Dialling(dialling) = &mut self.phase {
            dialling.is_ringing = true;
        }
        if self.hears_early_media() {
            return None;
        }
        if self.has_early_answer() {
            self.resume_ringback();
            return self.caller.media.said().filter(|_| self.is_ringback_possible());
        }
        if !self.is_ringback_possible() || self.caller.is_described_reliably() {
            return None;
        }
        let (Phase::Dialling(dialling), Some(callee)) = (&mut self.phase, &self.callee) else { return None };
        let passed = dialling.passed.as_ref()?;
        let answer = negotiation::answer_meanwhile(&passed.offer, &mut self.caller.media, &callee.media).ok()?;
        dialling.early.tell(&answer);
        self.ring.iter_mut().for_each(|ring| ring.tell());
        self.describe_picked_up();
        self.play_ringback();
        Some(answer)
    }

    fn is_ringback_possible(&self) -> bool {
        self.media == MediaState::Open && self.caller.media.is_anchored()
    }

    /// Whether somebody who rings is heard.
    fn hears_early_media(&self) -> bool {
        match (&self.ring, &self.phase) {
            (Some(ring), _) => ring.is_heard(),
            (None, Phase::Dialling(dialling)) => dialling.early.heard().is_some(),
            _ => false,
        }
    }

    /// Whether the caller, which nobody has answered for good, has had an answer to its offer.
    fn has_early_answer(&self) -> bool {
        match (&self.ring, &self.phase) {
            (Some(ring), _) => ring.has_told() || self.has_picked_up(),
            (None, Phase::Dialling(dialling)) => dialling.early.has_told(),
            _ => false,
        }
    }

    /// The caller hears it from now on.
    pub(super) fn play_ringback(&mut self) {
        let play = self.next_play();
        let Some(ringback) = self.ringback.as_deref_mut() else { return };
        ringback.playing = Some(play);
        let (call, leg, sound) = (self.id, self.caller.id, ringback.sound.clone());
        self.media(MediaCommand::Play { call, leg, play, sound, times: 0, over: false, instead: Some(Country::default()) });
    }

    /// The caller hears somebody else from now on.
    pub(super) fn pause_ringback(&mut self) {
        if let Some(play) = self.ringback.as_mut().and_then(|ringback| ringback.playing.take()) {
            self.media(MediaCommand::Stop { call: self.id, play });
        }
    }

    /// The caller hears it again where whoever gave early media is gone and another rings; it is over where nobody rings any more.
    pub(super) fn look_after_ringback(&mut self) {
        match self.phase {
            Phase::Routing(..)
            | Phase::Preparing(..)
            | Phase::Seizing(..)
            | Phase::Opening(..)
            | Phase::PickedUp(_)
            | Phase::Dialling(_)
            | Phase::Between
            | Phase::Announcing(_) => self.resume_ringback(),
            Phase::TakenOver(_)
            | Phase::LateAnswer(_)
            | Phase::AnsweredElsewhere(_)
            | Phase::LateLike(_)
            | Phase::LateAlone(_)
            | Phase::Moving(_)
            | Phase::Talking => {
                self.pause_ringback();
                self.ringback = None;
            }
            // The session ends.
            Phase::Ending | Phase::Over => self.ringback = None,
        }
    }

    fn resume_ringback(&mut self) {
        let is_idle = self.ringback.as_ref().is_some_and(|ringback| ringback.playing.is_none());
        let rings = self.phase.is_ringing() || self.ring.as_ref().is_some_and(|ring| ring.is_ringing());
        if is_idle && rings && self.has_early_answer() && !self.hears_early_media() && self.is_ringback_possible() {
            self.play_ringback();
        }
    }
}
