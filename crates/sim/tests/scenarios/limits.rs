//! Full and draining: 503 with Retry-After from the node, its own status from a trunk, and nobody else is troubled.

use tandem_model::EndReason;
use tandem_phone::{Act, Outcome, Request, Script};
use tandem_sim::{ALICE, BOB, CORE, Sim, ms};

fn small() -> String {
    tandem_sim::STANDARD.replace("max = 50", "max = 2")
}

#[test]
fn a_full_node_says_503_with_retry_after() {
    let mut sim = Sim::with_config(1, &small());
    for _ in 0..3 {
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new());
    }
    sim.run_for(ms(1000));
    assert_eq!(sim.phone(ALICE).call(2).outcome, Some(Outcome::Failed(503)));
    let refusal =
        sim.phone(ALICE).heard("INVITE").find(|answer| answer.status() == 503).map(|answer| answer.header("Retry-After").is_some());
    assert_eq!((refusal, sim.core().founded()), (Some(true), 2));
    // What is up goes on, retransmissions and all.
    let invite = sim.phone(ALICE).trace()[0].message.print();
    sim.send_raw(ALICE, invite);
    sim.run_for(ms(1000));
    assert_eq!(sim.core().calls(), 2);
    sim.act_in(ALICE, 0, Act::Bye);
    sim.run_for(ms(1000));
    // There is room again.
    sim.expect(BOB, Script::answers(100));
    let again = sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(1000));
    assert!(sim.phone(ALICE).call(again).was_answered());
    sim.act_in(ALICE, 1, Act::Bye);
    sim.act_in(ALICE, again, Act::Bye);
    sim.finish();
}

#[test]
fn calls_that_have_ended_take_no_room() {
    let mut sim = Sim::with_config(4, &small());
    // Refused, and the refusals are never acknowledged: their transactions go on for 32 s.
    for number in 0..4 {
        sim.send_raw(
            ALICE,
            format!(
                "INVITE sip:nobody@{CORE} SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bKq{number}\r\nFrom: <sip:a@{ALICE}>;tag=q\r\n\
                 To: <sip:nobody@{CORE}>\r\nCall-ID: quiet{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@{ALICE}>\r\nMax-Forwards: 70\r\n\
                 Content-Length: 0\r\n\r\n"
            ),
        );
        sim.run_for(ms(100));
    }
    assert_eq!((sim.core().founded(), sim.core().calls(), sim.core().counted()), (4, 4, (0, 0)));
    sim.expect(BOB, Script::answers(100));
    let call = sim.place(ALICE, "bob", Script::new());
    sim.run_for(ms(1000));
    assert!(sim.phone(ALICE).call(call).was_answered());
    sim.act_in(ALICE, call, Act::Bye);
    sim.finish();
}

#[test]
fn a_full_trunk_says_its_own_status() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "narrow", Script::new());
    sim.run_for(ms(500));
    sim.place(ALICE, "narrow", Script::new());
    sim.run_for(ms(500));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(480)));
    assert!(sim.phone(ALICE).heard("INVITE").all(|answer| answer.header("Retry-After").is_none()));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.core().records().filter(|record| record.reason == EndReason::CallerHungUp).count(), 1);
}

/// A route that turns to a trunk with room for one call when bob fails.
fn with_a_spare() -> String {
    let route = "[[route]]\nname = 'to the spare'\nto = '^spared$'\ndo = { bridge = ['trunk:bob', 'trunk:narrow/spare'] }\n";
    [tandem_sim::STANDARD, route].concat()
}

#[test]
fn a_spare_trunk_counts_only_the_calls_that_turn_to_it() {
    let mut sim = Sim::with_config(5, &with_a_spare());
    for _ in 0..3 {
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "spared", Script::new());
    }
    sim.run_for(ms(1000));
    assert!((0..3).all(|call| sim.phone(ALICE).call(call).was_answered()));
    assert_eq!(sim.core().counted(), (3, 6));
    // Bob fails two calls at a time. The spare takes the first of them, which bob's trunk no longer counts, and is full at the
    // second one's turn.
    sim.expect(BOB, Script::new().reply(50, 500)).expect(BOB, Script::new().reply(50, 500)).expect(BOB, Script::answers(100));
    let spared = sim.place(ALICE, "spared", Script::new());
    let last = sim.place(ALICE, "spared", Script::new());
    sim.run_for(ms(1000));
    assert!(sim.phone(ALICE).call(spared).was_answered());
    assert_eq!(sim.phone(ALICE).call(last).outcome, Some(Outcome::Failed(480)));
    assert_eq!(sim.core().counted(), (4, 8));
    (0..=spared).for_each(|call| sim.act_in(ALICE, call, Act::Bye));
    sim.finish();
    assert_eq!(sim.core().counted(), (0, 0));
}

#[test]
fn a_draining_node_refuses_new_calls_and_keeps_the_old() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.core_mut().draining = true;
    sim.place(ALICE, "bob", Script::new());
    sim.act(ALICE, Act::Reinvite(tandem_phone::Offer::direction(tandem_phone::sdp::Direction::SendOnly)));
    sim.run_for(ms(500));
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(503)));
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.status() == 503 && answer.header("Retry-After").is_some()));
    assert!(sim.call(ALICE).has(tandem_phone::When::Reanswered));
    sim.act_in(ALICE, 1, Act::Request(Request { method: "OPTIONS".into(), edits: vec![] }));
    sim.run_for(ms(100));
    assert_eq!(sim.phone(ALICE).heard("OPTIONS").last().map(|answer| answer.status()), Some(503));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn no_ports_are_left() {
    let mut sim = Sim::new(4);
    sim.core_mut().shard.refuse = 1;
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(503)));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
}
