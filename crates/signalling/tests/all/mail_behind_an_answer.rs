//! What came before an answer went out but is read after it: the copy of an INVITE changes nothing, a CANCEL comes too late.

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, cancel, expect, invite, response};
use tandem_signalling::message::Message;

/// Bob's 200 lies in the mailbox and `behind` lies behind it.
fn answered(behind: &[String]) -> (Bench, Message) {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.clear();
    bench.mail_waits = true;
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    behind.iter().for_each(|text| bench.receive(ALICE, text.clone()));
    while bench.release() {}
    (bench, to_bob)
}

#[test]
fn a_copy_of_the_invite_is_absorbed() {
    let (mut bench, _) = answered(&[invite(), invite()]);
    expect(&mut bench, &[(BOB, "ACK"), (ALICE, "200 INVITE")]);
}

#[test]
fn a_cancel_is_answered_and_changes_nothing() {
    let (mut bench, _) = answered(&[cancel()]);
    expect(&mut bench, &[(BOB, "ACK"), (ALICE, "200 INVITE"), (ALICE, "200 CANCEL")]);
    bench.receive(ALICE, cancel());
    expect(&mut bench, &[(ALICE, "200 CANCEL")]);
    assert!(bench.records.is_empty());
}
