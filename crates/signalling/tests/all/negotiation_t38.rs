//! Fax over UDPTL (ITU-T T.38 annex D, RFC 3362) between legs whose trunks have `t38 = true`.

use crate::negotiation_support::*;
use tandem_model::{Codec, SourceRule, StreamKind};
use tandem_signalling::negotiation::{LegMedia, Passage, Settled, describe_both, offer_again, settle_again, translate_answer};

const FAX: &str = "a=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxFillBitRemoval:0\na=T38FaxRateManagement:transferredTCF\n\
    a=T38FaxMaxBuffer:262\na=T38FaxMaxDatagram:176\na=T38FaxUdpEC:t38UDPRedundancy\n";
const ANSWERED: &str = "a=t38FaxVersion:0\na=T38FaxUdpEC:t38UDPFEC\n";

fn fax_legs() -> (LegMedia, LegMedia) {
    let (mut a, mut b) = legs();
    a.allow_fax(true);
    b.allow_fax(true);
    (a, b)
}

/// A description of fax from the caller, in place of the audio.
fn callers_fax() -> String {
    sdp("192.0.2.10", &format!("m=image 4002 udptl t38\na=sendrecv\na=X-own:1\n{FAX}"))
}

fn called_fax() -> String {
    sdp("198.51.100.7", &format!("m=image 6002 udptl t38\n{ANSWERED}"))
}

fn talk(a: &mut LegMedia, b: &mut LegMedia) -> Settled {
    exchange(&caller(), &called(), a, b).1
}

fn body(sdp: &str) -> &str {
    sdp.find("m=").map_or("", |start| &sdp[start..])
}

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[test]
fn a_call_turns_to_fax_with_our_address_and_their_words() {
    let (mut a, mut b) = fax_legs();
    talk(&mut a, &mut b);
    let (ours, settled) = exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    assert_eq!(body(&ours), crlf(&format!("m=image 20004 udptl t38\n{FAX}")));
    assert_eq!(body(text(&settled.answer)), crlf(&format!("m=image 20000 udptl t38\n{ANSWERED}")));
    assert_eq!((lines(&ours, "c="), lines(text(&settled.answer), "c=")), (vec!["c=IN IP4 10.0.0.2"], vec!["c=IN IP4 10.0.0.1"]));
    assert_eq!((version(&ours), version(text(&settled.answer))), (2, 2));
    let (from, to) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
    for (description, remote) in [(from, "192.0.2.10:4002"), (to, "198.51.100.7:6002")] {
        let remote: std::net::SocketAddr = remote.parse().unwrap();
        assert_eq!((description.kind, description.rtp, description.rtcp), (StreamKind::Udptl, Some(remote), None));
        assert_eq!(description.source, SourceRule::Described(remote.ip()));
        assert!(description.receives && !description.held && description.payloads.is_empty());
    }
    assert_eq!((settled.codec, a.codec()), (None, None));
}

#[test]
fn audio_comes_back_from_either_side_under_its_numbers() {
    for back_by_caller in [true, false] {
        let (mut a, mut b) = fax_legs();
        let first = talk(&mut a, &mut b);
        exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
        let settled = if back_by_caller {
            exchange(&caller(), &called(), &mut a, &mut b).1
        } else {
            let (_, settled) = exchange(&called(), &caller(), &mut b, &mut a);
            Settled { describe_from: settled.describe_to, describe_to: settled.describe_from, ..settled }
        };
        assert_eq!((settled.describe_from, settled.describe_to), (first.describe_from, first.describe_to));
        assert_eq!(settled.codec, Some(Codec::Pcmu));
    }
}

