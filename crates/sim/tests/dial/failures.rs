//! Whom we were told to call does not come, or cannot be called at all: status, words and cause of each leg, and what the others are told.

use crate::house::house;
use crate::{begin, failed, invites, reason, run_until_up, statuses, then, to};
use tandem_model::{Dial, DialLeg, EndReason};
use tandem_phone::{Act, Outcome, Script};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, STANDARD, Sim, secs};

fn echo(leg: &str) -> Dial {
    then(leg, r#"{"answer": "echo"}"#)
}

#[test]
fn the_first_refuses() {
    for (status, words, cause) in [(486, "Busy Here", 17), (404, "Not Found", 1), (603, "Decline", 21), (500, "Server Internal Error", 41)]
    {
        let mut sim = Sim::new(1);
        sim.expect(CAROL, Script::new().reply(50, 180).reply(300, status));
        begin(&mut sim, echo("trunk:carol"));
        sim.finish();
        assert_eq!(failed(&sim), [(status, words.to_owned(), cause)]);
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(status)));
        assert_eq!(sim.core().shard.sessions(), 0);
    }
}

/// Statuses that a caller would be told in other words are told as they are: there is no caller.
#[test]
fn the_first_refuses_with_what_is_nobody_else_s_business() {
    for status in [401, 302, 503] {
        let mut sim = Sim::new(2);
        sim.expect(CAROL, Script::new().reply(50, status));
        begin(&mut sim, echo("trunk:carol"));
        sim.finish();
        assert_eq!((failed(&sim)[0].0, sim.end_reason()), (status, Some(EndReason::Failed(status))));
    }
}

#[test]
fn the_first_says_nothing() {
    let mut sim = Sim::new(3);
    sim.link(CORE, CAROL, Link::CUT);
    begin(&mut sim, echo("trunk:carol"));
    sim.finish();
    assert_eq!(failed(&sim), [(408, "Request Timeout".to_owned(), 102)]);
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(408)));
}

#[test]
fn the_first_is_not_there() {
    let mut sim = Sim::new(4);
    sim.core_mut().unreachable.push(CAROL);
    begin(&mut sim, echo("trunk:carol"));
    sim.finish();
    assert_eq!(failed(&sim), [(503, "Service Unavailable".to_owned(), 41)]);
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(503)));
}

#[test]
fn the_first_rings_too_long() {
    for (own, rings) in [(None, 60), (Some(10), 10)] {
        let mut sim = Sim::new(5);
        sim.expect(BOB, Script::new().reply(50, 180));
        let leg = DialLeg { ring_timeout: own.map(secs), ..DialLeg::new("trunk:bob") };
        begin(&mut sim, Dial { legs: [leg].into(), ..echo("") });
        sim.finish();
        assert_eq!(failed(&sim), [(487, "not answered in time".to_owned(), 19)]);
        assert_eq!(reason(&sim, BOB, "CANCEL"), "Q.850;cause=19;text=\"not answered in time\"");
        let record = sim.core().records().next().expect("a record");
        assert_eq!((record.reason, record.ended.since(record.began).as_secs()), (EndReason::RingTimeout, rings));
    }
}

