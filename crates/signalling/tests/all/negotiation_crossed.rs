//! Two legs that have both made an offer: each is answered so that they fit each other.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::negotiation_support::*;
use tandem_model::Codec;
use tandem_signalling::{
    negotiation::{Exchange, LegMedia, Refusal, answer_beside, answer_both, translate_answer},
    sdp::Direction,
};

fn audio(host: u8, line: &str) -> String {
    sdp(&format!("192.0.2.{host}"), line)
}

/// The audio lines of both answers, from `m=` on.
fn both(first: &str, second: &str, a: &mut LegMedia, b: &mut LegMedia) -> Result<[String; 2], Refusal> {
    let (first, second) = (read(audio(10, first).as_bytes())?, read(audio(20, second).as_bytes())?);
    let answers = answer_both((&first, a), (&second, b))?;
    Ok(answers.map(|answer| text(&answer)[text(&answer).find("m=").unwrap()..].to_owned()))
}

#[test]
fn each_is_answered_in_what_both_list_under_its_own_numbers() {
    let (mut a, mut b) = legs();
    let first = "m=audio 4000 RTP/AVP 0 8 97 101\na=rtpmap:97 opus/48000/2\na=rtpmap:101 telephone-event/8000\n";
    let second = "m=audio 6000 RTP/AVP 9 96 8\na=rtpmap:96 telephone-event/8000\n";
    let [to_a, to_b] = both(first, second, &mut a, &mut b).unwrap();
    assert!(to_a.starts_with("m=audio 20000 RTP/AVP 8 101\r\n"), "{to_a}");
    assert!(to_b.starts_with("m=audio 20004 RTP/AVP 8 96\r\n"), "{to_b}");
    assert_eq!((a.codec(), b.codec(), a.exchange()), (Some(Codec::Pcma), Some(Codec::Pcma), Exchange::Stable));
    let (to, from) = (a.describe(&b).unwrap(), b.describe(&a).unwrap());
    assert_eq!((to.rtp.unwrap().port(), from.rtp.unwrap().port()), (4000, 6000));
    assert!(rules(&to).contains(&(101, 96)), "{to:?}");
}

#[test]
fn both_speak_the_same_first() {
    let (mut a, mut b) = (leg(1, 20000, &[Codec::Pcma, Codec::Pcmu]), leg(2, 20004, &Codec::ALL));
    let [to_a, to_b] = both("m=audio 4000 RTP/AVP 0 8\n", "m=audio 6000 RTP/AVP 0 8\n", &mut a, &mut b).unwrap();
    assert!(to_a.starts_with("m=audio 20000 RTP/AVP 8 0\r\n") && to_b.starts_with("m=audio 20004 RTP/AVP 8 0\r\n"), "{to_a}{to_b}");
}

#[test]
fn the_direction_is_what_both_allow() {
    for (of_a, of_b, a_has) in [
        ("sendrecv", "sendrecv", Direction::SendRecv),
        ("sendonly", "sendrecv", Direction::SendOnly),
        ("sendrecv", "sendonly", Direction::RecvOnly),
        ("sendonly", "recvonly", Direction::SendOnly),
        ("sendonly", "sendonly", Direction::Inactive),
        ("inactive", "sendrecv", Direction::Inactive),
    ] {
        let (mut a, mut b) = legs();
        let line = |port: u16, way: &str| format!("m=audio {port} RTP/AVP 0\na={way}\n");
        let [to_a, to_b] = both(&line(4000, of_a), &line(6000, of_b), &mut a, &mut b).unwrap();
        assert_eq!((a.direction(), b.direction()), (Some(a_has), Some(a_has.reversed())), "{of_a} {of_b}");
        assert!(to_a.contains(a_has.reversed().as_str()) && to_b.contains(a_has.as_str()), "{to_a}{to_b}");
    }
}

#[test]
fn nothing_in_common_changes_nothing() {
    let (mut a, mut b) = legs();
    let refusal = both("m=audio 4000 RTP/AVP 0\n", "m=audio 6000 RTP/AVP 8\n", &mut a, &mut b).unwrap_err();
    assert_eq!(code(&refusal), (488, 305));
    assert_eq!((a.exchange(), b.exchange()), (Exchange::Idle, Exchange::Idle));
    let mut narrow = leg(2, 20004, &[Codec::Opus]);
    assert_eq!(both("m=audio 4000 RTP/AVP 0\n", "m=audio 6000 RTP/AVP 0\n", &mut a, &mut narrow).unwrap_err().status, 488);
}

#[test]
fn the_offer_may_be_with_somebody_else_already() {
    let (mut a, mut b, mut c) = (leg(1, 20000, &Codec::ALL), leg(2, 20004, &Codec::ALL), leg(3, 20008, &Codec::ALL));
    let offered = read(caller().as_bytes()).unwrap();
    let pending = offer(&caller(), &mut a, &mut b);
    assert!(answer_both((&offered, &mut a), (&read(called().as_bytes()).unwrap(), &mut c)).is_ok());
    drop(pending);
    assert_eq!((a.exchange(), c.exchange()), (Exchange::Stable, Exchange::Stable));
}

/// A has the answer of B, in PCMU; C makes an offer.
fn beside(line: &str, way: &str) -> (LegMedia, LegMedia, Result<String, Refusal>) {
    let (mut a, mut b) = legs();
    let offered = audio(10, "m=audio 4000 RTP/AVP 0 8\n");
    let pending = offer(&offered, &mut a, &mut b);
    let said = audio(20, &format!("m=audio 6000 RTP/AVP 0\na={way}\n"));
    translate_answer(&pending, said.as_bytes(), &mut a, &mut b).unwrap();
    let mut c = leg(3, 20008, &Codec::ALL);
    let offer_of_c = read(audio(30, line).as_bytes()).unwrap();
    let answer = answer_beside(&offer_of_c, &mut c, &a, Some(&read(offered.as_bytes()).unwrap()));
    let answer = answer.map(|answer| text(&answer)[text(&answer).find("m=").unwrap()..].to_owned());
    (a, c, answer)
}

#[test]
fn one_is_answered_already() {
    let (a, c, answer) = beside("m=audio 8000 RTP/AVP 8 0\n", "sendonly");
    assert!(answer.unwrap().starts_with("m=audio 20008 RTP/AVP 0\r\n"));
    assert_eq!((a.codec(), c.codec()), (Some(Codec::Pcmu), Some(Codec::Pcmu)));
    assert_eq!(c.direction(), Some(Direction::SendRecv), "what was told the other is mended later");
}

#[test]
fn one_is_answered_in_what_the_other_does_not_speak() {
    let (_, c, answer) = beside("m=audio 8000 RTP/AVP 9 8\n", "sendrecv");
    assert!(answer.unwrap().starts_with("m=audio 20008 RTP/AVP 8\r\n"));
    assert_eq!(c.codec(), Some(Codec::Pcma), "it was offered that");
    let (.., refused) = beside("m=audio 8000 RTP/AVP 9\n", "sendrecv");
    assert_eq!(refused.unwrap_err().status, 488);
}
