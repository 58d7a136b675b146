//! What a caller hears of us while others ring: the tone of its country, or music.
//!
//! It comes with the first 180 of somebody who brings no early media (RFC 3960 §3.2): the caller gets 183 with an answer of ours to its
//! offer, which stays the answer, and is [joined](negotiation::join_answer) later to whoever brings media or answers. A caller that made no
//! offer hears its own tone.

use super::Call;
use super::phase::{MediaState, Phase};
use crate::negotiation;
use std::sync::Arc;
use tandem_model::{MediaCommand, PlayId, Sound};

/// What the caller is to hear.
#[derive(Debug)]
pub(super) struct Ringback {
    sound: Sound,
    /// It plays, and the caller has had that answer; none if it had one before.
    playing: Option<(PlayId, Option<Arc<[u8]>>)>,
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
        if let Some(Ringback { playing: Some((_, told)), .. }) = self.ringback.as_deref() {
            return told.clone();
        }
        let has_told = self.ring.as_ref().is_some_and(|ring| ring.has_told() || ring.is_heard()) || self.caller.is_described_reliably();
        let (Phase::Dialling(dialling), Some(callee)) = (&mut self.phase, &self.callee) else { return None };
        let passed = dialling.passed.as_ref().filter(|_| self.media == MediaState::Open && self.caller.media.is_anchored())?;
        if has_told || dialling.early.has_told() {
            return None;
        }
        let answer = negotiation::answer_meanwhile(&passed.offer, &mut self.caller.media, &callee.media).ok()?;
        dialling.early.tell(&answer);
        self.ring.iter_mut().for_each(|ring| ring.tell());
        self.describe_picked_up();
        self.play_ringback();
        if let Some(Ringback { playing: Some((_, told)), .. }) = self.ringback.as_deref_mut() {
            *told = Some(Arc::clone(&answer));
        }
        Some(answer)
    }

    /// The caller hears it from now on.
    pub(super) fn play_ringback(&mut self) {
        let play = self.next_play();
        let Some(ringback) = self.ringback.as_deref_mut() else { return };
        ringback.playing = Some((play, None));
        let (call, leg, sound) = (self.id, self.caller.id, ringback.sound.clone());
        self.media(MediaCommand::Play { call, leg, play, sound, times: 0, over: false });
    }

    /// The caller hears somebody else from now on.
    pub(super) fn end_ringback(&mut self) {
        if let Some(Ringback { playing: Some((play, _)), .. }) = self.ringback.take().as_deref() {
            self.media(MediaCommand::Stop { call: self.id, play: *play });
        }
    }

    /// It is over where nobody rings any more.
    pub(super) fn look_after_ringback(&mut self) {
        match self.phase {
            Phase::Routing(..)
            | Phase::Seizing(..)
            | Phase::Opening(..)
            | Phase::PickedUp(_)
            | Phase::Dialling(_)
            | Phase::Between
            | Phase::Announcing(_) => {}
            Phase::TakenOver(_)
            | Phase::LateAnswer(_)
            | Phase::AnsweredElsewhere(_)
            | Phase::LateLike(_)
            | Phase::LateAlone(_)
            | Phase::Moving(_)
            | Phase::Talking => self.end_ringback(),
            // The session ends.
            Phase::Ending | Phase::Over => self.ringback = None,
        }
    }
}
