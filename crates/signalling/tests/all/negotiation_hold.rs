//! Hold and resume, in all the ways that phones do it (RFC 3264 §8.4, §6.1).

use crate::negotiation_support::*;
use tandem_model::SourceRule;
use tandem_signalling::{
    negotiation::{LegMedia, Settled},
    sdp::Direction,
};

fn directed(address: &str, port: u16, attribute: &str) -> String {
    sdp(address, &format!("m=audio {port} RTP/AVP 0\n{attribute}"))
}

fn established() -> (LegMedia, LegMedia) {
    let (mut a, mut b) = legs();
    exchange(&caller(), &called(), &mut a, &mut b);
    (a, b)
}

fn hold(offered: &str, answered: &str) -> (String, Settled) {
    let (mut a, mut b) = established();
    exchange(offered, answered, &mut a, &mut b)
}

#[test]
fn every_direction_meets_every_direction() {
    let mut table = String::new();
    for offered in Direction::ALL {
        for answered in Direction::ALL {
            let (ours, settled) = hold(
                &directed("192.0.2.10", 4000, &format!("a={}\n", offered.as_str())),
                &directed("198.51.100.7", 6000, &format!("a={}\n", answered.as_str())),
            );
            let (from, to) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
            assert_eq!(lines(&ours, "a=").last().unwrap()[2..], *offered.as_str());
            assert_eq!(from.held, to.held);
            let flag = |flag: bool| if flag { "yes" } else { "-" };
            table += &format!(
                "{:8} | {:8} | {:8} | {:8} | {:3} | {:6} | {:4} | {}\n",
                offered.as_str(),
                answered.as_str(),
                &lines(text(&settled.answer), "a=").last().unwrap()[2..],
                match (from.receives, to.receives) {
                    (true, true) => "both",
                    (true, false) => "offerer",
                    (false, true) => "answerer",
                    (false, false) => "none",
                },
                flag(from.held),
                flag(settled.from_holds),
                flag(settled.to_holds),
                flag(from.rtp.is_some() == to.receives && to.rtp.is_some() == from.receives),
            );
        }
    }
    let head = "offer    | answer   | our ans. | sends    | held | offerer holds | answerer holds | addresses fit\n";
    insta::assert_snapshot!(head.to_owned() + &table, @r"
    offer    | answer   | our ans. | sends    | held | offerer holds | answerer holds | addresses fit
    sendrecv | sendrecv | sendrecv | both     | -   | -      | -    | yes
    sendrecv | sendonly | sendonly | answerer | yes | -      | yes  | yes
    sendrecv | recvonly | recvonly | offerer  | yes | -      | -    | yes
    sendrecv | inactive | inactive | none     | yes | -      | yes  | yes
    sendonly | sendrecv | recvonly | offerer  | yes | yes    | -    | yes
    sendonly | sendonly | inactive | none     | yes | yes    | yes  | yes
    sendonly | recvonly | recvonly | offerer  | yes | yes    | -    | yes
    sendonly | inactive | inactive | none     | yes | yes    | yes  | yes
    recvonly | sendrecv | sendonly | answerer | yes | -      | -    | yes
    recvonly | sendonly | sendonly | answerer | yes | -      | -    | yes
    recvonly | recvonly | inactive | none     | yes | -      | -    | yes
    recvonly | inactive | inactive | none     | yes | -      | -    | yes
    inactive | sendrecv | inactive | none     | yes | yes    | -    | yes
    inactive | sendonly | inactive | none     | yes | yes    | -    | yes
    inactive | recvonly | inactive | none     | yes | yes    | -    | yes
    inactive | inactive | inactive | none     | yes | yes    | -    | yes
    ");
}

#[test]
fn an_address_of_zeros_is_hold() {
    let offered = directed("0.0.0.0", 4000, "");
    let (ours, settled) = hold(&offered, &directed("198.51.100.7", 6000, "a=recvonly\n"));
    assert_eq!(lines(&ours, "a=send"), ["a=sendonly"]);
    assert_eq!(lines(&ours, "c="), ["c=IN IP4 10.0.0.2"]);
    assert!(settled.from_holds);
    let from = settled.describe_from.unwrap();
    assert_eq!((from.rtp, from.rtcp, from.held, from.receives), (None, None, true, true));
    // Music may come from where it came before.
    assert_eq!(from.source, SourceRule::Described("192.0.2.10".parse().unwrap()));
    assert_eq!(settled.describe_to.unwrap().rtp, Some("198.51.100.7:6000".parse().unwrap()));
}

#[test]
fn an_answer_with_an_address_of_zeros_holds_too() {
    let (_, settled) = hold(&directed("192.0.2.10", 4000, ""), &directed("0.0.0.0", 6000, ""));
    assert!(settled.to_holds && !settled.from_holds);
    assert_eq!(lines(text(&settled.answer), "a=send"), ["a=sendonly"]);
    assert_eq!(settled.describe_to.unwrap().rtp, None);
}

#[test]
fn a_port_of_zero_holds_the_other_side_and_does_not_cut_it_off() {
    let offered = directed("192.0.2.10", 0, "");
    let (ours, settled) = hold(&offered, &directed("198.51.100.7", 6000, "a=inactive\n"));
    assert_eq!((audio(&ours), lines(&ours, "a=inactive").len()), ("m=audio 20004 RTP/AVP 0 101", 1));
    assert_eq!(lines(text(&settled.answer), "m="), ["m=audio 0 RTP/AVP 0"]);
    assert_eq!(settled.codec, None);
    assert!(settled.from_holds);
    let (from, to) = (settled.describe_from.unwrap(), settled.describe_to.unwrap());
    assert_eq!((from.rtp, from.rtcp, from.receives, from.held), (None, None, false, true));
    assert_eq!((to.rtp, to.receives, to.held), (None, false, true));
}

#[test]
fn a_leg_that_rejects_the_audio_it_had_holds_too() {
    let (_, settled) = hold(&caller(), &directed("198.51.100.7", 0, ""));
    let answer = text(&settled.answer);
    assert_eq!((audio(answer), lines(answer, "a=inactive").len()), ("m=audio 20000 RTP/AVP 0 101", 1));
    assert!(settled.to_holds && settled.codec.is_none());
    assert_eq!(settled.describe_to.unwrap().rtp, None);
}

#[test]
fn resume_brings_everything_back() {
    let holds = [directed("192.0.2.10", 4000, "a=sendonly\n"), directed("0.0.0.0", 4000, ""), directed("192.0.2.10", 0, "")];
    for held in holds {
        let (mut a, mut b) = established();
        let (before_a, before_b) = (a.describe(&b), b.describe(&a));
        let (_, settled) = exchange(&held, &directed("198.51.100.7", 6000, "a=inactive\n"), &mut a, &mut b);
        assert!(settled.describe_to.unwrap().held);
        let (_, settled) = exchange(&caller(), &called(), &mut a, &mut b);
        assert_eq!((settled.describe_from, settled.describe_to), (before_a, before_b));
        assert!(!settled.from_holds && !settled.to_holds);
    }
}

#[test]
fn the_held_side_may_hold_as_well_and_each_resumes_for_itself() {
    let (mut a, mut b) = established();
    exchange(&directed("192.0.2.10", 4000, "a=sendonly\n"), &directed("198.51.100.7", 6000, "a=recvonly\n"), &mut a, &mut b);
    let (ours, settled) =
        exchange(&directed("198.51.100.7", 6000, "a=sendonly\n"), &directed("192.0.2.10", 4000, "a=inactive\n"), &mut b, &mut a);
    assert_eq!(lines(&ours, "a=send"), ["a=sendonly"]);
    assert!(settled.from_holds && settled.to_holds);
    // b resumes while a still holds.
    let (_, settled) = exchange(&directed("198.51.100.7", 6000, ""), &directed("192.0.2.10", 4000, "a=sendonly\n"), &mut b, &mut a);
    assert!(!settled.from_holds && settled.to_holds);
    assert_eq!(lines(text(&settled.answer), "a=send"), ["a=sendonly"]);
}

#[test]
fn a_direction_of_the_session_counts_for_the_audio() {
    let offered = caller().replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n");
    let (ours, settled) = hold(&offered, &called());
    assert_eq!(lines(&ours, "a=inactive").len(), 1);
    assert!(settled.describe_to.unwrap().held);
    let overruled = offered + "a=sendrecv\r\n";
    assert!(!hold(&overruled, &called()).1.from_holds);
}

#[test]
fn rtcp_goes_on_while_held() {
    let (_, settled) = hold(&directed("192.0.2.10", 4000, "a=inactive\n"), &directed("198.51.100.7", 6000, "a=inactive\n"));
    let from = settled.describe_from.unwrap();
    assert_eq!((from.rtp, from.rtcp), (None, Some("192.0.2.10:4001".parse().unwrap())));
}
