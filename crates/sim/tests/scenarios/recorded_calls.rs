//! Calls that their route has recorded.

use crate::sound::{assert_hears, tones};
use crate::transfer_attended::{attended, consult};
use crate::transfer_blind::house;
use std::net::SocketAddr;
use tandem_model::{
    CallCommand, CommandError, CommandOutcome, EndReason, EventKind, Layout, MAX_RECORDINGS, Recorded, RecordingDone, RecordingEnd,
};
use tandem_phone::{Act, Offer, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Recording, STANDARD, Sim, ms, secs};

/// The standard house, in which what one says to the route of that name is recorded so.
fn recorded(seed: u64, route: &str, how: &str) -> Sim {
    let name = format!("name = \"{route}\"\n");
    assert!(STANDARD.contains(&name));
    let mut sim = Sim::with_config(seed, &STANDARD.replacen(&name, &format!("{name}record = {how}\n"), 1));
    tones(&mut sim);
    sim
}

fn talking(seed: u64, how: &str) -> Sim {
    let mut sim = recorded(seed, "to bob", how);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim
}

fn hang_up(sim: &mut Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// What was told of recordings, and whether the call was over by then.
fn told(sim: &Sim) -> Vec<(RecordingDone, bool)> {
    let mut is_over = false;
    let mut told = Vec::new();
    for event in &sim.core().events {
        match &event.kind {
            EventKind::CallEnded(_) => is_over = true,
            EventKind::RecordingReady(done) => told.push(((**done).clone(), is_over)),
            _ => {}
        }
    }
    told
}

fn only(sim: &Sim) -> &Recording {
    let all = &sim.core().shard.recordings.all;
    assert_eq!(all.len(), 1);
    &all[0]
}

/// How loud a tone is in a channel, at its peaks, in the second half.
fn level(recording: &Recording, channel: usize, hz: f64) -> f64 {
    let samples = recording.channel(channel);
    let half = &samples[samples.len() / 2..];
    let step = std::f64::consts::TAU * hz / f64::from(recording.format.rate_hz);
    let parts = half.iter().enumerate().map(|(n, sample)| (f64::from(*sample), step * n as f64));
    let (re, im) = parts.fold((0.0, 0.0), |(re, im), (sample, angle)| (re + sample * angle.cos(), im + sample * angle.sin()));
    2.0 * f64::hypot(re, im) / half.len().max(1) as f64
}

/// Which of the phones' tones are in a channel.
pub(crate) fn heard(recording: &Recording, channel: usize) -> Vec<SocketAddr> {
    let tones = [(ALICE, 440.0), (BOB, 620.0), (CAROL, 850.0)];
    tones.into_iter().filter(|(_, hz)| level(recording, channel, *hz) > 2_000.0).map(|(phone, _)| phone).collect()
}

/// Alice talks with bob and bob with carol, by routes of which these are recorded so.
fn consulting(seed: u64, routes: &[(&str, &str)]) -> Sim {
    let with = |text: String, (route, how): &(&str, &str)| {
        let name = format!("name = \"{route}\"\n");
        assert!(text.contains(&name));
        text.replacen(&name, &format!("{name}record = {how}\n"), 1)
    };
    let mut sim = Sim::with_config(seed, &routes.iter().fold(house(), with));
    tones(&mut sim);
    consult(sim, Script::answers(100), Script::new())
}

fn transfer(sim: &mut Sim) {
    let refer = attended(sim);
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_hears(sim, ALICE, 850.0);
    assert_hears(sim, CAROL, 440.0);
    hang_up(sim);
}

/// The call that she is transferred to is recorded from then on, though no route of its own wants that.
#[test]
fn whoever_is_transferred_is_recorded_where_they_go() {
    let mut sim = consulting(40, &[("to bob", "\"sides\"")]);
    transfer(&mut sim);
    let all = &sim.core().shard.recordings.all;
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].call, all[1].call);
    // Who was there first is the first side.
    assert_eq!((heard(&all[1], 0), heard(&all[1], 1)), (vec![CAROL], vec![ALICE]));
    assert!((3_500..4_300).contains(&all[1].ms()), "{} ms", all[1].ms());
    assert_eq!(told(&sim).len(), 2);
}

