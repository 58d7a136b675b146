//! Calls over TCP: in each direction, from one transport to the other, in pieces, and over connections that end.

use crate::statuses;
use std::net::SocketAddr;
use tandem_model::{EndReason, Transport};
use tandem_phone::{Act, Outcome, Script, Timer, When};
use tandem_sim::{ALICE, BOB, CAROL, DORA, ERIN, Link, Sim, ms, secs, standard_over_tcp};

/// The protocols that the Vias of what a phone heard name.
fn transports(sim: &Sim, phone: SocketAddr) -> Vec<String> {
    let vias = sim.phone(phone).trace().iter().filter(|traced| !traced.sent).filter_map(|traced| traced.message.header("Via"));
    let mut transports: Vec<String> = vias.filter_map(|via| via.split(' ').next()).map(str::to_owned).collect();
    transports.sort();
    transports.dedup();
    transports
}

#[test]
fn each_leg_stays_on_its_own_transport() {
    for phones in [&[ALICE][..], &[BOB], &[ALICE, BOB]] {
        let mut sim = Sim::over_tcp(1, phones);
        sim.links(Link { jitter: ms(30), ..Link::CLEAN });
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "bob", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
        assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
        for phone in [ALICE, BOB] {
            let expected = if phones.contains(&phone) { "SIP/2.0/TCP" } else { "SIP/2.0/UDP" };
            assert_eq!(transports(&sim, phone), [expected], "{phones:?}");
        }
    }
}

#[test]
fn over_ipv6_too() {
    let mut sim = Sim::over_tcp(2, &[DORA, ERIN]);
    sim.expect(ERIN, Script::answers(100).bye(700));
    sim.place(DORA, "erin", Script::new());
    sim.finish();
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn nothing_is_repeated_that_a_slow_network_delivers() {
    let mut sim = Sim::over_tcp(3, &[ALICE, BOB]);
    sim.links(Link { delay: ms(600), loss: 300, ..Link::CLEAN });
    sim.expect(BOB, Script::new().reply(0, 180).reply(20_000, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).final_status(), Some(486));
    let invites = sim.phone(BOB).heard("INVITE").filter(|message| message.is_request()).count();
    let busy = sim.phone(ALICE).heard("INVITE").filter(|message| message.status() == 486).count();
    assert_eq!((invites, busy), (1, 1));
}

#[test]
fn it_rings_longer_than_a_request_waits_for_its_first_response() {
    let mut sim = Sim::over_tcp(8, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply(100, 180).reply(40_000, 200).bye(500));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.end_reason(), Some(EndReason::CalleeHungUp));
}

#[test]
fn nobody_listens_where_the_call_goes() {
    let mut sim = Sim::over_tcp(4, &[BOB]);
    sim.refuse_connections(BOB, true);
    sim.place(ALICE, "bob", Script::new());
    let began = sim.now();
    sim.run_until_status(ALICE, 500);
    assert!(sim.now().since(began) < ms(50), "a refusal is no timeout");
    sim.finish();
}

#[test]
fn nobody_says_anything_where_the_call_goes() {
    let mut sim = Sim::over_tcp(5, &[BOB]);
    sim.link(tandem_sim::CORE, BOB, Link::CUT);
    sim.place(ALICE, "bob", Script::new());
    let began = sim.now();
    sim.run_until_status(ALICE, 500);
    assert!((ms(1000)..ms(1100)).contains(&sim.now().since(began)), "a second, and not 32");
    sim.finish();
}

#[test]
fn the_next_target_takes_the_call_that_the_first_refused() {
    let mut sim = Sim::over_tcp(6, &[BOB, CAROL]);
    sim.refuse_connections(BOB, true);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "two", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.phone(CAROL).calls().len(), 1);
}

#[test]
fn the_callee_s_connection_breaks_while_it_rings() {
    let mut sim = Sim::over_tcp(7, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply(10, 180));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    let began = sim.now();
    sim.break_connections(BOB);
    sim.run_until_status(ALICE, 500);
    assert!(sim.now().since(began) < ms(50));
    // It rings on, and nobody can tell it: whoever picks up finds that nobody is there.
    sim.act(BOB, Act::Reply(tandem_phone::Reply::new(486)));
    sim.settle();
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
}

#[test]
fn an_answer_after_the_connection_broke_is_acknowledged_and_hung_up() {
    for answers in [200, 20_000] {
        let mut sim = Sim::over_tcp(10, &[ALICE, BOB]);
        sim.expect(BOB, Script::new().reply(10, 180).reply(answers, 200));
        sim.place(ALICE, "bob", Script::new());
        sim.run_until_status(ALICE, 180);
        sim.break_connections(BOB);
        // RFC 3261 §13.2.2.4: every 2xx has its ACK. The phone sees to it.
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
        assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
    }
}

