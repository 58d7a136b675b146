//! INFO, OPTIONS, MESSAGE and UPDATE inside the dialog: asked on one leg, answered on the other.

use std::{net::SocketAddr, time::Duration};
use tandem_model::EndReason;
use tandem_phone::{Act, Edit, Habits, Message, Outcome, Reply, Request, Script};
use tandem_sim::{ALICE, BOB, Sim, ms, secs};

fn ask(sim: &mut Sim, phone: SocketAddr, method: &str, edits: Vec<Edit>) {
    sim.act(phone, Act::Request(Request { method: method.into(), edits }));
}

fn body(kind: &str, text: &str) -> Edit {
    Edit::Body(kind.into(), text.as_bytes().to_vec())
}

/// A call that talks; both phones answer questions so.
fn talking(seed: u64, answers: Vec<(Duration, Reply)>) -> Sim {
    let habits = |habits: &mut Habits| habits.others.clone_from(&answers);
    let mut sim = Sim::new(seed);
    sim.expect(BOB, Script::answers(100).habits(habits));
    sim.place(ALICE, "bob", Script::new().habits(habits));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(100));
    sim
}

fn hang_up(mut sim: Sim) {
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

fn last(sim: &Sim, phone: SocketAddr, method: &str) -> Message {
    sim.phone(phone).heard(method).last().cloned().expect("such a message")
}

#[test]
fn each_is_answered_by_the_other_phone() {
    for (asker, other) in [(ALICE, BOB), (BOB, ALICE)] {
        for method in ["INFO", "OPTIONS", "MESSAGE", "UPDATE"] {
            let said = Reply::new(200).edit(body("text/plain", "heard")).edit(Edit::set("Content-Language", "en"));
            let mut sim = talking(1, vec![(Duration::ZERO, said)]);
            let mut edits = vec![body("application/x-signal", "Signal=5\r\n"), Edit::set("Content-Disposition", "signal")];
            edits.extend(
                (method == "UPDATE")
                    .then(|| Edit::set("Contact", &format!("<sip:{}@{asker}>", if asker == ALICE { "alice" } else { "bob" }))),
            );
            ask(&mut sim, asker, method, edits);
            sim.run_for(ms(200));
            let (question, answer) = (last(&sim, other, method), last(&sim, asker, method));
            assert_eq!(question.body, b"Signal=5\r\n");
            assert_eq!(question.header("Content-Type"), Some("application/x-signal"));
            assert_eq!(question.header("Content-Disposition"), Some("signal"));
            assert_eq!(question.header("Max-Forwards"), Some("69"));
            assert_eq!(question.list("Via").len(), 1);
            assert_eq!(question.header("Contact").is_some(), method == "UPDATE", "only a target refresh has one");
            assert_eq!((answer.status(), answer.body.as_slice()), (200, &b"heard"[..]));
            assert_eq!(answer.header("Content-Language"), Some("en"));
            assert_eq!(answer.header("Contact").is_some(), method == "UPDATE");
            assert_eq!(answer.header("Allow").is_some(), matches!(method, "UPDATE" | "OPTIONS"));
            hang_up(sim);
        }
    }
}

#[test]
fn an_update_moves_the_one_who_sends_it() {
    let mut sim = talking(14, vec![(Duration::ZERO, Reply::new(200))]);
    ask(&mut sim, ALICE, "UPDATE", vec![Edit::set("Contact", &format!("<sip:moved@{ALICE}>"))]);
    sim.run_for(ms(200));
    assert!(last(&sim, BOB, "UPDATE").header("Contact").is_some_and(|contact| !contact.contains("moved")), "each leg has its own");
    sim.act(BOB, Act::Bye);
    sim.settle();
    assert_eq!(last(&sim, ALICE, "BYE").uri(), format!("sip:moved@{ALICE}"));
    assert_eq!(sim.phone_mut(ALICE).forgive("target"), 1);
    sim.finish();
}

#[test]
fn they_go_on_in_their_order() {
    let mut sim = talking(2, vec![(ms(300), Reply::new(200)), (ms(10), Reply::new(202)), (ms(100), Reply::new(200))]);
    for text in ["one", "two", "three"] {
        ask(&mut sim, ALICE, "MESSAGE", vec![body("text/plain", text)]);
    }
    sim.run_for(secs(1));
    let heard: Vec<_> = sim.phone(BOB).heard("MESSAGE").map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    assert_eq!(heard, ["one", "two", "three"]);
    let answers: Vec<_> = sim.phone(ALICE).heard("MESSAGE").map(Message::status).collect();
    assert_eq!(answers, [202, 200, 200], "each answer as soon as it is there");
    hang_up(sim);
}

#[test]
fn what_is_about_the_question_comes_back_and_what_is_about_us_does_not() {
    for (said, heard) in
        [(202, 202), (405, 405), (415, 415), (469, 469), (501, 501), (603, 603), (401, 500), (407, 500), (420, 500), (503, 500), (302, 500)]
    {
        let mut sim = talking(3, vec![(Duration::ZERO, Reply::new(said).edit(Edit::add("Accept", "text/plain")))]);
        ask(&mut sim, ALICE, "INFO", vec![]);
        sim.run_for(ms(200));
        let answer = last(&sim, ALICE, "INFO");
        assert_eq!(answer.status(), heard, "for {said}");
        assert_eq!(answer.header("Accept"), (said == 415).then_some("text/plain"));
        if said == 405 {
            assert!(answer.header("Allow").is_some_and(|allow| allow.contains("MESSAGE") && !allow.contains("INFO")));
        }
        hang_up(sim);
    }
}

#[test]
fn an_info_package_goes_along() {
    let mut sim = talking(4, vec![(Duration::ZERO, Reply::new(469).edit(Edit::add("Recv-Info", "known")))]);
    ask(&mut sim, BOB, "INFO", vec![Edit::add("Info-Package", "other"), body("text/plain", "x")]);
    sim.run_for(ms(200));
    assert_eq!(last(&sim, ALICE, "INFO").header("Info-Package"), Some("other"));
    assert_eq!(last(&sim, BOB, "INFO").header("Recv-Info"), Some("known"));
    hang_up(sim);
}

#[test]
fn what_comes_again_while_it_waits_or_later_is_one_question() {
    let mut sim = talking(5, vec![(secs(3), Reply::new(200).edit(body("text/plain", "late")))]);
    ask(&mut sim, ALICE, "INFO", vec![]);
    sim.run_for(secs(2));
    // RFC 4320 §4.1: nothing provisional.
    assert_eq!(sim.phone(ALICE).heard("INFO").count(), 0);
    sim.run_for(secs(2));
    assert_eq!(last(&sim, ALICE, "INFO").body, b"late");
    let question = sim
        .phone(ALICE)
        .trace()
        .iter()
        .rev()
        .find(|traced| traced.sent && traced.message.method() == "INFO")
        .map(|traced| traced.message.print());
    sim.send_raw(ALICE, question.unwrap_or_default());
    sim.run_for(ms(200));
    assert_eq!(sim.phone(ALICE).heard("INFO").filter(|answer| answer.body == b"late").count(), 2, "repeated from what is left of it");
    let branches: std::collections::BTreeSet<_> = sim.phone(BOB).heard("INFO").filter_map(|info| info.header("Via")).collect();
    assert_eq!(branches.len(), 1, "asked once");
    hang_up(sim);
}

#[test]
fn too_many_at_once() {
    let mut sim = talking(6, vec![(secs(1), Reply::new(200)); 8]);
    for _ in 0..9 {
        ask(&mut sim, ALICE, "INFO", vec![]);
    }
    sim.run_for(ms(100));
    let refused = last(&sim, ALICE, "INFO");
    assert_eq!(refused.status(), 500);
    assert!(refused.header("Retry-After").is_some());
    sim.run_for(secs(2));
    assert_eq!(sim.phone(ALICE).heard("INFO").filter(|answer| answer.status() == 200).count(), 8);
    hang_up(sim);
}

#[test]
fn nobody_answers() {
    let mut sim = talking(7, vec![(secs(100), Reply::new(200))]);
    ask(&mut sim, ALICE, "INFO", vec![]);
    sim.run_for(secs(40));
    // RFC 4320 §4.2: no 408 that comes when nobody waits for it any more; RFC 3261 §12.2.1.2: the dialog is over.
    assert_eq!(sim.phone(ALICE).heard("INFO").count(), 0);
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    assert!(sim.phone_mut(ALICE).forgive("no-answer") <= 1);
    sim.run_for(secs(70));
    sim.settle();
}

#[test]
fn the_other_dialog_is_gone() {
    for status in [481, 408] {
        let mut sim = talking(8, vec![(Duration::ZERO, Reply::new(status))]);
        ask(&mut sim, ALICE, "INFO", vec![]);
        sim.run_for(ms(500));
        assert_eq!(last(&sim, ALICE, "INFO").status(), 487);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    }
}

#[test]
fn a_phone_that_does_not_answer_the_call_does_not_end_it() {
    for late in [0, 700] {
        let mut sim = Sim::new(15);
        let bob = Script::new()
            .reply(20, 180)
            .reply_with(40, Reply::new(180).fork(1))
            .reply(500, 200)
            .habits(|habits| habits.others = vec![(ms(late), Reply::new(481))]);
        sim.expect(BOB, bob);
        sim.place(ALICE, "bob", Script::new());
        sim.run_until("both ring", |sim| sim.call(ALICE).statuses.len() == 3);
        ask(&mut sim, ALICE, "MESSAGE", vec![body("text/plain", "wait")]);
        sim.run_for(secs(2));
        assert_eq!(last(&sim, ALICE, "MESSAGE").status(), 500);
        assert_eq!(sim.end_reason(), None, "another phone answered");
        hang_up(sim);
    }
}

#[test]
fn a_message_before_the_answer() {
    for (asker, other) in [(ALICE, BOB), (BOB, ALICE)] {
        let habits = |habits: &mut Habits| habits.others = vec![(Duration::ZERO, Reply::new(200))];
        let mut sim = Sim::new(9);
        sim.expect(BOB, Script::answers(2000).habits(habits));
        sim.place(ALICE, "bob", Script::new().habits(habits));
        sim.run_until_status(ALICE, 180);
        ask(&mut sim, asker, "MESSAGE", vec![body("text/plain", "wait")]);
        sim.run_for(ms(200));
        assert_eq!(last(&sim, other, "MESSAGE").body, b"wait");
        assert_eq!(last(&sim, asker, "MESSAGE").status(), 200);
        // Numbers go on where the early dialog left them: each phone checks that.
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(100));
        hang_up(sim);
    }
}

