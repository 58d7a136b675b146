//! Which codecs pass, and in which order.

use crate::negotiation_support::*;
use tandem_model::Codec;

const ALL_FOUR: &str = "m=audio 4000 RTP/AVP 8 0 9 111 18 13\na=rtpmap:111 opus/48000/2\na=fmtp:111 minptime=10;useinbandfec=1\n";

#[test]
fn what_all_three_know_is_offered_in_the_order_of_the_leg() {
    let mut from = leg(1, 20000, &[Codec::Pcmu, Codec::Pcma, Codec::Opus]);
    let mut to = leg(2, 20004, &[Codec::Opus, Codec::G722, Codec::Pcma]);
    let sdp = text(offer(&sdp("192.0.2.10", ALL_FOUR), &mut from, &mut to).sdp()).to_owned();
    assert_eq!(audio(&sdp), "m=audio 20004 RTP/AVP 111 8 13");
    assert_eq!(lines(&sdp, "a=fmtp"), ["a=fmtp:111 minptime=10;useinbandfec=1"]);
}

#[test]
fn nothing_in_common_is_488_with_the_reason() {
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 18 0\n");
    let (mut from, mut to) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &[Codec::Pcma]));
    let refusal = translate_offer(offered.as_bytes(), &mut from, &mut to).unwrap_err();
    assert_eq!(code(&refusal), (488, 305));
    assert_eq!(screen_offer(offered.as_bytes(), &Codec::ALL, &[Codec::Pcma], true), Err(refusal));
}

#[test]
fn the_screen_lets_pass_what_can_be_translated() {
    let offered = sdp("192.0.2.10", ALL_FOUR);
    assert_eq!(screen_offer(offered.as_bytes(), &[Codec::G722], &Codec::ALL, true), Ok(()));
    assert_eq!(code(&screen_offer(offered.as_bytes(), &[Codec::G722], &[Codec::Opus], true).unwrap_err()), (488, 305));
}

#[test]
fn the_answer_keeps_the_order_of_the_offer_but_for_the_codec_that_is_spoken() {
    let (mut a, mut b) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &[Codec::Pcma, Codec::Pcmu, Codec::G722]));
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 9 8 0\n");
    let (_, settled) = exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 8 0 9\n"), &answered, &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 9 8 0");
    assert_eq!(settled.codec, Some(Codec::G722));
    assert_eq!(a.codec(), Some(Codec::G722));
}

#[test]
fn the_answer_lists_only_what_was_answered() {
    let (mut a, mut b) = legs();
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8\n");
    let (_, settled) = exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 8 9\n"), &answered, &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 8");
}

#[test]
fn a_static_number_needs_no_map_and_a_map_overrules_it() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 8\na=rtpmap:0 G726-32/8000\n");
    assert_eq!(audio(text(offer(&offered, &mut a, &mut b).sdp())), "m=audio 20004 RTP/AVP 8");
}

#[test]
fn encoding_names_have_no_case_and_a_number_of_its_own_is_no_hindrance() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 96 97\na=rtpmap:96 pcmu/8000/1\na=rtpmap:97 OPUS/48000/2\n");
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0\n");
    let (ours, settled) = exchange(&offered, &answered, &mut a, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 97 0");
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 96");
    assert_eq!(rules(&settled.describe_from.unwrap()), [(96, 0)]);
    assert_eq!(rules(&settled.describe_to.unwrap()), [(0, 96)]);
}

#[test]
fn a_map_of_another_clock_is_another_codec() {
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 96 97\na=rtpmap:96 PCMU/16000\na=rtpmap:97 opus/16000/2\n");
    assert_eq!(code(&refused_offer(&offered)), (488, 305));
}

#[test]
fn packet_times_pass_both_ways() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0\na=ptime:20\na=maxptime:60\n");
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0\na=ptime:30\na=maxptime:9999\n");
    let (ours, settled) = exchange(&offered, &answered, &mut a, &mut b);
    assert_eq!((lines(&ours, "a=ptime"), lines(&ours, "a=maxptime")), (vec!["a=ptime:20"], vec!["a=maxptime:60"]));
    assert_eq!(lines(text(&settled.answer), "a=ptime"), ["a=ptime:30"]);
    assert!(lines(text(&settled.answer), "a=maxptime").is_empty(), "ten seconds in a packet is a mistake");
}

#[test]
fn an_answer_without_a_codec_of_the_offer_is_refused() {
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n");
    for formats in ["18", "8", "101"] {
        let answered = sdp("198.51.100.7", &format!("m=audio 6000 RTP/AVP {formats}\na=rtpmap:101 telephone-event/8000\n"));
        assert_eq!(code(&refused_answer(&offered, &answered)), (488, 305), "{formats}");
    }
}
