//! What becomes of `a=ptime` where the two sides want packets of different lengths (RFC 8866 §6.4).

mod negotiation_support;

use negotiation_support::*;
use tandem_model::{Codec, PacketTimes};

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
