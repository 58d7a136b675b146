//! A node is told to make a call: it is seen, recorded, and run again from its dump.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Heard, Options, Peer, TestNode, bridge_to};
use std::future::Future;
use std::sync::Arc;
use tandem_model::{CallState, Dial, DialError, DialLeg, DialOrder, EndReason, EventKind, LegDirection, LegState, Login, Secret};
use tandem_runtime::{
    flight_recorder::Dump,
    replay::{Happening, replay},
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn to(legs: &[&str]) -> Dial {
    let legs = legs.iter().map(|to| DialLeg::new(to)).collect();
    Dial { legs, order: DialOrder::Sequential, then: None, max_duration: None, quiet: false, metadata: None, by: "ops".into() }
}

fn node(callee: &Peer, more: &str) -> TestNode {
    TestNode::start(Options { sections: format!("{}{more}", bridge_to(callee.address)), fault: Some("boom"), ..Options::default() })
}

/// Answers the next INVITE; it comes back.
fn answer(node: &TestNode, peer: &Peer, tag: &str) -> Heard {
    let invite = peer.hear_starting("INVITE");
    let contact = format!("Contact: <sip:b@{}>\r\n", peer.address);
    peer.send(node.address, &invite.answer("200 OK", tag, &contact, &peer.sdp()));
    peer.hear_starting("ACK");
    invite
}

/// A request of the one who was called.
fn request(peer: &Peer, method: &str, invite: &Heard, tag: &str, extra: &str) -> String {
    let target = invite.header("Contact").trim_start_matches('<').trim_end_matches('>').to_owned();
    let (from, to, id, me) = (invite.header("To"), invite.header("From"), invite.header("Call-ID"), peer.address);
    format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{method}{tag};rport\r\nMax-Forwards: 70\r\nFrom: {from};tag={tag}\r\n\
         To: {to}\r\nCall-ID: {id}\r\nCSeq: 7 {method}\r\n{extra}Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn a_call_that_was_ordered_is_seen_and_recorded() {
    let (first, second) = (Peer::new(), Peer::new());
    let mut node = node(&second, "");
    let uri = format!("sip:first@{}", first.address);
    let call = wait(node.handle.dial(to(&[&uri, "trunk:callee/7"]))).unwrap();
    answer(&node, &first, "one");
    let invite = answer(&node, &second, "two");
    assert_eq!(invite.start(), format!("INVITE sip:7@{} SIP/2.0", second.address));
    let view = wait(node.handle.call(call)).unwrap();
    assert_eq!((view.state, &*view.route), (CallState::Answered, "api:ops"));
    let legs: Vec<_> = view.legs.iter().map(|leg| (&*leg.endpoint, leg.direction, leg.state)).collect();
    assert_eq!(legs, [(&*uri, LegDirection::Out, LegState::Answered), ("trunk:callee/7", LegDirection::Out, LegState::Answered)]);
    second.send(node.address, &request(&second, "BYE", &invite, "two", ""));
    first.hear_starting("BYE");
    let told = node.records.blocking_recv().unwrap();
    let EventKind::CallEnded(record) = &told.event.kind else { panic!("{told:?}") };
    assert_eq!((record.call, record.reason, record.legs.len()), (call, EndReason::CalleeHungUp, 2));
}

#[test]
fn nobody_is_called_whom_policy_does_not_know() {
    let callee = Peer::new();
    let mut node = node(&callee, "");
    wait(node.handle.dial(to(&["trunk:nobody/1"]))).unwrap();
    let told = node.records.blocking_recv().unwrap();
    let EventKind::CallEnded(record) = &told.event.kind else { panic!("{told:?}") };
    assert_eq!((record.reason, record.legs.len()), (EndReason::Failed(404), 0));
    assert!(callee.hears_nothing());
}

#[test]
fn a_node_that_is_full_draining_or_gone_makes_no_call() {
    let callee = Peer::new();
    let node = node(&callee, "[calls]\nmax = 1\n");
    assert_eq!(wait(node.handle.dial(to(&[]))), Err(DialError::Nobody));
    wait(node.handle.dial(to(&["trunk:callee/1"]))).unwrap();
    callee.hear_starting("INVITE");
    assert_eq!(wait(node.handle.dial(to(&["trunk:callee/2"]))), Err(DialError::Full { retry_after_s: 10 }));
    let handle = node.handle.clone();
    wait(handle.stop());
    assert_eq!(wait(handle.dial(to(&["trunk:callee/3"]))), Err(DialError::Draining));
    drop(node);
    assert_eq!(wait(handle.dial(to(&["trunk:callee/4"]))), Err(DialError::Busy));
}

#[test]
fn one_that_fails_inside_is_ended_and_its_dump_runs_again() {
    let (first, second) = (Peer::new(), Peer::new());
    let node = node(&second, "");
    let uri = format!("sip:first@{}", first.address);
    let login = Some(Arc::new(Login { username: "u".into(), password: Secret::new("5ecret"), realm: None }));
    let headers = [("X-Callback".into(), "http://u:5ecret@h/".into())].into();
    let legs = [DialLeg { login, headers, ..DialLeg::new(&uri) }, DialLeg::new("trunk:callee/7")];
    wait(node.handle.dial(Dial { legs: legs.into(), ..to(&[]) })).unwrap();
    answer(&node, &first, "one");
    let invite = answer(&node, &second, "two");
    second.send(node.address, &request(&second, "BYE", &invite, "two", "X-Tandem-Fault: boom\r\n"));
    // It is brought back as it stood before, and ended.
    first.hear_starting("BYE");
    second.hear_starting("BYE");
    let [text] = <[String; 1]>::try_from(node.dumps_at_the_end()).unwrap();
    assert!(!text.contains("5ecret") && text.contains("trunk:callee/7"), "{text}");
    let dump = Dump::from_text(&text).unwrap();
    assert_eq!(Dump::from_text(&dump.to_text()).unwrap(), dump);
    let replayed = replay(&dump).unwrap();
    assert_eq!(replayed.fault.unwrap().message, "injected fault");
    let sent = replayed.happened.iter().filter_map(|happened| match &happened.what {
        Happening::Sent(transmit) => Some(String::from_utf8_lossy(&transmit.bytes).into_owned()),
        _ => None,
    });
    let sent: Vec<String> = sent.collect();
    let methods: Vec<&str> = sent.iter().filter_map(|text| text.split(' ').next()).collect();
    assert_eq!(methods, ["INVITE", "ACK", "INVITE", "ACK"]);
    let body = |text: &str| text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    assert_eq!(body(&sent[2]), body(&invite.0), "the same bodies, ports and session ids as in life");
}
