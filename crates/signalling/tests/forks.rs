//! A second answer to one INVITE of ours: acknowledged and hung up within the leg, and nobody else hears of it.

mod bench;

use bench::{ALICE, BOB, Bench, bobs_sdp, expect, invite, response, talking};
use tandem_signalling::message::HeaderName;

const FORK: &str = "192.0.2.5:5060";

/// A 200 of another phone that our INVITE reached.
fn fork(to_bob: &tandem_signalling::message::Message, tag: &str) -> String {
    response(to_bob, 200, &bobs_sdp())
        .replace("tag=bo", &format!("tag={tag}"))
        .replace("<sip:bob@192.0.2.2>\r\nContent-Type", "<sip:bob@192.0.2.5>\r\nContent-Type")
}

#[test]
fn the_second_answer_is_acknowledged_and_hung_up() {
    let (mut bench, to_bob, _) = talking();
    bench.receive(FORK, fork(&to_bob, "two"));
    let (ack, bye) = (bench.last(FORK, "ACK"), bench.last(FORK, "BYE"));
    assert!(ack.header(HeaderName::To).is_some_and(|to| to.ends_with("tag=two")));
    assert_eq!(bye.header(HeaderName::CSeq), Some("2 BYE"));
    expect(&mut bench, &[(FORK, "ACK"), (FORK, "BYE")]);
    bench.receive(FORK, response(&bye, 200, "").replace(";tag=bo\r\n", "\r\n"));
    assert!(bench.call.is_some(), "the call goes on");
}

#[test]
fn its_answer_repeated_is_acknowledged_again_and_hung_up_once() {
    let (mut bench, to_bob, _) = talking();
    bench.receive(FORK, fork(&to_bob, "two"));
    bench.clear();
    bench.receive(FORK, fork(&to_bob, "two"));
    expect(&mut bench, &[(FORK, "ACK")]);
    bench.receive(FORK, fork(&to_bob, "three"));
    expect(&mut bench, &[(FORK, "ACK"), (FORK, "BYE")]);
}

#[test]
fn a_flood_of_answers_is_not_kept() {
    let (mut bench, to_bob, _) = talking();
    for number in 0..200 {
        bench.receive(FORK, fork(&to_bob, &format!("f{number}")));
    }
    let byes = bench.said().iter().filter(|(_, words)| words == "BYE").count();
    assert!(byes <= 16, "{byes} dialogs of one leg");
    assert!(bench.call.is_some());
}

#[test]
fn the_first_answer_repeated_is_acknowledged_with_the_same_ack() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let ack = bench.last(BOB, "ACK");
    bench.clear();
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    assert_eq!(bench.last(BOB, "ACK").bytes(), ack.bytes());
    expect(&mut bench, &[(BOB, "ACK")]);
}

#[test]
fn an_answer_that_crosses_our_cancel_is_hung_up() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.receive(ALICE, bench::cancel());
    bench.clear();
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let bye = bench.last(BOB, "BYE");
    expect(&mut bench, &[(BOB, "ACK"), (BOB, "BYE")]);
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    expect(&mut bench, &[(BOB, "ACK")]);
    bench.receive(FORK, fork(&to_bob, "two"));
    expect(&mut bench, &[(FORK, "ACK"), (FORK, "BYE")]);
    bench.receive(BOB, response(&bye, 200, ""));
}

#[test]
fn an_answer_whose_dialog_cannot_be_kept_fails_the_target() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.clear();
    let routes = "Record-Route: <sip:192.0.2.7;lr>\r\n".repeat(40);
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()).replace("Contact", &format!("{routes}Contact")));
    expect(&mut bench, &[(ALICE, "500 INVITE")]);
}
