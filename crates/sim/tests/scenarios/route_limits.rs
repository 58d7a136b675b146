//! `limits` of a route, what is told of limits, and `emergency`, which nothing limits.

use tandem_phone::{Act, Outcome, Refer, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, STANDARD, Sim, ms, secs};

/// The standard house with more keys of the route to bob.
fn limited(keys: &str) -> String {
    STANDARD.replacen("name = \"to bob\"\n", &format!("name = \"to bob\"\n{keys}\n"), 1)
}

/// Alice calls `number`, and is answered if she may.
fn call(sim: &mut Sim, number: &str) -> usize {
    sim.expect(BOB, Script::answers(10));
    let call = sim.place(ALICE, number, Script::new());
    sim.run_for(ms(100));
    call
}

fn is_up(sim: &Sim, call: usize) -> bool {
    sim.phone(ALICE).call(call).was_answered() && sim.phone(ALICE).call(call).outcome.is_none()
}

fn hang_up(sim: &mut Sim, calls: impl IntoIterator<Item = usize>) {
    calls.into_iter().for_each(|call| sim.act_in(ALICE, call, Act::Bye));
}

#[test]
fn a_full_route_says_its_own_status() {
    let mut sim = Sim::with_config(1, &limited("limits = { calls = 2, status = 486 }"));
    let calls = [0; 3].map(|_| call(&mut sim, "bob"));
    assert_eq!(calls.map(|call| is_up(&sim, call)), [true, true, false]);
    assert_eq!(sim.phone(ALICE).call(calls[2]).outcome, Some(Outcome::Failed(486)));
    let other = call(&mut sim, "law");
    assert!(is_up(&sim, other), "another route to the same phone");
    assert_eq!(sim.core().counted_for("route:to bob"), 2);
    hang_up(&mut sim, [calls[0]]);
    sim.run_for(ms(500));
    let again = call(&mut sim, "bob");
    assert!(is_up(&sim, again));
    hang_up(&mut sim, [calls[1], other, again]);
    sim.finish();
    assert_eq!(sim.core().counted_for("route:to bob"), 0);
}

#[test]
fn a_route_takes_so_many_calls_a_second() {
    let mut sim = Sim::with_config(2, &limited("limits = { cps = 2 }"));
    let calls = [0; 3].map(|_| call(&mut sim, "bob"));
    assert_eq!(calls.map(|call| is_up(&sim, call)), [true, true, false]);
    sim.run_for(secs(1));
    let later = call(&mut sim, "bob");
    assert!(is_up(&sim, later));
    hang_up(&mut sim, [calls[0], calls[1], later]);
    sim.finish();
}

#[test]
fn a_reload_keeps_the_count() {
    let mut sim = Sim::with_config(3, &limited("limits = { calls = 1 }"));
    let first = call(&mut sim, "bob");
    sim.reload(&limited("limits = { calls = 1, status = 600 }"));
    let second = call(&mut sim, "bob");
    assert_eq!(sim.phone(ALICE).call(second).outcome, Some(Outcome::Failed(600)));
    sim.reload(&limited(""));
    let third = call(&mut sim, "bob");
    assert!(is_up(&sim, third));
    hang_up(&mut sim, [first, third]);
    sim.finish();
}

#[test]
fn it_is_told_once_that_a_limit_is_reached_and_once_that_it_is_over() {
    let mut sim = Sim::with_config(4, &limited("limits = { calls = 1 }"));
    let first = call(&mut sim, "bob");
    for _ in 0..5 {
        call(&mut sim, "bob");
        sim.run_for(secs(20));
    }
    assert_eq!(sim.core().limits_told(), ["limit.reached route:to bob calls 1"]);
    sim.run_for(secs(60));
    assert_eq!(sim.core().limits_told(), ["limit.reached route:to bob calls 1", "limit.over route:to bob calls 5"]);
    hang_up(&mut sim, [first]);
    sim.finish();
}

