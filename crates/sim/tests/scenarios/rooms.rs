//! Rooms: calls of guests alone, who come one by one or at once, hear each other and go.

use crate::commanded::Outcome;
use crate::guests::{add, all_hear_all, talks, voices};
use std::net::SocketAddr;
use tandem_model::{CallCommand, CallId, CommandError, CommandOutcome, Dial, DialLeg, DialOrder, EndReason, EventKind, LegId, Manner};
use tandem_phone::{Act, Offer, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

fn room(seed: u64) -> (Sim, CallId) {
    let mut sim = Sim::new(seed);
    crate::sound::tones(&mut sim);
    let dial = Dial {
        legs: Box::default(),
        order: DialOrder::Room,
        then: None,
        max_duration: None,
        by: "ops".into(),
        quiet: false,
        metadata: None,
    };
    let call = sim.dial(dial).expect("there is room");
    (sim, call)
}

fn tell(sim: &mut Sim, call: CallId, command: CallCommand) -> Option<Outcome> {
    let id = sim.command(call, command);
    sim.run_for(ms(300));
    sim.outcome(id).cloned()
}

/// A phone that is added and answers: its leg.
fn come(sim: &mut Sim, call: CallId, phone: SocketAddr, command: CallCommand) -> LegId {
    sim.expect(phone, Script::answers(100));
    let leg = match tell(sim, call, command) {
        Some(Ok(CommandOutcome::Leg(leg))) => leg,
        other => unreachable!("{other:?}"),
    };
    sim.run_until("it talks", |sim| talks(sim, phone));
    sim.run_for(ms(300));
    leg
}

/// Bob, who waits, then carol and alice.
fn three(seed: u64) -> (Sim, CallId) {
    let (mut sim, call) = room(seed);
    come(&mut sim, call, BOB, add("trunk:bob"));
    assert_eq!(voices(&mut sim, BOB), [], "who is alone hears nothing");
    come(&mut sim, call, CAROL, add("trunk:carol"));
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, CAROL)), (vec![CAROL], vec![BOB]));
    come(&mut sim, call, ALICE, add("trunk:alice"));
    (sim, call)
}

fn with(to: &str, manner: Manner) -> CallCommand {
    CallCommand::Add { leg: Box::new(DialLeg { manner, ..DialLeg::new(to) }) }
}

#[test]
fn all_hear_all_but_themselves_and_the_last_ends_it() {
    let (mut sim, call) = three(1);
    all_hear_all(&mut sim);
    sim.act(BOB, Act::Bye);
    sim.run_for(ms(200));
    assert_eq!((voices(&mut sim, ALICE), voices(&mut sim, CAROL)), (vec![CAROL], vec![ALICE]));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(5));
    assert!(talks(&sim, CAROL) && voices(&mut sim, CAROL).is_empty(), "one alone stays");
    come(&mut sim, call, DORA, add("trunk:dora"));
    assert_eq!(voices(&mut sim, CAROL), [DORA]);
    sim.act(DORA, Act::Bye);
    sim.run_for(ms(200));
    sim.act(CAROL, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
    let record = sim.core().records().next().expect("a record");
    assert_eq!((record.legs.len(), record.answered.is_some(), record.rang.is_some()), (4, true, true));
}

#[test]
fn two_come_at_the_same_moment_and_one_of_them_is_busy() {
    let (mut sim, call) = room(2);
    sim.expect(BOB, Script::answers(300));
    sim.expect(CAROL, Script::answers(200));
    sim.expect(ALICE, Script::new().reply(100, 486));
    let asked = ["bob", "carol", "alice"].map(|name| sim.command(call, add(&format!("trunk:{name}"))));
    sim.run_until("both talk", |sim| talks(sim, BOB) && talks(sim, CAROL));
    sim.run_for(ms(300));
    for command in asked {
        assert!(matches!(sim.outcome(command), Some(Ok(CommandOutcome::Leg(_)))), "{:?}", sim.outcome(command));
    }
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, CAROL)), (vec![CAROL], vec![BOB]));
    let failed = sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegFailed(_))).count();
    assert_eq!(failed, 1);
    assert_eq!(sim.core().records().count(), 0);
    tell(&mut sim, call, CallCommand::End { reason: None });
    sim.finish();
}

#[test]
fn a_room_ends_with_the_last_who_does_not_answer() {
    let (mut sim, call) = room(3);
    sim.expect(BOB, Script::new().reply(100, 486));
    sim.command(call, add("trunk:bob"));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(486)));
}

#[test]
fn a_room_that_nobody_is_added_to_is_given_up() {
    let (mut sim, _) = room(4);
    sim.run_for(secs(29));
    assert_eq!(sim.core().records().count(), 0);
    sim.run_for(secs(2));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(480)));
}

#[test]
fn nobody_is_there_to_be_called() {
    let (mut sim, call) = room(5);
    let outcome = tell(&mut sim, call, add("trunk:nobody"));
    assert!(matches!(outcome, Some(Err(CommandError::NotCalled { .. }))), "{outcome:?}");
    sim.finish();
    assert!(matches!(sim.end_reason(), Some(EndReason::Failed(_))));
}

#[test]
fn who_holds_is_left_out_and_comes_back() {
    let (mut sim, call) = three(6);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    assert_eq!(voices(&mut sim, BOB), []);
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    all_hear_all(&mut sim);
    tell(&mut sim, call, CallCommand::End { reason: None });
    sim.finish();
}

#[test]
fn one_comes_muted_and_one_who_hears_some_alone() {
    let (mut sim, call) = room(7);
    let bob = come(&mut sim, call, BOB, add("trunk:bob"));
    come(&mut sim, call, CAROL, with("trunk:carol", Manner { muted: true, label: Some("carol's".into()), hears: None }));
    come(&mut sim, call, ALICE, with("trunk:alice", Manner { hears: Some([bob].into()), ..Manner::default() }));
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, CAROL), voices(&mut sim, ALICE)), (vec![ALICE], vec![ALICE, BOB], vec![BOB]));
    let view = sim.core().view(call).expect("it has not ended");
    let carol = view.legs.iter().find(|leg| leg.label.as_deref() == Some("carol's")).expect("she is seen");
    assert!(carol.muted);
    let leg = carol.leg;
    tell(&mut sim, call, CallCommand::Unmute { leg });
    sim.run_for(ms(300));
    assert_eq!((voices(&mut sim, BOB), voices(&mut sim, ALICE)), (vec![ALICE, CAROL], vec![BOB]));
    tell(&mut sim, call, CallCommand::End { reason: None });
    sim.finish();
}

#[test]
fn no_ports_are_no_room() {
    let (mut sim, call) = room(8);
    sim.core_mut().shard.refuse = 1;
    let asked = ["bob", "carol"].map(|name| sim.command(call, add(&format!("trunk:{name}"))));
    sim.run_for(secs(1));
    for command in asked {
        assert!(matches!(sim.outcome(command), Some(Err(_))), "{:?}", sim.outcome(command));
    }
    sim.finish();
}
