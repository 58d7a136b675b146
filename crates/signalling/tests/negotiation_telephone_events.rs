//! Telephone events ride beside the codecs, at their clock, with the events they name.

mod negotiation_support;

use negotiation_support::*;
use tandem_model::{Across, Codec};

const BOTH: &str = "m=audio 4000 RTP/AVP 111 0 101 102\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\n\
    a=fmtp:101 0-16\na=rtpmap:102 telephone-event/48000\na=fmtp:102 0-15,66\n";

fn offered_to(allowed: &[Codec], media: &str) -> String {
    let (mut a, mut b) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, allowed));
    text(offer(&sdp("192.0.2.10", media), &mut a, &mut b).sdp()).to_owned()
}

#[test]
fn both_clocks_pass_beside_both_codecs() {
    let ours = offered_to(&Codec::ALL, BOTH);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 111 0 101 102");
    assert_eq!(lines(&ours, "a=fmtp:10"), ["a=fmtp:101 0-16", "a=fmtp:102 0-15,66"]);
}

#[test]
fn events_go_when_the_codecs_of_their_clock_go() {
    assert_eq!(audio(&offered_to(&[Codec::Pcmu], BOTH)), "m=audio 20004 RTP/AVP 0 101");
    assert_eq!(audio(&offered_to(&[Codec::Opus], BOTH)), "m=audio 20004 RTP/AVP 111 102");
}

#[test]
fn events_are_not_made_up() {
    assert_eq!(audio(&offered_to(&Codec::ALL, "m=audio 4000 RTP/AVP 0\n")), "m=audio 20004 RTP/AVP 0");
}

#[test]
fn the_only_events_stay_even_beside_another_clock() {
    let media = "m=audio 4000 RTP/AVP 111 0 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    let ours = offered_to(&[Codec::Opus], media);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 111 101");
    assert_eq!(lines(&ours, "a=rtpmap:101"), ["a=rtpmap:101 telephone-event/8000"]);
}

#[test]
fn clocks_that_no_codec_of_ours_has_are_dropped() {
    let media = "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/16000\n";
    assert_eq!(audio(&offered_to(&Codec::ALL, media)), "m=audio 20004 RTP/AVP 0");
}

#[test]
fn the_answer_says_which_events_the_other_side_takes() {
    let (mut a, mut b) = legs();
    let answered = "m=audio 6000 RTP/AVP 0 97\na=rtpmap:97 telephone-event/8000\na=fmtp:97 0-11\n";
    let (_, settled) = exchange(&sdp("192.0.2.10", BOTH), &sdp("198.51.100.7", answered), &mut a, &mut b);
    let answer = text(&settled.answer);
    assert_eq!((audio(answer), lines(answer, "a=fmtp")), ("m=audio 20000 RTP/AVP 0 101", vec!["a=fmtp:101 0-11"]));
    let rules = settled.describe_from.unwrap().payloads;
    assert_eq!(
        rules.iter().map(|rule| (rule.from, rule.across, rule.clock_rate)).collect::<Vec<_>>(),
        [(0, Across::As(0), 8000), (101, Across::As(97), 8000)]
    );
}
