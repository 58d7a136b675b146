//! What crosses a PRACK: every order of it, and each message lost once.

use crate::{RACE_LIMIT, after_race, reliable::house};
use tandem_phone::{Act, Outcome, Place, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, Run, Sim, explore_losses};

const EARLY: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(183).with_sdp())));
const RING: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(180))));
const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
const CANCEL: Action = (ALICE, |sim| sim.act(ALICE, Act::Cancel));

/// Bob has the INVITE of a call whose legs both have reliable responses.
fn invited(seed: u64, late: bool) -> Sim {
    let mut sim = house(seed, &[ALICE, BOB]);
    sim.expect(BOB, Script::new());
    let place = Place { late, ..Place::new(&sim.uri(ALICE, "bob")) };
    sim.place_with(ALICE, place);
    sim.run_until("bob has the INVITE", |sim| !sim.phone(BOB).calls().is_empty());
    sim
}

/// The same, and his early media is on its way to her.
fn ringing(seed: u64, late: bool) -> Sim {
    let mut sim = invited(seed, late);
    sim.act(BOB, Act::Reply(Reply::new(183).with_sdp()));
    sim
}

fn end(sim: &mut Sim, run: &Run) {
    after_race(sim, run);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn assert_answered(sim: &Sim) {
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert!(sim.call(BOB).was_answered());
}

#[test]
fn the_prack_and_the_answer() {
    for late in [false, true] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = ringing(1, late);
            sim.race(run, &[ANSWER]);
            end(&mut sim, run);
            assert_answered(&sim);
        });
        assert!(explored.complete && explored.messages > 5, "{explored:?}");
    }
}

#[test]
fn the_prack_and_the_cancel() {
    for late in [false, true] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = ringing(2, late);
            sim.race(run, &[CANCEL]);
            end(&mut sim, run);
            assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
        });
        assert!(explored.complete && explored.messages > 5, "{explored:?}");
    }
}

#[test]
fn the_prack_the_answer_and_the_cancel() {
    for late in [false, true] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = ringing(3, late);
            sim.race(run, &[ANSWER, CANCEL]);
            end(&mut sim, run);
            assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::Failed(487) | Outcome::WeHungUp)));
        });
        assert!(explored.messages > 5, "{explored:?}");
    }
}

#[test]
fn a_provisional_response_and_the_answer() {
    for late in [false, true] {
        for first in [RING, EARLY] {
            let explored = explore_losses(RACE_LIMIT, |run| {
                let mut sim = invited(4, late);
                sim.race(run, &[first, ANSWER]);
                end(&mut sim, run);
                assert_answered(&sim);
            });
            assert!(explored.complete && explored.messages > 3, "{explored:?}");
        }
    }
}
