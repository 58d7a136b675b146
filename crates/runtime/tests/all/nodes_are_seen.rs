//! What a node says of itself to other threads: its trunks, who has registered, and what it counts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Options, Peer, TestNode, answered_call, bridge_to};
use std::future::Future;
use tandem_model::{EventKind, Fate, Transport};
use tandem_runtime::{Feed, Heard};
use tandem_signalling::auth::{Algorithm, Terms};

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn hear(feed: &mut Feed, is_it: impl Fn(&EventKind) -> bool) {
    loop {
        let Some(Heard::Event(told)) = wait(feed.next()) else { panic!("an event") };
        if is_it(&told.event.kind) {
            return;
        }
    }
}

#[test]
fn what_passes_is_counted() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let mut feed = node.handle.subscribe();
    let figures = || wait(node.handle.figures()).unwrap();
    let (ok, _) = answered_call(&node, &caller, &callee, "counted");
    let during = figures();
    assert_eq!((during.calls, during.legs, during.counted.calls_begun, during.counted.calls_answered), (1, 2, 1, 1));
    assert_eq!((during.counted.setup_ms.count(), during.counted.calls_ended, during.draining), (1, 0, false));
    assert!(during.recorder.0 > 0 && during.recorder.0 <= during.recorder.1 && during.events >= 5);
    assert_eq!(during.trunks.iter().map(|trunk| (&*trunk.trunk, trunk.calls)).collect::<Vec<_>>(), [("caller", 1), ("callee", 1)]);

    caller.send(node.address, &caller.inside("BYE", 2, &ok, "counted"));
    hear(&mut feed, |kind| matches!(kind, EventKind::CallEnded(_)));
    caller.send(node.address, &caller.invite(node.address, "refused", ""));
    callee.hear_starting("BYE");
    let invite = callee.hear_starting("INVITE");
    callee.send(node.address, &invite.answer("486 Busy Here", "busy", "", ""));
    hear(&mut feed, |kind| matches!(kind, EventKind::CallEnded(_)));
    let after = figures();
    assert_eq!((after.calls, after.legs), (0, 0));
    let counted = &after.counted;
    assert_eq!((counted.calls_begun, counted.calls_answered, counted.calls_ended, counted.calls_failed), (2, 1, 2, 1));
    // INVITE, ACK, BYE and INVITE came; 200 and 486.
    assert_eq!((counted.received.requests, counted.received.responses), (4, [0, 1, 0, 1, 0, 0]));
    assert_eq!((counted.sent.responses[1], counted.sent.responses[3]), (2, 1), "200 of the INVITE and of the BYE, and 486");
    assert!(after.queues.iter().all(|queue| queue.waiting <= queue.most) && after.queues.iter().any(|queue| queue.name == "records"));
}

#[test]
fn a_trunk_is_seen_to_be_down_and_full() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let sections = bridge_to(callee.address)
        .replace("name = \"callee\"", "name = \"callee\"\nping = { every = \"10s\", down_after = 1 }\nlimits = { calls = 7, cps = 3 }");
    let node = TestNode::start(Options { sections, ..Options::default() });
    let mut feed = node.handle.subscribe_from(0);
    let options = callee.hear_starting("OPTIONS");
    callee.send(node.address, &options.answer("503 Service Unavailable", "full", "", ""));
    hear(&mut feed, |kind| matches!(kind, EventKind::TrunkDown(_)));
    let trunks = wait(node.handle.trunks());
    let [by_address, pinged] = &*trunks else { panic!("{trunks:?}") };
    assert_eq!((by_address.condition.word(), by_address.max_calls), ("unknown", None));
    assert_eq!(
        (pinged.condition.word(), &*pinged.condition.reason, pinged.max_calls, pinged.max_cps),
        ("down", "503 Service Unavailable", Some(7), Some(3))
    );
    let [target] = &*pinged.targets else { panic!("{pinged:?}") };
    assert_eq!((&*target.at, target.condition.is_up), (&*format!("sip:{}", callee.address), Some(false)));
    drop(caller);
}

#[test]
fn who_has_registered_is_seen_until_it_has_gone() {
    let phone = Peer::new();
    let sections = "[[user]]\nname = \"alice\"\npassword = \"secret\"\n".to_owned();
    let node = TestNode::start(Options { sections, ..Options::default() });
    let mut feed = node.handle.subscribe();
    assert_eq!(wait(node.handle.registrations()), []);
    register(&node, &phone);
    let [seen] = &*wait(node.handle.registrations()) else { panic!("one registration") };
    assert_eq!((&*seen.user, &*seen.contact, &*seen.agent), ("alice", &*format!("sip:a@{}", phone.address), "desk phone"));
    assert!((seen.flow.remote, seen.flow.transport) == (phone.address, Transport::Udp) && seen.since < seen.until);
    assert_eq!(wait(node.handle.figures()).unwrap().registrations, 1);
    node.reload("");
    hear(&mut feed, |kind| matches!(kind, EventKind::RegistrationChanged(change) if change.fate == Fate::Removed));
    assert_eq!(wait(node.handle.registrations()), []);
}

/// Registers alice there, who has proved to be her.
pub(crate) fn register(node: &TestNode, phone: &Peer) {
    let request = |id: &str, extra: &str| {
        let text = phone.request("REGISTER", node.address, id, &format!("User-Agent: desk phone\r\n{extra}"), "");
        text.replace("sip:100@", "sip:alice@").replace(&format!("REGISTER sip:alice@{}", node.address), "REGISTER sip:127.0.0.1")
    };
    phone.send(node.address, &request("first", ""));
    let challenge = phone.hear_starting("SIP/2.0 401").header("WWW-Authenticate").to_owned();
    let value = |name: &str| challenge.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap().to_owned();
    let (realm, nonce, uri) = (value("realm"), value("nonce"), "sip:127.0.0.1");
    let algorithm = Algorithm::parse("MD5").unwrap();
    let auth = Some(("00000001", "c"));
    let terms = Terms { algorithm, username: "alice", realm: &realm, password: "secret", nonce: &nonce, method: "REGISTER", uri, auth };
    let credentials = format!(
        "Authorization: Digest username=\"alice\",realm=\"{realm}\",nonce=\"{nonce}\",uri=\"{uri}\",response=\"{}\",algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c\"\r\n",
        terms.response().as_str()
    );
    phone.send(node.address, &request("second", &credentials));
    phone.hear_starting("SIP/2.0 200");
}
