//! INVITE, ring, answer, talk, hang up.

use tandem_model::EndReason;
use tandem_phone::{Outcome, Script};
use tandem_sim::{ALICE, BOB, Sim};

#[test]
fn a_call_is_made_and_ended_by_the_caller() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    let heard: Vec<u16> = sim.call(ALICE).statuses.iter().map(|(_, status)| *status).collect();
    assert_eq!(heard, [100, 180, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}
