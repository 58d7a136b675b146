//! What holds for every message, whatever its outcome.

use crate::corpus::all;
use crate::outcome::outcome;
use bytes::Bytes;
use tandem_signalling::message::{HeaderName, Message, Method, Printer, Uri, screen};

#[test]
fn every_message_can_be_looked_at_all_over() {
    for (name, bytes) in all() {
        let Ok(message) = Message::parse(bytes) else { continue };
        let lines = message.headers().count();
        let _ = (message.method_token(), message.status(), message.reason(), message.from(), message.to(), message.contact());
        let _ = (message.via(), message.cseq(), message.max_forwards(), message.sdp_body(), Uri::parse(message.uri()));
        let known = message.headers().filter(|header| header.name == HeaderName::Via).count();
        assert!(known <= lines && message.values(HeaderName::Via).count() >= known, "{name}");
        assert!(message.headers().all(|header| header.unfolded().len() <= header.value.len()), "{name}");
    }
}

#[test]
fn every_message_cut_anywhere_is_still_only_an_error() {
    for (_, bytes) in all() {
        for end in 0..bytes.len() {
            let _ = outcome(bytes.slice(..end));
        }
    }
}

#[test]
fn an_exact_copy_has_the_same_outcome() {
    for (name, bytes) in all() {
        let (expected, Some(message)) = outcome(bytes) else { continue };
        let copy = message.clone().into_exact();
        assert_eq!(copy.body(), message.body(), "{name}");
        assert!(copy.headers().eq(message.headers()), "{name}");
        assert_eq!(screen(&copy).is_ok(), screen(&message).is_ok(), "{name}");
        // What was cut off may have been what was wrong, but nothing new can be.
        assert_eq!(outcome(copy.bytes().clone()).0, expected, "{name}");
    }
}

#[test]
fn every_request_with_a_via_gets_an_answer_that_can_be_read() {
    for (name, bytes) in all() {
        let (_, Some(request)) = outcome(bytes) else { continue };
        let answerable = request.is_request() && request.method() != Method::Ack && request.header(HeaderName::Via).is_some();
        if !answerable {
            continue;
        }
        let Err(rejection) = screen(&request) else { continue };
        let source = "203.0.113.9:5099".parse().unwrap();
        let bytes = Printer::response_to(&request, source, rejection.status, &rejection.reason, Some("tag")).finish();
        let response = Message::parse(bytes).unwrap();
        assert_eq!(response.status(), rejection.status, "{name}");
        assert_eq!(response.call_id(), request.call_id(), "{name}");
        assert_eq!(response.header(HeaderName::ContentLength), Some("0"), "{name}");
    }
}

#[test]
fn printing_all_headers_again_keeps_order_case_and_meaning() {
    for (name, bytes) in all() {
        let (expected, Some(message)) = outcome(bytes) else { continue };
        if message.defect().is_some() || !message.is_request() {
            continue;
        }
        let mut printer = Printer::request(message.method_token(), message.uri());
        for header in message.headers().filter(|header| header.name != HeaderName::ContentLength && header.name != HeaderName::ContentType)
        {
            printer.copy(header);
        }
        let content_type = message.header(HeaderName::ContentType).unwrap_or("text/plain");
        let again = Message::parse(printer.finish_with_body(content_type, message.body())).unwrap();
        let kept = |message: &Message| -> Vec<(String, String)> {
            let body = [HeaderName::ContentLength, HeaderName::ContentType];
            let kept = message.headers().filter(|header| !body.contains(&header.name));
            kept.map(|header| (header.raw_name.to_owned(), header.unfolded().into_owned())).collect()
        };
        assert_eq!(kept(&again), kept(&message), "{name}");
        assert_eq!(again.body(), message.body(), "{name}");
        assert_eq!(again.defect(), None, "{name}");
        if message.header(HeaderName::ContentType).is_some() {
            assert_eq!(outcome(Bytes::copy_from_slice(again.bytes())).0, expected, "{name}");
        }
    }
}
