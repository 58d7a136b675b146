//! A call is told to transfer: whoever talks with a leg is joined to somebody else, and the leg is hung up.

use crate::commanded::{DONE, call, done, hears, legs, talking, told};
use crate::guests::{join, three, voices};
use tandem_model::{CallCommand, CommandError, DialLeg, EndReason, EventKind, LegId, TrunkId};
use tandem_phone::{Act, Message, Outcome, Script};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

fn transfer(leg: LegId, to: &str) -> CallCommand {
    CallCommand::Transfer { leg, to: Box::new(DialLeg::new(to)) }
}

#[test]
fn a_leg_makes_room_for_another() {
    for caller in [false, true] {
        let mut sim = talking(Sim::new(1));
        let call = call(&sim);
        let (leg, leaves, stays) = if caller { (legs(&sim)[0], ALICE, BOB) } else { (legs(&sim)[1], BOB, ALICE) };
        sim.expect(CAROL, Script::new().reply(50, 180).reply(1000, 200));
        let id = sim.command(call, transfer(leg, "trunk:carol"));
        sim.run_for(ms(500));
        assert_eq!(sim.outcome(id), None, "it rings");
        assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB), "they talk on meanwhile");
        sim.run_for(ms(600));
        assert_eq!(sim.outcome(id), Some(&DONE));
        assert_eq!(sim.call(leaves).outcome, Some(Outcome::TheyHungUp), "at once");
        assert_eq!((voices(&mut sim, stays), voices(&mut sim, CAROL)), (vec![CAROL], vec![stays]));
        assert_eq!(sim.core().carried(TrunkId(2)), 1);
        sim.act(CAROL, Act::Bye);
        sim.finish();
        let record = sim.core().records().next().expect("a record");
        let gone = record.legs.iter().find(|known| known.leg == leg).expect("it was there");
        assert_eq!((&*gone.end.reason, gone.replaced_by.is_some()), ("transferred", true));
        assert_eq!(sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegTransferred { .. })).count(), 1);
        let invite = sim.phone(CAROL).heard("INVITE").find(|one| one.is_request()).map(|one: &Message| one.header("From").is_some());
        assert_eq!(invite, Some(true));
        assert!(sim.phone(leaves).heard("NOTIFY").next().is_none());
    }
}

#[test]
fn a_target_that_refuses_changes_nothing() {
    for (status, expected) in [(486, 486), (603, 603), (401, 500)] {
        let mut sim = talking(Sim::new(2));
        let leg = legs(&sim)[1];
        sim.expect(CAROL, Script::new().reply(50, 180).reply(100, status));
        assert_eq!(told(&mut sim, transfer(leg, "trunk:carol")), Some(Err(CommandError::Refused { leg, status: expected })));
        assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, BOB)), (vec![BOB], vec![ALICE]));
        assert_eq!(sim.core().carried(TrunkId(2)), 0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_target_that_is_none() {
    let mut sim = talking(Sim::new(3));
    let leg = legs(&sim)[1];
    let refused = |status| Some(Err(CommandError::Refused { leg, status }));
    assert_eq!(told(&mut sim, transfer(leg, "trunk:nobody")), refused(404));
    assert_eq!(told(&mut sim, transfer(leg, "nonsense")), refused(400));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_second_one_waits_for_its_turn() {
    let mut sim = talking(Sim::new(4));
    let [alice, bob] = legs(&sim);
    sim.expect(CAROL, Script::new().reply(50, 180).reply(2000, 200));
    let call = call(&sim);
    let first = sim.command(call, transfer(bob, "trunk:carol"));
    assert_eq!(told(&mut sim, transfer(alice, "trunk:dora")), Some(Err(CommandError::UnderWay(alice))));
    sim.run_for(secs(3));
    assert_eq!(sim.outcome(first), Some(&DONE));
    sim.expect(DORA, Script::answers(100));
    assert_eq!(told(&mut sim, transfer(alice, "trunk:dora")), Some(DONE), "by now the other way round");
    assert_eq!((voices(&mut sim, CAROL), voices(&mut sim, DORA)), (vec![DORA], vec![CAROL]));
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

#[test]
fn the_call_ends_while_the_target_rings() {
    let mut sim = talking(Sim::new(5));
    let (call, leg) = (call(&sim), legs(&sim)[1]);
    sim.expect(CAROL, Script::new().reply(50, 180));
    let id = sim.command(call, transfer(leg, "trunk:carol"));
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.outcome(id), Some(&Err(CommandError::CallOver(call))));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::Failed(487)));
}

