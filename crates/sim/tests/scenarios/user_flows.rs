//! The way to a phone: its Contact, the flow that it registered over (RFC 5626), or the proxies of its Path (RFC 3327).

use crate::house::{contacts, house, house_of, house_over_tcp, own, registered};
use crate::statuses;
use std::net::SocketAddr;
use tandem_model::{Fate, Transport};
use tandem_phone::{Edit, Message, Outcome, Register, Script, Setup};
use tandem_sim::{ALICE, BOB, CAROL, CORE, Sim, ms};

/// What the network sees of a phone that believes itself to be elsewhere.
const OUTSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 20, 1)), 5060);
const INSIDE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 9)), 5060);

pub(crate) const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

fn behind_nat(seed: u64) -> Sim {
    let mut sim = house(seed);
    let login = Some(("alice".into(), "w0nder".into()));
    sim.add_phone(OUTSIDE, Setup { login, sticky: true, ..Setup::new("alice", INSIDE, CORE, seed) });
    sim
}

pub(crate) fn invited(sim: &Sim, phone: SocketAddr) -> Message {
    sim.phone(phone).heard("INVITE").find(|message| message.is_request()).expect("it is called").clone()
}

pub(crate) fn outbound(sim: &Sim, phone: SocketAddr, id: u32) -> Register {
    let contact = format!("{};reg-id={id};{INSTANCE}", sim.phone(phone).contact());
    Register::query("house.example").contact(&contact).expires(600).edit(Edit::add("Supported", "path, outbound"))
}

