//! A datagram as a SIP message.

use bytes::Bytes;
use std::net::{Ipv4Addr, SocketAddr};
use tandem_signalling::message::{
    CSeq, Contact, Header, HeaderName, MediaType, Message, NameAddr, Printer, Uri, Via, accepts, parts, screen, unreadable_body,
    unsupported_encodings, unsupported_extensions,
};

/// Where messages come from.
const SOURCE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);

/// A message that can be read at all can be asked for everything, can be answered, and comes back the same when its lines are
/// copied: the same headers with the same values, and the same bytes the second time.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(bytes)) else { return };
    ask(&message);
    answer(&message);
    copy(&message);
    let exact = message.clone().into_exact();
    // What follows the body is left behind.
    assert!(message.bytes().starts_with(exact.bytes()) && exact.body() == message.body(), "an exact copy differs");
}

fn ask(message: &Message) {
    let length = message.bytes().len();
    for header in message.headers() {
        assert!(header.unfolded().len() <= header.value.len(), "a value grew: {header:?}");
        assert!(!header.unfolded().contains(['\r', '\n']), "a line end in {header:?}");
        assert!(message.header(header.name).is_some(), "{header:?} is not found by its name");
    }
    for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CSeq, HeaderName::Contact] {
        for item in message.values(name) {
            let _ = (Via::parse(item), NameAddr::parse(item), Contact::parse(item), CSeq::parse(item), MediaType::parse(item));
        }
    }
    let errors = [message.from().err(), message.to().err(), message.via().err(), message.cseq().err(), message.contact().err()];
    assert!(errors.into_iter().flatten().all(|error| error.position <= length), "an error outside of the message");
    if let Err(rejection) = screen(message) {
        assert!(rejection.position <= length && (400..600).contains(&rejection.status), "an odd rejection: {rejection:?}");
    }
    if let Some(kind) = message.content_type() {
        let is_inside = |end: usize| end <= message.body().len();
        assert!(parts(kind, message.body()).all(|part| is_inside(part.content.end)), "a part outside of the body");
    }
    if let Some(range) = message.sdp_range() {
        assert_eq!(message.sdp_body(), message.body().get(range), "the description is not where it is said to be");
    }
    let _ = (message.max_forwards(), message.reason(), Uri::parse(message.uri()), message.record_routes().count());
    let _ = (message.from_tag(), message.to_tag(), message.branch(), message.call_id());
    let _ = (unreadable_body(message), unsupported_encodings(message), unsupported_extensions(message, &["timer"]).count());
    let _ = accepts(message, "application", "sdp");
}

fn answer(message: &Message) {
    let response = Printer::response_to(message, SOURCE, 400, "Bad Request", Some("x")).finish();
    let response = Message::parse(response);
    assert!(response.as_ref().is_ok_and(|response| response.status() == 400), "the answer cannot be read: {response:?}");
}

fn copy(message: &Message) {
    if message.defect().is_some() {
        return;
    }
    let once = printed(message);
    let ours = |header: &Header<'_>| header.name != HeaderName::ContentLength;
    let values = |header: Header<'_>| (header.name, header.raw_name.to_owned(), header.unfolded().into_owned());
    assert!(
        once.headers().filter(ours).map(values).eq(message.headers().filter(ours).map(values)),
        "headers changed: {message:?} became {once:?}"
    );
    assert_eq!(printed(&once).bytes(), once.bytes(), "the second copy differs from the first");
}

/// All header lines of a message in a new one, without its body.
fn printed(message: &Message) -> Message {
    let mut printer = match message.is_request() {
        true => Printer::request(message.method_token(), message.uri()),
        false => Printer::response(message.status(), message.reason()),
    };
    for header in message.headers().filter(|header| header.name != HeaderName::ContentLength) {
        printer.copy(header);
    }
    let bytes = printer.finish();
    let again = Message::parse(bytes.clone());
    assert!(again.as_ref().is_ok_and(|again| again.defect().is_none()), "a copy cannot be read: {bytes:?}");
    again.unwrap_or_else(|_| unreachable!("it was read"))
}
