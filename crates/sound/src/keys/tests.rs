use super::*;
use crate::Resampler;
use tandem_model::Random;

fn press(key: Key, ms: u32, rate: u32) -> Vec<i16> {
    let mut generator = Generator::new(key, rate);
    let mut samples = vec![0; ((ms - 3) * rate / 1_000) as usize];
    generator.fill(&mut samples);
    generator.release();
    while !generator.is_over() {
        let mut sample = [0];
        generator.fill(&mut sample);
        samples.extend(sample);
    }
    samples
}

fn heard(samples: &[i16], rate: u32) -> Vec<Heard> {
    let mut detector = Detector::new(rate);
    let mut heard = Vec::new();
    samples.chunks(rate as usize / 50).for_each(|frame| detector.listen(frame, |what| heard.push(what)));
    heard
}

fn keys(samples: &[i16], rate: u32) -> String {
    let pressed = |heard: &Heard| if let Heard::Pressed(key) = heard { Some(key.sign()) } else { None };
    heard(samples, rate).iter().filter_map(pressed).collect()
}

fn all() -> impl Iterator<Item = Key> {
    (0..16).filter_map(Key::of_code)
}

#[test]
fn each_key_is_heard_once_for_as_long_as_it_sounds() {
    for rate in [8_000, 16_000, 48_000] {
        for (key, ms) in all().flat_map(|key| [(key, 40), (key, 50), (key, 100), (key, 487), (key, 2_000)]) {
            for offset in 0..13 {
                let mut sound = vec![0; (offset * rate / 1_000) as usize];
                sound.extend(press(key, ms, rate));
                sound.resize(sound.len() + rate as usize / 10, 0);
                let [Heard::Pressed(pressed), Heard::Released(released, samples)] = heard(&sound, rate)[..] else {
                    panic!("{} for {ms} ms after {offset} ms at {rate}: {:?}", key.sign(), heard(&sound, rate));
                };
                assert_eq!((pressed, released), (key, key));
                let off = (i64::from(samples) * 1_000 / i64::from(rate) - i64::from(ms)).abs();
                assert!(off <= 26, "{} for {ms} ms after {offset} ms at {rate} was off by {off} ms", key.sign());
            }
        }
    }
}

#[test]
fn a_number_dialled_as_fast_as_may_be() {
    for rate in [8_000, 16_000, 48_000] {
        let mut sound = Vec::new();
        for key in all() {
            sound.extend(press(key, 45, rate));
            sound.resize(sound.len() + (45 * rate / 1_000) as usize, 0);
        }
        assert_eq!(keys(&sound, rate), "0123456789*#ABCD", "{rate}");
    }
}

#[test]
fn what_is_too_short_is_no_key_and_a_short_gap_is_no_end() {
    for key in all() {
        let mut sound = press(key, 19, 8_000);
        sound.resize(1_600, 0);
        assert_eq!(keys(&sound, 8_000), "");
        let mut sound = press(key, 60, 8_000);
        sound.resize(sound.len() + 56, 0);
        sound.extend(press(key, 60, 8_000));
        sound.resize(sound.len() + 800, 0);
        assert_eq!(heard(&sound, 8_000).len(), 2, "{}", key.sign());
    }
}

#[test]
fn keys_are_heard_in_noise_weak_and_uneven() {
    let mut random = Random::new(11);
    for key in all() {
        // 16 dB below the tones.
        let noisy: Vec<i16> = press(key, 100, 8_000).iter().map(|sample| sample + random.below(2_400) as i16 - 1_200).collect();
        assert_eq!(keys(&noisy, 8_000), key.sign().to_string(), "in noise");
        let weak: Vec<i16> = press(key, 100, 8_000).iter().map(|sample| sample / 14).collect();
        assert_eq!(keys(&weak, 8_000), key.sign().to_string(), "weak");
        for (low, high) in [(1.0, 0.45), (1.0, 1.5)] {
            let [row, column] = tones(key).map(|hz| std::f32::consts::TAU * f32::from(hz) / 8_000.0);
            let sine = |step: f32, n: usize| 8_000.0 * (step * n as f32).sin();
            let uneven: Vec<i16> = (0..800).map(|n| (low * sine(row, n) + high * sine(column, n)) as i16).collect();
            assert_eq!(keys(&uneven, 8_000), key.sign().to_string(), "{low} to {high}");
        }
    }
}

#[test]
fn what_codecs_leave_of_a_key_is_heard() {
    for key in all() {
        let sound = press(key, 100, 8_000);
        let coded: Vec<i16> = sound.iter().map(|sample| crate::g711::FROM_MU_LAW[usize::from(crate::g711::mu_law(*sample))]).collect();
        assert_eq!(keys(&coded, 8_000), key.sign().to_string(), "G.711");
        let (mut up, mut wide) = (Resampler::new(8_000, 16_000), vec![0; 2_000]);
        let made = up.convert(&sound, &mut wide);
        let (mut octets, mut back) = (vec![0; made / 2], vec![0; made]);
        crate::g722::Encoder::default().encode(&wide[..made], &mut octets);
        crate::g722::Decoder::default().decode(&octets, &mut back);
        assert_eq!(keys(&back, 16_000), key.sign().to_string(), "G.722");
    }
}

#[test]
fn speech_and_noise_and_other_tones_are_no_keys() {
    let coded = include_bytes!("../../tests/vectors/speech.ulaw");
    let speech: Vec<i16> = coded.iter().map(|octet| crate::g711::FROM_MU_LAW[usize::from(*octet)]).collect();
    assert!(speech.len() > 8_000 * 60, "a minute at least");
    for louder in [1, 2, 4] {
        let speech: Vec<i16> = speech.iter().map(|sample| sample.saturating_mul(louder)).collect();
        assert_eq!(keys(&speech, 8_000), "", "speech");
    }
    let mut random = Random::new(12);
    let noise: Vec<i16> = (0..800_000).map(|_| random.below(40_000) as i16).collect();
    assert_eq!(keys(&noise, 8_000), "", "noise");
    for hz in (200..3_800).step_by(7) {
        let tone = |n: usize| (12_000.0 * (std::f64::consts::TAU * f64::from(hz) * n as f64 / 8_000.0).sin()) as i16;
        assert_eq!(keys(&(0..1_600).map(tone).collect::<Vec<_>>(), 8_000), "", "{hz} Hz");
    }
}
