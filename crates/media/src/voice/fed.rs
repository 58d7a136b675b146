//! A voice that says what a mix feeds it, a tick at a time.

use super::{Source, Voice, encoder};
use crate::{jitter::Playout, keys::Listening};
use std::time::Duration;
use tandem_model::{Codec, Speech, Timestamp};
use tandem_sound::{Resampler, opus::OpusError};

/// What was fed so far.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// There is something to be heard in them.
    is_sounding: bool,
    /// A packet was completed by what was fed last.
    is_complete: bool,
}

/// A tick of a mix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    /// When it began.
    pub(crate) at: Timestamp,
    /// Which it is.
    pub(crate) number: u64,
    /// Samples of it.
    pub(crate) samples: usize,
}

impl Tick {
    /// Samples of the longest.
    pub(crate) const MOST: usize = 960;
}

/// What a leg says, on its way from a voice to a mix or back.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) playout: Box<Playout>,
    /// A key in it goes on.
    pub(crate) listening: Listening,
}

impl Carried {
    /// Nobody has listened to it for keys.
    pub(crate) fn new(playout: Playout) -> Carried {
        Carried { playout: Box::new(playout), listening: Listening::default() }
    }
}

impl Voice {
    /// One that says what a mix feeds it, where what is said has up to `wide_hz` to say. It has to be [attuned](Voice::attune).
    ///
    /// # Errors
    /// A codec that cannot be spoken so.
    pub(crate) fn of_mix(speech: &Speech, wide_hz: u32) -> Result<Voice, OpusError> {
        let encoder = encoder(speech, wide_hz)?;
        let rate_hz = encoder.rate_hz();
        Ok(Voice::new(Source::Mix(Fed::default()), encoder, speech, rate_hz))
    }

    /// Whether a mix feeds it.
    pub(crate) fn is_fed(&self) -> bool {
        matches!(self.source, Source::Mix(_))
    }

    /// The rate at which it is coded, in hertz.
    pub(crate) fn spoken_hz(&self) -> u32 {
        self.encoder.rate_hz()
    }

    /// Milliseconds of a packet.
    pub(crate) fn packet_ms(&self) -> u32 {
        self.packet_ms
    }

    /// What is heard comes at that rate from now on.
    pub(crate) fn attune(&mut self, source_hz: u32) {
        let samples = (source_hz * self.packet_ms / 1_000) as usize;
        let is_converted = source_hz != self.encoder.rate_hz();
        if self.heard.len() != samples || self.resampler.is_some() != is_converted {
            self.heard = vec![0; samples].into();
            self.resampler = is_converted.then(|| Resampler::new(source_hz, self.encoder.rate_hz()));
            if let Source::Mix(fed) = &mut self.source {
                fed.is_sounding = false;
            }
        }
    }

    /// What it said of one speaker it is fed by a mix from now on: who that was, and what the mix needs of it.
    pub(crate) fn enter_mix(&mut self) -> Option<(u8, Codec, Carried)> {
        if !matches!(self.source, Source::Peer { .. }) {
            return None;
        }
        match std::mem::replace(&mut self.source, Source::Mix(Fed::default())) {
            Source::Peer { speaker, codec, playout, listening } => Some((speaker, codec, Carried { playout, listening })),
            Source::Player(_) | Source::Mix(_) => None,
        }
    }

    /// The other way round. Its next packet follows on what it said last.
    pub(crate) fn leave_mix(&mut self, speaker: u8, codec: Codec, carried: Carried) {
        let Carried { mut playout, listening } = carried;
        playout.be_followed(true);
        let rate_hz = playout.rate_hz();
        self.source = Source::Peer { speaker, codec, playout, listening };
        self.attune(rate_hz);
    }

    /// Takes what is to be heard in a tick, if anything is, and what is played over it. What the leg hears of the two, if anything.
    pub(crate) fn feed(&mut self, tick: &Tick, frame: Option<&[i16]>, over: Option<&[i16]>) -> Option<&[i16]> {
        let is_heard = frame.is_some() || over.is_some();
        let (place, began) = self.step(tick, is_heard)?;
        let places = place..place + tick.samples;
        let room = &mut self.heard[places.clone()];
        match frame {
            Some(frame) => room.copy_from_slice(frame),
            None => room.fill(0),
        }
        room.iter_mut().zip(over.into_iter().flatten()).for_each(|(sample, over)| *sample = sample.saturating_add(*over));
        if let Some(began) = began {
            self.complete(began, Voice::encode);
        }
        is_heard.then(|| &self.heard[places])
    }

