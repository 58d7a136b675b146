//! What strangers get of us, and what it takes to be banned.

use crate::common::{OUTSIDE, rules};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{Fate, Flow, Hop, RegistrationChange, Timestamp, Transport};
use tandem_policy::{AbuseBook, Offence, Ruleset, Standing};

const TRUNKS: &str = "\
[abuse]
answers = 5
offences = 3
ban = '2m'
allow = ['203.0.113.0/24', '2001:db8:9::/48']
[[trunk]]
name = 'carrier'
match = { sources = ['198.51.100.0/24'] }
targets = [{ uri = 'sip:198.51.101.1' }]
[[trunk]]
name = 'by-name'
match = { sources = ['0.0.0.0/0'], domain = 'name.example' }
targets = [{ uri = 'sip:SIP.name.example' }]
[[trunk]]
name = 'six'
match = { sources = ['2001:db8:6::1/128'] }
";

fn book() -> (AbuseBook, Ruleset) {
    let rules = rules(TRUNKS);
    (AbuseBook::new(&rules), rules)
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds)
}

fn from(source: &str, transport: Transport) -> Flow {
    let source = if source.contains(':') { format!("[{source}]:5060") } else { format!("{source}:5060") };
    Flow { listener: OUTSIDE, transport, remote: source.parse().expect("an address") }
}

/// Three times.
fn offends(book: &mut AbuseBook, now: Timestamp, source: std::net::IpAddr, offence: Offence) {
    for _ in 0..3 {
        let _ = book.offence(now, source, offence);
    }
}

fn address(source: &str) -> SocketAddr {
    from(source, Transport::Udp).remote
}

#[test]
fn who_is_known_by_address_is_known() {
    let (book, _) = book();
    for known in ["198.51.100.7", "198.51.101.1", "203.0.113.9", "::ffff:203.0.113.9", "2001:db8:9:1::1"] {
        assert_eq!(book.standing(at(1), address(known)), Standing::Known, "{known}");
    }
    for stranger in ["198.51.101.2", "192.0.2.1", "2001:db8:a::1", "::1"] {
        assert_eq!(book.standing(at(1), address(stranger)), Standing::Stranger, "{stranger}");
    }
}

#[test]
fn a_stranger_gets_so_many_answers_a_second_and_its_neighbours_none_beside() {
    let (mut book, _) = book();
    for (second, source, neighbour, other) in
        [(1, "192.0.2.1", "192.0.2.1", "192.0.2.2"), (3, "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")]
    {
        let answered = |book: &mut AbuseBook, second, source| {
            (0..50).filter(|_| book.may_answer(at(second), &from(source, Transport::Udp), 300, 300)).count()
        };
        assert_eq!(answered(&mut book, second, source), 5);
        assert_eq!((answered(&mut book, second, neighbour), answered(&mut book, second, other)), (0, 5));
        assert_eq!(answered(&mut book, second + 1, source), 5);
    }
    assert_eq!(book.take_withheld(), 2 * (45 + 50 + 45 + 45));
    assert_eq!(book.take_withheld(), 0);
}

#[test]
fn known_addresses_are_answered_always() {
    let (mut book, _) = book();
    assert!((0..1_000).all(|_| book.may_answer(at(1), &from("198.51.100.7", Transport::Udp), 300, 300)));
    assert_eq!(book.counts(), (0, 0, 0, 0));
}

#[test]
fn no_answer_to_a_datagram_is_much_longer_than_it() {
    let (mut book, _) = book();
    for source in ["192.0.2.1", "198.51.100.7"] {
        for (asked, most) in [(0, 400), (10, 415), (300, 850)] {
            assert!(book.may_answer(at(asked as u64 + 1), &from(source, Transport::Udp), asked, most));
            assert!(!book.may_answer(at(asked as u64 + 1), &from(source, Transport::Udp), asked, most + 1));
        }
    }
    // Whoever has a connection is who they say.
    assert!(book.may_answer(at(9), &from("192.0.2.1", Transport::Tcp), 10, 4_000));
}

