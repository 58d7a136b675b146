//! A call that somebody is added to: who hears whom of three, also where one only listens, coaches, or is held; what is played to them,
//! and what is recorded.

use crate::commanded::{DONE, Outcome, call, done, hears, invites, is_silent, legs, talking, told};
use crate::sound::TONES;
use std::net::SocketAddr;
use tandem_model::{
    CallCommand, CommandError, CommandOutcome, DialLeg, EndReason, EventKind, HearEntry, Key, KeyPress, Layout, LegId, PlayEnd, Recorded,
    Sound,
};
use tandem_phone::{Act, Offer, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, ERIN, Sim, ms, secs};

pub(crate) fn add(to: &str) -> CallCommand {
    CallCommand::Add { leg: Box::new(DialLeg::new(to)) }
}

/// Whom a phone hears in its first call, by their tones.
pub(crate) fn voices(sim: &mut Sim, phone: SocketAddr) -> Vec<SocketAddr> {
    let received = |sim: &Sim| sim.call(phone).stream().map_or(0, |stream| stream.received());
    let before = received(sim);
    sim.run_for(ms(700));
    if received(sim) == before {
        return Vec::new();
    }
    let meter = sim.call(phone).stream().expect("it has sound").meter();
    TONES.into_iter().filter(|(_, hz)| meter.has(*hz)).map(|(phone, _)| phone).collect()
}

pub(crate) fn talks(sim: &Sim, phone: SocketAddr) -> bool {
    sim.phone(phone).calls().last().is_some_and(|call| call.has(When::Confirmed) && call.outcome.is_none())
}

/// Adds a phone that answers: its leg.
pub(crate) fn join(sim: &mut Sim, phone: SocketAddr, name: &str, script: Script) -> LegId {
    sim.expect(phone, script);
    let leg = match told(sim, add(&format!("trunk:{name}"))) {
        Some(Ok(CommandOutcome::Leg(leg))) => leg,
        other => unreachable!("{other:?}"),
    };
    sim.run_until("the guest talks", |sim| talks(sim, phone));
    sim.run_for(ms(300));
    leg
}

/// Alice and bob talk, and carol was added.
pub(crate) fn three(seed: u64) -> (Sim, LegId) {
    three_in(Sim::new(seed))
}

pub(crate) fn three_in(sim: Sim) -> (Sim, LegId) {
    let mut sim = talking(sim);
    let carol = join(&mut sim, CAROL, "carol", Script::answers(200));
    (sim, carol)
}

pub(crate) fn all_hear_all(sim: &mut Sim) {
    assert_eq!(voices(sim, ALICE), [BOB, CAROL]);
    assert_eq!(voices(sim, BOB), [ALICE, CAROL]);
    assert_eq!(voices(sim, CAROL), [ALICE, BOB]);
}

fn hang_up(mut sim: Sim) {
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(200));
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.legs.len(), 3);
}

fn entry(speaker: LegId, listener: LegId, hears: bool) -> CallCommand {
    CallCommand::Hear { entries: [HearEntry { speaker, listener, hears }].into() }
}

#[test]
fn a_third_leg_hears_both_and_is_heard() {
    let (mut sim, carol) = three(1);
    all_hear_all(&mut sim);
    let kinds: Vec<_> = sim.core().events.iter().filter(|event| event.leg == Some(carol)).map(|event| event.kind.name()).collect();
    assert_eq!(kinds, ["leg.created", "leg.trying", "leg.ringing", "leg.answered"]);
    assert_eq!([ALICE, BOB].map(|phone| invites(&sim, phone)), [0, 1], "nobody else is told");
    hang_up(sim);
}

#[test]
fn a_coach_is_heard_by_the_coached_alone() {
    let (mut sim, carol) = three(2);
    let [alice, _] = legs(&sim);
    done(&mut sim, entry(carol, alice, false));
    assert_eq!(voices(&mut sim, ALICE), [BOB]);
    assert_eq!(voices(&mut sim, BOB), [ALICE, CAROL]);
    assert_eq!(voices(&mut sim, CAROL), [ALICE, BOB]);
    // It listens and says nothing.
    done(&mut sim, CallCommand::Mute { leg: carol });
    assert_eq!(voices(&mut sim, BOB), [ALICE]);
    assert_eq!(voices(&mut sim, CAROL), [ALICE, BOB]);
    // It comes in.
    done(&mut sim, CallCommand::Unmute { leg: carol });
    done(&mut sim, entry(carol, alice, true));
    all_hear_all(&mut sim);
    hang_up(sim);
}

