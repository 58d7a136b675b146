//! A panic in the middle of a ring group or of a transfer: everybody is told, and the dump runs again as the call did.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Heard, Options, Peer, TestNode};
use tandem_runtime::{flight_recorder::Dump, replay::replay};

const FAULT: &str = "X-Tandem-Fault: boom\r\n";

fn node(first: &Peer, second: &Peer) -> TestNode {
    let sections = format!(
        r#"
        [[trunk]]
        name = "caller"
        match = {{ sources = ["127.0.0.1"] }}
        refer = "execute"
        [[trunk]]
        name = "first"
        targets = [{{ uri = "sip:{}" }}]
        refer = "execute"
        [[trunk]]
        name = "second"
        targets = [{{ uri = "sip:{}" }}]
        [[route]]
        name = "to the second"
        to = "^2$"
        do = {{ bridge = ["trunk:second"] }}
        [[route]]
        name = "both"
        do = {{ ring = ["trunk:first", "trunk:second"] }}
        "#,
        first.address, second.address
    );
    TestNode::start(Options { sections, fault: Some("boom"), ..Options::default() })
}

/// The one dump: run again it fails at the same place, having sent this many messages that begin so.
fn assert_replays(node: TestNode, starts: &[(&str, usize)]) {
    let [text] = <[String; 1]>::try_from(node.dumps_at_the_end()).unwrap();
    let dump = Dump::from_text(&text).unwrap();
    let (once, twice) = (replay(&dump).unwrap(), replay(&dump).unwrap());
    assert_eq!(once.fault.as_ref().map(|fault| fault.message.as_str()), Some("injected fault"));
    assert_eq!(once.happened, twice.happened, "the same inputs, the same outputs");
    let sent: Vec<Heard> = once.sent().map(|transmit| Heard(String::from_utf8_lossy(&transmit.bytes).into_owned())).collect();
    for (start, count) in starts {
        let found = sent.iter().filter(|message| message.0.starts_with(start)).count();
        assert_eq!(found, *count, "{start} in {sent:?}");
    }
}

#[test]
fn everybody_who_rings_is_called_off() {
    let (caller, first, second) = (Peer::new(), Peer::new(), Peer::new());
    let node = node(&first, &second);
    caller.send(node.address, &caller.invite(node.address, "ring", ""));
    let (one, two) = (first.hear_starting("INVITE"), second.hear_starting("INVITE"));
    first.send(node.address, &one.answer("180 Ringing", "first", "", ""));
    caller.hear_starting("SIP/2.0 180");
    second.send(node.address, &two.answer("180 Ringing", "second", "", ""));
    second.send(node.address, &two.answer("180 Ringing", "second", FAULT, ""));
    caller.hear_failure(node.address, "ring", "500");
    first.hear_starting("CANCEL");
    second.hear_starting("CANCEL");
    assert_replays(node, &[("INVITE", 2), ("SIP/2.0 180", 1)]);
}

#[test]
fn the_target_of_a_transfer_is_called_off() {
    assert_transfer_is_called_off(|caller, _, ok| caller.inside("REFER", 2, ok, "transfer"));
}

#[test]
fn the_target_of_a_transfer_from_outside_is_called_off() {
    assert_transfer_is_called_off(|caller, node, ok| {
        let (ours, theirs) = (ok.header("To"), ok.header("From"));
        let tag = |value: &str| value.split(";tag=").nth(1).unwrap().to_owned();
        let named = format!("Target-Dialog: {};local-tag={};remote-tag={}\r\n", ok.header("Call-ID"), tag(ours), tag(theirs));
        caller.request("REFER", node.address, "outside", &named, "")
    });
}

fn assert_transfer_is_called_off(refer: fn(&Peer, &TestNode, &Heard) -> String) {
    let (caller, first, second) = (Peer::new(), Peer::new(), Peer::new());
    let node = node(&first, &second);
    caller.send(node.address, &caller.invite(node.address, "transfer", ""));
    let (one, two) = (first.hear_starting("INVITE"), second.hear_starting("INVITE"));
    second.send(node.address, &two.answer("486 Busy Here", "second", "", ""));
    second.hear_starting("ACK");
    first.send(node.address, &one.answer("200 OK", "first", "", &first.sdp()));
    first.hear_starting("ACK");
    let ok = caller.hear_starting("SIP/2.0 200");
    caller.send(node.address, &caller.inside("ACK", 1, &ok, "transfer"));
    let refer = refer(&caller, &node, &ok);
    let to = format!("Refer-To: <sip:2@{}>\r\nContact: <sip:a@{}>\r\nContent-Length", node.address, caller.address);
    caller.send(node.address, &refer.replace("Content-Length", &to));
    caller.hear_starting("SIP/2.0 202");
    let target = second.hear_starting("INVITE");
    second.send(node.address, &target.answer("180 Ringing", "target", "", ""));
    second.send(node.address, &target.answer("180 Ringing", "target", FAULT, ""));
    second.hear_starting("CANCEL");
    first.hear_starting("BYE");
    caller.hear_starting("BYE");
    assert_replays(node, &[("INVITE", 3), ("SIP/2.0 202", 1)]);
}
