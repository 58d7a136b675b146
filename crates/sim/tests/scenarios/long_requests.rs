//! Requests that are too long for a datagram go over TCP, and as datagrams all the same where there is none to be had
//! (RFC 3261 §18.1.1).

use crate::statuses;
use std::time::Duration;
use tandem_phone::{Act, Demand, Message, Offer, Outcome, Place, Reply, Request, Script, When, sdp::Direction};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Link, STANDARD, Sim, ms, secs};

/// The standard house with a listener for TCP; everybody is called without a word about transports.
fn house() -> String {
    format!("{STANDARD}\n[[listen]]\nname = \"main-tcp\"\ntransport = \"tcp\"\nbind = \"10.0.0.1:5060\"\n")
}

/// A caller whose name fills a datagram of INVITE, and not quite one of BYE.
fn long_place(sim: &mut Sim, user: &str, script: Script) -> Place {
    sim.phone_mut(ALICE).setup_mut().name = "alice-of-the-long-name-".repeat(36);
    Place::new(&sim.uri(ALICE, user)).script(script)
}

/// The Via protocols of the requests of one method that bob heard.
fn heard_over(sim: &Sim, method: &str) -> Vec<String> {
    let requests = sim.phone(BOB).heard(method).filter(|message| message.is_request());
    requests.filter_map(|message| message.header("Via")?.split(' ').next().map(str::to_owned)).collect()
}

fn length(message: &Message) -> usize {
    message.print().len()
}

#[test]
fn a_long_invite_goes_over_tcp_and_its_cancel_follows() {
    let mut sim = Sim::with_config(1, &house());
    sim.expect(BOB, Script::new().reply(10, 180));
    let place = long_place(&mut sim, "bob", Script::new().cancel(When::Status(180), 100));
    sim.place_with(ALICE, place);
    sim.finish();
    assert!(sim.phone(BOB).heard("INVITE").next().is_some_and(|invite| length(invite) > 1300), "the scenario is about long requests");
    for method in ["INVITE", "CANCEL", "ACK"] {
        assert_eq!(heard_over(&sim, method), ["SIP/2.0/TCP"], "{method}");
    }
    assert_eq!(sim.call(ALICE).final_status(), Some(487));
}

#[test]
fn what_is_short_goes_on_as_datagrams() {
    let mut sim = Sim::with_config(2, &house());
    sim.expect(BOB, Script::answers(100));
    let place = long_place(&mut sim, "bob", Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!((heard_over(&sim, "INVITE"), heard_over(&sim, "BYE")), (vec!["SIP/2.0/TCP".to_owned()], vec!["SIP/2.0/UDP".to_owned()]));
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_refused_connection_is_no_failure_and_is_remembered() {
    let mut sim = Sim::with_config(3, &house());
    sim.refuse_connections(BOB, true);
    for _ in 0..2 {
        sim.expect(BOB, Script::answers(100));
        let place = long_place(&mut sim, "bob", Script::new().bye(500));
        sim.place_with(ALICE, place);
        sim.run_for(secs(5));
    }
    sim.finish();
    assert_eq!(heard_over(&sim, "INVITE"), ["SIP/2.0/UDP", "SIP/2.0/UDP"]);
    let branches: Vec<_> = sim.phone(BOB).heard("INVITE").filter_map(|invite| invite.header("Via").map(str::to_owned)).collect();
    assert_ne!(branches[0], branches[1]);
    assert_eq!(sim.connects(BOB), 1, "the second call does not try again");
    assert!(sim.phone(ALICE).calls().iter().all(|call| call.outcome == Some(Outcome::WeHungUp)));
}

#[test]
fn a_connection_that_nobody_takes_costs_one_second() {
    let mut sim = Sim::with_config(4, &house());
    // Datagrams pass; connections do not.
    sim.ignore_connections(BOB);
    sim.expect(BOB, Script::answers(100));
    let place = long_place(&mut sim, "bob", Script::new().bye(500));
    let began = sim.now();
    sim.place_with(ALICE, place);
    sim.run_until_status(ALICE, 200);
    assert!((ms(1000)..ms(1500)).contains(&sim.now().since(began)));
    sim.finish();
}

#[test]
fn a_connection_that_breaks_is_not_asked_for_twice() {
    let mut sim = Sim::with_config(5, &house());
    sim.expect(BOB, Script::new().reply(10, 100));
    let place = long_place(&mut sim, "bob", Script::new());
    sim.place_with(ALICE, place);
    sim.run_until("bob has it", |sim| sim.phone(BOB).heard("INVITE").next().is_some());
    sim.break_connections(BOB);
    sim.run_until_status(ALICE, 500);
    sim.act(BOB, tandem_phone::Act::Reply(tandem_phone::Reply::new(486)));
    sim.settle();
    sim.phone_mut(BOB).forgive("ack-missing");
    sim.finish();
    assert_eq!(heard_over(&sim, "INVITE"), ["SIP/2.0/TCP"], "it may have arrived");
}

#[test]
fn a_call_cancelled_while_the_connection_is_made_is_not_made_again() {
    let mut sim = Sim::with_config(6, &house());
    sim.ignore_connections(BOB);
    let place = long_place(&mut sim, "bob", Script::new().cancel(When::Status(100), 100));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 487]);
    assert!(sim.phone(BOB).heard("INVITE").next().is_none());
}