#[test]
fn a_phone_behind_nat_is_called_where_it_registered_from() {
    let mut sim = behind_nat(1);
    let answer = sim.register(OUTSIDE, &own(&sim, OUTSIDE));
    assert_eq!(contacts(&answer), ["<sip:alice@192.168.0.9:5060>;expires=1800"], "its Contact stays as it was");
    sim.expect(OUTSIDE, Script::answers(500));
    sim.place(BOB, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
    assert_eq!(invited(&sim, OUTSIDE).uri(), "sip:alice@192.168.0.9:5060");
    assert_eq!(sim.call(OUTSIDE).outcome, Some(Outcome::TheyHungUp), "the BYE found it too");
}

#[test]
fn a_phone_behind_nat_that_does_not_ask_for_it_gets_its_answers_back() {
    let mut sim = behind_nat(2);
    sim.phone_mut(OUTSIDE).setup_mut().rport = false;
    assert_eq!(sim.register(OUTSIDE, &own(&sim, OUTSIDE)).status(), 200);
    sim.expect(BOB, Script::answers(100));
    sim.place(OUTSIDE, "bob", Script::new());
    sim.run_until_talking(OUTSIDE, BOB);
    sim.act(BOB, tandem_phone::Act::Bye);
    sim.finish();
    assert_eq!(sim.call(OUTSIDE).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_user_is_called_at_the_host_that_it_registered_from_alone() {
    let with = |path: &str| Register::query("house.example").contact("<sip:+1900666@10.0.1.1>").edit(Edit::add("Path", path));
    let known = |path: &str| with(path).edit(Edit::add("Supported", "path"));
    let relayed =
        Register::query("house.example").contact("<sip:+1900666@10.0.40.1>").edit(Edit::add("Via", "SIP/2.0/UDP 10.0.9.9;branch=z9hG4bKx"));
    let contact = |contact: &str| Register::query("house.example").contact(contact);
    let registers = [
        contact("<sip:+1900666@10.0.40.1>"),
        contact("<sip:+1900666@10.0.1.1;maddr=10.0.40.1>"),
        contact("<sip:+1900666@carrier.example>"),
        contact("<sip:+1900666@10.0.41.1:5060>"),
        contact("<sip:bob@10.0.0.1>"),
        known("<sip:10.0.40.1;lr>"),
        known("<sip:carrier.example;lr>"),
        known("<sip:carrier.example:5060;lr>, <sip:10.0.40.1;lr>"),
        relayed,
    ];
    for (seed, register) in (30..).zip(&registers) {
        let mut sim = house(seed);
        sim.alias([10, 0, 40, 1].into(), BOB);
        sim.alias([10, 0, 41, 1].into(), CAROL);
        assert_eq!(sim.register(ALICE, register).status(), 200, "{register:?}");
        sim.expect(ALICE, Script::answers(100));
        sim.place(BOB, "alice", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp), "{register:?}");
        let called = |phone: SocketAddr| sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).count();
        assert_eq!([called(BOB), called(CAROL)], [0, 0], "{register:?}");
    }
}

#[test]
fn beside_a_trunk_a_user_is_where_it_registers_from_alone() {
    let text = crate::house::HOUSE.replace(
        "[[user]]\nname = \"carol\"",
        "[[trunk]]\nname = \"pbx\"\nmatch = { sources = [\"10.0.1.0/24\"] }\n\n[[user]]\nname = \"carol\"",
    );
    let mut sim = house_of(50, &text);
    let contact = |contact: &str| Register::query("house.example").contact(contact);
    let answer = sim.register(ALICE, &contact("<sip:+1900666@10.0.1.1:5070>"));
    assert_eq!(answer.status(), 403);
    let through = contact("<sip:x@10.0.1.9>").edit(Edit::add("Supported", "path")).edit(Edit::add("Path", "<sip:p.example:5070;lr>"));
    assert_eq!(sim.register(ALICE, &through).status(), 403);
    assert!(sim.core().bindings().of("alice").is_empty());
    assert_eq!(sim.register(ALICE, &own(&sim, ALICE)).status(), 200);
    sim.finish();
}

#[test]
fn where_a_trunk_is_now_no_user_is_called_any_more() {
    // At another port than the one that it registers from, as phones may.
    let mut sim = house(51);
    let register = |contact: &str| Register::query("house.example").contact(contact);
    assert_eq!(sim.register(ALICE, &register("<sip:+1900666@10.0.1.1:5070>")).status(), 200);
    assert_eq!(sim.register(ALICE, &own(&sim, ALICE)).status(), 200);
    assert_eq!(sim.register(CAROL, &own(&sim, CAROL)).status(), 200);
    let trunk = |targets: &str| format!("[[trunk]]\nname = \"pbx\"\ntargets = [{{ uri = \"{targets}\" }}]\n\n[[user]]\nname = \"carol\"");
    let text = |targets: &str| crate::house::HOUSE.replace("[[user]]\nname = \"carol\"", &trunk(targets));
    sim.reload(&text("sip:10.0.9.9"));
    assert_eq!(sim.core().bindings().of("alice").len(), 2);
    sim.reload(&text("sip:10.0.1.1:5070"));
    let left: Vec<_> = sim.core().bindings().of("alice").iter().map(|binding| binding.contact.to_string()).collect();
    assert_eq!(left, ["sip:alice@10.0.1.1:5060"], "what it registers from is its own");
    assert_eq!(sim.core().bindings().of("carol").len(), 1);
    sim.finish();
}

#[test]
fn a_phone_on_a_connection_is_called_over_it() {
    let mut sim = house_over_tcp(4, &[ALICE]);
    registered(&mut sim, &[ALICE]);
    sim.expect(ALICE, Script::answers(500));
    sim.place(BOB, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!(statuses(&sim, BOB), [100, 180, 200]);
    let came = sim.phone(ALICE).trace().iter().find(|one| !one.sent && one.message.method() == "INVITE").expect("an INVITE");
    assert_ne!(came.local, ALICE, "not to the port that its Contact names");
}

#[test]
fn what_belongs_to_a_call_goes_over_the_connection_too() {
    let mut sim = house_over_tcp(12, &[ALICE]);
    registered(&mut sim, &[ALICE]);
    sim.refuse_connections(ALICE, true);
    sim.expect(ALICE, Script::answers(500));
    sim.place(BOB, "alice", Script::new().bye(1000));
    sim.settle();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp), "nobody can connect to it");
    sim.expect(BOB, Script::answers(100).bye(1000));
    sim.place(ALICE, "bob", Script::new());
    sim.finish();
    assert_eq!(sim.phone(ALICE).call(1).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_phone_goes_with_its_connection() {
    let mut sim = house_over_tcp(5, &[ALICE]);
    registered(&mut sim, &[ALICE]);
    sim.break_connections(ALICE);
    sim.run_for(ms(100));
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Lost, 0)]);
    sim.place(BOB, "alice", Script::new());
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(480)));
}

#[test]
fn a_kept_flow_is_told_so_and_takes_the_place_of_the_one_before() {
    let mut sim = house_over_tcp(6, &[ALICE]);
    let answer = sim.register(ALICE, &outbound(&sim, ALICE, 1));
    assert_eq!(answer.status(), 200);
    assert_eq!(contacts(&answer), [format!("<sip:alice@10.0.1.1:5060;transport=tcp>;expires=600;{INSTANCE};reg-id=1")]);
    assert_eq!([answer.header("Require"), answer.header("Flow-Timer")], [Some("outbound"), Some("120")]);
    let elsewhere = Register::query("house.example").contact(&format!("<sip:alice@10.0.1.1:5099;transport=tcp>;reg-id=1;{INSTANCE}"));
    let moved = elsewhere.edit(Edit::add("Supported", "outbound")).edit(Edit::set("Call-ID", "after-a-restart"));
    assert_eq!(contacts(&sim.register(ALICE, &moved)).len(), 1, "the same flow of the same phone");
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Moved, 1)]);
    assert_eq!(contacts(&sim.register(ALICE, &outbound(&sim, ALICE, 2))).len(), 2, "another flow of it");
    sim.finish();
}