#[test]
fn the_next_target_is_called() {
    let text = STANDARD.replacen(
        "targets = [{ uri = \"sip:10.0.2.1\" }]",
        "targets = [{ uri = \"sip:10.0.2.1\" }, { uri = \"sip:10.0.3.1\", priority = 2 }]",
        1,
    );
    for first in ["busy", "silent", "gone"] {
        let mut sim = Sim::with_config(6, &text);
        match first {
            "busy" => _ = sim.expect(BOB, Script::new().reply(50, 503)),
            "silent" => _ = sim.link(CORE, BOB, Link::CUT),
            _ => sim.core_mut().unreachable.push(BOB),
        }
        sim.expect(CAROL, Script::answers(100));
        begin(&mut sim, echo("trunk:bob/7"));
        run_until_up(&mut sim, CAROL);
        sim.act(CAROL, Act::Bye);
        sim.finish();
        assert_eq!(failed(&sim).len(), 1);
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

/// Nobody is called for a call that cannot come about.
#[test]
fn what_policy_refuses_is_not_called() {
    let dials = [
        (echo("trunk:nobody/1"), 404),
        (echo("user:nobody"), 404),
        (echo("user:alice"), 480),
        (to(&["trunk:bob", "trunk:nobody"]), 404),
        (to(&["trunk:bob", "user:alice"]), 480),
        (then("trunk:bob", r#"{"bridge": ["trunk:nobody"]}"#), 404),
        (then("trunk:bob", r#"{"dance": 1}"#), 400),
        (then("trunk:bob", r#"{"reject": 486}"#), 486),
    ];
    for (dial, status) in dials {
        let mut sim = house(7);
        begin(&mut sim, dial);
        sim.finish();
        assert!(invites(&sim, BOB).is_empty());
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(status)));
    }
}

#[test]
fn a_full_trunk_is_not_called() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::answers(100));
    begin(&mut sim, echo("trunk:narrow/1"));
    run_until_up(&mut sim, BOB);
    assert_eq!(sim.core().counted_for("trunk:narrow"), 1);
    begin(&mut sim, echo("trunk:narrow/2"));
    sim.run_for(secs(1));
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(480)));
    assert_eq!(invites(&sim, BOB).len(), 1);
    sim.act(BOB, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(sim.core().counted_for("trunk:narrow"), 0);
    // There is room again.
    sim.expect(BOB, Script::new().reply(50, 486));
    begin(&mut sim, echo("trunk:narrow/3"));
    sim.finish();
    assert_eq!(invites(&sim, BOB).len(), 2);
}

#[test]
fn the_second_refuses_and_the_first_is_told_why() {
    for (status, cause) in [(486, 17), (404, 1), (603, 21)] {
        let mut sim = Sim::new(9);
        sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::new().reply(50, 180).reply(500, status));
        begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
        let said = reason(&sim, ALICE, "BYE");
        assert!(said.starts_with(&format!("SIP;cause={status};")) && said.ends_with(&format!("Q.850;cause={cause}")), "{said}");
        assert_eq!(failed(&sim)[0].0, status);
        let record = sim.core().records().next().expect("a record");
        assert_eq!(record.reason, EndReason::Failed(status));
        assert_eq!((record.legs[0].end.sip_status, record.legs[0].end.q850_cause), (status, cause));
    }
}

#[test]
fn the_second_does_not_answer_in_time() {
    let mut sim = Sim::new(10);
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::new().reply(50, 180));
    begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [180, 487]);
    assert_eq!(sim.end_reason(), Some(EndReason::RingTimeout));
    assert!(reason(&sim, ALICE, "BYE").ends_with("Q.850;cause=19"));
}

#[test]
fn the_first_hangs_up_while_the_second_rings() {
    let mut sim = Sim::new(11);
    sim.expect(ALICE, Script::answers(100)).expect(BOB, Script::new().reply(50, 180));
    begin(&mut sim, to(&["trunk:alice", "trunk:bob"]));
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!((sim.call(BOB).outcome, sim.end_reason()), (Some(Outcome::Failed(487)), Some(EndReason::CallerHungUp)));
}

/// An answer without a description, or with one that fits nothing.
#[test]
fn the_first_answers_with_what_cannot_be_used() {
    use tandem_phone::{Body, Reply};
    for (body, status) in [(Body::None, 500), (Body::Raw(b"v=0\r\n".to_vec()), 500)] {
        let mut sim = Sim::new(12);
        sim.expect(CAROL, Script::new().reply_with(50, Reply { body, ..Reply::new(200) }));
        begin(&mut sim, echo("trunk:carol"));
        sim.settle();
        assert!(matches!(sim.end_reason(), Some(EndReason::Failed(said)) if said >= status - 12), "{:?}", sim.end_reason());
        assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    }
}
