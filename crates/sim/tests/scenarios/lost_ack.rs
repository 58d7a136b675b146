//! ACKs that do not arrive, on either leg.

use crate::{RACE_LIMIT, after_race, statuses};
use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Place, Reply, Script};
use tandem_sim::{ALICE, Action, BOB, CORE, Link, Sim, explore_losses, ms};

#[test]
fn the_callers_first_acks_are_lost() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(2000).habits(|habits| habits.lose_acks = 3));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200, 200, 200, 200]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_caller_never_acknowledges() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.never_ack = true));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::AckTimeout));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    // RFC 3261 §13.3.1.4: after 0.5, 1, 2, 4, 4 … s, for 32 s.
    assert_eq!(statuses(&sim, ALICE).iter().filter(|status| **status == 200).count(), 11);
}

#[test]
fn the_caller_hangs_up_without_having_acknowledged() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().step(tandem_phone::When::Answered, 1000, Act::Bye).habits(|habits| habits.never_ack = true));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn our_acks_to_the_callee_are_lost() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.link(CORE, BOB, Link::CUT);
    sim.run_until_status(ALICE, 200);
    sim.run_for(ms(2000));
    assert!(!sim.call(BOB).has(tandem_phone::When::Confirmed));
    sim.link(CORE, BOB, Link::CLEAN);
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_callee_hangs_up_because_no_ack_comes() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim.link(CORE, BOB, Link::CUT);
    sim.run_for(ms(33_000));
    sim.link(CORE, BOB, Link::CLEAN);
    sim.settle();
    assert_eq!(sim.phone_mut(BOB).forgive("ack-missing"), 1);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn the_callers_ack_of_a_failure_is_lost() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob refuses", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.outcome.is_some()));
    sim.link(ALICE, CORE, Link::CUT);
    sim.run_for(ms(1800));
    sim.link(ALICE, CORE, Link::CLEAN);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 486, 486, 486, 486]);
}

#[test]
fn nobody_ever_acknowledges_a_failure() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("bob refuses", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.outcome.is_some()));
    sim.link(ALICE, CORE, Link::CUT);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(486)));
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(486)));
}

#[test]
fn a_slow_ack_is_no_lost_one() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(2000).habits(|habits| habits.ack_delay = ms(7000)));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_callee_hangs_up_before_the_caller_acknowledges() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::answers(100).bye(200));
    sim.place(ALICE, "bob", Script::new().habits(|habits| habits.ack_delay = ms(3000)));
    sim.finish();
    // RFC 3261 §15.1.1: our BYE waited for the ACK; else the phone would complain.
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

/// The answer and all that it sets off, in every order and with each message lost once.
#[test]
fn any_message_of_an_answer_is_lost() {
    const ANSWER: Action = (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200))));
    const BYE_ALICE: Action = (ALICE, |sim| sim.act(ALICE, Act::Bye));
    const BYE_BOB: Action = (BOB, |sim| sim.act(BOB, Act::Bye));

    for (late, actions) in [(false, vec![ANSWER]), (true, vec![ANSWER]), (false, vec![ANSWER, BYE_ALICE]), (true, vec![ANSWER, BYE_BOB])] {
        let explored = explore_losses(RACE_LIMIT, |run| {
            let mut sim = Sim::new(10);
            sim.expect(BOB, Script::new().reply(50, 180));
            let mut place = Place::new(&sim.uri(ALICE, "bob"));
            place.late = late;
            sim.place_with(ALICE, place);
            sim.run_until_status(ALICE, 180);
            sim.race(run, &actions);
            after_race(&mut sim, run);
            sim.act(ALICE, Act::Bye);
            sim.settle();
            sim.act(BOB, Act::Reply(Reply::new(480)));
            sim.finish();
            // A caller may hang up while it still rings for it.
            let ends = [EndReason::CallerHungUp, EndReason::CalleeHungUp, EndReason::Cancelled];
            assert!(sim.end_reason().is_some_and(|reason| ends.contains(&reason)), "{:?}", sim.end_reason());
        });
        assert!(explored.complete && explored.messages >= 4, "{explored:?}");
    }
}
