//! `may_call` and `minutes_per_hour`: what whoever calls may spend, by calls, transfers and redirections.

use crate::transfer_blind::{house, refer};
use crate::transfer_replaces::asking;
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

/// The standard house, or that in which calls can be transferred, with more keys of alice's trunk.
fn guarded(config: &str, keys: &str) -> String {
    config.replacen("name = \"alice\"\n", &format!("name = \"alice\"\n{keys}\n"), 1)
}

/// How a call of alice to that number ends, which is answered and hung up at once if it may.
fn outcome(sim: &mut Sim, number: &str) -> Option<Outcome> {
    sim.expect(BOB, Script::answers(100));
    let call = sim.place(ALICE, number, Script::new().bye(500));
    sim.run_for(secs(2));
    sim.phone(ALICE).call(call).outcome
}

fn told(sim: &Sim) -> Vec<String> {
    sim.core().limits_told()
}

#[test]
fn only_what_may_be_called_is_called() {
    let mut sim = Sim::with_config(1, &guarded(STANDARD, "may_call = ['^bob$', '^\\+49']"));
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::WeHungUp));
    sim.place(ALICE, "carol", Script::new());
    sim.place(ALICE, "echo", Script::new().bye(500));
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(403)));
    assert_eq!(sim.phone(ALICE).call(2).outcome, Some(Outcome::WeHungUp), "what costs nobody anything");
    assert!(sim.phone(CAROL).calls().is_empty());
    sim.finish();
}

#[test]
fn an_empty_list_lets_nothing_be_called_and_others_are_not_meant() {
    let mut sim = Sim::with_config(2, &guarded(STANDARD, "may_call = []"));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(403)));
    sim.expect(ALICE, Script::answers(100));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::WeHungUp), "a call to her is none of hers");
}

#[test]
fn nobody_reaches_by_transfer_what_they_may_not_call() {
    let mut sim = Sim::with_config(3, &guarded(&house(), "may_call = ['^bob$']"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let refer = refer(&sim, ALICE, "carol");
    sim.act(ALICE, refer);
    sim.run_for(secs(1));
    assert!(sim.phone(CAROL).calls().is_empty());
    assert!(sim.phone(ALICE).heard("NOTIFY").any(|notify| String::from_utf8_lossy(&notify.body).starts_with("SIP/2.0 403")));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// Bob's trunk is followed where it redirects calls; it and alice's have these keys.
fn redirected(seed: u64, alice: &str, bob: &str, contact: &str) -> Sim {
    let text = guarded(STANDARD, alice).replacen("name = \"bob\"\n", &format!("name = \"bob\"\nredirect = \"follow\"\n{bob}\n"), 1);
    let mut sim = Sim::with_config(seed, &text);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", contact))));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.settle();
    sim
}

#[test]
fn nobody_is_sent_where_they_or_who_sends_them_may_not_call() {
    for (alice, bob, outcome) in [
        ("", "", Outcome::WeHungUp),
        ("may_call = ['^bob$']", "", Outcome::Failed(403)),
        ("", "may_call = ['^\\+49']", Outcome::Failed(403)),
        ("may_call = ['^bob$', '^1900$']", "may_call = ['^1900$']", Outcome::WeHungUp),
        ("may_call = ['^bob$', '^\\+49']", "numbers_in = [{ of = 'called', match = '^1', to = '+49' }]", Outcome::WeHungUp),
    ] {
        let mut sim = redirected(4, alice, bob, "<sip:1900@10.0.3.1>");
        assert_eq!(sim.call(ALICE).outcome, Some(outcome), "{alice} {bob}");
        assert_eq!(sim.phone(CAROL).calls().is_empty(), outcome != Outcome::WeHungUp, "{alice} {bob}");
        sim.finish();
    }
}

#[test]
fn minutes_are_counted_while_they_run_and_told_once() {
    let mut sim = Sim::with_config(5, &guarded(STANDARD, "minutes_per_hour = 2\nlimits = { status = 486 }"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(110));
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::WeHungUp), "nearly two minutes are spent");
    sim.run_for(secs(12));
    assert_eq!(told(&sim), ["toll.tripped trunk:alice minutes_per_hour 0"], "while nobody asks");
    for _ in 0..3 {
        assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::Failed(486)));
    }
    assert_eq!(sim.phone(ALICE).call(0).outcome, None, "what runs goes on");
    sim.act_in(ALICE, 0, Act::Bye);
    sim.run_for(secs(600));
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::Failed(486)), "an hour is an hour");
    sim.run_for(secs(3_000));
    assert_eq!(told(&sim), ["toll.tripped trunk:alice minutes_per_hour 0", "toll.over trunk:alice minutes_per_hour 4"]);
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::WeHungUp));
    sim.finish();
}

