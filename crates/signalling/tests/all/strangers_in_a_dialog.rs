//! A request with our tag that names another dialog in its other parts is a stranger's, and CSeq numbers may be as absurd as
//! the grammar lets them be.

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, expect, inside, invite, response, talking};
use tandem_signalling::message::HeaderName;

/// An answered call without its ACK, and Alice's To.
fn answered(invite: String) -> (Bench, String) {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite);
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let to = bench.last(ALICE, "200 INVITE").header(HeaderName::To).expect("To").to_owned();
    bench.clear();
    (bench, to)
}

#[test]
fn an_ack_of_another_dialog_acknowledges_nothing() {
    for (what, other) in [("Call-ID: c", "Call-ID: d"), ("tag=al", "tag=eve"), ("CSeq: 1", "CSeq: 2")] {
        let (mut bench, to) = answered(invite());
        bench.receive(ALICE, inside("ACK", 1, "z9hG4bKack", &to).replace(what, other));
        bench.sleep_until(tandem_model::Timestamp::from_millis(600));
        expect(&mut bench, &[(ALICE, "200 INVITE")]);
    }
}

#[test]
fn a_bye_of_another_dialog_ends_nothing() {
    for (what, other) in [("Call-ID: c", "Call-ID: d"), ("tag=al", "tag=eve")] {
        let (mut bench, _, to) = talking();
        bench.receive(ALICE, inside("BYE", 2, "z9hG4bKbye", &to).replace(what, other));
        expect(&mut bench, &[(ALICE, "481 BYE")]);
        assert!(bench.records.is_empty());
    }
}

#[test]
fn a_tag_changed_anywhere_finds_nobody() {
    let (mut bench, _, to) = talking();
    let place = to.find("tag=").expect("our tag") + "tag=".len();
    for index in place..to.len() {
        let other = if to.as_bytes()[index] == b'0' { "1" } else { "0" };
        let forged = format!("{}{other}{}", &to[..index], &to[index + 1..]);
        bench.receive(ALICE, inside("BYE", 2, &format!("z9hG4bKbye{index}"), &forged));
        expect(&mut bench, &[(ALICE, "481 BYE")]);
    }
    assert!(bench.records.is_empty());
}

#[test]
fn the_highest_number_is_not_beyond_a_dialog() {
    let highest = (1u32 << 31) - 1;
    let (mut bench, to) = answered(invite().replace("CSeq: 1 ", &format!("CSeq: {highest} ")));
    bench.receive(ALICE, inside("ACK", highest, "z9hG4bKack", &to));
    bench.receive(ALICE, inside("BYE", 0, "z9hG4bKbye0", &to));
    bench.receive(ALICE, inside("OPTIONS", highest + 1, "z9hG4bKoptions", &to));
    bench.receive(ALICE, inside("BYE", highest, "z9hG4bKbye", &to));
    expect(&mut bench, &[(ALICE, "500 BYE"), (ALICE, "400 "), (ALICE, "200 BYE"), (BOB, "BYE")]);
}
