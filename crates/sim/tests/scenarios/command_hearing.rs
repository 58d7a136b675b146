//! Who hears whom, as a call is told: mute, deafen and entries of the hear matrix. No phone is told anything of it.

use crate::commanded::{DONE, call, done, hears, invites, is_silent, legs, talking, told};
use crate::sound::{assert_hears, stream};
use tandem_model::{CallCommand, CommandError, HearEntry, LegId, MAX_HEARING};
use tandem_phone::{Act, Offer, Reply, Script, sdp::Format};
use tandem_sim::{ALICE, BOB, CAROL, DORA, STANDARD, Sim, ms, secs};

fn hears_alone(mut sim: Sim, who: std::net::SocketAddr) -> Sim {
    for phone in [ALICE, BOB] {
        assert_eq!(hears(&mut sim, phone), phone == who, "{phone}");
    }
    sim
}

fn hang_up(mut sim: Sim) {
    sim.act(BOB, Act::Bye);
    sim.finish();
}

fn entry(speaker: LegId, listener: LegId, hears: bool) -> CallCommand {
    CallCommand::Hear { entries: [HearEntry { speaker, listener, hears }].into() }
}

#[test]
fn the_muted_is_not_heard_and_hears() {
    let mut sim = talking(Sim::new(1));
    let (leg, before) = (legs(&sim)[0], [ALICE, BOB].map(|phone| invites(&sim, phone)));
    done(&mut sim, CallCommand::Mute { leg });
    sim = hears_alone(sim, ALICE);
    done(&mut sim, CallCommand::Mute { leg });
    done(&mut sim, CallCommand::Unmute { leg });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    assert_eq!([ALICE, BOB].map(|phone| invites(&sim, phone)), before, "nobody is told");
    assert_hears(&sim, ALICE, 620.0);
    assert_hears(&sim, BOB, 440.0);
    assert_eq!((stream(&sim, BOB).sources(), stream(&sim, BOB).gaps()), (1, 0), "one stream throughout");
    hang_up(sim);
}

#[test]
fn the_deaf_is_heard_and_hears_not() {
    let mut sim = talking(Sim::new(2));
    let leg = legs(&sim)[0];
    done(&mut sim, CallCommand::Deafen { leg });
    sim = hears_alone(sim, BOB);
    done(&mut sim, CallCommand::Undeafen { leg });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    hang_up(sim);
}

#[test]
fn entries_say_it_pair_by_pair() {
    let mut sim = talking(Sim::new(3));
    let [alice, bob] = legs(&sim);
    done(&mut sim, entry(alice, bob, false));
    sim = hears_alone(sim, ALICE);
    done(&mut sim, entry(bob, alice, false));
    assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, BOB));
    done(&mut sim, entry(alice, bob, true));
    sim = hears_alone(sim, BOB);
    done(&mut sim, CallCommand::Mute { leg: alice });
    assert!(is_silent(&mut sim, BOB), "an entry is below a mute");
    done(&mut sim, entry(bob, alice, true));
    sim = hears_alone(sim, ALICE);
    done(&mut sim, CallCommand::Unmute { leg: alice });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    hang_up(sim);
}

#[test]
fn several_entries_are_set_at_once_or_none() {
    let mut sim = talking(Sim::new(4));
    let [alice, bob] = legs(&sim);
    let (both, stranger) = ([(alice, bob), (bob, alice)], call(&sim).leg(7).unwrap());
    let of = |pairs: &[(LegId, LegId)]| {
        let entries = pairs.iter().map(|(speaker, listener)| HearEntry { speaker: *speaker, listener: *listener, hears: false });
        CallCommand::Hear { entries: entries.collect() }
    };
    let unknown = told(&mut sim, of(&[both[0], (alice, stranger)]));
    assert_eq!(unknown, Some(Err(CommandError::UnknownLeg(stranger))));
    assert_eq!(told(&mut sim, of(&[both[0], (bob, bob)])), Some(Err(CommandError::Itself(bob))));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB), "nothing was changed");
    assert_eq!(told(&mut sim, of(&[])), Some(DONE));
    done(&mut sim, of(&both));
    assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, BOB));
    // The same pairs again are no more entries.
    let many: Vec<_> = both.into_iter().cycle().take(MAX_HEARING * 2).collect();
    assert_eq!(told(&mut sim, of(&many)), Some(Err(CommandError::TooManyEntries(MAX_HEARING))));
    hang_up(sim);
}

