//! Packets of another length than the other side wants, in a codec that both speak.

use crate::common::*;
use std::{collections::BTreeMap, time::Duration};
use tandem_media::Verdict;
use tandem_model::{Across, Codec, EndpointDescription, PacketTimes, Speech, Timestamp};

const LENGTHS: [u32; 5] = [10, 20, 30, 40, 60];
const SSRC: u32 = 0xabc;
const BEGINS: u32 = 8_000;

/// What is said at a tick.
fn octet(tick: u32) -> u8 {
    (tick.wrapping_mul(2_654_435_761) >> 24) as u8
}

/// What one who speaks in packets of `ms` says in the `nth`.
fn spoken(nth: u32, ms: u32) -> Vec<u8> {
    let begins = BEGINS + nth * ms * 8;
    let mut packet = rtp(0, SSRC, nth as u16, begins)[..12].to_vec();
    packet.extend((begins..begins + ms * 8).map(octet));
    packet
}

/// B wants packets of that length, or from one to another.
fn bench(least_ms: u32, most_ms: u32) -> Bench {
    let mut bench = Bench::talking();
    let passed = PacketTimes { least_ms: least_ms as u8, most_ms: most_ms as u8, ..PacketTimes::ANY };
    bench.describe(B, EndpointDescription { speech: Some(Speech { passed, ..speech(0, Codec::Pcmu) }), ..description(B) });
    bench
}

/// A speaks in packets of `ms`, which come in that order, each when it would, or at once where it is overdue: what B hears.
fn speak(bench: &mut Bench, ms: u32, order: &[u32]) -> Timed<Sent> {
    let began = bench.now;
    let mut heard = Vec::new();
    for nth in order {
        let at = began + Duration::from_millis(u64::from((nth + 1) * ms));
        heard.extend(bench.run(at.max(bench.now)).0);
        match bench.say(A, &spoken(*nth, ms)) {
            Ok(sent) => heard.push((bench.now, sent)),
            Err(verdict) => assert_eq!(verdict, Verdict::Waits),
        }
    }
    heard.extend(bench.run(bench.now + Duration::from_millis(200)).0);
    heard
}

/// Ticks that were heard, by what was said at them; each once, and each packet of one piece.
fn ticks(heard: &[(Timestamp, Sent)]) -> BTreeMap<u32, u8> {
    // The stream is ours: what is said tells where it is in that of the speaker.
    let first = &heard[0].1;
    let mut found = BTreeMap::new();
    for (_, sent) in heard {
        let begins = BEGINS.wrapping_add(sent.timestamp().wrapping_sub(first.timestamp()));
        for (tick, said) in (begins..).zip(&sent.bytes[12..]) {
            assert_eq!(*said, octet(tick), "tick {tick} is where it belongs");
            assert_eq!(found.insert(tick, *said), None, "tick {tick} is said once");
        }
    }
    found
}

fn ms_of(sent: &Sent) -> u32 {
    (sent.bytes.len() as u32 - 12) / 8
}

#[test]
fn all_lengths_become_all_others_and_nothing_is_lost() {
    for from in LENGTHS {
        for to in LENGTHS {
            let mut bench = bench(to, to);
            // Three seconds hold whole packets of every length.
            let order: Vec<u32> = (0..3_000 / from).collect();
            let heard = speak(&mut bench, from, &order);
            assert_eq!(ticks(&heard).len(), 24_000, "{from} to {to}");
            assert!(heard.iter().all(|(_, sent)| ms_of(sent) == to && sent.payload() == 0), "{from} to {to}");
            let is_next = |pair: &[(Timestamp, Sent)]| {
                let [(_, before), (_, after)] = pair else { return false };
                after.sequence() == before.sequence().wrapping_add(1)
                    && after.timestamp() == before.timestamp().wrapping_add(to * 8)
                    && after.ssrc() == before.ssrc()
                    && !after.marker()
            };
            assert!(heard.windows(2).all(is_next) && heard[0].1.marker(), "{from} to {to}");
            // None waits for longer than the sender took for a packet of its own, nor leaves in a burst with the next.
            for (nth, (at, _)) in (1_u64..).zip(&heard) {
                let whole = u64::from(to) * nth;
                let waited = at.since(Timestamp::from_millis(1_000_000)).as_millis() as u64 - whole;
                assert!(waited <= u64::from(from), "{from} to {to}: {waited}");
            }
        }
    }
}

