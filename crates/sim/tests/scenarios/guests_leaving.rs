//! Who leaves a call of three or more, and who talks with whom then: a guest has the place of whoever began the call, or was called first.

use crate::commanded::{call, done, hears, invites, is_silent, legs, told};
use crate::guests::{add, all_hear_all, join, talks, three, three_in, voices};
use crate::transfer_blind::{assert_told, house, refer};
use std::net::SocketAddr;
use tandem_model::{CallCommand, CommandOutcome, EndReason, EventKind, LegEnd, LegId, TrunkId};
use tandem_phone::{Act, Habits, Offer, Outcome, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, ERIN, Sim, ms, secs};

fn ends(sim: &Sim, leg: LegId) -> Option<LegEnd> {
    let own = sim.core().events.iter().filter(|event| event.leg == Some(leg));
    own.filter_map(|event| if let EventKind::LegEnded(end) = &event.kind { Some(end.clone()) } else { None }).next()
}

fn carried(sim: &Sim) -> [u32; 4] {
    [0, 1, 2, 3].map(|trunk| sim.core().carried(TrunkId(trunk)))
}

fn are_left(sim: &mut Sim, one: SocketAddr, other: SocketAddr) {
    assert_eq!((voices(sim, one), voices(sim, other)), (vec![other], vec![one]));
}

#[test]
fn a_guest_leaves() {
    for by_command in [false, true] {
        let (mut sim, carol) = three(1);
        if by_command {
            done(&mut sim, CallCommand::HangUp { leg: carol });
            assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
        } else {
            sim.act(CAROL, Act::Bye);
            sim.run_for(ms(300));
        }
        are_left(&mut sim, ALICE, BOB);
        assert_eq!(carried(&sim), [1, 1, 0, 0]);
        let end = ends(&sim, carol).expect("it has ended");
        assert_eq!((&*end.reason, end.sip_status), if by_command { ("told to end", 200) } else { ("callee hung up", 200) });
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

#[test]
fn the_guest_takes_the_place_of_who_leaves() {
    for (leaves, stays) in [(ALICE, BOB), (BOB, ALICE)] {
        for by_command in [false, true] {
            let (mut sim, carol) = three(2);
            let call = call(&sim);
            let leg = legs(&sim)[usize::from(leaves == BOB)];
            if by_command {
                done(&mut sim, CallCommand::HangUp { leg });
            } else {
                sim.act(leaves, Act::Bye);
                sim.run_for(ms(300));
            }
            are_left(&mut sim, stays, CAROL);
            assert_eq!(carried(&sim), if leaves == ALICE { [0, 1, 1, 0] } else { [1, 0, 1, 0] });
            assert_eq!(sim.core().view(call).map(|view| view.legs.len()), Some(2));
            // They are the two now: what one of them offers the other hears of.
            let before = invites(&sim, stays);
            sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendOnly)));
            sim.run_for(ms(500));
            assert_eq!(invites(&sim, stays), before + 1);
            assert!(is_silent(&mut sim, CAROL) && hears(&mut sim, stays));
            sim.act(stays, Act::Bye);
            sim.finish();
            assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
            let record = sim.core().records().next().expect("a record");
            let gone = record.legs.iter().find(|known| known.leg == leg).expect("it was there");
            assert_eq!((record.legs.len(), gone.replaced_by), (3, Some(carol)));
            let expected = match (leaves, by_command) {
                (_, true) => "told to end",
                (ALICE, _) => "caller hung up",
                _ => "callee hung up",
            };
            assert_eq!(gone.end.reason, expected);
        }
    }
}

#[test]
fn all_who_were_there_first_leave_one_after_the_other() {
    let mut sim = Sim::new(3);
    sim.phone_mut(ERIN).setup_mut().tone = Some(1200.0);
    let (mut sim, _) = three_in(sim);
    join(&mut sim, DORA, "dora", Script::answers(100));
    join(&mut sim, ERIN, "erin", Script::answers(100));
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(300));
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, DORA)), (vec![CAROL, DORA], vec![BOB, CAROL]));
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(300));
    assert_eq!((voices(&mut sim, CAROL), voices(&mut sim, ERIN)), (vec![DORA], vec![CAROL, DORA]));
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(300));
    assert_eq!(voices(&mut sim, ERIN), [DORA]);
    assert!(hears(&mut sim, DORA));
    sim.act(ERIN, Act::Bye);
    sim.finish();
    let record = sim.core().records().next().expect("a record");
    assert_eq!(record.legs.len(), 5);
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn both_leave_at_once() {
    let (mut sim, _) = three(4);
    sim.act(ALICE, Act::Bye);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
}

