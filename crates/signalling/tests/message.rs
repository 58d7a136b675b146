//! Messages in and out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use tandem_signalling::message::{Contact, HeaderName, Message, Method, Printer, screen};

const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.example.com:5062;branch=z9hG4bKnashds8;rport\r\n\
    Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx, SIP/2.0/TCP a.example\r\n\
    Max-Forwards: 70\r\n\
    t: Bob <sip:bob@biloxi.example.com>\r\n\
    From: \"Alice, \\\"A\\\"\" <sip:alice@atlanta.example.com;x=y>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710\r\n\
    CSeq: 314159 INVITE\r\n\
    X-Custom: one,\r\n  two\r\n\
    Contact: <sip:alice@pc33.atlanta.example.com>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\r\nv=0\nrest";

fn parse(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

#[test]
fn a_request_is_read() {
    let message = parse(INVITE);
    screen(&message).unwrap();
    assert_eq!((message.method(), message.uri(), message.status()), (Method::Invite, "sip:bob@biloxi.example.com", 0));
    assert_eq!(message.from().unwrap().tag(), Some("1928301774"));
    assert_eq!(message.from().unwrap().display_name().as_deref(), Some("Alice, \"A\""));
    assert_eq!(message.from().unwrap().uri, "sip:alice@atlanta.example.com;x=y");
    assert_eq!(message.to().unwrap().tag(), None);
    assert_eq!(message.cseq().unwrap().number, 314159);
    assert_eq!(message.max_forwards(), Some(Ok(70)));
    let via = message.via().unwrap();
    assert_eq!(
        (via.transport, via.host, via.port, via.branch(), via.rport()),
        ("UDP", "pc33.atlanta.example.com", Some(5062), Some("z9hG4bKnashds8"), Some(None))
    );
    assert_eq!(message.values(HeaderName::Via).count(), 3);
    assert_eq!(message.body(), b"v=0\n");
    assert_eq!(message.sdp_body(), Some(&b"v=0\n"[..]));
    assert!(matches!(message.contact(), Ok(Some(Contact::Address(address))) if address.uri == "sip:alice@pc33.atlanta.example.com"));
}

#[test]
fn a_response_copies_what_it_must() {
    let message = parse(INVITE);
    let bytes = Printer::response_to(&message, "192.0.2.4:9999".parse().unwrap(), 180, "Ringing", Some("77")).finish();
    let expected = "SIP/2.0 180 Ringing\r\n\
        Via: SIP/2.0/UDP pc33.atlanta.example.com:5062;branch=z9hG4bKnashds8;received=192.0.2.4;rport=9999\r\n\
        Via: SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKx, SIP/2.0/TCP a.example\r\n\
        From: \"Alice, \\\"A\\\"\" <sip:alice@atlanta.example.com;x=y>;tag=1928301774\r\n\
        To: Bob <sip:bob@biloxi.example.com>;tag=77\r\n\
        Call-ID: a84b4c76e66710\r\n\
        CSeq: 314159 INVITE\r\n\
        Content-Length: 0\r\n\r\n";
    assert_eq!(std::str::from_utf8(&bytes).unwrap(), expected);
}
