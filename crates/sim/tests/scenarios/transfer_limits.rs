//! What trunks count of calls that are transferred: a leg that was replaced only until it is hung up, one that came until it leaves.

use crate::transfer_attended::{attended, consult};
use crate::transfer_blind::{house, refer, sounding};
use crate::transfer_replaces::asking;
use std::net::SocketAddr;
use tandem_model::TrunkId;
use tandem_phone::{Act, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

/// Calls that the trunks of Alice, Bob, Carol and Dora count.
fn carried(sim: &Sim) -> [u32; 4] {
    [0, 1, 2, 3].map(|trunk| sim.core().carried(TrunkId(trunk)))
}

/// Alice called bob, by this name, and they talk.
fn talking(seed: u64, config: &str, called: &str) -> Sim {
    let mut sim = Sim::with_config(seed, config);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, called, Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

/// Has `from` transfer the call to that phone, and the target answer.
fn transfer(sim: &mut Sim, from: SocketAddr, to: SocketAddr, name: &str) {
    let last = sim.phone(from).calls().len() - 1;
    sim.expect(to, Script::answers(300));
    let refer = refer(sim, from, name);
    sim.act_in(from, last, refer);
    sim.run_until("the target talks", |sim| sim.phone(to).calls().last().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(ms(200));
}

#[test]
fn who_was_called_and_has_left_is_not_counted() {
    let mut sim = talking(1, &house(), "bob");
    assert_eq!(carried(&sim), [1, 1, 0, 0]);
    transfer(&mut sim, BOB, CAROL, "carol");
    assert_eq!(carried(&sim), [1, 1, 1, 0], "Bob has not hung up yet");
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(200));
    assert_eq!(carried(&sim), [1, 0, 1, 0]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn who_called_and_is_hung_up_by_us_is_not_counted() {
    let mut sim = talking(2, &house(), "bob");
    transfer(&mut sim, ALICE, CAROL, "carol");
    assert_eq!(carried(&sim), [1, 1, 1, 0]);
    sim.run_for(secs(3));
    assert_eq!(carried(&sim), [0, 1, 1, 0]);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn who_hung_up_before_the_target_answered_is_not_counted_after_it() {
    let mut sim = talking(3, &house(), "bob");
    sim.expect(CAROL, Script::answers(500));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(ms(300));
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(carried(&sim), [1, 0, 1, 0]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn from_one_to_the_next_there_are_two() {
    let mut sim = talking(4, &house(), "bob");
    for (from, to, name) in [(BOB, CAROL, "carol"), (CAROL, DORA, "dora"), (ALICE, CAROL, "carol")] {
        transfer(&mut sim, from, to, name);
        sim.run_for(secs(3));
        assert_eq!(carried(&sim).iter().sum::<u32>(), 2, "{name}: {:?}", carried(&sim));
    }
    assert_eq!(carried(&sim), [0, 0, 1, 1]);
    sim.act(DORA, Act::Bye);
    sim.finish();
}

#[test]
fn the_member_of_a_group_that_has_left_is_not_counted() {
    let route = "[[route]]\nto = '^group$'\ndo = { ring = [\"trunk:dora\", \"trunk:bob\"] }\n";
    let mut sim = talking(5, &format!("{}\n{route}", house()), "group");
    assert_eq!(carried(&sim), [1, 1, 0, 0]);
    transfer(&mut sim, BOB, CAROL, "carol");
    sim.run_for(secs(3));
    assert_eq!(carried(&sim), [1, 0, 1, 0]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_transfer_that_fails_changes_nothing() {
    let mut sim = talking(6, &house(), "bob");
    sim.expect(CAROL, Script::new().reply(300, 486));
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(3));
    assert_eq!(carried(&sim), [1, 1, 0, 0]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn each_leg_of_an_attended_transfer_counts_once() {
    let mut sim = consult(sounding(7), Script::answers(100), Script::new());
    assert_eq!(carried(&sim), [1, 2, 1, 0]);
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(ms(500));
    assert_eq!(carried(&sim), [1, 1, 1, 0], "Bob is still to hang up the call that he transferred");
    sim.run_for(secs(3));
    assert_eq!(carried(&sim), [1, 0, 1, 0]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn who_loses_the_place_to_a_newcomer_is_not_counted() {
    let mut sim = talking(8, &crate::transfer_replaces::house(), "bob");
    let place = asking(&sim, BOB);
    sim.place_with(DORA, place);
    sim.run_for(secs(1));
    assert_eq!(carried(&sim), [1, 0, 0, 1]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn there_is_room_again_on_the_trunk_that_the_call_has_left() {
    let mut sim = talking(9, &house(), "narrow");
    transfer(&mut sim, BOB, CAROL, "carol");
    sim.run_for(secs(3));
    assert_eq!(sim.core().carried(TrunkId(6)), 0, "it takes one call at a time");
    sim.expect(BOB, Script::answers(100));
    sim.place(DORA, "narrow", Script::new());
    sim.run_until_talking(DORA, BOB);
    for phone in [ALICE, DORA] {
        sim.act(phone, Act::Bye);
    }
    sim.finish();
}
