//! A leg that should send and does not is reported after the timeout that applies.

use crate::common::*;
use std::time::Duration;
use tandem_media::Channel;
use tandem_model::{MediaEvent, SourceRule};

fn inactive(index: usize, held: bool) -> MediaEvent {
    MediaEvent::Inactive { leg: leg(index), held }
}

#[test]
fn each_silent_leg_is_reported_each_time_that_its_time_is_over() {
    let mut bench = Bench::talking();
    let began = bench.now;
    let (_, events) = bench.run(began + INACTIVITY * 5 / 2);
    let both = |at| [(at, inactive(A, false)), (at, inactive(B, false))];
    assert_eq!(events, [both(began + INACTIVITY), both(began + INACTIVITY * 2)].concat());
    bench.say(A, &rtp(0, 1, 1, 1)).unwrap();
    let spoken = bench.now;
    let (_, events) = bench.run(began + INACTIVITY * 7 / 2);
    assert_eq!(events, [(began + INACTIVITY * 3, inactive(B, false)), (spoken + INACTIVITY, inactive(A, false))]);
}

#[test]
fn packets_put_it_off_without_moving_the_timer_themselves() {
    let mut bench = Bench::talking();
    let began = bench.now;
    bench.run(began + Duration::from_secs(200));
    let before = bench.session.poll_timeout();
    bench.say(A, &rtp(0, 1, 1, 1)).unwrap();
    assert_eq!(bench.session.poll_timeout(), before);
    let (_, events) = bench.run(began + INACTIVITY * 19 / 10);
    let later = began + Duration::from_secs(200) + INACTIVITY;
    assert_eq!(events, [(began + INACTIVITY, inactive(B, false)), (later, inactive(A, false))]);
}

#[test]
fn control_packets_are_signs_of_life_and_those_of_strangers_are_not() {
    let mut bench = Bench::talking();
    let began = bench.now;
    bench.wait(Duration::from_secs(100));
    bench.report(A, &[0x80, 201, 0, 1, 0, 0, 0, 9]).unwrap();
    bench.offer(B, Channel::Rtp, STRANGER, &rtp(0, 1, 1, 1)).unwrap_err();
    let (_, events) = bench.run(began + INACTIVITY * 19 / 10);
    assert_eq!(events, [(began + INACTIVITY, inactive(B, false)), (began + Duration::from_secs(100) + INACTIVITY, inactive(A, false))]);
}

#[test]
fn a_leg_that_is_not_to_send_may_be_silent_for_ever() {
    let mut bench = Bench::talking();
    for index in [A, B] {
        let mut quiet = description(index);
        quiet.receives = false;
        bench.describe(index, quiet);
    }
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn a_leg_without_a_description_may_too() {
    let mut bench = Bench::bare(2);
    assert_eq!(bench.session.poll_timeout(), None);
    let mut unknown = description(A);
    unknown.source = SourceRule::None;
    bench.describe(A, unknown);
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn while_held_the_hold_timeout_applies_and_a_new_description_arms_anew() {
    let mut bench = Bench::talking();
    for index in [A, B] {
        let mut held = description(index);
        (held.held, held.receives) = (true, false);
        bench.describe(index, held);
    }
    let began = bench.now;
    let (_, events) = bench.run(began + HOLD * 3 / 2);
    assert_eq!(events, [(began + HOLD, inactive(A, true)), (began + HOLD, inactive(B, true))]);
    bench.describe(A, description(A));
    let resumed = bench.now;
    let (_, events) = bench.run(resumed + INACTIVITY);
    assert_eq!(events, [(resumed + INACTIVITY, inactive(A, false))]);
}