#[test]
fn what_is_lost_stays_a_gap_in_time_and_in_numbers() {
    for from in LENGTHS {
        for to in LENGTHS {
            let mut bench = bench(to, to);
            let is_lost = |nth: u32| nth % 11 == 5 || nth % 11 == 6;
            let order: Vec<u32> = (0..3_000 / from).filter(|nth| !is_lost(*nth)).collect();
            let heard = speak(&mut bench, from, &order);
            let said = order.iter().flat_map(|nth| BEGINS + nth * from * 8..BEGINS + (nth + 1) * from * 8);
            if from == to {
                assert!(heard.windows(2).all(|pair| {
                    let passed = pair[1].1.timestamp().wrapping_sub(pair[0].1.timestamp()) / (to * 8);
                    u32::from(pair[1].1.sequence().wrapping_sub(pair[0].1.sequence())) == passed
                }));
            }
            assert!(ticks(&heard).into_keys().eq(said), "{from} to {to}");
            let gaps = order.windows(2).filter(|pair| pair[1] != pair[0] + 1).count() as u32;
            let left_out: u32 = heard.windows(2).map(|pair| u32::from(pair[1].1.sequence().wrapping_sub(pair[0].1.sequence())) - 1).sum();
            assert_eq!(left_out, gaps * (2 * from).div_ceil(to), "{from} to {to}");
        }
    }
}

#[test]
fn what_comes_out_of_order_goes_where_it_belongs() {
    for from in LENGTHS {
        for to in LENGTHS {
            let mut bench = bench(to, to);
            let swapped = |nth: u32| {
                if nth % 10 == 4 {
                    nth + 1
                } else if nth % 10 == 5 {
                    nth - 1
                } else {
                    nth
                }
            };
            let order: Vec<u32> = (0..50).map(swapped).collect();
            let heard = speak(&mut bench, from, &order);
            assert_eq!(ticks(&heard).len() as u32, 50 * from * 8, "{from} to {to}");
            let numbers: BTreeMap<u16, u32> =
                heard.iter().map(|(_, sent)| (sent.sequence().wrapping_sub(heard[0].1.sequence()), sent.timestamp())).collect();
            assert_eq!(numbers.len(), heard.len(), "{from} to {to}: no number twice");
            assert!(numbers.values().is_sorted(), "{from} to {to}: by number they are in order");
        }
    }
}

#[test]
fn what_comes_twice_or_far_too_late_is_left_out() {
    for (from, to) in [(20, 30), (60, 20), (10, 60)] {
        let mut bench = bench(to, to);
        let heard = speak(&mut bench, from, &[0, 1, 1, 2, 0, 3, 5, 5, 6, 4, 4, 7, 2]);
        assert_eq!(ticks(&heard).len() as u32, 8 * from * 8, "{from} to {to}");
    }
}

#[test]
fn what_fits_goes_on_in_the_buffer_in_which_it_came() {
    let mut bench = bench(20, 20);
    let sent = bench.say(A, &spoken(0, 20)).unwrap();
    assert_eq!(sent.bytes[12..], spoken(0, 20)[12..]);
    assert_eq!(bench.say(A, &spoken(1, 20)).unwrap().sequence(), sent.sequence().wrapping_add(1));
}

#[test]
fn packets_that_may_be_shorter_are_only_cut() {
    for from in LENGTHS {
        let mut bench = bench(0, 30);
        let heard = speak(&mut bench, from, &(0..12).collect::<Vec<u32>>());
        assert_eq!(ticks(&heard).len() as u32, 12 * from * 8);
        assert!(heard.iter().all(|(_, sent)| ms_of(sent) == from.min(30)), "{from}");
    }
}

#[test]
fn a_pause_is_told_by_its_marker_and_loses_nothing() {
    let mut bench = bench(40, 40);
    let mut heard = speak(&mut bench, 20, &[0, 1, 2]);
    // A talk spurt after a second of silence: numbers go on, time has passed.
    let mut after = spoken(3, 20);
    after[1] |= 0x80;
    after[4..8].copy_from_slice(&(BEGINS + 60 * 8 + 8_000).to_be_bytes());
    bench.wait(Duration::from_millis(800));
    assert_eq!(bench.say(A, &after), Err(Verdict::Waits));
    heard.extend(bench.run(bench.now + Duration::from_millis(200)).0);
    let lengths: Vec<u32> = heard.iter().map(|(_, sent)| ms_of(sent)).collect();
    assert_eq!(lengths, [40, 20, 20], "what does not fill a packet leaves all the same");
    let [.., before, last] = &heard[..] else { panic!() };
    assert_eq!(last.1.sequence(), before.1.sequence().wrapping_add(1));
    assert!(last.1.marker());
    assert_eq!(last.1.timestamp().wrapping_sub(before.1.timestamp()), 20 * 8 + 8_000);
}