#[test]
fn several_calls_at_once_spend_the_faster() {
    let mut sim = Sim::with_config(6, &guarded(STANDARD, "minutes_per_hour = 3"));
    for call in 0..3 {
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("they talk", |sim| sim.phone(ALICE).call(call).was_answered());
    }
    sim.run_for(secs(58));
    assert!(told(&sim).is_empty());
    sim.run_for(secs(3));
    assert_eq!(told(&sim).len(), 1);
    (0..3).for_each(|call| sim.act_in(ALICE, call, Act::Bye));
    sim.finish();
}

#[test]
fn a_reload_keeps_what_is_spent() {
    let keys = |minutes: u32| guarded(STANDARD, &format!("minutes_per_hour = {minutes}"));
    let mut sim = Sim::with_config(7, &keys(2));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(60));
    sim.reload(&keys(2));
    sim.run_for(secs(61));
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::Failed(480)));
    sim.reload(&keys(5));
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::WeHungUp));
    assert_eq!(told(&sim), ["toll.tripped trunk:alice minutes_per_hour 0", "toll.over trunk:alice minutes_per_hour 1"]);
    sim.act_in(ALICE, 0, Act::Bye);
    sim.finish();
}

#[test]
fn a_limit_that_was_gone_for_a_while_still_counts_what_was_in_progress() {
    let limited = guarded(STANDARD, "minutes_per_hour = 3");
    let mut sim = Sim::with_config(14, &limited);
    for call in 0..2 {
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("they talk", |sim| sim.phone(ALICE).call(call).was_answered());
        if call == 0 {
            sim.reload(STANDARD);
            sim.run_for(secs(60));
            sim.reload(&limited);
        }
    }
    sim.act_in(ALICE, 0, Act::Bye);
    sim.run_for(secs(110));
    assert!(told(&sim).is_empty());
    sim.run_for(secs(20));
    assert_eq!(told(&sim), ["toll.tripped trunk:alice minutes_per_hour 0"], "the call that began later is still counted");
    sim.reload(STANDARD);
    sim.run_for(secs(1));
    assert_eq!(told(&sim)[1..], ["toll.over trunk:alice minutes_per_hour 0"]);
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::WeHungUp));
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn a_transfer_goes_on_at_the_expense_of_who_transferred() {
    let mut sim = Sim::with_config(8, &guarded(&house(), "minutes_per_hour = 2"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(CAROL, Script::answers(100));
    let refer = refer(&sim, ALICE, "carol");
    sim.act(ALICE, refer);
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(5));
    assert_eq!(sim.core().counted_for("trunk:alice"), 0, "she has left");
    sim.run_for(secs(118));
    assert_eq!(told(&sim).len(), 1);
    assert_eq!(outcome(&mut sim, "bob"), Some(Outcome::Failed(480)));
    assert_eq!(sim.call(BOB).outcome, None, "bob and carol go on");
    sim.act_in(BOB, 0, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().records().filter(|record| record.reason == EndReason::Internal).count(), 0);
}

#[test]
fn who_was_called_pays_for_the_transfer_that_it_asks_for() {
    let config = house().replacen("name = \"bob\"\n", "name = \"bob\"\nminutes_per_hour = 1\n", 1);
    let mut sim = Sim::with_config(9, &config);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(120));
    assert!(told(&sim).is_empty(), "alice called");
    sim.expect(CAROL, Script::answers(100));
    let first = refer(&sim, BOB, "carol");
    sim.act(BOB, first);
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(62));
    assert_eq!(told(&sim), ["toll.tripped trunk:bob minutes_per_hour 0"]);
    // Who has spent everything transfers no more.
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(2));
    let last = sim.phone(BOB).calls().len() - 1;
    let second = refer(&sim, BOB, "dora");
    sim.act_in(BOB, last, second);
    sim.run_for(ms(500));
    let refused = |message: &tandem_phone::Message| String::from_utf8_lossy(&message.body).starts_with("SIP/2.0 480");
    assert!(sim.phone(BOB).heard("NOTIFY").any(refused));
    sim.act_in(ALICE, 0, Act::Bye);
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

