//! What the caller of a group hears before the answer: one source at a time, or its own ringing alone; and afterwards whoever answered.

use crate::sound::{assert_hears, tones};
use crate::statuses;
use tandem_phone::{Act, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

/// All of them speak the same codec first.
fn sounding(seed: u64) -> Sim {
    let mut sim = Sim::with_config(seed, &STANDARD.replacen("codecs = [\"pcma\", \"pcmu\"]", "codecs = [\"pcmu\", \"pcma\"]", 1));
    tones(&mut sim);
    sim
}

fn early(after_ms: u64) -> Script {
    Script::new().reply_with(after_ms, Reply::new(183).with_sdp())
}

#[test]
fn the_answer_is_heard_and_hears() {
    let mut sim = sounding(1);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
    sim.expect(CAROL, Script::answers(500));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn after_a_hunt_the_last_one_is_heard() {
    let mut sim = sounding(2);
    sim.expect(BOB, early(50).reply(1000, 486)).expect(CAROL, early(50).reply(1000, 404)).expect(DORA, Script::answers(500));
    sim.place(ALICE, "hunt", Script::new());
    sim.run_until_talking(ALICE, DORA);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 1000.0);
    assert_hears(&sim, DORA, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn of_several_sources_the_last_to_begin_is_passed_and_each_once() {
    let mut sim = sounding(3);
    sim.expect(BOB, early(50).reply_with(900, Reply::new(183).with_sdp()));
    sim.expect(CAROL, early(500)).expect(DORA, Script::new().reply(50, 180).reply(3000, 200));
    sim.place(ALICE, "all", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 180, 183, 200], "what bob repeats is not passed: carol is heard");
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn when_the_source_fails_the_one_before_it_is_heard_again() {
    let mut sim = sounding(4);
    sim.expect(BOB, early(50).reply(6000, 200)).expect(CAROL, early(500).reply(1500, 486)).expect(DORA, Script::new().reply(2000, 404));
    sim.place(ALICE, "all", Script::new());
    let heard = |sim: &Sim| sim.core().shard.matrices.clone();
    sim.run_until_status(ALICE, 183);
    sim.run_for(secs(1));
    let while_carol = heard(&sim);
    sim.run_for(secs(1));
    let after = heard(&sim);
    assert_eq!(after.len(), while_carol.len() + 1, "carol, then bob again: {after:?}");
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn where_only_ringing_is_to_be_heard_no_description_is_passed() {
    let mut sim = sounding(5);
    sim.expect(BOB, early(50).reply(2000, 200)).expect(CAROL, Script::new().reply(60, 181).reply(100, 180));
    sim.place(ALICE, "all-unheard", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(2));
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    let descriptions: Vec<bool> = sim.phone(ALICE).heard("INVITE").map(tandem_phone::Message::has_sdp).collect();
    assert_eq!(descriptions, [false, false, true]);
    assert_hears(&sim, ALICE, 620.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn an_answer_given_in_a_provisional_response_counts_though_it_was_not_passed() {
    let mut sim = Sim::new(6);
    let mut bare = Reply::new(200);
    bare.body = tandem_phone::Body::None;
    sim.expect(BOB, early(50).reply_with(800, bare));
    sim.expect(CAROL, Script::new().reply(50, 180));
    sim.place(ALICE, "all-unheard", Script::new().bye(300));
    sim.settle();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    sim.run_for(ms(1));
}

#[test]
fn it_counts_though_the_caller_was_told_another_codec() {
    // Carol answers in A-law, bob in µ-law: the caller's phone may hold that against us, but the call is not lost.
    for reliable in [false, true] {
        let mut sim = Sim::new(8);
        sim.phone_mut(BOB).setup_mut().reliable = reliable;
        let mut bare = Reply::new(200);
        bare.body = tandem_phone::Body::None;
        sim.expect(BOB, early(300).reply_with(800, bare));
        sim.expect(CAROL, early(50).reply_with(500, Reply::new(486)));
        sim.place(ALICE, "all", Script::new().bye(300));
        sim.settle();
        sim.phone_mut(ALICE).forgive("answer-changed");
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "reliable: {reliable}");
    }
}

#[test]
fn a_source_whose_fork_ends_is_silent() {
    let mut sim = sounding(7);
    let bob = Script::new().reply_with(50, Reply::new(183).with_sdp()).reply_with(800, Reply::new(199));
    sim.expect(BOB, bob.reply_with(900, Reply::new(180).fork(1)));
    sim.expect(CAROL, early(30)).expect(DORA, Script::new().reply(2000, 200));
    sim.place(ALICE, "all", Script::new().bye(300));
    sim.run_until_status(ALICE, 183);
    sim.run_for(ms(500));
    let before = sim.core().shard.matrices.len();
    sim.run_for(ms(500));
    assert_eq!(sim.core().shard.matrices.len(), before + 1, "carol is heard again");
    sim.finish();
}
