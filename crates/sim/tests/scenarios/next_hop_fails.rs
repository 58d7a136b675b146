//! A hop that fails: the next one of the same domain takes the INVITE (RFC 3263 §4.3), unless somebody has rung.

use crate::far::{self, bob_then_carol, heard};
use crate::statuses;
use tandem_model::{EventKind, Transport};
use tandem_phone::{Act, Demand, Edit, Message, OnCancel, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, STANDARD, Sim, ms, secs};

/// A house in which `far` is a trunk whose domain is bob over that transport, and if not he carol.
fn house(keys: &str, transport: &str) -> Sim {
    house_in(STANDARD, keys, transport)
}

fn house_in(standard: &str, keys: &str, transport: &str) -> Sim {
    let uri = format!("sip:carrier.example;transport={transport}");
    far::house_in(standard, &uri, keys, |zone| bob_then_carol(zone, transport))
}

fn invites(sim: &Sim, phone: std::net::SocketAddr) -> Vec<Message> {
    heard(sim, phone, "INVITE")
}

fn created(sim: &Sim) -> usize {
    sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegCreated(_))).count()
}

#[test]
fn a_503_leads_to_the_next() {
    let mut sim = house("", "udp");
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
    let (first, second) = (&invites(&sim, BOB)[0], &invites(&sim, CAROL)[0]);
    // The same request but for its branch.
    for name in ["Call-ID", "From", "To", "CSeq", "Contact", "Max-Forwards"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_ne!(first.header("Via"), second.header("Via"));
    assert_eq!((first.uri(), &first.body), (second.uri(), &second.body));
    assert_eq!(sim.phone(BOB).heard("ACK").count(), 1, "the failure has its ACK, where it came from");
    assert_eq!(created(&sim), 2, "for the call it is one leg");
}

#[test]
fn another_failure_is_the_trunks_to_judge() {
    for (status, outcome) in [(486, 486), (404, 404), (500, 500), (408, 408), (603, 603)] {
        let mut sim = house("", "udp");
        sim.expect(BOB, Script::new().reply(50, status));
        sim.place(ALICE, "far", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(outcome)));
        assert_eq!(invites(&sim, CAROL).len(), 0, "{status}");
    }
}

#[test]
fn a_503_behind_a_100_leads_to_the_next_too() {
    let mut sim = house("", "udp");
    sim.expect(BOB, Script::new().reply(50, 100).reply(6000, 503)).expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
}

#[test]
fn once_it_rang_nobody_else_is_tried() {
    for progress in [180, 183, 181] {
        let mut sim = house("", "udp");
        sim.expect(BOB, Script::new().reply(50, progress).reply(500, 503));
        sim.place(ALICE, "far", Script::new());
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
        assert_eq!(invites(&sim, CAROL).len(), 0);
    }
}

#[test]
fn silence_leads_to_the_next() {
    let mut sim = house("trying_timeout = \"2s\"", "udp");
    sim.link(CORE, BOB, Link::CUT);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    let began = sim.now();
    sim.run_until_status(ALICE, 200);
    assert!((2100..2300).contains(&sim.now().since(began).as_millis()), "{:?}", sim.now().since(began));
    sim.finish();
}

#[test]
fn each_hop_has_its_own_time_and_the_last_ends_it() {
    let mut sim = house("trying_timeout = \"2s\"", "udp");
    sim.link(CORE, BOB, Link::CUT).link(CORE, CAROL, Link::CUT);
    sim.place(ALICE, "far", Script::new());
    let began = sim.now();
    sim.run_until_status(ALICE, 408);
    assert!((4000..4200).contains(&sim.now().since(began).as_millis()), "{:?}", sim.now().since(began));
    sim.finish();
}

#[test]
fn who_speaks_too_late_is_told_to_stop() {
    for status in [180, 200, 486] {
        let mut sim = house("trying_timeout = \"2s\"", "udp");
        sim.expect(BOB, Script::new().reply(2500, status).step(When::Start, 9000, Act::Reply(Reply::new(480))));
        sim.expect(CAROL, Script::answers(1500));
        sim.place(ALICE, "far", Script::new().bye(5000));
        sim.finish();
        assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
        let of_bob = sim.call(BOB).outcome;
        let expected = match status {
            180 => Outcome::Failed(487),
            200 => Outcome::TheyHungUp,
            _ => Outcome::Failed(486),
        };
        assert_eq!(of_bob, Some(expected), "cancelled, hung up or acknowledged");
    }
}

#[test]
fn an_address_where_nobody_is_leads_to_the_next() {
    let mut sim = house("", "udp");
    sim.core_mut().unreachable.push(BOB);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    let began = sim.now();
    sim.run_until_status(ALICE, 200);
    assert!(sim.now().since(began) < ms(200));
    sim.finish();
}

#[test]
fn a_connection_that_is_refused_leads_to_the_next() {
    let mut sim = house("", "tcp");
    sim.phone_mut(CAROL).setup_mut().transport = Transport::Tcp;
    sim.refuse_connections(BOB, true);
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [100, 180, 200]);
}

#[test]
fn where_no_hop_is_left_the_next_target_is() {
    let mut sim = house("", "udp");
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::new().reply(50, 503)).expect(DORA, Script::answers(100));
    sim.place(ALICE, "further", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!((invites(&sim, BOB).len(), invites(&sim, CAROL).len()), (1, 1));
}

#[test]
fn what_is_final_for_the_trunk_is_final_behind_the_last_hop() {
    let mut sim = house("failover = [\"unreachable\"]", "udp");
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::new().reply(50, 503));
    sim.place(ALICE, "further", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!(sim.phone(DORA).calls().len(), 0);
}

