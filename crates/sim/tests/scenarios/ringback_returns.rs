//! What a caller hears of us while others ring comes back when the early media that took its place is gone and somebody rings on.

use crate::announcements::assert_frequency;
use crate::ringback::{house, house_beside, told};
use crate::sound::assert_hears;
use crate::statuses;
use tandem_phone::{Act, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

/// Early media, and so much later a refusal.
fn early(until_ms: u64, status: u16) -> Script {
    Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(until_ms, status)
}

/// Alice hears that by now.
fn hears(sim: &mut Sim, hz: f64) {
    sim.run_for(ms(950));
    assert_frequency(sim, ALICE, hz);
}

/// Alice talks with carol, and hangs up. She has had one answer, whoever she heard.
fn talk(mut sim: Sim) -> Sim {
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 850.0);
    assert_hears(&sim, CAROL, 440.0);
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let told = told(&sim);
    assert!(told.iter().all(|sdp| *sdp == told[0]), "the caller has one answer");
    sim
}

fn group(seed: u64, terms: &str) -> Sim {
    house(seed, &format!("ring = [\"trunk:bob\", \"trunk:carol\"], ringback = \"music.wav\", {terms}"))
}

#[test]
fn the_next_of_a_group_rings_after_one_with_early_media() {
    for reliable in [false, true] {
        let mut sim = group(1, "strategy = \"sequential\"");
        [ALICE, BOB, CAROL].into_iter().for_each(|phone| sim.phone_mut(phone).setup_mut().reliable = reliable);
        sim.expect(BOB, early(4000, 486)).expect(CAROL, Script::new().reply(1000, 180).reply(6000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(secs(3));
        assert_hears(&sim, ALICE, 620.0);
        sim.run_until("carol rings", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| !call.statuses.is_empty()));
        hears(&mut sim, 706.0);
        let sim = talk(sim);
        assert_eq!(statuses(&sim, ALICE), [100, 183, 200], "no 180, at which phones turn to a tone of their own");
    }
}

#[test]
fn early_media_and_ringing_take_turns() {
    let mut sim = house(2, "ring = [\"trunk:bob\", \"trunk:carol\", \"trunk:dora\"], strategy = \"sequential\", ringback = \"music.wav\"");
    let then_early = Script::new().reply(50, 180).reply_with(2000, Reply::new(183).with_sdp()).reply(6000, 486);
    sim.expect(BOB, then_early).expect(DORA, early(4000, 404)).expect(CAROL, early(4000, 486));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    hears(&mut sim, 706.0);
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 620.0);
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 850.0);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE).last(), Some(&486));
}

#[test]
fn one_of_those_that_ring_at_once_takes_its_early_media_with_it() {
    for silent_first in [true, false] {
        let mut sim = group(3, "strategy = \"parallel\"");
        let (rings_ms, speaks_ms) = if silent_first { (50, 1500) } else { (600, 50) };
        sim.expect(BOB, Script::new().reply_with(speaks_ms, Reply::new(183).with_sdp()).reply(5000, 486));
        sim.expect(CAROL, Script::new().reply(rings_ms, 180).reply(9000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(secs(4));
        assert_hears(&sim, ALICE, 620.0);
        sim.run_until("bob is out", |sim| sim.call(BOB).outcome.is_some());
        hears(&mut sim, 706.0);
        talk(sim);
    }
}

#[test]
fn a_member_whose_first_target_fails_rings_at_the_second() {
    let action = "ring = [\"trunk:dora\", \"trunk:pair\"], strategy = \"sequential\", ringback = \"music.wav\"";
    let pair =
        "[[trunk]]\nname = \"pair\"\ntargets = [{ uri = \"sip:10.0.2.1\", priority = 1 }, { uri = \"sip:10.0.3.1\", priority = 2 }]\n";
    let mut sim = house_beside(4, action, pair);
    sim.expect(DORA, early(3000, 486)).expect(BOB, Script::new().reply(20, 503));
    sim.expect(CAROL, Script::new().reply(200, 180).reply(5000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 1000.0);
    sim.run_for(secs(2));
    hears(&mut sim, 706.0);
    talk(sim);
}

#[test]
fn one_phone_of_several_behind_a_proxy_gives_up_and_another_rings() {
    for rings_ms in [30, 6000] {
        let mut sim = house(5, "bridge = [\"trunk:carol\"], ringback = \"music.wav\"");
        let script = Script::new().reply_with(50, Reply::new(183).with_sdp().fork(1)).reply_with(4000, Reply::new(199).fork(1));
        sim.expect(CAROL, script.reply(rings_ms, 180).reply(9000, 200));
        sim.place(ALICE, "it", Script::new());
        sim.run_until_status(ALICE, 183);
        sim.run_for(secs(3));
        assert_hears(&sim, ALICE, 850.0);
        sim.run_for(ms(3200));
        hears(&mut sim, 706.0);
        talk(sim);
    }
}

#[test]
fn in_a_call_that_was_answered_first_too() {
    let mut sim = group(6, "strategy = \"sequential\", picks_up = \"at-once\"");
    sim.expect(BOB, early(4000, 486)).expect(CAROL, Script::new().reply(200, 180).reply(4000, 200));
    sim.place(ALICE, "it", Script::new());
    sim.run_until_status(ALICE, 200);
    sim.run_for(secs(3));
    assert_hears(&sim, ALICE, 620.0);
    sim.run_until("carol rings", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| !call.statuses.is_empty()));
    hears(&mut sim, 706.0);
    talk(sim);
}
