//! A call is told to play to its legs: alone, to all, as music for one that is held, and to stop.

use crate::commanded::{DONE, call, direction, done, events, hears, is_silent, legs, talking, told};
use crate::sound::stream;
use std::net::SocketAddr;
use tandem_model::{
    CallCommand, CommandError, CommandOutcome, Country, EventKind, LegId, MAX_PLAYS, NetworkTone, PlayEnd, PlayFailure, PlayId, Sound,
    Stopping,
};
use tandem_phone::{Act, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

fn sine(frequency_hz: u16) -> Sound {
    Sound::Sine { frequency_hz }
}

fn play(leg: Option<LegId>, sound: Sound, times: u16) -> CallCommand {
    CallCommand::Play { leg, sound, times, over: false }
}

fn playing(sim: &mut Sim, command: CallCommand) -> PlayId {
    match told(sim, command) {
        Some(Ok(CommandOutcome::Playing(play))) => play,
        other => unreachable!("{other:?}"),
    }
}

/// The frequency that a phone has heard for a while.
fn frequency(sim: &mut Sim, phone: SocketAddr) -> Option<f64> {
    sim.run_for(secs(2));
    stream(sim, phone).meter().measure().map(|heard| heard.frequency_hz)
}

fn hears_tone(sim: &mut Sim, phone: SocketAddr, hz: f64) -> bool {
    frequency(sim, phone).is_some_and(|heard| (heard - hz).abs() < 1.0)
}

fn ended(sim: &Sim, leg: LegId) -> Vec<(PlayId, PlayEnd)> {
    let kinds = events(sim, leg).into_iter();
    kinds.filter_map(|kind| if let EventKind::PlayEnded { play, end } = kind { Some((play, end)) } else { None }).collect()
}

fn hang_up(mut sim: Sim) {
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn one_leg_hears_it_in_place_of_the_other() {
    let mut sim = talking(Sim::new(1));
    let [alice, _] = legs(&sim);
    let play = playing(&mut sim, play(Some(alice), sine(500), 0));
    assert!(hears_tone(&mut sim, ALICE, 500.0) && hears_tone(&mut sim, BOB, 440.0), "bob hears alice as before");
    done(&mut sim, CallCommand::Stop { what: Stopping::Play(play) });
    assert_eq!(ended(&sim, alice), [(play, PlayEnd::Stopped)]);
    assert!(hears_tone(&mut sim, ALICE, 620.0));
    assert_eq!(stream(&sim, ALICE).sources(), 1);
    let unknown = told(&mut sim, CallCommand::Stop { what: Stopping::Play(play) });
    assert_eq!(unknown, Some(Err(CommandError::UnknownPlay(play))));
    hang_up(sim);
}

#[test]
fn all_hear_it_under_one_name() {
    let mut sim = talking(Sim::new(2));
    let [alice, bob] = legs(&sim);
    let play = playing(&mut sim, play(None, sine(500), 0));
    assert!(hears_tone(&mut sim, ALICE, 500.0) && hears_tone(&mut sim, BOB, 500.0));
    done(&mut sim, CallCommand::Stop { what: Stopping::Play(play) });
    assert_eq!((ended(&sim, alice), ended(&sim, bob)), (vec![(play, PlayEnd::Stopped)], vec![(play, PlayEnd::Stopped)]));
    assert!(hears_tone(&mut sim, ALICE, 620.0) && hears_tone(&mut sim, BOB, 440.0));
    hang_up(sim);
}

#[test]
fn it_is_over_by_itself() {
    let mut sim = talking(Sim::new(3));
    let [alice, _] = legs(&sim);
    let germany: Country = "de".parse().unwrap_or_else(|_| unreachable!("a country"));
    let play = playing(&mut sim, play(Some(alice), Sound::Tone { country: germany, tone: NetworkTone::Busy }, 2));
    sim.run_for(secs(5));
    assert_eq!(ended(&sim, alice), [(play, PlayEnd::Finished)]);
    assert!(hears_tone(&mut sim, ALICE, 620.0));
    hang_up(sim);
}

/// It is told of each leg once, before that leg and the call are told to be over; music of a hold is not.
#[test]
fn it_is_over_with_the_call() {
    let mut sim = talking(Sim::new(31));
    let [alice, bob] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: bob, music: Some(sine(850)) });
    let play = playing(&mut sim, play(None, sine(500), 0));
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    for leg in [alice, bob] {
        assert_eq!(ended(&sim, leg), [(play, PlayEnd::Stopped)]);
    }
    let names: Vec<_> = sim.core().events.iter().map(|event| event.kind.name()).collect();
    let last = names.iter().rposition(|name| *name == "play.ended");
    let over = ["leg.ended", "call.ended"].map(|over| names.iter().position(|name| *name == over));
    assert!(over.iter().all(|over| over.is_some() && last < *over), "{names:?}");
}

#[test]
fn of_two_the_later_is_heard() {
    let mut sim = talking(Sim::new(4));
    let [alice, _] = legs(&sim);
    let first = playing(&mut sim, play(Some(alice), sine(500), 0));
    let second = playing(&mut sim, play(Some(alice), sine(850), 0));
    assert_ne!(first, second);
    assert_eq!(ended(&sim, alice), [(first, PlayEnd::Stopped)]);
    assert!(hears_tone(&mut sim, ALICE, 850.0));
    done(&mut sim, CallCommand::Stop { what: Stopping::Leg(alice) });
    assert_eq!(ended(&sim, alice).last(), Some(&(second, PlayEnd::Stopped)));
    done(&mut sim, CallCommand::Stop { what: Stopping::Leg(alice) });
    hang_up(sim);
}

