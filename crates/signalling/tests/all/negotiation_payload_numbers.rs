//! Each leg has its own payload numbers, and keeps them (RFC 3264 §8.3.2).

use crate::negotiation_support::*;
use tandem_model::Codec;

#[test]
fn an_answer_that_renumbers_is_sent_its_own_numbers() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 111 0\na=rtpmap:111 opus/48000/2\n");
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n");
    let (ours, settled) = exchange(&offered, &answered, &mut a, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 111 0");
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 111");
    assert_eq!(rules(&settled.describe_from.unwrap()), [(111, 96)]);
    // It should send 111, as it was offered; should it send 96, that is understood too.
    assert_eq!(rules(&settled.describe_to.unwrap()), [(111, 111), (96, 111)]);
}

#[test]
fn a_number_that_stands_for_something_else_is_not_taken_twice() {
    let (mut a, mut b) = legs();
    // To b, 96 is DTMF and 97 is Opus from now on.
    let first = "m=audio 6000 RTP/AVP 97 96\na=rtpmap:97 opus/48000/2\na=rtpmap:96 telephone-event/48000\n";
    let (ours, _) = exchange(&sdp("198.51.100.7", first), &sdp("192.0.2.10", first), &mut b, &mut a);
    assert_eq!(audio(&ours), "m=audio 20000 RTP/AVP 97 96");

    // A second a, which numbers the other way round.
    let mut other = leg(3, 20008, &Codec::ALL);
    let second = "m=audio 4000 RTP/AVP 96 97 0\na=rtpmap:96 opus/48000/2\na=rtpmap:97 telephone-event/48000\n";
    let answered = sdp("198.51.100.7", first);
    let (ours, settled) = exchange(&sdp("192.0.2.11", second), &answered, &mut other, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 97 0 96");
    assert_eq!(rules(&settled.describe_from.unwrap()), [(96, 97), (97, 96)]);
    assert_eq!(rules(&settled.describe_to.unwrap()), [(97, 96), (96, 97)]);
}

#[test]
fn a_leg_is_offered_a_codec_under_the_number_that_it_gave_it() {
    let (mut a, mut b) = legs();
    let from_b = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 120 0 8\na=rtpmap:120 opus/48000/2\n");
    let from_a = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 8\n");
    exchange(&from_b, &from_a, &mut b, &mut a);
    let again = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 99 0\na=rtpmap:99 opus/48000/2\n");
    assert_eq!(audio(text(offer(&again, &mut a, &mut b).sdp())), "m=audio 20004 RTP/AVP 120 0");
}

#[test]
fn a_dynamic_number_without_a_map_in_the_answer_means_what_it_meant_in_the_offer() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 111 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/48000\n");
    let (_, settled) = exchange(&offered, &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 111 101\n"), &mut a, &mut b);
    assert_eq!(settled.codec, Some(Codec::Opus));
    assert_eq!(rules(&settled.describe_from.unwrap()), [(111, 111), (101, 101)]);
}

#[test]
fn the_first_of_two_numbers_of_one_codec_counts() {
    let (mut a, mut b) = legs();
    let offered =
        sdp("192.0.2.10", "m=audio 4000 RTP/AVP 96 97 0 98\na=rtpmap:96 opus/48000/2\na=rtpmap:97 opus/48000/2\na=rtpmap:98 PCMU/8000\n");
    let (ours, settled) = exchange(&offered, &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 96 0\n"), &mut a, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 96 0");
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 96 0");
}

#[test]
fn numbers_above_seven_bits_are_no_numbers() {
    let (mut a, mut b) = legs();
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 128 256 x 0\na=rtpmap:128 opus/48000/2\na=rtpmap:256 PCMA/8000\n");
    assert_eq!(audio(text(offer(&offered, &mut a, &mut b).sdp())), "m=audio 20004 RTP/AVP 0");
}

#[test]
fn a_leg_that_gives_a_number_a_new_meaning_is_taken_at_its_word() {
    let (mut a, mut b) = legs();
    let first = "m=audio 4000 RTP/AVP 96 0\na=rtpmap:96 opus/48000/2\n";
    exchange(&sdp("192.0.2.10", first), &sdp("198.51.100.7", first), &mut a, &mut b);
    let second = "m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n";
    let (_, settled) = exchange(&sdp("192.0.2.10", second), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0\n"), &mut a, &mut b);
    assert_eq!(rules(&settled.describe_from.unwrap()), [(0, 0)]);
    let all = "m=audio 6000 RTP/AVP 96 0 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    assert_eq!(audio(text(offer(&sdp("198.51.100.7", all), &mut b, &mut a).sdp())), "m=audio 20000 RTP/AVP 97 0 96");
}

#[test]
fn what_a_leg_offered_and_was_not_answered_keeps_its_number() {
    let (mut a, mut b) = legs();
    exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 8\n"), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8\n"), &mut a, &mut b);
    let (ours, _) =
        exchange(&sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8 0\n"), &sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0\n"), &mut b, &mut a);
    assert_eq!(audio(&ours), "m=audio 20000 RTP/AVP 0 8");
}
