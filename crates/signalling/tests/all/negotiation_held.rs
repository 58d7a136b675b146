//! A leg that we hold (RFC 3264 §8.4): what it is offered and answered, and what the other leg hears of that: nothing.

use crate::negotiation_support::*;
use tandem_signalling::{
    negotiation::{self, LegMedia, PendingAgain, settle_again},
    sdp::Direction,
};

fn directed(address: &str, port: u16, direction: Direction) -> String {
    sdp(address, &format!("m=audio {port} RTP/AVP 0\na={}\n", direction.as_str()))
}

fn of_a(direction: Direction) -> String {
    directed("192.0.2.10", 4000, direction)
}

fn of_b(direction: Direction) -> String {
    directed("198.51.100.7", 6000, direction)
}

fn established() -> (LegMedia, LegMedia) {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    (a, b)
}

/// What a description says of the direction.
fn way(description: &str) -> &str {
    let names = Direction::ALL.map(Direction::as_str);
    lines(description, "a=").into_iter().map(|line| &line[2..]).find(|name| names.contains(name)).unwrap_or("")
}

fn offer_hold(leg: &mut LegMedia, held: bool, wanted: Direction) -> PendingAgain {
    negotiation::offer_hold(leg, held, wanted).expect("it can be held")
}

fn take(pending: PendingAgain, answer: &str, leg: &mut LegMedia, held: bool) {
    settle_again(&pending, answer.as_bytes(), leg).expect("an answer that can be used");
    leg.hold(held);
}

/// B is held by us.
fn b_is_held() -> (LegMedia, LegMedia) {
    let (a, mut b) = established();
    let pending = offer_hold(&mut b, true, Direction::SendRecv);
    assert_eq!(way(text(pending.sdp())), "sendonly");
    take(pending, &of_b(Direction::RecvOnly), &mut b, true);
    (a, b)
}

#[test]
fn it_is_offered_what_it_has_in_another_direction() {
    let (a, mut b) = established();
    let before = b.said().unwrap();
    let described = (a.describe(&b), b.describe(&a));
    let pending = offer_hold(&mut b, true, Direction::SendRecv);
    let (said, was) = (text(pending.sdp()).to_owned(), text(&before).to_owned());
    assert_eq!(version(&said), version(&was) + 1);
    let rest = |text: &str| text.lines().filter(|line| !line.starts_with("o=")).collect::<Vec<_>>().join("\n");
    assert_eq!(rest(&said), rest(&was).replace("a=sendrecv", "a=sendonly"));
    take(pending, &(called() + "a=recvonly\r\n"), &mut b, true);
    let held = b.describe(&a).unwrap();
    assert_eq!((held.receives, held.held, held.rtp.is_some()), (false, true, true), "it hears what is played to it");
    assert_eq!(a.describe(&b), described.0, "the other one is as before");
    let pending = offer_hold(&mut b, false, Direction::SendRecv);
    assert_eq!(rest(text(pending.sdp())), rest(&was));
    take(pending, &called(), &mut b, false);
    assert_eq!((a.describe(&b), b.describe(&a)), described);
}

/// The held one answers what the other offers, and the other hears of it as if it were not held.
#[test]
fn offers_to_it_say_sendonly_and_answers_of_it_are_widened() {
    let mut table = String::new();
    for offered in Direction::ALL {
        for answered in [Direction::SendRecv, Direction::RecvOnly, Direction::Inactive] {
            let (mut a, mut b) = b_is_held();
            let (ours, settled) = exchange(&of_a(offered), &of_b(answered), &mut a, &mut b);
            let (from, to) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
            assert!(!to.receives && to.held, "nobody hears it");
            let flags = format!("{} {}", if from.held { "held" } else { "-" }, if to.rtp.is_some() { "hears" } else { "-" });
            table += &format!(
                "{:8} | {:8} | {:8} | {:8} | {flags}\n",
                offered.as_str(),
                way(&ours),
                answered.as_str(),
                way(text(&settled.answer))
            );
        }
    }
    insta::assert_snapshot!("a offers | to b     | b ans.   | to a     | a, b\n".to_owned() + &table, @r"
    a offers | to b     | b ans.   | to a     | a, b
    sendrecv | sendonly | sendrecv | sendrecv | - hears
    sendrecv | sendonly | recvonly | sendrecv | - hears
    sendrecv | sendonly | inactive | sendonly | held -
    sendonly | sendonly | sendrecv | recvonly | held hears
    sendonly | sendonly | recvonly | recvonly | held hears
    sendonly | sendonly | inactive | inactive | held -
    recvonly | sendonly | sendrecv | sendonly | held hears
    recvonly | sendonly | recvonly | sendonly | held hears
    recvonly | sendonly | inactive | sendonly | held -
    inactive | sendonly | sendrecv | inactive | held hears
    inactive | sendonly | recvonly | inactive | held hears
    inactive | sendonly | inactive | inactive | held -
    ");
}

/// What the held one offers goes on as if it were not held; its answer is `sendonly`, or `inactive` where it holds itself.
#[test]
fn its_own_offers_are_widened_and_answered_sendonly() {
    let mut table = String::new();
    for offered in Direction::ALL {
        let (mut a, mut b) = b_is_held();
        let (ours, settled) = exchange(&of_b(offered), &of_a(Direction::SendRecv), &mut b, &mut a);
        assert!(!settled.describe_from.unwrap().receives, "nobody hears it");
        table += &format!("{:8} | {:8} | {}\n", offered.as_str(), way(&ours), way(text(&settled.answer)));
    }
    insta::assert_snapshot!("b offers | to a     | to b\n".to_owned() + &table, @r"
    b offers | to a     | to b
    sendrecv | sendrecv | sendonly
    sendonly | sendonly | inactive
    recvonly | sendrecv | sendonly
    inactive | sendonly | inactive
    ");
}

#[test]
fn an_answer_that_says_more_than_it_was_offered_is_cut() {
    let (a, mut b) = established();
    let pending = offer_hold(&mut b, true, Direction::SendRecv);
    take(pending, &called(), &mut b, true);
    assert!(!b.describe(&a).unwrap().receives);
    assert_eq!(b.direction(), Some(Direction::SendRecv), "what it would do");
}

#[test]
fn both_may_be_held() {
    let (mut a, mut b) = b_is_held();
    let pending = offer_hold(&mut a, true, Direction::SendRecv);
    take(pending, &of_a(Direction::RecvOnly), &mut a, true);
    let (ours, settled) = exchange(&of_a(Direction::SendRecv), &of_b(Direction::RecvOnly), &mut a, &mut b);
    assert_eq!((way(&ours), way(text(&settled.answer))), ("sendonly", "sendonly"));
    assert!(!settled.from_holds && !settled.to_holds, "neither peer holds");
}

#[test]
fn what_cannot_be_held() {
    let (mut a, mut b) = direct_legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    assert_eq!(negotiation::offer_hold(&mut b, true, Direction::SendRecv).unwrap_err().status, 488);
    let (_, mut unsettled) = legs();
    assert_eq!(negotiation::offer_hold(&mut unsettled, true, Direction::SendRecv).unwrap_err().status, 488);
    let (mut a, mut b) = established();
    let open = offer(&caller(), &mut a, &mut b);
    assert_eq!(negotiation::offer_hold(&mut b, true, Direction::SendRecv).unwrap_err().status, 491);
    drop(open);
}
