//! A line for each line, in their order, for as long as the leg lives (RFC 3264 §6, §8).

use crate::negotiation_support::*;

const VIDEO_FIRST: &str =
    "m=video 5000 RTP/AVP 31 99\na=rtpmap:99 H264/90000\nm=audio 4000 RTP/AVP 0\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\n";

#[test]
fn other_media_are_not_offered_and_are_rejected_in_place() {
    let (mut a, mut b) = legs();
    let (ours, settled) = exchange(&sdp("192.0.2.10", VIDEO_FIRST), &called(), &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=audio 20004 RTP/AVP 0"]);
    assert_eq!(
        lines(text(&settled.answer), "m="),
        ["m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVP 0", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    );
}

#[test]
fn an_offer_to_a_leg_has_the_lines_that_its_session_has() {
    let (mut a, mut b) = legs();
    exchange(&sdp("192.0.2.10", VIDEO_FIRST), &called(), &mut a, &mut b);
    let three = "m=video 0 RTP/AVP 31\nm=audio 4002 RTP/AVP 0\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\n";
    let (ours, settled) = exchange(&called(), &sdp("192.0.2.10", three), &mut b, &mut a);
    assert_eq!(
        lines(&ours, "m="),
        ["m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVP 0 101", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    );
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 20004 RTP/AVP 0"]);
    assert_eq!(settled.describe_to.unwrap().rtp, Some("192.0.2.10:4002".parse().unwrap()));
}

#[test]
fn a_line_that_comes_later_stays() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let with_video = caller() + "m=video 5000 RTP/AVP 31\r\n";
    exchange(&with_video, &called(), &mut a, &mut b);
    let answered = caller() + "m=video 0 RTP/AVP 31\r\n";
    let (ours, _) = exchange(&called(), &answered, &mut b, &mut a);
    assert_eq!(lines(&ours, "m="), ["m=audio 20000 RTP/AVP 0 101", "m=video 0 RTP/AVP 31"]);
}

#[test]
fn a_later_audio_line_is_taken_when_the_first_will_not_do() {
    let firsts = [
        "m=audio 0 RTP/AVP 0\n",
        "m=audio 3000 RTP/SAVP 0\n",
        "m=audio 3000 RTP/AVP 18\n",
        "m=audio 3000 RTP/AVP 0\nc=IN IP4 phone.example.com\n",
    ];
    for first in firsts {
        let (mut a, mut b) = legs();
        let offered = sdp("192.0.2.10", &format!("{first}m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 0\n"));
        let (ours, settled) = exchange(&offered, &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8\n"), &mut a, &mut b);
        assert_eq!(lines(&ours, "m="), ["m=audio 20004 RTP/AVP 8"]);
        let answered = lines(text(&settled.answer), "m=").join("\n");
        assert!(answered.starts_with("m=audio 0 "), "{answered}");
        assert!(answered.ends_with("\nm=audio 20000 RTP/AVP 8\nm=audio 0 RTP/AVP 0"), "{answered}");
        assert_eq!(settled.describe_from.unwrap().rtp, Some("192.0.2.10:4000".parse().unwrap()));
    }
}

#[test]
fn the_audio_in_use_is_preferred_to_an_earlier_one() {
    let (mut a, mut b) = legs();
    let first = sdp("192.0.2.10", "m=audio 0 RTP/AVP 0\nm=audio 4000 RTP/AVP 0\n");
    exchange(&first, &called(), &mut a, &mut b);
    let second = sdp("192.0.2.10", "m=audio 3000 RTP/AVP 0\nm=audio 4000 RTP/AVP 0\n");
    let (_, settled) = exchange(&second, &called(), &mut a, &mut b);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 0 RTP/AVP 0", "m=audio 20000 RTP/AVP 0"]);
}

#[test]
fn no_audio_that_can_be_taken_is_488() {
    let cases = [
        ("", (488, 304)),
        ("m=video 5000 RTP/AVP 31\n", (488, 304)),
        ("m=image 5000 udptl t38\n", (488, 304)),
        ("m=audio 0 RTP/AVP 0\n", (488, 304)),
        ("m=audio 4000 RTP/SAVP 0\n", (488, 302)),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0\n", (488, 302)),
        ("m=audio 4000 RTP/AVPF 0\n", (488, 302)),
        ("m=audio 4000 RTP/AVP\n", (488, 305)),
        ("m=audio 0 RTP/AVP 0\nm=audio 4000 RTP/SAVP 0\n", (488, 302)),
    ];
    for (media, expected) in cases {
        let refusal = refused_offer(&sdp("192.0.2.10", media));
        assert_eq!(code(&refusal), expected, "{media}");
    }
}

#[test]
fn fax_in_a_call_is_refused_and_the_call_goes_on() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let fax = sdp("192.0.2.10", "m=audio 0 RTP/AVP 0\nm=image 5000 udptl t38\na=T38FaxVersion:0\n");
    let refusal = translate_offer(fax.as_bytes(), &mut a, &mut b).unwrap_err();
    assert_eq!(code(&refusal), (488, 304));
    assert!(a.codec().is_some());
}

#[test]
fn an_answer_needs_a_line_for_each_line() {
    let cases = ["", "m=audio 6000 RTP/AVP 0\nm=video 0 RTP/AVP 31\n", "m=video 6000 RTP/AVP 0\n"];
    for media in cases {
        assert_eq!(code(&refused_answer(&caller(), &sdp("198.51.100.7", media))), (488, 399), "{media}");
    }
}

#[test]
fn a_first_answer_that_rejects_the_audio_is_refused() {
    assert_eq!(code(&refused_answer(&caller(), &sdp("198.51.100.7", "m=audio 0 RTP/AVP 0\n"))), (488, 304));
    assert_eq!(code(&refused_answer(&caller(), &sdp("198.51.100.7", "m=audio 6000 RTP/SAVP 0\n"))), (488, 302));
    assert_eq!(code(&refused_answer(&caller(), "v=0\r\nnonsense")), (488, 399));
}

#[test]
fn the_times_of_an_offer_come_back_in_the_answer() {
    let (mut a, mut b) = legs();
    let offered = caller().replace("t=0 0", "t=2873397496 2873404696");
    let (ours, settled) = exchange(&offered, &called(), &mut a, &mut b);
    assert_eq!(lines(&ours, "t="), ["t=0 0"]);
    assert_eq!(lines(text(&settled.answer), "t="), ["t=2873397496 2873404696"]);
}