#[test]
fn it_stays_whatever_the_phones_agree_on() {
    let mut sim = talking(Sim::new(5));
    let leg = legs(&sim)[0];
    done(&mut sim, CallCommand::Mute { leg });
    for phone in [ALICE, BOB] {
        sim.act(phone, Act::Reinvite(Offer { formats: Some(vec![Format::pcma()]), ..Offer::default() }));
        sim.run_for(ms(500));
        sim = hears_alone(sim, ALICE);
    }
    hang_up(sim);
}

/// What is asked for while somebody rings holds for early media and for the call that follows.
#[test]
fn before_the_answer() {
    let mut sim = Sim::new(6);
    crate::sound::tones(&mut sim);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(3000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(ms(500));
    assert!(hears(&mut sim, ALICE));
    let leg = legs(&sim)[1];
    done(&mut sim, CallCommand::Mute { leg });
    assert!(is_silent(&mut sim, ALICE));
    sim.run_until_talking(ALICE, BOB);
    sim = hears_alone(sim, BOB);
    done(&mut sim, CallCommand::Unmute { leg });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    hang_up(sim);
}

/// What is asked of the caller holds with whoever answers; what is asked of a phone that rings is gone with it.
#[test]
fn of_a_group_that_rings() {
    let text = STANDARD.replacen("codecs = [\"pcma\", \"pcmu\"]", "codecs = [\"pcmu\", \"pcma\"]", 1);
    let mut sim = Sim::with_config(7, &text);
    crate::sound::tones(&mut sim);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(3000, 486));
    sim.expect(CAROL, Script::new().reply(100, 180).reply(6000, 200)).expect(DORA, Script::new().reply(100, 180));
    sim.place(ALICE, "all", Script::new());
    sim.run_until_status(ALICE, 183);
    sim.run_for(ms(500));
    assert!(hears(&mut sim, ALICE));
    let [caller, bob] = legs(&sim);
    done(&mut sim, CallCommand::Mute { leg: bob });
    assert!(is_silent(&mut sim, ALICE));
    done(&mut sim, CallCommand::Mute { leg: caller });
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(ms(300));
    assert!(hears(&mut sim, ALICE) && is_silent(&mut sim, CAROL));
    assert_eq!(told(&mut sim, CallCommand::Unmute { leg: bob }), Some(Err(CommandError::UnknownLeg(bob))));
    done(&mut sim, CallCommand::Unmute { leg: caller });
    assert!(hears(&mut sim, CAROL));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn an_echo_can_be_silenced() {
    for command in [|leg| CallCommand::Mute { leg }, |leg| CallCommand::Deafen { leg }] {
        let mut sim = Sim::new(8);
        sim.phone_mut(ALICE).setup_mut().tone = Some(300.0);
        sim.place(ALICE, "echo", Script::new());
        sim.run_for(secs(1));
        let leg = legs(&sim)[0];
        assert!(hears(&mut sim, ALICE));
        done(&mut sim, command(leg));
        assert!(is_silent(&mut sim, ALICE));
        sim.act(ALICE, Act::Reinvite(Offer::default()));
        sim.run_for(ms(500));
        assert!(is_silent(&mut sim, ALICE), "a re-INVITE brings nothing back");
        done(&mut sim, CallCommand::Unmute { leg });
        done(&mut sim, CallCommand::Undeafen { leg });
        assert!(hears(&mut sim, ALICE));
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

/// The next target has ports of its own in a session of its own: what was asked of the caller holds there.
#[test]
fn of_a_caller_who_is_sent_on() {
    let text = STANDARD.replacen("bridge = [\"trunk:bob\"]", "bridge = [\"trunk:bob\", \"trunk:carol\"]", 1);
    let mut sim = Sim::with_config(9, &text);
    crate::sound::tones(&mut sim);
    sim.expect(BOB, Script::new().reply(2000, 503));
    sim.expect(CAROL, Script::answers(1000));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(secs(1));
    let [caller, bob] = legs(&sim);
    done(&mut sim, CallCommand::Mute { leg: caller });
    done(&mut sim, CallCommand::Deafen { leg: caller });
    done(&mut sim, CallCommand::Mute { leg: bob });
    sim.run_until_talking(ALICE, CAROL);
    sim.run_for(ms(300));
    assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, CAROL));
    assert_eq!(told(&mut sim, CallCommand::Unmute { leg: bob }), Some(Err(CommandError::UnknownLeg(bob))));
    done(&mut sim, CallCommand::Unmute { leg: caller });
    done(&mut sim, CallCommand::Undeafen { leg: caller });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
