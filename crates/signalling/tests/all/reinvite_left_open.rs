//! A re-INVITE that its peer never answers holds nothing up for ever: neither a hang-up nor the one who sent it.

use crate::bench::{ALICE, BOB, Bench, SDP, inside, response, talking, with_sdp};
use std::time::Duration;
use tandem_model::EndReason;
use tandem_signalling::message::Message;

/// Alice's re-INVITE has reached Bob, who says 100 and no more.
fn pending() -> (Bench, Message, String) {
    let (mut bench, _, to) = talking();
    bench.receive(ALICE, with_sdp(&inside("INVITE", 2, "z9hG4bKre", &to), "sip:alice@192.0.2.1", SDP));
    let again = bench.last(BOB, "INVITE");
    bench.receive(BOB, to_the(&again, 100));
    bench.clear();
    (bench, again, to)
}

/// A response inside Bob's dialog.
fn to_the(request: &Message, status: u16) -> String {
    response(request, status, "").replace(";tag=bo;tag=bo", ";tag=bo")
}

#[test]
fn the_call_can_be_hung_up_all_the_same() {
    let (mut bench, _, to) = pending();
    bench.receive(ALICE, inside("BYE", 3, "z9hG4bKbye", &to));
    let bye = bench.last(BOB, "BYE");
    bench.last(ALICE, "487 INVITE");
    bench.receive(ALICE, inside("ACK", 2, "z9hG4bKre", &to));
    bench.receive(BOB, to_the(&bye, 200));
    assert_eq!(bench.records[0].reason, EndReason::CallerHungUp);
    assert!(bench.call.is_some(), "Bob owes the re-INVITE an answer");
    assert!(bench.sleep_until(bench.now + Duration::from_secs(33)), "but is not waited for without end");
}

#[test]
fn whoever_hangs_up_need_not_answer_it() {
    let (mut bench, again, to) = pending();
    bench.receive(BOB, crate::bench::from_bob(&again, "BYE", 1, "z9hG4bKbob").replace(";tag=bo;tag=bo", ";tag=bo"));
    let bye = bench.last(ALICE, "BYE");
    bench.receive(ALICE, to_the(&bye, 200));
    bench.receive(ALICE, inside("ACK", 2, "z9hG4bKre", &to));
    assert!(bench.sleep_until(bench.now + Duration::from_secs(33)));
}

#[test]
fn it_is_cancelled_after_three_minutes() {
    let (mut bench, again, to) = pending();
    bench.sleep_until(bench.now + Duration::from_secs(181));
    let cancel = bench.last(BOB, "CANCEL");
    bench.receive(BOB, to_the(&cancel, 200));
    bench.receive(BOB, to_the(&again, 487));
    bench.last(ALICE, "487 INVITE");
    bench.receive(ALICE, inside("ACK", 2, "z9hG4bKre", &to));
    bench.clear();
    bench.receive(ALICE, with_sdp(&inside("INVITE", 3, "z9hG4bKre3", &to), "sip:alice@192.0.2.1", SDP));
    bench.last(BOB, "INVITE");
}
