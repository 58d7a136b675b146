//! A leg that should send and does not, by each path and in each state of a call: the call ends when that leg's time is over.

use crate::commanded::{legs, talking, told};
use crate::sound::tones;
use std::net::SocketAddr;
use tandem_model::{CallCommand, EndReason, Sound};
use tandem_phone::{Act, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CORE, Link, STANDARD, Sim, ms, secs};

/// What both trunks have.
const BOTH: &str = "codecs = [\"g722\", \"pcmu\", \"pcma\"]";

/// Silence counts after ten seconds, while held after a minute. Alice speaks µ-law, and Bob that.
fn impatient(seed: u64, bob: &str) -> Sim {
    impatient_with(seed, bob, "")
}

/// The same with more said of the route to Bob.
fn impatient_with(seed: u64, bob: &str, more: &str) -> Sim {
    let text = STANDARD
        .replacen("name = \"to bob\"\n", &format!("name = \"to bob\"\n{more}\n"), 1)
        .replace("inactivity_timeout = \"5m\"", "inactivity_timeout = \"10s\"")
        .replace("hold_timeout = \"1h\"", "hold_timeout = \"1m\"")
        .replacen(BOTH, "codecs = [\"pcmu\"]", 1)
        .replacen(BOTH, &format!("codecs = [\"{bob}\"]"), 1);
    let mut sim = Sim::with_config(seed, &text);
    tones(&mut sim);
    sim
}

#[test]
fn a_leg_that_falls_silent_ends_the_call_whatever_is_made_of_its_sound() {
    for (bob, silent) in [("pcmu", BOB), ("pcma", BOB), ("pcma", ALICE)] {
        let mut sim = impatient(1, bob);
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(30));
        assert_eq!(sim.end_reason(), None, "{bob}: who talks is not silent");
        sim.link(silent, CORE, Link::CUT);
        sim.run_for(secs(9));
        assert_eq!(sim.end_reason(), None, "{bob}");
        sim.run_for(secs(12));
        sim.link(silent, CORE, Link::CLEAN);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Inactivity), "{bob}");
    }
}

#[test]
fn while_held_the_longer_time_counts() {
    let mut sim = impatient(2, "pcmu");
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::Inactive)));
    sim.run_for(secs(50));
    assert_eq!(sim.end_reason(), None);
    sim.run_for(secs(30));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
}

#[test]
fn while_it_rings_nobody_need_send_and_after_the_answer_both_must() {
    let mut sim = impatient(3, "pcmu");
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(25_000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.link(BOB, CORE, Link::CUT);
    sim.run_for(secs(22));
    sim.link(BOB, CORE, Link::CLEAN);
    assert_eq!(sim.end_reason(), None);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim.link(BOB, CORE, Link::CUT);
    sim.run_for(secs(21));
    sim.link(BOB, CORE, Link::CLEAN);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
}

/// Who is cut off falls silent, and the call ends when its time is over; the other one talks on until then.
fn falls_silent(mut sim: Sim, silent: SocketAddr) {
    sim.run_for(secs(30));
    assert_eq!(sim.end_reason(), None, "who talks is not silent");
    sim.link(silent, CORE, Link::CUT);
    sim.run_for(secs(9));
    assert_eq!(sim.end_reason(), None);
    sim.run_for(secs(12));
    sim.link(silent, CORE, Link::CLEAN);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
}

#[test]
fn each_leg_of_a_mix_counts_for_itself() {
    for (silent, to) in [(BOB, 0), (ALICE, 0), (BOB, 1)] {
        let mut sim = talking(impatient(4, "pcmu"));
        let leg = Some(legs(&sim)[to]);
        let told = told(&mut sim, CallCommand::Play { leg, sound: Sound::Sine { frequency_hz: 1_500 }, times: 0, over: true });
        assert!(matches!(told, Some(Ok(_))), "what is played over a talk is mixed with it: {told:?}");
        falls_silent(sim, silent);
    }
}

#[test]
fn each_leg_of_a_call_that_is_recorded_counts_for_itself() {
    for (silent, layout) in [(BOB, "mono"), (ALICE, "mono"), (BOB, "sides")] {
        falls_silent(talking(impatient_with(5, "pcmu", &format!("record = \"{layout}\""))), silent);
    }
}
