//! A binding holds for as long as it was granted (RFC 3261 §10.2.4), whatever becomes of its refresh, and is removed when we leave.

use crate::registration::{REGISTER, demand, house, registers, registrar};
use crate::registration_failures::over_tcp;
use crate::{states, statuses};
use tandem_model::EventKind;
use tandem_phone::{Demand, Edit, Place, Script};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, ms, secs};

fn expires(sim: &Sim) -> Vec<String> {
    registers(sim).iter().map(|register| register.header("Expires").unwrap_or_default().to_owned()).collect()
}

/// Registered for 600 s, and then bob refuses so many.
fn refused(seed: u64, times: usize) -> Sim {
    let mut sim = house(seed, REGISTER);
    sim.run_for(secs(1));
    registrar(&mut sim).refuses = vec![(500, None); times];
    sim.run_until("a refresh that fails", |sim| states(sim).len() > 2);
    sim
}

#[test]
fn a_trunk_whose_refresh_failed_is_up_until_its_binding_ends() {
    let mut sim = refused(1, 40);
    assert_eq!(states(&sim)[2..], ["trunk.refresh_failed bob sip:10.0.2.1"]);
    // Calls come in all the while.
    let contact = sim.phone(BOB).bindings(sim.now()).next().expect("a binding").contact.clone();
    let mut place = Place::new(&contact).script(Script::new().bye(500));
    place.edits = vec![Edit::set("To", "<sip:alice@carrier.example>")];
    sim.expect(ALICE, Script::answers(100));
    sim.place_with(BOB, place);
    sim.run_until("the binding ends", |sim| sim.phone(BOB).bindings(sim.now()).next().is_none());
    assert_eq!(statuses(&sim, BOB).last(), Some(&200));
    assert!(registers(&sim).len() > 2, "it is tried again in time");
    sim.run_for(ms(100));
    let told = states(&sim);
    assert_eq!(told[2..], ["trunk.refresh_failed bob sip:10.0.2.1", "trunk.unregistered bob sip:10.0.2.1", "trunk.down bob"]);
    let why = sim.core().events.iter().find_map(|event| match &event.kind {
        EventKind::TrunkDown(state) => Some(state.reason.to_string()),
        _ => None,
    });
    assert_eq!(why.as_deref(), Some("500 Server Internal Error"));
    registrar(&mut sim).refuses.clear();
    sim.run_for(secs(1_801));
    assert_eq!(states(&sim)[5..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

#[test]
fn a_refresh_that_succeeds_after_all_is_told_and_nothing_was_down() {
    let mut sim = refused(2, 1);
    sim.run_for(secs(70));
    assert_eq!(states(&sim)[2..], ["trunk.refresh_failed bob sip:10.0.2.1", "trunk.registered bob sip:10.0.2.1"]);
    sim.finish();
}

#[test]
fn who_leaves_after_a_refresh_that_failed_takes_its_binding_away() {
    let mut sim = refused(3, 1);
    sim.dismiss_agents();
    sim.run_for(ms(100));
    assert_eq!(expires(&sim).last().map(String::as_str), Some("0"));
    assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
    assert_eq!(states(&sim)[3..], ["trunk.unregistered bob sip:10.0.2.1"]);
    sim.finish();
}

#[test]
fn who_leaves_while_a_refresh_is_under_way_that_is_refused_takes_its_binding_away() {
    let mut sim = house(4, REGISTER);
    sim.run_for(secs(1));
    sim.link(BOB, CORE, Link { delay: ms(200), ..Link::CLEAN });
    registrar(&mut sim).refuses = vec![(403, None)];
    sim.run_until("a refresh", |sim| registers(sim).len() == 2);
    sim.dismiss_agents();
    sim.run_for(secs(1));
    assert_eq!(expires(&sim), ["600", "600", "0"]);
    assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
    sim.finish();
}

#[test]
fn what_was_taken_though_we_were_not_told_is_taken_away_as_well() {
    // Every answer to the first REGISTER is lost.
    let mut sim = house(5, REGISTER);
    sim.link(BOB, CORE, Link::CUT);
    sim.run_for(secs(34));
    assert_eq!(states(&sim), ["trunk.unregistered bob sip:10.0.2.1", "trunk.down bob"]);
    assert_eq!(sim.phone(BOB).bindings(sim.now()).count(), 1);
    sim.link(BOB, CORE, Link::CLEAN);
    sim.dismiss_agents();
    sim.run_for(ms(100));
    assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0));
    assert_eq!(states(&sim).len(), 2, "it was never known to be registered");
    // It was under way when we left.
    let mut sim = house(6, REGISTER);
    sim.link(BOB, CORE, Link::CUT);
    sim.run_for(ms(100));
    sim.dismiss_agents();
    sim.run_for(secs(6));
    assert_eq!(sim.core().agents(), 0);
    assert_eq!((expires(&sim).last().map(String::as_str), sim.phone(BOB).bindings(sim.now()).count()), (Some("0"), 0));
    sim.link(BOB, CORE, Link::CLEAN);
    sim.finish();
}

#[test]
fn a_challenge_to_the_last_register_is_answered() {
    for under_way in [false, true] {
        let mut sim = house(7, REGISTER);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand { uses: 1, ..demand() }];
        sim.run_for(secs(1));
        if under_way {
            sim.link(BOB, CORE, Link { delay: ms(200), ..Link::CLEAN });
            sim.run_until("a refresh", |sim| registers(sim).len() == 3);
        }
        sim.dismiss_agents();
        sim.run_for(secs(2));
        let sent = registers(&sim);
        assert_eq!(sent.last().and_then(|last| last.header("Expires")), Some("0"));
        assert_eq!((sim.core().agents(), sim.phone(BOB).bindings(sim.now()).count()), (0, 0), "{under_way}");
        sim.finish();
    }
}

#[test]
fn a_register_that_removes_and_does_not_arrive_is_sent_again() {
    let mut sim = over_tcp(8);
    sim.run_for(secs(40));
    sim.restart(BOB, secs(2));
    sim.dismiss_agents();
    sim.run_for(ms(100));
    assert_eq!((sim.core().agents(), registers(&sim).len()), (1, 1));
    sim.run_for(secs(5));
    assert_eq!(sim.core().agents(), 0);
    assert_eq!(expires(&sim).last().map(String::as_str), Some("0"));
    sim.finish();
}

#[test]
fn a_registrar_that_never_says_that_we_are_gone_is_told_of_once() {
    let mut sim = house(9, REGISTER);
    sim.run_for(secs(1));
    sim.link(CORE, BOB, Link::CUT);
    sim.dismiss_agents();
    sim.run_for(secs(6));
    assert_eq!(states(&sim)[2..], ["trunk.unregistered bob sip:10.0.2.1"]);
    sim.link(CORE, BOB, Link::CLEAN);
    sim.finish();
}

#[test]
fn a_connection_that_breaks_under_a_refresh_is_made_again_at_once() {
    let mut sim = over_tcp(10);
    sim.run_for(secs(1));
    registrar(&mut sim).refuses = vec![(0, None)];
    sim.run_until("a refresh", |sim| registers(sim).len() == 2);
    sim.run_for(secs(1));
    sim.break_connections(BOB);
    sim.run_for(secs(1));
    assert_eq!(registers(&sim).len(), 3);
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"], "RFC 5626 §4.4");
    sim.finish();
}
