//! One thing that plays, from its beginning to its end.

use super::{Clip, Playable};
use tandem_model::{PlayEnd, PlayId};
use tandem_sound::{Oscillator, Resampler, tones::Tone};

/// Peak of a sine: 10 dB below full scale.
const PEAK: f32 = 10_362.0;

/// How long a prompt takes to begin and to end, and anything that is stopped to end, so that it does not click.
const RAMP_MS: u32 = 5;

/// Read of a prompt at a time.
const PIECE_MS: u32 = 10;

/// Something that plays.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) play: PlayId,
    sound: Playable,
    /// How often; 0: for ever.
    times: u16,
    rate_hz: u32,
    made: Made,
    /// Samples until it is silent, once it was told to stop.
    fading: Option<u32>,
    end: Option<PlayEnd>,
}

/// What comes of it at its rate.
#[derive(Debug)]
enum Made {
    Silence,
    Sine(Oscillator),
    Tone(Tone),
    Clip(Box<Reel>),
}

impl Track {
    /// Silent until it is told its rate.
    pub(super) fn new(play: PlayId, sound: Playable, times: u16) -> Track {
        Track { play, sound, times, rate_hz: 0, made: Made::Silence, fading: None, end: None }
    }

    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// The prompt that it waits for, or what is heard in its place.
    pub(super) fn load(&mut self, sound: Playable) {
        if self.sound == Playable::Awaited {
            self.sound = sound;
            self.begin();
        }
    }

    /// From now on at that rate. A prompt goes on where it is, a tone begins anew.
    pub(super) fn retune(&mut self, rate_hz: u32) {
        if self.rate_hz == rate_hz {
            return;
        }
        self.rate_hz = rate_hz;
        match &mut self.made {
            Made::Clip(reel) => reel.retune(rate_hz),
            _ => self.begin(),
        }
    }

    fn begin(&mut self) {
        let rate_hz = self.rate_hz;
        self.made = match &self.sound {
            _ if rate_hz == 0 => Made::Silence,
            Playable::Sine { frequency_hz } => Made::Sine(Oscillator::new(f32::from(*frequency_hz), PEAK, rate_hz)),
            Playable::Tone { country, tone } => {
                let endless = Tone::new(*country, *tone, rate_hz);
                Made::Tone(if self.times == 0 { endless } else { endless.times(self.times) })
            }
            Playable::Clip(clip) => Made::Clip(Box::new(Reel::new(clip.clone(), self.times, rate_hz))),
            Playable::Awaited => Made::Silence,
        };
    }

    /// Ends softly.
    pub(super) fn stop(&mut self) {
        match self.made {
            Made::Silence => self.end = self.end.or(Some(PlayEnd::Stopped)),
            _ => self.fading = self.fading.or(Some(ramp(self.rate_hz))),
        }
    }

    /// How it ended, when it has.
    pub(super) fn end(&self) -> Option<PlayEnd> {
        self.end
    }

    /// The next samples, in place of what is in `out`; silence behind its end.
    pub(super) fn pull(&mut self, out: &mut [i16]) {
        if self.end.is_some() {
            return out.fill(0);
        }
        let finished = match &mut self.made {
            Made::Sine(oscillator) => {
                out.iter_mut().for_each(|sample| *sample = oscillator.step() as i16);
                false
            }
            Made::Tone(tone) => {
                tone.fill(out);
                tone.is_over()
            }
            Made::Clip(reel) => reel.fill(out),
            Made::Silence => {
                out.fill(0);
                false
            }
        };
        if finished {
            self.end = Some(PlayEnd::Finished);
        }
        self.fade(out);
    }

    fn fade(&mut self, out: &mut [i16]) {
        let Some(left) = &mut self.fading else { return };
        let whole = ramp(self.rate_hz) as f32;
        for sample in out {
            *sample = (f32::from(*sample) * *left as f32 / whole) as i16;
            *left = left.saturating_sub(1);
        }
        if *left == 0 {
            self.end = self.end.or(Some(PlayEnd::Stopped));
        }
    }
}

