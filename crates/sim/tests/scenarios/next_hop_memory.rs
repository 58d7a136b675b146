//! What is remembered of what DNS says, and what becomes of calls while it says nothing, or says so late (RFC 3263 §4, RFC 2308, RFC 8767).

use crate::far::{asked, heard, house};
use tandem_model::{EventKind, Transport};
use tandem_phone::{Outcome, Script};
use tandem_signalling::locate::{Kind, Question};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms, secs};

/// Calls once more: what DNS was asked for it, and how long it took until bob was called.
fn again(sim: &mut Sim) -> (usize, u64) {
    let before = asked(sim).len();
    let called = |sim: &Sim| sim.phone(BOB).calls().len();
    let (known, began) = (called(sim), sim.now());
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.run_until("bob is called", |sim| called(sim) > known);
    let took: std::time::Duration = sim.now().since(began);
    sim.run_for(ms(900));
    (asked(sim).len() - before, took.as_millis() as u64)
}

/// Calls in vain: the caller's status, and how long it took.
fn in_vain(sim: &mut Sim) -> (Option<u16>, u64) {
    let began = sim.now();
    let call = sim.place(ALICE, "far", Script::new());
    sim.run_until("it failed", |sim| sim.phone(ALICE).call(call).outcome.is_some());
    (sim.phone(ALICE).call(call).final_status(), sim.now().since(began).as_millis() as u64)
}

/// `carrier.example` is bob, by SRV and A records.
fn bobs(ttl: u64) -> Sim {
    house("sip:carrier.example;transport=udp", "", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
        (zone.ttl, zone.delay) = (secs(ttl), ms(20));
    })
}

#[test]
fn records_are_used_for_their_time() {
    let mut sim = bobs(30);
    assert_eq!(again(&mut sim).0, 2);
    assert_eq!(again(&mut sim).0, 0);
    sim.run_for(secs(30));
    assert_eq!(again(&mut sim).0, 2);
    sim.finish();
}

#[test]
fn a_time_of_nothing_is_a_second_and_one_without_end_an_hour() {
    let mut sim = bobs(0);
    assert_eq!((again(&mut sim).0, again(&mut sim).0), (2, 0));
    sim.finish();
    let mut sim = bobs(7 * 24 * 3600);
    assert_eq!(again(&mut sim).0, 2);
    sim.run_for(secs(3590));
    assert_eq!(again(&mut sim).0, 0);
    sim.run_for(secs(20));
    assert_eq!(again(&mut sim).0, 2);
    sim.finish();
}

#[test]
fn that_there_is_nothing_is_remembered_for_as_long_as_the_soa_record_says() {
    let mut sim = house("sip:carrier.example;transport=udp", "", |zone| zone.negative_ttl = Some(secs(40)));
    assert_eq!(in_vain(&mut sim).0, Some(500));
    assert_eq!((in_vain(&mut sim).0, asked(&sim).len()), (Some(500), 2));
    sim.core_mut().zone.add_address("carrier.example", BOB.ip());
    sim.run_for(secs(39));
    assert_eq!((in_vain(&mut sim).0, asked(&sim).len()), (Some(500), 2));
    sim.run_for(secs(2));
    again(&mut sim);
    assert_eq!(asked(&sim).len(), 4);
    sim.finish();
}

#[test]
fn that_nobody_answered_is_not() {
    let mut sim = house("sip:carrier.example:5060", "", |zone| {
        zone.add_address("carrier.example", BOB.ip());
        zone.broken = vec![Question::new("carrier.example", Kind::A)];
    });
    assert_eq!(in_vain(&mut sim).0, Some(500));
    assert_eq!((in_vain(&mut sim).0, asked(&sim).len()), (Some(500), 1), "it is left in peace for a moment");
    sim.core_mut().zone.broken.clear();
    sim.run_for(secs(3));
    assert_eq!(again(&mut sim).0, 1);
    sim.finish();
}

#[test]
fn calls_at_once_ask_once() {
    let mut sim = bobs(300);
    sim.core_mut().zone.delay = ms(100);
    for _ in 0..5 {
        sim.expect(BOB, Script::answers(100));
        sim.place(ALICE, "far", Script::new().bye(500));
    }
    sim.finish();
    assert_eq!((asked(&sim).len(), sim.phone(BOB).calls().len()), (2, 5));
}

#[test]
fn while_dns_is_down_what_is_out_of_date_is_used() {
    let mut sim = bobs(30);
    again(&mut sim);
    sim.run_for(secs(60));
    sim.core_mut().zone.is_down = true;
    let (_, took) = again(&mut sim);
    assert!((1000..1100).contains(&took), "it waits a moment for DNS: {took} ms");
    let (_, took) = again(&mut sim);
    assert!(took < 50, "and then knows that it is down: {took} ms");
    sim.run_for(secs(3600));
    again(&mut sim);
    // The zone has moved meanwhile, and is there again.
    let zone = &mut sim.core_mut().zone;
    zone.remove("bob.carrier.example", Kind::A).add_address("bob.carrier.example", CAROL.ip()).is_down = false;
    sim.run_for(secs(10));
    sim.expect(CAROL, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.run_for(secs(2));
    assert_eq!(sim.phone(CAROL).calls().len(), 1);
    sim.finish();
}

#[test]
fn what_is_a_day_out_of_date_is_not() {
    let mut sim = bobs(30);
    again(&mut sim);
    sim.core_mut().zone.is_down = true;
    sim.run_for(secs(24 * 3600 + 40));
    let (status, took) = in_vain(&mut sim);
    assert!(status == Some(500) && took < 3100, "{status:?} after {took} ms");
    sim.finish();
}

#[test]
fn a_name_server_that_does_not_know_naptr_costs_a_second() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
        zone.silent = vec![Question::new("carrier.example", Kind::Naptr)];
    });
    let (_, took) = again(&mut sim);
    assert!((1000..1100).contains(&took), "{took} ms");
    sim.finish();
}

