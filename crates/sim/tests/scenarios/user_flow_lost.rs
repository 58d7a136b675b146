//! The flows of a phone that fail (RFC 5626 §5.3, §7): which other one is tried, and whose binding goes.

use crate::house::{ALICE_2, contacts, house, house_over_tcp, registered};
use crate::statuses;
use crate::user_flows::{INSTANCE, outbound};
use std::net::SocketAddr;
use tandem_model::Fate;
use tandem_phone::{Act, Edit, Outcome, Refer, Register, Script};
use tandem_sim::{ALICE, BOB, CAROL, Sim, ms};

/// One phone of alice over two flows: the one at [`ALICE_2`] is the later one.
fn two_flows(sim: &mut Sim) {
    for (phone, id) in [(ALICE, 1), (ALICE_2, 2)] {
        let register = outbound(sim, phone, id);
        assert_eq!(sim.register(phone, &register).status(), 200);
        sim.run_for(ms(1000));
    }
    assert_eq!(sim.core().bindings().of("alice").len(), 2);
}

fn invites(sim: &Sim, phone: SocketAddr) -> usize {
    sim.phone(phone).heard("INVITE").filter(|message| message.is_request()).count()
}

/// Hears nothing.
fn silent() -> Script {
    Script::new().habits(|habits| habits.deaf = 100)
}

/// In a bridge, where alice is the only endpoint or one of two, and in a group.
const ROUTES: [&str; 4] = ["alice", "alice-or-bob", "both", "hunt"];

#[test]
fn two_flows_of_a_phone_are_one_phone() {
    for (seed, route) in (1..).zip(ROUTES) {
        let mut sim = house(seed);
        two_flows(&mut sim);
        sim.expect(ALICE_2, Script::answers(500));
        sim.place(CAROL, route, Script::new().bye(1000));
        sim.finish();
        assert_eq!([invites(&sim, ALICE), invites(&sim, ALICE_2)], [0, 1], "{route}: the later one alone");
        assert_eq!(statuses(&sim, CAROL), [401, 100, 180, 200], "{route}");
    }
}

#[test]
fn the_flow_that_was_refreshed_last_is_the_later_one() {
    let mut sim = house(5);
    two_flows(&mut sim);
    let again = outbound(&sim, ALICE, 1);
    sim.register(ALICE, &again);
    sim.expect(ALICE, Script::answers(500));
    sim.place(CAROL, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!([invites(&sim, ALICE), invites(&sim, ALICE_2)], [1, 0]);
}

#[test]
fn which_phone_is_liked_best_does_not_say_which_flow_is() {
    let mut sim = house(6);
    for (phone, more) in [(ALICE, ";q=1.0;reg-id=1"), (ALICE_2, ";q=0.2;reg-id=2")] {
        let contact = format!("{};{INSTANCE}{more}", sim.phone(phone).contact());
        let register = Register::query("house.example").contact(&contact).edit(Edit::add("Supported", "outbound"));
        assert_eq!(sim.register(phone, &register).status(), 200);
        sim.run_for(ms(1000));
    }
    sim.expect(ALICE_2, Script::answers(500));
    sim.place(CAROL, "alice", Script::new().bye(1000));
    sim.finish();
    assert_eq!([invites(&sim, ALICE), invites(&sim, ALICE_2)], [0, 1]);
}

#[test]
fn a_flow_that_failed_gives_way_to_the_next_one_of_its_phone() {
    for (seed, route) in (10..).zip(ROUTES) {
        for failure in [430, 408] {
            let mut sim = house(seed);
            two_flows(&mut sim);
            sim.expect(ALICE_2, Script::new().reply(50, failure)).expect(ALICE, Script::answers(500));
            sim.place(CAROL, route, Script::new().bye(1000));
            sim.finish();
            assert_eq!(statuses(&sim, CAROL), [401, 100, 180, 200], "{route} {failure}");
            assert_eq!(invites(&sim, BOB), 0, "{route}");
            let left = if failure == 430 { 1 } else { 2 };
            assert_eq!(sim.core().bindings().of("alice").len(), left, "{route} {failure}");
        }
    }
}

#[test]
fn a_flow_where_nobody_is_gives_way_to_the_next_one_of_its_phone() {
    for (seed, route) in (20..).zip(ROUTES) {
        for gone_for in [ms(60_000), ms(0)] {
            let mut sim = house(seed);
            two_flows(&mut sim);
            if gone_for.is_zero() {
                // It says nothing at all.
                sim.expect(ALICE_2, silent());
            } else {
                sim.restart(ALICE_2, gone_for);
            }
            sim.expect(ALICE, Script::answers(500));
            sim.place(CAROL, route, Script::new().bye(1000));
            sim.settle();
            assert_eq!(statuses(&sim, CAROL), [401, 100, 180, 200], "{route}");
            assert_eq!(sim.core().bindings().of("alice").len(), if gone_for.is_zero() { 2 } else { 1 }, "{route}");
            sim.finish();
        }
    }
}

#[test]
fn a_flow_whose_connection_broke_gives_way_to_the_next_one() {
    let mut sim = house_over_tcp(28, &[ALICE, ALICE_2]);
    two_flows(&mut sim);
    sim.expect(ALICE_2, silent()).expect(ALICE, Script::answers(500));
    sim.place(CAROL, "alice", Script::new().bye(1000));
    sim.run_for(ms(500));
    sim.break_connections(ALICE_2);
    sim.settle();
    assert_eq!(statuses(&sim, CAROL), [401, 100, 180, 200]);
    assert_eq!(sim.core().registrations().last(), Some(&("alice", Fate::Lost, 1)));
    sim.finish();
}

#[test]
fn a_phone_that_has_answered_is_asked_over_no_other_flow() {
    for (seed, status) in [(30, 503), (31, 486)] {
        let mut sim = house(seed);
        two_flows(&mut sim);
        sim.expect(ALICE_2, Script::new().reply(50, status)).expect(BOB, Script::answers(100));
        sim.place(CAROL, "alice-or-bob", Script::new().bye(500));
        sim.finish();
        let next_endpoint = usize::from(status == 503);
        assert_eq!([invites(&sim, ALICE), invites(&sim, BOB)], [0, next_endpoint], "{status}");
    }
}

#[test]
fn a_phone_that_rang_is_asked_over_no_other_flow() {
    let mut sim = house(31);
    two_flows(&mut sim);
    sim.expect(ALICE_2, Script::new().reply(50, 180).reply(500, 430));
    sim.place(CAROL, "alice", Script::new());
    sim.finish();
    assert_eq!(invites(&sim, ALICE), 0);
    assert_eq!(sim.core().bindings().of("alice").len(), 1, "the flow is gone all the same");
}

#[test]
fn phones_without_flows_are_each_one() {
    let mut sim = house(32);
    for phone in [ALICE, ALICE_2] {
        // Without reg-id an instance is only a name.
        let contact = format!("{};{INSTANCE}", sim.phone(phone).contact());
        sim.register(phone, &Register::query("house.example").contact(&contact));
    }
    sim.expect(ALICE, Script::new().reply(50, 180)).expect(ALICE_2, Script::answers(1000));
    sim.place(BOB, "alice", Script::new().bye(500));
    sim.finish();
    assert_eq!([invites(&sim, ALICE), invites(&sim, ALICE_2)], [1, 1]);
}

#[test]
fn a_flow_that_its_proxy_calls_failed_is_gone() {
    let mut sim = house(9);
    registered(&mut sim, &[ALICE]);
    sim.expect(ALICE, Script::new().reply(50, 430));
    sim.place(BOB, "alice", Script::new());
    sim.finish();
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Lost, 0)]);
}

