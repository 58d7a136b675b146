//! The order of SRV records (RFC 2782): by priority, and in proportion to their weights.

use proptest::prelude::*;
use std::collections::BTreeMap;
use tandem_model::Random;
use tandem_signalling::locate::{Srv, in_order};

const DRAWS: u64 = 20_000;

fn record(priority: u16, weight: u16, target: usize) -> Srv {
    Srv { priority, weight, port: 5060, target: format!("t{target}").into() }
}

/// How often each of the records comes first.
fn firsts(records: &[Srv], seed: u64) -> BTreeMap<Box<str>, u64> {
    let mut counts = BTreeMap::new();
    let mut random = Random::new(seed);
    for _ in 0..DRAWS {
        let first = in_order(records, &mut random).swap_remove(0);
        *counts.entry(first.target).or_default() += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn weights_come_out_in_proportion(weights in prop::collection::vec(1u16..=1000, 1..8), seed in any::<u64>()) {
        let records: Vec<Srv> = weights.iter().enumerate().map(|(target, weight)| record(1, *weight, target)).collect();
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let counts = firsts(&records, seed);
        for (record, weight) in records.iter().zip(&weights) {
            let share = f64::from(*weight) / sum;
            let came = *counts.get(&record.target).unwrap_or(&0) as f64 / DRAWS as f64;
            // Six times the standard deviation; and that RFC 2782 draws from 0 to the sum gives the first one number more.
            let slack = 6.0 * (share * (1.0 - share) / DRAWS as f64).sqrt() + 1.0 / sum;
            prop_assert!((came - share).abs() <= slack, "{weight} of {sum}: {came} instead of {share}");
        }
    }

    #[test]
    fn the_second_place_is_drawn_among_those_that_are_left(seed in any::<u64>()) {
        let records = [record(1, 10, 0), record(1, 20, 1), record(1, 70, 2)];
        let mut random = Random::new(seed);
        let (mut after_last, mut second) = (0u64, 0u64);
        for _ in 0..DRAWS {
            let order = in_order(&records, &mut random);
            if &*order[0].target == "t2" {
                after_last += 1;
                second += u64::from(&*order[1].target == "t1");
            }
        }
        let share = second as f64 / after_last as f64;
        prop_assert!((share - 2.0 / 3.0).abs() < 0.05, "{share}");
    }

    #[test]
    fn nothing_is_lost_and_priorities_come_first(
        records in prop::collection::vec((0u16..4, 0u16..50), 0..40),
        seed in any::<u64>(),
    ) {
        let records: Vec<Srv> = records.iter().enumerate().map(|(target, (priority, weight))| record(*priority, *weight, target)).collect();
        let order = in_order(&records, &mut Random::new(seed));
        prop_assert!(order.windows(2).all(|pair| pair[0].priority <= pair[1].priority));
        let names = |records: &[Srv]| {
            let mut names: Vec<_> = records.iter().map(|record| record.target.clone()).collect();
            names.sort();
            names
        };
        prop_assert_eq!(names(&records), names(&order));
        prop_assert_eq!(&order, &in_order(&records, &mut Random::new(seed)), "the same seed, the same order");
    }
}

#[test]
fn a_record_without_weight_comes_first_seldom_beside_one_with() {
    let counts = firsts(&[record(1, 0, 0), record(1, 99, 1)], 7);
    let came = counts.get("t0").copied().unwrap_or(0);
    assert!((100..400).contains(&came), "once in a hundred: {came} of {DRAWS}");
}
