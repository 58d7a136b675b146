//! Where media goes and whence it is taken: `c=`, address families, NAT.

use crate::negotiation_support::*;
use tandem_model::{Codec, SourceRule};
use tandem_signalling::negotiation::{LegMedia, translate_answer};

#[test]
fn the_line_of_the_audio_goes_before_that_of_the_session() {
    let (mut a, mut b) = legs();
    let offered = caller() + "c=IN IP4 192.0.2.77\r\n";
    let (ours, settled) = exchange(&offered, &called(), &mut a, &mut b);
    assert_eq!(lines(&ours, "c="), ["c=IN IP4 10.0.0.2"]);
    let from = settled.describe_from.unwrap();
    assert_eq!(from.rtp, Some("192.0.2.77:4000".parse().unwrap()));
    assert_eq!(from.source, SourceRule::Described("192.0.2.77".parse().unwrap()));
}

#[test]
fn one_side_may_speak_ipv6_and_the_other_ipv4() {
    let mut a = LegMedia::new(&Codec::ALL, true, None, 5);
    a.set_local(endpoint("2001:db8::5", 20000));
    let mut b = leg(2, 20004, &Codec::ALL);
    let offered = sdp("2001:db8::10", "m=audio 4000 RTP/AVP 0\n");
    let (ours, settled) = exchange(&offered, &called(), &mut a, &mut b);
    assert_eq!(lines(&ours, "c="), ["c=IN IP4 10.0.0.2"]);
    let answer = text(&settled.answer);
    assert_eq!((lines(answer, "c="), lines(answer, "o=")), (vec!["c=IN IP6 2001:db8::5"], vec!["o=- 5 1 IN IP6 2001:db8::5"]));
    assert_eq!(settled.describe_from.unwrap().rtp, Some("[2001:db8::10]:4000".parse().unwrap()));
}

#[test]
fn addresses_that_cannot_be_sent_to_are_refused_with_the_reason() {
    let cases = [
        ("IN IP4 phone.example.com", (488, 301)),
        ("IN IP6 2001:db8::10", (488, 301)),
        ("IN IP4 224.2.1.1/127", (488, 330)),
        ("IN IP4 255.255.255.255", (488, 330)),
        ("IN IP4", (488, 399)),
        ("ATM NSAP 47", (488, 399)),
        ("IN IP4 [::1]", (488, 399)),
    ];
    for (connection, expected) in cases {
        let offered = caller().replace("c=IN IP4 192.0.2.10", &format!("c={connection}"));
        assert_eq!(code(&refused_offer(&offered)), expected, "{connection}");
        let answered = called().replace("c=IN IP4 198.51.100.7", &format!("c={connection}"));
        assert_eq!(code(&refused_answer(&caller(), &answered)), expected, "{connection}");
    }
    assert_eq!(code(&refused_offer(&caller().replace("c=IN IP4 192.0.2.10\r\n", ""))), (488, 399));
}

#[test]
fn behind_nat_the_host_of_the_signalling_counts() {
    let host = "203.0.113.9".parse().unwrap();
    let mut a = LegMedia::new(&Codec::ALL, true, Some(host), 5);
    a.set_local(endpoint("10.0.0.1", 20000));
    let mut b = leg(2, 20004, &Codec::ALL);
    let (_, settled) = exchange(&caller(), &called(), &mut a, &mut b);
    let from = settled.describe_from.unwrap();
    assert_eq!(from.source, SourceRule::Host(host));
    assert_eq!(from.rtp, Some("192.0.2.10:4000".parse().unwrap()), "until packets show better");
    assert_eq!(settled.describe_to.unwrap().source, SourceRule::Described("198.51.100.7".parse().unwrap()));
}

#[test]
fn without_ports_nothing_is_offered() {
    let (mut a, mut b) = (LegMedia::new(&Codec::ALL, true, None, 5), leg(2, 20004, &Codec::ALL));
    assert_eq!(translate_offer(caller().as_bytes(), &mut a, &mut b).unwrap_err().status, 500);
    assert_eq!(translate_offer(caller().as_bytes(), &mut b, &mut a).unwrap_err().status, 500);
}

#[test]
fn a_new_address_in_a_session_is_described_anew() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let moved = caller().replace("192.0.2.10", "192.0.2.20").replace("4000", "4444");
    let pending = offer(&moved, &mut a, &mut b);
    let settled = translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    let from = settled.describe_from.unwrap();
    assert_eq!(from.rtp, Some("192.0.2.20:4444".parse().unwrap()));
    assert_eq!(from.source, SourceRule::Described("192.0.2.20".parse().unwrap()));
    // Nothing that b sees has changed.
    assert_eq!(version(text(pending.sdp())), 1);
}
