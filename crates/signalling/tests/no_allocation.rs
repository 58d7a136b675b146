//! Reading a message allocates nothing.

#![allow(unsafe_code, reason = "an allocator that counts can only be written so; it hands every call on to the system's")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use tandem_signalling::message::{Contact, HeaderName, Message, Uri, Via, screen, unsupported_extensions};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

const INVITE: &str = "INVITE sip:+4930901820@tandem.example:5060;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bK-524287-1---6f8b;rport\r\n\
    Via: SIP/2.0/UDP [2001:db8::7]:5070;branch=z9hG4bKcore1;received=192.0.2.77\r\n\
    Record-Route: <sip:198.51.100.10;lr>, <sip:core.example.net;lr;ftag=x1>\r\n\
    Max-Forwards: 69\r\n\
    From: \"Anna \\\"A\\\" Beispiel\" <sip:+49301234567@example.com;user=phone>;tag=a7f3c2\r\n\
    To: <sip:+4930901820@tandem.example>\r\n\
    Call-ID: 3848276298220188511@198.51.100.10\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:+49301234567@198.51.100.10:5060;transport=udp>\r\n\
    Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n\
    Supported: timer, 100rel,\r\n replaces\r\n\
    Session-Expires: 1800\r\n\
    X-Unknown: kept, too\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 12\r\n\r\nv=0\r\no=- 1 1";

#[test]
fn parsing_and_reading_an_invite_allocates_nothing() {
    let bytes = Bytes::from_static(INVITE.as_bytes());
    let count = allocations(|| {
        let message = Message::parse(black_box(bytes)).unwrap();
        screen(&message).unwrap();
        let _ = black_box((message.method(), message.uri(), message.call_id(), message.max_forwards()));
        let _ = black_box((message.from().unwrap().tag(), message.to().unwrap().tag(), message.cseq().unwrap().number));
        let via = message.via().unwrap();
        let _ = black_box((via.branch(), via.rport(), via.received(), via.address()));
        for item in message.values(HeaderName::Via) {
            black_box(Via::parse(item).unwrap());
        }
        let Ok(Some(Contact::Address(contact))) = message.contact() else { return };
        let uri = Uri::parse(contact.uri).unwrap();
        let _ = black_box((uri.user_unescaped(), uri.transport(), uri.equivalent(&Uri::parse(message.uri()).unwrap())));
        black_box((message.record_routes().count(), message.values(HeaderName::Route).count(), message.headers().count()));
        black_box((message.sdp_body(), unsupported_extensions(&message, &[]).count()));
        black_box(message.clone());
    });
    assert_eq!(count, 0);
}

#[test]
fn a_refusal_is_found_without_allocating_until_it_is_put_into_words() {
    let bytes = Bytes::from_static(b"INVITE sip:a@b SIP/7.0\r\nVia: x\r\n\r\n");
    let count = allocations(|| {
        let message = Message::parse(black_box(bytes)).unwrap();
        assert_eq!(screen(&message).unwrap_err().status, 505);
    });
    assert_eq!(count, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7)))), 1);
}
