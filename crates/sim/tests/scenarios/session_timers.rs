//! Session timers (RFC 4028), each leg with its own peer: negotiation, refreshes, and the end of who does not refresh.

use crate::{statuses, worded};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{EndReason, Transport};
use tandem_phone::{
    Act, Edit, Hold, Message, Offer, Outcome, Place, Reply, Request, Script, Timer, When,
    sdp::{Direction, Format},
};
use tandem_sim::{ALICE, BOB, CORE, Link, STANDARD, Sim, ms, secs, standard_over_tcp};

/// A quarter of an hour, after which field reports have calls torn down; and a whole one.
const QUARTER: u64 = 900;
const HOUR: u64 = 3600;

/// The standard house, where nobody minds silence: legs without a timer are not ended for that.
fn house(alice: &str, bob: &str) -> Sim {
    let text = STANDARD
        .replace("inactivity_timeout = \"5m\"", "inactivity_timeout = \"6h\"")
        .replace("hold_timeout = \"1h\"", "hold_timeout = \"6h\"")
        .replace("name = \"alice\"", &format!("name = \"alice\"\n{alice}"))
        .replace("name = \"bob\"", &format!("name = \"bob\"\n{bob}"));
    Sim::with_config(1, &text)
}

fn script(timer: Option<Timer>) -> Script {
    Script::new().habits(|habits| habits.timer = timer)
}

fn answering(timer: Option<Timer>) -> Script {
    Script::answers(100).habits(|habits| habits.timer = timer)
}

fn talk(sim: &mut Sim, alice: Script, bob: Script) {
    sim.expect(BOB, bob);
    sim.place(ALICE, "bob", alice);
    sim.run_until_talking(ALICE, BOB);
    sim.run_for(ms(500));
}

fn requests(sim: &Sim, phone: SocketAddr, method: &str) -> Vec<Message> {
    sim.phone(phone).heard(method).filter(|message| message.is_request()).cloned().collect()
}

/// The call is as it was after so long, and ends as people end it.
fn lasts(sim: &mut Sim, seconds: u64) {
    sim.run_for(secs(seconds));
    assert_eq!((sim.call(ALICE).outcome, sim.call(BOB).outcome), (None, None), "the call is over");
    sim.act(ALICE, Act::Bye);
    sim.finish();
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
}

#[test]
fn the_invite_asks_for_what_the_trunk_says() {
    let of = |keys: &str| {
        let mut sim = house("", keys);
        talk(&mut sim, script(None), answering(None));
        let invite = requests(&sim, BOB, "INVITE").remove(0);
        sim.act(ALICE, Act::Bye);
        sim.finish();
        ["Supported", "Session-Expires", "Min-SE"].map(|name| invite.header(name).map(str::to_owned).unwrap_or_default())
    };
    assert_eq!(of(""), ["100rel, timer", "1800", ""]);
    assert_eq!(of("session_timer = { expires = \"15m\", refresher = \"us\" }"), ["100rel, timer", "900;refresher=uac", ""]);
    assert_eq!(of("session_timer = { min = \"5m\", refresher = \"them\" }"), ["100rel, timer", "1800;refresher=uas", "300"]);
    assert_eq!(of("session_timer = \"off\""), ["100rel", "", ""]);
}

