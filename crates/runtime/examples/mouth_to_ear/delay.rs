//! Where in what was said lies what is heard, and so how late it is.

/// Packets that are recognised together: 200 ms of sound.
const TOGETHER: usize = 10;

/// Samples of a packet, and microseconds of a sample.
pub(crate) const FRAME: usize = 160;
const SAMPLE_US: i64 = 125;

/// How long before it arrives, in samples, something may have been said, and how long after it by clocks that are read late.
const MOST: i64 = 2_000;
const LEAST: i64 = -400;

/// Where the last was found the next is looked for first.
const NEAR: i64 = 80;

/// As alike as this it is the same; and what is softer is not looked at.
const ALIKE: f64 = 0.8;
const LOUD: f64 = 200.0;

/// Samples as they were said, and when each packet of them was sent: microseconds.
pub(crate) struct Said<'a> {
    pub(crate) samples: &'a [i16],
    pub(crate) sent: &'a [i64],
}

/// The delay of each packet that is recognised, in milliseconds; packets come with the time of their arrival.
pub(crate) fn delays(said: &Said<'_>, heard: &[(i64, Vec<i16>)]) -> Vec<f64> {
    let (mut delays, mut last) = (Vec::new(), None);
    for packets in heard.chunks_exact(TOGETHER) {
        let samples: Vec<i16> = packets.iter().flat_map(|(_, samples)| samples.iter().copied()).collect();
        let arrived = (packets[0].0 - said.sent[0]) / SAMPLE_US;
        let near = last.and_then(|late| find(said, &samples, arrived - late - NEAR..=arrived - late + NEAR));
        let Some(mut place) = near.or_else(|| find(said, &samples, arrived - MOST..=arrived - LEAST)) else { continue };
        last = Some(arrived - place as i64);
        for (at, samples) in packets {
            delays.extend(said.time_of(place).map(|time| (at - time) as f64 / 1_000.0));
            place += samples.len();
        }
    }
    delays
}

impl Said<'_> {
    /// When a sample would be played that was sent directly.
    fn time_of(&self, sample: usize) -> Option<i64> {
        Some(self.sent.get(sample / FRAME)? + (sample % FRAME) as i64 * SAMPLE_US)
    }
}

/// The place in what was said that is most like it.
fn find(said: &Said<'_>, heard: &[i16], places: std::ops::RangeInclusive<i64>) -> Option<usize> {
    let energy = |samples: &[i16]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let own = energy(heard);
    let least = LOUD * LOUD * heard.len() as f64;
    let mut best = None;
    for place in places.filter_map(|place| usize::try_from(place).ok()) {
        let Some(there) = said.samples.get(place..place + heard.len()).filter(|_| own > least) else { continue };
        // Products of samples fit, and so do sums of so few of them.
        let product = there.iter().zip(heard).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum::<i64>() as f64;
        let likeness = product / (own * energy(there).max(1.0)).sqrt();
        if likeness > ALIKE && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, place));
        }
    }
    best.map(|(_, place)| place)
}
