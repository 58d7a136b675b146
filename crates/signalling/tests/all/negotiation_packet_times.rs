//! What becomes of `a=ptime` where the two sides want packets of different lengths (RFC 8866 §6.4).

use crate::negotiation_support::*;
use tandem_model::{BuiltIn, Codec, PacketTimes};
use tandem_signalling::negotiation::offer_own;

/// How packets reach the one who offered, and the one who answered.
fn passed(offered: &str, answered: &str, transcode: bool) -> [PacketTimes; 2] {
    let (mut a, mut b) = legs();
    a.allow_transcoding(transcode);
    b.allow_transcoding(true);
    let media = |port: u16, lines: &str| format!("m=audio {port} RTP/AVP 111\na=rtpmap:111 opus/48000/2\n{lines}");
    let (_, settled) = exchange(&sdp("192.0.2.10", &media(4000, offered)), &sdp("198.51.100.7", &media(6000, answered)), &mut a, &mut b);
    assert_eq!(settled.codec, Some(Codec::Opus));
    [settled.describe_from, settled.describe_to]
        .map(|described| described.and_then(|described| described.speech).map_or(PacketTimes::ANY, |speech| speech.passed))
}

fn times(least_ms: u8, most_ms: u8, frame_ms: u8) -> PacketTimes {
    PacketTimes { least_ms, most_ms, frame_ms }
}

#[test]
fn who_asks_for_nothing_takes_what_comes() {
    assert_eq!(passed("", "", true), [PacketTimes::ANY; 2]);
    assert_eq!(passed("a=ptime:20\n", "", true), [times(20, 20, 255), PacketTimes::ANY]);
}

#[test]
fn who_asks_gets_what_it_asked_for_whatever_the_other_says_that_it_sends() {
    assert_eq!(passed("a=ptime:20\n", "a=ptime:30\n", true), [times(20, 20, 255), times(30, 30, 255)]);
    assert_eq!(passed("a=ptime:20\n", "a=ptime:20\n", true), [times(20, 20, 255); 2]);
    assert_eq!(passed("a=ptime:60\n", "a=maxptime:40\n", true), [times(60, 60, 255), times(0, 40, 40)]);
    assert_eq!(passed("a=ptime:60\na=maxptime:40\n", "", true), [times(40, 40, 40), PacketTimes::ANY]);
}

#[test]
fn nothing_is_said_again_where_nothing_may_be_transcoded() {
    assert_eq!(passed("a=maxptime:40\n", "a=maxptime:40\n", false), [times(0, 40, 255); 2]);
}

/// What the two are asked for where `a` calls and its trunk has 40 ms, that of `b` 60 ms.
fn asked(offered: &str, answered: &str) -> [Vec<String>; 2] {
    let (mut a, mut b) = legs();
    a.ask_for_packets_of(Some(40));
    b.ask_for_packets_of(Some(60));
    let media = |port: u16, lines: &str| format!("m=audio {port} RTP/AVP 0\n{lines}");
    let (ours, settled) = exchange(&sdp("192.0.2.10", &media(4000, offered)), &sdp("198.51.100.7", &media(6000, answered)), &mut a, &mut b);
    let said = |sdp: &str| lines(sdp, "a=").iter().filter(|line| line.contains("ptime")).map(|line| (*line).to_owned()).collect();
    [said(text(&settled.answer)), said(&ours)]
}

#[test]
fn a_trunk_is_asked_for_its_own_packet_time() {
    let [forty, sixty] = ["a=ptime:40", "a=ptime:60"].map(|line| vec![line.to_owned()]);
    assert_eq!(asked("", ""), [forty.clone(), sixty.clone()]);
    assert_eq!(asked("a=ptime:20\n", "a=ptime:30\n"), [forty.clone(), sixty.clone()]);
    // What is longer than the caller takes is cut for it, and need not be forbidden to the callee.
    assert_eq!(asked("a=maxptime:40\n", "a=maxptime:150\n"), [vec![forty[0].clone(), "a=maxptime:150".to_owned()], sixty]);
}

#[test]
fn and_sent_it_where_it_asks_for_nothing() {
    let described = |lines: &str| {
        let mut a = leg(1, 20000, &Codec::ALL);
        a.ask_for_packets_of(Some(40));
        let offered = sdp("192.0.2.10", &format!("m=audio 4000 RTP/AVP 0\n{lines}"));
        let speech = answer_alone(offered.as_bytes(), &mut a, BuiltIn::Tone).ok().and_then(|alone| alone.describe.speech);
        speech.map(|speech| (speech.packet_ms, speech.passed))
    };
    assert_eq!(described(""), Some((40, times(40, 40, 255))));
    assert_eq!(described("a=ptime:20\n"), Some((20, times(20, 20, 255))));
    assert_eq!(described("a=maxptime:30\n"), Some((30, times(30, 30, 255))));
}

#[test]
fn an_offer_of_ours_asks_for_it_too() {
    let mut a = leg(1, 20000, &Codec::ALL);
    a.ask_for_packets_of(Some(30));
    assert!(offer_own(&mut a, &[Codec::Pcmu]).is_ok_and(|pending| text(pending.sdp()).contains("a=ptime:30\r\n")));
}

#[test]
fn between_the_peers_nothing_is_asked() {
    let (mut a, mut b) = direct_legs();
    b.ask_for_packets_of(Some(60));
    let offered = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0\na=ptime:20\n");
    let pending = translate_offer(offered.as_bytes(), &mut a, &mut b);
    assert!(pending.is_ok_and(|pending| text(pending.sdp()).contains("a=ptime:20\r\n")));
}
