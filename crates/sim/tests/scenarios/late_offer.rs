//! INVITE without SDP: the offer comes in the 2xx, the answer in the ACK.

use tandem_model::EndReason;
use tandem_phone::{Edit, Outcome, Place, Reply, Script, When};
use tandem_sim::{ALICE, BOB, Sim, ms};

fn late(sim: &Sim) -> Place {
    Place::new(&sim.uri(ALICE, "bob")).late()
}

#[test]
fn the_callee_offers_and_the_caller_answers() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(100));
    let place = late(&sim).script(Script::new().bye(1000));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.phone(BOB).heard("INVITE").next().map(|invite| invite.has_sdp()), Some(false));
    assert_eq!(sim.phone(BOB).heard("ACK").next().map(|ack| ack.has_sdp()), Some(true));
    let remote = sim.call(BOB).remote_sdp().and_then(tandem_phone::sdp::Sdp::audio_address);
    assert_eq!(remote.map(|address| address.ip().to_string()), Some("10.0.0.1".into()));
    assert!(sim.core().shard.descriptions.len() >= 2);
}

#[test]
fn the_callee_hears_no_ack_before_the_caller_has_answered() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    let place = late(&sim).script(Script::new().bye(3000).habits(|habits| habits.ack_delay = ms(2500)));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.phone(BOB).heard("ACK").next().map(|ack| ack.has_sdp()), Some(true));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_caller_never_answers_the_offer() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    let place = late(&sim).script(Script::new().habits(|habits| habits.never_ack = true));
    sim.place_with(ALICE, place);
    sim.settle();
    // Both give up after 64 × T1, in either order.
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
    assert!(matches!(sim.end_reason(), Some(EndReason::AckTimeout | EndReason::CalleeHungUp)));
}

#[test]
fn the_caller_acknowledges_without_an_answer() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::answers(100));
    // A caller whose ACK carries nothing, by pretending that it never saw the body.
    sim.phone_mut(ALICE).setup_mut().formats = vec![tandem_phone::sdp::Format::new(97, "nothing/8000")];
    let place = late(&sim);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn the_caller_gives_up_before_the_offer() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(20_000));
    let place = late(&sim).script(Script::new().cancel(When::Status(180), 100));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
}

#[test]
fn the_callee_refuses() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(486)));
    let place = late(&sim);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(486)));
}

#[test]
fn the_caller_hangs_up_instead_of_answering() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(100));
    let script = Script::new().step(When::Answered, 500, tandem_phone::Act::Bye).habits(|habits| habits.never_ack = true);
    let place = late(&sim).script(script);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn echo_offers_by_itself() {
    let mut sim = Sim::new(8);
    let place = Place::new(&sim.uri(ALICE, "echo")).late().script(Script::new().bye(1000)).edit(Edit::set("Subject", "test"));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert!(sim.call(ALICE).was_answered());
}