/// Its INVITE is still agreeing on one.
#[test]
fn an_update_before_the_answer_says_nothing_of_a_timer() {
    let mut sim = house("session_timer = { refresher = \"them\" }", "");
    let update = Request { method: "UPDATE".into(), edits: Vec::new() };
    let bob = Script::new().reply(50, 180).step(When::Start, 200, Act::Request(update)).reply(1000, 200);
    talk(&mut sim, script(Some(Timer::willing())), bob);
    let updates = requests(&sim, ALICE, "UPDATE");
    assert!(!updates.is_empty() && updates.iter().all(|update| update.header("Session-Expires").is_none()), "{updates:?}");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn every_request_but_ack_says_that_we_know_of_timers() {
    let mut sim = house("", "");
    sim.phone_mut(BOB).setup_mut().reliable = true;
    let request = |method: &str| Act::Request(Request { method: method.into(), edits: Vec::new() });
    let alice = ["INFO", "OPTIONS", "MESSAGE", "UPDATE"].into_iter().zip(1..);
    let alice = alice.fold(Script::new(), |script, (method, place)| script.step(When::Confirmed, place * 100, request(method)));
    sim.expect(BOB, Script::new().reply_with(50, Reply::new(183).with_sdp()).reply(500, 200));
    sim.place(ALICE, "bob", alice.bye(1000));
    sim.finish();
    let heard = sim.phone(BOB).trace().iter().filter(|one| !one.sent && one.message.is_request()).map(|one| &one.message);
    let knows = |message: &Message| message.list("Supported").contains(&"timer");
    let mut methods: Vec<_> = heard.map(|message| (message.method().to_owned(), knows(message))).collect();
    methods.sort();
    methods.dedup();
    let expected = ["ACK", "BYE", "INFO", "INVITE", "MESSAGE", "OPTIONS", "PRACK", "UPDATE"];
    assert_eq!(methods, expected.map(|method| (method.to_owned(), method != "ACK")));
}

/// Alice's answer to that UPDATE names her own terms, and comes when our 200 has settled others.
#[test]
fn the_answer_to_an_update_before_the_answer_changes_no_timer() {
    let mut sim = house("", "");
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    let update = Request { method: "UPDATE".into(), edits: Vec::new() };
    let bob = Script::new().reply(50, 180).step(When::Start, 500, Act::Request(update)).reply(510, 200);
    talk(&mut sim, script(Some(Timer::asking(90).refresher("uas"))), bob);
    let said: Vec<_> = sim.phone(ALICE).trace().iter().map(|traced| &traced.message).filter(|one| one.method() != "ACK").collect();
    let said: Vec<_> = said.iter().map(|one| (one.label(), one.header("Session-Expires").unwrap_or_default())).collect();
    let expected = [("UPDATE", ""), ("200 OK (UPDATE)", "90;refresher=uas"), ("200 OK (INVITE, SDP)", "90;refresher=uas")];
    assert_eq!(said[said.len() - 3..], expected.map(|(label, timer)| (label.to_owned(), timer)));
    sim.run_for(secs(200));
    let asked: Vec<_> = requests(&sim, ALICE, "UPDATE").iter().filter_map(|one| one.header("Session-Expires").map(str::to_owned)).collect();
    assert_eq!(asked, ["90;refresher=uac"; 4], "we refresh, as the 2xx of the INVITE has it");
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// A session without streams is refreshed as it is.
#[test]
fn a_call_on_hold_by_port_0_is_refreshed_and_stays() {
    let mut sim = house("", "");
    sim.phone_mut(BOB).setup_mut().updates = false;
    talk(&mut sim, script(None), answering(Some(Timer::asking(90).refresher("uac"))));
    sim.act(BOB, Act::Reinvite(Offer { hold: Some(Hold::ZeroPort), ..Offer::default() }));
    sim.run_for(secs(1));
    let before = requests(&sim, BOB, "INVITE").len();
    sim.run_for(secs(200));
    let refreshes = requests(&sim, BOB, "INVITE").split_off(before);
    assert_eq!(refreshes.len(), 4);
    assert!(refreshes.iter().all(|refresh| String::from_utf8_lossy(&refresh.body).contains("m=audio 0 ")));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

/// Nobody agrees to what is listed for a stream that is off, so it is not what a refresh may offer: alone it would be refused each time, until the
/// session expires.
#[test]
fn formats_of_a_stream_that_was_off_are_not_those_of_the_session() {
    let g729 = || Some(vec![Format::new(18, "G729/8000")]);
    let bodies = |sim: &Sim| -> Vec<String> {
        let asked = sim.phone(ALICE).trace().iter().filter(|traced| traced.sent && traced.message.is_request());
        let invites = asked.filter(|traced| traced.message.method() == "INVITE").map(|traced| &traced.message.body);
        invites.map(|body| String::from_utf8_lossy(body).into_owned()).collect()
    };
    let last_status = |sim: &Sim| sim.phone(ALICE).heard("INVITE").map(Message::status).last();
    let hold = Offer { hold: Some(Hold::ZeroPort), formats: g729(), ..Offer::default() };
    let mut sim = house("", "");
    let timer = Timer { reinvites: true, ..Timer::asking(90).refresher("uac") };
    talk(&mut sim, script(Some(timer)), answering(None));
    sim.act(ALICE, Act::Reinvite(hold));
    sim.run_for(secs(1));
    assert!(bodies(&sim)[1].contains("m=audio 0 RTP/AVP 18\r\n"));
    assert_eq!(last_status(&sim), Some(200));
    sim.run_for(secs(100));
    assert!(bodies(&sim)[2].contains(" RTP/AVP 0 8 101\r\n"), "her refresh: {}", bodies(&sim)[2]);
    assert_eq!(last_status(&sim), Some(200));
    sim.act(ALICE, Act::Reinvite(Offer { formats: g729(), ..Offer::default() }));
    sim.run_for(secs(1));
    assert_eq!(last_status(&sim), Some(488));
    lasts(&mut sim, HOUR);
}

/// What may or may not have arrived says nothing of a peer that keeps no timer: it is asked again soon, and so a restart shows.
#[test]
fn a_refresh_that_went_down_with_its_connection_is_sent_again() {
    for restarts in [true, false] {
        let keys = "session_timer = { expires = \"90s\", refresher = \"us\" }";
        let text = standard_over_tcp(&[BOB]).replace("name = \"bob\"", &format!("name = \"bob\"\n{keys}"));
        let mut sim = Sim::with_config(1, &text);
        sim.phone_mut(BOB).setup_mut().transport = Transport::Tcp;
        let bob = answering(None).habits(|habits| habits.others = vec![(secs(5), Reply::new(200)), (ms(10), Reply::new(200))]);
        talk(&mut sim, script(None), bob);
        sim.run_for(secs(45));
        assert_eq!(requests(&sim, BOB, "UPDATE").len(), 1);
        if restarts {
            sim.restart(BOB, Duration::ZERO);
        } else {
            sim.break_connections(BOB);
        }
        sim.run_for(secs(7));
        assert_eq!(requests(&sim, BOB, "UPDATE").len(), 2);
        let ended = restarts.then_some(EndReason::DialogLost);
        assert_eq!(sim.end_reason(), ended);
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn we_refresh_a_callee_that_leaves_it_to_us() {
    for seconds in [QUARTER, HOUR] {
        let mut sim = house("", "session_timer = { expires = \"15m\" }");
        talk(&mut sim, script(None), answering(Some(Timer::willing().refresher("uac"))));
        assert!(sim.call(BOB).timer().is_some_and(|agreed| agreed.interval == 900 && !agreed.ours));
        sim.run_for(secs(seconds - 1));
        let expected = (seconds - 1) / 450;
        assert_eq!(requests(&sim, BOB, "UPDATE").len() as u64, expected);
        assert!(requests(&sim, BOB, "UPDATE").iter().all(|update| update.header("Session-Expires") == Some("900;refresher=uac")));
        assert_eq!((requests(&sim, ALICE, "UPDATE").len(), requests(&sim, ALICE, "INVITE").len()), (0, 0), "nothing crosses");
        lasts(&mut sim, 1);
    }
}

#[test]
fn a_callee_that_refreshes_is_answered_and_believed() {
    for reinvites in [false, true] {
        let mut sim = house("", "");
        talk(&mut sim, script(None), answering(Some(Timer { reinvites, ..Timer::asking(600).refresher("uas") })));
        assert!(sim.call(BOB).timer().is_some_and(|agreed| agreed.ours));
        lasts(&mut sim, HOUR);
        let refreshes = requests(&sim, ALICE, "INVITE").len();
        // A re-INVITE has an offer, which is the other side's business too.
        assert_eq!(refreshes > 8, reinvites, "{refreshes}");
    }
}

#[test]
fn a_caller_refreshes_or_is_refreshed() {
    for who in [None, Some("uac"), Some("uas")] {
        let mut sim = house("", "");
        talk(&mut sim, script(Some(Timer { refresher: who, ..Timer::asking(900) })), answering(None));
        let agreed = sim.call(ALICE).timer().expect("a timer");
        assert_eq!((agreed.interval, agreed.ours), (900, who == Some("uac")));
        lasts(&mut sim, HOUR);
        let updates = requests(&sim, ALICE, "UPDATE").len();
        assert_eq!(updates, if who == Some("uac") { 0 } else { 8 });
    }
}

#[test]
fn them_means_the_peer_wherever_it_may() {
    let mut sim = house("session_timer = { refresher = \"them\" }", "session_timer = { refresher = \"them\" }");
    talk(&mut sim, script(Some(Timer::willing())), answering(Some(Timer::willing())));
    assert!(sim.call(ALICE).timer().is_some_and(|agreed| agreed.ours && agreed.interval == 1800));
    assert!(sim.call(BOB).timer().is_some_and(|agreed| agreed.ours && agreed.interval == 1800));
    lasts(&mut sim, HOUR);
}

#[test]
fn a_peer_without_update_is_refreshed_by_reinvite_with_the_same_description() {
    let mut sim = house("", "");
    sim.phone_mut(BOB).setup_mut().updates = false;
    sim.phone_mut(ALICE).setup_mut().updates = false;
    talk(&mut sim, script(Some(Timer::asking(900))), answering(Some(Timer::willing().refresher("uac"))));
    sim.run_for(secs(HOUR - 1));
    // Bob's first is no refresh.
    for (phone, count) in [(ALICE, 7), (BOB, 4)] {
        let offers: Vec<Vec<u8>> = requests(&sim, phone, "INVITE").into_iter().map(|invite| invite.body).collect();
        assert_eq!((offers.len(), requests(&sim, phone, "UPDATE").len()), (count, 0));
        assert!(offers.windows(2).all(|pair| pair[0] == pair[1]), "the description has not changed, and so not its version");
    }
    lasts(&mut sim, 1);
}

#[test]
fn an_update_that_is_refused_becomes_a_reinvite() {
    let mut sim = house("", "");
    let bob = answering(Some(Timer::willing().refresher("uac"))).habits(|habits| habits.others = vec![(ms(10), Reply::new(405))]);
    talk(&mut sim, script(None), bob);
    sim.run_for(secs(1000));
    assert_eq!((requests(&sim, BOB, "UPDATE").len(), requests(&sim, BOB, "INVITE").len()), (1, 2));
    lasts(&mut sim, HOUR);
}

#[test]
fn who_does_not_refresh_is_hung_up_before_the_end_on_both_legs() {
    for (lazy, busy) in [(ALICE, BOB), (BOB, ALICE)] {
        for (interval, margin) in [(90, 30), (900, 32)] {
            let mut sim = house("", "");
            let idle = |refresher| Some(Timer { lazy: true, ..Timer::asking(interval).refresher(refresher) });
            let timer = |phone, refresher| if phone == lazy { idle(refresher) } else { None };
            talk(&mut sim, script(timer(ALICE, "uac")), answering(timer(BOB, "uas")));
            sim.run_for(secs(u64::from(interval - margin) - 2));
            assert_eq!(sim.call(busy).outcome, None, "too early");
            sim.run_for(secs(2));
            assert_eq!((sim.call(ALICE).outcome, sim.call(BOB).outcome), (Some(Outcome::TheyHungUp), Some(Outcome::TheyHungUp)));
            for phone in [ALICE, BOB] {
                let bye = requests(&sim, phone, "BYE").remove(0);
                assert_eq!(bye.header("Reason"), Some("Q.850;cause=102;text=\"session timer expired\""));
            }
            sim.finish();
            assert_eq!(sim.end_reason(), Some(EndReason::SessionExpired));
        }
    }
}

#[test]
fn too_short_an_interval_gets_422_and_the_caller_comes_again() {
    let mut sim = house("session_timer = { min = \"5m\" }", "");
    talk(&mut sim, script(Some(Timer::asking(120))), answering(None));
    assert_eq!(statuses(&sim, ALICE)[..2], [100, 422]);
    let refusal = sim.phone(ALICE).heard("INVITE").find(|message| message.status() == 422).expect("a 422");
    assert_eq!(refusal.header("Min-SE"), Some("300"));
    assert_eq!(sim.call(ALICE).timer().map(|agreed| agreed.interval), Some(300));
    sim.run_for(secs(HOUR));
    sim.act(ALICE, Act::Bye);
    sim.finish();
    let reasons: Vec<EndReason> = sim.core().records().map(|record| record.reason).collect();
    assert_eq!(reasons, [EndReason::Failed(422), EndReason::CallerHungUp]);
}

#[test]
fn who_knows_no_timers_gets_no_422_but_a_longer_interval() {
    let mut sim = house("session_timer = { min = \"5m\" }", "");
    sim.expect(BOB, Script::answers(100));
    // A proxy put it there.
    let place = Place::new(&sim.uri(ALICE, "bob")).edit(Edit::set("Session-Expires", "120"));
    sim.place_with(ALICE, place);
    sim.run_until_talking(ALICE, BOB);
    let answer = sim.phone(ALICE).heard("INVITE").find(|message| message.status() == 200).expect("an answer");
    assert_eq!((answer.header("Session-Expires"), answer.header("Require")), (Some("300;refresher=uas"), None));
    sim.phone_mut(ALICE).forgive("timer-interval");
    sim.run_for(secs(200));
    assert_eq!(requests(&sim, ALICE, "UPDATE").len(), 1, "the proxy counts on it");
    lasts(&mut sim, 1);
}

#[test]
fn a_callee_that_wants_longer_intervals_gets_them() {
    let mut sim = house("", "session_timer = { expires = \"2m\" }");
    talk(&mut sim, script(None), answering(Some(Timer::willing().min(1000))));
    let asked: Vec<_> = requests(&sim, BOB, "INVITE");
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[1].header("Session-Expires"), asked[1].header("Min-SE")), (Some("1000"), Some("1000")));
    assert_eq!(asked[0].call_id(), asked[1].call_id());
    let numbers: Vec<u32> = asked.iter().filter_map(|invite| invite.cseq()).map(|(number, _)| number).collect();
    assert!(numbers[1] > numbers[0]);
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200], "the caller does not notice");
    assert_eq!(sim.call(BOB).timer().map(|agreed| agreed.interval), Some(1000));
    lasts(&mut sim, HOUR);
}

#[test]
fn a_callee_that_is_never_content_is_given_up() {
    let mut sim = house("", "");
    let too_small = |seconds: &str| Reply::new(422).edit(Edit::set("Min-SE", seconds));
    sim.expect(BOB, Script::new().reply_with(10, too_small("1800"))); // No longer than what we asked for.
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    assert_eq!(statuses(&sim, ALICE), [100, 500]);
    assert_eq!(requests(&sim, BOB, "INVITE").len(), 1);
    sim.finish();
}

#[test]
fn a_callee_that_always_wants_more_is_given_up() {
    let mut sim = house("", "");
    for tries in 1..=9 {
        let refusal = Reply::new(422).edit(Edit::set("Min-SE", &(1800 + tries).to_string()));
        sim.expect(BOB, Script::new().reply_with(10, refusal));
    }
    sim.place(ALICE, "bob", Script::new());
    sim.settle();
    assert_eq!(statuses(&sim, ALICE), [100, 500]);
    let asked: Vec<Option<String>> =
        requests(&sim, BOB, "INVITE").iter().map(|invite| invite.header("Session-Expires").map(str::to_owned)).collect();
    assert_eq!(asked.iter().flatten().collect::<Vec<_>>(), ["1800", "1801", "1802", "1803", "1804"]);
    sim.finish();
}

/// What a peer asked of us binds what we ask for, and not what it asks for itself (§9: never longer than that).
#[test]
fn a_peer_that_wanted_longer_intervals_may_ask_for_a_shorter_one() {
    let mut sim = house("", "session_timer = { expires = \"2m\" }");
    talk(&mut sim, script(None), answering(Some(Timer::willing().min(1000))));
    assert_eq!(sim.call(BOB).timer().map(|agreed| agreed.interval), Some(1000));
    let update = Request {
        method: "UPDATE".into(),
        edits: vec![
            Edit::set("Session-Expires", "100;refresher=uac"),
            Edit::set("Min-SE", "90"),
            Edit::set("Contact", &format!("<sip:bob@{BOB}>")),
        ],
    };
    sim.act(BOB, Act::Request(update));
    sim.run_for(ms(100));
    let answer = sim.phone(BOB).heard("UPDATE").find(|message| message.status() == 200).expect("an answer");
    assert_eq!(answer.header("Session-Expires"), Some("100;refresher=uac"));
    sim.act(ALICE, Act::Bye);
    sim.finish();
}

#[test]
fn one_leg_with_a_timer_and_one_without() {
    let mut sim = house("session_timer = \"off\"", "");
    talk(&mut sim, script(Some(Timer::asking(300))), answering(Some(Timer::willing())));
    let answer = sim.phone(ALICE).heard("INVITE").find(|message| message.status() == 200).expect("an answer");
    assert_eq!((answer.header("Session-Expires"), answer.header("Supported")), (None, Some("100rel")));
    assert_eq!(sim.call(ALICE).timer(), None);
    assert!(sim.call(BOB).timer().is_some());
    lasts(&mut sim, HOUR);
    assert_eq!(requests(&sim, ALICE, "UPDATE").len(), 0);
}

#[test]
fn we_refresh_who_knows_nothing_of_it_only_where_we_are_told_to() {
    for (keys, reinvites) in [("", 0), ("session_timer = { expires = \"15m\", refresher = \"us\" }", 7)] {
        let mut sim = house("", keys);
        sim.phone_mut(BOB).setup_mut().updates = false;
        talk(&mut sim, script(None), answering(None));
        lasts(&mut sim, HOUR - 1);
        assert_eq!(requests(&sim, BOB, "INVITE").len(), 1 + reinvites);
    }
}

#[test]
fn a_peer_that_refuses_and_keeps_no_timer_is_alive_all_the_same() {
    let refusals = (0..9).map(|_| (ms(10), Reply::new(488))).collect::<Vec<_>>();
    let mut sim = house("", "session_timer = { expires = \"15m\", refresher = \"us\" }");
    sim.phone_mut(BOB).setup_mut().updates = false;
    talk(&mut sim, script(None), answering(None).habits(|habits| habits.reoffers = refusals));
    lasts(&mut sim, HOUR);
}

#[test]
fn refusals_are_answered_with_another_try_until_the_session_ends() {
    let refusal = |status| (ms(10), Reply::new(status));
    for (refusals, survives) in
        [(vec![refusal(488)], true), (vec![refusal(500), refusal(503), refusal(491)], true), (vec![refusal(488); 9], false)]
    {
        let mut sim = house("", "");
        sim.phone_mut(BOB).setup_mut().updates = false;
        let bob = answering(Some(Timer::willing().refresher("uac"))).habits(|habits| habits.reoffers = refusals.clone());
        talk(&mut sim, script(None), bob);
        sim.run_for(secs(1790));
        if survives {
            lasts(&mut sim, HOUR);
        } else {
            sim.settle();
            // Bob counts too, and is first.
            sim.phone_mut(BOB).forgive("refresh-missing");
            sim.finish();
            assert!(matches!(sim.end_reason(), Some(EndReason::SessionExpired | EndReason::CalleeHungUp)));
        }
    }
}

#[test]
fn a_refresh_that_finds_no_dialog_ends_the_call() {
    // RFC 5057 §5.1: 483 as well, to a request that had all the hops that we give.
    for (updates, status) in [(true, 481), (false, 481), (true, 483), (false, 483)] {
        let mut sim = house("", "");
        sim.phone_mut(BOB).setup_mut().updates = updates;
        let gone = vec![(ms(10), Reply::new(status))];
        let bob = answering(Some(Timer::willing().refresher("uac"))).habits(|habits| {
            (habits.reoffers, habits.others) = (gone.clone(), gone.clone());
        });
        talk(&mut sim, script(None), bob);
        sim.run_for(secs(1000));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    }
}

#[test]
fn a_refresh_that_nobody_answers_ends_the_call_on_both_legs() {
    for updates in [true, false] {
        let mut sim = house("", "");
        sim.phone_mut(BOB).setup_mut().updates = updates;
        talk(&mut sim, script(None), answering(Some(Timer::willing().refresher("uac"))));
        sim.run_for(secs(890));
        sim.link(CORE, BOB, Link::CUT);
        sim.run_for(secs(35));
        assert_eq!(sim.end_reason(), None, "too early");
        sim.run_for(secs(10));
        sim.link(CORE, BOB, Link::CLEAN);
        sim.run_for(secs(10));
        for phone in [ALICE, BOB] {
            assert_eq!(sim.call(phone).outcome, Some(Outcome::TheyHungUp));
            let bye = requests(&sim, phone, "BYE").remove(0);
            assert_eq!(bye.header("Reason"), Some("SIP;cause=481;text=\"the other leg is gone\""));
        }
        sim.finish();
        assert_eq!(sim.end_reason(), Some(EndReason::DialogLost));
    }
}

#[test]
fn a_held_call_is_refreshed_and_stays_held() {
    for updates in [true, false] {
        let mut sim = house("", "");
        sim.phone_mut(ALICE).setup_mut().updates = updates;
        sim.phone_mut(BOB).setup_mut().updates = updates;
        talk(&mut sim, script(Some(Timer::asking(900))), answering(Some(Timer::willing().refresher("uac"))));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(secs(HOUR));
        let direction = |sim: &Sim, phone| sim.call(phone).remote_sdp().and_then(|sdp| sdp.audio_line()).map(|line| line.direction);
        assert_eq!((direction(&sim, BOB), direction(&sim, ALICE)), (Some(Direction::SendOnly), Some(Direction::RecvOnly)));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendRecv)));
        sim.run_for(secs(1));
        assert_eq!((direction(&sim, BOB), direction(&sim, ALICE)), (Some(Direction::SendRecv), Some(Direction::SendRecv)));
        lasts(&mut sim, HOUR);
    }
}

