//! A hold that we were told to make meets other changes of the call: glare (RFC 3261 §14.1), changes under way, hang-ups, transfers.

use crate::commanded::{DONE, call, direction, done, hears, is_silent, legs, talking, talking_with, told};
use tandem_model::{CallCommand, CommandError, CommandId};
use tandem_phone::{Act, Edit, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

fn hold(sim: &mut Sim, side: usize) -> CommandId {
    let (call, leg) = (call(sim), legs(sim)[side]);
    sim.command(call, CallCommand::Hold { leg, music: None })
}

#[test]
fn after_491_it_comes_again() {
    for side in [0, 1] {
        let late = |script: Script| script.habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(491)), (ms(20), Reply::new(491))]);
        let (alice, bob) =
            if side == 0 { (late(Script::new()), Script::answers(100)) } else { (Script::new(), late(Script::answers(100))) };
        let mut sim = talking_with(Sim::new(1), alice, bob);
        let command = hold(&mut sim, side);
        sim.run_for(ms(100));
        assert_eq!(sim.outcome(command), None, "it is tried again");
        assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
        sim.run_for(secs(9));
        assert_eq!(sim.outcome(command), Some(&DONE));
        assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, BOB));
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn glare_without_end_is_a_refusal() {
    let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(491)); 10]);
    let mut sim = talking_with(Sim::new(2), Script::new(), bob);
    let (command, leg) = (hold(&mut sim, 1), legs(&sim)[1]);
    sim.run_for(secs(60));
    assert_eq!(sim.outcome(command), Some(&Err(CommandError::Refused { leg, status: 491 })));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn both_offers_cross() {
    for seed in 0..10 {
        let mut sim = talking(Sim::new(seed));
        let command = hold(&mut sim, 1);
        sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(secs(10));
        assert_eq!(sim.outcome(command), Some(&DONE));
        assert_eq!(direction(&sim, BOB), Some(Direction::SendOnly));
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn it_waits_for_a_change_that_is_under_way() {
    let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(secs(3), Reply::new(200).with_sdp())]);
    let mut sim = talking_with(Sim::new(3), Script::new(), bob);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(300));
    let command = hold(&mut sim, 1);
    sim.run_for(secs(2));
    assert_eq!((sim.outcome(command), direction(&sim, BOB)), (None, Some(Direction::SendRecv)));
    sim.run_for(secs(2));
    assert_eq!(sim.outcome(command), Some(&DONE));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn one_at_a_time_a_leg() {
    let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(secs(3), Reply::new(200).with_sdp())]);
    let mut sim = talking_with(Sim::new(4), Script::new(), bob);
    let [alice, bob] = legs(&sim);
    let command = hold(&mut sim, 1);
    sim.run_for(ms(100));
    assert_eq!(told(&mut sim, CallCommand::Unhold { leg: bob }), Some(Err(CommandError::UnderWay(bob))));
    let call = call(&sim);
    let other = sim.command(call, CallCommand::Hold { leg: alice, music: None });
    sim.run_for(secs(5));
    assert_eq!((sim.outcome(command), sim.outcome(other)), (Some(&DONE), Some(&DONE)), "that of another leg waits its turn");
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn whoever_hangs_up_meanwhile_ends_it() {
    for hanger in [ALICE, BOB] {
        let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(secs(3), Reply::new(200).with_sdp())]);
        let mut sim = talking_with(Sim::new(5), Script::new(), bob);
        let (command, call) = (hold(&mut sim, 1), call(&sim));
        sim.run_for(ms(100));
        sim.act(hanger, Act::Bye);
        sim.run_for(ms(300));
        assert_eq!(sim.outcome(command), Some(&Err(CommandError::CallOver(call))));
        sim.finish();
    }
}

#[test]
fn a_wait_that_the_peer_asks_for() {
    let later = Reply::new(500).edit(Edit::set("Retry-After", "7"));
    let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), later)]);
    let mut sim = talking_with(Sim::new(6), Script::new(), bob);
    let command = hold(&mut sim, 1);
    sim.run_for(secs(6));
    assert_eq!(sim.outcome(command), None);
    sim.run_for(secs(2));
    assert_eq!(sim.outcome(command), Some(&DONE));
    let leg = legs(&sim)[1];
    done(&mut sim, CallCommand::Unhold { leg });
    sim.act(BOB, Act::Bye);
    sim.finish();
}
