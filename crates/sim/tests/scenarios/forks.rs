//! A proxy behind the callee rings several phones: many To tags there, one towards the caller.

use crate::{RACE_LIMIT, statuses};
use tandem_model::EndReason;
use tandem_phone::{Act, Body, Message, Offer, Outcome, Place, Reply, Request, Script, When};
use tandem_sim::{ALICE, BOB, CORE, Link, Sim, explore, ms};

#[test]
fn one_rings_another_answers() {
    let mut sim = Sim::new(1);
    let bob =
        Script::new().reply_with(50, Reply::new(180)).reply_with(80, Reply::new(180).fork(1)).reply_with(500, Reply::new(200).fork(1));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 180, 200]);
    assert_eq!(sim.call(ALICE).dialogs(), 1);
    assert_eq!(sim.call(BOB).dialogs(), 2);
}

#[test]
fn early_media_of_one_and_the_answer_of_another() {
    let mut sim = Sim::new(2);
    let bob = Script::new().reply_with(50, Reply::new(183).with_sdp()).reply_with(500, Reply::new(200).fork(1));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn early_media_of_two() {
    let mut sim = Sim::new(3);
    let bob = Script::new()
        .reply_with(50, Reply::new(183).with_sdp())
        .reply_with(80, Reply::new(183).fork(1).with_sdp())
        .reply_with(500, Reply::new(200).fork(2));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn the_last_to_begin_early_media_is_heard_until_a_199_ends_it() {
    let mut sim = Sim::new(9);
    let bob = Script::new()
        .reply_with(50, Reply::new(183).with_sdp())
        .reply_with(80, Reply::new(183).fork(1).with_sdp())
        .reply_with(120, Reply::new(183).with_sdp())
        .reply_with(200, Reply::new(199).fork(1))
        .reply_with(500, Reply::new(200));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 183, 183, 183, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn another_codec_in_the_answer_than_in_the_early_media() {
    let mut sim = Sim::new(10);
    let pcma = "v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8\r\n";
    let bob = Script::new()
        .reply_with(50, Reply::new(183).with_sdp())
        .reply_with(500, Reply { body: Body::Raw(pcma.into()), ..Reply::new(200).fork(1) });
    sim.expect(BOB, bob);
    // One leg cannot be told of two phones: it keeps its answer (RFC 3261 §13.2.1), and is offered afterwards what the other one speaks.
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count(), 1, "a re-INVITE");
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    let offered = sim.call(ALICE).remote_sdp().and_then(|sdp| sdp.audio_line()).and_then(|line| line.formats.first());
    assert_eq!(offered.map(String::as_str), Some("8"), "before what would be transcoded");
}

#[test]
fn two_answer_with_offers() {
    let mut sim = Sim::new(11);
    let bob = Script::new().reply(50, 180).reply_with(300, Reply::new(200)).reply_with(310, Reply::new(200).fork(1));
    sim.expect(BOB, bob);
    let place = Place::new(&sim.uri(ALICE, "bob")).late().script(Script::new().bye(2000));
    sim.place_with(ALICE, place);
    // Each ACK has an answer (RFC 3261 §13.2.2.4), that of the second takes nothing: the phones see to it.
    sim.finish();
    let declined = |message: &&Message| {
        message.is_request() && message.method() == "ACK" && String::from_utf8_lossy(&message.body).contains("m=audio 0 ")
    };
    assert_eq!(sim.phone(BOB).trace().iter().map(|traced| &traced.message).filter(declined).count(), 1);
}

#[test]
fn two_answer() {
    let mut sim = Sim::new(4);
    let bob = Script::new().reply(50, 180).reply_with(300, Reply::new(200)).reply_with(310, Reply::new(200).fork(1));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(2000));
    sim.finish();
    // The second is acknowledged and hung up, and the caller hears nothing of it.
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.phone(BOB).heard("BYE").filter(|bye| bye.is_request()).count(), 2);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn two_answer_in_every_order() {
    let explored = explore(RACE_LIMIT, |run| {
        let mut sim = Sim::new(5);
        sim.expect(BOB, Script::new().reply(50, 180));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.race(
            run,
            &[
                (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200)))),
                (BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200).fork(1)))),
                (ALICE, |sim| sim.act(ALICE, Act::Cancel)),
            ],
        );
        sim.run_for(ms(100));
        sim.act(ALICE, Act::Bye);
        sim.settle();
        sim.finish();
    });
    assert!(explored.runs > 50, "{explored:?}");
}

#[test]
fn a_second_answer_after_the_call_has_ended() {
    let mut sim = Sim::new(6);
    let bob = Script::new().reply_with(50, Reply::new(200)).reply_with(1000, Reply::new(200).fork(1));
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().bye(300));
    sim.finish();
    assert_eq!(sim.core().founded(), 1);
    assert_eq!(sim.phone(BOB).heard("BYE").filter(|bye| bye.is_request()).count(), 2);
}

#[test]
fn a_callee_that_is_cancelled_while_two_ring() {
    let mut sim = Sim::new(7);
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(180)).reply_with(80, Reply::new(180).fork(1)));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::Cancelled));
}

#[test]
fn a_caller_whose_invite_came_over_two_paths_has_one_call() {
    // RFC 3261 §8.2.2.2, with the second path slower than the answer.
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::new().reply(0, 200));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.run_until_status(ALICE, 200);
    let mut twin = sim.phone(ALICE).trace()[0].message.clone();
    twin.set("Via", "SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKslowpath;rport");
    sim.send_raw(ALICE, twin.print());
    sim.run_for(ms(50));
    assert!(sim.phone(ALICE).heard("INVITE").any(|answer| answer.status() == 482));
    sim.finish();
}

