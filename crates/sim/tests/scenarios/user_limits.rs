//! `limits`, `may_call`, `minutes_per_hour` and `privacy` of a user.

use crate::house::{HOUSE, house_of, registered};
use tandem_phone::{Act, Edit, Outcome, Place, Refer, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

/// The house of users, with more keys of alice, and calls that whoever has them may transfer.
fn limited(seed: u64, keys: &str) -> Sim {
    house_of(seed, &HOUSE.replacen("password = \"w0nder\"\n", &format!("password = \"w0nder\"\n{keys}\n"), 1))
}

/// Alice calls `number`, and is answered if she may.
fn call(sim: &mut Sim, number: &str) -> usize {
    sim.expect(BOB, Script::answers(10));
    let call = sim.place(ALICE, number, Script::new());
    sim.run_for(ms(300));
    call
}

fn is_up(sim: &Sim, call: usize) -> bool {
    sim.phone(ALICE).call(call).was_answered() && sim.phone(ALICE).call(call).outcome.is_none()
}

#[test]
fn a_user_has_so_many_calls_at_a_time() {
    let mut sim = limited(1, "limits = { calls = 2, status = 486 }");
    let calls = [0; 3].map(|_| call(&mut sim, "bob"));
    assert_eq!(calls.map(|call| is_up(&sim, call)), [true, true, false]);
    assert_eq!(sim.phone(ALICE).call(calls[2]).outcome, Some(Outcome::Failed(486)));
    assert_eq!(sim.core().counted_for("user:alice"), 2);
    sim.act_in(ALICE, calls[0], Act::Bye);
    sim.run_for(ms(500));
    let again = call(&mut sim, "bob");
    assert!(is_up(&sim, again));
    [calls[1], again].into_iter().for_each(|call| sim.act_in(ALICE, call, Act::Bye));
    sim.finish();
    assert_eq!(sim.core().counted_for("user:alice"), 0);
    assert_eq!(sim.core().limits_told(), ["limit.reached user:alice calls 1"]);
}

#[test]
fn a_reload_that_changes_how_many_counts_the_calls_that_are_there() {
    let with = |keys: &str| HOUSE.replacen("password = \"w0nder\"\n", &format!("password = \"w0nder\"\n{keys}\n"), 1);
    let mut sim = limited(20, "limits = { calls = 2, status = 486 }");
    let calls = [0; 2].map(|_| call(&mut sim, "bob"));
    for (keys, takes_more) in [("limits = { calls = 1, status = 486 }", false), ("limits = { calls = 3 }", true), ("", true)] {
        sim.reload(&with(keys));
        assert_eq!(calls.map(|call| is_up(&sim, call)), [true, true], "{keys}: they stay");
        let next = call(&mut sim, "bob");
        assert_eq!(is_up(&sim, next), takes_more, "{keys}");
        if takes_more {
            sim.act_in(ALICE, next, Act::Bye);
            sim.run_for(ms(500));
        }
    }
    // One that had no limit when they began.
    sim.reload(&with("limits = { calls = 2, status = 486 }"));
    assert_eq!(sim.core().counted_for("user:alice"), 2, "the new limit counts them");
    let refused = call(&mut sim, "bob");
    assert_eq!(sim.phone(ALICE).call(refused).outcome, Some(Outcome::Failed(486)));
    sim.act_in(ALICE, calls[0], Act::Bye);
    sim.run_for(ms(500));
    let again = call(&mut sim, "bob");
    assert!(is_up(&sim, again), "one of them made room");
    [calls[1], again].into_iter().for_each(|call| sim.act_in(ALICE, call, Act::Bye));
    sim.finish();
    assert_eq!(sim.core().counted_for("user:alice"), 0);
}

#[test]
fn a_user_has_so_many_new_calls_a_second_and_another_as_many_as_it_likes() {
    let mut sim = limited(2, "limits = { cps = 1 }");
    let calls = [0; 2].map(|_| call(&mut sim, "bob"));
    assert_eq!(calls.map(|call| is_up(&sim, call)), [true, false]);
    for _ in 0..3 {
        sim.expect(BOB, Script::answers(10));
        sim.place(CAROL, "bob", Script::new().bye(200));
    }
    sim.run_for(secs(2));
    assert!((0..3).all(|call| sim.phone(CAROL).call(call).outcome == Some(Outcome::WeHungUp)));
    let later = call(&mut sim, "bob");
    assert!(is_up(&sim, later));
    [calls[0], later].into_iter().for_each(|call| sim.act_in(ALICE, call, Act::Bye));
    sim.finish();
}

#[test]
fn a_user_may_call_what_the_file_says() {
    let mut sim = limited(3, "may_call = ['^bob$']");
    let calls = ["bob", "private", "carol"].map(|number| call(&mut sim, number));
    let outcomes = calls.map(|call| sim.phone(ALICE).call(call).outcome);
    assert_eq!(outcomes, [None, Some(Outcome::Failed(403)), Some(Outcome::Failed(403))]);
    sim.act_in(ALICE, calls[0], Act::Bye);
    sim.finish();
}

#[test]
fn a_user_spends_its_minutes_by_transfers_too() {
    let mut sim = limited(4, "minutes_per_hour = 2");
    registered(&mut sim, &[CAROL]);
    let first = call(&mut sim, "bob");
    sim.expect(CAROL, Script::answers(100));
    let refer = Refer::to(&sim.uri(ALICE, "carol"));
    sim.act_in(ALICE, first, Act::Refer(refer));
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(secs(122));
    assert_eq!(sim.core().limits_told(), ["toll.tripped user:alice minutes_per_hour 0"]);
    let refused = call(&mut sim, "bob");
    assert_eq!(sim.phone(ALICE).call(refused).outcome, Some(Outcome::Failed(480)));
    sim.act_in(BOB, 0, Act::Bye);
    sim.finish();
}

#[test]
fn a_user_may_be_kept_from_knowing_who_calls() {
    for (keys, from) in [("", "<sip:bob@house.example>"), ("privacy = \"enforce\"", "\"Anonymous\" <sip:anonymous@anonymous.invalid>")] {
        let mut sim = limited(5, keys);
        registered(&mut sim, &[ALICE]);
        sim.expect(ALICE, Script::answers(100));
        let place = Place { edits: vec![Edit::add("Privacy", "id")], ..Place::new(&sim.uri(BOB, "alice")).script(Script::new().bye(500)) };
        sim.place_with(BOB, place);
        sim.finish();
        let invite = sim.phone(ALICE).heard("INVITE").find(|message| message.is_request()).expect("she is called");
        let shown = invite.header("From").and_then(|shown| shown.split(";tag=").next()).unwrap_or_default();
        assert!(shown.ends_with(from), "{shown}");
    }
}
