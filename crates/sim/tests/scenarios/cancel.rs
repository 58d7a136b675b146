//! The caller takes its INVITE back, at each stage of the call.

use crate::statuses;
use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, Sim, ms};

fn assert_cancelled(sim: &Sim) {
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
}

#[test]
fn after_180() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 1000));
    sim.finish();
    assert_cancelled(&sim);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    assert_eq!(statuses(&sim, ALICE), [100, 180, 487]);
    assert_eq!(sim.phone(ALICE).heard("CANCEL").map(|answer| answer.status()).collect::<Vec<_>>(), [200]);
    // RFC 4028 §7.1: in every request but ACK.
    let supported = |method| sim.phone(BOB).heard(method).next().and_then(|message| message.header("Supported"));
    assert_eq!((supported("CANCEL"), supported("INVITE")), (Some("100rel, timer"), Some("100rel, timer")));
}

#[test]
fn before_180() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::new().reply(5, 100).reply(20_000, 200));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 500));
    sim.finish();
    assert_cancelled(&sim);
    assert_eq!(sim.phone(BOB).heard("CANCEL").count(), 1);
}

#[test]
fn before_the_callee_has_said_anything() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(1000, 180).reply(20_000, 200));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 50));
    sim.finish();
    assert_cancelled(&sim);
    // RFC 3261 §9.1: the CANCEL waits for the first provisional response.
    assert_eq!(sim.phone(BOB).heard("CANCEL").count(), 1);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn while_the_callee_never_says_anything() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::new());
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 50));
    sim.run_until_status(ALICE, 487);
    sim.run_for(ms(40_000));
    assert_cancelled(&sim);
    assert_eq!(sim.core().calls(), 0);
    // Bob never answers: he is told to, so that the world can end.
    sim.act(BOB, Act::Reply(Reply::new(480)));
    assert_eq!(sim.phone_mut(BOB).forgive("ack-missing"), 0);
    sim.settle();
    assert_eq!(sim.phone_mut(BOB).forgive("ack-missing"), 1, "a failure that comes after we gave up finds nobody");
    sim.finish();
}

#[test]
fn while_policy_is_being_asked() {
    let mut sim = Sim::new(5);
    sim.core_mut().policy_delay = ms(2000);
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 500));
    sim.finish();
    assert_cancelled(&sim);
    // Answered at once, long before the decision.
    assert!(sim.call(ALICE).statuses.last().is_some_and(|(at, _)| at.as_millis() < 1600));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
}

#[test]
fn while_media_is_being_opened() {
    let mut sim = Sim::new(6);
    sim.core_mut().shard.delay = ms(2000);
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(100), 500));
    sim.finish();
    assert_cancelled(&sim);
    assert_eq!(sim.phone(BOB).calls().len(), 0);
}

#[test]
fn without_waiting_for_a_provisional_response() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new().cancel(When::Start, 0).habits(|habits| habits.cancel_early = true));
    sim.finish();
    assert_cancelled(&sim);
}

#[test]
fn with_a_reason_that_the_callee_learns() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    let invite = sim.phone(ALICE).trace().iter().find(|traced| traced.sent).map(|traced| traced.message.clone());
    let Some(invite) = invite else { unreachable!("an INVITE was sent") };
    let text = |name: &str| invite.header(name).unwrap_or_default().to_owned();
    let cseq = invite.cseq().map_or(0, |(number, _)| number);
    let cancel = format!(
        "CANCEL {} SIP/2.0\r\nVia: {}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} CANCEL\r\n\
         Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nContent-Length: 0\r\n\r\n",
        invite.uri(),
        text("Via"),
        text("From"),
        text("To"),
        text("Call-ID"),
    );
    sim.send_raw(ALICE, cancel);
    sim.finish();
    assert_cancelled(&sim);
    let reason = sim.phone(BOB).heard("CANCEL").next().and_then(|cancel| cancel.header("Reason").map(str::to_owned));
    assert_eq!(reason, Some("SIP;cause=200;text=\"Call completed elsewhere\"".into()));
}

#[test]
fn when_the_callee_is_slow_to_answer_the_cancel() {
    let mut sim = Sim::new(9);
    sim.expect(BOB, Script::answers(60_000).habits(|habits| habits.cancel_delay = ms(3000)));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 1000));
    sim.finish();
    assert_cancelled(&sim);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn when_the_callee_ignores_the_cancel() {
    let mut sim = Sim::new(10);
    sim.expect(BOB, Script::new().reply(50, 180).reply(100_000, 603).habits(|habits| habits.ignore_cancel = true));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 1000));
    sim.run_for(ms(60_000));
    assert_eq!(sim.core().calls(), 0, "given up after 64 × T1");
    assert_cancelled(&sim);
    sim.settle();
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
}

#[test]
fn when_the_callee_accepts_the_cancel_and_answers_all_the_same_later() {
    let mut sim = Sim::new(11);
    let bob = Script::answers(5_000).habits(|habits| habits.on_cancel = tandem_phone::OnCancel::Nothing);
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 1000));
    sim.finish();
    assert_cancelled(&sim);
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "acknowledged, then hung up");
}

#[test]
fn a_cancel_that_comes_twice_or_late_is_answered_all_the_same() {
    let mut sim = Sim::new(12);
    sim.expect(BOB, Script::answers(20_000));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 1000).habits(|habits| habits.twice = true));
    sim.finish();
    assert_cancelled(&sim);
}
