//! Expires of an INVITE: how long its caller wants to wait for an answer (RFC 3261 §13.3.1).

use tandem_model::EndReason;
use tandem_phone::{Edit, Outcome, Place, Script};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

fn call(seed: u64, expires: &str, callee: Script) -> Sim {
    let mut sim = Sim::new(seed);
    sim.expect(BOB, callee);
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::set("Expires", expires));
    sim.place_with(ALICE, place);
    sim
}

#[test]
fn it_acts_as_a_cancel_when_it_runs_out() {
    let mut sim = call(1, "5", Script::new().reply(100, 180));
    sim.run_for(ms(4900));
    assert_eq!(sim.call(ALICE).outcome, None);
    sim.run_for(ms(300));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
    assert_eq!(sim.phone(BOB).trace().iter().filter(|traced| !traced.sent && traced.message.method() == "CANCEL").count(), 1);
}

#[test]
fn it_does_not_lengthen_the_ringing() {
    let mut sim = call(2, "3600", Script::new().reply(100, 180));
    sim.run_for(secs(61));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(480)));
    sim.finish();
}

#[test]
fn it_counts_from_the_beginning_and_not_only_the_ringing() {
    let mut sim = Sim::new(3);
    sim.core_mut().policy_delay = secs(4);
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::set("Expires", "2"));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
}

#[test]
fn an_answered_call_has_no_such_limit() {
    let mut sim = call(4, "5", Script::answers(4000));
    sim.run_for(secs(20));
    assert_eq!(sim.call(ALICE).outcome, None);
    sim.act(ALICE, tandem_phone::Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn what_cannot_be_read_is_no_limit() {
    for expires in ["soon", "-1", "99999999999"] {
        let mut sim = call(5, expires, Script::answers(4000));
        sim.run_until_talking(ALICE, BOB);
        sim.act(ALICE, tandem_phone::Act::Bye);
        sim.finish();
    }
}
