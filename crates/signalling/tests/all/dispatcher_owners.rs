//! Who owns a message, in the order that the dispatcher looks in.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use tandem_model::{CallId, Destination, Flow, LegId, ListenerId, Timestamp, Transport};
use tandem_signalling::transaction::TransactionKeys;
use tandem_signalling::{Dispatcher, DropReason, Minter, ReturnTo, Tombstone, Transmit, Verdict};

const CALL: CallId = CallId::new(1_000, 1);

fn leg() -> LegId {
    CALL.leg(0).expect("the first leg")
}

fn minter() -> Minter {
    Minter::new([1; 16])
}

fn dispatcher() -> Dispatcher {
    Dispatcher::new(minter(), [2; 16])
}

fn flow() -> Flow {
    Flow { listener: ListenerId(0), transport: Transport::Udp, remote: "192.0.2.1:5066".parse().expect("an address") }
}

fn request(method: &str, branch: &str, to: &str) -> Bytes {
    Bytes::from(format!(
        "{method} sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5061;branch={branch};rport\r\nFrom: <sip:a@a>;tag=al\r\nTo: <sip:b@b>{to}\r\n\
         Call-ID: c\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn response(status: u16, branch: &str, method: &str) -> Bytes {
    Bytes::from(format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch={branch}\r\nFrom: <sip:a@a>;tag=us\r\nTo: <sip:b@b>;tag=bo\r\nCall-ID: d\r\n\
         CSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn receive(dispatcher: &mut Dispatcher, bytes: Bytes) -> Verdict {
    dispatcher.receive(Timestamp::ZERO, bytes, flow())
}

/// The status line of a reply.
fn said(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Refuse(transmit) | Verdict::Again(transmit) => {
            std::str::from_utf8(&transmit.bytes).expect("text").lines().next().expect("a line")
        }
        other => panic!("no reply: {other:?}"),
    }
}

/// A dispatcher that has adopted an INVITE, and that INVITE's key.
fn adopted() -> (Dispatcher, tandem_signalling::transaction::TransactionKey) {
    let mut dispatcher = dispatcher();
    let Verdict::Founding(arrival) = receive(&mut dispatcher, request("INVITE", "z9hG4bK1", "")) else { panic!("not founding") };
    dispatcher.adopt(&arrival, CALL);
    dispatcher.leg_added(leg(), CALL);
    (dispatcher, arrival.key)
}

#[test]
fn an_invite_founds_once_and_then_belongs_to_its_call() {
    let (mut dispatcher, key) = adopted();
    for method in ["INVITE", "CANCEL", "ACK"] {
        let verdict = receive(&mut dispatcher, request(method, "z9hG4bK1", ""));
        assert!(matches!(&verdict, Verdict::Call(call, arrival) if *call == CALL && arrival.key == key), "{method}: {verdict:?}");
    }
}

#[test]
fn the_same_request_by_another_path_is_merged() {
    let (mut dispatcher, _) = adopted();
    assert_eq!(said(&receive(&mut dispatcher, request("INVITE", "z9hG4bK2", ""))), "SIP/2.0 482 Loop Detected");
}

#[test]
fn our_tag_finds_the_leg_and_nothing_else_does() {
    let (mut dispatcher, _) = adopted();
    let ours = format!(";tag={}", minter().tag(leg()));
    assert!(
        matches!(receive(&mut dispatcher, request("BYE", "z9hG4bK3", &ours)), Verdict::Call(CALL, arrival) if arrival.leg == Some(leg()))
    );
    assert_eq!(said(&receive(&mut dispatcher, request("BYE", "z9hG4bK4", ";tag=forged"))), "SIP/2.0 481 Call/Transaction Does Not Exist");
    dispatcher.leg_removed(leg(), CALL);
    assert_eq!(said(&receive(&mut dispatcher, request("BYE", "z9hG4bK5", &ours))), "SIP/2.0 481 Call/Transaction Does Not Exist");
}

#[test]
fn a_cancel_for_nothing_is_481_and_an_ack_for_nothing_is_silence() {
    let mut dispatcher = dispatcher();
    assert_eq!(said(&receive(&mut dispatcher, request("CANCEL", "z9hG4bK1", ""))), "SIP/2.0 481 Call/Transaction Does Not Exist");
    assert!(matches!(receive(&mut dispatcher, request("ACK", "z9hG4bK1", "")), Verdict::Drop(DropReason::StrayAck)));
}

#[test]
fn other_requests_are_exchanges_and_bare_line_ends_keep_alive() {
    let mut dispatcher = dispatcher();
    assert!(matches!(receive(&mut dispatcher, request("OPTIONS", "z9hG4bK1", "")), Verdict::Exchange(_)));
    assert!(matches!(receive(&mut dispatcher, Bytes::from_static(b"\r\n\r\n")), Verdict::Drop(DropReason::KeepAlive)));
    assert!(matches!(receive(&mut dispatcher, Bytes::from_static(b"hello")), Verdict::Drop(_)));
}

#[test]
fn responses_find_their_leg_by_branch() {
    let (mut dispatcher, _) = adopted();
    let branch = minter().branch(leg(), 4).to_string();
    assert!(matches!(receive(&mut dispatcher, response(180, &branch, "INVITE")), Verdict::Call(CALL, arrival) if arrival.serial == 4));
    assert!(matches!(receive(&mut dispatcher, response(180, "z9hG4bKforged", "INVITE")), Verdict::Drop(DropReason::StrayResponse)));
}

#[test]
fn a_stateless_refusal_repeats_itself_with_the_same_tag() {
    let mut dispatcher = dispatcher();
    let first = receive(&mut dispatcher, request("BYE", "z9hG4bK4", ";tag=x"));
    let again = receive(&mut dispatcher, request("BYE", "z9hG4bK4", ";tag=x"));
    let (Verdict::Refuse(first), Verdict::Refuse(again)) = (first, again) else { panic!("no refusals") };
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(first.destination.to_string(), "192.0.2.1:5066", "rport: back to where it came from");
}

#[test]
fn tombstones_answer_as_their_transaction_did_and_go_after_32_seconds() {
    let (mut dispatcher, key) = adopted();
    dispatcher.retire(Timestamp::ZERO, key, Tombstone::Absorb(leg()));
    assert!(matches!(receive(&mut dispatcher, request("INVITE", "z9hG4bK1", "")), Verdict::Drop(DropReason::Absorbed)));
    assert_eq!(said(&receive(&mut dispatcher, request("CANCEL", "z9hG4bK1", ""))), "SIP/2.0 200 OK");
    assert_eq!(dispatcher.counts(), (1, 0, 1));
    let later = dispatcher.poll_timeout().expect("a tombstone waits");
    assert_eq!(later, Timestamp::from_millis(32_000));
    dispatcher.handle_timeout(later);
    assert_eq!(dispatcher.counts(), (1, 0, 0));
    assert!(matches!(dispatcher.receive(later, request("INVITE", "z9hG4bK1", ""), flow()), Verdict::Founding(_)));
}

#[test]
fn a_failed_invite_of_ours_is_acknowledged_again() {
    let (mut dispatcher, _) = adopted();
    let branch = minter().branch(leg(), 1).to_string();
    let Verdict::Call(_, arrival) = receive(&mut dispatcher, response(486, &branch, "INVITE")) else { panic!("not the call's") };
    let ack = Transmit {
        listener: ListenerId(3),
        destination: Destination::Address("192.0.2.7:5070".parse().expect("an address")),
        bytes: Bytes::from_static(b"ACK"),
        trial: false,
    };
    dispatcher.retire(Timestamp::ZERO, arrival.key, Tombstone::Acknowledge(Box::new(ack.clone())));
    dispatcher.leg_removed(leg(), CALL);
    let verdict = receive(&mut dispatcher, response(486, &branch, "INVITE"));
    assert!(matches!(verdict, Verdict::Again(again) if again == ack), "to where the INVITE went, not to where this came from");
    let cancelled = receive(&mut dispatcher, response(481, &branch, "CANCEL"));
    assert!(matches!(cancelled, Verdict::Drop(DropReason::Absorbed)), "the answer to its CANCEL is none to it: {cancelled:?}");
}

#[test]
fn a_response_that_another_element_must_pass_on_is_not_ours() {
    let (mut dispatcher, _) = adopted();
    let branch = minter().branch(leg(), 1).to_string();
    let text = String::from_utf8(response(200, &branch, "INVITE").to_vec()).expect("text");
    let twice = text.replace("\r\nFrom", "\r\nVia: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bKx\r\nFrom");
    assert!(matches!(receive(&mut dispatcher, twice.into()), Verdict::Drop(DropReason::StrayResponse)));
}

#[test]
fn an_ack_that_reuses_its_invites_branch_is_the_calls() {
    let (mut dispatcher, key) = adopted();
    let ours = format!(";tag={}", minter().tag(leg()));
    dispatcher.retire(Timestamp::ZERO, key, Tombstone::Absorb(leg()));
    assert!(
        matches!(receive(&mut dispatcher, request("ACK", "z9hG4bK1", &ours)), Verdict::Call(CALL, arrival) if arrival.leg == Some(leg()))
    );
    dispatcher.leg_removed(leg(), CALL);
    assert!(matches!(receive(&mut dispatcher, request("ACK", "z9hG4bK1", &ours)), Verdict::Drop(_)));
}

#[test]
fn tombstones_are_bounded_by_the_bytes_that_they_keep() {
    const LONG: usize = 1 << 16;
    const MAX_TOMBSTONE_BYTES: usize = 64 << 20;
    let (mut dispatcher, first) = adopted();
    dispatcher.retire(Timestamp::ZERO, first, Tombstone::Absorb(leg()));
    let keys = TransactionKeys::new([9; 16]);
    let fit = u16::try_from(MAX_TOMBSTONE_BYTES / LONG).expect("a few");
    for serial in 0..fit {
        dispatcher.retire(Timestamp::ZERO, keys.of_client(leg(), serial), Tombstone::Repeat(vec![0; LONG].into(), ReturnTo::Via));
    }
    assert_eq!(dispatcher.counts().2, usize::from(fit) + 1);
    dispatcher.retire(Timestamp::ZERO, keys.of_client(leg(), fit), Tombstone::Repeat(vec![0].into(), ReturnTo::Via));
    assert_eq!(dispatcher.counts().2, usize::from(fit), "the two oldest made room, of which one had no bytes");
    dispatcher.handle_timeout(Timestamp::from_millis(32_000));
    assert_eq!(dispatcher.counts().2, 0);
}

#[test]
fn a_transaction_that_is_retired_twice_is_one_tombstone() {
    let (mut dispatcher, key) = adopted();
    let again = Timestamp::from_millis(1);
    dispatcher.retire(Timestamp::ZERO, key, Tombstone::Answer(486, ReturnTo::Via));
    dispatcher.retire(again, key, Tombstone::Answer(500, ReturnTo::Via));
    assert_eq!(dispatcher.counts(), (1, 0, 1));
    assert_eq!(said(&receive(&mut dispatcher, request("INVITE", "z9hG4bK1", ""))), "SIP/2.0 486 Busy Here");
}

#[test]
fn the_last_hop_may_use_up_max_forwards_of_what_ends_a_call() {
    let (mut dispatcher, _) = adopted();
    let ours = format!(";tag={}", minter().tag(leg()));
    let spent = |method: &str| {
        let text = String::from_utf8(request(method, "z9hG4bK6", &ours).to_vec()).expect("text");
        Bytes::from(text.replace("Max-Forwards: 70", "Max-Forwards: 0"))
    };
    for method in ["ACK", "BYE"] {
        assert!(matches!(receive(&mut dispatcher, spent(method)), Verdict::Call(CALL, _)), "{method}");
    }
    assert_eq!(said(&receive(&mut dispatcher, spent("INVITE"))), "SIP/2.0 483 Too Many Hops");
}

#[test]
fn a_call_that_is_gone_leaves_nothing() {
    let (mut dispatcher, _) = adopted();
    dispatcher.leg_removed(leg(), CALL);
    dispatcher.call_removed(CALL);
    assert_eq!(dispatcher.counts(), (0, 0, 0));
    assert!(matches!(receive(&mut dispatcher, request("INVITE", "z9hG4bK2", "")), Verdict::Founding(_)), "nor is it merged");
}

#[test]
fn a_leg_that_moves_takes_its_invite_along() {
    const OTHER: CallId = CallId::new(1, 2);
    let (mut dispatcher, key) = adopted();
    dispatcher.leg_moved(leg(), Some(key), OTHER);
    assert_eq!(dispatcher.owner_of(leg()), Some(OTHER));
    // They name no leg themselves.
    for method in ["INVITE", "CANCEL"] {
        let verdict = receive(&mut dispatcher, request(method, "z9hG4bK1", ""));
        assert!(matches!(&verdict, Verdict::Call(OTHER, arrival) if arrival.leg == Some(leg())), "{method}: {verdict:?}");
    }
    let ours = format!(";tag={}", minter().tag(leg()));
    assert!(matches!(receive(&mut dispatcher, request("BYE", "z9hG4bK3", &ours)), Verdict::Call(OTHER, _)));
    // The call that it left says that it is gone, and goes itself: that is no matter of the leg's any more.
    dispatcher.leg_removed(leg(), CALL);
    dispatcher.call_removed(CALL);
    assert_eq!((dispatcher.owner_of(leg()), dispatcher.counts()), (Some(OTHER), (1, 1, 0)));
    dispatcher.call_removed(OTHER);
    assert_eq!((dispatcher.owner_of(leg()), dispatcher.counts()), (None, (0, 0, 0)));
    assert!(matches!(receive(&mut dispatcher, request("INVITE", "z9hG4bK1", "")), Verdict::Founding(_)));
}

#[test]
fn a_leg_that_comes_back_is_its_first_call_s_again() {
    const OTHER: CallId = CallId::new(1, 2);
    let (mut dispatcher, key) = adopted();
    dispatcher.leg_moved(leg(), Some(key), OTHER);
    dispatcher.leg_moved(leg(), Some(key), CALL);
    dispatcher.call_removed(OTHER);
    assert!(
        matches!(receive(&mut dispatcher, request("CANCEL", "z9hG4bK1", "")), Verdict::Call(CALL, arrival) if arrival.leg == Some(leg()))
    );
    dispatcher.retire(Timestamp::ZERO, key, Tombstone::Absorb(leg()));
    dispatcher.leg_removed(leg(), CALL);
    dispatcher.call_removed(CALL);
    assert_eq!(dispatcher.counts(), (0, 0, 1));
}
