//! Comfort noise (RFC 3389): what a room sounds like, in a few octets, and the noise that they stand for.

use tandem_model::Random;

/// Coefficients of a spectrum that are used; more are passed over (RFC 3389 §3.4 leaves the number to each side).
pub const MAX_ORDER: usize = 12;

/// Those that [`describe`] says.
const ORDER: usize = 8;

/// The most octets that [`describe`] makes.
pub const MAX_PAYLOAD: usize = 1 + ORDER;

/// The softest noise there is, in -dBov.
const SOFTEST: u8 = 127;

/// How fast a new description takes the place of the one before: a part of the way with each sample at 8 kHz.
const GLIDE: f32 = 0.001;

/// Noise of one stream.
#[derive(Clone, Debug)]
pub struct ComfortNoise {
    random: Random,
    /// Of the excitation: what the filter gives back is as loud as was said.
    gain: f32,
    target: f32,
    reflection: [f32; MAX_ORDER],
    /// The lattice's memory.
    state: [f32; MAX_ORDER],
}

impl ComfortNoise {
    /// Silence, until something is said.
    pub fn new(seed: u64) -> ComfortNoise {
        let random = Random::new(seed);
        ComfortNoise { random, gain: 0.0, target: 0.0, reflection: [0.0; MAX_ORDER], state: [0.0; MAX_ORDER] }
    }

    /// Goes over to what a payload says; an empty one says nothing.
    pub fn hear(&mut self, payload: &[u8]) {
        let Some((level, spectrum)) = payload.split_first() else { return };
        self.reflection = [0.0; MAX_ORDER];
        for (coefficient, index) in self.reflection.iter_mut().zip(spectrum) {
            // §3.2; 255 is reserved.
            *coefficient = 258.0 * (f32::from((*index).min(254)) - 127.0) / 32_768.0;
        }
        let loudness = 32_768.0 * 10_f32.powf(-f32::from(level & 0x7f) / 20.0);
        // A filter of these makes white noise so much louder.
        let louder: f32 = self.reflection.iter().map(|k| 1.0 - k * k).product();
        self.target = if level & 0x7f == SOFTEST { 0.0 } else { loudness * louder.max(0.0).sqrt() };
    }

    /// The next samples, in place of what is in `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            self.gain += (self.target - self.gain) * GLIDE;
            // Two dice and the square root of what makes their spread one.
            let die = |random: &mut Random| random.next_u64() as u32 as f32 / u32::MAX as f32 - 0.5;
            let mut forward = (die(&mut self.random) + die(&mut self.random)) * 6_f32.sqrt() * self.gain;
            for stage in (0..MAX_ORDER).rev() {
                let (k, before) = (self.reflection[stage], self.state[stage]);
                forward -= k * before;
                if let Some(next) = self.state.get_mut(stage + 1) {
                    *next = before + k * forward;
                }
            }
            self.state[0] = forward;
            *sample = forward as i16;
        }
    }
}

/// Says what `samples` sound like, at least 10 ms of a background. How many octets it takes.
pub fn describe(samples: &[i16], payload: &mut [u8; MAX_PAYLOAD]) -> usize {
    let power = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len().max(1) as f32;
    let below = -10.0 * (power.max(f32::MIN_POSITIVE) / 32_768_f32.powi(2)).log10();
    payload[0] = below.round().clamp(0.0, SOFTEST.into()) as u8;
    if payload[0] == SOFTEST {
        return 1;
    }
    for (octet, k) in payload[1..].iter_mut().zip(reflection(samples)) {
        *octet = (k * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8;
    }
    MAX_PAYLOAD
}

/// The coefficients of a lattice that makes noise sound like that (Levinson and Durbin's recursion).
fn reflection(samples: &[i16]) -> [f32; ORDER] {
    let correlation: [f32; ORDER + 1] = std::array::from_fn(|lag| {
        let later = samples.get(lag..).unwrap_or(&[]);
        samples.iter().zip(later).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum()
    });
    let mut reflection = [0.0; ORDER];
    let (mut predictor, mut error) = ([0.0; ORDER + 1], correlation[0] * 1.001 + 1.0);
    for order in 0..ORDER {
        let sum: f32 = (1..=order).map(|tap| predictor[tap] * correlation[order + 1 - tap]).sum();
        let k = -(correlation[order + 1] + sum) / error;
        reflection[order] = k;
        let before = predictor;
        for tap in 1..=order {
            predictor[tap] = before[tap] + k * before[order + 1 - tap];
        }
        predictor[order + 1] = k;
        error *= 1.0 - k * k;
    }
    reflection
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise_of(payload: &[u8]) -> Vec<i16> {
        let mut noise = ComfortNoise::new(1);
        noise.hear(payload);
        let mut samples = vec![0; 24_000];
        noise.fill(&mut samples);
        samples.split_off(16_000)
    }

    #[test]
    fn noise_is_as_loud_as_was_said() {
        for spectrum in [&[][..], &[127, 127], &[200, 60, 140], &[10, 100, 100, 100], &[90; 12], &[90; 30]] {
            for level in [20, 35, 50, 62] {
                let samples = noise_of(&[&[level], spectrum].concat());
                let mut said = [0; MAX_PAYLOAD];
                describe(&samples, &mut said);
                assert!(said[0].abs_diff(level) <= 1, "{level} became {} with {spectrum:?}", said[0]);
            }
        }
    }

    #[test]
    fn the_colour_of_a_noise_comes_back() {
        for spectrum in [[200, 60, 140, 127, 127, 127, 127, 127], [30, 170, 110, 140, 127, 120, 127, 130]] {
            let samples = noise_of(&[&[30][..], &spectrum].concat());
            let mut said = [0; MAX_PAYLOAD];
            assert_eq!(describe(&samples, &mut said), MAX_PAYLOAD);
            let off = said[1..].iter().zip(spectrum).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(off <= 8, "{:?} of {spectrum:?}", &said[1..]);
        }
    }

    #[test]
    fn low_noise_has_a_first_coefficient_below_zero() {
        // As ffmpeg has it: the sign is where implementations could differ.
        let (mut random, mut last) = (Random::new(2), 0.0);
        let mut next = || {
            last = 0.98 * last + random.below(1_000) as f32 - 500.0;
            last as i16
        };
        let samples: Vec<i16> = (0..4_000).map(|_| next()).collect();
        let mut said = [0; MAX_PAYLOAD];
        describe(&samples, &mut said);
        assert!(said[1] < 10, "{said:?}");
    }

    #[test]
    fn nothing_said_is_silence_and_nonsense_does_no_harm() {
        let mut noise = ComfortNoise::new(1);
        noise.hear(&[]);
        let mut samples = [1; 160];
        noise.fill(&mut samples);
        assert_eq!(samples, [0; 160]);
        assert!(noise_of(&[127]).iter().all(|sample| *sample == 0));
        noise_of(&[0, 255, 255, 255, 0, 0, 0, 255]);
        let mut said = [0; MAX_PAYLOAD];
        assert_eq!((describe(&[0; 160], &mut said), said[0]), (1, SOFTEST));
        assert_eq!(describe(&[], &mut said), 1);
        describe(&[i16::MIN; 160], &mut said);
    }
}
