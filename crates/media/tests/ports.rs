//! Port pairs: bounded, even and odd, rested before reuse, none lost, none given twice, none taken from others.
#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tandem_media::{FOREIGN_RETRY, MAX_PROBES, PortAllocator, PortCounts, Probe};
use tandem_model::PORT_REST;
use tandem_model::Timestamp;

fn all(ports: &mut PortAllocator, now: Timestamp) -> Vec<u16> {
    std::iter::from_fn(|| ports.take(now, |_| Probe::Opened)).collect()
}

#[test]
fn only_whole_pairs_inside_the_range_are_given() {
    let of = |range| all(&mut PortAllocator::new(range), Timestamp::ZERO);
    assert_eq!(of(20_000..=20_005), [20_000, 20_002, 20_004]);
    assert_eq!(of(20_001..=20_005), [20_002, 20_004]);
    assert_eq!(of(20_000..=20_004), [20_000, 20_002]);
    assert_eq!(of(65_531..=65_535), [65_532, 65_534]);
    for empty in [20_000..=20_000, 20_001..=20_002, 65_535..=65_535, std::ops::RangeInclusive::new(30_000, 20_000)] {
        assert_eq!(of(empty), [0_u16; 0]);
    }
}

#[test]
fn a_pair_rests_before_it_is_given_again_unless_nobody_knew_of_it() {
    let mut ports = PortAllocator::new(20_000..=20_001);
    let start = Timestamp::from_millis(77);
    assert_eq!(ports.take(start, |_| Probe::Opened), Some(20_000));
    assert_eq!(ports.take(start, |_| Probe::Opened), None);
    ports.give_back(start, 20_000);
    let almost = start + (PORT_REST - Duration::from_micros(1));
    assert_eq!(ports.take(almost, |_| Probe::Opened), None);
    assert_eq!(ports.counts(almost), PortCounts { resting: 1, ..PortCounts::default() });
    assert_eq!(ports.take(start + PORT_REST, |_| Probe::Opened), Some(20_000));
    ports.give_back_unused(20_000);
    assert_eq!(ports.counts(start), PortCounts { free: 1, ..PortCounts::default() });
    assert_eq!(ports.take(start, |_| Probe::Opened), Some(20_000));
}

#[test]
fn what_others_use_is_left_alone_for_a_while() {
    let mut ports = PortAllocator::new(20_000..=20_005);
    assert_eq!(ports.take(Timestamp::ZERO, |port| if port == 20_002 { Probe::InUse } else { Probe::Opened }), Some(20_000));
    assert_eq!(ports.take(Timestamp::ZERO, |port| if port == 20_002 { Probe::InUse } else { Probe::Opened }), Some(20_004));
    assert_eq!(ports.take(Timestamp::ZERO, |_| Probe::Opened), None);
    assert_eq!(ports.counts(Timestamp::ZERO), PortCounts { in_use: 2, foreign: 1, ..PortCounts::default() });
    let later = Timestamp::ZERO + FOREIGN_RETRY;
    assert_eq!(ports.take(later, |_| Probe::Opened), Some(20_002));
}

#[test]
fn a_request_gives_up_after_so_many_tries_and_the_next_goes_on_from_there() {
    let mut ports = PortAllocator::new(20_000..=29_999);
    let first_free = 20_000 + 2 * MAX_PROBES as u16;
    let mut tries = 0;
    let mut open = |port| {
        tries += 1;
        if port >= first_free { Probe::Opened } else { Probe::InUse }
    };
    assert_eq!(ports.take(Timestamp::ZERO, &mut open), None);
    assert_eq!(ports.take(Timestamp::ZERO, &mut open), Some(first_free));
    assert_eq!(tries, MAX_PROBES + 1);
}

#[test]
fn a_failure_of_the_system_is_no_fault_of_the_port() {
    let mut ports = PortAllocator::new(20_000..=20_003);
    assert_eq!(ports.take(Timestamp::ZERO, |_| Probe::Failed), None);
    assert_eq!(ports.counts(Timestamp::ZERO), PortCounts { free: 2, ..PortCounts::default() });
    assert_eq!(all(&mut ports, Timestamp::ZERO), [20_000, 20_002]);
}

proptest! {
    #[test]
    fn shares_cover_the_range_once(begin in any::<u16>(), len in 0..200_u16, shares in 1..9_usize) {
        let range = begin..=begin.saturating_add(len);
        let whole = all(&mut PortAllocator::new(range.clone()), Timestamp::ZERO);
        let parts: Vec<Vec<u16>> = (0..shares).map(|index| all(&mut PortAllocator::share(range.clone(), index, shares), Timestamp::ZERO)).collect();
        let sizes = parts.iter().map(Vec::len);
        prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
        prop_assert_eq!(parts.concat(), &whole[..]);
        prop_assert_eq!(PortAllocator::new(range).rtp_ports().collect::<Vec<_>>(), whole);
    }

    /// Against a plain model: a pair is with a session, or resting since a known time, or to be had.
    #[test]
    fn no_pair_is_lost_or_given_twice(steps in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), 0..1500_u64), 0..300)) {
        const PAIRS: usize = 8;
        let mut ports = PortAllocator::new(40_000..=40_015);
        let (mut held, mut rested) = (BTreeSet::new(), BTreeMap::new());
        let mut now = Timestamp::from_millis(5);
        for (step, index, wait_ms) in steps {
            now = now + Duration::from_millis(wait_ms);
            match step {
                0 | 1 => {
                    let resting = rested.values().filter(|until| **until > now).count();
                    match ports.take(now, |_| Probe::Opened) {
                        Some(port) => {
                            prop_assert!(held.insert(port), "{} is taken", port);
                            prop_assert!(rested.remove(&port).is_none_or(|until| until <= now), "{} rests", port);
                        }
                        None => prop_assert_eq!(held.len() + resting, PAIRS),
                    }
                }
                2 if !held.is_empty() => {
                    let port = *index.get(&held.iter().copied().collect::<Vec<_>>());
                    held.remove(&port);
                    rested.insert(port, now + PORT_REST);
                    ports.give_back(now, port);
                }
                3 if !held.is_empty() => {
                    let port = *index.get(&held.iter().copied().collect::<Vec<_>>());
                    held.remove(&port);
                    ports.give_back_unused(port);
                }
                _ => {}
            }
            let counts = ports.counts(now);
            prop_assert_eq!(counts.in_use, held.len());
            prop_assert_eq!(counts.in_use + counts.free + counts.resting, PAIRS);
        }
        let later = now + PORT_REST;
        prop_assert_eq!(all(&mut ports, later).len() + held.len(), PAIRS);
    }
}