#[test]
fn a_call_that_is_recorded_already_is_so_once() {
    let mut sim = consulting(41, &[("to bob", "true"), ("to carol", "true")]);
    transfer(&mut sim);
    let all = &sim.core().shard.recordings.all;
    assert_eq!(all.len(), 2);
    assert_eq!(heard(&all[1], 0), [ALICE, CAROL]);
}

#[test]
fn each_side_is_in_its_channel_and_both_hear_each_other() {
    let mut sim = talking(1, "\"sides\"");
    sim.run_for(secs(3));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    hang_up(&mut sim);
    let recording = only(&sim);
    assert_eq!((heard(recording, 0), heard(recording, 1)), (vec![ALICE], vec![BOB]));
    assert!((2_900..3_300).contains(&recording.ms()), "{} ms", recording.ms());
    let call = recording.call.to_string();
    let (day, time) = recording.file.split_once('/').unwrap();
    assert!(day.len() == 10 && time.ends_with(&call) && time.len() == 7 + call.len(), "{}", recording.file);
    let done =
        RecordingDone { recording: recording.recording, file: recording.file.clone(), ms: recording.ms(), end: RecordingEnd::LegGone };
    assert_eq!(told(&sim), [(done, false)]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn in_one_channel_are_both() {
    let mut sim = talking(2, "true");
    sim.run_for(secs(2));
    hang_up(&mut sim);
    assert_eq!(heard(only(&sim), 0), [ALICE, BOB]);
}

#[test]
fn a_call_that_is_answered_here_is_recorded_with_what_it_hears() {
    let mut sim = recorded(3, "tone", "\"sides\"");
    sim.phone_mut(ALICE).setup_mut().tone = Some(620.0);
    sim.place(ALICE, "tone", Script::new().bye(2_000));
    sim.finish();
    let recording = only(&sim);
    assert!(level(recording, 0, 620.0) > 2_000.0 && level(recording, 0, 440.0) < 100.0);
    assert!(level(recording, 1, 440.0) > 2_000.0 && level(recording, 1, 620.0) < 100.0);
}

#[test]
fn recording_begins_with_the_answer_and_there_is_none_without() {
    let mut sim = recorded(4, "to bob", "true");
    sim.expect(BOB, Script::new().reply(50, 180).reply(5_000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(secs(1));
    hang_up(&mut sim);
    assert!((900..1_400).contains(&only(&sim).ms()), "{} ms", only(&sim).ms());

    let mut sim = recorded(5, "to bob", "true");
    sim.expect(BOB, Script::new().reply(50, 180).reply(2_000, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert!(sim.core().shard.recordings.all.is_empty() && told(&sim).is_empty());
}

#[test]
fn whoever_of_a_group_answers_is_recorded() {
    let mut sim = recorded(6, "all at once", "\"sides\"");
    sim.expect(BOB, Script::new().reply(50, 180)).expect(DORA, Script::new().reply(50, 180));
    sim.expect(CAROL, Script::answers(1_000));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(secs(2));
    hang_up(&mut sim);
    assert_eq!((heard(only(&sim), 0), heard(only(&sim), 1)), (vec![ALICE], vec![CAROL]));
}

#[test]
fn silence_while_held_is_recorded() {
    let mut sim = talking(7, "\"sides\"");
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::Inactive)));
    sim.run_for(secs(5));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(secs(1));
    hang_up(&mut sim);
    let recording = only(&sim);
    assert!((6_900..7_500).contains(&recording.ms()), "{} ms", recording.ms());
    let rate = recording.format.rate_hz as usize;
    for channel in [0, 1].map(|channel| recording.channel(channel)) {
        assert!(channel[3 * rate..5 * rate].iter().all(|sample| *sample == 0));
        assert!(channel[rate / 2..rate * 3 / 4].iter().any(|sample| sample.abs() > 2_000));
        assert!(channel[13 * rate / 2..].iter().any(|sample| sample.abs() > 2_000));
    }
}

#[test]
fn when_the_disk_fills_the_call_goes_on_without_recording() {
    let mut sim = talking(8, "\"sides\"");
    sim.core_mut().shard.recordings.room = Some(100_000);
    sim.run_for(secs(10));
    let (done, _) = told(&sim).pop().unwrap();
    assert_eq!((done.end, done.file), (RecordingEnd::DiskFull, only(&sim).file.clone()));
    assert!(done.ms > 0 && only(&sim).bytes.len() <= 100_000);
    tones(&mut sim);
    sim.run_for(secs(2));
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    hang_up(&mut sim);
    assert_eq!((told(&sim).len(), sim.end_reason()), (1, Some(EndReason::CallerHungUp)));
}

#[test]
fn the_end_of_a_call_waits_a_second_for_its_recording_and_no_longer() {
    for (delay, is_late) in [(0, false), (900, false), (1_500, true)] {
        let mut sim = talking(9, "true");
        sim.core_mut().shard.recordings.delay = ms(delay);
        sim.run_for(secs(1));
        hang_up(&mut sim);
        let told = told(&sim);
        // A call that is gone by then hears no more of it.
        assert!(told.iter().all(|(_, is_over)| *is_over == is_late) && (told.len() == 1 || is_late), "{delay} ms: {told:?}");
        let record = sim.core().records().next().unwrap();
        assert!(record.legs.iter().all(|leg| leg.media.is_some_and(|media| media.received.packets > 40)), "with its figures");
    }
}

/// Tells the call something, and what comes of it.
fn told_to(sim: &mut Sim, command: CallCommand) -> Result<CommandOutcome, CommandError> {
    let call = sim.core().shard.only_call().expect("one call");
    let id = sim.command(call, command);
    let outcome = sim.core().commanded.iter().find(|(own, _)| *own == id).map(|(_, outcome)| outcome.clone());
    outcome.expect("it is told")
}

#[test]
fn a_leg_is_recorded_when_somebody_says_so_and_for_as_long() {
    let mut sim = Sim::new(10);
    tones(&mut sim);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let bob = sim.core().shard.only_call().unwrap().leg(1).unwrap();
    let record = |file: &str| CallCommand::Record { of: Recorded::Leg(bob), layout: Layout::Sides, file: file.into() };
    for name in ["../a", "", "/a", "a/../../b", "a\u{7}"] {
        assert_eq!(told_to(&mut sim, record(name)), Err(CommandError::BadName(name.into())));
    }
    let Ok(CommandOutcome::Recording(recording)) = told_to(&mut sim, record("bob.wav")) else { panic!() };
    sim.run_for(secs(2));
    assert_eq!(told_to(&mut sim, CallCommand::StopRecording { recording }), Ok(CommandOutcome::Done));
    sim.run_for(ms(100));
    assert_eq!(told_to(&mut sim, CallCommand::StopRecording { recording }), Err(CommandError::UnknownRecording(recording)));
    let event = sim.core().events.iter().find(|event| matches!(event.kind, EventKind::RecordingReady(_))).unwrap();
    assert_eq!(event.leg, Some(bob));
    let (done, _) = told(&sim).pop().unwrap();
    assert!((&*done.file, &done.end) == ("bob.wav", &RecordingEnd::Stopped) && (1_990..=2_040).contains(&done.ms), "{done:?}");
    assert_eq!((heard(only(&sim), 0), heard(only(&sim), 1)), (vec![BOB], vec![ALICE]));
    tones(&mut sim);
    sim.run_for(secs(4));
    assert_hears(&sim, ALICE, 620.0);
    hang_up(&mut sim);
    assert_eq!(told(&sim).len(), 1);
}

#[test]
fn no_more_run_than_may_and_all_end_with_the_call() {
    let mut sim = talking(11, "true");
    for number in 1..MAX_RECORDINGS {
        let command = CallCommand::Record { of: Recorded::Call, layout: Layout::Mono, file: format!("{number}").into() };
        assert!(told_to(&mut sim, command).is_ok());
    }
    let command = CallCommand::Record { of: Recorded::Call, layout: Layout::Mono, file: "one more".into() };
    assert_eq!(told_to(&mut sim, command), Err(CommandError::TooManyRecordings(MAX_RECORDINGS)));
    sim.run_for(secs(1));
    hang_up(&mut sim);
    let told = told(&sim);
    assert!(told.len() == MAX_RECORDINGS && told.iter().all(|(done, is_late)| done.end == RecordingEnd::LegGone && !is_late));
}
