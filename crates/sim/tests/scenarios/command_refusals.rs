//! What a call says to commands that it cannot follow: it names why and where, and nothing is changed.

use crate::commanded::{Outcome, call, done, hears, legs, talking, told};
use tandem_model::{
    CallCommand, CallId, CommandError, HearEntry, Key, KeyPress, Layout, LegId, MAX_PRESSES, PlayId, Recorded, RecordingId, Sound, Stopping,
};
use tandem_phone::{Act, Fax, Offer, Script};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms, secs};

/// One of each that names a leg.
fn about(leg: LegId) -> Vec<CallCommand> {
    let entry = |speaker, listener| HearEntry { speaker, listener, hears: true };
    let other = leg.created_by().leg(0).filter(|first| *first != leg).or(leg.created_by().leg(1)).expect("a call has more");
    vec![
        CallCommand::Mute { leg },
        CallCommand::Unmute { leg },
        CallCommand::Deafen { leg },
        CallCommand::Undeafen { leg },
        CallCommand::Hear { entries: [entry(leg, other)].into() },
        CallCommand::Hold { leg, music: None },
        CallCommand::Unhold { leg },
        CallCommand::Record { of: Recorded::Leg(leg), layout: Layout::Mono, file: "a".into() },
        CallCommand::Play { leg: Some(leg), sound: Sound::Sine { frequency_hz: 500 }, times: 1, over: false },
        CallCommand::Stop { what: Stopping::Leg(leg) },
        CallCommand::Press { leg, keys: [KeyPress { key: Key::of_sign('5').expect("a key"), ms: 100 }].into() },
    ]
}

fn all(sim: &mut Sim, call: CallId, commands: Vec<CallCommand>) -> Vec<Option<Outcome>> {
    let ids: Vec<_> = commands.into_iter().map(|command| sim.command(call, command)).collect();
    ids.into_iter().map(|id| sim.outcome(id).cloned()).collect()
}

fn each_is(outcomes: &[Option<Outcome>], error: &CommandError) -> bool {
    outcomes.iter().all(|outcome| outcome.as_ref() == Some(&Err(error.clone())))
}

#[test]
fn a_leg_that_is_none() {
    let mut sim = talking(Sim::new(1));
    let call = call(&sim);
    for stranger in [call.leg(5).unwrap(), CallId::new(7, 7).leg(0).unwrap()] {
        let outcomes = all(&mut sim, call, about(stranger));
        assert!(each_is(&outcomes, &CommandError::UnknownLeg(stranger)), "{outcomes:?}");
    }
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_call_that_is_over() {
    let mut sim = talking(Sim::new(2));
    let (call, leg) = (call(&sim), legs(&sim)[0]);
    // Its last transactions are not over yet.
    sim.link(BOB, tandem_sim::CORE, tandem_sim::Link::CUT);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(200));
    assert_eq!(sim.core().calls(), 1);
    let outcomes = all(&mut sim, call, about(leg));
    assert!(each_is(&outcomes, &CommandError::CallOver(call)), "{outcomes:?}");
    sim.link(BOB, tandem_sim::CORE, tandem_sim::Link::CLEAN);
    sim.finish();
    let outcomes = all(&mut sim, call, about(leg));
    assert!(each_is(&outcomes, &CommandError::CallOver(call)), "{outcomes:?}");
}

#[test]
fn media_that_flows_around_us() {
    let mut sim = Sim::new(3);
    sim.may_tell_addresses();
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "direct", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let call = call(&sim);
    for leg in legs(&sim) {
        let outcomes = all(&mut sim, call, about(leg));
        assert!(each_is(&outcomes, &CommandError::NotAnchored(call)), "{outcomes:?}");
    }
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn holds_and_recordings_of_who_has_not_answered() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::new().reply(100, 180).reply(5000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    for leg in legs(&sim) {
        let early = about(leg)
            .into_iter()
            .filter(|command| matches!(command, CallCommand::Hold { .. } | CallCommand::Unhold { .. } | CallCommand::Record { .. }));
        let call = call(&sim);
        let outcomes = all(&mut sim, call, early.collect());
        assert!(each_is(&outcomes, &CommandError::NotAnswered(leg)), "{outcomes:?}");
    }
    sim.run_until_talking(ALICE, BOB);
    let leg = legs(&sim)[1];
    done(&mut sim, CallCommand::Hold { leg, music: None });
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn while_nobody_has_said_where_the_call_goes() {
    let mut sim = Sim::new(5);
    sim.core_mut().policy_delay = secs(1);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(100));
    let (call, leg) = (call(&sim), legs(&sim)[0]);
    let outcomes = all(&mut sim, call, about(leg));
    let (known, unknown) = (CommandError::NotAnswered(leg), outcomes.len());
    assert!(each_is(&outcomes, &known) && unknown == 11, "{outcomes:?}");
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_hold_of_a_leg_that_faxes() {
    let text = STANDARD.replace("name = \"alice\"", "name = \"alice\"\nt38 = true").replace("name = \"bob\"", "name = \"bob\"\nt38 = true");
    let mut sim = Sim::with_config(6, &text);
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().fax = true;
    }
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.act(ALICE, Act::Reinvite(Offer::fax(Fax::InPlace)));
    sim.run_for(ms(500));
    let leg = legs(&sim)[1];
    assert_eq!(told(&mut sim, CallCommand::Hold { leg, music: None }), Some(Err(CommandError::NoAudio(leg))));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn names_that_are_none() {
    let mut sim = talking(Sim::new(7));
    for name in ["", "../a", "a/../../b", "/etc/passwd", "a\r\nb"] {
        let command = CallCommand::Record { of: Recorded::Call, layout: Layout::Mono, file: name.into() };
        assert_eq!(told(&mut sim, command), Some(Err(CommandError::BadName(name.into()))));
    }
    let unknown = PlayId(1);
    let stop = CallCommand::Stop { what: Stopping::Play(unknown) };
    assert_eq!(told(&mut sim, stop), Some(Err(CommandError::UnknownPlay(unknown))));
    let (leg, press) = (legs(&sim)[0], KeyPress { key: Key::of_sign('5').expect("a key"), ms: 100 });
    let many = CallCommand::Press { leg, keys: vec![press; MAX_PRESSES + 1].into() };
    assert_eq!(told(&mut sim, many), Some(Err(CommandError::TooManyKeys(MAX_PRESSES))));
    let unknown = RecordingId(1);
    assert_eq!(told(&mut sim, CallCommand::StopRecording { recording: unknown }), Some(Err(CommandError::UnknownRecording(unknown))));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// A message that is passed on is no call.
#[test]
fn a_message_outside_of_any_call() {
    let mut sim = Sim::new(8);
    let nobody = CallId::new(9, 9);
    let command = sim.command(nobody, CallCommand::Mute { leg: nobody.leg(0).unwrap() });
    assert_eq!(sim.outcome(command), Some(&Err(CommandError::CallOver(nobody))));
    sim.finish();
}