#[test]
fn a_line_beside_the_audio_is_passed_as_one() {
    let (mut a, mut b) = fax_legs();
    talk(&mut a, &mut b);
    let beside = |address: &str, audio: u16, image: u16| {
        sdp(address, &format!("m=audio {audio} RTP/AVP 0\nm=image {image} udptl t38\na=T38FaxVersion:0\n"))
    };
    let (caller_side, called_side) = (beside("192.0.2.10", 0, 4002), beside("198.51.100.7", 0, 6002));
    let (ours, settled) = exchange(&caller_side, &called_side, &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=audio 0 RTP/AVP 0", "m=image 20004 udptl t38"]);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 0 RTP/AVP 0", "m=image 20000 udptl t38"]);
    // Back, by the other side, and to fax once more: no line is added.
    let back = |address: &str, audio: u16| sdp(address, &format!("m=audio {audio} RTP/AVP 0\nm=image 0 udptl t38\n"));
    let (ours, settled) = exchange(&back("198.51.100.7", 6000), &back("192.0.2.10", 4000), &mut b, &mut a);
    assert_eq!(lines(&ours, "m="), ["m=audio 20000 RTP/AVP 0", "m=image 0 udptl t38"]);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 20004 RTP/AVP 0", "m=image 0 udptl t38"]);
    assert_eq!(settled.codec, Some(Codec::Pcmu));
    let (ours, _) = exchange(&caller_side, &called_side, &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=audio 0 RTP/AVP 0", "m=image 20004 udptl t38"]);
}

#[test]
fn of_audio_and_fax_together_audio_is_taken() {
    let (mut a, mut b) = fax_legs();
    let both = sdp("192.0.2.10", "m=image 4002 udptl t38\nm=audio 4000 RTP/AVP 0\n");
    let (ours, settled) = exchange(&both, &called(), &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=audio 20004 RTP/AVP 0"]);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=image 0 udptl t38", "m=audio 20000 RTP/AVP 0"]);
    assert_eq!(settled.describe_from.unwrap().kind, StreamKind::Rtp);
}

#[test]
fn fax_is_taken_where_the_audio_beside_it_cannot_be() {
    let (mut a, mut b) = fax_legs();
    let both = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 18\nm=image 4002 udptl t38\n");
    let (ours, settled) = exchange(&both, &called_fax(), &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=image 20004 udptl t38"]);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 0 RTP/AVP 18", "m=image 20000 udptl t38"]);
}

#[test]
fn a_call_may_begin_as_fax() {
    let (mut a, mut b) = fax_legs();
    let read = read(callers_fax().as_bytes()).unwrap();
    let screen = |fax| {
        tandem_signalling::negotiation::screen_offer(&read, &Codec::ALL, &Codec::ALL, Passage { anchored: true, fax, transcodes: false })
    };
    assert_eq!((screen(true).is_ok(), code(&screen(false).unwrap_err())), (true, (488, 304)));
    let pending = offer(&callers_fax(), &mut a, &mut b);
    assert_eq!(pending.describe_early(&a, &b).unwrap().from.kind, StreamKind::Udptl);
    drop(pending);
    let (ours, settled) = exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    assert_eq!(lines(&ours, "m="), ["m=image 20004 udptl t38"]);
    assert_eq!(settled.describe_to.unwrap().kind, StreamKind::Udptl);
}

