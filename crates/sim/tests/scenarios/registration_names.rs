//! Registrars and pinged targets that are names: where REGISTER and OPTIONS go is found as it is for an INVITE (RFC 3263).

use crate::far::{self, bob_then_carol, heard};
use crate::states;
use tandem_model::{EventKind, Transport};
use tandem_phone::Registrar;
use tandem_sim::{BOB, CAROL, CORE, Link, Sim, ms, secs};

/// A house in which `far` is a trunk whose domain is bob, and if not he carol.
fn house(keys: &str) -> Sim {
    let mut sim = far::house("sip:carrier.example", keys, |zone| bob_then_carol(zone, "udp"));
    for phone in [BOB, CAROL] {
        sim.phone_mut(phone).setup_mut().registrar = Some(Registrar::new());
    }
    sim
}

const REGISTER: &str = "register = { uri = \"sip:acme@carrier.example\" }";

fn reason(sim: &Sim) -> Option<String> {
    sim.core().events.iter().find_map(|event| match &event.kind {
        EventKind::TrunkDown(state) => Some(state.reason.to_string()),
        _ => None,
    })
}

#[test]
fn the_first_that_the_domain_names_is_asked() {
    let mut sim = house(REGISTER);
    sim.run_for(secs(1));
    assert_eq!(states(&sim), ["trunk.registered far sip:carrier.example", "trunk.up far"]);
    assert_eq!((heard(&sim, BOB, "REGISTER").len(), heard(&sim, CAROL, "REGISTER").len()), (1, 0));
    assert_eq!(heard(&sim, BOB, "REGISTER")[0].uri(), "sip:carrier.example");
    sim.finish();
}

#[test]
fn where_it_says_503_or_nothing_the_next_is_asked() {
    let mut sim = house(REGISTER);
    sim.phone_mut(BOB).setup_mut().registrar.get_or_insert_default().refuses = vec![(503, None)];
    sim.run_for(secs(1));
    assert_eq!(states(&sim), ["trunk.registered far sip:carrier.example", "trunk.up far"], "RFC 3263 §4.3");
    let (first, second) = (&heard(&sim, BOB, "REGISTER")[0], &heard(&sim, CAROL, "REGISTER")[0]);
    assert_eq!((first.call_id(), first.header("Contact")), (second.call_id(), second.header("Contact")));
    assert!(first.cseq() < second.cseq() && first.header("Via") != second.header("Via"));
    sim.finish();
    for link in [true, false] {
        let mut sim = house(REGISTER);
        if link {
            sim.link(CORE, BOB, Link::CUT);
        } else {
            sim.core_mut().unreachable.push(BOB);
        }
        sim.run_for(secs(33));
        assert_eq!(states(&sim), ["trunk.registered far sip:carrier.example", "trunk.up far"]);
        sim.finish();
    }
}

#[test]
fn another_refusal_is_the_domain_s() {
    let mut sim = house(REGISTER);
    sim.phone_mut(BOB).setup_mut().registrar.get_or_insert_default().refuses = vec![(403, None)];
    sim.run_for(secs(1));
    assert_eq!((reason(&sim).as_deref(), heard(&sim, CAROL, "REGISTER").len()), (Some("403 Forbidden"), 0));
    sim.finish();
}

#[test]
fn a_domain_that_cannot_be_found_is_said_to_be_so_and_tried_again() {
    let mut sim = house("register = { uri = \"sip:acme@nobody.example\" }");
    sim.run_for(secs(10));
    assert_eq!(reason(&sim).as_deref(), Some("DNS has nothing for it"));
    sim.finish();
    let mut sim = house(REGISTER);
    sim.core_mut().zone.is_down = true;
    sim.run_for(secs(40));
    assert_eq!(reason(&sim).as_deref(), Some("DNS does not answer"));
    sim.core_mut().zone.is_down = false;
    sim.run_for(secs(200));
    assert_eq!(states(&sim).last().map(String::as_str), Some("trunk.up far"));
    sim.finish();
}

#[test]
fn the_transport_that_the_domain_chooses_is_that_of_our_contact() {
    let mut sim = house(REGISTER);
    sim.core_mut().zone.set_naptr("carrier.example", &[(1, 1, "SIP+D2T", "_sip._tcp.carrier.example")]);
    sim.core_mut().zone.set_srv("_sip._tcp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]);
    sim.phone_mut(BOB).setup_mut().transport = Transport::Tcp;
    sim.run_for(secs(40));
    let sent = heard(&sim, BOB, "REGISTER");
    assert!(sent[0].header("Via").is_some_and(|via| via.starts_with("SIP/2.0/TCP")));
    assert!(sent[0].header("Contact").is_some_and(|contact| contact.contains(";transport=tcp>")));
    // And its connection is the one that counts.
    sim.break_connections(BOB);
    sim.run_for(secs(1));
    assert_eq!(heard(&sim, BOB, "REGISTER").len(), 2);
    sim.finish();
}

#[test]
fn a_name_is_dead_when_none_of_its_places_answers() {
    let mut sim = house("ping = { every = \"10s\", down_after = 2 }");
    sim.run_for(secs(15));
    assert_eq!(states(&sim), ["target.up far sip:carrier.example", "trunk.up far"]);
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(secs(120));
    assert_eq!(states(&sim).len(), 2, "carol is there: {:?}", states(&sim));
    assert!(heard(&sim, CAROL, "OPTIONS").len() > 3);
    sim.link(CORE, CAROL, Link::CUT);
    sim.run_for(secs(120));
    assert_eq!(states(&sim)[2..], ["target.down far sip:carrier.example", "trunk.down far"]);
    sim.link(CORE, CAROL, Link::CLEAN);
    sim.run_for(secs(60));
    assert_eq!(states(&sim)[4..], ["target.up far sip:carrier.example", "trunk.up far"]);
    sim.finish();
}

#[test]
fn who_leaves_while_a_name_is_looked_up_is_gone_in_time() {
    let mut sim = house(REGISTER);
    sim.core_mut().zone.delay = secs(2);
    sim.run_for(ms(500));
    sim.dismiss_agents();
    sim.run_for(secs(6));
    assert_eq!(sim.core().agents(), 0);
    sim.finish();
}
