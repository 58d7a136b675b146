//! Recordings as blocks of samples out: what is heard is laid out as the file has it, and kept until there is enough to be written.
//!
//! Of each tick of the mix, [`Sink::clear`] begins a frame, [`Sink::add`] has what is said and heard in it, and [`Sink::push`] when it was due:
//! what nobody gave is silence, and a recording is as long as it lasted. [`Sink::block`] gives what is to be written as soon as it is a whole block, and what is left when it has [ended](Sink::end); then
//! it is [over](Sink::over).

mod ear;
#[cfg(test)]
mod tests;

use crate::{path::mix::Limiter, voice::Tick};
pub(crate) use ear::Ear;
use std::time::Duration;
use tandem_model::{Layout, LegId, Recorded, RecordingEnd, RecordingId, Timestamp};
use tandem_sound::Resampler;

/// Sound in a block: what a crash loses at most.
const BLOCK: Duration = Duration::from_millis(500);

/// Blocks that may be kept. What comes while so much is kept is lost, and silence takes its place.
const BLOCKS: usize = 3;

/// A frame of the mix. Less than this is not made up for.
const FRAME: Duration = Duration::from_millis(20);

/// Samples of the longest frame.
const MAX_SAMPLES: usize = Tick::MOST;

/// Bytes of a sample.
const SAMPLE: usize = 2;

/// What the samples of a recording are: 16 bits each, the lower octet first, those of one moment side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Samples a second of each channel.
    pub rate_hz: u32,
    /// 1, or 2.
    pub channels: u16,
}

impl Format {
    /// Bytes of one moment.
    pub const fn moment(self) -> usize {
        self.channels as usize * SAMPLE
    }

    /// Bytes of a block.
    pub const fn block(self) -> usize {
        self.bytes(BLOCK)
    }

    /// Bytes of so much sound.
    const fn bytes(self, span: Duration) -> usize {
        (span.as_micros() as u64 * self.rate_hz as u64 / 1_000_000) as usize * self.moment()
    }
}

/// What something is to a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It says it.
    Said,
    /// It hears it: what others say, and what is played over that.
    Heard,
    /// Of what it hears, what is played over the rest.
    Over,
    /// It hears it, and it is played to it in place of what others say.
    Played,
}

/// A recording that runs.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) recording: RecordingId,
    pub(crate) of: Recorded,
    /// Who has a channel to itself, of a recording of the call.
    first: Option<LegId>,
    format: Format,
    began: Timestamp,
    /// Bytes that it has had so far, silence included.
    taken: u64,
    /// What waits to be written: `kept` bytes, of which the first `given` are in somebody's hands.
    buffer: Box<[u8]>,
    kept: usize,
    given: usize,
    channels: Box<[Channel]>,
    end: Option<RecordingEnd>,
}

/// One channel of a frame.
#[derive(Debug)]
struct Channel {
    sum: Box<[i32]>,
    /// Samples of the frame.
    length: usize,
    limiter: Limiter,
    frame: Box<[i16]>,
    /// From another rate than that of the file, if the mix has one.
    resampler: Option<(u32, Resampler)>,
    /// The frame at the rate of the file.
    samples: Box<[i16]>,
}

