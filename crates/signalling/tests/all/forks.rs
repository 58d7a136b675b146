//! A second answer to one INVITE of ours: acknowledged and hung up within the leg, and nobody else hears of it.

use crate::bench::{ALICE, BOB, Bench, bobs_sdp, expect, invite, response, talking};
use tandem_model::MediaCommand;
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
    bench.receive(ALICE, crate::bench::cancel());
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

/// Where the caller's media goes, as the media session was last told.
fn heard(bench: &Bench) -> Option<String> {
    bench.media.iter().rev().find_map(|command| match command {
        MediaCommand::Describe { leg, description, .. } if Some(*leg) == tandem_model::CallId::new(1_000, 1).leg(1) => {
            Some(description.rtp.map_or_else(String::new, |at| at.to_string()))
        }
        _ => None,
    })
}

/// A 183 or 200 of a phone at that address.
fn described(to_bob: &tandem_signalling::message::Message, status: u16, tag: &str) -> String {
    let sdp = bobs_sdp().replace("192.0.2.2", &format!("192.0.2.{tag}"));
    response(to_bob, status, &sdp).replace("tag=bo", &format!("tag={tag}"))
}

#[test]
fn media_follows_the_last_to_begin_and_then_the_one_who_answers() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    let ringing = |bench: &mut Bench, status, tag| {
        bench.receive(BOB, described(&to_bob, status, tag));
        heard(bench)
    };
    assert_eq!(ringing(&mut bench, 183, "71").as_deref(), Some("192.0.2.71:4000"));
    assert_eq!(ringing(&mut bench, 183, "72").as_deref(), Some("192.0.2.72:4000"));
    assert_eq!(ringing(&mut bench, 183, "71").as_deref(), Some("192.0.2.72:4000"), "it only said so again");
    assert_eq!(ringing(&mut bench, 199, "72").as_deref(), Some("192.0.2.71:4000"));
    assert_eq!(ringing(&mut bench, 199, "72").as_deref(), Some("192.0.2.71:4000"));
    assert_eq!(ringing(&mut bench, 200, "73").as_deref(), Some("192.0.2.73:4000"));
    let tags: std::collections::BTreeSet<_> =
        bench.sent.iter().filter(|(to, _)| to == ALICE).filter_map(|(_, message)| message.to_tag().map(str::to_owned)).collect();
    assert_eq!(tags.len(), 1, "towards the caller there is one phone");
}

#[test]
fn an_answer_without_a_description_means_the_phones_own_early_one() {
    for (tag, answered) in [("71", true), ("72", true), ("73", false)] {
        let mut bench = Bench::new();
        bench.receive(ALICE, invite());
        let to_bob = bench.last(BOB, "INVITE");
        bench.receive(BOB, described(&to_bob, 183, "71"));
        bench.receive(BOB, described(&to_bob, 183, "72"));
        bench.receive(BOB, response(&to_bob, 200, "").replace("tag=bo", &format!("tag={tag}")));
        assert_eq!(bench.said().iter().any(|(to, words)| to == ALICE && words == "200 INVITE"), answered, "{tag}");
        if answered {
            assert_eq!(heard(&bench), Some(format!("192.0.2.{tag}:4000")));
        }
    }
}

#[test]
fn an_answer_after_the_call_is_acknowledged_and_hung_up_for_a_while() {
    let (mut bench, to_bob, to) = talking();
    bench.receive(ALICE, crate::bench::inside("BYE", 2, "z9hG4bKbye", &to));
    let bye = bench.last(BOB, "BYE");
    bench.receive(BOB, response(&bye, 200, "").replace(";tag=bo\r\n", "\r\n"));
    assert!(bench.call.is_none());
    bench.clear();
    bench.receive(FORK, fork(&to_bob, "late"));
    let (ack, bye) = (bench.last(FORK, "ACK"), bench.last(FORK, "BYE"));
    assert!(ack.header(HeaderName::To).is_some_and(|to| to.ends_with("tag=late")));
    assert_eq!((ack.header(HeaderName::CSeq), bye.header(HeaderName::CSeq)), (Some("1 ACK"), Some("2 BYE")));
    assert_eq!(ack.header(HeaderName::From), to_bob.header(HeaderName::From));
    bench.clear();
    bench.receive(FORK, fork(&to_bob, "late"));
    assert_eq!(bench.last(FORK, "BYE").bytes(), bye.bytes(), "a copy");
    bench.clear();
    bench.receive(FORK, fork(&to_bob, "later"));
    assert_ne!(bench.last(FORK, "BYE").branch(), bye.branch());
    bench.clear();
    bench.now = bench.now + std::time::Duration::from_secs(33);
    bench.receive(FORK, fork(&to_bob, "late"));
    expect(&mut bench, &[]);
}
