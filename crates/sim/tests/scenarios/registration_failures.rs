//! Registrations that fail, and what comes after (RFC 3261 §10.2.8, RFC 5626 §4.5).

use crate::registration::{REGISTER, demand, house, registers, registrar};
use crate::states;
use std::time::Duration;
use tandem_model::Transport;
use tandem_phone::{Demand, Registrar};
use tandem_sim::{BOB, CAROL, CORE, Link, STANDARD, Sim, ms, secs};

/// When bob got REGISTERs, in seconds since the start.
fn instants(sim: &Sim) -> Vec<f64> {
    let trace = sim.phone(BOB).trace().iter().filter(|traced| !traced.sent && traced.message.method() == "REGISTER");
    trace.map(|traced| traced.at.as_millis() as f64 / 1_000.0 - 1.0).collect()
}

/// The times between them.
fn gaps(sim: &Sim) -> Vec<f64> {
    instants(sim).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// The reasons of what trunks were said to be.
fn reasons(sim: &Sim) -> Vec<String> {
    use tandem_model::EventKind::{TrunkDown, Unregistered};
    let told = sim.core().events.iter().filter_map(|event| match &event.kind {
        TrunkDown(state) | Unregistered(state) => Some(state.reason.to_string()),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_is_refused_is_tried_again_at_growing_intervals() {
    let mut sim = house(11, REGISTER);
    registrar(&mut sim).refuses = vec![(403, None); 12];
    sim.run_for(secs(4 * 3_600));
    let gaps = gaps(&sim);
    for (gap, bound) in gaps.iter().zip([60.0, 120.0, 240.0, 480.0, 960.0, 1_800.0, 1_800.0]) {
        assert!((bound / 2.0 - 0.1..=bound + 0.1).contains(gap), "{gap} of at most {bound}: {gaps:?}");
    }
    assert!(gaps.len() >= 7, "{gaps:?}");
    // Said once, however often it fails.
    assert_eq!(states(&sim)[..2], ["trunk.unregistered bob sip:10.0.2.1", "trunk.down bob"]);
    assert!(states(&sim).iter().filter(|state| *state == "trunk.unregistered bob sip:10.0.2.1").count() == 1, "{:?}", states(&sim));
    assert_eq!(reasons(&sim)[..2], ["403 Forbidden", "403 Forbidden"]);
    registrar(&mut sim).refuses.clear();
    sim.run_for(secs(1_801));
    assert_eq!(states(&sim)[2..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

#[test]
fn a_success_ends_the_growth() {
    let mut sim = house(12, REGISTER);
    registrar(&mut sim).refuses = vec![(500, None); 3];
    sim.run_for(secs(500));
    registrar(&mut sim).refuses = vec![(500, None)];
    let before = registers(&sim).len();
    sim.run_until("the refresh that fails", |sim| registers(sim).len() > before);
    let failed = registers(&sim).len();
    sim.run_until("the next try", |sim| registers(sim).len() > failed);
    let gap = gaps(&sim).last().copied().unwrap_or_default();
    assert!((30.0..=60.1).contains(&gap), "{gap}");
    sim.finish();
}

#[test]
fn retry_after_is_waited_for() {
    let mut sim = house(13, REGISTER);
    registrar(&mut sim).refuses = vec![(503, Some(200)), (503, Some(5))];
    sim.run_for(secs(600));
    let gaps = gaps(&sim);
    assert!((200.0..200.2).contains(&gaps[0]), "longer than the back-off counts: {gaps:?}");
    assert!((60.0..=120.1).contains(&gaps[1]), "shorter does not: {gaps:?}");
    sim.finish();
}

#[test]
fn a_registrar_that_wants_longer_gets_it_at_once_and_from_then_on() {
    let mut sim = house(14, REGISTER);
    *registrar(&mut sim) = Registrar { least_s: 1_800, ..Registrar::new() };
    sim.run_for(secs(10));
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.run_for(secs(1_700));
    let asked: Vec<_> = registers(&sim).iter().map(|register| register.header("Expires").unwrap_or_default().to_owned()).collect();
    assert_eq!(asked, ["600", "1800", "1800"]);
    sim.finish();
}

#[test]
fn a_registrar_that_is_never_content_is_left_alone() {
    let mut sim = house(15, REGISTER);
    registrar(&mut sim).refuses = vec![(423, None); 3];
    sim.run_for(secs(10));
    assert_eq!(registers(&sim).len(), 1, "423 without Min-Expires is a refusal");
    sim.finish();
}

#[test]
fn a_password_that_is_wrong_is_said_once_a_try() {
    for (seed, login, why) in [
        (16, "{ username = \"acme\", password = \"wrong\" }", "login refused by realm carrier"),
        (
            17,
            "{ username = \"acme\", password = \"s3cret\", realm = \"another\" }",
            "challenged for realm carrier, which our login is not for",
        ),
    ] {
        let mut sim = house(seed, &format!("login = {login}\nregister = {{ uri = \"sip:10.0.2.1\" }}"));
        sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
        sim.run_for(secs(20));
        let expected = if why.starts_with("login") { 2 } else { 1 };
        assert_eq!(registers(&sim).len(), expected, "a loop of challenges ends: {why}");
        assert_eq!(reasons(&sim), [why, why]);
        let given = registers(&sim).iter().filter(|register| register.header("Authorization").is_some()).count();
        assert_eq!(given, expected - 1, "nothing is told to another realm");
        sim.finish();
    }
}

#[test]
fn a_nonce_that_has_got_old_is_no_failure() {
    let mut sim = house(18, REGISTER);
    sim.phone_mut(BOB).setup_mut().demands = vec![Demand { uses: 1, ..demand() }];
    sim.run_for(secs(1_200));
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    assert!(registers(&sim).len() >= 6, "each refresh is challenged with a new nonce");
    sim.finish();
}

#[test]
fn silence_is_noticed_and_the_registrar_found_again() {
    let mut sim = house(19, REGISTER);
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(secs(33));
    assert_eq!(states(&sim), ["trunk.unregistered bob sip:10.0.2.1", "trunk.down bob"]);
    assert_eq!(reasons(&sim)[0], "no answer to REGISTER");
    sim.link(CORE, BOB, Link::CLEAN);
    sim.run_for(secs(61));
    assert_eq!(states(&sim)[2..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

#[test]
fn losses_on_the_way_are_made_good() {
    for seed in 20..30 {
        let mut sim = house(seed, REGISTER);
        sim.links(Link { loss: 300, ..Link::CLEAN });
        sim.phone_mut(BOB).setup_mut().demands = vec![demand()];
        sim.run_for(secs(300));
        assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"], "seed {seed}");
        sim.links(Link::CLEAN);
        sim.finish();
    }
}

#[test]
fn an_address_that_is_nobody_s_is_noticed_at_once() {
    let mut sim = house(31, REGISTER);
    sim.restart(BOB, secs(20));
    sim.run_for(ms(10));
    assert_eq!((states(&sim).len(), &*reasons(&sim)[0]), (2, "unreachable"));
    sim.run_for(secs(61));
    assert_eq!(states(&sim)[2..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

/// Bob and carol are registrars of bob's trunk.
fn two_registrars(seed: u64) -> Sim {
    let keys =
        "login = { username = \"acme\", password = \"s3cret\" }\nregister = [{ uri = \"sip:10.0.2.1\" }, { uri = \"sip:10.0.3.1\" }]";
    let mut sim = house(seed, keys);
    sim.phone_mut(CAROL).setup_mut().registrar = Some(Registrar::new());
    sim
}

#[test]
fn of_two_registrars_one_may_fail_while_the_other_holds() {
    let mut sim = two_registrars(32);
    registrar(&mut sim).refuses = vec![(503, None); 2];
    sim.run_for(secs(600));
    assert_eq!(
        states(&sim),
        ["trunk.unregistered bob sip:10.0.2.1", "trunk.registered bob sip:10.0.3.1", "trunk.up bob", "trunk.registered bob sip:10.0.2.1"]
    );
    // RFC 5626 §4.5: with one that holds there is less haste.
    let gaps = gaps(&sim);
    assert!((30.0..=180.1).contains(&gaps[0]) && (180.0 - 0.1..=360.1).contains(&gaps[1]), "{gaps:?}");
    let ids: Vec<_> = [BOB, CAROL].iter().filter_map(|phone| sim.phone(*phone).heard("REGISTER").last()?.header("Contact")).collect();
    assert!(ids[0].ends_with(";reg-id=1") && ids[1].ends_with(";reg-id=2"), "{ids:?}");
    sim.finish();
}

#[test]
fn a_trunk_is_down_when_its_last_registration_is() {
    let mut sim = two_registrars(33);
    sim.run_for(secs(1));
    assert_eq!(states(&sim)[1..2], ["trunk.up bob"]);
    for phone in [BOB, CAROL] {
        sim.link(CORE, phone, Link::CUT);
    }
    sim.run_for(secs(640));
    let told = states(&sim);
    assert_eq!(told.iter().filter(|state| *state == "trunk.down bob").count(), 1, "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("trunk.down bob"));
    for phone in [BOB, CAROL] {
        sim.link(CORE, phone, Link::CLEAN);
    }
    sim.run_for(secs(240));
    assert_eq!(states(&sim).iter().filter(|state| *state == "trunk.up bob").count(), 2);
    sim.finish();
}

/// Bob's trunk registers over TCP.
pub(crate) fn over_tcp(seed: u64) -> Sim {
    let text = STANDARD.replacen(
        "ring_timeout = \"60s\"",
        "ring_timeout = \"60s\"\nlogin = { username = \"acme\", password = \"s3cret\" }\nregister = { uri = \"sip:10.0.2.1;transport=tcp\" }",
        1,
    );
    let text = text.replacen("targets = [{ uri = \"sip:10.0.2.1\" }]", "targets = [{ uri = \"sip:10.0.2.1;transport=tcp\" }]", 1);
    let mut sim = Sim::with_config(seed, &format!("{text}\n[[listen]]\nname = \"tcp\"\ntransport = \"tcp\"\nbind = \"10.0.0.1:5060\"\n"));
    let setup = sim.phone_mut(BOB).setup_mut();
    (setup.registrar, setup.transport) = (Some(Registrar::new()), Transport::Tcp);
    sim
}

#[test]
fn a_connection_that_is_lost_is_made_again_at_once() {
    let mut sim = over_tcp(34);
    sim.run_for(secs(100));
    assert_eq!(registers(&sim).len(), 1);
    assert!(registers(&sim)[0].header("Contact").is_some_and(|contact| contact.contains(";transport=tcp>")));
    sim.break_connections(BOB);
    sim.run_for(secs(1));
    assert_eq!(registers(&sim).len(), 2, "RFC 5626 §4.4");
    // It was never down.
    assert_eq!(states(&sim), ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    // One that breaks again and again is no reason for a storm.
    for _ in 0..20 {
        sim.break_connections(BOB);
        sim.run_for(secs(1));
    }
    assert_eq!(registers(&sim).len(), 2);
    sim.run_for(secs(15));
    assert_eq!(registers(&sim).len(), 3);
    sim.finish();
}

#[test]
fn a_connection_that_is_refused_is_tried_again_later() {
    let mut sim = over_tcp(35);
    sim.run_for(secs(40));
    sim.restart(BOB, secs(50));
    sim.run_for(secs(5));
    assert_eq!(states(&sim)[2..], ["trunk.unregistered bob sip:10.0.2.1", "trunk.down bob"]);
    sim.run_for(Duration::from_secs(200));
    assert_eq!(states(&sim)[4..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    sim.finish();
}

#[test]
fn a_carrier_that_knows_no_bulk_registration_is_asked_again_later_and_for_nothing_else() {
    // RFC 6140 §5: it is all numbers, or none.
    let mut sim = house(36, "login = { username = \"pbx\", password = \"x\" }\nregister = { uri = \"sip:10.0.2.1\", bulk = true }");
    registrar(&mut sim).refuses = vec![(420, None)];
    sim.run_for(secs(10));
    assert_eq!(reasons(&sim), ["420 Because"; 2]);
    sim.run_for(secs(60));
    assert_eq!(states(&sim)[2..], ["trunk.registered bob sip:10.0.2.1", "trunk.up bob"]);
    assert!(registers(&sim).iter().all(|register| register.header("Contact").is_some_and(|contact| contact.contains(";bnc"))));
    sim.finish();
}
