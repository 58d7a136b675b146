//! How long a registration that failed waits (RFC 5626 §4.5).

use std::time::Duration;
use tandem_model::Random;

/// max-time.
const MAX_TIME: Duration = Duration::from_secs(1_800);
/// base-time (if all failed).
const BASE_ALL_FAILED: Duration = Duration::from_secs(30);
/// base-time (if at least one has not failed).
const BASE_SOME_HOLD: Duration = Duration::from_secs(90);
/// Beyond that many failures in a row max-time is reached in any case.
const MOST_DOUBLINGS: u32 = 6;

/// The time until the next try after `failures` in a row (at least one): between a half and all of the upper bound.
pub(super) fn retry_delay(failures: u32, another_holds: bool, random: &mut Random) -> Duration {
    let base = if another_holds { BASE_SOME_HOLD } else { BASE_ALL_FAILED };
    let bound = (base * (1 << failures.min(MOST_DOUBLINGS))).min(MAX_TIME);
    let half = u64::try_from(bound.as_millis() / 2).unwrap_or(u64::MAX);
    Duration::from_millis(half + random.below(half + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_after_30_to_60_seconds_and_the_rest_double_up_to_half_an_hour() {
        let mut random = Random::new(7);
        for (failures, bound_s) in [(1, 60), (2, 120), (3, 240), (4, 480), (5, 960), (6, 1_800), (7, 1_800), (u32::MAX, 1_800)] {
            let delays: Vec<Duration> = (0..200).map(|_| retry_delay(failures, false, &mut random)).collect();
            let bound = Duration::from_secs(bound_s);
            assert!(delays.iter().all(|delay| (bound / 2..=bound).contains(delay)), "{failures}");
            assert!(delays.iter().any(|delay| *delay < bound * 6 / 10) && delays.iter().any(|delay| *delay > bound * 9 / 10), "{failures}");
        }
    }

    #[test]
    fn with_another_that_holds_there_is_less_haste() {
        let mut random = Random::new(7);
        let delay = retry_delay(1, true, &mut random);
        assert!((Duration::from_secs(90)..=Duration::from_secs(180)).contains(&delay), "{delay:?}");
    }
}
