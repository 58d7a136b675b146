//! Calls that are told to end, and callers that are to be refused.

use crate::commanded::{done, legs, talking, told};
use crate::statuses;
use tandem_model::{CallCommand, CommandError, EndReason, LegId};
use tandem_phone::{Message, Script};
use tandem_sim::{ALICE, BOB, Sim};

fn reject(leg: LegId, status: u16, reason: Option<&str>) -> CallCommand {
    CallCommand::Reject { leg, status, reason: reason.map(Into::into) }
}

fn end(reason: Option<&str>) -> CallCommand {
    CallCommand::End { reason: reason.map(Into::into) }
}

/// Alice calls, and bob rings.
fn ringing(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.expect(BOB, Script::new().reply(10, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    sim
}

fn reason_of<'m>(mut messages: impl Iterator<Item = &'m Message>) -> Option<String> {
    messages.find_map(|message| message.header("Reason").map(str::to_owned))
}

#[test]
fn a_caller_is_refused_while_somebody_rings() {
    let mut sim = ringing(1);
    let [alice, _] = legs(&sim);
    done(&mut sim, reject(alice, 486, Some("in a \"meeting\"")));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 486]);
    let said = r#"SIP;cause=486;text="in a \"meeting\"""#;
    assert_eq!(reason_of(sim.phone(ALICE).heard("INVITE")).as_deref(), Some(said));
    assert_eq!(reason_of(sim.phone(BOB).heard("CANCEL")).as_deref(), Some(said), "who rings knows why");
    let record = sim.core().records().next().expect("there is one");
    assert_eq!((record.reason, &*record.legs[0].end.reason), (EndReason::Failed(486), "in a \"meeting\""));
}

#[test]
fn a_refusal_may_say_nothing() {
    let mut sim = ringing(2);
    let [alice, _] = legs(&sim);
    done(&mut sim, reject(alice, 603, None));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 603]);
}

#[test]
fn only_who_calls_and_waits_can_be_refused() {
    let mut sim = ringing(3);
    let [alice, bob] = legs(&sim);
    for (command, error) in [
        (reject(bob, 486, None), CommandError::NotCalling(bob)),
        (reject(alice, 200, None), CommandError::BadStatus(200)),
        (reject(alice, 700, None), CommandError::BadStatus(700)),
        (reject(alice, 486, Some("a\r\nX: y")), CommandError::BadReason("a\r\nX: y".into())),
        (end(Some(&"a".repeat(101))), CommandError::BadReason("a".repeat(101).into())),
    ] {
        assert_eq!(told(&mut sim, command), Some(Err(error)));
    }
    assert_eq!(statuses(&sim, ALICE), [100, 180], "nothing has changed");
    done(&mut sim, end(None));
    sim.finish();

    let mut sim = talking(Sim::new(4));
    let [alice, _] = legs(&sim);
    assert_eq!(told(&mut sim, reject(alice, 486, None)), Some(Err(CommandError::NotCalling(alice))), "it was answered");
    done(&mut sim, end(None));
    sim.finish();
}

#[test]
fn both_sides_hear_why_a_call_ends() {
    let mut sim = talking(Sim::new(5));
    done(&mut sim, end(Some("the shop closes \\o/")));
    sim.finish();
    for phone in [ALICE, BOB] {
        assert_eq!(reason_of(sim.phone(phone).heard("BYE")).as_deref(), Some(r#"Q.850;cause=16;text="the shop closes \\o/""#));
    }
    let record = sim.core().records().next().expect("there is one");
    assert_eq!(record.reason, EndReason::Commanded);
    assert!(record.legs.iter().all(|leg| &*leg.end.reason == "the shop closes \\o/" && leg.end.q850_cause == 16));
}
