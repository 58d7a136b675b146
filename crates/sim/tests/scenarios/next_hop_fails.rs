//! A hop that fails: the next one of the same domain takes the INVITE (RFC 3263 §4.3), unless somebody has rung.

use crate::statuses;
use tandem_model::{EventKind, Transport};
use tandem_phone::{Act, Demand, Message, OnCancel, Outcome, Reply, Script, When};
use tandem_sim::{ALICE, BOB, CAROL, CORE, DORA, Link, STANDARD, Sim, ms, secs};

/// A house in which `far` is a trunk whose domain is bob, and if not he carol.
fn house(keys: &str, transport: &str) -> Sim {
    house_in(STANDARD, keys, transport)
}

fn house_in(standard: &str, keys: &str, transport: &str) -> Sim {
    let text = format!(
        "{standard}
[[listen]]
name = \"main-tcp\"
transport = \"tcp\"
bind = \"10.0.0.1:5060\"

[[trunk]]
name = \"far\"
targets = [{{ uri = \"sip:carrier.example;transport={transport}\" }}]
{keys}

[[route]]
to = '^far$'
do = {{ bridge = [\"trunk:far\"] }}

[[route]]
to = '^group$'
do = {{ ring = [\"trunk:far\", \"trunk:dora\"] }}

[[route]]
to = '^further$'
do = {{ bridge = [\"trunk:far\", \"trunk:dora\"] }}
"
    );
    let mut sim = Sim::with_config(1, &text);
    let zone = &mut sim.core_mut().zone;
    zone.set_srv(
        &format!("_sip._{transport}.carrier.example"),
        &[(1, 1, 5060, "bob.carrier.example"), (2, 1, 5060, "carol.carrier.example")],
    );
    zone.add_address("bob.carrier.example", BOB.ip()).add_address("carol.carrier.example", CAROL.ip());
    sim
}

fn invites(sim: &Sim, phone: std::net::SocketAddr) -> Vec<Message> {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).cloned().collect()
}

fn created(sim: &Sim) -> usize {
    sim.core().events.iter().filter(|event| matches!(event.kind, EventKind::LegCreated)).count()
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