#[test]
fn the_caller_s_connection_breaks_and_the_answer_finds_another_way() {
    let mut sim = Sim::over_tcp(8, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply(10, 180).reply(500, 200));
    sim.place(ALICE, "bob", Script::new().bye(2_000));
    sim.run_until_status(ALICE, 180);
    sim.break_connections(ALICE);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn a_failure_that_went_down_with_the_caller_s_connection_leaves_nothing() {
    let mut sim = Sim::over_tcp(12, &[ALICE, BOB]);
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    sim.expect(BOB, Script::new().reply(10, 180).reply(1000, 486));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until("Bob is busy", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.outcome.is_some()));
    sim.run_for(ms(75));
    sim.break_connections(ALICE);
    sim.run_for(secs(60));
    assert_eq!(sim.call(ALICE).outcome, None, "she has heard nothing but ringing");
    sim.act(ALICE, Act::Bye);
    sim.settle();
    assert_eq!(sim.phone(ALICE).heard("BYE").map(|bye| bye.status()).collect::<Vec<_>>(), [481]);
    assert_eq!(sim.phone_mut(ALICE).forgive("no-answer"), 1, "of the INVITE");
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.core().records().next().map(|record| record.legs[0].sip_status), Some(486));
}

#[test]
fn a_last_word_that_went_down_after_the_early_dialog_was_ended_leaves_nothing() {
    let mut sim = Sim::over_tcp(13, &[ALICE, BOB]);
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    sim.expect(BOB, Script::new().reply(10, 180).reply(1000, 180).reply(60_000, 200));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_status(ALICE, 180);
    // The other 180 is under way to her.
    sim.run_for(ms(970));
    sim.act(ALICE, Act::Bye);
    sim.run_for(ms(75));
    assert_eq!(statuses(&sim, ALICE), [100, 180, 180]);
    sim.break_connections(ALICE);
    sim.settle();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 180], "no 487");
    assert_eq!(sim.phone_mut(ALICE).forgive("no-answer"), 2, "of the INVITE and the BYE");
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn who_takes_back_an_invite_that_is_to_come_again_may_take_back_that_one_too() {
    let text = standard_over_tcp(&[ALICE]).replace("name = \"alice\"", "name = \"alice\"\nsession_timer = { min = \"5m\" }");
    let mut sim = Sim::with_config(14, &text);
    sim.phone_mut(ALICE).setup_mut().transport = Transport::Tcp;
    sim.links(Link { delay: ms(50), ..Link::CLEAN });
    sim.expect(BOB, Script::new().reply(10, 100).reply(1000, 486));
    // 100 and 422 come together, and her CANCEL goes between them.
    let impatient = Script::new().cancel(When::Start, 10).habits(|habits| habits.timer = Some(Timer::asking(120)));
    sim.place(ALICE, "bob", impatient);
    sim.run_until("Bob is busy", |sim| sim.phone(BOB).calls().first().is_some_and(|call| call.outcome.is_some()));
    sim.run_for(ms(75));
    sim.break_connections(ALICE);
    sim.run_for(secs(90));
    assert_eq!((statuses(&sim, ALICE), sim.call(ALICE).outcome), (vec![100, 422, 100], None), "the 486 is lost");
    sim.act(ALICE, Act::Bye);
    sim.settle();
    assert_eq!(sim.phone(ALICE).heard("CANCEL").map(|answer| answer.status()).collect::<Vec<_>>(), [200, 481]);
    sim.finish();
    // RFC 3261 §9.1: 64 * T1 after the CANCEL the INVITE is over without a final response.
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_call_outlives_its_connections() {
    let mut sim = Sim::over_tcp(9, &[ALICE, BOB]);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.break_connections(ALICE);
    sim.break_connections(BOB);
    sim.run_for(secs(5));
    assert_eq!(sim.core().calls(), 1);
    sim.act(BOB, Act::Bye);
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_bye_that_cannot_be_delivered_ends_the_other_leg_all_the_same() {
    let mut sim = Sim::over_tcp(10, &[ALICE, BOB]);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new());
    sim.run_until_talking(ALICE, BOB);
    sim.break_connections(BOB);
    sim.refuse_connections(BOB, true);
    sim.run_for(secs(1));
    sim.act(ALICE, Act::Bye);
    sim.run_for(secs(1));
    assert_eq!(sim.end_reason(), Some(EndReason::CallerHungUp));
    assert_eq!(sim.core().calls(), 0, "nothing waits for a peer that is not there");
    sim.refuse_connections(BOB, false);
    sim.act(BOB, Act::Bye);
    sim.finish();
}

#[test]
fn cancel_goes_the_way_of_its_invite() {
    let mut sim = Sim::over_tcp(11, &[ALICE, BOB]);
    sim.expect(BOB, Script::new().reply(10, 180));
    sim.place(ALICE, "bob", Script::new().cancel(When::Status(180), 200));
    sim.finish();
    assert_eq!(sim.call(ALICE).final_status(), Some(487));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(487)));
    assert_eq!(transports(&sim, BOB), ["SIP/2.0/TCP"]);
}
