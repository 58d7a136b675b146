//! An offer that failed never was (RFC 3261 §14.1), and one that is open keeps others out (§14.2).

use crate::negotiation_support::*;
use tandem_signalling::negotiation::{Exchange, translate_answer};

#[test]
fn a_dropped_offer_leaves_the_session() {
    let (mut a, mut b) = legs();
    let (_, before) = exchange(&caller(), &called(), &mut a, &mut b);
    let held = caller() + "a=sendonly\r\n";
    let pending = offer(&held, &mut a, &mut b);
    assert_eq!(a.exchange(), Exchange::OfferReceived { established: true });
    assert_eq!(b.exchange(), Exchange::OfferSent { established: true });
    drop(pending);
    assert_eq!((a.exchange(), b.exchange()), (Exchange::Stable, Exchange::Stable));
    assert_eq!((a.describe(&b), b.describe(&a)), (before.describe_from, before.describe_to));
}

#[test]
fn a_first_offer_that_failed_leaves_nothing() {
    let (mut a, mut b) = legs();
    drop(offer(&caller(), &mut a, &mut b));
    assert_eq!((a.exchange(), b.exchange()), (Exchange::Idle, Exchange::Idle));
    assert_eq!((a.describe(&b), a.codec()), (None, None));
}

#[test]
fn a_second_offer_of_the_same_leg_waits() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let _open = offer(&caller(), &mut a, &mut b);
    let held = caller() + "a=sendonly\r\n";
    let refusal = translate_offer(held.as_bytes(), &mut a, &mut b).unwrap_err();
    assert_eq!(code(&refusal), (500, 0));
}

#[test]
fn offers_that_cross_are_refused_with_491() {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    let pending = offer(&caller(), &mut a, &mut b);
    assert_eq!(code(&translate_offer(called().as_bytes(), &mut b, &mut a).unwrap_err()), (491, 0));
    translate_answer(&pending, called().as_bytes(), &mut a, &mut b).unwrap();
    drop(pending);
    assert!(translate_offer(called().as_bytes(), &mut b, &mut a).is_ok());
}

#[test]
fn an_open_offer_may_be_tried_on_another_leg() {
    let (mut a, mut b) = legs();
    let mut c = leg(3, 20008, &tandem_model::Codec::ALL);
    let first = offer(&caller(), &mut a, &mut b);
    let second = offer(&caller(), &mut a, &mut c);
    let fork = translate_answer(&first, called().as_bytes(), &mut a, &mut b).unwrap();
    let answered = called().replace("198.51.100.7", "198.51.100.8");
    let last = translate_answer(&second, answered.as_bytes(), &mut a, &mut c).unwrap();
    assert_eq!(fork.answer, last.answer, "the caller hears the same of both");
    assert_eq!(last.describe_to.unwrap().rtp, Some("198.51.100.8:6000".parse().unwrap()));
}

#[test]
fn an_answer_to_an_offer_that_was_replaced_is_refused() {
    let (mut a, mut b) = legs();
    let first = offer(&caller(), &mut a, &mut b);
    let mut c = leg(3, 20008, &tandem_model::Codec::ALL);
    assert_eq!(translate_answer(&first, called().as_bytes(), &mut a, &mut c).unwrap_err().status, 500);
}

#[test]
fn a_refused_offer_or_answer_changes_nothing() {
    let (mut a, mut b) = legs();
    let (_, before) = exchange(&caller(), &called(), &mut a, &mut b);
    let unknown = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 18\n");
    assert!(translate_offer(unknown.as_bytes(), &mut a, &mut b).is_err());
    let pending = offer(&caller(), &mut a, &mut b);
    assert!(translate_answer(&pending, unknown.as_bytes(), &mut a, &mut b).is_err());
    drop(pending);
    assert_eq!((a.describe(&b), b.describe(&a)), (before.describe_from, before.describe_to));
    let (_, after) = exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!(after.answer, before.answer);
}