/// Whoever is to leave has done so by itself.
#[test]
fn the_one_who_is_to_leave_leaves_first() {
    for answers in [true, false] {
        let mut sim = talking(Sim::new(6));
        let (call, leg) = (call(&sim), legs(&sim)[1]);
        sim.expect(CAROL, Script::new().reply(50, 180).reply(2000, if answers { 200 } else { 486 }));
        let id = sim.command(call, transfer(leg, "trunk:carol"));
        sim.run_for(ms(500));
        sim.act(BOB, Act::Bye);
        sim.run_for(secs(3));
        if answers {
            assert_eq!(sim.outcome(id), Some(&DONE));
            assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![CAROL], vec![ALICE]));
            sim.act(ALICE, Act::Bye);
        } else {
            assert_eq!(sim.outcome(id), Some(&Err(CommandError::Refused { leg, status: 486 })));
        }
        sim.finish();
        assert_eq!(sim.end_reason(), Some(if answers { EndReason::CallerHungUp } else { EndReason::CalleeHungUp }));
    }
}

#[test]
fn the_target_is_hung_up_while_it_rings() {
    let mut sim = talking(Sim::new(7));
    let (call, leg) = (call(&sim), legs(&sim)[1]);
    sim.expect(CAROL, Script::new().reply(50, 180));
    let id = sim.command(call, transfer(leg, "trunk:carol"));
    sim.run_for(ms(500));
    done(&mut sim, CallCommand::HangUp { leg: call.leg(2).expect("there are more") });
    assert_eq!(sim.outcome(id), Some(&Err(CommandError::Refused { leg, status: 480 })));
    assert!(hears(&mut sim, ALICE) && hears(&mut sim, BOB));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn legs_that_cannot_be_transferred() {
    let (mut sim, carol) = three(8);
    let stranger = call(&sim).leg(9).expect("there are more");
    assert_eq!(told(&mut sim, transfer(carol, "trunk:dora")), Some(Err(CommandError::IsGuest(carol))));
    assert_eq!(told(&mut sim, transfer(stranger, "trunk:dora")), Some(Err(CommandError::UnknownLeg(stranger))));
    done(&mut sim, CallCommand::End { reason: None });
    sim.finish();

    let mut sim = Sim::new(9);
    sim.phone_mut(ALICE).setup_mut().tone = Some(440.0);
    sim.place(ALICE, "echo", Script::new());
    sim.run_for(secs(1));
    let leg = legs(&sim)[0];
    assert_eq!(told(&mut sim, transfer(leg, "trunk:carol")), Some(Err(CommandError::IsAlone(leg))));
    done(&mut sim, CallCommand::HangUp { leg });
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Commanded));

    let mut sim = Sim::new(10);
    sim.expect(BOB, Script::new().reply(50, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(500));
    let leg = legs(&sim)[1];
    assert_eq!(told(&mut sim, transfer(leg, "trunk:carol")), Some(Err(CommandError::NotAnswered(leg))));
    done(&mut sim, CallCommand::HangUp { leg });
    sim.finish();
    assert_eq!((sim.call(ALICE).outcome, sim.end_reason()), (Some(Outcome::Failed(480)), Some(EndReason::Commanded)));
}

/// Somebody else of a ring group rings on.
#[test]
fn one_of_a_ring_group_is_hung_up() {
    let mut sim = Sim::new(11);
    crate::sound::tones(&mut sim);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(50, 180).reply(3000, 200));
    sim.expect(DORA, Script::new().reply(50, 180));
    sim.place(ALICE, "all", Script::new());
    sim.run_for(secs(1));
    let bob = legs(&sim)[1];
    done(&mut sim, CallCommand::HangUp { leg: bob });
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    sim.run_until_talking(ALICE, CAROL);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// A guest is there, and stays, whoever takes whose place.
#[test]
fn a_transfer_beside_a_guest() {
    let mut sim = talking(Sim::new(12));
    join(&mut sim, DORA, "dora", Script::answers(100));
    let leg = legs(&sim)[1];
    sim.expect(CAROL, Script::answers(100));
    assert_eq!(told(&mut sim, transfer(leg, "trunk:carol")), Some(DONE));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, DORA)), (vec![CAROL, DORA], vec![ALICE, CAROL]));
    done(&mut sim, CallCommand::End { reason: None });
    sim.finish();
}
