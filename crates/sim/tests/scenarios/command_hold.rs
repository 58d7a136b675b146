//! A leg is held because the call was told so: its peer is offered `a=sendonly` (RFC 3264 §8.4), nobody hears it and it hears nobody; the
//! other phone is told nothing. Afterwards all is as it was.

use crate::commanded::{call, direction, done, events, hears, invites, is_silent, legs, talking, talking_with, told};
use std::net::SocketAddr;
use tandem_model::{CallCommand, CommandError, EndReason, EventKind, HeldBy, LegId};
use tandem_phone::{Act, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, STANDARD, Sim, ms, secs};

const SIDES: [(SocketAddr, SocketAddr, usize); 2] = [(ALICE, BOB, 0), (BOB, ALICE, 1)];

fn hold(leg: LegId) -> CallCommand {
    CallCommand::Hold { leg, music: None }
}

fn unhold(leg: LegId) -> CallCommand {
    CallCommand::Unhold { leg }
}

fn both_hear(sim: &mut Sim) -> bool {
    hears(sim, ALICE) && hears(sim, BOB)
}

fn nobody_hears(sim: &mut Sim) -> bool {
    is_silent(sim, ALICE) && is_silent(sim, BOB)
}

fn hang_up(mut sim: Sim) {
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn each_side_is_held_and_goes_on() {
    for (held, other, side) in SIDES {
        let mut sim = talking(Sim::new(1));
        let (leg, before) = (legs(&sim)[side], invites(&sim, other));
        done(&mut sim, hold(leg));
        assert_eq!(direction(&sim, held), Some(Direction::SendOnly));
        assert!(nobody_hears(&mut sim));
        assert_eq!(invites(&sim, other), before, "the other one is told nothing");
        done(&mut sim, unhold(leg));
        assert_eq!(direction(&sim, held), Some(Direction::SendRecv));
        assert!(both_hear(&mut sim));
        assert_eq!(invites(&sim, other), before);
        let told = events(&sim, leg);
        let by = HeldBy::Node;
        assert!(told.ends_with(&[EventKind::LegHeld(by), EventKind::LegResumed(by)]), "{told:?}");
        hang_up(sim);
    }
}

#[test]
fn both_may_be_held() {
    let mut sim = talking(Sim::new(2));
    let [alice, bob] = legs(&sim);
    done(&mut sim, hold(alice));
    done(&mut sim, hold(bob));
    assert!(nobody_hears(&mut sim));
    done(&mut sim, unhold(alice));
    assert!(nobody_hears(&mut sim), "one of them still is");
    done(&mut sim, unhold(bob));
    assert!(both_hear(&mut sim));
    hang_up(sim);
}

#[test]
fn what_is_so_already_needs_no_offer() {
    let mut sim = talking(Sim::new(3));
    let leg = legs(&sim)[1];
    let before = invites(&sim, BOB);
    done(&mut sim, unhold(leg));
    assert_eq!(invites(&sim, BOB), before);
    done(&mut sim, hold(leg));
    done(&mut sim, hold(leg));
    assert_eq!(invites(&sim, BOB), before + 1);
    hang_up(sim);
}

/// The held one may hold as well, and each hold ends by itself (RFC 6337 §5.3).
#[test]
fn a_hold_of_its_own_is_respected() {
    for (held, other, side) in SIDES {
        let mut sim = talking(Sim::new(4));
        let leg = legs(&sim)[side];
        done(&mut sim, hold(leg));
        sim.act(held, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        assert_eq!(direction(&sim, held), Some(Direction::Inactive), "neither wants to hear the other");
        assert_eq!(direction(&sim, other), Some(Direction::SendOnly), "as it would be without ours");
        done(&mut sim, unhold(leg));
        assert!(is_silent(&mut sim, held) && hears(&mut sim, other), "its own hold goes on, with its music");
        sim.act(held, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        assert!(both_hear(&mut sim));
        hang_up(sim);
    }
}

#[test]
fn a_hold_of_its_own_that_was_before_goes_on_behind_ours() {
    for (held, other, side) in SIDES {
        let mut sim = talking(Sim::new(5));
        let leg = legs(&sim)[side];
        sim.act(held, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        done(&mut sim, hold(leg));
        assert!(nobody_hears(&mut sim), "not even its music");
        sim.act(held, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        assert_eq!((direction(&sim, held), direction(&sim, other)), (Some(Direction::SendOnly), Some(Direction::SendRecv)));
        assert!(nobody_hears(&mut sim), "ours goes on");
        done(&mut sim, unhold(leg));
        assert!(both_hear(&mut sim));
        hang_up(sim);
    }
}

#[test]
fn the_other_ones_hold_is_its_own() {
    for (held, other, side) in SIDES {
        let mut sim = talking(Sim::new(6));
        let leg = legs(&sim)[side];
        done(&mut sim, hold(leg));
        sim.act(other, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        assert_eq!((direction(&sim, held), direction(&sim, other)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
        done(&mut sim, unhold(leg));
        assert!(hears(&mut sim, held) && is_silent(&mut sim, other));
        sim.act(other, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        assert!(both_hear(&mut sim));
        hang_up(sim);
    }
}

/// Whatever the two offer while one is held: a held phone is answered `sendonly`, the other as always.
#[test]
fn offers_cross_a_held_call_in_every_form() {
    for (held, other, side) in SIDES {
        for carrier in [Act::Reinvite, Act::Update] {
            for (from, answered) in [(held, Direction::SendOnly), (other, Direction::SendRecv)] {
                let mut sim = talking(Sim::new(7));
                let leg = legs(&sim)[side];
                done(&mut sim, hold(leg));
                sim.act(from, carrier(Offer::direction(Direction::SendRecv)));
                sim.run_for(ms(500));
                assert_eq!(direction(&sim, from), Some(answered));
                assert!(nobody_hears(&mut sim));
                done(&mut sim, unhold(leg));
                assert!(both_hear(&mut sim));
                hang_up(sim);
            }
        }
    }
}

/// A re-INVITE without an offer asks the other phone for one.
#[test]
fn late_offers_cross_a_held_call() {
    for (held, other, side) in SIDES {
        for from in [held, other] {
            let mut sim = talking(Sim::new(8));
            let leg = legs(&sim)[side];
            done(&mut sim, hold(leg));
            sim.act(from, Act::Reinvite(Offer { late: true, ..Offer::default() }));
            sim.run_for(ms(500));
            assert!(nobody_hears(&mut sim));
            done(&mut sim, unhold(leg));
            assert!(both_hear(&mut sim));
            hang_up(sim);
        }
    }
}

#[test]
fn a_refusal_changes_nothing() {
    for status in [403, 488, 500, 603] {
        let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]);
        let mut sim = talking_with(Sim::new(9), Script::new(), bob);
        let leg = legs(&sim)[1];
        assert_eq!(told(&mut sim, hold(leg)), Some(Err(CommandError::Refused { leg, status })));
        assert!(both_hear(&mut sim));
        assert!(!events(&sim, leg).contains(&EventKind::LegHeld(HeldBy::Node)));
        done(&mut sim, hold(leg));
        assert!(nobody_hears(&mut sim), "it may be asked again");
        hang_up(sim);
    }
}

#[test]
fn a_refused_unhold_leaves_it_held() {
    let habits = vec![(ms(20), Reply::new(200).with_sdp()), (ms(20), Reply::new(488))];
    let bob = Script::answers(100).habits(|list| list.reoffers = habits);
    let mut sim = talking_with(Sim::new(10), Script::new(), bob);
    let leg = legs(&sim)[1];
    done(&mut sim, hold(leg));
    assert_eq!(told(&mut sim, unhold(leg)), Some(Err(CommandError::Refused { leg, status: 488 })));
    assert!(nobody_hears(&mut sim));
    done(&mut sim, unhold(leg));
    assert!(both_hear(&mut sim));
    hang_up(sim);
}

#[test]
fn a_failure_that_ends_the_dialog_ends_the_call() {
    let bob = Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(481))]);
    let mut sim = talking_with(Sim::new(11), Script::new(), bob);
    let (call, leg) = (call(&sim), legs(&sim)[1]);
    assert_eq!(told(&mut sim, hold(leg)), Some(Err(CommandError::CallOver(call))));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
}

#[test]
fn sessions_are_refreshed_while_held() {
    let timers = |sim: Sim| sim;
    let text = STANDARD.replace("[[trunk]]\n", "[[trunk]]\nsession_timer = { expires = \"90s\", refresher = \"us\" }\n");
    let mut sim = talking(timers(Sim::with_config(12, &text)));
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().tone = None;
    }
    let leg = legs(&sim)[1];
    done(&mut sim, hold(leg));
    sim.run_for(secs(200));
    assert_eq!((sim.end_reason(), direction(&sim, BOB)), (None, Some(Direction::SendOnly)), "the refresh repeats what holds");
    done(&mut sim, unhold(leg));
    assert_eq!(direction(&sim, BOB), Some(Direction::SendRecv));
    hang_up(sim);
}

#[test]
fn a_held_leg_may_be_silent_for_longer() {
    let mut sim = talking(Sim::new(13));
    let leg = legs(&sim)[1];
    done(&mut sim, hold(leg));
    sim.run_for(secs(400));
    assert_eq!(sim.end_reason(), None, "it is the hold timeout that counts");
    done(&mut sim, unhold(leg));
    assert!(both_hear(&mut sim));
    hang_up(sim);
}

#[test]
fn a_hold_does_not_last_for_ever() {
    let text = STANDARD.replace("hold_timeout = \"1h\"", "hold_timeout = \"10m\"");
    let mut sim = talking(Sim::with_config(14, &text));
    let leg = legs(&sim)[1];
    done(&mut sim, hold(leg));
    sim.run_for(secs(620));
    assert_eq!(sim.end_reason(), Some(EndReason::Inactivity));
    sim.finish();
}

#[test]
fn a_call_that_we_answered_can_be_held() {
    for user in ["echo", "tone"] {
        let mut sim = Sim::new(15);
        sim.phone_mut(ALICE).setup_mut().tone = Some(300.0);
        sim.place(ALICE, user, Script::new());
        sim.run_for(secs(1));
        let leg = legs(&sim)[0];
        assert!(hears(&mut sim, ALICE));
        done(&mut sim, hold(leg));
        assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        assert_eq!(direction(&sim, ALICE), Some(Direction::SendOnly));
        done(&mut sim, unhold(leg));
        assert_eq!(direction(&sim, ALICE), Some(Direction::SendRecv));
        assert!(hears(&mut sim, ALICE), "{user}");
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}
