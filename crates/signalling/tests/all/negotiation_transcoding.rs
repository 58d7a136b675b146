//! Two legs that have no codec in common, or choose none: what one says is said to the other again.

use crate::negotiation_support::*;
use tandem_model::{Across, Codec, EndpointDescription, PacketTimes, Speech};
use tandem_signalling::negotiation::{LegMedia, Passage, join_answer, translate_answer};

const OPUS: &str = "m=audio 4000 RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\na=fmtp:111 maxplaybackrate=16000\n\
                    a=rtpmap:101 telephone-event/8000\na=ptime:40\n";
const A_LAW: &str = "m=audio 6000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n";

/// To a leg that has events as 101 at 8 kHz.
const EVENT: Across = Across::Event { number: 101, clock_khz: 8 };

/// Two legs that allow it.
fn legs_of(a: &[Codec], b: &[Codec]) -> (LegMedia, LegMedia) {
    let (mut a, mut b) = (leg(1, 20000, a), leg(2, 20004, b));
    a.allow_transcoding(true);
    b.allow_transcoding(true);
    (a, b)
}

fn across(description: &EndpointDescription) -> Vec<(u8, Across)> {
    description.payloads.iter().map(|rule| (rule.from, rule.across)).collect()
}

#[test]
fn a_leg_is_offered_what_its_trunk_allows_and_first_what_the_other_has_too() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &[Codec::G722, Codec::Opus, Codec::Pcma]);
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n");
    let pending = offer(&offered, &mut a, &mut b);
    let ours = text(pending.sdp());
    assert_eq!(audio(ours), "m=audio 20004 RTP/AVP 8 9 96 101 97");
    assert_eq!(lines(ours, "a=rtpmap:97"), ["a=rtpmap:97 telephone-event/48000"], "Opus has events by its own clock");
    assert_eq!(lines(ours, "a=fmtp:96"), ["a=fmtp:96 useinbandfec=1"], "what we hear ourselves we can repair");
}

#[test]
fn where_nothing_is_in_common_each_speaks_its_own() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &[Codec::Pcma]);
    let (ours, settled) = exchange(&sdp("192.0.2.10", OPUS), &sdp("198.51.100.7", A_LAW), &mut a, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 8 101");
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 111 101");
    assert_eq!((a.codec(), b.codec()), (Some(Codec::Opus), Some(Codec::Pcma)));
    let (to_a, to_b) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
    assert_eq!(across(&to_a), [(111, Across::Sound(Codec::Opus)), (101, EVENT)]);
    assert_eq!(across(&to_b), [(8, Across::Sound(Codec::Pcma)), (101, EVENT)]);
    let parameters = Some("maxplaybackrate=16000".into());
    assert_eq!(
        to_a.speech,
        Some(Speech {
            payload: 111,
            codec: Codec::Opus,
            packet_ms: 40,
            passed: PacketTimes { least_ms: 40, most_ms: 40, frame_ms: 255 },
            parameters
        })
    );
    assert_eq!(to_b.speech, Some(Speech { payload: 8, codec: Codec::Pcma, packet_ms: 20, passed: PacketTimes::ANY, parameters: None }));
}

#[test]
fn what_both_have_is_passed_on_as_it_is() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &Codec::ALL);
    let both = "m=audio 4000 RTP/AVP 0 8\n";
    let (_, settled) = exchange(&sdp("192.0.2.10", both), &sdp("198.51.100.7", A_LAW), &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 8");
    assert_eq!(across(&settled.describe_to.unwrap()), [(8, Across::As(8))]);
    assert_eq!((a.codec(), b.codec()), (Some(Codec::Pcma), Some(Codec::Pcma)));
}

#[test]
fn a_leg_that_answers_more_is_heard_in_all_of_it() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &Codec::ALL);
    let answered = "m=audio 6000 RTP/AVP 9 0\n";
    let (_, settled) = exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0\n"), &sdp("198.51.100.7", answered), &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 0");
    assert_eq!(across(&settled.describe_to.unwrap()), [(9, Across::Sound(Codec::G722)), (0, Across::As(0))]);
    assert_eq!(across(&settled.describe_from.unwrap()), [(0, Across::As(0))]);
}

#[test]
fn a_codec_that_the_trunk_of_who_offers_forbids_is_not_passed_to_it() {
    let (mut a, mut b) = legs_of(&[Codec::Pcma], &[Codec::Pcmu]);
    let (_, settled) =
        exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 8\n"), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0\n"), &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 8");
    assert_eq!(across(&settled.describe_to.unwrap()), [(0, Across::Sound(Codec::Pcmu))]);
}

#[test]
fn what_is_early_is_heard_too() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &[Codec::Pcma]);
    let pending = offer(&sdp("192.0.2.10", OPUS), &mut a, &mut b);
    let early = pending.describe_early(&a, &b).unwrap();
    assert_eq!(across(&early.to), [(8, Across::Sound(Codec::Pcma)), (101, EVENT)]);
    assert_eq!(early.from.speech.map(|speech| (speech.payload, speech.codec, speech.packet_ms)), Some((111, Codec::Opus, 40)));
}

#[test]
fn another_phone_may_answer_in_another_codec() {
    let (mut a, mut b) = legs_of(&Codec::ALL, &Codec::ALL);
    let pending = offer(&sdp("192.0.2.10", OPUS), &mut a, &mut b);
    let first =
        translate_answer(&pending, sdp("198.51.100.7", "m=audio 6000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\n").as_bytes(), &mut a, &mut b);
    let told = first.unwrap().answer;
    let joined = join_answer(&pending, sdp("198.51.100.7", A_LAW).as_bytes(), &a, &mut b).unwrap();
    assert_eq!(joined.answer, told);
    assert_eq!(across(&joined.describe_to.unwrap())[0], (8, Across::Sound(Codec::Pcma)));
}

#[test]
fn who_does_not_allow_it_gets_488() {
    for (a_allows, b_allows) in [(true, false), (false, true), (false, false)] {
        let (mut a, mut b) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &[Codec::Pcma]));
        a.allow_transcoding(a_allows);
        b.allow_transcoding(b_allows);
        let offered = sdp("192.0.2.10", OPUS);
        assert_eq!(code(&translate_offer(offered.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 305));
    }
}

#[test]
fn the_screen_knows_what_can_be_said_again() {
    let offered = tandem_signalling::negotiation::Offer::read(sdp("192.0.2.10", OPUS).into_bytes().into()).unwrap();
    let screen = |from: &[Codec], passage| tandem_signalling::negotiation::screen_offer(&offered, from, &[Codec::Pcma], passage).is_ok();
    let passage = Passage { anchored: true, fax: false, transcodes: true };
    assert!(screen(&Codec::ALL, passage));
    assert!(!screen(&[Codec::G722], passage), "nothing can be said to the caller");
    assert!(!screen(&Codec::ALL, Passage { anchored: false, ..passage }), "media does not go through us");
    assert!(!screen(&Codec::ALL, Passage { transcodes: false, ..passage }));
}
