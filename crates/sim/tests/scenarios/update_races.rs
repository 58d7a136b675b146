//! UPDATEs that cross each other, re-INVITEs, the answer or a BYE: every order, and each message lost once.

use crate::RACE_LIMIT;
use tandem_phone::{Act, Offer, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, Run, Sim, explore_losses, ms};

const HOLD: fn() -> Offer = || Offer::direction(Direction::SendOnly);
const UPDATE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Update(HOLD())));
const UPDATE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Update(HOLD())));
const REFRESH_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Update(Offer { late: true, ..Offer::default() })));
const REFRESH_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Update(Offer { late: true, ..Offer::default() })));
const INVITE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(HOLD())));
const INVITE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(HOLD())));
const LATE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer { late: true, ..Offer::default() })));
const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));
const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));

/// Both take UPDATE, or bob does not.
fn talking(seed: u64, bob_takes: bool) -> Sim {
    let mut sim = Sim::new(seed);
    sim.phone_mut(BOB).setup_mut().updates = bob_takes;
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

/// Whoever got 491 tries again, what was lost is sent again; then one hangs up.
fn end(mut sim: Sim, run: &Run) {
    sim.run_for(ms(if run.has_lost() { 45_000 } else { 15_000 }));
    sim.act(ALICE, Act::Bye);
    sim.settle();
    for phone in [ALICE, BOB].into_iter().filter(|_| run.has_lost()) {
        // What comes again was overtaken meanwhile.
        for rule in ["cseq-order", "sdp-version"] {
            sim.phone_mut(phone).forgive(rule);
        }
    }
    sim.finish();
}

fn race(seed: u64, actions: &[Action], least: usize) {
    for bob_takes in [true, false] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = talking(seed, bob_takes);
            sim.race(run, actions);
            end(sim, run);
        });
        assert!(explored.complete && explored.runs >= least, "{explored:?}");
    }
}

#[test]
fn both_update_at_once() {
    race(1, &[UPDATE_ALICE, UPDATE_BOB], 20);
}

#[test]
fn an_update_and_a_reinvite() {
    race(2, &[UPDATE_ALICE, INVITE_BOB], 20);
    race(3, &[INVITE_ALICE, UPDATE_BOB], 20);
}

#[test]
fn an_update_and_a_reinvite_without_offer() {
    race(4, &[UPDATE_ALICE, LATE_BOB], 20);
}

#[test]
fn an_update_and_a_reinvite_of_the_same_phone() {
    race(5, &[REFRESH_ALICE, INVITE_ALICE], 5);
    race(6, &[INVITE_BOB, REFRESH_BOB], 5);
}

#[test]
fn an_update_and_a_hang_up() {
    for bye in [BYE_ALICE, BYE_BOB] {
        race(7, &[UPDATE_ALICE, bye], 5);
        race(8, &[UPDATE_BOB, bye], 5);
    }
}

/// UPDATE/200: before the answer neither may offer without reliable responses, but may refresh.
#[test]
fn an_update_and_the_answer() {
    for update in [REFRESH_ALICE, REFRESH_BOB] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = Sim::new(9);
            sim.expect(BOB, Script::new().reply(50, 180));
            sim.place(ALICE, "bob", Script::new());
            sim.run_until_status(ALICE, 180);
            sim.race(run, &[update, ANSWER]);
            end(sim, run);
        });
        assert!(explored.complete && explored.runs > 5, "{explored:?}");
    }
}

#[test]
fn an_update_right_after_the_answer() {
    for update in [UPDATE_ALICE, UPDATE_BOB] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = Sim::new(10);
            sim.expect(BOB, Script::answers(100));
            sim.place(ALICE, "bob", Script::new());
            sim.run_until("bob picks up", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.has(When::Answered)));
            sim.race(run, &[update, BYE_BOB]);
            end(sim, run);
        });
        assert!(explored.complete && explored.runs > 5, "{explored:?}");
    }
}
