//! Calls of a running node are told to do something, and whoever said so hears what came of it, whatever becomes of the call.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Options, Peer, TestNode, answered_call, bridge_to};
use tandem_model::{CallCommand, CallId, CommandError, CommandOutcome, Key, KeyPress, LegId};
use tandem_runtime::{flight_recorder::Dump, replay::replay};

/// An answered call: (the 200 of the caller, its id, the leg of the callee).
fn talking(node: &TestNode, caller: &Peer, callee: &Peer) -> (crate::common::Heard, CallId, LegId) {
    let (ok, _) = answered_call(node, caller, callee, "told");
    let call = node.calls.recv().unwrap();
    (ok, call, call.leg(1).unwrap())
}

#[test]
fn a_leg_is_held_once_its_peer_agrees() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (_, call, leg) = talking(&node, &caller, &callee);
    let mut outcome = node.tell(call, CallCommand::Hold { leg, music: None });
    let offer = callee.hear_starting("INVITE");
    assert!(offer.0.contains("a=sendonly"), "{}", offer.0);
    assert!(outcome.try_recv().is_err(), "it is not held yet");
    let contact = format!("Contact: <sip:b@{}>\r\n", callee.address);
    callee.send(node.address, &offer.answer("200 OK", "callee", &contact, &(callee.sdp() + "a=recvonly\r\n")));
    assert_eq!(outcome.blocking_recv(), Ok(Ok(CommandOutcome::Done)));
    assert_eq!(node.tell(call, CallCommand::Mute { leg }).blocking_recv(), Ok(Ok(CommandOutcome::Done)));
}

#[test]
fn there_is_no_such_call() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (_, call, _) = talking(&node, &caller, &callee);
    let nobody = CallId::new(7, 7);
    for stranger in [nobody.leg(0).unwrap(), nobody.leg(1).unwrap()] {
        let outcome = node.tell(nobody, CallCommand::Mute { leg: stranger }).blocking_recv();
        assert_eq!(outcome, Ok(Err(CommandError::CallOver(nobody))));
        let outcome = node.tell(call, CallCommand::Mute { leg: stranger }).blocking_recv();
        assert_eq!(outcome, Ok(Err(CommandError::UnknownLeg(stranger))));
    }
}

#[test]
fn the_call_ends_while_somebody_waits() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (ok, call, leg) = talking(&node, &caller, &callee);
    let outcome = node.tell(call, CallCommand::Hold { leg, music: None });
    callee.hear_starting("INVITE");
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "told"));
    assert_eq!(outcome.blocking_recv(), Ok(Err(CommandError::CallOver(call))));
}

/// A call that fails inside answers too, and its dump tells what it was told, but not which keys.
#[test]
fn the_call_fails_while_somebody_waits() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let options = Options { sections: bridge_to(callee.address), fault: Some("boom"), ..Options::default() };
    let node = TestNode::start(options);
    let (ok, call, leg) = talking(&node, &caller, &callee);
    let keys: Box<[KeyPress]> = "4711".chars().map(|sign| KeyPress { key: Key::of_sign(sign).unwrap(), ms: 90 }).collect();
    let pressed = node.tell(call, CallCommand::Press { leg, keys }).blocking_recv();
    assert_eq!(pressed, Ok(Ok(CommandOutcome::Done)));
    let body = "Signal=7\r\nDuration=90\r\n";
    let kind = format!("Content-Type: application/dtmf-relay\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    caller.send(node.address, &caller.inside("INFO", 2, &ok, "told").replace("Content-Length: 0\r\n\r\n", &kind));
    caller.hear_starting("SIP/2.0 200");
    let outcome = node.tell(call, CallCommand::Hold { leg, music: None });
    callee.hear_starting("INVITE");
    let faulty = caller.inside("BYE", 3, &ok, "told").replace("Content-Length", "X-Tandem-Fault: boom\r\nContent-Length");
    caller.send(node.address, &faulty);
    assert_eq!(outcome.blocking_recv(), Ok(Err(CommandError::CallOver(call))));
    let dumps = node.dumps_at_the_end();
    let dump = Dump::from_text(&dumps[0]).unwrap();
    let told: Vec<&str> = dumps[0].lines().filter(|line| line.contains("\"command\"")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("press") && !told[0].contains("\"key\":4") && told[0].contains("90"), "{}", told[0]);
    assert!(dumps[0].contains("Signal=0") && !dumps[0].contains("Signal=7"));
    let replayed = replay(&dump).unwrap();
    assert!(replayed.fault.is_some() && replayed.ladder().to_string().contains("told to: hold"));
}
