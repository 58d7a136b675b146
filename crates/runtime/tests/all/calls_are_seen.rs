//! What happens on a node is seen from another thread: calls as they are, events as they come, and the records that stay.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::{Options, Peer, TestNode, answered_call, bridge_to};
use std::future::Future;
use tandem_model::{CallCommand, CallId, CallState, CallView, Event, EventKind, LegDirection, LegState};
use tandem_runtime::{Direction, Feed, Heard};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Hears until `is_it`, and with it.
fn hear_until(feed: &mut Feed, is_it: impl Fn(&EventKind) -> bool) -> Vec<Event> {
    let mut heard = Vec::new();
    loop {
        let Some(Heard::Event(told)) = wait(feed.next()) else { panic!("an event after {heard:?}") };
        heard.push((*told.event).clone());
        if is_it(&told.event.kind) {
            return heard;
        }
    }
}

fn ends(kind: &EventKind) -> bool {
    matches!(kind, EventKind::CallEnded(_))
}

fn states(view: &CallView) -> Vec<LegState> {
    view.legs.iter().map(|leg| leg.state).collect()
}

#[test]
fn a_call_is_seen_from_its_first_ring_to_its_end() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let mut feed = node.handle.subscribe();
    caller.send(node.address, &caller.invite(node.address, "seen", ""));
    let invite = callee.hear_starting("INVITE");
    callee.send(node.address, &invite.answer("180 Ringing", "callee", "", ""));
    caller.hear_starting("SIP/2.0 180");
    let call = node.calls.recv().unwrap();
    let ringing = wait(node.handle.call(call)).unwrap();
    assert_eq!((ringing.state, &*ringing.route, ringing.answered), (CallState::Ringing, "all", None));
    assert_eq!(states(&ringing), [LegState::Created, LegState::Ringing]);
    let [from, to] = &*ringing.legs else { panic!("{ringing:?}") };
    assert_eq!((from.direction, &*from.endpoint, from.remote), (LegDirection::In, "trunk:caller", Some(caller.address)));
    assert_eq!((to.direction, &*to.endpoint, to.remote), (LegDirection::Out, "trunk:callee", Some(callee.address)));
    assert_eq!(*from.sip_call_id, *format!("seen@{}", caller.address));
    assert_eq!(&*to.sip_call_id, invite.header("Call-ID"));

    let contact = format!("Contact: <sip:b@{}>\r\n", callee.address);
    callee.send(node.address, &invite.answer("200 OK", "callee", &contact, &callee.sdp()));
    let ok = caller.hear_starting("SIP/2.0 200");
    caller.send(node.address, &caller.inside("ACK", 1, &ok, "seen"));
    callee.hear_starting("ACK");
    let leg = call.leg(1).unwrap();
    wait(node.handle.command(call, CallCommand::Mute { leg })).unwrap();
    let talking = wait(node.handle.call(call)).unwrap();
    assert_eq!((talking.state, states(&talking)), (CallState::Answered, vec![LegState::Answered; 2]));
    assert_eq!(
        talking.legs.iter().map(|leg| (leg.sip_status, leg.muted, leg.deaf)).collect::<Vec<_>>(),
        [(200, false, false), (200, true, false)]
    );
    assert!(talking.legs.iter().all(|leg| leg.codec == Some(tandem_model::Codec::Pcmu)));

    caller.send(node.address, &caller.inside("BYE", 2, &ok, "seen"));
    let heard = hear_until(&mut feed, ends);
    assert_eq!(wait(node.handle.call(call)), None);
    let names: Vec<_> = heard.iter().filter(|event| event.call == call).map(|event| event.kind.name()).collect();
    let expected = [
        "call.created",
        "leg.created",
        "leg.created",
        "leg.trying",
        "leg.ringing",
        "leg.answered",
        "leg.answered",
        "leg.ended",
        "leg.ended",
        "call.ended",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_record_of_a_call_comes_to_whoever_keeps_it() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let mut node = TestNode::bridging_to(callee.address);
    let (ok, invite) = answered_call(&node, &caller, &callee, "kept");
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "kept"));
    let told = node.records.blocking_recv().unwrap();
    let EventKind::CallEnded(record) = &told.event.kind else { panic!("{told:?}") };
    let ids: Vec<_> = record.legs.iter().map(|leg| &*leg.sip_call_id).collect();
    assert_eq!(ids, [&*format!("kept@{}", caller.address), invite.header("Call-ID")]);
    let epoch = node.handle.epoch();
    assert!(epoch.unix_us(record.ended) <= told.unix_us && epoch.unix_us(record.began) / 1000 >= record.call.unix_ms().cast_signed());
}