/// Bob is the emergency service; he, alice, the node and the routes are limited as they can be.
fn with_emergency() -> String {
    let route = "[[route]]\nname = 'emergency'\nto = '^(112|110)$'\nemergency = true\ndo = { bridge = ['trunk:bob', 'trunk:narrow'] }\n";
    let text = STANDARD.replacen("[[route]]", &format!("{route}[[route]]"), 1);
    let keys = "limits = { calls = 1, cps = 1 }\nmay_call = ['^bob$']\nminutes_per_hour = 1";
    let text = text.replacen("name = \"alice\"\n", &format!("name = \"alice\"\n{keys}\n"), 1);
    text.replacen("name = \"bob\"\n", "name = \"bob\"\nlimits = { calls = 1 }\n", 1)
}

#[test]
fn nothing_limits_calls_to_an_emergency_service() {
    let mut sim = Sim::with_config(5, &with_emergency());
    let first = call(&mut sim, "bob");
    let calls = [0; 4].map(|_| call(&mut sim, "112"));
    assert!(calls.iter().all(|call| is_up(&sim, *call)), "{:?}", sim.core().limits_told());
    sim.run_for(secs(70));
    let spent = call(&mut sim, "bob");
    assert_eq!(sim.phone(ALICE).call(spent).outcome, Some(Outcome::Failed(480)));
    let after = call(&mut sim, "110");
    assert!(is_up(&sim, after));
    hang_up(&mut sim, calls.into_iter().chain([first, after]));
    sim.finish();
    assert_eq!(sim.core().counted(), (0, 0));
}

#[test]
fn they_are_on_nobody_s_account() {
    let mut sim = Sim::with_config(6, &with_emergency());
    let emergency = call(&mut sim, "112");
    sim.run_for(secs(120));
    assert!(sim.core().limits_told().is_empty(), "{:?}", sim.core().limits_told());
    hang_up(&mut sim, [emergency]);
    sim.run_for(secs(1));
    let ordinary = call(&mut sim, "bob");
    assert!(is_up(&sim, ordinary));
    hang_up(&mut sim, [ordinary]);
    sim.finish();
}

#[test]
fn whoever_transfers_there_does_not_pay_for_it() {
    let route = "[[route]]\nname = 'emergency'\nto = '^112$'\nemergency = true\ndo = { bridge = ['trunk:bob'] }\n";
    let text = STANDARD.replacen("[[route]]", &format!("{route}[[route]]"), 1);
    let keys = "refer = \"execute\"\nmay_call = []\nminutes_per_hour = 1\n";
    let mut sim = Sim::with_config(8, &text.replacen("name = \"carol\"\n", &format!("name = \"carol\"\n{keys}"), 1));
    sim.expect(CAROL, Script::answers(10));
    sim.place(ALICE, "carol", Script::new());
    sim.run_until_talking(ALICE, CAROL);
    sim.expect(BOB, Script::answers(10));
    let refer = Refer::to(&sim.uri(CAROL, "112"));
    sim.act(CAROL, Act::Refer(refer));
    sim.run_until("bob talks", |sim| sim.phone(BOB).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(100));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert!(sim.core().limits_told().is_empty(), "{:?}", sim.core().limits_told());
}

#[test]
fn they_come_however_fast_others_do_and_no_more_than_the_node_holds() {
    let text = with_emergency().replace("max = 50", "max = 3").replace("max_cps = 20", "max_cps = 1");
    assert!(text.contains("max = 3") && text.contains("max_cps = 1"), "the house is otherwise");
    let mut sim = Sim::with_config(7, &text);
    let calls = [0; 4].map(|_| call(&mut sim, "112"));
    assert_eq!(calls.map(|call| is_up(&sim, call)), [true, true, true, false]);
    assert_eq!(sim.phone(ALICE).call(calls[3]).outcome, Some(Outcome::Failed(503)));
    hang_up(&mut sim, calls.into_iter().take(3));
    sim.finish();
}
