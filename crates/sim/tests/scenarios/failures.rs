//! A callee that says no: what the caller hears of it.

use tandem_model::EndReason;
use tandem_phone::{Edit, Outcome, Reply, Script};
use tandem_sim::{ALICE, BOB, CAROL, Sim};

/// What the caller's INVITE gets when the callee gives this response.
fn relayed(reply: Reply) -> (Sim, u16) {
    let mut sim = Sim::new(1);
    sim.expect(BOB, Script::new().reply_with(50, reply));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    let status = sim.call(ALICE).final_status().unwrap_or(0);
    (sim, status)
}

fn header(sim: &Sim, name: &str) -> Option<String> {
    sim.phone(ALICE).heard("INVITE").last().and_then(|answer| answer.header(name).map(str::to_owned))
}

#[test]
fn what_concerns_the_called_person_is_passed() {
    for status in [404, 480, 486, 410, 484, 488, 600, 603, 604] {
        let (sim, relayed) = relayed(Reply::new(status));
        assert_eq!(relayed, status);
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(status)));
    }
}

#[test]
fn an_unknown_redirection_is_the_300_of_its_class() {
    for status in [300, 301, 302, 303, 310, 380] {
        let (sim, relayed) = relayed(Reply::new(status).edit(Edit::set("Contact", "<sip:elsewhere@example.com>")));
        assert_eq!(relayed, if matches!(status, 303 | 310) { 300 } else { status });
        assert_eq!(header(&sim, "Contact"), Some("<sip:elsewhere@example.com>".into()), "{status}");
    }
}

#[test]
fn the_reason_phrase_is_kept() {
    let reply = Reply { reason: Some("Gone fishing".into()), ..Reply::new(486) };
    let (sim, _) = relayed(reply);
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.label() == "486 Gone fishing (INVITE)"));
}

#[test]
fn a_503_becomes_500_without_retry_after() {
    let (sim, status) = relayed(Reply::new(503).edit(Edit::add("Retry-After", "120")));
    assert_eq!((status, header(&sim, "Retry-After")), (500, None));
}

#[test]
fn what_is_between_us_and_the_callee_becomes_500() {
    for status in [401, 407, 400, 420, 415, 501, 305] {
        assert_eq!(relayed(Reply::new(status)).1, 500, "{status}");
    }
}

#[test]
fn reason_and_warning_are_kept() {
    let reply = Reply::new(480).edit(Edit::add("Reason", "Q.850;cause=18")).edit(Edit::add("Warning", "399 example \"asleep\""));
    let (sim, _) = relayed(reply);
    assert_eq!(header(&sim, "Reason"), Some("Q.850;cause=18".into()));
    assert_eq!(header(&sim, "Warning"), Some("399 example \"asleep\"".into()));
}

#[test]
fn retry_after_of_the_callee_is_kept_where_it_is_the_callees() {
    let (sim, status) = relayed(Reply::new(480).edit(Edit::add("Retry-After", "120")));
    assert_eq!((status, header(&sim, "Retry-After")), (480, Some("120".into())));
}

#[test]
fn a_redirection_is_passed() {
    let (sim, status) = relayed(Reply::new(302).edit(Edit::set("Contact", "<sip:bob@elsewhere.example>")));
    assert_eq!((status, header(&sim, "Contact")), (302, Some("<sip:bob@elsewhere.example>".into())));
}

#[test]
fn the_next_target_is_tried_after_a_failure_of_the_first() {
    for status in [500, 503, 408] {
        let mut sim = Sim::new(2);
        sim.expect(BOB, Script::new().reply(50, status)).expect(CAROL, Script::answers(100));
        sim.place(ALICE, "two", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "{status}");
        assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    }
}

#[test]
fn a_person_who_said_no_is_not_passed_over() {
    let mut sim = Sim::new(3);
    sim.expect(BOB, Script::new().reply(50, 486));
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(486)));
    assert_eq!(sim.phone(CAROL).calls().len(), 0);
}

#[test]
fn a_failure_after_ringing_was_passed_on_is_final() {
    let mut sim = Sim::new(4);
    sim.expect(BOB, Script::new().reply(50, 180).reply(500, 500));
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(sim.phone(CAROL).calls().len(), 0);
}

#[test]
fn the_last_targets_failure_is_the_callers() {
    let mut sim = Sim::new(5);
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::new().reply(50, 404));
    sim.place(ALICE, "two", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(404)));
}

#[test]
fn an_answer_that_cannot_be_agreed_on() {
    let sdp = b"v=0\r\no=b 1 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n".to_vec();
    let mut sim = Sim::new(6);
    sim.expect(BOB, Script::new().reply_with(50, Reply { body: tandem_phone::Body::Raw(sdp), ..Reply::new(200) }));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(488)));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp), "acknowledged, then hung up");
}

#[test]
fn a_2xx_without_an_answer() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::new().reply_with(50, Reply { body: tandem_phone::Body::None, ..Reply::new(200) }));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert!(sim.call(ALICE).final_status().is_some_and(|status| status >= 400));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}
