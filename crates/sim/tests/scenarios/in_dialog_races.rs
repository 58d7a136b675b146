//! Requests that wait for the other phone's answer while somebody hangs up, re-invites or asks too: every order.

use crate::RACE_LIMIT;
use std::time::Duration;
use tandem_phone::{Act, Habits, Offer, Reply, Request, Script, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, Sim, explore_losses, ms};

const INFO_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Request(Request { method: "INFO".into(), edits: vec![] })));
const INFO_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Request(Request { method: "INFO".into(), edits: vec![] })));
const HOLD_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly))));
const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));

/// Every question gets its one answer, whatever becomes of the call.
fn race(seed: u64, answer: Duration, actions: &[Action], least: usize) {
    let explored = explore_losses(RACE_LIMIT, |run| {
        let habits = |habits: &mut Habits| habits.others = vec![(answer, Reply::new(200)); 2];
        let mut sim = Sim::new(seed);
        sim.expect(BOB, Script::answers(100).habits(habits));
        sim.place(ALICE, "bob", Script::new().habits(habits));
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(500));
        sim.race(run, actions);
        sim.run_for(ms(15_000));
        sim.act(ALICE, Act::Bye);
        sim.settle();
        for phone in [ALICE, BOB] {
            // A request that was lost and comes again after the BYE looks late.
            assert!(sim.phone_mut(phone).forgive("cseq-order") == 0 || run.has_lost());
        }
        sim.finish();
        for phone in [ALICE, BOB] {
            let asked = sim
                .phone(phone)
                .trace()
                .iter()
                .filter(|traced| traced.sent && traced.message.is_request() && traced.message.method() == "INFO")
                .count();
            let answered = sim.phone(phone).heard("INFO").filter(|message| !message.is_request()).count();
            assert!(answered >= asked.min(1), "{phone} asked {asked} times and heard {answered}");
        }
    });
    assert!(explored.complete && explored.runs >= least, "{explored:?}");
}

#[test]
fn the_asker_hangs_up() {
    race(1, Duration::ZERO, &[INFO_ALICE, BYE_ALICE], 4);
    race(2, ms(300), &[INFO_ALICE, BYE_ALICE], 4);
}

#[test]
fn the_asked_hangs_up() {
    race(3, Duration::ZERO, &[INFO_ALICE, BYE_BOB], 4);
    race(4, ms(300), &[INFO_ALICE, BYE_BOB], 4);
}

#[test]
fn the_callee_asks_and_either_hangs_up() {
    race(5, ms(300), &[INFO_BOB, BYE_ALICE], 4);
    race(6, ms(300), &[INFO_BOB, BYE_BOB], 4);
}

#[test]
fn both_ask() {
    race(7, Duration::ZERO, &[INFO_ALICE, INFO_BOB], 8);
}

#[test]
fn both_ask_and_one_hangs_up() {
    race(8, Duration::ZERO, &[INFO_ALICE, INFO_BOB, BYE_BOB], 50);
}

#[test]
fn one_asks_and_the_other_holds() {
    race(9, Duration::ZERO, &[INFO_ALICE, HOLD_BOB], 16);
}
