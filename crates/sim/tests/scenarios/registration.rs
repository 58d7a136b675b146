//! We register with a trunk's registrar (RFC 3261 §10.2): with credentials, refreshed in time, given up at the end.

use crate::states;
use std::time::Duration;
use tandem_phone::{Demand, Message, Registrar};
use tandem_sim::{BOB, STANDARD, Sim, secs};

/// The standard house, where bob's trunk has these keys and bob is a registrar.
pub(crate) fn house(seed: u64, keys: &str) -> Sim {
    let text = STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\n{keys}"), 1);
    let mut sim = Sim::with_config(seed, &text);
    sim.phone_mut(BOB).setup_mut().registrar = Some(Registrar::new());
    sim
}

/// Registered with bob for ten minutes.
pub(crate) const REGISTER: &str = "login = { username = \"acme\", password = \"s3cret\" }\nregister = { uri = \"sip:10.0.2.1\" }";

/// The REGISTERs that bob got.
pub(crate) fn registers(sim: &Sim) -> Vec<Message> {
    sim.phone(BOB).heard("REGISTER").cloned().collect()
}

pub(crate) fn registrar(sim: &mut Sim) -> &mut Registrar {
    sim.phone_mut(BOB).setup_mut().registrar.get_or_insert_default()
}

pub(crate) fn demand() -> Demand {
    Demand { methods: vec!["REGISTER".into()], realm: "carrier".into(), ..Demand::new("acme", "s3cret") }
}

#[test]
fn a_trunk_is_registered_at_once_and_given_up_at_the_end() {
    let mut sim = house(1, REGISTER);
    sim.run_for(secs(1));
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    let sent = registers(&sim);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].uri(), sent[0].header("Expires")), ("sip:10.0.2.1", Some("600")));
    assert_eq!(sent[0].header("To"), Some("<sip:acme@10.0.2.1>"));
    assert!(sent[0].header("From").is_some_and(|from| from.starts_with("<sip:acme@10.0.2.1>;tag=")), "{:?}", sent[0]);
    assert_eq!(sent[0].header("Supported"), Some("path"), "RFC 3327 §5.1");
    let contact = sent[0].header("Contact").unwrap_or_default();
    assert!(contact.starts_with("<sip:") && contact.contains("@10.0.0.1:5060>;expires=600;+sip.instance=\"<urn:uuid:"), "{contact}");
    let now = sim.now();
    assert_eq!(sim.phone(BOB).bindings(now).count(), 1);
    sim.finish();
    let sent = registers(&sim);
    assert_eq!((sent.len(), sent[1].header("Expires")), (2, Some("0")));
    assert_eq!((sent[1].call_id(), sent[1].cseq()), (sent[0].call_id(), Some((2, "REGISTER"))));
    assert_eq!(sim.phone(BOB).bindings(now).count(), 0);
    assert_eq!(states(&sim)[2..], ["trunk.unregistered bob sip:10.0.2.1"]);
}

#[test]
fn a_challenge_is_answered_and_what_it_asked_for_is_said_again_unasked() {
    let mut sim = house(2, REGISTER);
    sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
    sim.run_for(secs(700));
    let sent = registers(&sim);
    assert_eq!(sent.len(), 3, "one that is challenged, one that is taken, one refresh");
    assert!(sent[0].header("Authorization").is_none());
    assert!(sent[1..].iter().all(|register| register.header("Authorization").is_some_and(|value| value.contains("realm=\"carrier\""))));
    let numbers: Vec<_> = sent.iter().filter_map(|register| register.cseq()).map(|(number, _)| number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

#[test]
fn the_refresh_comes_well_before_the_end() {
    for (grants_s, earliest, latest) in [(60, 27, 30), (600, 486, 540), (3_600, 486, 540), (90, 40, 50)] {
        let mut sim = house(3, REGISTER);
        registrar(&mut sim).grants_s = grants_s;
        sim.run_until("a refresh", |sim| sim.phone(BOB).heard("REGISTER").count() == 2);
        let after = sim.now().since(tandem_model::Timestamp::from_millis(1_000)).as_secs();
        assert!((earliest..=latest + 1).contains(&after), "{grants_s} s are refreshed after {after} s");
        sim.run_for(Duration::from_secs(2 * u64::from(grants_s)));
        assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), 1, "it holds on");
        sim.finish();
    }
}
