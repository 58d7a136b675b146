//! `anchor = false`: media flows between the peers, and only codecs and the origin are our affair.

use crate::negotiation_support::*;
use tandem_model::Codec;
use tandem_signalling::negotiation::LegMedia;

const OFFER: &str = "m=audio 4000 RTP/SAVP 18 0 111 101\nc=IN IP4 phone.example.com\na=rtpmap:18 G729/8000\na=fmtp:18 annexb=no\n\
    a=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\na=rtcp-fb:111 transport-cc\na=rtcp-fb:18 nack\na=rtcp-fb:* nack\n\
    a=rtpmap:101 telephone-event/8000\na=candidate:1 1 UDP 2130706431 192.168.1.20 8998 typ host\na=crypto:1 x inline:y\na=ptime:20\n";

#[test]
fn addresses_candidates_and_keys_pass_and_foreign_codecs_do_not() {
    let (mut a, mut b) = direct_legs();
    let pending = offer(&sdp("192.0.2.10", OFFER), &mut a, &mut b);
    assert_eq!(
        text(pending.sdp()),
        "v=0\r\no=- 2000 1 IN IP4 203.0.113.7\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 111 0 101\r\n\
         c=IN IP4 phone.example.com\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtcp-fb:111 transport-cc\r\n\
         a=rtcp-fb:* nack\r\na=rtpmap:101 telephone-event/8000\r\na=candidate:1 1 UDP 2130706431 192.168.1.20 8998 typ host\r\n\
         a=crypto:1 x inline:y\r\na=ptime:20\r\n"
    );
    assert_eq!(pending.describe_early(&a, &b), None);
}

#[test]
fn the_answer_passes_likewise_and_nothing_is_described() {
    let (mut a, mut b) = direct_legs();
    let offered = sdp("192.0.2.10", &format!("m=video 5000 RTP/AVP 31\n{OFFER}"))
        .replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n");
    let answered = sdp("198.51.100.7", "m=audio 6000 RTP/SAVP 0 101\na=rtpmap:101 telephone-event/8000\na=crypto:1 z\n");
    let (ours, settled) = exchange(&offered, &answered, &mut a, &mut b);
    assert_eq!((lines(&ours, "m="), lines(&ours, "a=group").len()), (vec!["m=audio 4000 RTP/SAVP 111 0 101"], 0));
    assert_eq!(lines(&ours, "a=ice-lite").len(), 1);
    assert_eq!(
        text(&settled.answer),
        "v=0\r\no=- 1000 1 IN IP6 2001:db8::7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=video 0 RTP/AVP 31\r\n\
         m=audio 6000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=crypto:1 z\r\n"
    );
    assert_eq!((settled.describe_from, settled.describe_to, settled.codec), (None, None, Some(Codec::Pcmu)));
}

#[test]
fn the_origin_may_be_a_name() {
    let (mut a, mut b) = direct_legs();
    b.set_origin("sip.example.com");
    let pending = offer(&sdp("192.0.2.10", OFFER), &mut a, &mut b);
    assert_eq!(lines(text(pending.sdp()), "o="), ["o=- 2000 1 IN IP4 sip.example.com"]);
}

#[test]
fn a_rejected_line_has_an_address_too() {
    let (mut a, mut b) = direct_legs();
    let offered = sdp("192.0.2.10", "m=video 5000 RTP/AVP 31\nm=audio 4000 RTP/AVP 0\n");
    let answered = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 198.51.100.7\r\n";
    let (_, settled) = exchange(&offered, answered, &mut a, &mut b);
    assert_eq!(lines(text(&settled.answer), "c="), ["c=IN IP4 198.51.100.7"; 2]);
}

#[test]
fn nothing_in_common_is_488_here_too() {
    let mut a = LegMedia::new(&Codec::ALL, false, None, 1);
    let mut b = LegMedia::new(&[Codec::Pcma], false, None, 2);
    let offered = sdp("192.0.2.10", OFFER);
    assert_eq!(code(&translate_offer(offered.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 305));
    assert_eq!(screen_offer(offered.as_bytes(), &Codec::ALL, &Codec::ALL, false), Ok(()));
    assert_eq!(code(&screen_offer(offered.as_bytes(), &Codec::ALL, &Codec::ALL, true).unwrap_err()), (488, 302));
    let udptl = sdp("192.0.2.10", "m=audio 4000 udptl t38\n");
    assert_eq!(code(&screen_offer(udptl.as_bytes(), &Codec::ALL, &Codec::ALL, false).unwrap_err()), (488, 302));
}

#[test]
fn hold_passes_and_is_noticed() {
    let (mut a, mut b) = direct_legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let (ours, settled) = exchange(&(caller() + "a=sendonly\r\n"), &(called() + "a=recvonly\r\n"), &mut a, &mut b);
    assert_eq!((lines(&ours, "a=sendonly").len(), version(&ours)), (1, 2));
    assert!(settled.from_holds && !settled.to_holds);
    let switched_off = caller().replace("4000", "0");
    let (ours, settled) = exchange(&switched_off, &called().replace("6000", "0"), &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=audio 0 RTP/AVP 0"]);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 0 RTP/AVP 0"]);
    assert_eq!(settled.codec, None);
}

#[test]
fn a_refresh_has_no_new_version() {
    let (mut a, mut b) = direct_legs();
    let first = exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!(exchange(&caller(), &called(), &mut a, &mut b), first);
}