#[test]
fn the_hop_that_answered_keeps_what_follows() {
    let mut sim = house("login = { username = \"acme\", password = \"s3cret\" }", "udp");
    sim.phone_mut(CAROL).setup_mut().demands = vec![Demand::new("acme", "s3cret")];
    sim.expect(BOB, Script::new().reply(50, 503));
    sim.expect(CAROL, Script::new().reply(100, 180).habits(|habits| habits.on_cancel = OnCancel::Terminate));
    sim.place(ALICE, "far", Script::new().cancel(When::Status(180), 500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(invites(&sim, CAROL).len(), 2, "with credentials, to whom asked for them");
    assert_eq!(sim.phone(CAROL).heard("CANCEL").filter(|message| message.is_request()).count(), 1);
    assert_eq!(sim.phone(BOB).heard("CANCEL").count(), 0);
}

#[test]
fn what_failed_lately_is_tried_last() {
    let mut sim = house("", "udp");
    let call = |sim: &mut Sim| {
        sim.place(ALICE, "far", Script::new().bye(300));
        sim.run_for(secs(2));
        (invites(sim, BOB).len(), invites(sim, CAROL).len())
    };
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::answers(100)).expect(CAROL, Script::answers(100));
    assert_eq!(call(&mut sim), (1, 1));
    assert_eq!(call(&mut sim), (1, 2), "straight to carol");
    sim.run_for(secs(60));
    sim.expect(BOB, Script::answers(100));
    assert_eq!(call(&mut sim), (2, 2), "bob is given another chance");
    sim.finish();
}

/// A 503 that says when to come again.
fn busy_for(seconds: u32) -> Script {
    Script::new().reply_with(50, Reply::new(503).edit(Edit::set("Retry-After", &seconds.to_string())))
}

/// Calls, whoever is there: how many INVITEs bob and carol have had by then.
fn asked(sim: &mut Sim) -> (usize, usize) {
    sim.place(ALICE, "far", Script::new().bye(300));
    sim.run_for(secs(2));
    (invites(sim, BOB).len(), invites(sim, CAROL).len())
}

#[test]
fn a_hop_that_says_when_to_come_again_is_left_alone_until_then() {
    let mut sim = house("", "udp");
    sim.expect(BOB, busy_for(120)).expect(CAROL, Script::answers(100)).expect(CAROL, Script::answers(100));
    assert_eq!(asked(&mut sim), (1, 1));
    sim.run_for(secs(100));
    assert_eq!(asked(&mut sim), (1, 2), "the usual minute is over, the time that bob asked for is not");
    sim.run_for(secs(20));
    sim.expect(BOB, Script::answers(100));
    assert_eq!(asked(&mut sim), (2, 2));
    sim.finish();
}

#[test]
fn what_the_last_hop_says_closes_no_hop_but_itself() {
    for bob in [Script::new().reply(50, 503), Script::new().reply(50, 100).reply(300, 503)] {
        let mut sim = house("", "udp");
        sim.expect(BOB, bob).expect(CAROL, busy_for(250));
        assert_eq!(asked(&mut sim), (1, 1));
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
        sim.expect(BOB, Script::answers(100));
        assert_eq!(asked(&mut sim), (2, 1), "the target is open: bob never said when");
        sim.finish();
    }
}

#[test]
fn a_target_all_of_whose_hops_ask_for_a_rest_is_closed_until_the_first_is_over() {
    let mut sim = house("", "udp");
    sim.expect(BOB, busy_for(200)).expect(CAROL, busy_for(90));
    assert_eq!(asked(&mut sim), (1, 1));
    assert_eq!(asked(&mut sim), (1, 1), "nobody is asked");
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::Failed(480)));
    sim.run_for(secs(90));
    sim.expect(CAROL, Script::answers(100));
    assert_eq!(asked(&mut sim), (1, 2), "carol's time is over, and bob's is not");
    sim.finish();
}

#[test]
fn a_member_of_a_group_goes_on_by_itself() {
    let mut sim = house("", "udp");
    sim.expect(BOB, Script::new().reply(50, 503)).expect(CAROL, Script::answers(500)).expect(DORA, Script::new().reply(20, 180));
    sim.place(ALICE, "group", Script::new().bye(800));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    assert_eq!(sim.call(DORA).outcome, Some(Outcome::Failed(487)));
}

#[test]
fn a_caller_who_gives_up_meanwhile_stops_it() {
    for after in [500, 2500] {
        let mut sim = house("trying_timeout = \"2s\"", "udp");
        sim.link(CORE, BOB, Link::CUT).link(CORE, CAROL, Link::CUT);
        sim.place(ALICE, "far", Script::new().cancel(When::Status(100), after));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)), "{after}");
    }
}

#[test]
fn the_target_of_a_transfer_goes_on_too() {
    let standard = crate::transfer_blind::house();
    for is_silent in [false, true] {
        let mut sim = house_in(&standard, "trying_timeout = \"2s\"", "udp");
        sim.expect(DORA, Script::answers(100));
        sim.place(ALICE, "dora", Script::new());
        sim.run_until_talking(ALICE, DORA);
        match is_silent {
            true => _ = sim.link(CORE, BOB, Link::CUT),
            false => _ = sim.expect(BOB, Script::new().reply(50, 503)),
        }
        sim.expect(CAROL, Script::answers(100));
        let refer = crate::transfer_blind::refer(&sim, DORA, "far");
        sim.act(DORA, refer);
        sim.run_until("carol talks", |sim| sim.phone(CAROL).calls().first().is_some_and(|call| call.has(When::Confirmed)));
        sim.run_for(secs(40));
        sim.act(ALICE, Act::Bye);
        sim.finish();
        assert_eq!(sim.call(CAROL).outcome, Some(Outcome::TheyHungUp));
    }
}