#[test]
fn guests_are_muted_and_deafened_like_the_two() {
    let (mut sim, carol) = three(3);
    let [alice, bob] = legs(&sim);
    done(&mut sim, CallCommand::Deafen { leg: carol });
    assert!(is_silent(&mut sim, CAROL));
    assert_eq!(voices(&mut sim, ALICE), [BOB, CAROL]);
    done(&mut sim, CallCommand::Undeafen { leg: carol });
    done(&mut sim, CallCommand::Mute { leg: alice });
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, CAROL)), (vec![CAROL], vec![BOB]));
    done(&mut sim, CallCommand::Unmute { leg: alice });
    done(&mut sim, CallCommand::Deafen { leg: bob });
    assert!(is_silent(&mut sim, BOB));
    done(&mut sim, CallCommand::Undeafen { leg: bob });
    all_hear_all(&mut sim);
    hang_up(sim);
}

/// What was said of a leg before it answers holds when it does: a coach need not be heard for a moment.
#[test]
fn a_guest_is_muted_while_it_rings() {
    let mut sim = talking(Sim::new(4));
    sim.expect(CAROL, Script::new().reply(100, 180).reply(2000, 200));
    let Some(Ok(CommandOutcome::Leg(carol))) = told(&mut sim, add("trunk:carol")) else { unreachable!("it is dialled") };
    done(&mut sim, CallCommand::Mute { leg: carol });
    assert_eq!(told(&mut sim, CallCommand::Hold { leg: carol, music: None }), Some(Err(CommandError::NotAnswered(carol))));
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![BOB], vec![ALICE, BOB]));
    hang_up(sim);
}

#[test]
fn a_guest_is_held_with_music_and_comes_back() {
    let (mut sim, leg) = three(5);
    let music = Some(Sound::Sine { frequency_hz: 1000 });
    done(&mut sim, CallCommand::Hold { leg, music });
    assert_eq!(voices(&mut sim, CAROL), [DORA], "that is music");
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
    assert_eq!(sim.call(CAROL).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction), Some(Direction::SendOnly));
    assert_eq!(sim.core().view(call(&sim)).map(|view| view.legs.iter().map(|leg| leg.held).collect()), Some(vec![false, false, true]));
    done(&mut sim, CallCommand::Unhold { leg });
    all_hear_all(&mut sim);
    hang_up(sim);
}

#[test]
fn one_of_the_two_is_held_beside_a_guest() {
    let (mut sim, _) = three(6);
    let [alice, _] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: alice, music: None });
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, CAROL)), (vec![CAROL], vec![BOB]));
    assert!(is_silent(&mut sim, ALICE));
    done(&mut sim, CallCommand::Unhold { leg: alice });
    all_hear_all(&mut sim);
    hang_up(sim);
}

#[test]
fn a_guest_that_refuses_to_be_held_is_not() {
    let mut sim = talking(Sim::new(7));
    let refuses = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), tandem_phone::Reply::new(488))]);
    let leg = join(&mut sim, CAROL, "carol", refuses);
    assert_eq!(told(&mut sim, CallCommand::Hold { leg, music: None }), Some(Err(CommandError::Refused { leg, status: 488 })));
    all_hear_all(&mut sim);
    hang_up(sim);
}

#[test]
fn all_hear_what_is_played_to_all() {
    let (mut sim, carol) = three(8);
    let sound = Sound::Sine { frequency_hz: 1000 };
    let Some(Ok(CommandOutcome::Playing(play))) = told(&mut sim, CallCommand::Play { leg: None, sound, times: 0, over: true }) else {
        unreachable!("it plays")
    };
    for phone in [ALICE, BOB, CAROL] {
        assert!(voices(&mut sim, phone).contains(&DORA), "{phone} hears it");
    }
    done(&mut sim, CallCommand::Stop { what: tandem_model::Stopping::Play(play) });
    all_hear_all(&mut sim);
    let ends = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::PlayEnded { end: PlayEnd::Stopped, .. }));
    assert_eq!(ends.filter(|event| event.leg == Some(carol)).count(), 1);
    hang_up(sim);
}

