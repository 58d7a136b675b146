//! Re-INVITEs that cross each other, a BYE, or the ACK before them: every order.

use crate::{RACE_LIMIT, after_race, talking_in};
use std::net::SocketAddr;
use tandem_phone::{Act, Offer, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, Sim, explore_losses, ms, secs};

const HOLD_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const HOLD_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const LATE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer { late: true, ..Offer::default() })));
const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));

fn talking(seed: u64) -> Sim {
    talking_in(Sim::new(seed), ms(500))
}

fn race(seed: u64, actions: &[Action], least: usize) {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = talking(seed);
        sim.race(run, actions);
        // Whoever got 491 tries again meanwhile.
        sim.run_for(ms(15_000));
        sim.act(ALICE, Act::Bye);
        sim.finish();
    });
    assert!(explored.complete && explored.runs >= least, "{explored:?}");
}

#[test]
fn both_hold_at_once() {
    race(1, &[HOLD_ALICE, HOLD_BOB], 20);
}

#[test]
fn a_hold_and_a_reinvite_without_offer() {
    race(2, &[HOLD_ALICE, LATE_BOB], 20);
}

#[test]
fn the_holder_hangs_up() {
    race(3, &[HOLD_ALICE, BYE_ALICE], 5);
}

#[test]
fn the_held_hangs_up() {
    race(4, &[HOLD_ALICE, BYE_BOB], 5);
}

#[test]
fn a_late_offer_and_a_hang_up() {
    race(5, &[LATE_BOB, BYE_ALICE], 5);
}

/// A re-INVITE that the far phone lets wait, taken back in the moment of this answer.
fn taken_back(seed: u64, holder: SocketAddr, answer: Action, cancel: Action) {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let slow = Script::answers(100).habits(|habits| habits.reoffers = vec![(secs(100), Reply::new(200))]);
        let mut sim = Sim::new(seed);
        sim.expect(BOB, slow.clone());
        sim.place(ALICE, "bob", Script::new().habits(|habits| *habits = slow.habits.clone()));
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(500));
        sim.act(holder, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(100));
        sim.race(run, &[answer, cancel]);
        after_race(&mut sim, run);
        assert!(sim.call(holder).has(When::Reanswered));
        sim.act(holder, Act::Bye);
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}

#[test]
fn the_callers_reinvite_is_taken_back() {
    taken_back(7, ALICE, (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200)))), (ALICE, |sim| sim.act(ALICE, Act::Cancel)));
    taken_back(8, ALICE, (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(488)))), (ALICE, |sim| sim.act(ALICE, Act::Cancel)));
}

#[test]
fn the_callees_reinvite_is_taken_back() {
    taken_back(9, BOB, (ALICE, |sim| sim.act(ALICE, Act::Reply(Reply::new(200)))), (BOB, |sim| sim.act(BOB, Act::Cancel)));
}

#[test]
fn a_reinvite_taken_back_and_a_hang_up() {
    taken_back(10, ALICE, (ALICE, |sim| sim.act(ALICE, Act::Bye)), (ALICE, |sim| sim.act(ALICE, Act::Cancel)));
    taken_back(11, ALICE, (BOB, |sim| sim.act(BOB, Act::Bye)), (ALICE, |sim| sim.act(ALICE, Act::Cancel)));
}

#[test]
fn a_reinvite_right_after_the_answer() {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let mut sim = Sim::new(6);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("bob picks up", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.has(tandem_phone::When::Answered)));
        sim.race(run, &[HOLD_ALICE, HOLD_BOB]);
        sim.run_for(ms(15_000));
        sim.act(ALICE, Act::Bye);
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}