#[test]
fn offences_lead_to_a_ban_that_ends() {
    let (mut book, _) = book();
    let source = address("2001:db8::1");
    let offend = |book: &mut AbuseBook, now| book.offence(now, source.ip(), Offence::Credentials);
    assert_eq!((offend(&mut book, at(1)), offend(&mut book, at(2))), (None, None));
    assert_eq!(book.standing(at(2), source), Standing::Stranger);
    let ban = offend(&mut book, at(3)).expect("that is too much");
    assert_eq!((ban.source.to_string().as_str(), ban.offences, ban.lasts), ("2001:db8::", 3, Duration::from_secs(120)));
    for who in ["2001:db8::1", "2001:db8::2"] {
        assert_eq!(book.standing(at(122), address(who)), Standing::Banned, "{who}");
    }
    assert_eq!(book.standing(at(122), address("2001:db8:0:1::1")), Standing::Stranger);
    assert_eq!(offend(&mut book, at(100)), None, "it is banned already, and that is not told twice");
    assert_eq!(book.standing(at(123), source), Standing::Stranger);
    book.forget(at(123));
    assert_eq!(book.counts(), (0, 0, 0, 0), "nothing is left");
}

#[test]
fn offences_that_are_long_past_do_not_count() {
    let (mut book, _) = book();
    for second in [1, 40, 62, 100, 123, 160] {
        assert_eq!(book.offence(at(second), address("192.0.2.1").ip(), Offence::Stranger), None, "second {second}");
    }
}

#[test]
fn no_trunk_is_ever_banned() {
    let (mut book, _) = book();
    for known in ["198.51.100.7", "198.51.101.1", "203.0.113.9"] {
        for _ in 0..100 {
            assert_eq!(book.offence(at(1), address(known).ip(), Offence::Credentials), None);
        }
        assert!(!book.is_banned(at(1), address(known)));
    }
    assert_eq!(book.counts(), (0, 0, 0, 0));
}

#[test]
fn who_has_proved_to_be_somebody_stays_heard_when_its_neighbour_is_banned() {
    let (mut book, _) = book();
    let (phone, neighbour) = ("192.0.2.1:40000", "192.0.2.1:40001");
    let [phone, neighbour] = [phone, neighbour].map(|text| text.parse::<SocketAddr>().unwrap());
    let flow = Flow { listener: OUTSIDE, transport: Transport::Udp, remote: phone };
    book.let_in(at(1), &flow, true);
    offends(&mut book, at(1), phone.ip(), Offence::NoSip);
    assert_eq!((book.standing(at(2), phone), book.standing(at(2), neighbour)), (Standing::Known, Standing::Banned));
    assert!((0..100).all(|_| book.may_answer(at(2), &flow, 300, 300)));
}

#[test]
fn who_guesses_is_a_stranger_again() {
    let (mut book, _) = book();
    let phone = from("192.0.2.1", Transport::Udp);
    let answers_wrong = |book: &mut AbuseBook, now, holder: &str, times: usize| {
        (0..times).for_each(|_| book.answered_wrong(now, phone.remote, address(holder).ip()));
    };
    book.let_in(at(1), &phone, true);
    answers_wrong(&mut book, at(1), "192.0.2.2", 10);
    assert_eq!(book.standing(at(1), phone.remote), Standing::Known, "another was asked, and has answered in its name");
    answers_wrong(&mut book, at(1), "192.0.2.1", 4);
    assert_eq!(book.standing(at(1), phone.remote), Standing::Known, "one of its accounts may have an old password");
    answers_wrong(&mut book, at(60), "192.0.2.1", 1);
    assert_eq!(book.standing(at(60), phone.remote), Standing::Stranger);
    // Neither a right answer nor leaving and coming back makes that good.
    book.let_in(at(60), &phone, true);
    book.left(at(60), phone.remote);
    book.registration(&registered(phone, Fate::Added, at(400)));
    assert_eq!(book.standing(at(60), phone.remote), Standing::Stranger);
    assert_eq!(book.standing(at(61), phone.remote), Standing::Known, "that minute is over");
}

/// A user's phone there.
fn registered(flow: Flow, fate: Fate, until: Timestamp) -> RegistrationChange {
    RegistrationChange { user: "alice".into(), contact: "sip:alice@192.0.2.1".into(), fate, until, flow, contacts: 1 }
}

#[test]
fn who_has_registered_is_known_for_as_long_as_that_holds() {
    let (mut book, _) = book();
    let (phone, day) = (from("192.0.2.1", Transport::Udp), 24 * 60 * 60);
    book.let_in(at(1), &phone, true);
    book.registration(&registered(phone, Fate::Added, at(1 + day)));
    book.forget(at(day));
    assert_eq!(book.standing(at(day), phone.remote), Standing::Known);
    book.registration(&registered(phone, Fate::Refreshed, at(2 * day)));
    assert_eq!(book.standing(at(2 * day - 1), phone.remote), Standing::Known);
    book.left(at(2 * day - 1), phone.remote);
    assert_eq!(book.standing(at(2 * day - 1), phone.remote), Standing::Stranger);
    book.registration(&registered(phone, Fate::Removed, at(3 * day)));
    book.registration(&registered(from("198.51.100.7", Transport::Udp), Fate::Added, at(3 * day)));
    assert_eq!(book.counts(), (0, 0, 0, 0), "nothing is left, and nothing is kept of a trunk's address");
}

