//! How long sound that is said in another codec waits, and at which pace it leaves.

use crate::{
    common::*,
    transcode::{FRAME, Humming, hum, speaking},
};
use std::time::Duration;
use tandem_model::{Codec, PlayoutStats, Random};

/// What a stretch of so many frames meets in the buffer, each `late` by so many microseconds, and how far apart what is heard leaves.
fn waits(codecs: [Codec; 2], frames: usize, mut late: impl FnMut(usize) -> u64) -> (PlayoutStats, Vec<Duration>) {
    let mut bench = Bench::bare(2);
    bench.describe(A, speaking(A, codecs[0]));
    bench.describe(B, speaking(B, codecs[1]));
    let heard = hum(&mut bench, A, &mut Humming::new(codecs[0], 440.0), frames, |n| Duration::from_micros(late(n)));
    let apart = heard.windows(2).map(|pair| pair[1].0.since(pair[0].0)).collect();
    (bench.close()[A].playout.unwrap(), apart)
}

#[test]
fn a_good_network_adds_milliseconds_and_nothing_is_stretched() {
    for codecs in [[Codec::Pcmu, Codec::Pcma], [Codec::Pcmu, Codec::G722], [Codec::Pcmu, Codec::Opus], [Codec::Opus, Codec::Pcmu]] {
        let mut random = Random::new(21);
        let (playout, apart) = waits(codecs, 500, |_| random.below(1_000));
        assert!(playout.delay_us < 5_000, "{codecs:?}: {playout:?}");
        assert_eq!((playout.shortened, playout.lengthened, playout.missing), (0, 0, 0), "{codecs:?}");
        assert!(apart.iter().all(|apart| apart.abs_diff(FRAME) <= Duration::from_millis(3)), "{codecs:?}: {apart:?}");
    }
}

#[test]
fn a_first_packet_that_is_late_does_not_make_all_others_so() {
    let (playout, apart) = waits([Codec::Pcmu, Codec::Pcma], 500, |n| if n == 0 { 15_000 } else { 0 });
    // For a second it might be one of many.
    assert!(playout.delay_us < 8_000, "{playout:?}");
    assert_eq!((playout.shortened, playout.lengthened, playout.missing), (0, 0, 0));
    assert!(apart.iter().all(|apart| apart.abs_diff(FRAME) <= Duration::from_millis(3)), "{apart:?}");
}

#[test]
fn a_network_that_gets_slower_is_followed_at_once_and_back_by_and_by() {
    // 8 ms more for four seconds: what comes later leaves later, and nothing is made up.
    let (playout, apart) = waits([Codec::Pcmu, Codec::Pcma], 1_500, |n| if (200..400).contains(&n) { 8_000 } else { 0 });
    assert_eq!((playout.shortened, playout.lengthened, playout.late), (0, 0, 0), "{playout:?}");
    assert!(playout.missing <= 1 && playout.delay_us < 7_000, "{playout:?}");
    let (longest, shortest) = (apart.iter().max().unwrap(), apart.iter().min().unwrap());
    assert!(*longest <= FRAME + Duration::from_millis(10) && *shortest >= FRAME - Duration::from_millis(3), "{shortest:?} {longest:?}");
}

#[test]
fn the_pace_is_that_of_the_speakers_clock() {
    for ppm in [-200_i64, 200] {
        let (playout, apart) = waits([Codec::Pcmu, Codec::Opus], 6_000, |n| (1_000_000 + n as i64 * 20_000 * ppm / 1_000_000) as u64);
        // 24 ms of two minutes.
        assert_eq!((playout.shortened, playout.lengthened, playout.missing), (0, 0, 0), "{ppm}: {playout:?}");
        assert!(playout.delay_us < 8_000, "{ppm}: {playout:?}");
        let whole: Duration = apart.iter().sum();
        let drift = whole.as_micros() as i64 - apart.len() as i64 * 20_000;
        assert!((drift - apart.len() as i64 * 20_000 * ppm / 1_000_000).abs() < 6_000, "{ppm}: {drift}");
    }
}
