//! Calls that the node answers itself.

use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{
    Act, Offer, Outcome, Place, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, Sim, ms};

#[test]
fn echo_and_tone_answer_at_once() {
    for user in ["echo", "tone"] {
        let mut sim = Sim::new(1);
        sim.place(ALICE, user, Script::new().bye(1000));
        sim.finish();
        assert_eq!(statuses(&sim, ALICE), [100, 200], "{user}");
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

#[test]
fn echo_can_be_held_and_resumed() {
    let mut sim = Sim::new(2);
    let script = Script::new()
        .step(When::Confirmed, 100, Act::Reinvite(Offer::direction(Direction::SendOnly)))
        .step(When::Confirmed, 300, Act::Reinvite(Offer::direction(Direction::SendRecv)))
        .step(When::Confirmed, 500, Act::Reinvite(Offer { late: true, ..Offer::default() }))
        .bye(1000);
    sim.place(ALICE, "echo", script);
    sim.finish();
    let names: Vec<&str> = sim.core().events.iter().map(|event| event.kind.name()).filter(|name| name.starts_with("leg.")).collect();
    assert_eq!(names, ["leg.created", "leg.answered", "leg.held", "leg.resumed", "leg.ended"]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn tone_needs_a_codec_that_it_can_make() {
    let mut sim = Sim::new(3);
    let mut place = Place::new(&sim.uri(ALICE, "tone"));
    place.formats = Some(vec![Format::new(3, "GSM/8000")]);
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(488)));
}

#[test]
fn echo_to_a_caller_that_never_acknowledges() {
    let mut sim = Sim::new(4);
    sim.place(ALICE, "echo", Script::new().habits(|habits| habits.never_ack = true));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::AckTimeout));
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn echo_cancelled_before_its_media_is_open() {
    let mut sim = Sim::new(5);
    sim.core_mut().shard.delay = ms(1000);
    sim.place(ALICE, "echo", Script::new().cancel(When::Status(100), 200));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_broken_reoffer_to_echo_is_refused_and_the_call_goes_on() {
    let mut sim = Sim::new(6);
    let formats = Some(vec![Format::new(18, "G729/8000")]);
    let script = Script::new().step(When::Confirmed, 100, Act::Reinvite(Offer { formats, ..Offer::default() })).bye(1000);
    sim.place(ALICE, "echo", script);
    sim.finish();
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.status() == 488));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}