#[test]
fn events_beside_it_are_not_mixed_into_it_and_are_no_loss() {
    let mut bench = bench(20, 20);
    let mut heard = speak(&mut bench, 60, &[0, 1, 2]);
    for n in 0..8_u16 {
        let mut event = rtp(101, SSRC, 3 + n, BEGINS + 180 * 8)[..12].to_vec();
        event.extend([5, if n > 4 { 0x8a } else { 10 }]);
        event.extend((160 * (n.min(5) + 1)).to_be_bytes());
        bench.wait(Duration::from_millis(20));
        heard.push((bench.now, bench.say(A, &event).unwrap()));
    }
    let mut after = spoken(11, 60);
    after[4..8].copy_from_slice(&(BEGINS + 400 * 8).to_be_bytes());
    bench.wait(Duration::from_millis(60));
    assert_eq!(bench.say(A, &after), Err(Verdict::Waits));
    heard.extend(bench.run(bench.now + Duration::from_millis(200)).0);
    let kinds: Vec<u8> = heard.iter().map(|(_, sent)| sent.payload()).collect();
    assert_eq!(kinds, [[0; 9].as_slice(), &[101; 8], &[0; 3]].concat());
    assert!(heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1)));
    let events: Vec<u32> = heard[9..17].iter().map(|(_, sent)| sent.timestamp()).collect();
    assert!(events.iter().all(|timestamp| *timestamp == events[0]));
}

#[test]
fn what_is_left_out_while_an_event_sounds_is_no_loss() {
    let mut bench = bench(20, 20);
    let mut from = description(A);
    from.payloads.iter_mut().filter(|rule| rule.from == 101).for_each(|rule| rule.across = Across::Event { number: 101, clock_khz: 8 });
    bench.describe(A, from);
    let mut event = rtp(101, SSRC, u16::MAX, BEGINS)[..12].to_vec();
    event.extend([5, 10, 0, 160]);
    bench.say(A, &event).unwrap();
    let before = bench.say(A, &spoken(0, 20)).unwrap();
    let passed = PacketTimes { least_ms: 10, most_ms: 10, ..PacketTimes::ANY };
    bench.describe(B, EndpointDescription { speech: Some(Speech { passed, ..speech(0, Codec::Pcmu) }), ..description(B) });
    let heard = speak(&mut bench, 20, &(1..20).collect::<Vec<u32>>());
    assert_eq!(heard[0].1.sequence(), before.sequence().wrapping_add(1));
    assert!(heard.len() < 38 && heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1)));
}

#[test]
fn both_sides_get_reports_of_ours_then() {
    let mut bench = bench(20, 20);
    speak(&mut bench, 60, &(0..200).collect::<Vec<u32>>());
    let to: Vec<_> = bench.reports.iter().map(|(_, sent)| sent.to).collect();
    assert!(to.contains(&address(PHONE_RTCP[A])) && to.contains(&address(PHONE_RTCP[B])));
}

#[test]
fn one_who_changes_the_length_of_its_packets_is_heard_without_a_seam() {
    for (from, to, wanted) in [(20, 30, 20), (20, 60, 20), (20, 10, 20), (30, 20, 30)] {
        let mut bench = bench(wanted, wanted);
        let mut heard = speak(&mut bench, from, &(0..3).collect::<Vec<u32>>());
        assert_eq!(heard.len(), 3, "they fit");
        // What is said goes on where it was.
        for nth in 0..6 {
            let mut packet = spoken(0, to);
            let begins = BEGINS + (3 * from + nth * to) * 8;
            packet[2..4].copy_from_slice(&(3 + nth as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&begins.to_be_bytes());
            packet.truncate(12);
            packet.extend((begins..begins + to * 8).map(octet));
            assert_eq!(bench.say(A, &packet), Err(Verdict::Waits));
            heard.extend(bench.run(bench.now + Duration::from_millis(to.into())).0);
        }
        heard.extend(bench.run(bench.now + Duration::from_millis(200)).0);
        assert_eq!(ticks(&heard).len() as u32, (3 * from + 6 * to) * 8, "{from}, then {to} to {wanted}");
        assert!(heard.windows(2).all(|pair| pair[1].1.sequence() == pair[0].1.sequence().wrapping_add(1) && !pair[1].1.marker()));
    }
}