impl Sink {
    /// A recording that begins now, at a rate that the mix has; `first` is who was in the call first.
    pub(crate) fn new(
        now: Timestamp,
        recording: RecordingId,
        (of, layout): (Recorded, Layout),
        rate_hz: u32,
        first: Option<LegId>,
    ) -> Sink {
        let format = Format { rate_hz, channels: layout.channels() };
        Sink {
            first,
            recording,
            of,
            format,
            began: now,
            taken: 0,
            buffer: vec![0; BLOCKS * format.block()].into(),
            kept: 0,
            given: 0,
            channels: (0..format.channels).map(|_| Channel::new(format)).collect(),
            end: None,
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Begins a frame of so many samples, which is silent until something is added.
    pub(crate) fn clear(&mut self, samples: usize) {
        for channel in &mut self.channels {
            channel.sum.fill(0);
            channel.length = samples.min(channel.sum.len());
        }
    }

    /// Adds to the frame what something is to a leg, if that is recorded.
    pub(crate) fn add(&mut self, part: Part, leg: LegId, frame: &[i16]) {
        let is_left = match (self.of, part) {
            (Recorded::Leg(own), _) if own != leg => return,
            // Whoever said it was there to say it, and what is played over it comes by itself.
            (Recorded::Call, Part::Heard) | (Recorded::Leg(_), Part::Over) => return,
            (Recorded::Leg(_), Part::Said) => true,
            (Recorded::Call, Part::Said) => self.first == Some(leg),
            (Recorded::Leg(_), Part::Heard | Part::Played) | (Recorded::Call, Part::Over | Part::Played) => false,
        };
        let channel = if is_left { self.channels.first_mut() } else { self.channels.last_mut() };
        if let Some(channel) = channel {
            channel.sum.iter_mut().zip(frame).for_each(|(sum, sample)| *sum += i32::from(*sample));
        }
    }

    /// The frame, at `rate_hz`, is whole; it was due then. This allocates only where the rate changes.
    pub(crate) fn push(&mut self, due: Timestamp, rate_hz: u32) {
        self.let_go();
        self.fill_up(due);
        if self.owed(due) + self.format.bytes(FRAME) as i64 <= 0 {
            // It has had the sound of that time.
            return;
        }
        let mut count = usize::MAX;
        for channel in &mut self.channels {
            count = count.min(channel.convert(rate_hz, self.format.rate_hz));
        }
        let room = (self.buffer.len() - self.kept) / self.format.moment();
        let count = if count == usize::MAX { 0 } else { count.min(room) };
        let bytes = count * self.format.moment();
        let moments = self.buffer[self.kept..][..bytes].chunks_exact_mut(self.format.moment());
        for (index, moment) in moments.enumerate() {
            for (place, channel) in moment.as_chunks_mut::<SAMPLE>().0.iter_mut().zip(&self.channels) {
                *place = channel.samples[index].to_le_bytes();
            }
        }
        self.kept += bytes;
        self.taken += bytes as u64;
    }

    /// It ends now, and what is missing is silence; unless it has ended.
    pub(crate) fn end(&mut self, now: Timestamp, end: RecordingEnd) {
        if self.end.is_none() {
            self.let_go();
            self.fill_up(now);
            self.end = Some(end);
        }
    }

    /// The next block, if there is one. It is gone at the next call of anything.
    pub(crate) fn block(&mut self) -> Option<&[u8]> {
        self.let_go();
        let block = self.format.block();
        let is_whole = self.kept >= block;
        self.given = if is_whole { block } else { self.end.as_ref().map_or(0, |_| self.kept) };
        self.buffer.get(..self.given).filter(|block| !block.is_empty())
    }

    /// There is a block, or it is over.
    pub(crate) fn has_output(&self) -> bool {
        self.end.is_some() || self.kept - self.given >= self.format.block()
    }

    /// Why it ended, once all of it was given.
    pub(crate) fn over(&self) -> Option<RecordingEnd> {
        self.end.clone().filter(|_| self.kept == self.given)
    }

    /// Makes silence of what nobody gave before that time.
    fn fill_up(&mut self, until: Timestamp) {
        let owed = usize::try_from(self.owed(until)).unwrap_or(0);
        if owed < self.format.bytes(FRAME) {
            return;
        }
        // More than a block at a time would leave no room for what is said now; the rest comes with the next frames.
        let bytes = owed.min(self.format.block()).min(self.buffer.len() - self.kept);
        let bytes = bytes / self.format.moment() * self.format.moment();
        self.buffer[self.kept..][..bytes].fill(0);
        self.kept += bytes;
        self.taken += bytes as u64;
    }

    /// Bytes that it should have had by then and has not.
    fn owed(&self, by: Timestamp) -> i64 {
        let moments = by.since(self.began).as_micros() * u128::from(self.format.rate_hz) / 1_000_000;
        moments as i64 * self.format.moment() as i64 - self.taken as i64
    }

    fn let_go(&mut self) {
        self.buffer.copy_within(self.given..self.kept, 0);
        self.kept -= self.given;
        self.given = 0;
    }
}

impl Channel {
    fn new(format: Format) -> Channel {
        Channel {
            sum: vec![0; MAX_SAMPLES].into(),
            length: 0,
            limiter: Limiter::new(),
            frame: vec![0; MAX_SAMPLES].into(),
            resampler: None,
            // A frame of another rate may come out longer by one.
            samples: vec![0; format.bytes(FRAME) / format.moment() + 1].into(),
        }
    }

    /// Makes samples of the sum, at the rate of the file. How many they are.
    fn convert(&mut self, from_hz: u32, to_hz: u32) -> usize {
        let frame = &mut self.frame[..self.length];
        self.limiter.limit(&self.sum[..self.length], frame);
        if from_hz == to_hz {
            self.resampler = None;
            let count = frame.len().min(self.samples.len());
            self.samples[..count].copy_from_slice(&frame[..count]);
            return count;
        }
        let resampler = match &mut self.resampler {
            Some((rate, resampler)) if *rate == from_hz => resampler,
            place => &mut place.insert((from_hz, Resampler::new(from_hz, to_hz))).1,
        };
        resampler.convert(frame, &mut self.samples)
    }
}