#[test]
fn a_binding_that_was_renewed_meanwhile_stays() {
    let mut sim = house(33);
    let contact = format!("<sip:alice@10.0.1.1:5060>;reg-id=1;{INSTANCE}");
    let over = |id: &str| {
        Register::query("house.example").contact(&contact).edit(Edit::add("Supported", "outbound")).edit(Edit::set("Call-ID", id))
    };
    assert_eq!(sim.register(ALICE, &over("before")).status(), 200);
    sim.expect(ALICE, Script::new().reply(2000, 430));
    sim.place(BOB, "alice", Script::new());
    sim.run_for(ms(500));
    assert_eq!(contacts(&sim.register(ALICE_2, &over("after"))).len(), 1, "the same contact over another flow");
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::Failed(430)));
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Moved, 1)]);
}

#[test]
fn a_flow_that_fails_in_a_transfer_is_gone_and_gives_way() {
    for (seed, route) in (40..).zip(["alice", "alice-or-bob", "hunt"]) {
        let mut sim = house(seed);
        two_flows(&mut sim);
        registered(&mut sim, &[CAROL]);
        sim.expect(CAROL, Script::answers(100)).expect(ALICE_2, Script::new().reply(50, 430)).expect(ALICE, Script::answers(500));
        sim.place(BOB, "carol", Script::new());
        sim.run_until_talking(BOB, CAROL);
        let refer = Refer::to(&sim.uri(CAROL, route));
        sim.act(CAROL, Act::Refer(refer));
        sim.run_for(ms(3000));
        assert_eq!([invites(&sim, ALICE), invites(&sim, ALICE_2)], [1, 1], "{route}");
        assert_eq!(sim.core().bindings().of("alice").len(), 1, "{route}");
        sim.act(BOB, Act::Bye);
        sim.finish();
    }
}

#[test]
fn an_error_of_the_network_is_believed_by_who_sent_something_there() {
    let mut sim = house(50);
    registered(&mut sim, &[ALICE]);
    sim.expect(ALICE, silent());
    sim.place(BOB, "alice", Script::new());
    sim.run_for(ms(100));
    // Bob knows what we call ourselves towards him, and where alice is.
    sim.forge_error(0, ALICE);
    sim.forge_error(1, BOB);
    sim.run_for(ms(100));
    assert_eq!(sim.core().bindings().of("alice").len(), 1);
    assert_eq!(sim.call(BOB).outcome, None);
    sim.forge_error(1, ALICE);
    sim.settle();
    assert_eq!(sim.core().bindings().of("alice").len(), 0, "who can read the way to alice can have that");
    sim.finish();
}

#[test]
fn nobody_at_the_port_of_a_phone_ends_its_binding() {
    let mut sim = house(51);
    registered(&mut sim, &[ALICE]);
    sim.restart(ALICE, ms(60_000));
    sim.place(BOB, "alice", Script::new());
    sim.settle();
    assert_eq!(sim.core().registrations(), [("alice", Fate::Added, 1), ("alice", Fate::Lost, 0)]);
    sim.finish();
}