#[test]
fn a_description_that_is_no_offer() {
    let sdp = "v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
    let mut sim = talking(10, vec![]);
    for (method, status) in [("INFO", 415), ("MESSAGE", 415), ("OPTIONS", 415)] {
        ask(&mut sim, ALICE, method, vec![body("application/sdp", sdp)]);
        sim.run_for(ms(100));
        assert_eq!(last(&sim, ALICE, method).status(), status, "{method}");
        assert_eq!(sim.phone(BOB).heard(method).count(), 0);
    }
    hang_up(sim);
}

#[test]
fn what_asks_for_too_much_goes_no_further() {
    let mut sim = talking(11, vec![]);
    for (edit, status) in [(Edit::set("Max-Forwards", "0"), 483), (Edit::add("Require", "gruu"), 420)] {
        ask(&mut sim, ALICE, "INFO", vec![edit]);
        sim.run_for(ms(100));
        assert_eq!(last(&sim, ALICE, "INFO").status(), status);
    }
    assert_eq!(sim.phone(BOB).heard("INFO").count(), 0);
    hang_up(sim);
}

#[test]
fn a_call_that_we_answer_answers_for_itself() {
    let mut sim = Sim::new(12);
    sim.place(ALICE, "echo", Script::new());
    sim.run_for(ms(500));
    let package = Edit::add("Info-Package", "x");
    for (method, edits, status) in [
        ("OPTIONS", vec![], 200),
        ("INFO", vec![body("application/x-signal", "Signal=5\r\n")], 200),
        ("INFO", vec![package], 469),
        ("UPDATE", vec![Edit::add("Contact", &format!("<sip:alice@{ALICE}>"))], 200),
        ("MESSAGE", vec![body("text/plain", "hello")], 405),
    ] {
        ask(&mut sim, ALICE, method, edits);
        sim.run_for(ms(100));
        let answer = last(&sim, ALICE, method);
        assert_eq!(answer.status(), status, "{method}");
        match status {
            469 => assert!(answer.header("Recv-Info").is_some()),
            405 => assert!(answer.header("Allow").is_some_and(|allow| !allow.contains("MESSAGE"))),
            _ => {}
        }
    }
    hang_up(sim);
}

#[test]
fn nobody_is_there_any_more() {
    let mut sim = talking(13, vec![]);
    sim.core_mut().unreachable.push(BOB);
    ask(&mut sim, ALICE, "INFO", vec![]);
    sim.run_for(ms(100));
    assert_eq!(last(&sim, ALICE, "INFO").status(), 500);
    assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    sim.core_mut().unreachable.clear();
    // The BYE reached him as little.
    sim.act(BOB, Act::Bye);
    sim.finish();
}
