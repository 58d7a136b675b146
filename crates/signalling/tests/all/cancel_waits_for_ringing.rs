//! A CANCEL cannot be matched before the callee has answered anything (RFC 3261 §9.1): until then the INVITE is repeated, so
//! that no phone is left ringing whose 180 was lost.

use crate::bench::{ALICE, BOB, Bench, cancel, expect, invite, response};
use std::time::Duration;
use tandem_signalling::message::HeaderName;

#[test]
fn the_cancel_follows_the_first_provisional_response() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(ALICE, cancel().replace("Call-ID", "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nCall-ID"));
    expect(&mut bench, &[(ALICE, "100 INVITE"), (BOB, "INVITE"), (ALICE, "200 CANCEL"), (ALICE, "487 INVITE")]);

    bench.sleep_until(bench.now + Duration::from_millis(500));
    assert_eq!(bench.last(BOB, "INVITE").bytes(), to_bob.bytes(), "the first may be lost");
    bench.receive(BOB, response(&to_bob, 180, ""));
    let cancel = bench.last(BOB, "CANCEL");
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId] {
        assert_eq!(cancel.header(name), to_bob.header(name));
    }
    assert_eq!(cancel.uri(), to_bob.uri());
    assert_eq!(cancel.header(HeaderName::CSeq), Some("1 CANCEL"));
    assert_eq!(cancel.header(HeaderName::Reason), Some("SIP;cause=200;text=\"Call completed elsewhere\""));

    bench.receive(BOB, response(&cancel, 200, ""));
    bench.receive(BOB, response(&to_bob, 487, ""));
    bench.last(BOB, "ACK");
    assert_eq!(bench.records.len(), 1);
}

#[test]
fn a_callee_that_never_says_a_word_is_given_up() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    bench.receive(ALICE, cancel());
    assert!(bench.sleep_until(bench.now + Duration::from_secs(33)), "Timer B");
    assert!(!bench.sent.iter().any(|(to, message)| to == BOB && message.method_token() == "CANCEL"));
}

#[test]
fn a_callee_that_only_ever_rings_is_given_up() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.receive(ALICE, cancel());
    let cancel = bench.last(BOB, "CANCEL");
    bench.receive(BOB, response(&cancel, 200, ""));
    assert!(bench.sleep_until(bench.now + Duration::from_secs(33)), "§9.1: 64 × T1 after the CANCEL");
}
