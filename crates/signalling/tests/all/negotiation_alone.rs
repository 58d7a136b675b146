//! A leg that hears no other leg: echo and tone.

use crate::negotiation_support::*;
use tandem_model::{BuiltIn, Codec, PacketTimes, Speech};
use tandem_signalling::negotiation::{Alone, Exchange, LegMedia, offer_alone, settle_alone};

const OFFER: &str = "m=audio 4000 RTP/AVP 111 8 0 101\na=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=ptime:20\n";

#[test]
fn an_echo_takes_what_the_leg_may_use_in_the_order_of_the_offer() {
    let mut a = leg(1, 20000, &[Codec::Pcmu, Codec::Pcma]);
    let alone = answer_alone(sdp("192.0.2.10", OFFER).as_bytes(), &mut a, BuiltIn::Echo).unwrap();
    assert_eq!(
        text(&alone.sdp),
        "v=0\r\no=- 1000 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert_eq!((alone.hears, alone.codec), (Some(BuiltIn::Echo), Some(Codec::Pcma)));
    assert_eq!(rules(&alone.describe), [(8, 8), (0, 0), (101, 101)]);
    assert_eq!(a.exchange(), Exchange::Stable);
}

#[test]
fn a_tone_is_made_in_the_first_codec_of_the_offer() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let alone = answer_alone(sdp("192.0.2.10", OFFER).as_bytes(), &mut a, BuiltIn::Tone).unwrap();
    assert_eq!(audio(text(&alone.sdp)), "m=audio 20000 RTP/AVP 111 101");
    assert_eq!(alone.hears, Some(BuiltIn::Tone));
    assert_eq!(
        alone.describe.speech,
        Some(Speech {
            payload: 111,
            codec: Codec::Opus,
            packet_ms: 20,
            passed: PacketTimes { least_ms: 20, most_ms: 20, frame_ms: 255 },
            parameters: None
        })
    );
    let mut b = leg(2, 20000, &[Codec::G722, Codec::Pcma]);
    let alone = answer_alone(sdp("192.0.2.10", OFFER).as_bytes(), &mut b, BuiltIn::Tone).unwrap();
    assert_eq!(audio(text(&alone.sdp)), "m=audio 20000 RTP/AVP 8 101");
    let parameters = "m=audio 4000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\na=fmtp:111 maxplaybackrate=16000;useinbandfec=1\n";
    let alone = answer_alone(sdp("192.0.2.10", parameters).as_bytes(), &mut a, BuiltIn::Tone).unwrap();
    assert_eq!(alone.describe.speech.unwrap().parameters.as_deref(), Some("maxplaybackrate=16000;useinbandfec=1"));
}

#[test]
fn a_tone_is_sent_under_the_number_that_the_leg_gave() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 99\na=rtpmap:99 PCMU/8000\n");
    let alone = answer_alone(offered.as_bytes(), &mut a, BuiltIn::Tone).unwrap();
    assert_eq!(
        alone.describe.speech,
        Some(Speech { payload: 99, codec: Codec::Pcmu, packet_ms: 20, passed: PacketTimes::ANY, parameters: None })
    );
}

#[test]
fn a_tone_has_the_packets_that_the_leg_asks_for() {
    let packet_ms = |alone: Alone| alone.describe.speech.unwrap().packet_ms;
    for (lines, expected) in
        [("", 20), ("a=ptime:30\n", 30), ("a=maxptime:10\n", 10), ("a=ptime:60\na=maxptime:40\n", 40), ("a=ptime:999\n", 255)]
    {
        let described = sdp("192.0.2.10", &format!("m=audio 4000 RTP/AVP 0\n{lines}"));
        let mut a = leg(1, 20000, &Codec::ALL);
        assert_eq!(packet_ms(answer_alone(described.as_bytes(), &mut a, BuiltIn::Tone).unwrap()), expected, "{lines}");
        let mut b = leg(2, 20000, &Codec::ALL);
        let pending = offer_alone(&mut b, BuiltIn::Tone).unwrap();
        assert_eq!(packet_ms(settle_alone(&pending, described.as_bytes(), &mut b).unwrap()), expected, "{lines}");
    }
}

