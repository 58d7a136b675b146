//! An INVITE without SDP: the called side offers in its 200, the caller answers in its ACK.

use crate::negotiation_support::*;
use tandem_model::Codec;
use tandem_signalling::negotiation::{Exchange, translate_answer};

#[test]
fn the_roles_are_swapped_and_nothing_else_is() {
    let (mut a, mut b) = legs();
    let pending = offer(&called(), &mut b, &mut a);
    assert_eq!(audio(text(pending.sdp())), "m=audio 20000 RTP/AVP 0 101");
    let settled = translate_answer(&pending, caller().as_bytes(), &mut b, &mut a).unwrap();
    assert_eq!(audio(text(&settled.answer)), "m=audio 20004 RTP/AVP 0 101");
    assert_eq!(settled.describe_from.unwrap().rtp, Some("198.51.100.7:6000".parse().unwrap()));
    assert_eq!(settled.describe_to.unwrap().rtp, Some("192.0.2.10:4000".parse().unwrap()));
}

#[test]
fn an_offer_that_cannot_be_taken_is_declined_line_by_line() {
    let (mut a, mut b) = (leg(1, 20000, &[Codec::Pcma]), leg(2, 20004, &Codec::ALL));
    let offered = sdp("198.51.100.7", "m=video 5000 RTP/AVP 31\nm=audio 6000 RTP/AVP 0\nm=audio 6002 RTP/SAVP 8\n");
    assert_eq!(code(&translate_offer(offered.as_bytes(), &mut b, &mut a).unwrap_err()), (488, 305));
    let declined = decline_offer(offered.as_bytes(), &mut b).unwrap();
    let declined = text(&declined);
    assert_eq!(lines(declined, "m="), ["m=video 0 RTP/AVP 31", "m=audio 0 RTP/AVP 0", "m=audio 0 RTP/SAVP 8"]);
    assert_eq!(lines(declined, "o="), ["o=- 2000 1 IN IP4 10.0.0.2"]);
    assert_eq!((a.exchange(), b.exchange()), (Exchange::Idle, Exchange::Idle));
}

#[test]
fn a_bad_answer_in_the_ack_leaves_an_answer_for_the_other_ack() {
    let (mut a, mut b) = legs();
    let pending = offer(&called(), &mut b, &mut a);
    let bad = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 18\n");
    assert_eq!(code(&translate_answer(&pending, bad.as_bytes(), &mut b, &mut a).unwrap_err()), (488, 305));
    let declined = decline_offer(called().as_bytes(), &mut b).unwrap();
    assert_eq!(lines(text(&declined), "m="), ["m=audio 0 RTP/AVP 0"]);
}

#[test]
fn what_is_no_description_cannot_be_declined() {
    let (_, mut b) = legs();
    assert_eq!(decline_offer(b"hello", &mut b), None);
    let nothing = decline_offer(sdp("198.51.100.7", "").as_bytes(), &mut b).unwrap();
    assert!(lines(text(&nothing), "m=").is_empty());
}

#[test]
fn a_session_that_began_early_may_be_renewed_late() {
    let (mut a, mut b) = legs();
    let (_, early) = exchange(&caller(), &called(), &mut a, &mut b);
    // A re-INVITE of a without SDP: b offers what it has.
    let (ours, late) = exchange(&called(), &caller(), &mut b, &mut a);
    assert_eq!(ours, text(&early.answer));
    assert_eq!((late.describe_from, late.describe_to), (early.describe_to, early.describe_from));
}