#[test]
fn a_trunk_that_does_not_say_so_is_not_offered_fax_and_may_not_offer_it() {
    for (first, second) in [(false, true), (true, false), (false, false)] {
        let (mut a, mut b) = legs();
        a.allow_fax(first);
        b.allow_fax(second);
        talk(&mut a, &mut b);
        assert_eq!(code(&translate_offer(callers_fax().as_bytes(), &mut a, &mut b).unwrap_err()), (488, 304));
        let off = sdp("192.0.2.10", "m=image 0 udptl t38\n");
        assert_eq!(code(&translate_offer(off.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 304));
        assert_eq!(a.codec(), Some(Codec::Pcmu));
    }
}

#[test]
fn only_t38_over_udptl_is_fax() {
    let others = [
        "m=image 4002 TCP t38",
        "m=image 4002 udptl g3",
        "m=image 4002 UDP/TLS/UDPTL t38",
        "m=video 4002 udptl t38",
        "m=image 0 udptl t38",
    ];
    for other in others {
        let (mut a, mut b) = fax_legs();
        talk(&mut a, &mut b);
        let beside = sdp("192.0.2.10", &format!("m=audio 4000 RTP/AVP 0\n{other}\n"));
        let (ours, settled) = exchange(&beside, &called(), &mut a, &mut b);
        assert_eq!(lines(&ours, "m="), ["m=audio 20004 RTP/AVP 0"]);
        assert_eq!(lines(text(&settled.answer), "m=")[1], other.replace(" 4002 ", " 0 "));
        let alone = sdp("192.0.2.10", &format!("{other}\n"));
        if !other.contains(" 0 ") {
            assert_eq!(code(&translate_offer(alone.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 304), "{other}");
        }
    }
    let (mut a, mut b) = fax_legs();
    let loud = callers_fax().replace("udptl t38", "UDPTL T38");
    assert_eq!(lines(text(offer(&loud, &mut a, &mut b).sdp()), "m="), ["m=image 20004 udptl t38"]);
}

#[test]
fn addresses_that_cannot_be_used_are_refused_as_for_audio() {
    for (connection, expected) in [("fax.example.com", 301), ("224.0.0.1", 330)] {
        let (mut a, mut b) = fax_legs();
        let offered = callers_fax().replace("c=IN IP4 192.0.2.10", &format!("c=IN IP4 {connection}"));
        assert_eq!(code(&translate_offer(offered.as_bytes(), &mut a, &mut b).unwrap_err()), (488, expected));
    }
}

#[test]
fn hold_passes_as_for_audio() {
    let (mut a, mut b) = fax_legs();
    talk(&mut a, &mut b);
    exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    let held = callers_fax().replace("a=sendrecv", "a=inactive");
    let (ours, settled) = exchange(&held, &(called_fax() + "a=inactive\r\n"), &mut a, &mut b);
    assert_eq!((lines(&ours, "a=inactive").len(), lines(text(&settled.answer), "a=inactive").len()), (1, 1));
    assert!(settled.from_holds);
    let description = settled.describe_to.unwrap();
    assert!(description.held && !description.receives && description.rtp.is_none());
    let switched_off = sdp("192.0.2.10", "m=image 0 udptl t38\n");
    let (ours, settled) = exchange(&switched_off, &(called_fax() + "a=inactive\r\n"), &mut a, &mut b);
    assert_eq!((lines(&ours, "m="), lines(&ours, "a=inactive").len()), (vec!["m=image 20004 udptl t38"], 1));
    assert_eq!(lines(text(&settled.answer), "m="), ["m=image 0 udptl t38"]);
}

#[test]
fn an_answer_of_another_kind_does_not_fit() {
    for answered in [called(), sdp("198.51.100.7", "m=image 6000 TCP t38\n"), called_fax() + "m=audio 0 RTP/AVP 0\r\n"] {
        let (mut a, mut b) = fax_legs();
        talk(&mut a, &mut b);
        let pending = offer(&callers_fax(), &mut a, &mut b);
        let refusal = translate_answer(&pending, answered.as_bytes(), &mut a, &mut b).unwrap_err();
        assert_eq!(code(&refusal), (488, 399));
    }
}

#[test]
fn between_the_peers_the_line_passes_as_it_is() {
    let (mut a, mut b) = direct_legs();
    a.allow_fax(true);
    b.allow_fax(true);
    talk(&mut a, &mut b);
    let (ours, settled) = exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    assert_eq!((body(&ours), lines(&ours, "c=")), (body(&callers_fax()), vec!["c=IN IP4 192.0.2.10"]));
    assert_eq!(body(text(&settled.answer)), body(&called_fax()));
    assert_eq!((settled.describe_from, settled.describe_to, settled.codec), (None, None, None));
}

#[test]
fn attributes_with_control_bytes_do_not_pass() {
    let (mut a, mut b) = fax_legs();
    let offered = callers_fax().replace("a=X-own:1", "a=T38Vendor:\u{7}");
    assert!(!text(offer(&offered, &mut a, &mut b).sdp()).contains("Vendor"));
}

#[test]
fn a_leg_that_rejects_the_line_is_offered_its_audio_again() {
    for (offered, rejected, again) in [
        (callers_fax(), "m=image 0 udptl t38\n", vec!["m=audio 20004 RTP/AVP 0 101"]),
        (
            sdp("192.0.2.10", "m=audio 0 RTP/AVP 0\nm=image 4002 udptl t38\n"),
            "m=audio 0 RTP/AVP 0\nm=image 0 udptl t38\n",
            vec!["m=audio 20004 RTP/AVP 0 101", "m=image 0 udptl t38"],
        ),
    ] {
        let (mut a, mut b) = fax_legs();
        let first = talk(&mut a, &mut b);
        let pending = offer(&offered, &mut a, &mut b);
        let refusal = translate_answer(&pending, sdp("198.51.100.7", rejected).as_bytes(), &mut a, &mut b).unwrap_err();
        assert_eq!(refusal.status, 488);
        assert_eq!((code(&refusal), a.codec()), ((488, 304), Some(Codec::Pcmu)));
        drop(pending);
        let pending = offer_again(&mut b).unwrap();
        assert_eq!((lines(text(pending.sdp()), "m="), version(text(pending.sdp()))), (again, 3));
        assert_eq!(lines(text(pending.sdp()), "a=fmtp"), ["a=fmtp:101 0-15"]);
        let answered = if offered == callers_fax() { called() } else { called() + "m=image 0 udptl t38\r\n" };
        settle_again(&pending, answered.as_bytes(), &mut b).unwrap();
        drop(pending);
        assert_eq!(describe_both(&a, &b), (first.describe_from, first.describe_to));
        // And both are free for the next.
        exchange(&caller(), &answered, &mut a, &mut b);
    }
}

#[test]
fn turns_to_audio_that_come_to_nothing_add_one_line_in_all() {
    let (mut a, mut b) = fax_legs();
    exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    let back = sdp("192.0.2.10", "m=image 0 udptl t38\nm=audio 4000 RTP/AVP 8\n");
    let useless = sdp("198.51.100.7", "m=image 0 udptl t38\nm=audio 6000 RTP/AVP 18\n");
    for _ in 0..3 {
        let pending = offer(&back, &mut a, &mut b);
        let ours = lines(text(pending.sdp()), "m=").join("\n");
        assert!(ours.starts_with("m=image 0 udptl t38\nm=audio 20004 RTP/AVP 8"), "{ours}");
        assert_eq!(lines(text(pending.sdp()), "m=").len(), 2);
        assert!(translate_answer(&pending, useless.as_bytes(), &mut a, &mut b).is_err());
    }
}

#[test]
fn a_first_answer_that_rejects_the_fax_is_refused() {
    let (mut a, mut b) = fax_legs();
    let pending = offer(&callers_fax(), &mut a, &mut b);
    let rejected = sdp("198.51.100.7", "m=image 0 udptl t38\n");
    assert_eq!(code(&translate_answer(&pending, rejected.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 304));
    drop(pending);
    assert!(offer_again(&mut b).is_err());
}

#[test]
fn a_leg_that_ends_its_fax_by_an_answer_is_off_and_so_is_the_other() {
    let (mut a, mut b) = fax_legs();
    talk(&mut a, &mut b);
    exchange(&callers_fax(), &called_fax(), &mut a, &mut b);
    let (_, settled) = exchange(&callers_fax(), &sdp("198.51.100.7", "m=image 0 udptl t38\n"), &mut a, &mut b);
    assert_eq!(lines(text(&settled.answer), "m="), ["m=image 0 udptl t38"]);
    exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!(a.codec(), Some(Codec::Pcmu));
}