#[test]
fn a_flow_is_asked_for_by_who_knows_what_that_is() {
    let mut sim = house(7);
    let contact = format!("{};reg-id=1;{INSTANCE}", sim.phone(ALICE).contact());
    let answer = sim.register(ALICE, &Register::query("house.example").contact(&contact).expires(600));
    assert_eq!((answer.header("Require"), answer.header("Flow-Timer")), (None, None));
    assert!(!contacts(&answer)[0].contains("reg-id"), "without Supported: outbound it means nothing");
    let two = outbound(&sim, ALICE, 1).contact(&format!("<sip:alice@10.0.1.1:5070>;reg-id=2;{INSTANCE}"));
    assert_eq!(sim.register(ALICE, &two).status(), 400, "each flow has a request of its own");
    sim.finish();
}

#[test]
fn behind_a_proxy_that_keeps_no_flow_there_is_none() {
    // RFC 5626 §6 and §11.6: the first hop is the last value of Path.
    let mut sim = house(52);
    let second = Edit::add("Via", "SIP/2.0/UDP 192.168.0.9:5060;branch=z9hG4bKphone");
    let flow = outbound(&sim, ALICE, 1).edit(second.clone());
    let through = |path: &str| flow.clone().edit(Edit::add("Path", path));
    for register in [flow.clone(), through("<sip:10.0.1.1;lr>"), through("<sip:10.0.1.1;lr;ob>, <sip:10.0.1.9;lr>")] {
        let answer = sim.register(ALICE, &register);
        assert_eq!((answer.status(), answer.header("Require")), (439, None));
        assert!(sim.core().bindings().of("alice").is_empty());
    }
    let answer = sim.register(ALICE, &through("<sip:10.0.1.1;lr>, <sip:10.0.1.9;lr;ob>"));
    assert_eq!((answer.status(), answer.header("Require")), (200, Some("outbound")));
    // Who asks for no flow may come through any proxy, also who says that it knows them.
    let plain = Register::query("house.example").contact("<sip:alice@10.0.1.1:5060>").expires(600);
    let plain = plain.edit(Edit::add("Supported", "path, outbound")).edit(second).edit(Edit::add("Path", "<sip:10.0.1.1;lr>"));
    let answer = sim.register(ALICE, &plain);
    assert_eq!((answer.status(), answer.header("Require")), (200, None));
    // Without a proxy the registrar is the first hop, and who requires that gets it.
    let direct = own(&sim, CAROL).expires(600);
    let direct = Register { contacts: vec![format!("{};reg-id=1;{INSTANCE}", sim.phone(CAROL).contact())], ..direct };
    let answer = sim.register(CAROL, &direct.edit(Edit::add("Require", "outbound")));
    assert_eq!((answer.status(), answer.header("Require")), (200, Some("outbound")));
    sim.finish();
}

#[test]
fn calls_go_through_the_proxies_of_a_path() {
    let mut sim = behind_nat(8);
    let register = Register::query("house.example").contact("<sip:alice@192.168.7.7>").expires(600);
    let through = |register: Register| register.edit(Edit::add("Path", "<sip:10.0.20.1;lr;ob>, <sip:p2.example;lr>"));
    let answer = sim.register(OUTSIDE, &through(register.clone()));
    assert_eq!((answer.status(), answer.header("Unsupported")), (420, Some("path")));
    let answer = sim.register(OUTSIDE, &through(register.edit(Edit::add("Supported", "path"))));
    assert_eq!((answer.status(), answer.header("Path")), (200, Some("<sip:10.0.20.1;lr;ob>, <sip:p2.example;lr>")));
    sim.expect(OUTSIDE, Script::answers(100));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    let invite = invited(&sim, OUTSIDE);
    assert_eq!(invite.uri(), "sip:alice@192.168.7.7");
    assert_eq!(invite.header("Route"), Some("<sip:10.0.20.1;lr;ob>, <sip:p2.example;lr>"));
}

#[test]
fn nat_true_believes_nothing() {
    let text = crate::house::HOUSE.replace("password = \"w0nder\"", "password = \"w0nder\"\nnat = true");
    let mut sim = house_of(10, &text);
    let there = Register::query("house.example").contact("<sip:alice@10.0.44.1:5060>");
    sim.register(ALICE, &there);
    sim.expect(ALICE, Script::answers(100));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::TheyHungUp));
}

#[test]
fn a_user_calls_over_its_connection() {
    let mut sim = house_over_tcp(11, &[ALICE]);
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "bob", Script::new().bye(500));
    sim.finish();
    assert_eq!(statuses(&sim, ALICE), [401, 100, 180, 200]);
    assert_eq!(sim.phone(ALICE).setup().transport, Transport::Tcp);
}
