//! Calls of three in which everything happens at once: answers, holds, hang-ups and commands, in every order, and each message lost once. Nothing
//! is left of any.

use crate::commanded::call;
use crate::guests::{add, talks};
use crate::transfer_races::race;
use tandem_model::{CallCommand, DialLeg};
use tandem_phone::{Act, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, CAROL, DORA, Sim, ms, secs};

const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));
const BYE_CAROL: Action = (CAROL, |sim| sim.act(CAROL, Act::Bye));
const ALICE_HOLDS: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const BOB_HOLDS: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const CAROL_HOLDS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const ALICE_ASKS: Action = (ALICE, |sim| sim.act(ALICE, Act::Reinvite(Offer { late: true, ..Offer::default() })));
const CAROL_ASKS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reinvite(Offer { late: true, ..Offer::default() })));
const CAROL_ANSWERS: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(200))));
const CAROL_DECLINES: Action = (CAROL, |sim| sim.act(CAROL, Act::Reply(Reply::new(486))));
const CAROL_IS_HUNG_UP: Action = (DORA, |sim| tell(sim, |leg| CallCommand::HangUp { leg }, 2));
const CAROL_IS_HELD: Action = (DORA, |sim| tell(sim, |leg| CallCommand::Hold { leg, music: None }, 2));
const ALICE_IS_HELD: Action = (DORA, |sim| tell(sim, |leg| CallCommand::Hold { leg, music: None }, 0));
const BOB_IS_TRANSFERRED: Action =
    (DORA, |sim| tell(sim, |leg| CallCommand::Transfer { leg, to: Box::new(DialLeg::new("trunk:dora")) }, 1));
const ALL_IS_OVER: Action = (DORA, |sim| tell(sim, |_| CallCommand::End { reason: None }, 0));

fn tell(sim: &mut Sim, command: fn(tandem_model::LegId) -> CallCommand, leg: u8) {
    let call = call(sim);
    sim.command(call, command(call.leg(leg).expect("there are more")));
}

/// Alice and bob talk, and carol rings.
fn ringing(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.phone_mut(CAROL).always(Script::new().reply(20, 180));
    sim.phone_mut(DORA).always(Script::answers(100));
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.reoffers = vec![(secs(1), Reply::new(200).with_sdp())]));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(300));
    let call = call(&sim);
    sim.command(call, add("trunk:carol"));
    sim.run_for(ms(300));
    sim
}

/// All three talk.
fn talking(seed: u64) -> Sim {
    let mut sim = ringing(seed);
    sim.act(CAROL, Act::Reply(Reply::new(200)));
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    sim.run_for(ms(300));
    sim
}

#[test]
fn one_of_the_two_leaves_while_the_guest_answers() {
    race(1, ringing, &[CAROL_ANSWERS, BYE_ALICE]);
    race(2, ringing, &[CAROL_ANSWERS, BYE_BOB]);
    race(3, ringing, &[CAROL_DECLINES, BYE_ALICE]);
}

#[test]
fn the_guest_answers_while_it_is_hung_up() {
    race(4, ringing, &[CAROL_ANSWERS, CAROL_IS_HUNG_UP]);
    race(5, ringing, &[CAROL_DECLINES, CAROL_IS_HUNG_UP]);
    race(6, ringing, &[CAROL_ANSWERS, ALL_IS_OVER]);
}

#[test]
fn the_guest_answers_while_one_of_the_two_changes_the_session() {
    race(7, ringing, &[CAROL_ANSWERS, ALICE_HOLDS]);
    race(8, ringing, &[CAROL_ANSWERS, BOB_HOLDS]);
    race(9, ringing, &[CAROL_ANSWERS, ALICE_ASKS]);
    race(10, ringing, &[CAROL_ANSWERS, ALICE_IS_HELD]);
}

#[test]
fn two_of_three_leave_at_once() {
    race(13, talking, &[BYE_ALICE, BYE_BOB]);
    race(14, talking, &[BYE_ALICE, BYE_CAROL]);
    race(15, talking, &[BYE_BOB, CAROL_IS_HUNG_UP]);
    race(16, talking, &[BYE_ALICE, BYE_BOB, BYE_CAROL]);
}

#[test]
fn who_takes_a_place_is_in_the_middle_of_something() {
    race(17, talking, &[BYE_ALICE, CAROL_HOLDS]);
    race(18, talking, &[BYE_ALICE, CAROL_ASKS]);
    race(19, talking, &[BYE_BOB, CAROL_IS_HELD]);
    race(20, talking, &[BYE_ALICE, BOB_HOLDS]);
    race(21, talking, &[BYE_BOB, ALICE_ASKS]);
}

#[test]
fn two_hold_at_once() {
    race(22, talking, &[ALICE_HOLDS, CAROL_HOLDS]);
    race(23, talking, &[ALICE_HOLDS, BOB_HOLDS]);
    race(24, talking, &[ALICE_HOLDS, ALICE_IS_HELD]);
    race(25, talking, &[CAROL_HOLDS, CAROL_IS_HELD]);
}

#[test]
fn a_transfer_beside_a_guest_crosses_who_leaves() {
    race(26, talking, &[BOB_IS_TRANSFERRED, BYE_ALICE]);
    race(27, talking, &[BOB_IS_TRANSFERRED, BYE_BOB]);
    race(28, talking, &[BOB_IS_TRANSFERRED, BYE_CAROL]);
    race(29, talking, &[BOB_IS_TRANSFERRED, ALICE_HOLDS]);
}