#[test]
fn hold_and_resume_change_the_direction() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let before = answer_alone(caller().as_bytes(), &mut a, BuiltIn::Echo).unwrap();
    for (offered, expected) in [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")] {
        let alone = answer_alone((caller() + "a=" + offered + "\r\n").as_bytes(), &mut a, BuiltIn::Echo).unwrap();
        assert_eq!(lines(text(&alone.sdp), "a=").last(), Some(&&*format!("a={expected}")));
        assert!(alone.describe.held);
        assert_eq!(alone.holds, offered != "recvonly");
    }
    let off = answer_alone(caller().replace("4000", "0").as_bytes(), &mut a, BuiltIn::Echo).unwrap();
    assert_eq!(lines(text(&off.sdp), "m="), ["m=audio 0 RTP/AVP 0"]);
    assert_eq!((off.hears, off.codec, off.describe.rtp, off.holds), (None, None, None, true));
    let after = answer_alone(caller().as_bytes(), &mut a, BuiltIn::Echo).unwrap();
    assert_eq!((after.describe, after.hears), (before.describe, before.hears));
    assert_eq!((version(text(&before.sdp)), version(text(&after.sdp))), (1, 6));
}

#[test]
fn without_an_offer_we_offer() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let pending = offer_alone(&mut a, BuiltIn::Echo).unwrap();
    let ours = text(pending.sdp());
    assert_eq!(audio(ours), "m=audio 20000 RTP/AVP 111 9 0 8 101 110");
    assert_eq!(lines(ours, "a=fmtp"), ["a=fmtp:101 0-15", "a=fmtp:110 0-15"]);
    assert_eq!(a.exchange(), Exchange::OfferSent { established: false });
    let alone = settle_alone(&pending, caller().as_bytes(), &mut a).unwrap();
    assert!(alone.sdp.is_empty());
    assert_eq!((alone.hears, alone.codec), (Some(BuiltIn::Echo), Some(Codec::Pcmu)));
    assert_eq!(alone.describe.rtp, Some("192.0.2.10:4000".parse().unwrap()));
}

#[test]
fn a_leg_that_renumbers_hears_its_own_numbers() {
    let mut a = leg(1, 20000, &[Codec::Opus]);
    let pending = offer_alone(&mut a, BuiltIn::Echo).unwrap();
    let answered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n");
    let alone = settle_alone(&pending, answered.as_bytes(), &mut a).unwrap();
    assert_eq!(rules(&alone.describe), [(111, 96), (96, 96)]);
}

#[test]
fn a_tone_offers_whatever_the_leg_may_use() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let pending = offer_alone(&mut a, BuiltIn::Tone).unwrap();
    assert_eq!(audio(text(pending.sdp())), "m=audio 20000 RTP/AVP 111 9 0 8 101 110");
    let alone = settle_alone(&pending, caller().as_bytes(), &mut a).unwrap();
    assert_eq!(
        alone.describe.speech,
        Some(Speech { payload: 0, codec: Codec::Pcmu, packet_ms: 20, passed: PacketTimes::ANY, parameters: None })
    );
}

#[test]
fn a_bad_answer_is_refused_and_the_offer_stays_open_until_dropped() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let pending = offer_alone(&mut a, BuiltIn::Echo).unwrap();
    for bad in ["", "v=0\r\n", &sdp("192.0.2.10", "m=audio 4000 RTP/AVP 18\n"), &sdp("192.0.2.10", "m=audio 0 RTP/AVP 0\n")] {
        assert_eq!(settle_alone(&pending, bad.as_bytes(), &mut a).unwrap_err().status, 488);
    }
    assert_eq!(code(&offer_alone(&mut a, BuiltIn::Echo).unwrap_err()), (491, 0));
    drop(pending);
    assert_eq!(a.exchange(), Exchange::Idle);
}

#[test]
fn an_offer_to_a_leg_with_a_session_keeps_its_numbers() {
    let mut a = leg(1, 20000, &[Codec::Opus, Codec::Pcmu]);
    let offered = sdp(
        "192.0.2.10",
        "m=video 9 RTP/AVP 31\nm=audio 4000 RTP/AVP 97 98\na=rtpmap:97 opus/48000/2\na=rtpmap:98 telephone-event/8000\na=rtcp-mux\n",
    );
    answer_alone(offered.as_bytes(), &mut a, BuiltIn::Echo).unwrap();
    let ours = offer_alone(&mut a, BuiltIn::Echo).unwrap();
    assert_eq!(lines(text(ours.sdp()), "m="), ["m=video 0 RTP/AVP 31", "m=audio 20000 RTP/AVP 97 0 98 110"]);
    assert_eq!(lines(text(ours.sdp()), "a=rtcp-mux").len(), 1);
}

#[test]
fn without_ports_there_is_no_echo() {
    let mut a = LegMedia::new(&Codec::ALL, true, None, 1);
    assert_eq!(answer_alone(caller().as_bytes(), &mut a, BuiltIn::Echo).unwrap_err().status, 500);
    assert_eq!(offer_alone(&mut a, BuiltIn::Echo).unwrap_err().status, 500);
}
