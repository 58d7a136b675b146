//! A route that asks: the question leaves the node, the call waits, and goes where the answer says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Options, Peer, TestNode};
use tandem_model::Question;
use tandem_runtime::{Consultation, MAX_CONSULTATIONS};
use tokio::sync::mpsc;

/// All calls of a caller on loopback are asked about; nobody else is known.
const ASKS: &str = r#"
[[trunk]]
name = "caller"
match = { sources = ["127.0.0.1"] }
targets = [{ uri = "sip:127.0.0.1:9" }]
[[route]]
name = "asks"
do = { ask = "http://127.0.0.1:9/", timeout = "8s", default = { reject = 480 } }
"#;

fn node() -> (TestNode, mpsc::Receiver<Consultation>) {
    let (give, taken) = mpsc::channel(MAX_CONSULTATIONS);
    (TestNode::start(Options { sections: ASKS.into(), consultations: Some(give), ..Options::default() }), taken)
}

#[test]
fn a_call_goes_where_the_answer_says() {
    let (caller, (node, mut taken)) = (Peer::new(), node());
    caller.send(node.address, &caller.invite(node.address, "asked", ""));
    caller.hear_starting("SIP/2.0 100");
    let asked = taken.blocking_recv().unwrap();
    assert_eq!((&*asked.consult.rule, &*asked.consult.url), ("asks", "http://127.0.0.1:9/"));
    let Question::Route(route) = &asked.asked else { panic!("{asked:?}") };
    assert_eq!(&*route.origin.endpoint(), "trunk:caller");
    asked.reply.send(r#"{"reject": 486, "reason": "Not today"}"#.into()).unwrap();
    caller.hear_starting("SIP/2.0 486 Not today");
}

#[test]
fn nobody_to_ask_is_no_answer() {
    let (caller, (node, taken)) = (Peer::new(), node());
    drop(taken);
    caller.send(node.address, &caller.invite(node.address, "alone", ""));
    caller.hear_starting("SIP/2.0 480");
    // Somebody who drops the question has nothing to say either.
    let (caller, (node, mut taken)) = (Peer::new(), self::node());
    caller.send(node.address, &caller.invite(node.address, "dropped", ""));
    drop(taken.blocking_recv().unwrap());
    caller.hear_starting("SIP/2.0 480");
}

#[test]
fn an_answer_for_a_call_that_has_gone_is_nobodys() {
    let (caller, (node, mut taken)) = (Peer::new(), node());
    let invite = caller.invite(node.address, "gone", "");
    caller.send(node.address, &invite);
    caller.hear_starting("SIP/2.0 100");
    let asked = taken.blocking_recv().unwrap();
    caller.send(node.address, &invite.replace("INVITE ", "CANCEL ").replace(" INVITE", " CANCEL"));
    caller.hear_starting("SIP/2.0 487");
    // Whether it is still awaited is of no interest to whoever answers.
    let _ = asked.reply.send(r#"{"answer": "echo"}"#.into());
    caller.send(node.address, &caller.invite(node.address, "next", ""));
    drop(taken.blocking_recv().unwrap());
    caller.hear_starting("SIP/2.0 480");
}
