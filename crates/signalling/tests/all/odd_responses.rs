//! Responses that do not fit what was asked: nothing comes of them.

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, expect, inside, invite, response, talking};
use tandem_signalling::message::{HeaderName, Message};

fn ringing() -> (Bench, Message) {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.clear();
    (bench, to_bob)
}

#[test]
fn a_status_that_is_none_is_not_heard() {
    for status in ["000", "099", "700", "999", "1200", "-20"] {
        let (mut bench, to_bob) = ringing();
        bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()).replace("SIP/2.0 200", &format!("SIP/2.0 {status}")));
        expect(&mut bench, &[]);
    }
}

#[test]
fn an_answer_to_another_method_is_not_heard() {
    for method in ["BYE", "CANCEL", "OPTIONS", "FROBNICATE"] {
        let (mut bench, to_bob) = ringing();
        bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()).replace("1 INVITE", &format!("1 {method}")));
        bench.receive(BOB, response(&to_bob, 486, "").replace("1 INVITE", &format!("1 {method}")));
        expect(&mut bench, &[]);
    }
}

#[test]
fn a_forged_branch_is_not_heard() {
    let (mut bench, to_bob) = ringing();
    let branch = to_bob.via().expect("Via").branch().expect("a branch").to_owned();
    let last = if branch.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &branch[..branch.len() - 1]);
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()).replace(&branch, &forged));
    expect(&mut bench, &[]);
    assert_eq!(bench.dropped.len(), 1);
}

#[test]
fn ringing_after_the_answer_is_not_heard() {
    let (mut bench, to_bob, _) = talking();
    for status in [100, 180, 183] {
        bench.receive(BOB, response(&to_bob, status, &bobs_sdp()));
    }
    bench.receive(BOB, response(&to_bob, 486, ""));
    expect(&mut bench, &[]);
}

#[test]
fn an_answer_after_the_hang_up_is_acknowledged_and_after_the_call_hung_up_again() {
    let (mut bench, to_bob, to) = talking();
    bench.receive(ALICE, inside("BYE", 2, "z9hG4bKbye", &to));
    let bye = bench.last(BOB, "BYE");
    bench.clear();
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    expect(&mut bench, &[(BOB, "ACK")]);
    bench.receive(BOB, response(&bye, 200, "").replace(";tag=bo;tag=bo", ";tag=bo"));
    assert!(bench.call.is_none());
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    // Nothing is left that tells it from another phone's (RFC 3261 §13.2.2.4).
    expect(&mut bench, &[(BOB, "ACK"), (BOB, "BYE")]);
}

#[test]
fn a_contact_may_be_missing_or_carry_what_a_request_line_must_not() {
    let (mut bench, to_bob) = ringing();
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()).replace("Contact: <sip:bob@192.0.2.2>\r\n", ""));
    assert_eq!(bench.last(BOB, "ACK").uri(), to_bob.uri());

    let (mut bench, to_bob) = ringing();
    bench.receive(
        BOB,
        response(&to_bob, 200, &bobs_sdp())
            .replace("<sip:bob@192.0.2.2>\r\nContent-Type", "<sip:b@192.0.2.2;x=y?Route=%3Csip:evil%3E>\r\nContent-Type"),
    );
    assert_eq!(bench.last(BOB, "ACK").uri(), "sip:b@192.0.2.2;x=y");
    assert_eq!(bench.last(BOB, "ACK").header(HeaderName::Route), None);
}
