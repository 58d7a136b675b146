//! Messages out, and what came in out again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use tandem_signalling::message::{HeaderName, Message, Printer, reason_phrase};

fn parse(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn response_vias(via: &str, source: &str) -> String {
    let request = parse(&format!("BYE sip:a@b SIP/2.0\r\n{via}\r\nTo: <sip:a@b>;tag=1\r\n\r\n"));
    let bytes = Printer::response_to(&request, source.parse().unwrap(), 200, "OK", Some("2")).finish();
    let lines = text(&bytes).lines().filter(|line| line.starts_with("Via"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_request_is_written_as_it_was_built() {
    let mut printer = Printer::request("INVITE", "sip:bob@b.example");
    printer.header(HeaderName::MaxForwards, 70).header_str(HeaderName::CallId, "x").header_raw("X-Lower", "y");
    let bytes = printer.finish_with_body("application/sdp", b"v=0\r\n");
    let expected = "INVITE sip:bob@b.example SIP/2.0\r\nMax-Forwards: 70\r\nCall-ID: x\r\nX-Lower: y\r\n\
        Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    assert_eq!(text(&bytes), expected);
}

#[test]
fn a_response_has_a_status_line() {
    let bytes = Printer::response(486, reason_phrase(486)).finish();
    assert_eq!(text(&bytes), "SIP/2.0 486 Busy Here\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn a_response_copies_what_it_must_and_nothing_else() {
    let request = parse(
        "INVITE sip:bob@b.example SIP/2.0\r\nv: SIP/2.0/UDP a.example:5062;branch=z9hG4bK1;rport;x=\"y, z\"\r\n\
         Subject: no\r\nVia: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK2, SIP/2.0/TCP c.example\r\nRecord-Route: <sip:r;lr>\r\n\
         t: Bob\r\n <sip:bob@b.example>\r\nf: A <sip:a@a.example>;tag=9\r\ni: id\r\nCSEQ: 7   INVITE\r\nTimestamp: 54.1 0.2\r\n\r\n",
    );
    let mut printer = Printer::response_to(&request, "192.0.2.4:9999".parse().unwrap(), 180, "Ringing", Some("77"));
    printer.copy_all(&request, HeaderName::RecordRoute);
    let expected = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP a.example:5062;branch=z9hG4bK1;x=\"y, z\";received=192.0.2.4;rport=9999\r\n\
        Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bK2, SIP/2.0/TCP c.example\r\n\
        From: A <sip:a@a.example>;tag=9\r\nTo: Bob <sip:bob@b.example>;tag=77\r\nCall-ID: id\r\nCSeq: 7   INVITE\r\nTimestamp: 54.1 0.2\r\n\
        Record-Route: <sip:r;lr>\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(text(&printer.finish()), expected);
}

#[test]
fn a_tag_that_is_there_stays() {
    let request = parse("BYE sip:a@b SIP/2.0\r\nTo: <sip:a@b>;TAG=theirs\r\n\r\n");
    let bytes = Printer::response_to(&request, "192.0.2.4:1".parse().unwrap(), 200, "OK", Some("ours")).finish();
    assert!(text(&bytes).contains("To: <sip:a@b>;TAG=theirs\r\n"));
}

#[test]
fn the_topmost_via_says_where_the_request_came_from() {
    // RFC 3261 §18.2.1: nothing to say where sent-by is the source.
    assert_eq!(response_vias("Via: SIP/2.0/UDP 192.0.2.4;branch=1", "192.0.2.4:5060"), "Via: SIP/2.0/UDP 192.0.2.4;branch=1");
    assert_eq!(response_vias("Via: SIP/2.0/UDP 192.0.2.4;branch=1", "192.0.2.4:9"), "Via: SIP/2.0/UDP 192.0.2.4;branch=1");
    assert_eq!(response_vias("Via: SIP/2.0/UDP [2001:db8:0::1]", "[2001:db8::1]:9"), "Via: SIP/2.0/UDP [2001:db8:0::1]");
    // A name, or another address.
    assert_eq!(response_vias("Via: SIP/2.0/UDP a.example", "192.0.2.4:9"), "Via: SIP/2.0/UDP a.example;received=192.0.2.4");
    assert_eq!(response_vias("Via: SIP/2.0/UDP 192.0.2.5", "[2001:db8::1]:9"), "Via: SIP/2.0/UDP 192.0.2.5;received=2001:db8::1");
    // RFC 3581 §4: both, even if the source is sent-by.
    assert_eq!(
        response_vias("Via: SIP/2.0/UDP 192.0.2.4;rport;branch=1", "192.0.2.4:9"),
        "Via: SIP/2.0/UDP 192.0.2.4;branch=1;received=192.0.2.4;rport=9"
    );
}

#[test]
fn what_a_sender_says_of_its_own_source_is_not_believed() {
    assert_eq!(
        response_vias("Via: SIP/2.0/UDP a.example;received=203.0.113.9;rport=1;branch=1", "192.0.2.4:9"),
        "Via: SIP/2.0/UDP a.example;branch=1;received=192.0.2.4;rport=9"
    );
    assert_eq!(response_vias("Via: SIP/2.0/UDP 192.0.2.4;received=203.0.113.9", "192.0.2.4:9"), "Via: SIP/2.0/UDP 192.0.2.4");
}

#[test]
fn only_the_first_item_of_the_first_line_is_stamped() {
    assert_eq!(
        response_vias(
            "Via: SIP / 2.0 / UDP\r\n a.example : 5061 ;rport , SIP/2.0/TCP b.example;rport\r\nv: SIP/2.0/TLS c.example",
            "192.0.2.4:9"
        ),
        "Via: SIP/2.0/UDP a.example : 5061;received=192.0.2.4;rport=9 , SIP/2.0/TCP b.example;rport\nVia: SIP/2.0/TLS c.example"
    );
}

#[test]
fn no_value_can_add_a_line() {
    let mut printer = Printer::request("OPTIONS", "sip:a@b\r\nEvil: 1");
    printer.header(HeaderName::Subject, "one\r\nEvil: 2\n\rEvil: 3").header_str(HeaderName::UserAgent, "x\nEvil: 4\r");
    printer.header_raw("X\r\nEvil: 5", "y");
    let bytes = printer.finish_with_body("a/b\r\nEvil: 6\r\n\r\n", b"");
    let message = Message::parse(bytes).unwrap();
    assert!(message.headers().all(|header| header.raw_name != "Evil"));
}

#[test]
fn unknown_headers_keep_their_order_their_case_and_their_place() {
    let original = "INVITE sip:a@b SIP/2.0\r\nx-FIRST: 1\r\nv: SIP/2.0/UDP c\r\nX-First: \"2\\\"\" , 3\r\nP-Thing:\r\nM: <sip:d@e>\r\n\
        X-Folded: a\r\n\tb,\r\n   c\r\nX-Last: \u{6771}\r\n\r\n";
    let message = parse(original);
    let mut printer = Printer::request(message.method_token(), message.uri());
    for header in message.headers() {
        printer.copy(header);
    }
    let expected = original.replace("P-Thing:\r\n", "P-Thing: \r\n").replace("a\r\n\tb,\r\n   c", "a b, c");
    let expected = expected.replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(text(&printer.finish()), expected);
}

#[test]
fn all_lines_of_one_name_are_copied_in_order() {
    let message = parse("INVITE sip:a@b SIP/2.0\r\nrecord-route: <sip:1;lr>,<sip:2;lr>\r\nX: y\r\nRecord-Route: <sip:3;lr>\r\n\r\n");
    let mut printer = Printer::response(200, "OK");
    printer.copy_all(&message, HeaderName::RecordRoute);
    let expected = "SIP/2.0 200 OK\r\nRecord-Route: <sip:1;lr>,<sip:2;lr>\r\nRecord-Route: <sip:3;lr>\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(text(&printer.finish()), expected);
}
