//! What is played to a leg at a pace of its own, brought into step with the mix for recordings.

use std::collections::VecDeque;
use tandem_sound::Resampler;

/// What is kept at most: longer than any packet, in samples of the highest rate.
const MAX_KEPT: usize = 48_000 / 1_000 * 200;

/// Frames after which what is there is given, though more was to come.
const PATIENCE: u8 = 3;

/// Listens to what is played to one leg.
#[derive(Debug)]
pub(crate) struct Ear {
    /// What was heard and not yet taken, at the rate of the mix.
    kept: VecDeque<i16>,
    /// From the rate of what is played to that of the mix.
    resampler: Option<((u32, u32), Resampler)>,
    converted: Box<[i16]>,
    frame: Box<[i16]>,
    /// Frames are given; else more is waited for, and was for so many.
    flows: bool,
    waited: u8,
}

impl Ear {
    pub(crate) fn new() -> Ear {
        Ear {
            kept: VecDeque::with_capacity(MAX_KEPT),
            resampler: None,
            converted: vec![0; MAX_KEPT].into(),
            frame: vec![0; super::MAX_SAMPLES].into(),
            flows: false,
            waited: 0,
        }
    }

    /// Takes what is played. This allocates only where a rate changes.
    pub(crate) fn hear(&mut self, samples: &[i16], from_hz: u32, to_hz: u32) {
        let samples = if from_hz == to_hz {
            samples
        } else {
            let resampler = match &mut self.resampler {
                Some((rates, resampler)) if *rates == (from_hz, to_hz) => resampler,
                place => &mut place.insert(((from_hz, to_hz), Resampler::new(from_hz, to_hz))).1,
            };
            let count = resampler.convert(samples, &mut self.converted);
            &self.converted[..count]
        };
        let room = MAX_KEPT - self.kept.len();
        self.kept.extend(samples.iter().take(room));
    }

    /// The next frame of so many samples, if there is one. It begins with one more in hand, so that what comes a little late leaves no gap.
    pub(crate) fn frame(&mut self, samples: usize) -> Option<&[i16]> {
        if !self.flows {
            if self.kept.is_empty() || self.kept.len() < 2 * samples && self.waited < PATIENCE {
                self.waited += u8::from(!self.kept.is_empty());
                return None;
            }
            (self.flows, self.waited) = (true, 0);
        }
        let count = samples.min(self.kept.len()).min(self.frame.len());
        let frame = &mut self.frame[..samples.min(super::MAX_SAMPLES)];
        frame[count..].fill(0);
        frame.iter_mut().zip(self.kept.drain(..count)).for_each(|(place, sample)| *place = sample);
        self.flows = !self.kept.is_empty();
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(ear: &mut Ear, packets: &[(usize, usize)]) -> Vec<i16> {
        let (mut heard, mut next) = (Vec::new(), 0);
        for (packets, size) in packets {
            for _ in 0..*packets {
                let samples: Vec<i16> = (next..next + *size as i16).collect();
                next += *size as i16;
                ear.hear(&samples, 8_000, 8_000);
            }
            heard.extend(ear.frame(160).into_iter().flatten().copied());
        }
        while let Some(frame) = ear.frame(160) {
            heard.extend(frame);
        }
        heard
    }

    #[test]
    fn packets_of_any_length_become_frames_without_a_gap() {
        for packets in [vec![(1, 160); 20], vec![(2, 80); 20], [(1, 480), (0, 0), (0, 0)].repeat(6)] {
            let heard = all(&mut Ear::new(), &packets);
            let total: usize = packets.iter().map(|(count, size)| count * size).sum();
            assert!(heard.len() >= total && heard[..total].iter().enumerate().all(|(n, sample)| *sample == n as i16), "{packets:?}");
        }
    }

    #[test]
    fn one_that_comes_a_little_late_leaves_no_gap() {
        let heard = all(&mut Ear::new(), &[(1, 160), (1, 160), (1, 160), (0, 0), (2, 160), (1, 160)]);
        assert!(heard.len() == 960 && heard.iter().enumerate().all(|(n, sample)| *sample == n as i16), "{heard:?}");
    }

    #[test]
    fn what_is_left_comes_out_and_no_more_is_kept_than_may() {
        let mut ear = Ear::new();
        ear.hear(&[5; 100], 8_000, 8_000);
        assert!((0..3).all(|_| ear.frame(160).is_none()));
        assert_eq!(ear.frame(160).map(|frame| frame.iter().filter(|sample| **sample == 5).count()), Some(100));
        assert_eq!(ear.frame(160), None);
        (0..100).for_each(|_| ear.hear(&[1; 480], 8_000, 48_000));
        assert_eq!((ear.kept.len(), ear.kept.capacity()), (MAX_KEPT, MAX_KEPT));
    }
}
