//! Offers of our own, and offers like what another leg has settled on.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::negotiation_support::*;
use tandem_model::{Codec, SourceRule};
use tandem_signalling::{
    negotiation::{Exchange, LegMedia, PendingOwn, SettledLike, offer_like, offer_own, settle_like, settle_own},
    sdp::Direction,
};

/// A phone that answers with Opus under its own number, and what it wishes for.
const OPUS: &str = "m=audio 6000 RTP/AVP 96 0 101\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1; stereo=0\n\
    a=rtpmap:101 telephone-event/8000\na=ptime:40\na=maxptime:60\n";

fn third() -> LegMedia {
    leg(3, 20008, &Codec::ALL)
}

/// C is asked by us and answers; then B, who talked with A, is offered the like and answers.
fn transferred(b: &mut LegMedia, c: &mut LegMedia, c_says: &str, b_says: &str) -> (String, SettledLike) {
    let asked = offer_own(c, &Codec::ALL).unwrap();
    settle_own(&asked, c_says.as_bytes(), c).unwrap();
    let direction = c.direction().unwrap();
    let pending = offer_like(c, b, direction).unwrap();
    let settled = settle_like(&pending, b_says.as_bytes(), c, b).unwrap();
    (text(pending.sdp()).to_owned(), settled)
}

fn body(sdp: &PendingOwn) -> &str {
    let sdp = text(sdp.sdp());
    &sdp[sdp.find("m=").unwrap()..]
}

#[test]
fn an_offer_of_ours_lists_what_both_may_use_in_the_order_of_who_gets_it() {
    let mut b = leg(2, 20004, &[Codec::Pcma, Codec::Opus, Codec::Pcmu]);
    let pending = offer_own(&mut b, &[Codec::Pcmu, Codec::Pcma, Codec::G722]).unwrap();
    assert_eq!(
        text(pending.sdp()),
        "v=0\r\no=- 2000 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 20004 RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
    );
    let settled = settle_own(&pending, called().as_bytes(), &mut b).unwrap();
    assert_eq!((settled.codec, settled.holds, b.direction()), (Some(Codec::Pcmu), false, Some(Direction::SendRecv)));
    drop(pending);
    assert_eq!(b.exchange(), Exchange::Stable);
}

#[test]
fn one_who_made_no_offer_is_offered_what_the_other_answered() {
    // A ring group: B answers our offer, and the caller learns of it in the 200.
    let (mut a, mut b) = legs();
    let asked = offer_own(&mut b, &Codec::ALL).unwrap();
    settle_own(&asked, sdp("198.51.100.7", OPUS).as_bytes(), &mut b).unwrap();
    let pending = offer_like(&b, &mut a, b.direction().unwrap()).unwrap();
    // One codec, though B answered with two: they are to speak the same.
    assert_eq!(
        body(&pending),
        "m=audio 20000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1; stereo=0\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:40\r\na=maxptime:60\r\na=sendrecv\r\n"
    );
    let answer = sdp("192.0.2.10", "m=audio 4000 RTP/AVP 96 101\na=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\n");
    let settled = settle_like(&pending, answer.as_bytes(), &b, &mut a).unwrap();
    let (of, to) = (settled.describe_of.unwrap(), settled.describe_to.unwrap());
    // B was offered Opus as 111 and answered that it wants 96.
    assert_eq!((rules(&of), rules(&to)), (vec![(111, 96), (101, 101), (96, 96)], vec![(96, 96), (101, 101)]));
    assert_eq!((of.rtp, to.rtp), ("198.51.100.7:6000".parse().ok(), "192.0.2.10:4000".parse().ok()));
    assert_eq!(
        (of.source, to.source),
        (SourceRule::Described("198.51.100.7".parse().unwrap()), SourceRule::Described("192.0.2.10".parse().unwrap()))
    );
    assert_eq!((settled.codec, settled.to_holds), (Some(Codec::Opus), false));
    assert_eq!((a.exchange(), b.exchange()), (Exchange::OfferSent { established: true }, Exchange::OfferSent { established: true }));
    drop((pending, asked));
    assert_eq!((a.exchange(), b.exchange()), (Exchange::Stable, Exchange::Stable));
}

#[test]
fn a_leg_on_hold_is_resumed_beside_another() {
    let (mut a, mut b, mut c) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &Codec::ALL), third());
    exchange(&caller(), &called(), &mut a, &mut b);
    // A holds B, and transfers it.
    exchange(&(caller() + "a=sendonly\r\n"), &(called() + "a=recvonly\r\n"), &mut a, &mut b);
    assert_eq!(b.direction(), Some(Direction::RecvOnly));
    let answered = sdp("203.0.113.9", "m=audio 7000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n");
    let b_says = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\n");
    let (ours, settled) = transferred(&mut b, &mut c, &answered, &b_says);
    assert_eq!((audio(&ours), lines(&ours, "a=sendrecv").len(), version(&ours)), ("m=audio 20004 RTP/AVP 8 101", 1, 3));
    let (of, to) = (settled.describe_of.unwrap(), settled.describe_to.unwrap());
    assert_eq!((of.rtp, to.rtp), ("203.0.113.9:7000".parse().ok(), "198.51.100.7:6000".parse().ok()));
    assert!(of.receives && to.receives && !of.held && !to.held);
    assert_eq!((b.codec(), c.codec()), (Some(Codec::Pcma), Some(Codec::Pcma)));
}

