//! Registrations that are given up: when the node drains, after the last call, and when the configuration changes.

use crate::registration::{REGISTER, house, registers, registrar};
use crate::states;
use tandem_phone::{Act, Registrar, Script};
use tandem_sim::{ALICE, BOB, CORE, Link, STANDARD, Sim, ms, secs};

fn expires(sim: &Sim) -> Vec<String> {
    registers(sim).iter().map(|register| register.header("Expires").unwrap_or_default().to_owned()).collect()
}

fn with(keys: &str) -> String {
    STANDARD.replacen("ring_timeout = \"60s\"", &format!("ring_timeout = \"60s\"\n{keys}"), 1)
}

#[test]
fn a_node_that_drains_is_registered_until_its_last_call_is_over() {
    let mut sim = house(1, REGISTER);
    registrar(&mut sim).grants_s = 120;
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.core_mut().draining = true;
    sim.run_for(secs(250));
    assert_eq!(expires(&sim), ["600"; 4], "it is refreshed while calls go on");
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(60));
    assert_eq!(expires(&sim).last().map(String::as_str), Some("0"));
    assert_eq!(states(&sim).last().map(String::as_str), Some("trunk.unregistered bob sip:10.0.2.1"));
    sim.finish();
}

#[test]
fn a_reload_leaves_a_trunk_alone_that_is_as_before() {
    let mut sim = house(2, REGISTER);
    sim.run_for(secs(5));
    sim.reload(&with(&format!("{REGISTER}\nnat = true")));
    sim.run_for(secs(5));
    assert_eq!(expires(&sim), ["600"]);
    sim.finish();
}

#[test]
fn a_reload_starts_and_stops_registrations() {
    let mut sim = house(3, "");
    sim.run_for(secs(1));
    assert_eq!(registers(&sim).len(), 0);
    sim.reload(&with(REGISTER));
    sim.run_for(secs(1));
    assert_eq!(expires(&sim), ["600"]);
    sim.reload(&with(""));
    sim.run_for(secs(1));
    assert_eq!((expires(&sim), sim.core().agents()), (vec!["600".to_owned(), "0".to_owned()], 0));
    assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), 0);
    sim.finish();
}

#[test]
fn a_trunk_that_changes_leaves_before_it_comes_again() {
    let mut sim = house(4, REGISTER);
    sim.run_for(secs(1));
    let other = REGISTER.replace("\"sip:10.0.2.1\"", "\"sip:10.0.2.1\", expires = \"20m\"");
    sim.reload(&with(&other));
    sim.run_for(secs(1));
    assert_eq!(expires(&sim), ["600", "0", "1200"]);
    assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), 1, "the same Contact, and it is there");
    let contacts: Vec<_> = registers(&sim).iter().filter_map(|one| Some(one.header("Contact")?.split('>').next()?.to_owned())).collect();
    assert!(contacts.iter().all(|contact| *contact == contacts[0]), "{contacts:?}");
    sim.finish();
}

#[test]
fn a_registrar_that_is_silent_holds_nobody_up_for_long() {
    let mut sim = house(5, REGISTER);
    sim.run_for(secs(1));
    sim.link(CORE, BOB, Link::CUT);
    sim.dismiss_agents();
    sim.run_for(ms(4_900));
    assert_eq!(sim.core().agents(), 1);
    sim.run_for(ms(200));
    assert_eq!(sim.core().agents(), 0, "5 s, and not the 32 s of a transaction");
    sim.link(CORE, BOB, Link::CLEAN);
    sim.finish();
}

#[test]
fn who_leaves_while_a_register_is_under_way_waits_for_its_answer_first() {
    // RFC 3261 §10.2: one at a time.
    let mut sim = house(6, REGISTER);
    sim.link(CORE, BOB, Link { delay: ms(200), ..Link::CLEAN });
    sim.run_for(ms(100));
    sim.dismiss_agents();
    sim.run_for(ms(100));
    assert_eq!(registers(&sim).len(), 1);
    sim.run_for(secs(2));
    assert_eq!(expires(&sim), ["600", "0"]);
    assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
    sim.finish();
}

#[test]
fn who_was_never_registered_has_nothing_to_give_up() {
    let mut sim = house(7, REGISTER);
    registrar(&mut sim).refuses = vec![(403, None); 3];
    sim.run_for(secs(5));
    sim.dismiss_agents();
    sim.run_for(ms(10));
    assert_eq!((sim.core().agents(), registers(&sim).len()), (0, 1));
    sim.finish();
}

#[test]
fn a_registrar_that_lost_its_store_has_us_again_with_the_next_refresh() {
    let mut sim = house(8, REGISTER);
    sim.run_for(secs(10));
    sim.phone_mut(BOB).forget_bindings();
    *registrar(&mut sim) = Registrar::new();
    sim.run_for(secs(600));
    assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), 1);
    sim.finish();
}
