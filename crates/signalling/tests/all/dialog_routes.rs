//! Route sets (RFC 3261 §12.1, §12.2.1.1): loose and strict routers, both sides, and target refresh.

use bytes::Bytes;
use std::net::SocketAddr;
use tandem_model::{CallId, Destination, Transport};
use tandem_signalling::message::Message;
use tandem_signalling::{Dialog, DialogError, InDialog, Minted, Minter};

fn tag() -> Minted {
    Minter::new([1; 16]).tag(CallId::new(1, 1).leg(0).expect("the first leg"))
}

fn message(text: &str) -> Message {
    Message::parse(Bytes::from(text.replace('\n', "\r\n"))).expect("a well-formed message")
}

fn invite(routes: &str, contact: &str) -> Message {
    message(&format!(
        "INVITE sip:bob@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\n{routes}From: <sip:alice@a>;tag=al\nTo: <sip:bob@b>\n\
         Call-ID: c\nCSeq: 7 INVITE\n{contact}Max-Forwards: 70\nContent-Length: 0\n\n"
    ))
}

fn answer(routes: &str, contact: &str) -> Message {
    message(&format!(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\n{routes}From: <sip:alice@a>;tag=us\nTo: <sip:bob@b>;tag=bo\n\
         Call-ID: c\nCSeq: 1 INVITE\n{contact}Content-Length: 0\n\n"
    ))
}