#[test]
fn one_who_goes_on_holding_is_noticed() {
    let (mut b, mut c) = (leg(2, 20004, &Codec::ALL), third());
    let (_, settled) = transferred(&mut b, &mut c, &called(), &(caller() + "a=sendonly\r\n"));
    assert!(settled.to_holds);
    let to = settled.describe_to.unwrap();
    assert_eq!((to.rtp, to.receives, to.held), (None, true, true));
    let open = offer_like(&c, &mut b, Direction::SendOnly).unwrap();
    assert_eq!(offer_like(&c, &mut b, Direction::SendOnly).unwrap_err().status, 491, "one offer at a time");
    drop(open);
}

#[test]
fn the_direction_is_for_who_asks_to_say() {
    let (mut b, mut c) = (leg(2, 20004, &Codec::ALL), third());
    transferred(&mut b, &mut c, &called(), &caller());
    for direction in Direction::ALL {
        let pending = offer_like(&c, &mut b, direction).unwrap();
        assert_eq!(lines(text(pending.sdp()), &format!("a={}", direction.as_str())).len(), 1);
        let settled = settle_like(&pending, caller().as_bytes(), &c, &mut b).unwrap();
        assert_eq!(b.direction(), Some(direction.reversed()));
        // It did not answer with its direction, and holds nobody.
        assert_eq!((settled.to_holds, settled.describe_to.unwrap().receives), (false, direction.receives()));
    }
}

#[test]
fn an_early_answer_is_replaced_by_the_final_one() {
    let mut b = leg(2, 20004, &Codec::ALL);
    let pending = offer_own(&mut b, &Codec::ALL).unwrap();
    settle_own(&pending, called().as_bytes(), &mut b).unwrap();
    let other = sdp("203.0.113.9", "m=audio 7000 RTP/AVP 8\n");
    let settled = settle_own(&pending, other.as_bytes(), &mut b).unwrap();
    assert_eq!((settled.codec, b.codec()), (Some(Codec::Pcma), Some(Codec::Pcma)));
}

#[test]
fn a_failed_offer_leaves_the_leg_as_it_was() {
    let (mut a, mut b) = legs();
    let (_, before) = exchange(&caller(), &called(), &mut a, &mut b);
    let mut c = third();
    let asked = offer_own(&mut c, &Codec::ALL).unwrap();
    settle_own(&asked, called().as_bytes(), &mut c).unwrap();
    let pending = offer_like(&c, &mut b, Direction::SendRecv).unwrap();
    let bad = sdp("198.51.100.7", "m=audio 6000 RTP/AVP 18\n");
    assert_eq!(code(&settle_like(&pending, bad.as_bytes(), &c, &mut b).unwrap_err()), (488, 305));
    drop(pending);
    assert_eq!((b.exchange(), b.describe(&a)), (Exchange::Stable, before.describe_to));
}

#[test]
fn what_cannot_be_offered_is_refused_plainly() {
    let mut pcma = leg(2, 20004, &[Codec::Pcma]);
    assert_eq!(code(&offer_own(&mut pcma, &[Codec::Pcmu]).unwrap_err()), (488, 305));
    let (mut c, mut without_ports) = (third(), LegMedia::new(&Codec::ALL, true, None, 1));
    assert_eq!(code(&offer_own(&mut without_ports, &Codec::ALL).unwrap_err()), (500, 399));
    assert_eq!(code(&offer_like(&c, &mut pcma, Direction::SendRecv).unwrap_err()), (500, 399), "there is nothing to be like");
    let asked = offer_own(&mut c, &Codec::ALL).unwrap();
    settle_own(&asked, called().as_bytes(), &mut c).unwrap();
    assert_eq!(code(&offer_like(&c, &mut pcma, Direction::SendRecv).unwrap_err()), (488, 305), "they would not understand each other");
    assert_eq!(code(&offer_own(&mut c, &Codec::ALL).unwrap_err()), (491, 0));
    let (mut direct, other) = direct_legs();
    assert_eq!(code(&offer_own(&mut direct, &Codec::ALL).unwrap_err()), (488, 399), "there is no address to offer");
    assert_eq!(direct.exchange(), Exchange::Idle);
    drop(other);
}

#[test]
fn fax_is_turned_back_to_audio_and_never_offered() {
    let (mut a, mut b) = legs();
    a.allow_fax(true);
    b.allow_fax(true);
    exchange(&caller(), &called(), &mut a, &mut b);
    let fax = |address: &str| sdp(address, "m=audio 0 RTP/AVP 0\nm=image 4002 udptl t38\na=T38FaxVersion:0\n");
    exchange(&fax("192.0.2.10"), &fax("198.51.100.7"), &mut a, &mut b);
    let mut c = third();
    assert_eq!(code(&offer_like(&a, &mut c, Direction::SendRecv).unwrap_err()), (488, 305));
    let ours = offer_own(&mut b, &[Codec::Pcmu]).unwrap();
    assert_eq!(lines(text(ours.sdp()), "m="), ["m=audio 20004 RTP/AVP 0 101", "m=image 0 udptl t38"]);
}
