//! What a telephone network says without words: ringing and busy, as each country has them (ITU-T E.180 supplement 2).

mod plans;

use crate::oscillator::Oscillator;
use tandem_model::{Country, NetworkTone};

/// Peak of a tone: 15 dB below the loudest, as loud as exchanges have it.
const PEAK: f32 = 5_800.0;

/// How long one piece takes to begin, and to end, so that it does not click.
const RAMP_MS: u32 = 4;

/// Of what a tone is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mix {
    One(u16),
    /// Both together.
    Two(u16, u16),
    /// The first, loud and soft as often a second as the other says.
    Waxing(u16, u16),
}

/// Milliseconds of sound and of silence, again and again.
type Cadence = &'static [(u16, u16)];

/// A tone that plays.
#[derive(Clone, Debug)]
pub struct Tone {
    mix: Mix,
    cadence: Cadence,
    rate_hz: u32,
    oscillators: [Oscillator; 2],
    piece: usize,
    /// Samples of the piece so far.
    made: u32,
    /// So many times through its cadence; `None`: for ever.
    rounds: Option<u16>,
}

impl Tone {
    /// What that country says so, from its beginning, at `rate_hz`.
    pub fn new(country: Country, tone: NetworkTone, rate_hz: u32) -> Tone {
        let (mix, cadence) = plans::plan(country, tone);
        Tone { mix, cadence, rate_hz, oscillators: oscillators(mix, rate_hz), piece: 0, made: 0, rounds: None }
    }

    /// Silent once it has gone so many times through its cadence.
    #[must_use]
    pub fn times(self, rounds: u16) -> Tone {
        Tone { rounds: Some(rounds), ..self }
    }

    /// Whether nothing comes any more.
    pub fn is_over(&self) -> bool {
        self.rounds == Some(0)
    }

    /// The next samples, in place of what is in `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        samples.iter_mut().for_each(|sample| *sample = self.next());
    }

    fn next(&mut self) -> i16 {
        if self.is_over() {
            return 0;
        }
        let of = |ms: u16| u32::from(ms) * self.rate_hz / 1_000;
        let (sound, silence) = self.cadence.get(self.piece).map_or((0, 1), |(sound, silence)| (of(*sound), of(*silence)));
        let sample = if self.made < sound {
            let ramp = (self.rate_hz * RAMP_MS / 1_000).max(1);
            let loudness = self.made.min(sound - self.made).min(ramp) as f32 / ramp as f32;
            let [first, second] = &mut self.oscillators;
            let (first, second) = (first.step(), second.step());
            let sum = match self.mix {
                Mix::One(_) => first,
                Mix::Two(..) => (first + second) * 0.7,
                Mix::Waxing(..) => first * (0.55 + 0.45 * second / PEAK),
            };
            (sum * loudness) as i16
        } else {
            0
        };
        self.made += 1;
        if self.made >= sound + silence {
            self.made = 0;
            self.piece = (self.piece + 1) % self.cadence.len().max(1);
            if self.piece == 0 {
                self.rounds = self.rounds.map(|left| left.saturating_sub(1));
            }
            self.oscillators = oscillators(self.mix, self.rate_hz);
        }
        sample
    }
}

fn oscillators(mix: Mix, rate_hz: u32) -> [Oscillator; 2] {
    let (first, second) = match mix {
        Mix::One(hz) => (hz, 0),
        Mix::Two(first, second) | Mix::Waxing(first, second) => (first, second),
    };
    [first, second].map(|hz| Oscillator::new(hz.into(), PEAK, rate_hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each 10 ms whether there is sound.
    fn sounds(tone: &mut Tone, ms: usize) -> Vec<bool> {
        let mut samples = vec![0; tone.rate_hz as usize * ms / 1_000];
        tone.fill(&mut samples);
        samples.chunks(tone.rate_hz as usize / 100).map(|piece| piece.iter().any(|sample| sample.abs() > 200)).collect()
    }

    fn milliseconds(sounds: &[bool]) -> Vec<(bool, usize)> {
        sounds.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() * 10)).collect()
    }

    #[test]
    fn none_takes_longer_to_go_through_its_cadence_than_calls_wait() {
        let round = usize::try_from(NetworkTone::MAX_ROUND.as_millis()).unwrap();
        for country in Country::all() {
            for tone in [NetworkTone::Ringing, NetworkTone::Busy, NetworkTone::Congestion] {
                let mut once = Tone::new(country, tone, 8_000).times(1);
                sounds(&mut once, round);
                assert!(once.is_over(), "{country} {tone:?}");
            }
        }
    }

    #[test]
    fn cadences_are_kept() {
        let of = |country: &str, call, ms| {
            let country = country.parse().unwrap();
            [8_000, 48_000].map(|rate| milliseconds(&sounds(&mut Tone::new(country, call, rate), ms)))
        };
        assert_eq!(of("de", NetworkTone::Ringing, 10_000), [[1_000, 4_000, 1_000, 4_000]; 2].map(alternating));
        assert_eq!(of("gb", NetworkTone::Ringing, 3_400), [[400, 200, 400, 2_000, 400]; 2].map(alternating));
        assert_eq!(of("us", NetworkTone::Busy, 1_500), [[500, 500, 500]; 2].map(alternating));
    }

    fn alternating<const N: usize>(ms: [usize; N]) -> Vec<(bool, usize)> {
        ms.iter().enumerate().map(|(index, ms)| (index % 2 == 0, *ms)).collect()
    }

    #[test]
    fn one_that_goes_through_its_cadence_so_often_is_silent_then() {
        let mut tone = Tone::new("gb".parse().unwrap(), NetworkTone::Ringing, 8_000).times(2);
        let heard = milliseconds(&sounds(&mut tone, 7_000));
        assert_eq!(heard, alternating([400, 200, 400, 2_000, 400, 200, 400, 3_000]));
        assert!(tone.is_over());
    }

    #[test]
    fn every_country_says_both_and_no_two_alike() {
        for country in Country::all() {
            let [ringing, busy] =
                [NetworkTone::Ringing, NetworkTone::Busy].map(|call| sounds(&mut Tone::new(country, call, 8_000), 12_000));
            assert!(
                ringing != busy && [&ringing, &busy].iter().all(|sounds| sounds.contains(&true) && sounds.contains(&false)),
                "{country}"
            );
        }
    }

    #[test]
    fn a_tone_is_as_loud_as_it_should_be_and_does_not_click() {
        for country in Country::all() {
            let mut tone = Tone::new(country, NetworkTone::Ringing, 8_000);
            let mut samples = vec![0; 8_000 * 12];
            tone.fill(&mut samples);
            let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((4_000..9_000).contains(&loudest), "{country}: {loudest}");
            // Whatever stands beside a silence of 50 ms and more is soft.
            let mut at = 0_usize;
            for run in samples.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
                let beside = [at.checked_sub(1), Some(at + run.len())].map(|place| samples.get(place?).map(|sample| sample.abs()));
                assert!(run[0] != 0 || run.len() < 400 || beside.iter().flatten().all(|step| *step < 500), "{country}: {beside:?}");
                at += run.len();
            }
        }
    }
}