#[test]
fn where_somebody_is_known_wrong_answers_are_borne_longer() {
    let (mut book, _) = book();
    let (phone, other) = (from("192.0.2.1", Transport::Udp), address("192.0.2.9"));
    book.registration(&registered(phone, Fate::Added, at(300)));
    let mut offences = |now, source: SocketAddr, offence| (1..).find(|_| book.offence(now, source.ip(), offence).is_some());
    assert_eq!(offences(at(1), phone.remote, Offence::Credentials), Some(12));
    assert_eq!(offences(at(1), other, Offence::Credentials), Some(3));
    // A phone with an old password brings nothing that is anybody's.
    assert_eq!(offences(at(122), phone.remote, Offence::Slow), Some(12));
    // Of what no phone does by mistake there is no more.
    assert_eq!(offences(at(243), phone.remote, Offence::NoSip), Some(3));
    assert_eq!(book.standing(at(243), phone.remote), Standing::Known, "whoever shares its address is banned, and it is not");
}

#[test]
fn where_the_name_of_a_trunk_leads_nobody_is_a_stranger() {
    let (mut book, _) = book();
    let hop = |address: SocketAddr| Hop { listener: OUTSIDE, address };
    let (carrier, six) = (address("192.0.2.50"), address("2001:db8:5::7"));
    assert!(book.is_trunks("sip.name.example.") && !book.is_trunks("name.example") && !book.is_trunks("198.51.101.1"));
    book.located(at(1), "sip.name.example", &[hop(carrier), hop(six)]);
    for there in [carrier, six, address("::ffff:192.0.2.50")] {
        assert_eq!(book.standing(at(2), there), Standing::Known, "{there}");
        assert!((0..100).all(|_| book.offence(at(2), there.ip(), Offence::Credentials).is_none()));
    }
    // Its neighbours are banned by themselves, but never with the network that it is in.
    assert!((0..100).all(|_| book.offence(at(2), address("2001:db8:5::8").ip(), Offence::NoSip).is_none()));
    assert_eq!(book.standing(at(2), address("2001:db8:5::8")), Standing::Stranger);
    assert_eq!(book.standing(at(86_402), carrier), Standing::Stranger, "DNS has not named it for a day");
    book.reload(&rules("[[trunk]]\nname = 'other'\ntargets = [{ uri = 'sip:other.example' }]\n"));
    assert_eq!((book.standing(at(2), carrier), book.count_located()), (Standing::Stranger, 0), "it is no trunk's name any more");
}

#[test]
fn where_several_names_lead_is_known_for_as_long_as_one_of_them_is_a_trunks() {
    let trunk = |name: &str| format!("[[trunk]]\nname = '{name}'\ntargets = [{{ uri = 'sip:{name}.example' }}]\n");
    let mut book = AbuseBook::new(&rules(&[trunk("one"), trunk("two")].concat()));
    let shared = Hop { listener: OUTSIDE, address: address("192.0.2.50") };
    for (second, host) in [(1, "one.example"), (2, "two.example"), (3, "One.example.")] {
        book.located(at(second), host, &[shared]);
    }
    book.reload(&rules(&trunk("two")));
    assert_eq!(book.standing(at(4), shared.address), Standing::Known);
    assert!((0..100).all(|_| book.offence(at(4), shared.address.ip(), Offence::NoSip).is_none()));
    assert_eq!(book.standing(at(86_402), shared.address), Standing::Stranger, "a day after the name that stayed led there");
    (5..15).for_each(|second| book.located(at(second), &format!("{second}.example"), &[shared]));
    book.reload(&rules(&trunk("14")));
    assert_eq!((book.standing(at(15), shared.address), book.count_located()), (Standing::Known, 1), "the last one is remembered");
    book.reload(&rules(&trunk("one")));
    assert_eq!((book.standing(at(15), shared.address), book.count_located()), (Standing::Stranger, 0));
}

#[test]
fn no_network_that_a_trunk_is_in_is_banned() {
    let (mut book, _) = book();
    assert!((0..100).all(|_| book.offence(at(1), address("2001:db8:6::2").ip(), Offence::NoSip).is_none()));
    assert_eq!(book.standing(at(1), address("2001:db8:6::1")), Standing::Known);
}