/// Who only rings takes nobody's place.
#[test]
fn a_guest_that_rings_goes_with_the_call() {
    let mut sim = crate::commanded::talking(Sim::new(5));
    sim.expect(CAROL, Script::new().reply(50, 180));
    assert!(matches!(told(&mut sim, add("trunk:carol")), Some(Ok(CommandOutcome::Leg(_)))));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

/// What a guest was asked for goes with it to its place.
#[test]
fn a_guest_that_is_held_muted_or_holds_takes_its_place_so() {
    let (mut sim, carol) = three(6);
    done(&mut sim, CallCommand::Mute { leg: carol });
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(500));
    assert!(is_silent(&mut sim, BOB) && is_silent(&mut sim, CAROL));
    done(&mut sim, CallCommand::Unmute { leg: carol });
    assert_eq!(voices(&mut sim, BOB), [CAROL]);
    let call = sim.core().call_of(&sim.call(ALICE).call_id).expect("it is known");
    let view = sim.core().view(call).expect("it goes on");
    assert!(view.legs.iter().any(|leg| leg.leg == carol && leg.holds));
    sim.act(CAROL, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    are_left(&mut sim, BOB, CAROL);
    done(&mut sim, CallCommand::Hold { leg: carol, music: None });
    assert!(is_silent(&mut sim, CAROL) && is_silent(&mut sim, BOB));
    done(&mut sim, CallCommand::Unhold { leg: carol });
    are_left(&mut sim, BOB, CAROL);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// The hold of a guest has been asked for, and not been answered, when it takes somebody's place.
#[test]
fn a_hold_goes_on_with_the_place() {
    let mut sim = crate::commanded::talking(Sim::new(7));
    let slow = |habits: &mut Habits| habits.reoffers = vec![(secs(2), Reply::new(200).with_sdp())];
    let carol = join(&mut sim, CAROL, "carol", Script::answers(100).habits(slow));
    let call = call(&sim);
    let id = sim.command(call, CallCommand::Hold { leg: carol, music: None });
    sim.run_for(ms(200));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(3));
    assert_eq!(sim.outcome(id), Some(&crate::commanded::DONE));
    assert!(is_silent(&mut sim, CAROL) && is_silent(&mut sim, BOB));
    done(&mut sim, CallCommand::Unhold { leg: carol });
    are_left(&mut sim, BOB, CAROL);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

/// A change of the session was on its way from one of the two to the other before the guest was there.
#[test]
fn who_leaves_in_the_middle_of_a_change() {
    for (asks, leaves) in [(ALICE, ALICE), (ALICE, BOB), (BOB, BOB), (BOB, ALICE)] {
        for late in [false, true] {
            let slow = |habits: &mut Habits| habits.reoffers = vec![(secs(2), Reply::new(200).with_sdp())];
            let (alice, bob) = (Script::new().habits(slow), Script::answers(100).habits(slow));
            let mut sim = crate::commanded::talking_with(Sim::new(8), alice, bob);
            sim.expect(CAROL, Script::answers(200));
            assert!(matches!(told(&mut sim, add("trunk:carol")), Some(Ok(_))));
            sim.act(asks, Act::Reinvite(Offer { late, ..Offer::default() }));
            sim.run_until("carol talks", |sim| talks(sim, CAROL));
            sim.run_for(ms(200));
            sim.act(leaves, Act::Bye);
            sim.run_for(secs(10));
            let stays = if leaves == ALICE { BOB } else { ALICE };
            are_left(&mut sim, stays, CAROL);
            sim.act(CAROL, Act::Bye);
            sim.finish();
        }
    }
}

/// Whoever is alone by the making of the call may have guests, and with two of them may leave.
#[test]
fn who_was_alone_leaves() {
    let alone = || {
        let mut sim = Sim::new(9);
        crate::sound::tones(&mut sim);
        sim.place(ALICE, "echo", Script::new());
        sim.run_for(secs(1));
        join(&mut sim, CAROL, "carol", Script::answers(100));
        sim
    };
    let mut sim = alone();
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!((sim.call(CAROL).outcome, sim.end_reason()), (Some(Outcome::TheyHungUp), Some(EndReason::CallerHungUp)));
    let mut sim = alone();
    join(&mut sim, BOB, "bob", Script::answers(100));
    all_hear_all(&mut sim);
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(300));
    are_left(&mut sim, BOB, CAROL);
    let call = sim.core().call_of(&sim.call(ALICE).call_id).expect("it is known");
    let dora = sim.command(call, add("trunk:dora"));
    sim.expect(DORA, Script::answers(100));
    sim.run_for(secs(1));
    assert!(matches!(sim.outcome(dora), Some(Ok(_))));
    assert_eq!(voices(&mut sim, BOB), [CAROL, DORA]);
    sim.act(DORA, Act::Bye);
    sim.run_for(ms(300));
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
}

/// The two of now may be transferred like those of before.
#[test]
fn who_took_a_place_may_be_transferred() {
    let (mut sim, _) = three_in(Sim::with_config(10, &house()));
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(300));
    sim.expect(DORA, Script::answers(200));
    let refer = refer(&sim, BOB, "dora");
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_told(&sim, BOB, &[100, 180, 200]);
    are_left(&mut sim, CAROL, DORA);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

/// A transfer is under way, and whoever was to stay leaves: the guest stays with the transferor.
#[test]
fn who_is_being_transferred_leaves() {
    let (mut sim, _) = three_in(Sim::with_config(11, &house()));
    sim.expect(DORA, Script::new().reply(50, 180));
    let refer = refer(&sim, BOB, "dora");
    sim.act(BOB, refer);
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(487)));
    are_left(&mut sim, BOB, CAROL);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

/// One of the two transfers the other beside a guest, who stays.
#[test]
fn a_transfer_beside_a_guest() {
    let (mut sim, _) = three_in(Sim::with_config(12, &house()));
    sim.expect(DORA, Script::answers(200));
    let refer = refer(&sim, BOB, "dora");
    sim.act(BOB, refer);
    sim.run_for(secs(4));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![CAROL, DORA], vec![ALICE, DORA]));
    sim.act(CAROL, Act::Bye);
    sim.run_for(ms(300));
    are_left(&mut sim, ALICE, DORA);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
