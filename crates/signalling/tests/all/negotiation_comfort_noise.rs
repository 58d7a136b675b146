//! Comfort noise (RFC 3389) beside G.711: offered on where it was offered, answered where it is heard.

use crate::negotiation_support::*;
use tandem_model::{Across, Carries, Codec, EndpointDescription};
use tandem_signalling::negotiation::LegMedia;

const OFFERED: &str = "m=audio 4000 RTP/AVP 0 8 13 101\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n";

fn noise(description: &EndpointDescription) -> Option<(u8, Across)> {
    description.payloads.iter().find(|rule| rule.carries == Carries::Noise).map(|rule| (rule.from, rule.across))
}

/// Legs of one codec each, whose sound may be said again.
fn transcoding(a: Codec, b: Codec) -> (LegMedia, LegMedia) {
    let (mut a, mut b) = (leg(1, 20000, &[a]), leg(2, 20004, &[b]));
    a.allow_transcoding(true);
    b.allow_transcoding(true);
    (a, b)
}

#[test]
fn it_passes_where_both_sides_have_it() {
    let (mut a, mut b) = legs();
    let (ours, settled) = exchange(&sdp("192.0.2.10", OFFERED), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0 13\n"), &mut a, &mut b);
    assert_eq!(audio(&ours), "m=audio 20004 RTP/AVP 0 8 13 101");
    assert_eq!(lines(&ours, "a=rtpmap:13"), ["a=rtpmap:13 CN/8000"]);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 0 13");
    assert_eq!(noise(&settled.describe_from.unwrap()), Some((13, Across::As(13))));
    assert_eq!(noise(&settled.describe_to.unwrap()), Some((13, Across::As(13))));
}

#[test]
fn it_is_not_agreed_to_where_the_other_side_would_not_understand_it() {
    let (mut a, mut b) = legs();
    let (_, settled) = exchange(&sdp("192.0.2.10", OFFERED), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 0\n"), &mut a, &mut b);
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 0");
    assert_eq!((noise(&settled.describe_from.unwrap()), noise(&settled.describe_to.unwrap())), (None, None));
}

#[test]
fn it_is_heard_and_made_where_the_other_side_speaks_otherwise() {
    let (mut a, mut b) = transcoding(Codec::Pcmu, Codec::Opus);
    let answered = "m=audio 6000 RTP/AVP 111\na=rtpmap:111 opus/48000/2\n";
    let offered = "m=audio 4000 RTP/AVP 0 13\n";
    let (ours, settled) = exchange(&sdp("192.0.2.10", offered), &sdp("198.51.100.7", answered), &mut a, &mut b);
    assert!(!audio(&ours).contains("13"), "Opus has a way of its own: {ours}");
    assert_eq!(audio(text(&settled.answer)), "m=audio 20000 RTP/AVP 0 13");
    assert_eq!(noise(&settled.describe_from.unwrap()), Some((13, Across::Sound(Codec::Pcmu))));
    assert_eq!(noise(&settled.describe_to.unwrap()), None);
}

#[test]
fn it_is_rendered_both_ways_between_two_laws() {
    let (mut a, mut b) = transcoding(Codec::Pcmu, Codec::Pcma);
    let (ours, settled) =
        exchange(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 0 13\n"), &sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8 13\n"), &mut a, &mut b);
    assert_eq!((audio(&ours), audio(text(&settled.answer))), ("m=audio 20004 RTP/AVP 8 13", "m=audio 20000 RTP/AVP 0 13"));
    assert_eq!(noise(&settled.describe_from.unwrap()), Some((13, Across::Sound(Codec::Pcmu))));
    assert_eq!(noise(&settled.describe_to.unwrap()), Some((13, Across::Sound(Codec::Pcma))));
}

#[test]
fn at_other_clocks_and_beside_other_codecs_it_is_read_over() {
    for offered in [
        "m=audio 4000 RTP/AVP 0 98\na=rtpmap:98 CN/16000\n",
        "m=audio 4000 RTP/AVP 0 13\na=rtpmap:13 CN/32000\n",
        "m=audio 4000 RTP/AVP 0\n",
    ] {
        let (mut a, mut b) = legs();
        assert_eq!(audio(text(offer(&sdp("192.0.2.10", offered), &mut a, &mut b).sdp())), "m=audio 20004 RTP/AVP 0", "{offered}");
    }
    let (mut a, mut b) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &[Codec::G722]));
    assert_eq!(audio(text(offer(&sdp("192.0.2.10", "m=audio 4000 RTP/AVP 9 13\n"), &mut a, &mut b).sdp())), "m=audio 20004 RTP/AVP 9");
}
