//! A MESSAGE outside of any dialog whose target is a name: it goes where an INVITE would, and on to the next place (RFC 3263 §4.3).

use crate::far::{asked, bob_then_carol, heard, house};
use crate::messages::{answers, say, told};
use tandem_model::Transport;
use tandem_signalling::locate::Kind;
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, Sim, ms, secs};

fn far(uri: &str, transport: &str) -> Sim {
    house(uri, "", |zone| bob_then_carol(zone, transport))
}

/// Says it, and waits: how often bob and carol have been asked by then.
fn said(sim: &mut Sim, number: u32) -> (usize, usize) {
    say(sim, ALICE, "far", number);
    sim.run_for(ms(300));
    (heard(sim, BOB, "MESSAGE").len(), heard(sim, CAROL, "MESSAGE").len())
}

#[test]
fn a_503_leads_to_the_next() {
    let mut sim = far("sip:carrier.example", "udp");
    sim.phone_mut(BOB).setup_mut().outside = vec![503];
    assert_eq!(said(&mut sim, 1), (1, 1));
    assert_eq!((answers(&sim, ALICE), told(&sim)), (vec![200], vec![(Some(200), "trunk:far")]));
    let (first, second) = (heard(&sim, BOB, "MESSAGE").remove(0), heard(&sim, CAROL, "MESSAGE").remove(0));
    for name in ["Call-ID", "From", "To", "CSeq", "Max-Forwards"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_ne!(first.header("Via"), second.header("Via"));
    assert_eq!((first.uri(), &first.body), (second.uri(), &second.body));
    assert_eq!(said(&mut sim, 2), (1, 2), "who failed lately is asked last");
    sim.finish();
}

#[test]
fn who_is_not_there_leads_to_the_next() {
    let mut sim = far("sip:carrier.example", "udp");
    sim.core_mut().unreachable.push(BOB);
    assert_eq!(said(&mut sim, 1), (0, 1));
    assert_eq!(answers(&sim, ALICE), [200]);
    sim.finish();
    let mut sim = far("sip:carrier.example;transport=tcp", "tcp");
    sim.phone_mut(CAROL).setup_mut().transport = Transport::Tcp;
    sim.refuse_connections(BOB, true);
    assert_eq!(said(&mut sim, 1), (0, 1));
    assert_eq!(answers(&sim, ALICE), [200]);
    sim.finish();
}

#[test]
fn another_failure_is_the_targets() {
    let mut sim = far("sip:carrier.example", "udp");
    sim.phone_mut(BOB).setup_mut().outside = vec![404];
    assert_eq!((said(&mut sim, 1), answers(&sim, ALICE)), ((1, 0), vec![404]));
    sim.finish();
}

#[test]
fn behind_the_last_hop_the_next_target_is() {
    let mut sim = far("sip:carrier.example", "udp");
    sim.phone_mut(BOB).setup_mut().outside = vec![503];
    sim.core_mut().unreachable.push(CAROL);
    say(&mut sim, ALICE, "further", 1);
    sim.run_for(ms(300));
    assert_eq!((answers(&sim, ALICE), heard(&sim, DORA, "MESSAGE").len()), (vec![200], 1));
    sim.phone_mut(BOB).setup_mut().outside = vec![503];
    say(&mut sim, ALICE, "far", 2);
    sim.run_for(ms(300));
    assert_eq!(answers(&sim, ALICE), [200, 500]);
    sim.finish();
}

#[test]
fn who_says_nothing_is_asked_last_the_next_time() {
    let mut sim = far("sip:carrier.example", "udp");
    sim.core_mut().zone.delay = ms(20);
    sim.link(CORE, BOB, Link::CUT);
    // Whoever sent it has given up by then as well: there is no time to ask anybody else (RFC 4320 §4.2).
    say(&mut sim, ALICE, "far", 1);
    sim.run_for(secs(40));
    assert_eq!((answers(&sim, ALICE), told(&sim)), (vec![], vec![(None, "trunk:far")]));
    assert_eq!((said(&mut sim, 2), answers(&sim, ALICE)), ((0, 1), vec![200]));
    sim.finish();
}

#[test]
fn the_transport_is_for_the_domain_to_choose() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.set_naptr("carrier.example", &[(1, 1, "SIP+D2T", "_sip._tcp.carrier.example")]);
        bob_then_carol(zone, "tcp");
    });
    sim.phone_mut(BOB).setup_mut().transport = Transport::Tcp;
    assert_eq!(said(&mut sim, 1), (1, 0));
    assert!(heard(&sim, BOB, "MESSAGE")[0].header("Via").is_some_and(|via| via.starts_with("SIP/2.0/TCP")));
    assert_eq!(asked(&sim)[0], ("carrier.example".to_owned(), Kind::Naptr));
    sim.finish();
}

#[test]
fn a_name_that_is_not_found_is_nobody_there() {
    let mut sim = house("sip:carrier.example", "", |zone| zone.is_down = true);
    say(&mut sim, ALICE, "further", 1);
    sim.run_for(secs(7));
    assert_eq!((answers(&sim, ALICE), heard(&sim, DORA, "MESSAGE").len()), (vec![200], 1));
    sim.finish();
}
