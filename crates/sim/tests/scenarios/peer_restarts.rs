//! A phone is switched off and on again: the first exchange with it ends both legs, and new calls pass.

use crate::{RACE_LIMIT, after_race, talking_in};
use std::{net::SocketAddr, time::Duration};
use tandem_model::EndReason;
use tandem_phone::{Act, Offer, Outcome, Reply, Request, Script, sdp::Direction};
use tandem_sim::{ALICE, Action, BOB, Sim, explore_losses, ms, secs};

/// Long enough for one request and its answer, and for the BYE to the other phone.
const EXCHANGE: Duration = ms(100);

fn talking(seed: u64, over_tcp: bool) -> Sim {
    talking_in(if over_tcp { Sim::over_tcp(seed, &[ALICE, BOB]) } else { Sim::new(seed) }, ms(500))
}

fn info() -> Act {
    Act::Request(Request { method: "INFO".into(), edits: vec![] })
}

fn hold() -> Act {
    Act::Reinvite(Offer::direction(Direction::SendOnly))
}

/// Both legs are over within one exchange.
fn assert_noticed(sim: &mut Sim, other: SocketAddr) {
    sim.run_for(EXCHANGE);
    let outcome = sim.call(other).outcome;
    assert!(matches!(outcome, Some(Outcome::TheyHungUp | Outcome::Lost)), "{outcome:?}");
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    sim.settle();
    // The request that found it out is not answered by the phone that is away, but by its absence.
    sim.finish();
}

#[test]
fn what_the_other_phone_asks_finds_it_out() {
    for over_tcp in [false, true] {
        for (restarted, other) in [(ALICE, BOB), (BOB, ALICE)] {
            for act in [info(), hold()] {
                let mut sim = talking(1, over_tcp);
                sim.restart(restarted, Duration::ZERO);
                sim.run_for(secs(1));
                assert!(sim.call(other).outcome.is_none());
                sim.act(other, act);
                assert_noticed(&mut sim, other);
                assert_eq!(sim.call(restarted).outcome, Some(Outcome::Forgotten));
            }
        }
    }
}

#[test]
fn nobody_there_is_found_out_as_well() {
    for over_tcp in [false, true] {
        for (away, other) in [(ALICE, BOB), (BOB, ALICE)] {
            for act in [info(), hold()] {
                let mut sim = talking(2, over_tcp);
                sim.restart(away, secs(20));
                sim.run_for(secs(1));
                sim.act(other, act);
                assert_noticed(&mut sim, other);
            }
        }
    }
}

#[test]
fn hanging_up_needs_no_answer() {
    for over_tcp in [false, true] {
        for away in [Duration::ZERO, secs(60)] {
            for (restarted, other, reason) in [(BOB, ALICE, EndReason::CallerHungUp), (ALICE, BOB, EndReason::CalleeHungUp)] {
                let mut sim = talking(3, over_tcp);
                sim.restart(restarted, away);
                sim.run_for(secs(1));
                sim.act(other, Act::Bye);
                sim.run_for(EXCHANGE);
                assert_eq!(sim.end_reason(), Some(reason));
                sim.finish();
            }
        }
    }
}

#[test]
fn a_phone_that_is_back_takes_and_makes_calls() {
    for over_tcp in [false, true] {
        let mut sim = talking(4, over_tcp);
        sim.restart(BOB, secs(3));
        sim.run_for(secs(1));
        let refused = sim.place(ALICE, "bob", Script::new());
        sim.run_for(secs(1));
        assert!(matches!(sim.phone(ALICE).call(refused).outcome, Some(Outcome::Failed(_))));
        sim.run_for(secs(2));
        for (from, user) in [(ALICE, "bob"), (BOB, "alice")] {
            let call = sim.place(from, user, Script::new().bye(500));
            sim.run_for(secs(2));
            assert_eq!(sim.phone(from).call(call).outcome, Some(Outcome::WeHungUp));
        }
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn an_invite_that_comes_again_is_a_new_call_to_it() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::new()).expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until("bob has the INVITE", |sim| !sim.phone(BOB).calls().is_empty());
    sim.restart(BOB, Duration::ZERO);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.phone(BOB).calls().len(), 2);
}

#[test]
fn a_callee_that_forgets_that_it_rings() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.restart(BOB, Duration::ZERO);
    sim.finish();
    // The CANCEL after `ring_timeout` gets 481.
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    assert!(matches!(sim.call(ALICE).outcome, Some(Outcome::Failed(_))));
}

#[test]
fn a_caller_that_forgets_that_it_called() {
    for talks in [false, true] {
        let mut sim = Sim::new(7);
        sim.expect(BOB, if talks { Script::new().reply(50, 180).reply(1000, 200) } else { Script::new().reply(50, 180) });
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.restart(ALICE, Duration::ZERO);
        sim.finish();
        // Nobody acknowledges our 200.
        assert_eq!(sim.end_reason(), Some(if talks { EndReason::AckTimeout } else { EndReason::RingTimeout }));
        assert!(sim.call(BOB).outcome.is_some());
    }
}

/// Either phone restarts at any moment of an answer, a re-INVITE or a hang-up.
#[test]
fn at_any_moment() {
    const RESTARTS: [Action; 2] = [(ALICE, |sim| sim.restart(ALICE, Duration::ZERO)), (BOB, |sim| sim.restart(BOB, Duration::ZERO))];
    const ACTS: [Action; 3] = [
        (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200)))),
        (ALICE, |sim| sim.act(ALICE, hold())),
        (ALICE, |sim| sim.act(ALICE, Act::Bye)),
    ];
    for restart in RESTARTS {
        for (place, act) in ACTS.into_iter().enumerate() {
            let explored = explore_losses(RACE_LIMIT, |run| {
                let mut sim = Sim::new(8);
                sim.expect(BOB, Script::new().reply(50, 180));
                sim.place(ALICE, "bob", Script::new());
                sim.run_until_status(ALICE, 180);
                if place > 0 {
                    sim.act(BOB, Act::Reply(Reply::new(200)));
                    sim.run_for(ms(500));
                }
                sim.race(run, &[act, restart]);
                after_race(&mut sim, run);
                for phone in [ALICE, BOB] {
                    for call in 0..sim.phone(phone).calls().len() {
                        sim.act_in(phone, call, Act::Bye);
                    }
                }
                sim.settle();
                for phone in [ALICE, BOB] {
                    sim.phone_mut(phone).forgive("cseq-order");
                }
                sim.finish();
                assert_eq!(sim.core().records().count(), 1);
            });
            assert!(explored.complete && explored.runs > 3, "{explored:?}");
        }
    }
}