    /// Whether all that a mix has fed it is in packets.
    pub(crate) fn has_said_all(&self) -> bool {
        !matches!(self.source, Source::Mix(Fed { is_complete: false, .. }))
    }

    /// The same, where `other` has just coded it.
    pub(crate) fn follow(&mut self, tick: &Tick, is_sounding: bool, other: &Voice) {
        if let Some((_, Some(began))) = self.step(tick, is_sounding) {
            self.complete(began, |voice| voice.repeat(other));
        }
    }

    /// Where the samples of a tick belong in the packet, and if they are the last of it when that began. All packets of a length begin at
    /// the same ticks.
    fn step(&mut self, tick: &Tick, is_sounding: bool) -> Option<(usize, Option<Timestamp>)> {
        let Source::Mix(fed) = &mut self.source else { return None };
        let ticks = (self.heard.len() / tick.samples.max(1)).max(1) as u64;
        let nth = tick.number % ticks;
        fed.is_sounding = is_sounding || nth > 0 && fed.is_sounding;
        fed.is_complete = nth + 1 == ticks;
        let before = Duration::from_millis(u64::from(self.packet_ms) * nth / ticks);
        let began = Timestamp::from_micros(tick.at.as_micros().saturating_sub(before.as_micros() as u64));
        Some((nth as usize * tick.samples, fed.is_complete.then_some(began)))
    }

    /// Says the packet that began then, if anything is to be heard in it.
    fn complete(&mut self, began: Timestamp, code: impl FnOnce(&mut Voice) -> Option<usize>) {
        let is_sounding = matches!(self.source, Source::Mix(Fed { is_sounding: true, .. }));
        if self.pace.is_none() {
            if !is_sounding {
                return;
            }
            (self.pace, self.silent) = (Some((began, 0)), 0);
        }
        let place = self.place_at(began);
        // Were it to go on by itself, the next packet would be due when this one is over.
        let back = Duration::from_millis(self.packet_ms.into()) * place;
        let origin = Timestamp::from_micros(began.as_micros().saturating_sub(back.as_micros() as u64));
        self.pace = Some((origin, place.wrapping_add(1)));
        match if is_sounding { code(self) } else { None } {
            Some(payload_len) => {
                let said = self.number(place, began, payload_len);
                self.ready = Some(said);
            }
            None => self.ready = self.pause(place, began),
        }
    }

    /// Which packet it is that began then: ticks that were left out, because nobody spoke or they came too late, are time that passed.
    fn place_at(&self, began: Timestamp) -> u32 {
        let Some((origin, place)) = self.pace else { return 0 };
        let span = Duration::from_millis(self.packet_ms.into());
        let missed = began.since(origin + span * place).as_millis() / span.as_millis().max(1);
        place.wrapping_add(u32::try_from(missed).unwrap_or(0))
    }

    /// What the other has said is said to this leg as well.
    fn repeat(&mut self, other: &Voice) -> Option<usize> {
        let Source::Mix(Fed { is_complete: true, .. }) = &other.source else { return None };
        let said = other.ready?;
        let payload = super::FIXED_LEN..super::FIXED_LEN + said.header.payload_len;
        self.packet[payload.clone()].copy_from_slice(&other.packet[payload]);
        Some(said.header.payload_len)
    }

    /// The same where the other has left.
    pub(crate) fn go_on_alone(&mut self) {
        self.heard.fill(0);
        let own = self.encoder.rate_hz();
        if let Some(resampler) = &mut self.resampler {
            *resampler = Resampler::new(self.heard.len() as u32 * 1_000 / self.packet_ms, own);
        }
        self.encoder.begin_anew();
    }

    /// From now on it codes for itself what the other coded for it.
    pub(crate) fn go_on_from(&mut self, other: &Voice) {
        let (Source::Mix(fed), Source::Mix(others)) = (&mut self.source, &other.source) else { return };
        fed.is_sounding = others.is_sounding;
        if self.heard.len() == other.heard.len() {
            self.heard.copy_from_slice(&other.heard);
        }
        self.resampler.clone_from(&other.resampler);
        self.encoder.go_on_from(&other.encoder);
    }
}
