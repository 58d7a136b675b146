//! Finding the next hop of a domain (RFC 3263 §4): which records are asked for, and where the INVITE goes.

use crate::far::{asked, heard, house};
use tandem_phone::{Outcome, Script};
use tandem_signalling::locate::{Kind, Naptr, Records};
use tandem_sim::{ALICE, BOB, CAROL, DORA, Sim, ms};

/// A call to it, which bob answers and alice ends.
fn call(sim: &mut Sim) {
    sim.expect(BOB, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
    assert_eq!(sim.phone(BOB).calls().len(), 1);
}

/// The transport that bob's INVITE came over, by its Via.
fn via(sim: &Sim) -> String {
    let invite = heard(sim, BOB, "INVITE").remove(0);
    invite.header("Via").expect("a Via").split_whitespace().next().expect("a transport").to_owned()
}

#[test]
fn srv_records_say_where() {
    let mut sim = house("sip:carrier.example", "listen = \"main\"", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &[(10, 0, 5060, "edge.carrier.example")]).add_address("edge.carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(
        asked(&sim),
        [("_sip._udp.carrier.example".to_owned(), Kind::Srv), ("edge.carrier.example".to_owned(), Kind::A)],
        "a trunk with a listener of its own leaves no choice of transport"
    );
}

#[test]
fn naptr_records_choose_the_transport() {
    let (udp, tcp) = ("_sip._udp.carrier.example", "_sip._tcp.carrier.example");
    let cases = [
        (vec![(10, 10, "SIP+D2T", tcp), (10, 20, "SIP+D2U", udp)], "SIP/2.0/TCP"),
        (vec![(10, 20, "SIP+D2T", tcp), (10, 10, "SIP+D2U", udp)], "SIP/2.0/UDP"),
        (vec![(10, 20, "SIP+D2T", tcp), (20, 10, "SIP+D2U", udp)], "SIP/2.0/TCP"),
        (vec![(20, 10, "SIP+D2T", tcp), (10, 20, "sip+d2u", udp)], "SIP/2.0/UDP"),
        // We have no TLS here, and no e-mail anywhere.
        (vec![(1, 1, "SIPS+D2T", "_sips._tcp.carrier.example"), (2, 1, "E2U+email", "x.example"), (3, 1, "SIP+D2T", tcp)], "SIP/2.0/TCP"),
    ];
    for (records, expected) in cases {
        let mut sim = house("sip:carrier.example", "", |zone| {
            zone.set_naptr("carrier.example", &records);
            zone.set_srv(udp, &[(1, 1, 5060, "bob.carrier.example")]).set_srv(tcp, &[(1, 1, 5060, "bob.carrier.example")]);
            zone.add_address("bob.carrier.example", BOB.ip());
        });
        if expected.ends_with("TCP") {
            sim.phone_mut(BOB).setup_mut().transport = tandem_model::Transport::Tcp;
        }
        call(&mut sim);
        assert_eq!(via(&sim), expected, "{records:?}");
        let invite = heard(&sim, BOB, "INVITE").remove(0);
        let contact = invite.header("Contact").unwrap_or_default();
        assert_eq!(contact.contains(";transport=tcp"), expected.ends_with("TCP"), "it is reached as it calls: {contact}");
    }
}

#[test]
fn naptr_records_that_are_not_for_sip_are_passed_over() {
    let naptr = |flags: &str, has_regexp, replacement: &str| Naptr {
        order: 1,
        preference: 1,
        flags: flags.into(),
        service: "SIP+D2T".into(),
        has_regexp,
        replacement: replacement.into(),
    };
    let tcp = "_sip._tcp.carrier.example";
    for record in [naptr("u", true, ""), naptr("s", true, tcp), naptr("", false, tcp), naptr("s", false, "."), naptr("s", false, "")] {
        let mut sim = house("sip:carrier.example", "", |zone| {
            zone.set("carrier.example", Kind::Naptr, Records::Naptr([record].into())).add_address("carrier.example", BOB.ip());
        });
        call(&mut sim);
        assert_eq!(via(&sim), "SIP/2.0/UDP");
    }
}

#[test]
fn a_naptr_record_may_name_a_host() {
    let record = Naptr {
        order: 1,
        preference: 1,
        flags: "A".into(),
        service: "SIP+D2U".into(),
        has_regexp: false,
        replacement: "bob.carrier.example".into(),
    };
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.set("carrier.example", Kind::Naptr, Records::Naptr([record].into())).add_address("bob.carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(asked(&sim).len(), 2, "{:?}", asked(&sim));
}

#[test]
fn without_naptr_the_transports_of_ours_are_asked_for() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.set_srv("_sip._tcp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
    });
    sim.phone_mut(BOB).setup_mut().transport = tandem_model::Transport::Tcp;
    call(&mut sim);
    assert_eq!(via(&sim), "SIP/2.0/TCP");
    let names: Vec<String> = asked(&sim).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["carrier.example", "_sip._udp.carrier.example", "_sip._tcp.carrier.example", "bob.carrier.example"]);
}

