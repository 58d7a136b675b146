//! A steady sine in G.711, its packets on an absolute clock.

use crate::{
    codec::g711,
    rtp::{
        header::{FIXED_LEN, Header},
        sequence::Seen,
    },
};
use std::{f64::consts::TAU, ops::RangeInclusive, time::Duration};
use tandem_model::Timestamp;

/// The clock of its timestamps.
pub(crate) const CLOCK_RATE: u32 = 8000;
const SAMPLES_PER_MS: usize = 8;

/// Milliseconds of sound that a packet can have: fewer would be a flood, and more a stutter.
const PACKET_MS: RangeInclusive<u8> = 10..=MAX_PACKET_MS;
const MAX_PACKET_MS: u8 = 100;

/// Peak of the sine: 10 dB below full scale.
const AMPLITUDE: f64 = 10_362.0;

/// A source that is this late leaves frames out rather than send them in a burst.
const MAX_LATE: Duration = Duration::from_millis(100);

/// A tone that is playing.
#[derive(Debug)]
pub(crate) struct Sine {
    frequency_hz: u16,
    payload: u8,
    encode: fn(i16) -> u8,
    began: Timestamp,
    /// Frames so far, those left out included.
    frames: u32,
    /// Frames taken.
    taken: u32,
    /// Milliseconds in a frame.
    frame_ms: u8,
    packet: [u8; FIXED_LEN + MAX_PACKET_MS as usize * SAMPLES_PER_MS],
}

impl Sine {
    /// A tone whose first frame is due now.
    pub(crate) fn new(now: Timestamp, frequency_hz: u16, payload: u8, a_law: bool, packet_ms: u8) -> Self {
        let encode = if a_law { g711::a_law } else { g711::mu_law };
        let frame_ms = packet_ms.clamp(*PACKET_MS.start(), *PACKET_MS.end());
        let packet = [0; FIXED_LEN + MAX_PACKET_MS as usize * SAMPLES_PER_MS];
        Sine { frequency_hz, payload, encode, began: now, frames: 0, taken: 0, frame_ms, packet }
    }

    fn frame(&self) -> Duration {
        Duration::from_millis(self.frame_ms.into())
    }

    fn samples(&self) -> usize {
        usize::from(self.frame_ms) * SAMPLES_PER_MS
    }

    /// When the next frame is due.
    pub(crate) fn due_at(&self) -> Timestamp {
        self.began + self.frame() * self.frames
    }

    /// Takes the frame that is due; the numbers of its header are the tone's own, still to be put into those of the
    /// stream. Frames that are far too late are left out.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<(Header, Seen)> {
        let late = now.since(self.due_at());
        if late > MAX_LATE {
            self.frames = self.frames.wrapping_add(u32::try_from(late.as_micros() / self.frame().as_micros()).unwrap_or(u32::MAX));
        }
        if self.due_at() > now {
            return None;
        }
        let frame = self.frames;
        self.frames = self.frames.wrapping_add(1);
        let extended = self.taken;
        self.taken = self.taken.wrapping_add(1);
        let timestamp = frame.wrapping_mul(self.samples() as u32);
        let (payload, sequence, payload_len) = (self.payload & 0x7f, extended as u16, self.samples());
        let header = Header { marker: false, payload, sequence, timestamp, ssrc: 0, payload_len };
        Some((header, Seen { extended, epoch: 0 }))
    }

    /// The packet of the frame that was taken last, under the header that it shall have.
    pub(crate) fn packet(&mut self, header: &Header) -> &[u8] {
        // A frame's phase follows from its number, modulo the second after which every whole frequency repeats.
        let first = u64::from(self.frames.wrapping_sub(1)) * self.samples() as u64 % u64::from(CLOCK_RATE);
        let step = TAU * f64::from(self.frequency_hz) / f64::from(CLOCK_RATE);
        let (mut sin, mut cos) = (step * first as f64).sin_cos();
        let (step_sin, step_cos) = step.sin_cos();
        let len = FIXED_LEN + self.samples();
        let packet = &mut self.packet[..len];
        let (fixed, samples) = packet.split_at_mut(FIXED_LEN);
        for sample in samples {
            *sample = (self.encode)((AMPLITUDE * sin).round() as i16);
            (sin, cos) = (sin * step_cos + cos * step_sin, cos * step_cos - sin * step_sin);
        }
        if let Some(fixed) = fixed.first_chunk_mut() {
            Header::begin(fixed);
        }
        header.write(packet);
        packet
    }
}