#[test]
fn who_redirects_pays_too() {
    let mut sim = redirected(10, "", "minutes_per_hour = 1", "<sip:carol@10.0.3.1>");
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", "<sip:carol@10.0.3.1>"))));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(62));
    assert_eq!(told(&sim), ["toll.tripped trunk:bob minutes_per_hour 0"]);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(302).edit(Edit::set("Contact", "<sip:carol@10.0.3.1>"))));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).call(2).outcome, Some(Outcome::Failed(480)));
    sim.act_in(ALICE, 1, Act::Bye);
    sim.finish();
}

/// Who has joined two of its calls, or come into one, has spent its minute an hour soon.
fn assert_pays(mut sim: Sim, who: &str) {
    sim.run_for(secs(30));
    assert!(told(&sim).is_empty());
    sim.run_for(secs(45));
    assert_eq!(told(&sim), [format!("toll.tripped trunk:{who} minutes_per_hour 0")]);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().records().filter(|record| record.reason == EndReason::Internal).count(), 0);
}

/// Has Alice join the other ends of her two calls, the first of which leaves for the second.
fn join(sim: &mut Sim) {
    let refer = Act::Refer(sim.phone(ALICE).call(1).attended().expect("a dialog"));
    sim.act(ALICE, refer);
    sim.run_for(secs(5));
    assert!((0..2).all(|call| sim.phone(ALICE).call(call).outcome.is_some()), "she has left");
}

#[test]
fn a_call_that_goes_on_in_another_stays_at_the_expense_of_who_called() {
    let mut sim = Sim::with_config(11, &guarded(&house(), "minutes_per_hour = 1"));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.expect(ALICE, Script::answers(100));
    sim.place(CAROL, "alice", Script::new());
    sim.run_for(secs(1));
    join(&mut sim);
    assert_pays(sim, "alice");
}

#[test]
fn who_was_called_twice_pays_for_joining_the_two() {
    let mut sim = Sim::with_config(12, &guarded(&house(), "minutes_per_hour = 1"));
    for (call, phone) in [BOB, CAROL].into_iter().enumerate() {
        sim.expect(ALICE, Script::answers(100));
        sim.place(phone, "alice", Script::new());
        sim.run_until("they talk", |sim| sim.phone(ALICE).calls().get(call).is_some_and(|call| call.has(When::Confirmed)));
    }
    sim.run_for(secs(120));
    assert!(told(&sim).is_empty(), "others called");
    join(&mut sim);
    assert_pays(sim, "alice");
}

#[test]
fn who_takes_a_place_in_a_call_pays_for_it() {
    for is_up in [true, false] {
        let config = crate::transfer_replaces::house().replacen("name = \"dora\"\n", "name = \"dora\"\nminutes_per_hour = 1\n", 1);
        let mut sim = Sim::with_config(13, &config);
        sim.expect(ALICE, if is_up { Script::answers(100) } else { Script::new().reply(100, 180) });
        sim.place(BOB, "alice", Script::new());
        sim.run_for(secs(1));
        let place = asking(&sim, ALICE);
        sim.place_with(DORA, place);
        sim.run_for(secs(1));
        assert!(sim.call(DORA).was_answered(), "up: {is_up}");
        assert_pays(sim, "dora");
    }
}
