//! Policy or media that never answer: the caller does not wait for ever, and what comes too late is put away.

use crate::bench::{ALICE, BOB, Bench, expect, inside, invite};
use std::time::Duration;
use tandem_model::MediaCommand;
use tandem_signalling::message::HeaderName;

/// A call whose questions wait to be [released](Bench::release).
fn waiting() -> Bench {
    let mut bench = Bench::new();
    bench.prompt = false;
    bench.receive(ALICE, invite());
    expect(&mut bench, &[(ALICE, "100 INVITE")]);
    bench
}

/// Lets time pass without releasing anything.
fn pass(bench: &mut Bench, seconds: u64) {
    let held = std::mem::take(&mut bench.held);
    bench.sleep_until(bench.now + Duration::from_secs(seconds));
    bench.held = held;
}

#[test]
fn policy_that_says_nothing() {
    let mut bench = waiting();
    pass(&mut bench, 10);
    expect(&mut bench, &[(ALICE, "500 INVITE")]);
    bench.release();
    expect(&mut bench, &[]);
    assert!(bench.media.is_empty());
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKa", "<sip:bob@192.0.2.9>"));
    assert!(bench.call.is_none());
}

#[test]
fn media_that_says_nothing() {
    let mut bench = waiting();
    bench.release();
    pass(&mut bench, 5);
    let refusal = bench.last(ALICE, "503 INVITE");
    assert!(refusal.header(HeaderName::RetryAfter).is_some());
    expect(&mut bench, &[(ALICE, "503 INVITE")]);
    assert!(matches!(bench.media[..], [MediaCommand::Open { .. }, MediaCommand::Close { .. }]));
    while bench.release() {}
    expect(&mut bench, &[]);
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKa", "<sip:bob@192.0.2.9>"));
    assert!(bench.call.is_none());
}

#[test]
fn media_that_does_not_say_that_it_closed() {
    let mut bench = waiting();
    while bench.release() {}
    bench.last(BOB, "INVITE");
    bench.receive(ALICE, crate::bench::cancel());
    assert!(bench.records.is_empty(), "the last figures may come");
    pass(&mut bench, 5);
    assert_eq!(bench.records.len(), 1);
}
