//! What becomes of `a=ptime` where the two sides want packets of different lengths (RFC 8866 §6.4).

mod negotiation_support;

use negotiation_support::*;
use tandem_model::{Across, Codec};

/// How what each leg says in its first codec, and its events, reach the other: of who offered, of who answered.
fn across(offered: &str, answered: &str) -> [Vec<Across>; 2] {
    let (mut a, mut b) = legs();
    let media = |port: u16, lines: &str| format!("m=audio {port} RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n{lines}");
    let (_, settled) = exchange(&sdp("192.0.2.10", &media(4000, offered)), &sdp("198.51.100.7", &media(6000, answered)), &mut a, &mut b);
    [settled.describe_from, settled.describe_to]
        .map(|described| described.iter().flat_map(|leg| &leg.payloads).map(|rule| rule.across).collect())
}

const AS_IT_IS: [Across; 2] = [Across::As(0), Across::As(101)];

fn packed(least_ms: u8, most_ms: u8) -> [Across; 2] {
    [Across::Packed { number: 0, least_ms, most_ms }, Across::As(101)]
}

#[test]
fn where_both_ask_for_the_same_or_nobody_asks_packets_go_on_as_they_are() {
    for both in ["", "a=ptime:20\n", "a=ptime:30\na=maxptime:60\n", "a=maxptime:150\n"] {
        assert_eq!(across(both, both), [AS_IT_IS, AS_IT_IS], "{both}");
    }
}

#[test]
fn who_asks_gets_what_it_asked_for() {
    assert_eq!(across("a=ptime:20\n", "a=ptime:30\n"), [packed(30, 30), packed(20, 20)]);
    assert_eq!(across("a=ptime:20\n", ""), [AS_IT_IS.to_vec(), packed(20, 20).to_vec()]);
    assert_eq!(across("a=ptime:60\n", "a=maxptime:40\n"), [packed(0, 40), packed(60, 60)]);
}

#[test]
fn opus_is_not_cut() {
    let (mut a, mut b) = legs();
    let media = |port: u16, ms: u16| format!("m=audio {port} RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=ptime:{ms}\n");
    let (_, settled) = exchange(&sdp("192.0.2.10", &media(4000, 20)), &sdp("198.51.100.7", &media(6000, 40)), &mut a, &mut b);
    assert_eq!(settled.codec, Some(Codec::Opus));
    assert_eq!(settled.describe_from.unwrap().payloads[0].across, Across::As(111));
}