#[test]
fn a_backup_whose_address_does_not_come_holds_nobody_up() {
    let mut sim = house("sip:carrier.example;transport=udp", "", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &[(1, 1, 5060, "bob.carrier.example"), (2, 1, 5060, "slow.carrier.example")]);
        zone.add_address("bob.carrier.example", BOB.ip());
        zone.silent = vec![Question::new("slow.carrier.example", Kind::A)];
    });
    let (_, took) = again(&mut sim);
    assert!((1000..1100).contains(&took), "{took} ms");
    sim.finish();
}

const SRV: &str = "_sip._udp.carrier.example";

fn reasons(sim: &Sim) -> Vec<String> {
    let reason = |event: &tandem_model::Event| match &event.kind {
        EventKind::LegFailed(end) => Some(end.reason.to_string()),
        _ => None,
    };
    sim.core().events.iter().filter_map(reason).collect()
}

#[test]
fn a_server_that_fails_does_not_say_that_there_is_no_srv_record() {
    for is_silent in [false, true] {
        let mut sim = house("sip:carrier.example;transport=udp", "", |zone| {
            zone.add_address("carrier.example", CAROL.ip());
            let failing = if is_silent { &mut zone.silent } else { &mut zone.broken };
            failing.push(Question::new(SRV, Kind::Srv));
        });
        sim.expect(DORA, Script::answers(100));
        sim.place(ALICE, "further", Script::new().bye(500));
        sim.finish();
        // Whatever is at the domain's own address need not speak SIP.
        assert_eq!((heard(&sim, CAROL, "INVITE").len(), asked(&sim).len()), (0, 1), "RFC 3263 §4.2");
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp), "the next target is called");
        assert_eq!(reasons(&sim)[0], "DNS does not answer");
    }
}

#[test]
fn one_service_that_is_not_answered_leaves_the_others() {
    for is_silent in [false, true] {
        let mut sim = house("sip:carrier.example", "", |zone| {
            zone.set_srv("_sip._tcp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
            let failing = if is_silent { &mut zone.silent } else { &mut zone.broken };
            failing.push(Question::new(SRV, Kind::Srv));
        });
        sim.phone_mut(BOB).setup_mut().transport = Transport::Tcp;
        let (_, took) = again(&mut sim);
        assert_eq!(took >= 1000, is_silent, "what does not come is not waited for longer than a second: {took} ms");
        assert!(took < 1100, "{took} ms");
        sim.finish();
    }
}

#[test]
fn what_was_known_is_better_than_a_server_that_fails() {
    let mut sim = bobs(30);
    again(&mut sim);
    sim.run_for(secs(60));
    sim.core_mut().zone.broken = vec![Question::new(SRV, Kind::Srv)];
    let (_, took) = again(&mut sim);
    assert!(took < 100, "{took} ms");
    sim.finish();
}

#[test]
fn a_router_that_knows_no_naptr_keeps_nobody_from_srv_or_the_address() {
    for has_srv in [true, false] {
        let mut sim = house("sip:carrier.example", "", |zone| {
            zone.broken.push(Question::new("carrier.example", Kind::Naptr));
            match has_srv {
                true => zone.set_srv(SRV, &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip()),
                false => zone.add_address("carrier.example", BOB.ip()),
            };
        });
        let (_, took) = again(&mut sim);
        assert!(took < 50, "{took} ms");
        sim.finish();
    }
}

#[test]
fn a_slow_naptr_record_counts_where_no_srv_record_is_under_the_usual_names() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.set_naptr("carrier.example", &[(1, 1, "SIP+D2T", "_sip._tcp.edge.example")]).add_address("carrier.example", CAROL.ip());
        zone.set_srv("_sip._tcp.edge.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
        zone.slow = vec![(Question::new("carrier.example", Kind::Naptr), ms(2000))];
    });
    sim.phone_mut(BOB).setup_mut().transport = Transport::Tcp;
    let (_, took) = again(&mut sim);
    assert!((2000..2100).contains(&took), "{took} ms");
    assert_eq!(heard(&sim, CAROL, "INVITE").len(), 0);
    sim.finish();
}

#[test]
fn a_naptr_question_that_nobody_answers_holds_a_plain_host_up_until_it_is_given_up() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.add_address("carrier.example", BOB.ip());
        zone.silent = vec![Question::new("carrier.example", Kind::Naptr)];
    });
    let (_, took) = again(&mut sim);
    assert!((3000..3100).contains(&took), "{took} ms");
    sim.finish();
}
