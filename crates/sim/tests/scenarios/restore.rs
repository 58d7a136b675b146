//! A re-INVITE or UPDATE that one side took and that comes to nothing all the same: who asked is refused, who took it is offered its
//! session again (RFC 3261 §14.1), and the call goes on.

use crate::{RACE_LIMIT, after_race};
use std::net::SocketAddr;
use tandem_model::EndReason;
use tandem_phone::{Act, Body, Message, Offer, Reply, Script, sdp::Direction};
use tandem_sim::{ALICE, BOB, Sim, explore_losses, ms, secs};

const SIDES: [(SocketAddr, SocketAddr); 2] = [(ALICE, BOB), (BOB, ALICE)];

/// Answers that cannot be used: another codec than was offered, two lines for one, no description, and none at all.
fn unusable(phone: SocketAddr) -> [Body; 4] {
    let (name, host) = if phone == ALICE { ("alice", "10.0.1.1") } else { ("bob", "10.0.2.1") };
    let head = format!("v=0\r\no={name} 1 7 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n");
    let lines = ["m=audio 4000 RTP/AVP 18\r\n", "m=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"];
    let [codec, two] = lines.map(|lines| Body::Raw(format!("{head}{lines}").into()));
    [codec, two, Body::Raw(b"nothing\r\n".to_vec()), Body::None]
}

/// A call in which a phone says these things to what it is offered later, one after the other.
fn talking(seed: u64, answerer: SocketAddr, updates: bool, replies: &[(u64, Reply)]) -> Sim {
    let mut sim = Sim::new(seed);
    let replies: Vec<_> = replies.iter().map(|(after, reply)| (ms(*after), reply.clone())).collect();
    let script =
        |phone, script: Script| if phone == answerer { script.habits(|habits| habits.reoffers.clone_from(&replies)) } else { script };
    for phone in [ALICE, BOB] {
        sim.phone_mut(phone).setup_mut().updates = updates;
    }
    sim.expect(BOB, script(BOB, Script::answers(100)));
    sim.place(ALICE, "bob", script(ALICE, Script::new()));
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
    sim
}

fn answers(sim: &Sim, phone: SocketAddr, method: &str) -> Vec<u16> {
    let is_final = |message: &&Message| !message.is_request() && message.status() >= 200;
    sim.phone(phone).heard(method).filter(is_final).map(Message::status).collect()
}

/// The descriptions that a phone was offered inside its dialog by INVITE.
fn offers(sim: &Sim, phone: SocketAddr) -> Vec<String> {
    let later = |message: &&Message| message.is_request() && message.header("To").is_some_and(|to| to.contains(";tag="));
    sim.phone(phone).heard("INVITE").filter(later).map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
}

/// Both hear each other as before, and may change it.
fn goes_on(mut sim: Sim, (asker, answerer): (SocketAddr, SocketAddr)) {
    let direction = |sim: &Sim, phone| sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction);
    assert_eq!([ALICE, BOB].map(|phone| direction(&sim, phone)), [Some(Direction::SendRecv); 2]);
    sim.act(answerer, Act::Reinvite(Offer::direction(Direction::SendOnly)));
    sim.run_for(secs(1));
    assert_eq!(direction(&sim, asker), Some(Direction::SendOnly));
    sim.act(asker, Act::Bye);
    sim.finish();
    let reason = if asker == ALICE { EndReason::CallerHungUp } else { EndReason::CalleeHungUp };
    assert_eq!(sim.end_reason(), Some(reason));
}

#[test]
fn an_answer_that_cannot_be_used_leaves_the_session_as_it_was() {
    for (asker, answerer) in SIDES {
        for (place, body) in unusable(answerer).into_iter().enumerate() {
            for updates in [false, true] {
                let mut sim = talking(1, answerer, updates, &[(20, Reply { body: body.clone(), ..Reply::new(200) })]);
                let offer = Offer::direction(Direction::SendOnly);
                let (act, method) = if updates { (Act::Update(offer), "UPDATE") } else { (Act::Reinvite(offer), "INVITE") };
                sim.act(asker, act);
                sim.run_for(secs(1));
                let status = if place == 3 { 500 } else { 488 };
                assert_eq!(answers(&sim, asker, method).last(), Some(&status), "{place} {updates} {asker}");
                let offers = offers(&sim, answerer);
                assert_eq!(offers.len(), if updates { 1 } else { 2 });
                assert!(offers.last().is_some_and(|offer| offer.contains("a=sendrecv")), "{offers:?}");
                goes_on(sim, (asker, answerer));
            }
        }
    }
}

