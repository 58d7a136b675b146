//! One who speaks in a mix: packets in, a frame a tick out.

use super::Sound;
use crate::{
    jitter::Playout,
    keys::{Listening, Strokes},
    voice::Carried,
};
use tandem_model::{Codec, Timestamp};
use tandem_sound::{Resampler, opus::OpusError};

/// How long it takes until one who begins is as loud as it is, so that it does not click: milliseconds.
const RAMP_MS: u32 = 5;

/// How a member speaks and is mixed.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) codec: Codec,
    /// The rate of the mix.
    pub(super) rate_hz: u32,
    pub(super) tick_ms: u32,
}

/// One who speaks.
#[derive(Debug)]
pub(super) struct Mouth {
    codec: Codec,
    playout: Box<Playout>,
    resampler: Option<Resampler>,
    heard: Box<[i16]>,
    frame: Box<[i16]>,
    /// Samples over which it begins.
    ramp: usize,
    /// Its next frame is the first, or follows a pause.
    begins: bool,
    is_sounding: bool,
    /// Listens for keys, where somebody wants them in another way.
    listening: Listening,
}

impl Mouth {
    /// One of whom nothing was heard yet.
    ///
    /// # Errors
    /// A rate that Opus does not know.
    pub(super) fn new(terms: Terms, seed: u64) -> Result<Mouth, OpusError> {
        let playout = Playout::new(terms.codec, terms.rate_hz, seed)?;
        Ok(Mouth { begins: true, ..Mouth::of(terms, Carried::new(playout)) })
    }

    /// One that was heard in another way until now.
    pub(super) fn of(terms: Terms, carried: Carried) -> Mouth {
        let Carried { mut playout, listening } = carried;
        playout.be_followed(false);
        let mut mouth = Mouth {
            codec: terms.codec,
            playout,
            resampler: None,
            heard: Box::default(),
            frame: Box::default(),
            ramp: 0,
            begins: false,
            is_sounding: false,
            listening,
        };
        mouth.retune(terms.rate_hz, terms.tick_ms);
        mouth
    }

    pub(super) fn playout(&mut self) -> &mut Playout {
        &mut self.playout
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn retune(&mut self, rate_hz: u32, tick_ms: u32) {
        let own_hz = self.playout.rate_hz();
        let samples = |rate_hz: u32| vec![0; (rate_hz * tick_ms / 1_000) as usize].into();
        (self.heard, self.frame) = (samples(own_hz), samples(rate_hz));
        self.ramp = (rate_hz * RAMP_MS / 1_000) as usize;
        self.resampler = (own_hz != rate_hz).then(|| Resampler::new(own_hz, rate_hz));
    }

    pub(super) fn take(&mut self, now: Timestamp, sound: &Sound<'_>) {
        self.playout.take(now, sound.seen, sound.timestamp, sound.is_noise, sound.payload);
    }

    pub(super) fn begins_at(&self) -> Option<Timestamp> {
        self.playout.begins_at()
    }

    pub(super) fn into_carried(self) -> (Codec, Carried) {
        (self.codec, Carried { playout: self.playout, listening: self.listening })
    }

    /// Whether its next frame may be its last, behind which its packets go on by themselves.
    pub(super) fn may_end(&self) -> bool {
        self.playout.may_end()
    }

    /// It is heard already, and goes on.
    pub(super) fn go_on(&mut self) {
        self.begins = false;
    }

    /// Makes the next frame; where `ends` the last one, on which its next packet follows. Whether there is anything to be heard in it.
    pub(super) fn pull(&mut self, now: Timestamp, ends: bool) -> bool {
        let is_sounding = if ends { self.playout.end(now, &mut self.heard) } else { self.playout.pull(now, &mut self.heard) };
        let was_sounding = std::mem::replace(&mut self.is_sounding, is_sounding);
        self.listening.listen(self.is_sounding, &mut self.heard);
        if !self.is_sounding {
            self.begins = true;
            if was_sounding {
                self.frame.fill(0);
            }
            return false;
        }
        match &mut self.resampler {
            Some(resampler) => {
                resampler.convert(&self.heard, &mut self.frame);
            }
            None => self.frame.copy_from_slice(&self.heard),
        }
        if std::mem::take(&mut self.begins) {
            let ramp = self.ramp.max(1) as i32;
            for (place, sample) in (0..ramp).zip(&mut self.frame) {
                *sample = (i32::from(*sample) * place / ramp) as i16;
            }
        }
        true
    }

    /// Whether there may be keys in what it says, which are to be told of and not to be heard.
    pub(super) fn listen_for_keys(&mut self, listen: bool) {
        self.listening.listen_for_keys(listen, self.playout.rate_hz());
    }

    /// Whether it hears a key.
    pub(super) fn hears_key(&self) -> bool {
        self.listening.hears_key()
    }

    /// A key in what it says is over.
    pub(super) fn end_keys(&mut self) {
        self.listening.end();
    }

    /// It is heard no longer in this way: the keys that it has heard, to the end.
    pub(super) fn last_keys(&mut self) -> Option<Strokes> {
        self.end_keys();
        self.heard_keys()
    }

    /// Whom it is the mouth of has told of these keys in another codec.
    pub(super) fn go_on_from(&mut self, before: Option<Box<Mouth>>) {
        if let Some(mut before) = before {
            self.listening = std::mem::take(&mut before.listening);
            self.listening.end();
        }
    }

    /// The keys in what was heard last.
    pub(super) fn heard_keys(&mut self) -> Option<Strokes> {
        self.listening.heard_keys()
    }

    /// What it said in this tick.
    pub(super) fn frame(&self) -> &[i16] {
        &self.frame
    }

    /// The loudest sample of it. What is silenced for a key is no pause.
    pub(super) fn peak(&self) -> i16 {
        if self.listening.is_shut() {
            return i16::MAX;
        }
        if self.is_sounding { self.frame.iter().map(|sample| sample.saturating_abs()).max().unwrap_or(0) } else { 0 }
    }
}