#[test]
fn thousands_of_forged_sources_do_not_use_up_the_answers_of_a_new_one() {
    let (mut book, _) = book();
    let phone = Flow { remote: address("192.0.2.200"), ..from("192.0.2.200", Transport::Udp) };
    book.registration(&registered(phone, Fate::Added, at(100)));
    let forged = |number: u32| {
        let remote = SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + number), 5060));
        Flow { listener: OUTSIDE, transport: Transport::Udp, remote }
    };
    for number in 0..100_000 {
        book.may_answer(at(1), &forged(number), 300, 300);
        if number % 10 == 9 {
            let new = Flow { remote: SocketAddr::from((std::net::Ipv4Addr::from_bits(0xc633_6500 + number), 5060)), ..phone };
            assert!(book.may_answer(at(1), &new, 300, 300), "after {number} forged ones");
            assert!(book.may_answer(at(1), &phone, 300, 300), "registered");
            assert!(book.may_answer(at(1), &from("198.51.100.7", Transport::Udp), 300, 300), "a trunk");
        }
    }
    assert_eq!(book.counts(), (16_384, 0, 0, 1));
    // One that does not pause gets no more than it may for all that.
    assert_eq!((0..50).filter(|_| book.may_answer(at(1), &forged(1_000_000), 300, 300)).count(), 5);
}

#[test]
fn where_names_led_is_bounded() {
    let (mut book, _) = book();
    for number in 0..10_000 {
        let address = SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + number), 5060));
        book.located(at(u64::from(number)), "sip.name.example", &[Hop { listener: OUTSIDE, address }]);
    }
    assert_eq!(book.count_located(), 4_096);
    assert_eq!(book.standing(at(10_000), address("10.0.39.15")), Standing::Known, "the last one");
}

#[test]
fn an_address_alone_proves_nothing() {
    let (mut book, _) = book();
    let udp = from("192.0.2.1", Transport::Udp);
    book.let_in(at(1), &udp, false);
    assert_eq!(book.standing(at(1), udp.remote), Standing::Stranger);
    let tcp = from("192.0.2.1", Transport::Tcp);
    book.let_in(at(1), &tcp, false);
    assert_eq!(book.standing(at(1), tcp.remote), Standing::Known);
    assert_eq!(book.standing(at(3_602), tcp.remote), Standing::Stranger, "that is long ago");
}

#[test]
fn a_challenge_that_was_answered_right_was_no_answer_to_a_stranger() {
    let (mut book, _) = book();
    for port in 0..100 {
        let flow = Flow { remote: SocketAddr::from(([192, 0, 2, 1], 10_000 + port)), ..from("192.0.2.1", Transport::Udp) };
        assert!(book.may_answer(at(1), &flow, 300, 300), "the phone at port {}", 10_000 + port);
        book.let_in(at(1), &flow, true);
    }
}

#[test]
fn every_table_is_bounded_and_forged_sources_do_not_lift_bans() {
    let (mut book, _) = book();
    let of = |number: u32| SocketAddr::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + number), 5060));
    let banned = of(0);
    offends(&mut book, at(1), banned.ip(), Offence::NoSip);
    for number in 1..100_000 {
        let flow = Flow { listener: OUTSIDE, transport: Transport::Udp, remote: of(number) };
        book.may_answer(at(1), &flow, 300, 300);
        book.let_in(at(1), &flow, false);
    }
    assert_eq!(book.counts(), (16_384, 1, 1, 0));
    assert!(book.is_banned(at(2), banned));
    for number in 0..100_000 {
        let flow = Flow { listener: OUTSIDE, transport: Transport::Tcp, remote: of(number) };
        book.let_in(at(2), &flow, false);
        offends(&mut book, at(2), of(number).ip(), Offence::NoSip);
    }
    assert_eq!(book.counts(), (16_384, 16_384, 16_384, 100_000));
}

#[test]
fn without_a_time_a_ban_is_told_and_not_carried_out() {
    let rules = rules("[abuse]\noffences = 2\nban = '0s'\n");
    let mut book = AbuseBook::new(&rules);
    let source = address("192.0.2.1");
    let told = (0..6).filter(|_| book.offence(at(1), source.ip(), Offence::NoTls).is_some()).count();
    assert_eq!((told, book.is_banned(at(1), source)), (3, false));
}

#[test]
fn a_reload_takes_other_terms_and_hears_whom_it_names() {
    let (mut book, _) = book();
    let source = address("192.0.2.1");
    offends(&mut book, at(1), source.ip(), Offence::Credentials);
    assert!(book.is_banned(at(2), source));
    book.reload(&rules("[abuse]\nallow = ['192.0.2.0/24']\n"));
    assert_eq!(book.standing(at(2), source), Standing::Known);
}
