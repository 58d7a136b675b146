//! Hanging up: from either side, from both at once, before the answer, and with nobody listening.

use crate::{RACE_LIMIT, talking_in};
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Outcome, Request, Script, When};
use tandem_sim::{ALICE, Action, BOB, Link, Sim, explore, ms};

const HANG_UP_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
const HANG_UP_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));

fn talking(seed: u64) -> Sim {
    talking_in(Sim::new(seed), ms(500))
}

#[test]
fn crossing_byes_in_every_order() {
    let explored = explore(RACE_LIMIT, |run| {
        let mut sim = talking(1);
        sim.race(run, &[HANG_UP_ALICE, HANG_UP_BOB]);
        sim.finish();
        assert!(matches!(sim.end_reason(), Some(EndReason::CallerHungUp | EndReason::CalleeHungUp)));
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}

#[test]
fn the_caller_hangs_up_while_its_ack_is_on_its_way() {
    let explored = explore(RACE_LIMIT, |run| {
        let mut sim = Sim::new(2);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.run_until("bob picks up", |sim| sim.call(BOB).has(When::Answered));
        sim.race(run, &[HANG_UP_ALICE]);
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}

#[test]
fn both_hang_up_at_the_moment_of_the_answer() {
    let explored = explore(RACE_LIMIT, |run| {
        let mut sim = Sim::new(3);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("bob picks up", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.has(When::Answered)));
        sim.race(run, &[HANG_UP_ALICE, HANG_UP_BOB]);
        sim.run_for(ms(100));
        // A button pressed before there was a call did nothing.
        sim.act(ALICE, Act::Bye);
        sim.finish();
    });
    assert!(explored.runs > 5, "{explored:?}");
}

#[test]
fn a_bye_in_an_early_dialog() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new().step(When::Status(180), 500, Act::Bye));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.phone(ALICE).heard("BYE").map(|answer| answer.status()).collect::<Vec<_>>(), [200]);
    assert_eq!(sim.call(ALICE).final_status(), Some(487));
}

#[test]
fn a_bye_in_an_early_dialog_against_the_200_in_every_order() {
    let explored = explore(RACE_LIMIT, |run| {
        let mut sim = Sim::new(5);
        sim.expect(BOB, Script::new().reply(50, 180));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.race(run, &[HANG_UP_ALICE, (BOB, |sim| sim.act(BOB, Act::Reply(tandem_phone::Reply::new(200))))]);
        sim.finish();
    });
    assert!(explored.complete && explored.runs > 5, "{explored:?}");
}

#[test]
fn a_bye_that_is_never_answered_ends_the_call_all_the_same() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.ignore_bye = true));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until("the caller is through", |sim| sim.phone(ALICE).is_idle());
    sim.run_for(ms(40_000));
    assert_eq!(sim.core().calls(), 0);
    // The deaf phone gives up by itself.
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_bye_answered_with_481_is_as_good() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.bye_status = 481));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn a_bye_that_is_lost_is_said_again() {
    let mut sim = talking(8);
    sim.link(ALICE, tandem_sim::CORE, Link::CUT);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(400));
    sim.link(ALICE, tandem_sim::CORE, Link::CLEAN);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_reason_of_a_bye_reaches_the_other_side() {
    let mut sim = talking(9);
    let edits = vec![Edit::add("Reason", "Q.850;cause=16;text=\"normal\"")];
    sim.act(ALICE, Act::Request(Request { method: "BYE".into(), edits }));
    sim.run_for(ms(100));
    let reason = sim.phone(BOB).heard("BYE").next().and_then(|bye| bye.header("Reason").map(str::to_owned));
    assert_eq!(reason, Some("Q.850;cause=16;text=\"normal\"".into()));
    // The phone did not know that its request was a BYE.
    sim.act(ALICE, Act::Bye);
    sim.settle();
    sim.finish();
}

#[test]
fn a_bye_for_a_dialog_that_is_over_gets_481() {
    let mut sim = talking(10);
    sim.act(ALICE, Act::Bye);
    sim.settle();
    sim.run_for(ms(40_000));
    let bye =
        sim.phone(ALICE).trace().iter().find(|traced| traced.sent && traced.message.method() == "BYE").map(|traced| traced.message.clone());
    let Some(mut bye) = bye else { unreachable!("a BYE was sent") };
    bye.set("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKlater");
    sim.send_raw(ALICE, bye.print());
    sim.run_for(ms(100));
    assert_eq!(sim.phone(ALICE).heard("BYE").last().map(|answer| answer.status()), Some(481));
    sim.finish();
}

#[test]
fn the_node_ends_all_its_calls() {
    let mut sim = talking(11);
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::Shutdown));
}

#[test]
fn the_node_ends_a_call_that_still_rings() {
    let mut sim = Sim::new(12);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    assert!(sim.call(ALICE).final_status().is_some_and(|status| status >= 400));
}