#[test]
fn calls_are_shown_in_pages() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let mut begun: Vec<CallId> = Vec::new();
    let mut last = None;
    for id in ["a", "b", "c"] {
        last = Some(answered_call(&node, &caller, &callee, id).0);
        begun.push(node.calls.recv().unwrap());
    }
    let page = |after, limit| wait(node.handle.calls(after, limit)).iter().map(|view| view.call).collect::<Vec<_>>();
    assert_eq!(page(None, 2), begun[..2]);
    assert_eq!(page(Some(begun[1]), 2), begun[2..]);
    assert_eq!(page(None, usize::MAX), begun);
    assert_eq!(page(Some(begun[2]), 9), []);
    let mut feed = node.handle.subscribe();
    caller.send(node.address, &caller.inside("BYE", 2, &last.unwrap(), "c"));
    hear_until(&mut feed, ends);
    assert_eq!(page(None, 9), begun[..2], "what has ended is not shown, though its last transactions are not over");
}

#[test]
fn a_message_is_no_call_and_nobody_is_seen_of_a_node_that_has_stopped() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::start(Options { sections: bridge_to(callee.address), ..Options::default() });
    let mut feed = node.handle.subscribe();
    caller.send(node.address, &caller.request("MESSAGE", node.address, "note", "", ""));
    let message = callee.hear_starting("MESSAGE");
    assert_eq!(wait(node.handle.calls(None, 9)), []);
    callee.send(node.address, &message.answer("200 OK", "callee", "", ""));
    hear_until(&mut feed, |kind| matches!(kind, EventKind::Exchanged(_)));
    let handle = node.handle.clone();
    wait(handle.stop());
    node.join();
    assert_eq!((wait(handle.calls(None, 9)), wait(handle.call(CallId::new(1, 1)))), (vec![], None));
    assert!(wait(feed.next()).is_none());
}

/// What the caller and the callee have heard is what the trace says that was sent, byte for byte.
#[test]
fn the_trace_of_a_call_is_what_went_over_the_wire() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let mut feed = node.handle.subscribe();
    let (ok, invite) = answered_call(&node, &caller, &callee, "traced");
    let call = node.calls.recv().unwrap();
    caller.send(node.address, &caller.inside("BYE", 2, &ok, "traced"));
    let bye = callee.hear_starting("BYE");
    callee.send(node.address, &bye.answer("200 OK", "callee", "", ""));
    hear_until(&mut feed, ends);
    let trace = wait(node.handle.trace(call)).unwrap();
    let [a, b] = [&caller, &callee].map(|peer| peer.address.to_string());
    let between = |direction| {
        let steps = trace.steps.iter().filter(|step| step.direction == direction);
        steps.map(|step| (&*step.summary, step.ends.as_ref().unwrap().peer.to_string())).collect::<Vec<_>>()
    };
    let (invited, accepted, acknowledged) = ("INVITE (SDP)", "200 OK (SDP)", "ACK");
    let received: Vec<_> = between(Direction::Received);
    assert_eq!(received[..4], [(invited, a.clone()), (accepted, b.clone()), (acknowledged, a.clone()), ("BYE", a.clone())]);
    let mut sent = between(Direction::Sent);
    sent[2..4].sort();
    assert_eq!(sent[..4], [("100 Trying", a.clone()), (invited, b.clone()), (accepted, a), (acknowledged, b)]);
    let bytes: Vec<_> = trace.steps.iter().filter(|step| step.direction == Direction::Sent).map(|step| &step.sip[..]).collect();
    assert!([&invite, &ok, &bye].into_iter().all(|heard| bytes.contains(&heard.0.as_bytes())));
    let legs: Vec<_> = trace.steps.iter().filter_map(|step| step.ends.as_ref()).map(|ends| ends.leg.unwrap().index()).collect();
    assert_eq!(legs[..4], [0, 0, 1, 1]);
    assert!(trace.complete && trace.steps.iter().any(|step| step.summary == "ended: caller hung up"));
    assert!(trace.to_svg().contains("200 OK") && trace.to_pcap().len() > 24 + 7 * 44);
    assert!(wait(node.handle.trace(CallId::new(7, 7))).is_none());
}

/// It can be told while the call goes on, too, and telling it changes nothing.
#[test]
fn the_trace_of_a_call_grows_with_it() {
    let (caller, callee) = (Peer::new(), Peer::new());
    let node = TestNode::bridging_to(callee.address);
    let (_, _) = answered_call(&node, &caller, &callee, "growing");
    let call = node.calls.recv().unwrap();
    let before = wait(node.handle.trace(call)).unwrap();
    wait(node.handle.command(call, CallCommand::Mute { leg: call.leg(0).unwrap() })).unwrap();
    let after = wait(node.handle.trace(call)).unwrap();
    assert!(after.steps.len() > before.steps.len() && after.steps.iter().any(|step| step.summary == "told to: mute"));
}
