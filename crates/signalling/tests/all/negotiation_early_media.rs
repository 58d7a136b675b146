//! Media before the answer, and several answers to one offer.

use crate::negotiation_support::*;
use tandem_model::{Codec, SourceRule};
use tandem_signalling::negotiation::{LegMedia, translate_answer};

#[test]
fn the_leg_that_offered_can_be_sent_to_at_once() {
    let (mut a, mut b) = legs();
    let early = offer(&caller(), &mut a, &mut b).describe_early(&a, &b).unwrap();
    assert_eq!(early.from.rtp, Some("192.0.2.10:4000".parse().unwrap()));
    assert_eq!(early.from.source, SourceRule::Described("192.0.2.10".parse().unwrap()));
    assert!(early.from.receives && early.from.payloads.is_empty());
    assert_eq!((early.to.rtp, early.to.source), (None, SourceRule::None));
    assert_eq!(rules(&early.to), [(0, 0), (101, 101)]);
}

#[test]
fn behind_nat_the_host_of_the_signalling_may_speak_before_it_answers() {
    let mut a = leg(1, 20000, &Codec::ALL);
    let host = "203.0.113.9".parse().unwrap();
    let mut b = LegMedia::new(&Codec::ALL, true, Some(host), 2000);
    b.set_local(endpoint("10.0.0.2", 20004));
    let early = offer(&caller(), &mut a, &mut b).describe_early(&a, &b).unwrap();
    assert_eq!(early.to.source, SourceRule::Host(host));
    assert!(early.to.receives);
}

#[test]
fn a_held_offer_is_held_early() {
    let (mut a, mut b) = legs();
    let early = offer(&(caller() + "a=sendonly\r\n"), &mut a, &mut b).describe_early(&a, &b).unwrap();
    assert_eq!((early.from.rtp, early.from.receives, early.from.held), (None, true, true));
    assert!(!early.to.receives);
}

#[test]
fn a_final_answer_replaces_the_provisional_one() {
    let (mut a, mut b) = legs();
    let pending = offer(&caller(), &mut a, &mut b);
    let server = sdp("198.51.100.99", "m=audio 7000 RTP/AVP 0\na=sendonly\n");
    let early = translate_answer(&pending, server.as_bytes(), &mut a, &mut b).unwrap();
    assert_eq!(early.describe_to.unwrap().source, SourceRule::Described("198.51.100.99".parse().unwrap()));
    let last = translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    let to = last.describe_to.unwrap();
    assert_eq!((to.rtp, to.held), (Some("198.51.100.7:6000".parse().unwrap()), false));
    assert_eq!(rules(&to), [(0, 0), (101, 101)]);
    assert_eq!(a.describe(&b), last.describe_from);
}

#[test]
fn a_final_answer_that_rejects_what_a_provisional_one_took_is_refused() {
    let (mut a, mut b) = legs();
    let pending = offer(&caller(), &mut a, &mut b);
    translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    let rejected = sdp("198.51.100.7", "m=audio 0 RTP/AVP 0\n");
    assert_eq!(code(&translate_answer(&pending, rejected.as_bytes(), &mut a, &mut b).unwrap_err()), (488, 304));
}
