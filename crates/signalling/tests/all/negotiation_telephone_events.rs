//! Telephone events ride beside the codecs, at their clock, with the events they name.

use crate::negotiation_support::*;
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

/// Our offer to the called side and our answer to the caller, of each the `m=` line; and how the events of the caller and of the called side go on.
type Exchanged = (String, String, Vec<(u8, Across)>, Vec<(u8, Across)>);

fn said_again(a: &[Codec], b: &[Codec], offered: &str, answered: &str) -> Exchanged {
    let (mut a, mut b) = (leg(1, 20000, a), leg(2, 20004, b));
    a.allow_transcoding(true);
    b.allow_transcoding(true);
    let (ours, settled) = exchange(&sdp("192.0.2.10", offered), &sdp("198.51.100.7", answered), &mut a, &mut b);
    let events = |description: Option<Box<tandem_model::EndpointDescription>>| {
        let rules = description.map(|description| description.payloads).unwrap_or_default();
        rules.iter().filter(|rule| rule.from > 100 && rule.from != 111).map(|rule| (rule.from, rule.across)).collect()
    };
    let (from, to) = (events(settled.describe_from), events(settled.describe_to));
    (audio(&ours).to_owned(), audio(text(&settled.answer)).to_owned(), from, to)
}

const fn crossing(number: u8, clock_khz: u8) -> Across {
    Across::Event { number, clock_khz }
}

#[test]
fn opus_beside_g711_has_events_by_its_own_clock_and_they_cross() {
    let offered = "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-11\n";
    let answered = "m=audio 6000 RTP/AVP 96 110\na=rtpmap:96 opus/48000/2\na=rtpmap:110 telephone-event/48000\na=fmtp:110 0-15\n";
    let (ours, answer, from, to) = said_again(&[Codec::Pcmu], &[Codec::Opus], offered, answered);
    assert_eq!(ours, "m=audio 20004 RTP/AVP 96 97 101", "and those of the caller, for phones that have no others");
    assert_eq!(answer, "m=audio 20000 RTP/AVP 0 101");
    assert_eq!(from, [(101, crossing(110, 48))]);
    assert_eq!(to, [(110, crossing(101, 8))], "under its own number, which no offer of ours has another meaning for");
}

#[test]
fn g711_beside_opus_likewise() {
    let offered = "m=audio 4000 RTP/AVP 111 102\na=rtpmap:111 opus/48000/2\na=rtpmap:102 telephone-event/48000\na=fmtp:102 0-15,66\n";
    let answered = "m=audio 6000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\n";
    let (ours, answer, from, to) = said_again(&[Codec::Opus], &[Codec::Pcma], offered, answered);
    assert_eq!((&ours[..], &answer[..]), ("m=audio 20004 RTP/AVP 8 96", "m=audio 20000 RTP/AVP 111 102"));
    assert_eq!((from, to), (vec![(102, crossing(96, 8))], vec![]));
}

#[test]
fn the_offered_events_say_what_those_of_the_other_clock_say() {
    let (mut a, mut b) = (leg(1, 20000, &[Codec::Pcmu]), leg(2, 20004, &[Codec::Opus]));
    a.allow_transcoding(true);
    b.allow_transcoding(true);
    let offered = "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-11\n";
    let pending = offer(&sdp("192.0.2.10", offered), &mut a, &mut b);
    let ours = text(pending.sdp());
    assert_eq!(lines(ours, "a=rtpmap:97"), ["a=rtpmap:97 telephone-event/48000"]);
    assert_eq!(lines(ours, "a=fmtp:97"), ["a=fmtp:97 0-11"]);
}

#[test]
fn who_has_both_clocks_is_told_that_of_what_it_speaks() {
    let answered = "m=audio 6000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n";
    let (_, answer, from, to) = said_again(&[Codec::Opus], &[Codec::Pcma], BOTH, answered);
    assert_eq!(answer, "m=audio 20000 RTP/AVP 111 102");
    assert_eq!((from, to), (vec![(102, crossing(101, 8))], vec![(101, crossing(102, 48))]));
}

#[test]
fn nobody_gets_events_where_the_other_has_none() {
    let offered = "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n";
    let answered = "m=audio 6000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n";
    let (_, answer, from, to) = said_again(&[Codec::Pcmu], &[Codec::Opus], offered, answered);
    assert_eq!(answer, "m=audio 20000 RTP/AVP 0");
    assert_eq!((from, to), (vec![], vec![]));
    let (ours, ..) = said_again(&[Codec::Pcmu], &[Codec::Opus], "m=audio 4000 RTP/AVP 0\n", answered);
    assert_eq!(ours, "m=audio 20004 RTP/AVP 96");
}