#[test]
fn every_change_of_the_session_begins_the_interval_anew() {
    let mut sim = house("", "");
    talk(&mut sim, script(Some(Timer::asking(900))), answering(Some(Timer::willing().refresher("uac"))));
    for _ in 0..9 {
        sim.run_for(secs(400));
        sim.act(ALICE, Act::Reinvite(Offer::default()));
    }
    assert_eq!(requests(&sim, ALICE, "UPDATE").len(), 0, "400 s are less than half of 900");
    assert_eq!(requests(&sim, BOB, "UPDATE").len(), 0, "her re-INVITE went on to him and refreshed his leg too");
    lasts(&mut sim, 1);
}

#[test]
fn a_peer_that_leaves_the_timer_out_of_its_answers_is_not_held_to_it() {
    let mut sim = house("", "");
    let forgetful = Timer { forgetful: true, ..Timer::asking(900).refresher("uas") };
    talk(&mut sim, script(None), answering(Some(forgetful)));
    sim.act(ALICE, Act::Reinvite(Offer::default()));
    sim.run_for(secs(1));
    assert_eq!(sim.call(BOB).timer(), None);
    lasts(&mut sim, HOUR);
}

#[test]
fn an_answer_to_our_refresh_without_a_timer_does_not_stop_us() {
    let mut sim = house("", "session_timer = { expires = \"15m\" }");
    let forgetful = Timer { forgetful: true, ..Timer::willing().refresher("uac") };
    talk(&mut sim, script(None), answering(Some(forgetful)));
    sim.run_for(secs(HOUR - 1));
    assert_eq!(requests(&sim, BOB, "UPDATE").len(), 7);
    lasts(&mut sim, 1);
}