#[test]
fn a_recording_has_all_three_and_one_of_a_guest_what_it_says_and_hears() {
    let (mut sim, carol) = three(9);
    let record = |of| CallCommand::Record { of, layout: Layout::Sides, file: "three".into() };
    for of in [Recorded::Call, Recorded::Leg(carol)] {
        assert!(matches!(told(&mut sim, record(of)), Some(Ok(CommandOutcome::Recording(_)))));
    }
    sim.run_for(secs(3));
    sim.act(CAROL, Act::Bye);
    sim.run_for(secs(1));
    let ready = |sim: &Sim| sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::RecordingReady(_))).count();
    assert_eq!(ready(&sim), 1, "what carol says is over");
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(ready(&sim), 2);
    let all = &sim.core().shard.recordings.all;
    let tones: Vec<Vec<Vec<SocketAddr>>> =
        all.iter().map(|one| (0..2).map(|channel| crate::recorded_calls::heard(one, channel)).collect()).collect();
    assert_eq!(tones[1], [vec![CAROL], vec![ALICE, BOB]]);
    assert_eq!(tones[0][0], [ALICE]);
    assert!(tones[0][1].contains(&BOB));
}

/// Whoever hears a guest hears its keys, and it hears theirs.
#[test]
fn keys_of_guests_are_told_and_heard() {
    let (mut sim, carol) = three(10);
    let five = KeyPress { key: Key::of_sign('5').expect("a key"), ms: 100 };
    done(&mut sim, CallCommand::Press { leg: carol, keys: [five].into() });
    let info = tandem_phone::Request { method: "INFO".into(), edits: Vec::new() };
    sim.act(CAROL, Act::Request(info));
    sim.run_for(ms(500));
    all_hear_all(&mut sim);
    hang_up(sim);
}

/// Five who speak what they like.
#[test]
fn five_hear_each_other() {
    let mut sim = Sim::new(11);
    sim.phone_mut(ERIN).setup_mut().tone = Some(1200.0);
    let (mut sim, _) = three_in(sim);
    join(&mut sim, DORA, "dora", Script::answers(100));
    join(&mut sim, ERIN, "erin", Script::answers(100));
    assert_eq!(voices(&mut sim, ALICE), [BOB, CAROL, DORA]);
    assert_eq!(voices(&mut sim, DORA), [ALICE, BOB, CAROL]);
    assert_eq!(voices(&mut sim, ERIN), [ALICE, BOB, CAROL, DORA]);
    sim.act(DORA, Act::Bye);
    sim.run_for(ms(300));
    assert_eq!(voices(&mut sim, ALICE), [BOB, CAROL]);
    sim.act(ERIN, Act::Bye);
    sim.run_for(ms(300));
    all_hear_all(&mut sim);
    let told: Outcome = DONE;
    let id = sim.command(call(&sim), CallCommand::End { reason: None });
    assert_eq!(sim.outcome(id), Some(&told));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Commanded));
    assert_eq!(sim.core().records().next().map(|record| record.legs.len()), Some(5));
}

/// A phone that is called alone hears itself no more once somebody is there, and again when it is alone.
#[test]
fn an_echo_and_a_tone_stop_while_somebody_is_there() {
    for called in ["echo", "tone"] {
        let mut sim = Sim::new(12);
        crate::sound::tones(&mut sim);
        sim.phone_mut(ALICE).setup_mut().tone = Some(440.0);
        sim.place(ALICE, called, Script::new());
        sim.run_for(secs(1));
        join(&mut sim, CAROL, "carol", Script::answers(200));
        assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![CAROL], vec![ALICE]), "{called}");
        sim.act(ALICE, Act::Reinvite(Offer::default()));
        sim.run_for(ms(500));
        assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![CAROL], vec![ALICE]), "{called}");
        sim.act(CAROL, Act::Bye);
        sim.run_for(ms(500));
        assert!(hears(&mut sim, ALICE));
        // The tone is as high as alice's own.
        assert_eq!(voices(&mut sim, ALICE), [ALICE], "{called}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}