fn ramp(rate_hz: u32) -> u32 {
    (rate_hz * RAMP_MS / 1_000).max(1)
}

/// A prompt that is read, again and again.
#[derive(Debug)]
struct Reel {
    clip: Clip,
    /// The next sample.
    at: usize,
    /// Times that are left, the one under way included; `None`: for ever.
    left: Option<u16>,
    /// Samples since the beginning, as far as it is of interest.
    begun: u32,
    converter: Option<Converter>,
    over: bool,
}

/// From the prompt's rate to another.
#[derive(Debug)]
struct Converter {
    resampler: Resampler,
    input: Box<[i16]>,
    output: Box<[i16]>,
    /// What of the output was not taken yet.
    ready: (usize, usize),
    /// The filter has got silence behind the end.
    flushed: bool,
}

impl Reel {
    fn new(clip: Clip, times: u16, rate_hz: u32) -> Reel {
        let over = clip.samples().is_empty();
        let mut reel = Reel { clip, at: 0, left: (times > 0).then_some(times), begun: 0, converter: None, over };
        reel.retune(rate_hz);
        reel
    }

    fn retune(&mut self, rate_hz: u32) {
        let from_hz = self.clip.rate_hz();
        self.begun = 0;
        self.converter = (from_hz != rate_hz).then(|| {
            let resampler = Resampler::new(from_hz, rate_hz);
            let piece = (from_hz * PIECE_MS / 1_000).max(1) as usize;
            let output = vec![0; resampler.most(piece)].into();
            Converter { resampler, input: vec![0; piece].into(), output, ready: (0, 0), flushed: false }
        });
    }

    /// Fills `out`. Whether that was the last.
    fn fill(&mut self, out: &mut [i16]) -> bool {
        let Some(mut converter) = self.converter.take() else {
            let read = self.read(out);
            out[read..].fill(0);
            return self.over;
        };
        let mut filled = 0;
        while filled < out.len() {
            let (begin, end) = converter.ready;
            if begin == end {
                if self.over && converter.flushed {
                    break;
                }
                converter.flushed = self.over;
                let read = self.read(&mut converter.input);
                converter.input[read..].fill(0);
                converter.ready = (0, converter.resampler.convert(&converter.input, &mut converter.output));
                continue;
            }
            let taken = (end - begin).min(out.len() - filled);
            out[filled..filled + taken].copy_from_slice(&converter.output[begin..begin + taken]);
            filled += taken;
            converter.ready.0 += taken;
        }
        out[filled..].fill(0);
        let is_last = self.over && converter.flushed && converter.ready.0 == converter.ready.1;
        self.converter = Some(converter);
        is_last
    }

    /// Reads what there is, from the beginning again where it is to be heard again: how many samples.
    fn read(&mut self, out: &mut [i16]) -> usize {
        let mut made = 0;
        while made < out.len() && !self.over {
            let samples = &self.clip.samples()[self.at..];
            let count = samples.len().min(out.len() - made);
            let piece = &mut out[made..made + count];
            piece.copy_from_slice(&samples[..count]);
            self.ramp(piece);
            made += count;
            self.at += count;
            if self.at == self.clip.samples().len() {
                self.at = 0;
                self.left = self.left.map(|left| left.saturating_sub(1));
                self.over = self.left == Some(0);
            }
        }
        made
    }

    /// Lets the very beginning come, and the very end go.
    fn ramp(&mut self, piece: &mut [i16]) {
        let is_last_time = self.left == Some(1);
        let ramp = ramp(self.clip.rate_hz());
        let until_end = self.clip.samples().len() - self.at;
        for (index, sample) in piece.iter_mut().enumerate() {
            let left = if is_last_time { (until_end - index) as u32 } else { ramp };
            let loudness = self.begun.min(left).min(ramp);
            if loudness < ramp {
                *sample = (i32::from(*sample) * loudness as i32 / ramp as i32) as i16;
            }
            self.begun = (self.begun + 1).min(ramp);
        }
    }
}