#[test]
fn calls_that_we_answer_ourselves_have_timers_too() {
    for updates in [true, false] {
        let mut sim = house("", "");
        sim.phone_mut(ALICE).setup_mut().updates = updates;
        sim.place(ALICE, "echo", script(Some(Timer::asking(900))));
        sim.run_for(secs(HOUR));
        let refreshes = requests(&sim, ALICE, if updates { "UPDATE" } else { "INVITE" });
        assert_eq!((sim.call(ALICE).outcome, refreshes.len()), (None, 7));
        sim.act(ALICE, Act::Bye);
        sim.finish();
    }
}

#[test]
fn a_lazy_caller_of_our_echo_is_hung_up() {
    let mut sim = house("", "");
    sim.place(ALICE, "echo", script(Some(Timer { lazy: true, ..Timer::asking(900).refresher("uac") })));
    sim.run_for(secs(900));
    sim.finish();
    assert_eq!((sim.call(ALICE).outcome, sim.end_reason()), (Some(Outcome::TheyHungUp), Some(EndReason::SessionExpired)));
}

#[test]
fn silence_ends_no_leg_that_has_a_session_timer() {
    for (timer, ended) in [(Some(Timer::asking(900)), false), (None, true)] {
        let mut sim = Sim::new(1);
        sim.place(ALICE, "echo", script(timer));
        sim.run_for(secs(HOUR));
        assert_eq!(sim.call(ALICE).outcome.is_some(), ended);
        if !ended {
            sim.act(ALICE, Act::Bye);
        }
        sim.finish();
        assert_eq!(sim.end_reason() == Some(EndReason::Inactivity), ended);
    }
}

#[test]
fn require_timer_is_understood_unless_it_is_off() {
    for (keys, status) in [("", 200), ("session_timer = \"off\"", 420)] {
        let mut sim = worded(keys, "");
        sim.expect(BOB, Script::answers(100));
        let edits = [Edit::set("Require", "timer"), Edit::set("Supported", "timer")];
        let mut place = Place::new(&sim.uri(ALICE, "bob")).script(Script::new().bye(500));
        place.edits = edits.to_vec();
        sim.place_with(ALICE, place);
        sim.settle();
        assert_eq!(sim.call(ALICE).final_status(), Some(status));
        sim.finish();
    }
}
