//! Legs that hear each other directly: their reports cross, and one that sends none leaves the other without, unless we report.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Channel, Verdict};

const FRAME: Duration = Duration::from_millis(20);

/// Both talk for so many seconds, and those report every five who do. How many reports came out that were passed on, and that were made.
fn talk(bench: &mut Bench, seconds: u32, reports: [bool; 2]) -> (usize, [usize; 2]) {
    let (mut passed, made) = (0, bench.reports.len());
    for n in 0..seconds * 50 {
        for (index, ssrc) in [(A, 0xa_u32), (B, 0xb)] {
            bench.say(index, &rtp(0, ssrc, n as u16, n * 160)).unwrap();
            if n % 250 == 249 && reports[index] {
                let report = [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat();
                match bench.report(index, &report) {
                    Ok(_) => passed += 1,
                    Err(verdict) => assert_eq!(verdict, Verdict::Consumed),
                }
            }
        }
        bench.run(bench.now + FRAME);
    }
    let made = &bench.reports[made..];
    (passed, [A, B].map(|index| made.iter().filter(|(_, sent)| sent.port == port(index)).count()))
}

#[test]
fn reports_of_the_legs_cross_where_both_report() {
    let mut bench = Bench::talking();
    assert_eq!(talk(&mut bench, 60, [true; 2]), (24, [0; 2]));
}

#[test]
fn where_one_does_not_both_get_ours() {
    for reports in [[false; 2], [true, false], [false, true]] {
        let mut bench = Bench::talking();
        let (passed, made) = talk(&mut bench, 60, reports);
        assert!(passed <= 3, "only in the beginning: {passed}");
        assert!(made.iter().all(|made| (7..=20).contains(made)), "{made:?}");
        assert!(bench.reports.iter().all(|(_, sent)| sent.channel == Channel::Rtcp && sent.bytes[1] == 200), "of what is sent to them");
        let began = bench.reports[0].0;
        assert!(bench.reports.iter().all(|(at, sent)| *at >= began && sent.bytes.len() <= 128));
    }
}

#[test]
fn who_says_nothing_need_not_report() {
    let mut bench = Bench::talking();
    for n in 0..3_000_u32 {
        bench.say(A, &rtp(0, 0xa, n as u16, n * 160)).unwrap();
        if n % 250 == 249 {
            bench.report(A, &[0x80, 201, 0, 1, 0, 0, 0, 0xa]).unwrap();
        }
        bench.run(bench.now + FRAME);
    }
    assert!(bench.reports.is_empty());
}