#[test]
fn a_target_that_asks_for_udp_gets_datagrams() {
    let text = house().replace("{ uri = \"sip:10.0.2.1\" }", "{ uri = \"sip:10.0.2.1;transport=udp\" }");
    let mut sim = Sim::with_config(7, &text);
    sim.expect(BOB, Script::answers(100));
    let place = long_place(&mut sim, "bob", Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!((heard_over(&sim, "INVITE"), sim.connects(BOB)), (vec!["SIP/2.0/UDP".to_owned()], 0));
}

#[test]
fn without_a_listener_for_tcp_it_is_a_long_datagram() {
    let mut sim = Sim::new(8);
    sim.expect(BOB, Script::answers(100));
    let place = long_place(&mut sim, "bob", Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(heard_over(&sim, "INVITE"), ["SIP/2.0/UDP"]);
}

#[test]
fn the_next_target_gets_its_turn_when_neither_way_leads_to_the_first() {
    let mut sim = Sim::with_config(9, &house());
    sim.refuse_connections(BOB, true);
    sim.link(CORE, BOB, Link::CUT);
    sim.expect(CAROL, Script::answers(100));
    let place = long_place(&mut sim, "two", Script::new().bye(500));
    sim.place_with(ALICE, place);
    sim.finish();
    assert_eq!(sim.phone(CAROL).calls().len(), 1);
}

#[test]
fn a_contact_that_asks_for_tcp_is_asked_over_tcp() {
    let mut sim = Sim::with_config(10, &house());
    sim.expect(BOB, Script::answers(100));
    sim.phone_mut(BOB).setup_mut().transport = tandem_model::Transport::Tcp;
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!((heard_over(&sim, "INVITE"), heard_over(&sim, "BYE")), (vec!["SIP/2.0/UDP".to_owned()], vec!["SIP/2.0/TCP".to_owned()]));
}

#[test]
fn everything_long_inside_the_call_finds_its_way_too() {
    for refuses in [false, true] {
        let mut sim = Sim::with_config(11, &house());
        sim.refuse_connections(BOB, refuses);
        let answers = vec![(Duration::ZERO, Reply::new(200))];
        sim.expect(BOB, Script::answers(100).habits(|habits| habits.others = answers));
        let place = long_place(&mut sim, "bob", Script::new()).late();
        sim.phone_mut(ALICE).setup_mut().name = "alice-of-the-longest-name-".repeat(50);
        sim.place_with(ALICE, place);
        sim.run_until_talking(ALICE, BOB);
        sim.run_for(secs(1));
        sim.act(ALICE, Act::Reinvite(Offer::direction(Direction::SendOnly)));
        sim.run_for(secs(1));
        sim.act(ALICE, Act::Request(Request { method: "INFO".into(), edits: vec![] }));
        sim.run_for(secs(1));
        assert_eq!(sim.phone(ALICE).heard("INFO").next().map(Message::status), Some(200));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        let requests: Vec<_> = sim.phone(BOB).trace().iter().filter(|traced| !traced.sent && traced.message.is_request()).collect();
        let methods: Vec<_> = requests.iter().map(|traced| traced.message.method()).collect();
        assert_eq!(methods, ["INVITE", "ACK", "INVITE", "ACK", "INFO", "BYE"]);
        let over = if refuses { "SIP/2.0/UDP " } else { "SIP/2.0/TCP " };
        for request in requests {
            assert!(length(&request.message) > 1300, "the scenario is about long requests");
            assert!(request.message.header("Via").is_some_and(|via| via.starts_with(over)), "{}", request.message.method());
        }
        assert_eq!(sim.connects(BOB), 1, "it is used again, or remembered");
    }
}

#[test]
fn credentials_that_make_it_too_long_are_no_obstacle() {
    for refuses in [false, true] {
        let text =
            house().replacen("ring_timeout = \"60s\"", "ring_timeout = \"60s\"\nlogin = { username = \"acme\", password = \"s3cret\" }", 1);
        let mut sim = Sim::with_config(12, &text);
        sim.refuse_connections(BOB, refuses);
        sim.phone_mut(BOB).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
        sim.expect(BOB, Script::answers(100));
        let place = long_place(&mut sim, "bob", Script::new().bye(500));
        sim.place_with(ALICE, place);
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
        let over = if refuses { "SIP/2.0/UDP" } else { "SIP/2.0/TCP" };
        assert_eq!(heard_over(&sim, "INVITE"), [over, over]);
    }
}
