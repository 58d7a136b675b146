//! What is told of calls to numbers that `may_call` does not have, whichever way they come.

use crate::house::{HOUSE, house_of};
use crate::messages::{answers, say};
use crate::transfer_blind::{house, refer};
use std::net::SocketAddr;
use tandem_phone::{Act, Edit, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

/// A house in which transfers are carried out and bob's redirections followed, with these keys of alice's trunk and of bob's.
fn guarded(seed: u64, alice: &str, bob: &str) -> Sim {
    let (alice, bob) = (format!("name = \"alice\"\n{alice}\n"), format!("name = \"bob\"\nredirect = \"follow\"\n{bob}\n"));
    let text = house().replacen("name = \"alice\"\n", &alice, 1).replacen("name = \"bob\"\n", &bob, 1);
    Sim::with_config(seed, &(text + "\n[[route]]\nto = '^9'\ndo = { bridge = ['trunk:carol'] }\n"))
}

fn told(sim: &Sim) -> Vec<String> {
    sim.core().limits_told()
}

/// Alice calls carol.
fn call(sim: &mut Sim) {
    let call = sim.place(ALICE, "carol", Script::new());
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).call(call).outcome, Some(Outcome::Failed(403)));
}

/// Alice calls bob, and transfers him to carol.
fn transfer(sim: &mut Sim) {
    sim.expect(BOB, Script::answers(100));
    let call = sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let refer = refer(sim, ALICE, "carol");
    sim.act_in(ALICE, call, refer);
    sim.run_for(secs(1));
    assert!(sim.phone(ALICE).heard("NOTIFY").any(|notify| notify.body.starts_with(b"SIP/2.0 403")));
    sim.act_in(ALICE, call, Act::Bye);
    sim.run_for(secs(1));
}

/// Alice calls bob, who redirects her to carol.
fn redirection(sim: &mut Sim) {
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", "<sip:carol@10.0.3.1>"))));
    let call = sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).call(call).outcome, Some(Outcome::Failed(403)));
}

fn message(sim: &mut Sim) {
    say(sim, ALICE, "carol", 1);
    sim.run_for(secs(2));
    assert_eq!(answers(sim, ALICE), [403]);
}

fn assert_nothing_came(sim: &Sim, phone: SocketAddr) {
    assert!(sim.phone(phone).calls().is_empty() && sim.phone(phone).heard("MESSAGE").next().is_none());
}

const WAYS: [fn(&mut Sim); 4] = [call, transfer, redirection, message];

#[test]
fn each_way_to_a_number_that_may_not_be_called_is_told() {
    for way in WAYS {
        let mut sim = guarded(1, "may_call = ['^bob$']", "");
        way(&mut sim);
        assert_eq!(told(&sim), ["toll.tripped trunk:alice may_call 1 carol"]);
        sim.run_for(secs(61));
        assert_eq!(told(&sim)[1..], ["toll.over trunk:alice may_call 1 carol"]);
        assert_nothing_came(&sim, CAROL);
        sim.finish();
    }
}

#[test]
fn of_many_the_first_is_told_and_when_none_came_for_a_minute() {
    let mut sim = guarded(2, "may_call = ['^bob$']", "");
    WAYS.iter().for_each(|way| way(&mut sim));
    // As long as somebody goes on, however slowly, it is one thing that goes on.
    for number in ["dora", "carol", "900"] {
        sim.run_for(secs(50));
        sim.place(ALICE, number, Script::new());
    }
    sim.run_for(secs(59));
    assert_eq!(told(&sim), ["toll.tripped trunk:alice may_call 1 carol"]);
    sim.run_for(secs(2));
    assert_eq!(told(&sim)[1..], ["toll.over trunk:alice may_call 7 carol"]);
    sim.place(ALICE, &"9".repeat(200), Script::new());
    sim.run_for(secs(1));
    assert_eq!(told(&sim)[2..], [format!("toll.tripped trunk:alice may_call 1 {}", "9".repeat(64))], "a bound for what is kept");
    sim.finish();
}

#[test]
fn it_is_told_of_who_redirects_where_that_one_may_not_call() {
    let mut sim = guarded(3, "", "may_call = ['^alice$']");
    redirection(&mut sim);
    assert_eq!(told(&sim), ["toll.tripped trunk:bob may_call 1 carol"]);
    let mut sim = guarded(4, "may_call = ['^bob$']", "may_call = ['^alice$']");
    redirection(&mut sim);
    assert_eq!(told(&sim), ["toll.tripped trunk:alice may_call 1 carol", "toll.tripped trunk:bob may_call 1 carol"]);
}

#[test]
fn it_is_told_of_a_user_who_has_no_other_limit() {
    let mut sim = house_of(5, &HOUSE.replacen("password = \"w0nder\"\n", "password = \"w0nder\"\nmay_call = ['^bob$']\n", 1));
    call(&mut sim);
    assert_eq!(told(&sim), ["toll.tripped user:alice may_call 1 carol"]);
    sim.finish();
}

#[test]
fn it_is_told_beside_minutes_that_are_spent_and_what_may_be_called_is_not() {
    let mut sim = guarded(6, "may_call = ['^bob$']\nminutes_per_hour = 1", "");
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(30));
    assert!(told(&sim).is_empty());
    call(&mut sim);
    sim.run_for(secs(40));
    let spent = "toll.tripped trunk:alice minutes_per_hour 0".to_owned();
    assert_eq!(told(&sim), ["toll.tripped trunk:alice may_call 1 carol".to_owned(), spent]);
    sim.run_for(secs(30));
    assert_eq!(told(&sim)[2..], ["toll.over trunk:alice may_call 1 carol"]);
    sim.act_in(ALICE, 0, Act::Bye);
    sim.run_for(ms(500));
    sim.finish();
}
