//! Several who are called at once: the first that answers has the call.

use crate::sound::assert_hears;
use crate::{begin, failed, invites, reason, run_until_up, sounding, to};
use tandem_model::{Dial, DialOrder, EndReason};
use tandem_phone::{Act, Outcome, Reply, Script};
use tandem_sim::{BOB, CAROL, DORA, Sim, secs};

fn at_once(legs: &[&str]) -> Dial {
    Dial { order: DialOrder::Parallel, then: Some(r#"{"answer": "echo"}"#.into()), ..to(legs) }
}

const ALL: [&str; 3] = ["trunk:bob/1", "trunk:carol/2", "trunk:dora/3"];

#[test]
fn the_first_answer_has_the_call() {
    let mut sim = sounding(Sim::new(1));
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(50, 180).reply(800, 200));
    sim.expect(DORA, Script::new().reply_with(50, Reply::new(183).with_sdp()));
    begin(&mut sim, at_once(&ALL));
    run_until_up(&mut sim, CAROL);
    sim.run_for(secs(1));
    assert_hears(&sim, CAROL, 850.0);
    for phone in [BOB, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
        assert_eq!(reason(&sim, phone, "CANCEL"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    }
    sim.act(CAROL, Act::Bye);
    sim.finish();
    assert_eq!(failed(&sim).iter().map(|(_, words, cause)| (&**words, *cause)).collect::<Vec<_>>(), [("answered elsewhere", 26); 2]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert_eq!(sim.core().records().next().map(|record| record.legs.len()), Some(3));
}

#[test]
fn those_who_cannot_be_called_are_left_out() {
    let mut sim = Sim::new(2);
    sim.expect(CAROL, Script::answers(100));
    begin(&mut sim, at_once(&["trunk:nobody/1", "trunk:carol/2"]));
    run_until_up(&mut sim, CAROL);
    sim.act(CAROL, Act::Bye);
    sim.finish();
}

#[test]
fn when_all_fail_the_best_failure_counts() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(100, 404)).expect(CAROL, Script::new().reply(200, 486)).expect(DORA, Script::new().reply(300, 503));
    begin(&mut sim, at_once(&ALL));
    sim.finish();
    assert_eq!(failed(&sim).iter().map(|(status, ..)| *status).collect::<Vec<_>>(), [404, 486, 503]);
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(486)));
    let mut sim = Sim::new(4);
    begin(&mut sim, at_once(&["trunk:nobody/1", "user:nobody"]));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(404)));
}

#[test]
fn one_that_declines_for_all_ends_it() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::new().reply(50, 180)).expect(CAROL, Script::new().reply(200, 603)).expect(DORA, Script::new().reply(50, 180));
    begin(&mut sim, at_once(&ALL));
    sim.finish();
    for phone in [BOB, DORA] {
        assert_eq!(sim.call(phone).outcome, Some(Outcome::Failed(487)));
        assert!(reason(&sim, phone, "CANCEL").starts_with("SIP;cause=603;"));
    }
    assert_eq!(sim.end_reason(), Some(EndReason::Failed(603)));
}

#[test]
fn we_end_it_while_they_ring() {
    let mut sim = Sim::new(6);
    for phone in [BOB, CAROL, DORA] {
        sim.expect(phone, Script::new().reply(50, 180));
    }
    begin(&mut sim, at_once(&ALL));
    sim.run_for(secs(1));
    sim.end_all(EndReason::Shutdown);
    sim.finish();
    for phone in [BOB, CAROL, DORA] {
        assert_eq!((sim.call(phone).outcome, invites(&sim, phone).len()), (Some(Outcome::Failed(487)), 1));
    }
}