#[test]
fn without_srv_it_is_a_host_that_speaks_udp() {
    let mut sim = house("sip:carrier.example", "", |zone| {
        zone.add_address("carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(via(&sim), "SIP/2.0/UDP");
    assert_eq!(asked(&sim).last(), Some(&("carrier.example".to_owned(), Kind::A)));
}

#[test]
fn a_port_leaves_nothing_to_be_chosen() {
    let mut sim = house("sip:carrier.example:5060", "", |zone| {
        zone.add_address("carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(asked(&sim), [("carrier.example".to_owned(), Kind::A)]);
}

#[test]
fn a_transport_is_not_chosen_again() {
    let mut sim = house("sip:carrier.example;transport=tcp", "", |zone| {
        zone.set_naptr("carrier.example", &[(1, 1, "SIP+D2U", "_sip._udp.carrier.example")]);
        zone.set_srv("_sip._tcp.carrier.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
    });
    sim.phone_mut(BOB).setup_mut().transport = tandem_model::Transport::Tcp;
    call(&mut sim);
    let names: Vec<String> = asked(&sim).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        (via(&sim).as_str(), names.as_slice()),
        ("SIP/2.0/TCP", &["_sip._tcp.carrier.example".into(), "bob.carrier.example".into()][..])
    );
}

#[test]
fn a_name_of_one_label_is_a_machine_near_by() {
    let mut sim = house("sip:pbx", "", |zone| {
        zone.add_address("pbx", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(asked(&sim), [("pbx".to_owned(), Kind::A)]);
}

#[test]
fn a_listener_of_ipv6_asks_for_ipv6() {
    let mut sim = house("sip:carrier.example:5060", "listen = \"six\"\nmedia = \"six\"", |zone| {
        zone.add_address("carrier.example", BOB.ip()).add_address("carrier.example", DORA.ip());
    });
    sim.expect(DORA, Script::answers(100));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.finish();
    assert_eq!((sim.phone(DORA).calls().len(), sim.phone(BOB).calls().len()), (1, 0));
    assert_eq!(asked(&sim), [("carrier.example".to_owned(), Kind::Aaaa)]);
}

#[test]
fn a_name_with_both_families_is_called_in_that_of_the_first_listener() {
    let mut sim = house("sip:carrier.example:5060", "", |zone| {
        zone.add_address("carrier.example", DORA.ip()).add_address("carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(asked(&sim), [("carrier.example".to_owned(), Kind::A)], "the other family is not even asked for");
}

#[test]
fn a_server_that_has_no_address_of_the_family_is_passed_over() {
    let mut sim = house("sip:carrier.example", "listen = \"main\"", |zone| {
        let servers = [(1, 1, 5060, "six.carrier.example"), (2, 1, 5060, "four.carrier.example")];
        zone.set_srv("_sip._udp.carrier.example", &servers);
        zone.add_address("six.carrier.example", DORA.ip()).add_address("four.carrier.example", BOB.ip());
    });
    call(&mut sim);
    assert_eq!(sim.phone(DORA).calls().len(), 0);
}

#[test]
fn the_other_family_is_another_trunk_s_to_call() {
    let six = "
[[trunk]]
name = \"far-six\"
targets = [{ uri = \"sip:carrier.example:5060\" }]
listen = \"six\"
media = \"six\"

[[route]]
to = '^both$'
do = { bridge = [\"trunk:far\", \"trunk:far-six\"] }
";
    for has_four in [true, false] {
        let mut sim = house("sip:carrier.example:5060", six, |zone| {
            zone.add_address("carrier.example", DORA.ip());
            if has_four {
                zone.add_address("carrier.example", BOB.ip());
            }
        });
        sim.core_mut().unreachable.push(BOB);
        sim.expect(DORA, Script::answers(100));
        sim.place(ALICE, "both", Script::new().bye(500));
        sim.finish();
        assert_eq!(sim.call(ALICE).outcome, Some(Outcome::WeHungUp));
        let invite = heard(&sim, DORA, "INVITE").remove(0);
        // Media goes with the family: that is why no leg turns from one to the other.
        assert!(String::from_utf8_lossy(&invite.body).contains("c=IN IP6 fd00::1"), "{invite:?}");
    }
}

#[test]
fn a_proxy_is_found_the_same_way() {
    let mut sim = house("sip:10.0.77.1", "proxy = \"sip:proxy.example;lr\"", |zone| {
        zone.set_srv("_sip._udp.proxy.example", &[(1, 1, 5060, "bob.carrier.example")]).add_address("bob.carrier.example", BOB.ip());
    });
    call(&mut sim);
    let invite = heard(&sim, BOB, "INVITE").remove(0);
    assert_eq!((invite.uri(), invite.header("Route")), ("sip:far@10.0.77.1", Some("<sip:proxy.example;lr>")));
}

#[test]
fn a_service_that_there_decidedly_is_not_is_no_host() {
    let mut sim = house("sip:carrier.example;transport=udp", "", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &[(0, 0, 0, ".")]).add_address("carrier.example", BOB.ip());
    });
    sim.place(ALICE, "far", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(500)));
    assert_eq!((asked(&sim).len(), sim.phone(BOB).calls().len()), (1, 0));
}

#[test]
fn a_name_that_is_not_there_is_unreachable_at_once() {
    let mut sim = house("sip:carrier.example", "", |_| {});
    sim.place(ALICE, "far", Script::new());
    let began = sim.now();
    sim.run_until_status(ALICE, 500);
    assert!(sim.now().since(began) < ms(50));
    sim.finish();
}

#[test]
fn of_hundreds_of_records_a_few_are_tried() {
    let names: Vec<String> = (0..500).map(|number| format!("h{number}.carrier.example")).collect();
    let records: Vec<(u16, u16, u16, &str)> = names.iter().map(|name| (1, 1, 5060, name.as_str())).collect();
    let mut sim = house("sip:carrier.example;transport=udp", "trying_timeout = \"200ms\"", |zone| {
        zone.set_srv("_sip._udp.carrier.example", &records);
        names
            .iter()
            .enumerate()
            .for_each(|(number, name)| _ = zone.add_address(name, [10, 9, (number / 250) as u8, (number % 250) as u8].into()));
    });
    sim.place(ALICE, "far", Script::new());
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(408)));
    assert_eq!(asked(&sim).len(), 1 + 16);
}

#[test]
fn a_call_that_is_taken_back_while_it_looks_is_never_made() {
    let mut sim = house("sip:carrier.example;transport=udp", "", |zone| {
        zone.add_address("carrier.example", BOB.ip()).delay = ms(900);
    });
    sim.place(ALICE, "far", Script::new().cancel(tandem_phone::When::Status(100), 300));
    sim.finish();
    assert_eq!(sim.call(ALICE).outcome, Some(Outcome::Failed(487)));
    assert_eq!(sim.phone(BOB).calls().len(), 0);
}

#[test]
fn a_request_inside_a_dialog_goes_one_way() {
    let mut sim = house("sip:10.0.2.1", "", |zone| {
        zone.set_srv("_sip._udp.desk.example", &[(1, 1, 5060, "a.desk.example"), (2, 1, 5060, "b.desk.example")]);
        zone.add_address("a.desk.example", BOB.ip()).add_address("b.desk.example", CAROL.ip());
    });
    let contact = tandem_phone::Edit::set("Contact", "<sip:bob@desk.example>");
    sim.expect(BOB, Script::new().reply_with(100, tandem_phone::Reply::new(200).edit(contact)));
    sim.place(ALICE, "far", Script::new().bye(500));
    sim.settle();
    assert!(sim.phone_mut(BOB).forgive("target") > 0, "it did not know that its Contact was changed");
    sim.finish();
    assert_eq!(sim.call(BOB).outcome, Some(Outcome::TheyHungUp));
}
