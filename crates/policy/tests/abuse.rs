//! What strangers get of us, and what it takes to be banned.

mod common;
use common::{OUTSIDE, rules};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{Flow, Timestamp, Transport};
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
    offends(&mut book, at(1), phone.ip(), Offence::Credentials);
    assert_eq!((book.standing(at(2), phone), book.standing(at(2), neighbour)), (Standing::Known, Standing::Banned));
    assert!((0..100).all(|_| book.may_answer(at(2), &flow, 300, 300)));
}

#[test]
fn who_guesses_is_a_stranger_again() {
    let (mut book, _) = book();
    let phone = from("192.0.2.1", Transport::Udp);
    book.let_in(at(1), &phone, true);
    book.distrust(phone.remote, address("192.0.2.2").ip());
    assert_eq!(book.standing(at(1), phone.remote), Standing::Known, "another was asked, and has answered in its name");
    book.distrust(phone.remote, phone.remote.ip());
    assert_eq!(book.standing(at(1), phone.remote), Standing::Stranger);
    book.let_in(at(2), &phone, true);
    assert_eq!(book.standing(at(2), phone.remote), Standing::Known);
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
    assert_eq!(book.counts(), (16_384, 16_384, 16_384, 65_536));
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
