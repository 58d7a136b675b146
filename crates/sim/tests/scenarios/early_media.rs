//! What is heard before the answer: 183 with SDP, 180 with SDP, and what follows it.

use crate::statuses;
use tandem_phone::{Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, Sim};

#[test]
fn a_183_with_sdp_reaches_the_caller_and_the_200_repeats_it() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(500, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 200]);
    let early: Vec<bool> = sim.phone(ALICE).heard("INVITE").map(|message| message.has_sdp()).collect();
    assert_eq!(early, [false, true, true]);
    assert!(sim.core().events.iter().any(|event| event.kind.name() == "leg.early_media"));
}

#[test]
fn media_is_described_before_the_answer() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(5000, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until_status(ALICE, 183);
    assert!(sim.core().shard.descriptions.len() >= 2);
    sim.finish();
}

#[test]
fn several_provisional_responses_pass_in_their_order() {
    let mut sim = Sim::new(3);
    let bob = Script::new().reply(10, 100).reply(50, 181).reply(100, 180).reply_with(150, Reply::new(183).with_sdp());
    sim.expect(BOB, bob.reply(200, 180).reply(300, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 181, 180, 183, 180, 200]);
}

#[test]
fn a_183_without_sdp_is_passed_too() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::new().reply(50, 183).reply(300, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 200]);
}

#[test]
fn early_media_before_a_refusal() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(2000, 404));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 404]);
}

#[test]
fn early_media_and_then_the_caller_gives_up() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(20_000, 200));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(183), 1000));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_callee_that_offers_sdp_only_in_its_180() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(180).with_sdp()).reply(500, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
}