fn bye(dialog: &mut Dialog) -> String {
    let cseq = dialog.next_cseq();
    let bytes = dialog.request("BYE", cseq, &["SIP/2.0/UDP 192.0.2.9;branch=", "z9hG4bKx"], 70).finish();
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

fn at(address: &str) -> Option<Destination> {
    Some(Destination::Address(address.parse::<SocketAddr>().expect("an address")))
}

const LOOSE: &str = "Record-Route: <sip:192.0.2.10;lr>, <sip:192.0.2.11:5080;lr>\n";
const CONTACT: &str = "Contact: <sip:alice@192.0.2.1:5062>\n";

#[test]
fn the_callee_keeps_record_routes_in_order() {
    let mut dialog = Dialog::from_invite(&invite(LOOSE, CONTACT), tag(), Transport::Udp).expect("a dialog");
    let text = bye(&mut dialog);
    assert!(text.starts_with("BYE sip:alice@192.0.2.1:5062 SIP/2.0\r\n"), "{text}");
    assert_eq!(lines(&text, "Route"), ["<sip:192.0.2.10;lr>", "<sip:192.0.2.11:5080;lr>"]);
    assert_eq!(lines(&text, "From"), [format!("<sip:bob@b>;tag={}", tag())]);
    assert_eq!(lines(&text, "To"), ["<sip:alice@a>;tag=al"]);
    assert_eq!(dialog.destination(), at("192.0.2.10:5060"));
}

#[test]
fn the_caller_turns_them_round() {
    let mut dialog =
        Dialog::from_response(&answer(LOOSE, "Contact: <sip:bob@192.0.2.2>\n"), tag(), 1, "sip:bob@b", Transport::Udp).expect("a dialog");
    let text = bye(&mut dialog);
    assert_eq!(lines(&text, "Route"), ["<sip:192.0.2.11:5080;lr>", "<sip:192.0.2.10;lr>"]);
    assert_eq!(lines(&text, "CSeq"), ["2 BYE"]);
    assert_eq!(dialog.destination(), at("192.0.2.11:5080"));
}

#[test]
fn through_a_strict_router_the_target_goes_last() {
    let routes = "Record-Route: <sip:192.0.2.10>\nRecord-Route: <sip:192.0.2.11;lr>\n";
    let mut dialog = Dialog::from_invite(&invite(routes, CONTACT), tag(), Transport::Udp).expect("a dialog");
    let text = bye(&mut dialog);
    assert!(text.starts_with("BYE sip:192.0.2.10 SIP/2.0\r\n"), "{text}");
    assert_eq!(lines(&text, "Route"), ["<sip:192.0.2.11;lr>", "<sip:alice@192.0.2.1:5062>"]);
    assert_eq!(dialog.destination(), at("192.0.2.10:5060"));
}

#[test]
fn a_refreshed_target_is_where_requests_go() {
    let mut dialog = Dialog::from_invite(&invite("", CONTACT), tag(), Transport::Udp).expect("a dialog");
    assert_eq!(dialog.destination(), at("192.0.2.1:5062"));
    dialog.refresh_target(&invite("", "Contact: <sip:alice@[2001:db8::7]:5070>\n"));
    assert_eq!(dialog.destination(), at("[2001:db8::7]:5070"));
    assert!(bye(&mut dialog).starts_with("BYE sip:alice@[2001:db8::7]:5070 SIP/2.0\r\n"));
    dialog.refresh_target(&invite("", ""));
    assert_eq!(dialog.destination(), at("[2001:db8::7]:5070"), "a message without Contact changes nothing");
}

#[test]
fn without_a_contact_there_is_no_dialog_for_the_callee_and_the_request_uri_for_the_caller() {
    assert_eq!(Dialog::from_invite(&invite("", ""), tag(), Transport::Udp).err(), Some(DialogError::NoContact));
    let dialog = Dialog::from_response(&answer("", ""), tag(), 1, "sip:bob@192.0.2.2:5099", Transport::Udp).expect("a dialog");
    assert_eq!(dialog.destination(), at("192.0.2.2:5099"));
}

#[test]
fn too_many_routes_are_refused() {
    let routes = "Record-Route: <sip:192.0.2.10;lr>\n".repeat(33);
    assert_eq!(Dialog::from_invite(&invite(&routes, CONTACT), tag(), Transport::Udp).err(), Some(DialogError::TooManyRoutes));
}

#[test]
fn requests_are_judged_by_tag_call_and_order() {
    let mut dialog = Dialog::from_invite(&invite("", CONTACT), tag(), Transport::Udp).expect("a dialog");
    let inside = |tag: &str, call: &str, cseq: u32| {
        message(&format!(
            "BYE sip:us@192.0.2.9 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb\nFrom: <sip:alice@a>;tag={tag}\nTo: <sip:bob@b>;tag=us\n\
             Call-ID: {call}\nCSeq: {cseq} BYE\nMax-Forwards: 70\nContent-Length: 0\n\n"
        ))
    };
    assert_eq!(dialog.accept(&inside("other", "c", 8)), InDialog::Stranger);
    assert_eq!(dialog.accept(&inside("al", "d", 8)), InDialog::Stranger);
    assert_eq!(dialog.accept(&inside("al", "c", 6)), InDialog::OutOfOrder);
    assert_eq!(dialog.accept(&inside("al", "c", 9)), InDialog::InOrder);
    assert_eq!(dialog.accept(&inside("al", "c", 8)), InDialog::OutOfOrder);
}

#[test]
fn a_contact_loses_its_headers_and_nothing_else() {
    let target = |contact: &str| {
        let mut dialog = Dialog::from_invite(&invite("", &format!("Contact: {contact}\n")), tag(), Transport::Udp).expect("a dialog");
        bye(&mut dialog).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(target("<sip:al@192.0.2.1;x=y?Subject=hello>"), "BYE sip:al@192.0.2.1;x=y SIP/2.0");
    // RFC 3261 §25.1, user-unreserved: a question mark may stand in the user part.
    assert_eq!(target("<sip:a?b@192.0.2.1>"), "BYE sip:a?b@192.0.2.1 SIP/2.0");
    assert_eq!(target("<sip:a?b@192.0.2.1?Subject=a>"), "BYE sip:a?b@192.0.2.1 SIP/2.0");
}

#[test]
fn tls_has_a_port_of_its_own_and_sips_has_nothing_less() {
    for (contact, over, expected) in [
        ("<sip:a@192.0.2.1;transport=TLS>", Transport::Udp, Some("192.0.2.1:5061")),
        ("<sip:a@192.0.2.1;transport=tls>", Transport::Tls, Some("192.0.2.1:5061")),
        ("<sip:a@192.0.2.1>", Transport::Tls, Some("192.0.2.1:5061")),
        ("<sip:a@192.0.2.1:5070>", Transport::Tls, Some("192.0.2.1:5070")),
        ("<sips:a@192.0.2.1>", Transport::Tls, Some("192.0.2.1:5061")),
        ("<sips:a@192.0.2.1>", Transport::Tcp, None),
    ] {
        let dialog = Dialog::from_invite(&invite("", &format!("Contact: {contact}\n")), tag(), over);
        assert_eq!(dialog.ok().and_then(|dialog| dialog.destination()), expected.and_then(at), "{contact}");
    }
}
