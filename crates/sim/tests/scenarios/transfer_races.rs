//! Transfers that cross a hang-up, each other, or the target's answer: every order, and each message lost once.

use crate::RACE_LIMIT;
use crate::transfer_blind::house;
use tandem_phone::{Act, Outcome, Refer, Reply, Script, When};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, Explored, Run, Sim, explore_losses, ms, secs};

const BOB_REFERS: Action = (BOB, |sim| refer(sim, BOB, "carol"));
const ALICE_REFERS: Action = (ALICE, |sim| refer(sim, ALICE, "dora"));
const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));
const CAROL_ANSWERS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(200))));
const CAROL_DECLINES: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(486))));

fn refer(sim: &mut Sim, phone: std::net::SocketAddr, user: &str) {
    let to = sim.uri(phone, user);
    sim.act(phone, Act::Refer(Refer::to(&to)));
}

fn talking(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &house());
    sim.phone_mut(CAROL).always(Script::answers(300));
    sim.phone_mut(DORA).always(Script::answers(300));
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

/// Bob has asked for carol, who rings.
fn ringing(seed: u64) -> Sim {
    let mut sim = talking(seed);
    sim.phone_mut(CAROL).always(Script::new().reply(20, 180));
    refer(&mut sim, BOB, "carol");
    sim.run_for(ms(500));
    sim
}

/// Nobody hangs up by itself: whoever was replaced is hung up, though the next transfer comes before its time is over.
#[test]
fn one_right_after_the_other() {
    let mut sim = talking(9);
    sim.phone_mut(CAROL).always(Script::answers(100));
    sim.phone_mut(DORA).always(Script::answers(100));
    refer(&mut sim, BOB, "carol");
    sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
    sim.run_for(ms(100));
    refer(&mut sim, CAROL, "dora");
    sim.run_for(secs(5));
    for phone in [BOB, CAROL] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::TheyHungUp));
    }
    assert_eq!(sim.call(DORA).outcome, None);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// Everybody hangs up, and nothing is left.
fn end(mut sim: Sim, run: &Run) {
    sim.run_for(secs(40));
    for phone in [ALICE, BOB, CAROL, DORA] {
        for call in 0..sim.phone(phone).calls().len() {
            sim.act_in(phone, call, Act::Bye);
        }
        sim.run_for(secs(40));
        // What was lost comes again behind what was sent after it.
        if run.has_lost() {
            sim.phone_mut(phone).forgive("cseq-order");
        }
    }
    sim.finish();
}

/// From where `begin` leaves it, in every order, each message lost once.
pub(crate) fn race(seed: u64, begin: fn(u64) -> Sim, actions: &[Action]) {
    let explored = play(RACE_LIMIT, seed, begin, actions);
    assert!(explored.complete && explored.runs > 3, "{explored:?}");
}

/// The same where there are more orders than are worth their time: the first of them, and as many again that are drawn.
pub(crate) fn sampled_race(seed: u64, begin: fn(u64) -> Sim, actions: &[Action]) {
    let explored = play(RACE_LIMIT / 3, seed, begin, actions);
    assert!(!explored.complete, "no need to draw: {explored:?}");
}

fn play(limit: usize, seed: u64, begin: fn(u64) -> Sim, actions: &[Action]) -> Explored {
    explore_losses(limit, |run| {
        let mut sim = begin(seed);
        sim.race(run, actions);
        end(sim, run);
    })
}

#[test]
fn the_one_who_is_to_be_transferred_hangs_up() {
    race(1, talking, &[BOB_REFERS, BYE_ALICE]);
}

#[test]
fn the_transferor_hangs_up() {
    race(2, talking, &[BOB_REFERS, BYE_BOB]);
}

#[test]
fn both_transfer_at_once() {
    race(3, talking, &[BOB_REFERS, ALICE_REFERS]);
}

#[test]
fn the_target_answers_when_the_transferor_hangs_up() {
    race(4, ringing, &[CAROL_ANSWERS, BYE_BOB]);
}

#[test]
fn the_target_answers_when_the_other_hangs_up() {
    race(5, ringing, &[CAROL_ANSWERS, BYE_ALICE]);
}

#[test]
fn the_target_declines_when_the_transferor_hangs_up() {
    race(6, ringing, &[CAROL_DECLINES, BYE_BOB]);
}
