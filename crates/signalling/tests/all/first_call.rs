//! A call from INVITE to the last BYE, against bare messages: what goes out, in which order, and that nothing stays.

use crate::bench::{ALICE, BOB, Bench, SDP, expect, inside, invite, response};
use tandem_model::{EndReason, MediaCommand, Timestamp};
use tandem_signalling::message::HeaderName;
use tandem_signalling::{Call, Input};

#[test]
fn invite_ring_answer_talk_hang_up() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.sent[1].1.clone();
    assert_eq!(to_bob.header(HeaderName::MaxForwards), Some("29"));
    assert!(to_bob.header(HeaderName::From).expect("From").starts_with("\"Alice\" <sip:alice@192.0.2.9>;tag="));
    assert!(String::from_utf8_lossy(to_bob.body()).contains("m=audio 20002 RTP/AVP 0 96 9 8 101"));
    assert_ne!(to_bob.call_id(), "c");
    expect(&mut bench, &[(ALICE, "100 INVITE"), (BOB, "INVITE")]);

    bench.receive(BOB, response(&to_bob, 180, ""));
    expect(&mut bench, &[(ALICE, "180 INVITE")]);
    bench.receive(BOB, response(&to_bob, 200, &SDP.replace("192.0.2.1", "192.0.2.2")));
    let to =
        bench.sent.iter().find(|(_, message)| message.status() == 200).expect("a 200").1.header(HeaderName::To).expect("To").to_owned();
    expect(&mut bench, &[(BOB, "ACK"), (ALICE, "200 INVITE")]);
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKb", &to));
    expect(&mut bench, &[]);
    assert_eq!(bench.media.iter().filter(|command| matches!(command, MediaCommand::Describe { .. })).count(), 2);

    bench.now = Timestamp::from_millis(5_000);
    bench.receive(ALICE, inside("BYE", 2, "z9hG4bKc", &to));
    let bye = bench.sent.iter().find(|(_, message)| message.is_request()).expect("a BYE").1.clone();
    expect(&mut bench, &[(ALICE, "200 BYE"), (BOB, "BYE")]);
    assert_eq!(bench.records.len(), 1);
    assert_eq!(bench.records[0].reason, EndReason::CallerHungUp);
    bench.receive(BOB, response(&bye, 200, ""));
    assert!(bench.call.is_none(), "the call is over");
    assert_eq!(bench.dispatcher.counts(), (0, 0, 3), "tombstones of INVITE and BYE, and of what another fork might say");
}

#[test]
fn cancel_while_ringing() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.sent[1].1.clone();
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.said();
    let cancel = invite().replace("INVITE sip", "CANCEL sip").replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL");
    let cancel = format!("{}\r\n\r\n", cancel.split("\r\nContent-Type").next().expect("headers"));
    bench.receive(ALICE, cancel);
    expect(&mut bench, &[(ALICE, "200 CANCEL"), (ALICE, "487 INVITE"), (BOB, "CANCEL")]);
    let to = bench.records[0].legs[0].to.clone();
    assert_eq!(&*to, "sip:bob@192.0.2.9");
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKa", "<sip:bob@192.0.2.9>"));
    bench.receive(BOB, response(&to_bob, 487, ""));
    expect(&mut bench, &[(BOB, "ACK")]);
    assert!(bench.call.is_none(), "the call is over");
    assert_eq!(bench.records[0].reason, EndReason::Cancelled);
}

#[test]
fn silence_is_given_up_and_told() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    bench.said();
    while let Some((at, _)) = bench.call.as_ref().and_then(Call::poll_timeout) {
        bench.now = at;
        bench.input(Input::Wake);
        assert!(at < Timestamp::from_millis(40_000), "it never ends");
    }
    let said = bench.said();
    assert_eq!(said.iter().filter(|(to, _)| to == BOB).count(), 6, "INVITE again after 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s: {said:?}");
    assert_eq!(said.iter().filter(|(_, words)| words == "408 INVITE").count(), 11, "until no ACK in 32 s: {said:?}");
    assert!(bench.call.is_none());
}
