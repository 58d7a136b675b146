//! A panic inside one call ends that call, properly, and no other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Options, Peer, TestNode, answered_call, answered_call_by, bridge_to};
use tandem_runtime::{flight_recorder::Dump, replay::replay};

fn node(callee: &Peer) -> TestNode {
    TestNode::start(Options { sections: bridge_to(callee.address), fault: Some("boom"), ..Options::default() })
}

#[test]
fn both_legs_get_bye_and_the_other_call_goes_on() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = node(&callee);
    let (doomed, _) = answered_call(&node, &caller, &callee, "doomed");
    let (other_caller, other) = (Peer::new(), "other");
    let (survivor, _) = answered_call(&node, &other_caller, &callee, other);

    let faulty = caller.inside("BYE", 2, &doomed, "doomed").replace("Content-Length", "X-Tandem-Fault: boom\r\nContent-Length");
    caller.send(node.address, &faulty);
    let (bye_to_caller, bye_to_callee) = (caller.hear_starting("BYE"), callee.hear_starting("BYE"));
    assert_eq!(bye_to_caller.header("Call-ID"), doomed.header("Call-ID"));
    assert_ne!(bye_to_callee.header("Call-ID"), survivor.header("Call-ID"));

    other_caller.send(node.address, &other_caller.inside("BYE", 2, &survivor, other));
    let bye = loop {
        let bye = callee.hear_starting("BYE");
        if bye.header("Call-ID") != bye_to_callee.header("Call-ID") {
            break bye;
        }
    };
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    assert_eq!(other_caller.hear_starting("SIP/2.0 200").header("CSeq"), "2 BYE");
}

#[test]
fn a_caller_that_was_not_answered_gets_500() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = node(&callee);
    caller.send(node.address, &caller.invite(node.address, "early", ""));
    let invite = callee.hear_starting("INVITE");
    // Before a provisional response an INVITE cannot be cancelled.
    callee.send(node.address, &invite.answer("180 Ringing", "callee", "", ""));
    caller.hear_starting("SIP/2.0 180");
    callee.send(node.address, &invite.answer("180 Ringing", "callee", "X-Tandem-Fault: boom\r\n", ""));
    caller.hear_failure(node.address, "early", "500");
    callee.hear_starting("CANCEL");
    caller.send(node.address, &caller.request("OPTIONS", node.address, "alive", "", ""));
    caller.hear_starting("SIP/2.0 200");
}

#[test]
fn a_failed_call_still_ends_by_the_book() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = node(&callee);
    let (doomed, _) = answered_call(&node, &caller, &callee, "book");
    let faulty = caller.inside("BYE", 2, &doomed, "book").replace("Content-Length", "X-Tandem-Fault: boom\r\nContent-Length");
    caller.send(node.address, &faulty);
    // What it says last has the next CSeq, comes again until it is answered, and then no more.
    let bye = callee.hear_starting("BYE");
    assert_eq!(bye.header("CSeq"), "2 BYE");
    assert_eq!(callee.hear_starting("BYE").0, bye.0);
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    let bye = caller.hear_starting("BYE");
    caller.send(node.address, &bye.answer("200 OK", "f", "", ""));
    assert!(callee.hears_nothing());
}

#[test]
fn the_dump_reproduces_the_panic_and_every_message_before_it() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = node(&callee);
    let sdp = format!("{}k=clear:5ecret\r\n", caller.sdp());
    let invite = caller.request("INVITE", node.address, "replayed", "", &sdp);
    let invite = invite.replace("sip:a@", "sip:a:5ecret@").replace("sip:100@", "sip:100:5ecret@");
    let (ok, _) = answered_call_by(&node, &caller, &callee, "replayed", &invite);
    let faulty = caller
        .inside("BYE", 2, &ok, "replayed")
        .replace("Content-Length", "Authorization: Digest response=5ecret\r\nX-Tandem-Fault: boom\r\nContent-Length");
    caller.send(node.address, &faulty);
    caller.hear_starting("BYE");
    let [text] = <[String; 1]>::try_from(node.dumps_at_the_end()).unwrap();
    assert!(!text.contains("5ecret") && text.contains("sip:a:******@") && text.contains("k=clear:******"), "{text}");

    let dump = Dump::from_text(&text).unwrap();
    assert_eq!(Dump::from_text(&dump.to_text()).unwrap(), dump);
    let replayed = replay(&dump).unwrap();
    assert_eq!(replayed.fault.as_ref().unwrap().message, "injected fault");
    let sent: Vec<String> = replayed.sent().map(|transmit| String::from_utf8_lossy(&transmit.bytes).into_owned()).collect();
    let starts: Vec<&str> = sent.iter().map(|text| text.split(' ').take(2).last().unwrap()).collect();
    assert_eq!((sent.len(), starts[0], sent[1].split(' ').next()), (4, "100", Some("INVITE")), "{starts:?}");
    // The same bodies, ports and session ids as in life.
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert!(sent.iter().any(|text| text.starts_with("SIP/2.0 200") && body(text) == body(&ok.0)), "{sent:?}");
}
