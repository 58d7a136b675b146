//! UPDATE with an offer before the call is answered: once reliable responses have brought the first answer on both legs (RFC 3311 §5.1).

use crate::bench::{ALICE, BOB, Bench, SDP, bobs_sdp, from_bob, inside, invite, plan, profile, response, with_sdp};
use tandem_model::{Action, Decision, LegProfile, Prack};
use tandem_signalling::message::{HeaderName, Message};

const TAKES: &str = "Supported: 100rel\r\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\r\nContent-Length";

fn reliable(message: String, rseq: &str) -> String {
    message.replacen("Content-Length", &format!("{rseq}{TAKES}"), 1)
}

fn body(message: &Message) -> String {
    String::from_utf8_lossy(message.body()).into_owned()
}

fn held(sdp: &str, direction: &str) -> String {
    sdp.replacen("o=x 1 1", "o=x 1 2", 1) + &format!("a={direction}\r\n")
}

/// Both support reliable responses, and Bob's 183 has the answer. Our INVITE to him, and the To of Alice.
fn ringing() -> (Bench, Message, String) {
    let mut bench = Bench::new();
    let (profile, mut plan) = (LegProfile { prack: Prack::Supported, ..profile() }, plan(BOB));
    plan.profile = profile.clone();
    bench.profile = profile;
    bench.decision = Decision::Route {
        rule: "to bob".into(),
        action: Action::Bridge { legs: [plan].into(), timeout: None, anchor: true, ringback: None },
        record: None,
    };
    bench.receive(ALICE, reliable(invite(), ""));
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, reliable(response(&to_bob, 183, &bobs_sdp()), "Require: 100rel\r\nRSeq: 7\r\n"));
    let prack = bench.last(BOB, "PRACK");
    bench.receive(BOB, response(&prack, 200, "").replace(";tag=bo;tag=bo", ";tag=bo"));
    let to = bench.last(ALICE, "183 INVITE").header(HeaderName::To).expect("a To").to_owned();
    (bench, to_bob, to)
}

/// And Alice has acknowledged it.
fn settled() -> (Bench, Message, String) {
    let (mut bench, to_bob, to) = ringing();
    let rseq = bench.last(ALICE, "183 INVITE").header(HeaderName::RSeq).expect("an RSeq").to_owned();
    let prack = inside("PRACK", 2, "z9hG4bKprack", &to).replacen("Content-Length", &format!("RAck: {rseq} 1 INVITE\r\nContent-Length"), 1);
    bench.receive(ALICE, prack);
    bench.last(ALICE, "200 PRACK");
    bench.clear();
    (bench, to_bob, to)
}

fn hers(to: &str) -> String {
    with_sdp(&inside("UPDATE", 3, "z9hG4bKup", to), "sip:alice@192.0.2.1", &held(SDP, "sendonly"))
}

fn his(to_bob: &Message) -> String {
    with_sdp(&from_bob(to_bob, "UPDATE", 1, "z9hG4bKup"), "sip:bob@192.0.2.2", &held(&bobs_sdp(), "sendonly"))
}

/// The other side answers the UPDATE; then Bob picks up.
fn answered(mut bench: Bench, to_bob: &Message, (asker, asked): (&str, &str), to: &str) {
    let update = bench.last(asked, "UPDATE");
    assert!(body(&update).contains("a=sendonly"), "{}", body(&update));
    let own = if asked == BOB { bobs_sdp() } else { SDP.to_owned() };
    let sdp = held(&own, "recvonly");
    let answer = response(&update, 200, &sdp).replace(";tag=bo;tag=bo", ";tag=bo");
    let answer = if asked == BOB { answer } else { answer.replace(";tag=bo\r\n", "\r\n") };
    bench.receive(asked, answer);
    let answer = bench.last(asker, "200 UPDATE");
    assert!(body(&answer).contains("a=recvonly") && answer.header(HeaderName::Contact).is_some());
    bench.receive(BOB, response(to_bob, 200, ""));
    bench.last(BOB, "ACK");
    assert!(bench.last(ALICE, "200 INVITE").body().is_empty(), "offer and answer are complete (RFC 6337 §2.2)");
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKack", to));
    bench.receive(ALICE, inside("BYE", 4, "z9hG4bKbye", to));
    bench.last(BOB, "BYE");
}

#[test]
fn the_caller_changes_the_session() {
    let (mut bench, to_bob, to) = settled();
    bench.receive(ALICE, hers(&to));
    answered(bench, &to_bob, (ALICE, BOB), &to);
}

#[test]
fn the_callee_changes_the_session() {
    let (mut bench, to_bob, to) = settled();
    bench.receive(BOB, his(&to_bob));
    answered(bench, &to_bob, (BOB, ALICE), &to);
}

#[test]
fn a_refusal_leaves_the_first_answer() {
    let (mut bench, to_bob, to) = settled();
    bench.receive(ALICE, hers(&to));
    let update = bench.last(BOB, "UPDATE");
    bench.receive(BOB, response(&update, 488, "").replace(";tag=bo;tag=bo", ";tag=bo"));
    bench.last(ALICE, "488 UPDATE");
    bench.receive(BOB, response(&to_bob, 200, ""));
    bench.last(BOB, "ACK");
    bench.last(ALICE, "200 INVITE");
}

#[test]
fn an_answer_that_crosses_the_update() {
    let (mut bench, to_bob, to) = settled();
    bench.receive(ALICE, hers(&to));
    let update = bench.last(BOB, "UPDATE");
    bench.receive(BOB, response(&to_bob, 200, ""));
    bench.last(ALICE, "200 INVITE");
    bench.receive(BOB, response(&update, 200, &held(&bobs_sdp(), "recvonly")).replace(";tag=bo;tag=bo", ";tag=bo"));
    assert!(body(&bench.last(ALICE, "200 UPDATE")).contains("a=recvonly"));
}

#[test]
fn a_failure_that_crosses_the_update() {
    let (mut bench, to_bob, to) = settled();
    bench.receive(ALICE, hers(&to));
    bench.receive(BOB, response(&to_bob, 486, ""));
    bench.last(ALICE, "486 INVITE");
    bench.last(ALICE, "487 UPDATE");
}

#[test]
fn before_the_prack_of_the_answer_it_waits() {
    let (mut bench, to_bob, to) = ringing();
    bench.receive(BOB, his(&to_bob));
    bench.last(BOB, "491 UPDATE");
    bench.receive(ALICE, hers(&to));
    assert!(bench.last(ALICE, "500 UPDATE").header(HeaderName::RetryAfter).is_some());
}