#[test]
fn an_offer_that_cannot_be_used_is_declined_and_the_session_as_it_was() {
    for (asker, answerer) in SIDES {
        for (place, body) in unusable(answerer).into_iter().enumerate() {
            // Two lines make a good offer.
            if place == 1 {
                continue;
            }
            let mut sim = talking(2, answerer, false, &[(20, Reply { body, ..Reply::new(200) })]);
            sim.act(asker, Act::Reinvite(Offer { late: true, ..Offer::default() }));
            sim.run_for(secs(1));
            let status = if place == 3 { 500 } else { 488 };
            assert_eq!(answers(&sim, asker, "INVITE").last(), Some(&status), "{place}");
            let acks: Vec<bool> = sim.phone(answerer).heard("ACK").map(Message::has_sdp).collect();
            assert_eq!(acks.contains(&true), place == 0, "an offer has its answer in the ACK (RFC 3261 §13.2.2.4)");
            goes_on(sim, (asker, answerer));
        }
    }
}

#[test]
fn lines_that_were_offered_and_declined_stay() {
    let video =
        "v=0\r\no=bob 1 7 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\nm=video 4002 RTP/AVP 31\r\n";
    let reply = Reply { body: Body::Raw(video.into()), ..Reply::new(200) };
    let mut sim = talking(3, BOB, false, &[(20, reply)]);
    sim.act(ALICE, Act::Reinvite(Offer { late: true, ..Offer::default() }));
    sim.run_for(secs(1));
    let offers = offers(&sim, BOB);
    let last = offers.last().map(String::as_str).unwrap_or_default();
    assert!(last.contains("m=audio 20") && last.contains("m=video 0 RTP/AVP 31"), "RFC 3264 §8: {last}");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn who_refuses_its_own_session_ends_the_call() {
    for (asker, answerer) in SIDES {
        let bodies = unusable(answerer);
        let mut sim = talking(4, answerer, false, &[(20, Reply { body: bodies[0].clone(), ..Reply::new(200) }), (20, Reply::new(488))]);
        sim.act(asker, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::Failed(488)));
    }
}

#[test]
fn a_reinvite_that_is_taken_back_is_487_at_once_and_what_the_other_side_took_is_undone() {
    for (asker, answerer) in SIDES {
        for late in [false, true] {
            let mut sim = talking(5, answerer, false, &[(100_000, Reply::new(200))]);
            sim.act(asker, Act::Reinvite(Offer { late, ..Offer::direction(Direction::SendOnly) }));
            sim.run_for(ms(100));
            // Its 200 is on the way when the CANCEL comes.
            sim.act(asker, Act::Cancel);
            sim.act(answerer, Act::Reply(Reply::new(200)));
            sim.run_for(secs(2));
            assert_eq!(answers(&sim, asker, "INVITE").last(), Some(&487));
            // Asked for an offer, it has an answer with what the other side speaks: nothing is to be undone.
            assert_eq!(offers(&sim, answerer).len(), if late { 1 } else { 2 });
            goes_on(sim, (asker, answerer));
        }
    }
}

#[test]
fn taken_back_and_refused_changes_nothing() {
    for (asker, answerer) in SIDES {
        let mut sim = talking(6, answerer, false, &[(10, Reply::new(100))]);
        sim.act(asker, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(ms(100));
        sim.act(asker, Act::Cancel);
        sim.run_for(secs(2));
        assert_eq!(answers(&sim, asker, "INVITE").last(), Some(&487));
        assert_eq!((offers(&sim, answerer).len(), sim.phone(answerer).heard("CANCEL").count()), (1, 1));
        goes_on(sim, (asker, answerer));
    }
}

#[test]
fn the_other_side_s_200_and_the_cancel_in_every_order() {
    for (asker, answerer) in SIDES {
        for late in [false, true] {
            let explored = explore_losses(RACE_LIMIT, |run| {
                let mut sim = talking(7, answerer, false, &[(100_000, Reply::new(200))]);
                sim.act(asker, Act::Reinvite(Offer { late, ..Offer::direction(Direction::SendOnly) }));
                sim.run_for(ms(100));
                if asker == ALICE {
                    sim.race(run, &[(BOB, |sim| sim.act(BOB, Act::Reply(Reply::new(200)))), (ALICE, |sim| sim.act(ALICE, Act::Cancel))]);
                } else {
                    sim.race(run, &[(ALICE, |sim| sim.act(ALICE, Act::Reply(Reply::new(200)))), (BOB, |sim| sim.act(BOB, Act::Cancel))]);
                }
                after_race(&mut sim, run);
                sim.act(asker, Act::Bye);
                sim.finish();
            });
            assert!(explored.complete && explored.runs > 5, "{explored:?}");
        }
    }
}
