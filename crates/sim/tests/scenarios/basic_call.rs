//! INVITE, ring, answer, talk, hang up.

use crate::statuses;
use tandem_model::{Codec, EndReason, EventKind};
use tandem_phone::{Edit, Outcome, Place, Script};
use tandem_sim::{ALICE, BOB, DORA, ERIN, Sim};

#[test]
fn the_caller_hangs_up() {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_callee_hangs_up() {
    let mut sim = Sim::new(2);
    sim.expect(BOB, Script::answers(200).bye(1000));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn the_callee_answers_without_ringing() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(0, 200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 200]);
}

#[test]
fn the_caller_hears_100_at_once() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::new().reply(400, 200));
    sim.place(ALICE, "bob", Script::new().bye(100));
    sim.finish();
    let (at, status) = sim.call(ALICE).statuses[0];
    assert_eq!((at.as_millis(), status), (1002, 100));
    assert_eq!(sim.phone(BOB).heard("INVITE").count(), 1);
}

#[test]
fn the_called_side_is_a_call_of_its_own() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::answers(200));
    let uri = sim.uri(ALICE, "bob");
    sim.place_with(ALICE, Place::new(&uri).edit(Edit::set("Max-Forwards", "30")).script(Script::new().bye(1000)));
    sim.finish();
    let (placed, received) = (sim.phone(BOB).heard("INVITE").next(), &sim.call(ALICE).call_id);
    let invite =
        placed.map(|invite| (invite.uri().to_owned(), invite.header("Max-Forwards").map(str::to_owned), invite.call_id() == received));
    assert_eq!(invite, Some(("sip:bob@10.0.2.1".into(), Some("29".into()), false)));
    let invite = sim.phone(BOB).heard("INVITE").next().map(|invite| invite.list("Via").len());
    assert_eq!(invite, Some(1), "the Via of the caller stays behind");
}

#[test]
fn each_side_hears_the_others_codecs_at_our_address() {
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    for phone in [ALICE, BOB] {
        let remote = sim.call(phone).remote_sdp().and_then(tandem_phone::sdp::Sdp::audio_address);
        assert_eq!(remote.map(|address| address.ip().to_string()), Some("10.0.0.1".into()));
    }
    let record = sim.core().records().next().map(|record| record.legs.iter().map(|leg| (leg.sip_status, leg.codec)).collect::<Vec<_>>());
    assert_eq!(record, Some(vec![(200, Some(Codec::Pcmu)); 2]));
}

#[test]
fn a_call_tells_its_story_in_order() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::answers(200));
    sim.place(ALICE, "bob", Script::new().bye(1000));
    sim.finish();
    let names: Vec<&str> = sim.core().events.iter().map(|event| event.kind.name()).collect();
    let expected = [
        "call.created",
        "leg.created",
        "leg.created",
        "leg.trying",
        "leg.ringing",
        "leg.answered",
        "leg.answered",
        "leg.ended",
        "leg.ended",
        "call.ended",
    ];
    assert_eq!(names, expected);
    let last = sim.core().events.last().map(|event| matches!(event.kind, EventKind::CallEnded(_)));
    assert_eq!(last, Some(true));
}

#[test]
fn a_call_over_ipv6() {
    let mut sim = Sim::new(8);
    sim.expect(ERIN, Script::answers(200));
    sim.place(DORA, "erin", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, DORA), [100, 180, 200]);
    let remote = sim.call(ERIN).remote_sdp().and_then(tandem_phone::sdp::Sdp::audio_address);
    assert_eq!(remote.map(|address| address.ip().to_string()), Some("fd00::1".into()));
}

#[test]
fn a_call_from_ipv4_to_ipv6_and_back() {
    let mut sim = Sim::new(9);
    sim.expect(DORA, Script::answers(200)).expect(ALICE, Script::answers(200));
    sim.place(ALICE, "dora", Script::new().bye(1000));
    sim.place(ERIN, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(ERIN).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn many_calls_at_once_keep_apart() {
    let mut sim = Sim::new(10);
    for index in 0..10 {
        sim.expect(BOB, Script::answers(200));
        sim.place(ALICE, "bob", Script::new().bye(500 + index * 37));
        sim.expect(ALICE, Script::answers(100));
        sim.place(BOB, "alice", Script::new().bye(300 + index * 41));
    }
    sim.finish();
    assert_eq!(sim.core().records().filter(|record| record.reason == EndReason::CallerHungUp).count(), 20);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let ladder = || {
        let mut sim = Sim::new(11);
        sim.expect(BOB, Script::answers(200));
        sim.place(ALICE, "bob", Script::new().bye(1000));
        sim.finish();
        let bytes: Vec<_> = sim.phone(BOB).trace().iter().map(|traced| traced.message.clone()).collect();
        (sim.ladder().to_string(), bytes)
    };
    assert_eq!(ladder(), ladder());
}
