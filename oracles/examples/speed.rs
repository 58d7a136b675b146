//! How long each parser takes for one INVITE and one description: the figures of docs/dependencies.md.
//!
//! `cargo run --release --example speed` in this folder. The minimum of many runs, as the machine has other things to do.

use bytes::Bytes;
use std::{hint::black_box, time::Instant};
use tandem_signalling::{
    message::{HeaderName, Message, Printer},
    sdp::Description,
};

const RUNS: usize = 25;
const ROUNDS: usize = 2000;

const SDP: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n\
    m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn invite() -> Vec<u8> {
    let headers = "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9;rport\r\nMax-Forwards: 70\r\n\
        From: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\nTo: Bob <sip:bob@biloxi.example.com>\r\n\
        Call-ID: 3848276298220188511@atlanta.example.com\r\nCSeq: 2 INVITE\r\n\
        Contact: <sip:alice@client.atlanta.example.com;transport=udp>\r\nAllow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY\r\n\
        Supported: replaces, timer\r\nUser-Agent: Example Phone 1.2.3\r\nContent-Type: application/sdp\r\n";
    format!("{headers}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}

/// Nanoseconds for one call of `work`.
fn nanoseconds(mut work: impl FnMut()) -> u128 {
    let mut round = || {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        began.elapsed().as_nanos() / ROUNDS as u128
    };
    (0..RUNS).map(|_| round()).min().unwrap_or_default()
}

/// The message from its parts, header by header.
fn write(message: &Message) -> Bytes {
    let mut printer = Printer::request(message.method_token(), message.uri());
    let ours = [HeaderName::ContentType, HeaderName::ContentLength];
    message.headers().filter(|header| !ours.contains(&header.name)).for_each(|header| {
        printer.copy(header);
    });
    printer.finish_with_body("application/sdp", message.body())
}

fn main() {
    let text = invite();
    let bytes = Bytes::copy_from_slice(&text);
    println!("an INVITE of {} bytes, nanoseconds to parse", text.len());
    println!("  tandem                     {:6}", nanoseconds(|| drop(black_box(Message::parse(bytes.clone())))));
    println!("  rsip                       {:6}", nanoseconds(|| drop(black_box(rsip::SipMessage::try_from(text.as_slice())))));
    println!("  rsipstack                  {:6}", nanoseconds(|| drop(black_box(rsipstack::sip::SipMessage::try_from(text.as_slice())))));
    println!("  rvoip-sip-core             {:6}", nanoseconds(|| drop(black_box(rvoip_sip_core::parse_message(&text)))));
    println!("and to write it again");
    let message = Message::parse(bytes.clone()).expect("well-formed");
    println!("  tandem                     {:6}", nanoseconds(|| drop(black_box(write(&message)))));
    let other = rsip::SipMessage::try_from(text.as_slice()).expect("well-formed");
    println!("  rsip                       {:6}", nanoseconds(|| drop(black_box(other.to_string()))));
    let other = rsipstack::sip::SipMessage::try_from(text.as_slice()).expect("well-formed");
    println!("  rsipstack                  {:6}", nanoseconds(|| drop(black_box(other.to_string()))));
    let other = rvoip_sip_core::parse_message(&text).expect("well-formed");
    println!("  rvoip-sip-core             {:6}", nanoseconds(|| drop(black_box(other.to_bytes()))));
    println!("and to read what a call needs of it as well (as the tests do, with a map of strings)");
    println!("  tandem                     {:6}", nanoseconds(|| drop(black_box((tandem_oracles::OURS.message)(&text)))));
    for other in &tandem_oracles::OTHERS {
        println!("  {:26} {:6}", other.name, nanoseconds(|| drop(black_box((other.message)(&text)))));
    }
    println!("a description of {} bytes, nanoseconds to parse", SDP.len());
    println!("  tandem                     {:6}", nanoseconds(|| drop(black_box(Description::parse(SDP.as_bytes())))));
    println!("  sdp-types                  {:6}", nanoseconds(|| drop(black_box(sdp_types::Session::parse(SDP.as_bytes())))));
}
