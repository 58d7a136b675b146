//! How late packets come: models of networks that phones are in, and what was recorded. Microseconds for each packet of 20 ms; `None` is
//! lost.

use tandem_model::Random;

pub(super) const PACKET_US: u64 = 20_000;

/// What was recorded on a machine with two processors and eight programs that wanted one each, all the time: a thread that sent a packet
/// every 20 ms over loopback, and one that noted in tenths of a millisecond how long after its time each came.
pub(super) fn loaded(packets: usize) -> Vec<Option<u64>> {
    let tenths = include_str!("loaded.trace").split_whitespace().map(|word| word.parse::<u64>().ok().map(|tenths| tenths * 100));
    tenths.cycle().take(packets).collect()
}

/// Wi-Fi: each packet waits for the air, 1.5 ms in the mean and seldom long; once in two seconds in the mean the phone looks for other
/// networks or the air is taken for 20 to 120 ms, and what waited meanwhile comes at once. One in two hundred is lost, by retries that
/// were in vain.
pub(super) fn wifi(packets: usize, seed: u64) -> Vec<Option<u64>> {
    let mut random = Random::new(seed);
    let mut free_at = 0;
    let mut last = 0;
    (0..packets as u64)
        .map(|n| {
            let sent = n * PACKET_US;
            if random.below(100) == 0 {
                free_at = sent + 20_000 + random.below(100_000);
            }
            let air = exponential(&mut random, 1_500.0);
            last = (sent + air).max(free_at).max(last + 300);
            (random.below(200) > 0).then_some(last - sent)
        })
        .collect()
}

/// LTE: what is sent goes at the next grant, of which there is one every 10 ms, and takes 4 ms; one in ten is sent again 8 ms later, up to
/// three times; once in 20 seconds in the mean the phone changes its cell, for 30 to 80 ms. Whatever comes is given on in order. The
/// clocks of the grants and of the phone are not the same.
pub(super) fn lte(packets: usize, seed: u64) -> Vec<Option<u64>> {
    let mut random = Random::new(seed);
    let (mut away_until, mut last) = (0, 0);
    (0..packets as u64)
        .map(|n| {
            let sent = n * (PACKET_US + 1);
            if random.below(1_000) == 0 {
                away_until = sent + 30_000 + random.below(50_000);
            }
            let granted = sent.max(away_until).next_multiple_of(10_000);
            let again = (0..3).take_while(|_| random.below(10) == 0).count() as u64;
            last = (granted + 4_000 + again * 8_000).max(last + 200);
            Some(last - n * PACKET_US)
        })
        .collect()
}

/// So many percent are lost, `together` at a time.
pub(super) fn lose(trace: &mut [Option<u64>], percent: u64, together: usize, seed: u64) {
    let mut random = Random::new(seed);
    for start in 0..trace.len() {
        if random.below(100 * together as u64) < percent {
            trace.iter_mut().skip(start).take(together).for_each(|late| *late = None);
        }
    }
}

fn exponential(random: &mut Random, mean: f64) -> u64 {
    let share = (random.below(1_000_000) + 1) as f64 / 1_000_000.0;
    (-mean * share.ln()) as u64
}
