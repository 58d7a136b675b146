//! What was asked of a call whose legs change: what is said of the one who stays goes on, what is said of the one who leaves goes along, and
//! the one who comes begins afresh.

use crate::commanded::{DONE, call_of, direction, done, hears, is_silent, legs, told};
use crate::transfer_attended::{attended, consult};
use crate::transfer_blind::{refer, sounding};
use std::net::SocketAddr;
use tandem_model::{CallCommand, CommandError};
use tandem_phone::{Act, Offer, Reply, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms, secs};

/// Alice called bob, and they talk; carol answers when she is called.
fn talking(seed: u64) -> Sim {
    let mut sim = sounding(seed);
    sim.expect(BOB, Script::answers(100));
    sim.expect(CAROL, Script::answers(300));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(200));
    sim
}

fn talks(sim: &Sim, phone: SocketAddr) -> bool {
    sim.phone(phone).calls().first().is_some_and(|call| call.has(When::Confirmed))
}

/// Bob sends alice on to carol.
fn transfer(sim: &mut Sim) {
    let refer = refer(sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    sim.run_for(secs(3));
}

fn hang_up(mut sim: Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_mute_of_the_one_who_stays_stays() {
    let mut sim = talking(1);
    let [alice, bob] = legs(&sim);
    done(&mut sim, CallCommand::Mute { leg: alice });
    done(&mut sim, CallCommand::Deafen { leg: bob });
    transfer(&mut sim);
    assert!(is_silent(&mut sim, CAROL) && hears(&mut sim, ALICE));
    done(&mut sim, CallCommand::Unmute { leg: alice });
    assert!(hears(&mut sim, CAROL), "nobody has deafened carol");
    assert_eq!(told(&mut sim, CallCommand::Undeafen { leg: bob }), Some(Err(CommandError::UnknownLeg(bob))));
    hang_up(sim);
}

#[test]
fn a_hold_of_the_one_who_stays_stays() {
    let mut sim = talking(2);
    let [alice, _] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: alice, music: None });
    transfer(&mut sim);
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
    assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, CAROL));
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendRecv));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    hang_up(sim);
}

#[test]
fn a_hold_of_the_one_who_leaves_goes_along() {
    let mut sim = talking(3);
    let [_, bob] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: bob, music: None });
    transfer(&mut sim);
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    hang_up(sim);
}

/// The target rings: it can be muted, and be told so before it is part of the call.
#[test]
fn the_target_is_one_of_the_legs_once_it_is_called() {
    let mut sim = sounding(4);
    sim.expect(BOB, Script::answers(100));
    sim.expect(CAROL, Script::new().reply(100, 180).reply(4000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let refer = refer(&sim, BOB, "carol");
    sim.act(BOB, refer);
    sim.run_for(secs(1));
    let carol = legs(&sim)[0].created_by().leg(2).unwrap();
    done(&mut sim, CallCommand::Mute { leg: carol });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB), "those who talk do not notice");
    assert_eq!(told(&mut sim, CallCommand::Hold { leg: carol, music: None }), Some(Err(CommandError::NotAnswered(carol))));
    sim.run_until("carol talks", |sim| talks(sim, CAROL));
    sim.run_for(secs(3));
    assert!(is_silent(&mut sim, ALICE) && hears(&mut sim, CAROL));
    done(&mut sim, CallCommand::Unmute { leg: carol });
    assert!(hears(&mut sim, ALICE));
    hang_up(sim);
}

#[test]
fn a_hold_that_waits_while_its_leg_is_sent_away() {
    let mut sim = sounding(5);
    let slow = vec![(secs(2), Reply::new(200).with_sdp())];
    sim.expect(BOB, Script::answers(100).habits(|habits| habits.reoffers = slow));
    sim.expect(CAROL, Script::answers(300));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    let [alice, bob] = legs(&sim);
    let of_bob = sim.command(alice.created_by(), CallCommand::Hold { leg: bob, music: None });
    let of_alice = sim.command(alice.created_by(), CallCommand::Hold { leg: alice, music: None });
    transfer(&mut sim);
    sim.run_for(secs(2));
    assert_eq!(sim.outcome(of_bob), Some(&DONE));
    assert_eq!(sim.outcome(of_alice), Some(&DONE));
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    hang_up(sim);
}

/// Alice, who is held, goes to the call of carol: there nobody holds her.
#[test]
fn a_held_leg_goes_to_another_call() {
    for held in [true, false] {
        let mut sim = consult(sounding(6), Script::answers(100), Script::new());
        let alice = call_of(&sim, ALICE).leg(0).unwrap();
        if held {
            done(&mut sim, CallCommand::Hold { leg: alice, music: None });
        }
        done(&mut sim, CallCommand::Mute { leg: alice });
        let refer = attended(&sim);
        sim.act(BOB, refer);
        sim.run_for(secs(4));
        assert_eq!(direction(&sim, ALICE), Some(Direction::SendRecv));
        assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
        hang_up(sim);
    }
}

/// She refuses what she is offered there: she comes back, and is held as before.
#[test]
fn a_held_leg_that_comes_back_is_still_held() {
    let took = (ms(20), Reply::new(200).with_sdp());
    let refusing = Script::new().habits(|habits| habits.reoffers = vec![took.clone(), took.clone(), (ms(20), Reply::new(488))]);
    let mut sim = consult(sounding(7), Script::answers(100), refusing);
    let alice = call_of(&sim, ALICE).leg(0).unwrap();
    done(&mut sim, CallCommand::Hold { leg: alice, music: None });
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(ms(20));
    let command = sim.command(alice.created_by(), CallCommand::Unhold { leg: alice });
    assert_eq!(sim.outcome(command), Some(&Err(CommandError::UnderWay(alice))), "she is away");
    sim.run_for(secs(4));
    assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
    assert!(is_silent(&mut sim, ALICE), "bob's music is not for her");
    done(&mut sim, CallCommand::Unhold { leg: alice });
    assert!(hears(&mut sim, ALICE), "bob holds her, too, and plays something");
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    sim.act(CAROL, Act::Bye);
    hang_up(sim);
}

/// The one who waits in the other call is held there.
#[test]
fn the_one_who_stays_there_is_held() {
    let mut sim = consult(sounding(8), Script::answers(100), Script::new());
    let theirs = sim.core().call_of(&sim.call(CAROL).call_id).unwrap();
    let carol = theirs.leg(1).unwrap();
    let command = sim.command(theirs, CallCommand::Hold { leg: carol, music: None });
    sim.run_for(ms(300));
    assert_eq!(sim.outcome(command), Some(&DONE));
    let refer = attended(&sim);
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_eq!(direction(&sim, CAROL), Some(Direction::SendOnly));
    assert!(is_silent(&mut sim, ALICE) && is_silent(&mut sim, CAROL));
    let command = sim.command(theirs, CallCommand::Unhold { leg: carol });
    sim.run_for(ms(300));
    assert_eq!(sim.outcome(command), Some(&DONE));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    hang_up(sim);
}

#[test]
fn a_held_one_may_transfer_the_other() {
    let mut sim = talking(9);
    let [_, bob] = legs(&sim);
    done(&mut sim, CallCommand::Hold { leg: bob, music: None });
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    transfer(&mut sim);
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, CAROL));
    hang_up(sim);
}
