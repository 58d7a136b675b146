//! Re-INVITEs relayed: hold and resume from either side, codec changes, refusals.

use tandem_model::EndReason;
use tandem_phone::{
    Act, Offer, Outcome, Reply, Script, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, Sim, ms};

fn talking(seed: u64, bob: Script) -> Sim {
    let mut sim = Sim::new(seed);
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

/// The direction that a phone was last offered or answered.
fn direction(sim: &Sim, phone: std::net::SocketAddr) -> Option<Direction> {
    sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction)
}

fn hold_and_resume(holder: std::net::SocketAddr, held: std::net::SocketAddr) {
    let mut sim = talking(1, Script::answers(100));
    sim.act(holder, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
    sim.act(holder, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    assert_eq!((direction(&sim, held), direction(&sim, holder)), (Some(Direction::SendRecv), Some(Direction::SendRecv)));
    let names: Vec<&str> =
        sim.core().events.iter().map(|event| event.kind.name()).filter(|name| name.contains("he") || name.contains("resumed")).collect();
    assert_eq!(names, ["leg.held", "leg.resumed"]);
    sim.act(holder, Act::Bye);
    sim.finish();
}

#[test]
fn the_caller_holds_and_resumes() {
    hold_and_resume(ALICE, BOB);
}

#[test]
fn the_callee_holds_and_resumes() {
    hold_and_resume(BOB, ALICE);
}

#[test]
fn both_hold() {
    let mut sim = talking(2, Script::answers(100));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(500));
    // Bob only sends, and Alice wants to hear nothing.
    assert_eq!(direction(&sim, BOB).map(Direction::receives), Some(false));
    sim.act(BOB, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
    sim.run_for(ms(500));
    assert_eq!((direction(&sim, ALICE), direction(&sim, BOB)), (Some(Direction::SendRecv), Some(Direction::SendRecv)));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn the_old_hold_of_rfc_2543() {
    let mut sim = talking(3, Script::answers(100));
    let held = "v=0\r\no=alice 9 2 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";
    let edits = vec![tandem_phone::Edit::Body("application/sdp".into(), held.into())];
    sim.act(ALICE, Act::Reinvite(Offer { edits, ..Offer::default() }));
    sim.run_for(ms(500));
    assert!(sim.core().events.iter().any(|event| event.kind.name() == "leg.held"));
    assert_eq!(direction(&sim, BOB).map(Direction::receives), Some(false), "nothing may be sent to 0.0.0.0");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_reoffer_without_change_keeps_the_version() {
    let mut sim = talking(4, Script::answers(100));
    sim.act(ALICE, Act::Reinvite(Offer::default()));
    sim.run_for(ms(500));
    let versions: Vec<u64> = sim
        .phone(BOB)
        .heard("INVITE")
        .filter_map(|invite| tandem_phone::sdp::Sdp::parse(&invite.body).ok())
        .map(|sdp| sdp.origin.version)
        .collect();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0], versions[1]);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_change_of_codec_is_passed_on() {
    let mut sim = talking(5, Script::answers(100));
    let formats = Some(vec![Format::pcma(), Format::events(101)]);
    sim.act(ALICE, Act::Reinvite(Offer { formats, ..Offer::default() }));
    sim.run_for(ms(500));
    let offered = sim.call(BOB).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.formats.clone());
    assert_eq!(offered.map(|formats| formats[0].clone()), Some("8".to_owned()), "what she speaks now comes first");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_refused_reinvite_leaves_the_call_as_it_was() {
    for status in [488, 403, 606] {
        let mut sim = talking(6, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_until("it is refused", |sim| sim.call(ALICE).has(When::Reanswered));
        assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.status() == status));
        assert_eq!(direction(&sim, BOB), Some(Direction::SendRecv));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(ms(500));
        sim.act(BOB, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
    }
}

#[test]
fn a_491_is_passed_on_and_tried_again() {
    let mut sim = talking(7, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(491))]));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(6000));
    assert_eq!(direction(&sim, BOB), Some(Direction::SendOnly));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_codec_that_nobody_else_speaks_is_refused_without_asking() {
    let mut sim = talking(8, Script::answers(100));
    let formats = Some(vec![Format::new(18, "G729/8000")]);
    sim.act(ALICE, Act::Reinvite(Offer { formats, ..Offer::default() }));
    sim.run_for(ms(500));
    let answer = sim.phone(ALICE).heard("INVITE").last().map(|answer| (answer.status(), answer.header("Warning").is_some()));
    assert_eq!(answer, Some((488, true)));
    assert_eq!(sim.phone(BOB).heard("INVITE").count(), 1);
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_reinvite_answered_481_or_408_ends_the_call() {
    for status in [481, 408] {
        let mut sim = talking(9, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(20), Reply::new(status))]));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_until("the call ends", |sim| sim.end_reason().is_some());
        assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
        sim.run_for(ms(1000));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
        if sim.call(BOB).outcome.is_none() {
            sim.act(BOB, Act::Bye);
        }
        sim.finish();
    }
}

#[test]
fn a_reinvite_without_an_offer_asks_the_other_side() {
    for (asker, asked) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut sim = talking(10, Script::answers(100));
        sim.act(asker, Act::Reinvite(Offer { late: true, ..Offer::default() }));
        sim.run_for(ms(1000));
        let late = sim.phone(asked).heard("INVITE").filter(|message| message.is_request()).last().map(|invite| invite.has_sdp());
        assert_eq!(late, Some(false));
        assert_eq!(sim.phone(asked).heard("ACK").last().map(|ack| ack.has_sdp()), Some(true));
        sim.act(asker, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_reinvite_that_the_far_side_never_answers() {
    let mut sim = talking(11, Script::answers(100));
    sim.link(tandem_sim::CORE, BOB, tandem_sim::Link::CUT);
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(70_000));
    sim.link(tandem_sim::CORE, BOB, tandem_sim::Link::CLEAN);
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn a_slow_answer_to_a_reinvite() {
    let mut sim = talking(12, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(5000), Reply::new(200))]));
    sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(ms(6000));
    assert_eq!(direction(&sim, ALICE), Some(Direction::RecvOnly));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn a_bye_while_a_reinvite_is_open() {
    for hanger in [ALICE, BOB] {
        let mut sim = talking(13, Script::answers(100).habits(|habits| habits.reoffers = vec![(ms(5000), Reply::new(200))]));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(500));
        sim.act(hanger, Act::Bye);
        sim.finish();
        assert!(matches!(sim.end_reason(), Some(EndReason::CallerHungUp | EndReason::CalleeHungUp)));
    }
}

#[test]
fn many_holds_in_a_row() {
    let mut sim = talking(14, Script::answers(100));
    for round in 0..10 {
        let direction = if round % 2 == 0 { Direction::SendOnly } else { Direction::SendRecv };
        let phone = if round % 3 == 0 { BOB } else { ALICE };
        sim.act(phone, Act::Reinvite(Offer::direction(direction)));
        sim.run_for(ms(300));
    }
    let accepted = |phone| sim.phone(phone).heard("INVITE").filter(|message| message.status() == 200).count();
    assert_eq!((accepted(ALICE), accepted(BOB)), (1 + 6, 4), "the first INVITE, and each hold of its own");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}