#[test]
fn a_file_that_is_none_is_told_of() {
    let mut sim = talking(Sim::new(5));
    let [alice, _] = legs(&sim);
    let play = playing(&mut sim, play(Some(alice), Sound::Prompt("no-such-file.wav".into()), 1));
    sim.run_for(secs(1));
    assert_eq!(ended(&sim, alice), [(play, PlayEnd::Failed(PlayFailure::Missing))]);
    assert!(hears(&mut sim, ALICE));
    for name in ["../secret.wav", "/etc/passwd", ""] {
        let refused = told(&mut sim, CallCommand::Play { leg: None, sound: Sound::Prompt(name.into()), times: 1, over: false });
        assert_eq!(refused, Some(Err(CommandError::BadName(name.into()))));
        let refused = told(&mut sim, CallCommand::Hold { leg: alice, music: Some(Sound::Prompt(name.into())) });
        assert_eq!(refused, Some(Err(CommandError::BadName(name.into()))));
    }
    hang_up(sim);
}

#[test]
fn the_held_one_hears_its_music_until_it_goes_on() {
    for (held, other, side, tone) in [(ALICE, BOB, 0, 620.0), (BOB, ALICE, 1, 440.0)] {
        let mut sim = talking(Sim::new(6));
        let leg = legs(&sim)[side];
        done(&mut sim, CallCommand::Hold { leg, music: Some(sine(500)) });
        assert_eq!(direction(&sim, held), Some(Direction::SendOnly));
        assert!(hears_tone(&mut sim, held, 500.0) && is_silent(&mut sim, other));
        done(&mut sim, CallCommand::Hold { leg, music: Some(sine(850)) });
        assert!(hears_tone(&mut sim, held, 850.0), "other music, and no other offer");
        done(&mut sim, CallCommand::Stop { what: Stopping::Leg(leg) });
        assert!(hears(&mut sim, held), "that is not what was asked to be played");
        done(&mut sim, CallCommand::Unhold { leg });
        assert!(hears_tone(&mut sim, held, tone) && hears(&mut sim, other));
        assert_eq!(ended(&sim, leg), [], "a hold that is over is told by itself");
        assert_eq!(stream(&sim, held).sources(), 1);
        hang_up(sim);
    }
}

#[test]
fn music_can_be_ended_and_begun_while_held() {
    let mut sim = talking(Sim::new(7));
    let [alice, _] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: alice, music: Some(sine(500)) });
    done(&mut sim, CallCommand::Hold { leg: alice, music: None });
    assert!(is_silent(&mut sim, ALICE));
    done(&mut sim, CallCommand::Hold { leg: alice, music: Some(sine(500)) });
    assert!(hears_tone(&mut sim, ALICE, 500.0));
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert!(hears_tone(&mut sim, ALICE, 620.0));
    hang_up(sim);
}

/// Each may have music of its own.
#[test]
fn both_are_held_with_music() {
    let mut sim = talking(Sim::new(8));
    let [alice, bob] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: alice, music: Some(sine(500)) });
    done(&mut sim, CallCommand::Hold { leg: bob, music: Some(sine(850)) });
    let heard = [ALICE, BOB].map(|phone| frequency(&mut sim, phone));
    assert!(heard.iter().zip([500.0, 850.0]).all(|(heard, due)| heard.is_some_and(|heard| (heard - due).abs() < 1.0)), "{heard:?}");
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert!(is_silent(&mut sim, ALICE) && hears(&mut sim, BOB));
    done(&mut sim, CallCommand::Unhold { leg: bob });
    assert!(hears_tone(&mut sim, ALICE, 620.0) && hears_tone(&mut sim, BOB, 440.0));
    hang_up(sim);
}

#[test]
fn no_more_than_so_many() {
    let mut sim = talking(Sim::new(9));
    let (call, [alice, bob]) = (call(&sim), legs(&sim));
    // None of them is known to be over before the next is asked for.
    let ids: Vec<_> = (0..=MAX_PLAYS).map(|_| sim.command(call, play(Some(alice), sine(500), 0))).collect();
    let last = sim.outcome(ids[MAX_PLAYS]).cloned();
    sim.run_for(ms(500));
    let begun = ids.iter().filter(|id| matches!(sim.outcome(**id), Some(Ok(CommandOutcome::Playing(_))))).count();
    assert!(begun >= MAX_PLAYS, "{begun}");
    assert!(begun > MAX_PLAYS || last == Some(Err(CommandError::TooManyPlays(MAX_PLAYS))), "{last:?}");
    assert_eq!(told(&mut sim, CallCommand::Stop { what: Stopping::Leg(alice) }), Some(DONE));
    let again = playing(&mut sim, play(Some(bob), sine(500), 0));
    assert!(hears_tone(&mut sim, BOB, 500.0), "{again:?}");
    hang_up(sim);
}

#[test]
fn a_call_of_ours_hears_its_tone_again() {
    let mut sim = Sim::new(10);
    sim.phone_mut(ALICE).setup_mut().tone = Some(300.0);
    sim.place(ALICE, "tone", Script::new());
    sim.run_for(secs(1));
    let [alice, _] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: alice, music: Some(sine(850)) });
    assert!(hears_tone(&mut sim, ALICE, 850.0));
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert!(hears_tone(&mut sim, ALICE, 440.0));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
