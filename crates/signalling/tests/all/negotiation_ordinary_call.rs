//! An ordinary audio call: one offer, one answer, through our ports.

use crate::negotiation_support::*;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tandem_model::{Across, Carries, Codec, PayloadRule, SourceRule};
use tandem_signalling::negotiation::translate_answer;

const OFFER: &str = "v=0\r\no=alice 53655765 2353687637 IN IP4 192.0.2.10\r\ns=call\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\n";
const ANSWER: &str = "v=0\r\no=bob 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:30\r\n";

#[test]
fn the_offer_goes_on_with_our_origin_and_address() {
    let (mut a, mut b) = legs();
    screen_offer(OFFER.as_bytes(), &Codec::ALL, &Codec::ALL, true).unwrap();
    let pending = translate_offer(OFFER.as_bytes(), &mut a, &mut b).unwrap();
    assert_eq!(
        text(pending.sdp()),
        "v=0\r\no=- 2000 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 20004 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

#[test]
fn the_answer_comes_back_and_media_is_described() {
    let (mut a, mut b) = legs();
    let pending = translate_offer(OFFER.as_bytes(), &mut a, &mut b).unwrap();
    let settled = translate_answer(&pending, ANSWER.as_bytes(), &mut a, &mut b).unwrap();
    assert_eq!(
        text(&settled.answer),
        "v=0\r\no=- 1000 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:30\r\na=sendrecv\r\n"
    );
    assert_eq!(settled.codec, Some(Codec::Pcmu));
    assert!(!settled.from_holds && !settled.to_holds);

    let (caller, called) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
    let caller_host = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
    assert_eq!(caller.rtp, Some(SocketAddr::new(caller_host, 4000)));
    assert_eq!(caller.rtcp, Some(SocketAddr::new(caller_host, 4001)));
    assert_eq!(caller.source, SourceRule::Described(caller_host));
    assert!(caller.receives && !caller.held && !caller.rtcp_mux);
    let rule = |from, carries, across| PayloadRule { from, carries, across, clock_rate: 8000 };
    let sound = |across| rule(0, Carries::Sound(Codec::Pcmu), across);
    let event = rule(101, Carries::Event, Across::As(101));
    assert_eq!(*caller.payloads, [sound(Across::As(0)), event]);
    assert_eq!(called.rtp, Some("198.51.100.7:6000".parse().unwrap()));
    assert_eq!(*called.payloads, [sound(Across::As(0)), event]);
}