#[test]
fn an_answer_to_a_reinvite_that_comes_again_after_the_call_is_no_other_phone_s() {
    for seed in 0..40 {
        let mut sim = Sim::new(seed);
        sim.phone_mut(BOB).setup_mut().record_route = vec![format!("<sip:{BOB};lr>")];
        sim.link(BOB, CORE, Link { jitter: ms(80), duplicates: 1000, ..Link::CLEAN });
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new().step(When::Confirmed, 200, Act::Reinvite(Offer::default())).bye(201));
        // Whatever goes to bob without his Route he complains of.
        sim.finish();
        let mut branches: Vec<_> = sim.phone(BOB).heard("BYE").filter_map(|bye| bye.header("Via").map(str::to_owned)).collect();
        branches.dedup();
        assert_eq!(branches.len(), 1, "one BYE ends the call (seed {seed})");
    }
}

#[test]
fn a_caller_that_is_bound_is_told_nothing_new_by_early_media_of_another_phone() {
    let pcma = "v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4100 RTP/AVP 8\r\n";
    for answers in [0, 1] {
        let mut sim = Sim::new(12);
        sim.phone_mut(ALICE).setup_mut().reliable = true;
        let bob = Script::new()
            .reply_with(50, Reply::new(183).with_sdp())
            .reply_with(200, Reply { body: Body::Raw(pcma.into()), ..Reply::new(183).fork(1) })
            .reply_with(
                500,
                Reply { body: if answers == 1 { Body::Raw(pcma.into()) } else { Body::Auto }, ..Reply::new(200).fork(answers) },
            );
        sim.expect(BOB, bob);
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(ms(500));
        // The version that follows is the next one: the phone sees to it.
        sim.act(ALICE, Act::Reinvite(Offer::direction(tandem_phone::sdp::Direction::SendOnly)));
        sim.run_for(ms(500));
        let offered = sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count();
        assert_eq!(offered, usize::from(answers), "what another phone speaks is offered in a re-INVITE");
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    }
}

/// RFC 3261 §13.2.1: the first description is the answer, and what later responses say instead is not looked at. So none says anything else.
#[test]
fn early_media_of_two_in_different_codecs() {
    let answer = |format: &str, port: u16| {
        format!("v=0\r\no=b 9 1 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {format}\r\n").into_bytes()
    };
    let early = |fork, format| Reply { body: Body::Raw(answer(format, 4100 + 2 * u16::from(fork))), ..Reply::new(183).fork(fork) };
    // The first ends, or does not; the third has the codec of the first, and says more.
    for (answers, codec, ends) in [(1, "0", false), (2, "8", false), (2, "8", true), (3, "0", false), (3, "0", true)] {
        let mut sim = Sim::new(13);
        let mut bob = Script::new().reply_with(50, early(1, "0")).reply_with(100, early(2, "8"));
        if answers == 3 {
            bob = bob.reply_with(150, early(3, "0 8"));
        }
        if ends {
            bob = bob.reply_with(200, Reply::new(199).fork(1));
        }
        // The 2xx means what came before it.
        sim.expect(BOB, bob.reply_with(500, Reply { body: Body::None, ..Reply::new(200).fork(answers) }));
        sim.place(ALICE, "bob", Script::new().bye(500));
        sim.finish();
        let heard = |message: &&Message| message.has_sdp() && !message.is_request();
        let said: Vec<Vec<u8>> = sim.phone(ALICE).heard("INVITE").filter(heard).map(|message| message.body.clone()).collect();
        assert!(said.len() >= 2 && said.iter().all(|text| *text == said[0]), "{answers}: one answer");
        let offers = sim.phone(ALICE).heard("INVITE").filter(|message| message.is_request()).count();
        assert_eq!(offers, usize::from(codec == "8"), "{answers}: what another phone speaks is offered");
        let first = sim.call(ALICE).remote_sdp().and_then(|sdp| sdp.audio_line()).and_then(|line| line.formats.first());
        assert_eq!(first.map(String::as_str), Some(codec), "{answers}: before what would be transcoded");
    }
}

/// Each is a dialog of its own, with a target of its own.
#[test]
fn an_update_to_one_of_two_that_is_answered_when_the_other_has_the_call() {
    let mut sim = Sim::new(9);
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    let bob = Script::new().reply(50, 180).reply_with(80, Reply::new(180).fork(1)).reply(1080, 200);
    let update = Request { method: "UPDATE".into(), edits: Vec::new() };
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", Script::new().step(When::Start, 1000, Act::Request(update)).bye(2000));
    // Its answer is lost, and comes again when the other has answered the INVITE.
    sim.run_for(ms(1075));
    sim.link(BOB, CORE, Link::CUT);
    sim.run_for(ms(50));
    sim.link(BOB, CORE, Link { delay: ms(50), ..Link::CLEAN });
    sim.finish();
    let heard: Vec<_> = sim.phone(BOB).heard("UPDATE").chain(sim.phone(BOB).heard("BYE")).filter(|one| one.is_request()).collect();
    let (one, other) = ("sip:bob-1@10.0.2.1:5060", "sip:bob@10.0.2.1:5060");
    assert_eq!(heard.iter().map(|one| one.uri()).collect::<Vec<_>>(), [one, one, other]);
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}
