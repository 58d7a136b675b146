//! Phones that share an address: one of them has an old password, and the others are served. They are neighbours in an IPv6 /64, which
//! is one source as the phones behind a NAT are.

use crate::house::{HOUSE, house_of, own};
use std::net::SocketAddr;
use tandem_phone::Setup;
use tandem_policy::{Offence, Standing};
use tandem_sim::{CORE_V6, Sim, secs};

/// A phone of that source.
fn phone(number: u16) -> SocketAddr {
    SocketAddr::from((std::net::Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, number), 5060))
}

const ALICE: u16 = 1;
const CAROL: u16 = 2;
/// A phone of carol's with her password of last year.
const OLD: u16 = 3;

fn office(seed: u64, more: &str) -> Sim {
    let six = HOUSE
        .replace("max_expires = \"30m\"", "max_expires = \"24h\"")
        .replace("10.0.0.1:5060", &CORE_V6.to_string())
        .replace("bind = \"10.0.0.1\"", &format!("bind = \"{}\"", CORE_V6.ip()));
    let six = six.replace("10.0.2.0/24", "2001:db8:2::/64").replace("sip:10.0.2.1", "sip:[2001:db8:2::1]");
    let mut sim = house_of(seed, &format!("{six}\n{more}"));
    for (number, user, password) in [(ALICE, "alice", "w0nder"), (CAROL, "carol", "s1nger"), (OLD, "carol", "last year's")] {
        sim.add_phone(phone(number), Setup::new(user, phone(number), CORE_V6, seed.wrapping_add(number.into())));
        sim.phone_mut(phone(number)).setup_mut().login = Some((user.into(), password.into()));
    }
    sim
}

fn registers(sim: &mut Sim, number: u16, expires: u32) -> u16 {
    let register = own(sim, phone(number)).expires(expires);
    sim.register(phone(number), &register).status()
}

#[test]
fn who_has_registered_is_served_when_no_more_answers_from_there_are_looked_at() {
    let mut sim = office(1, "[abuse]\nban = '0s'\n");
    assert_eq!(registers(&mut sim, ALICE, 600), 200);
    (0..35).for_each(|_| assert_eq!(registers(&mut sim, OLD, 600), 401));
    assert_eq!(registers(&mut sim, ALICE, 600), 200, "her flow is known");
    let counted = sim.core().wrong.last().map(|wrong| wrong.count);
    assert_eq!(registers(&mut sim, CAROL, 600), 401, "hers is not, and one that guesses would be told the same");
    let told = sim.core().wrong.last().map(|wrong| (wrong.is_unheard, wrong.count));
    assert_eq!((told, counted), (Some((true, 0)), Some(35)), "that is held against nobody");
    sim.run_for(secs(60));
    assert_eq!(registers(&mut sim, CAROL, 600), 200, "that minute is over");
    sim.finish();
}

#[test]
fn one_old_password_among_others_is_no_attack_and_many_are() {
    let mut sim = office(2, "[abuse]\noffences = 5\n");
    assert_eq!(registers(&mut sim, ALICE, 600), 200);
    (0..19).for_each(|_| assert_eq!(registers(&mut sim, OLD, 600), 401));
    assert!(sim.core().bans.is_empty(), "four times as many as of a source where nobody is known");
    assert_eq!(registers(&mut sim, CAROL, 600), 200, "whoever comes now is heard");
    sim.run_for(secs(60));
    (0..20).for_each(|_| assert_eq!(registers(&mut sim, OLD, 600), 401));
    let ban = sim.core().bans.first().map(|ban| (ban.offence, ban.offences, ban.served));
    assert_eq!(ban, Some((Offence::Credentials, 20, 2)));
    for known in [ALICE, CAROL] {
        assert_eq!(registers(&mut sim, known, 600), 200, "they stay heard");
    }
    assert_eq!(sim.core().abuse.standing(sim.now(), phone(OLD)), Standing::Banned);
    sim.finish();
}

#[test]
fn a_phone_is_known_for_as_long_as_it_is_registered() {
    let mut sim = office(3, "[abuse]\noffences = 2\n");
    let standing = |sim: &Sim| sim.core().abuse.standing(sim.now(), phone(ALICE));
    assert_eq!(registers(&mut sim, ALICE, 86_400), 200);
    sim.run_for(secs(23 * 3_600));
    assert_eq!(standing(&sim), Standing::Known);
    assert_eq!(registers(&mut sim, ALICE, 0), 200);
    assert_eq!(standing(&sim), Standing::Stranger, "it has left");
    assert_eq!(registers(&mut sim, ALICE, 60), 200);
    sim.run_for(secs(61));
    assert_eq!(standing(&sim), Standing::Stranger, "nobody refreshed it");
    sim.finish();
}

#[test]
fn who_guesses_from_where_they_have_registered_is_a_stranger_for_a_minute() {
    let mut sim = office(4, "[abuse]\nban = '0s'\n");
    assert_eq!(registers(&mut sim, ALICE, 600), 200);
    let login = |sim: &mut Sim, user: &str, password: &str| {
        sim.phone_mut(phone(ALICE)).setup_mut().login = Some((user.into(), password.into()));
    };
    login(&mut sim, "carol", "guess");
    (0..5).for_each(|_| assert_eq!(registers(&mut sim, ALICE, 600), 401));
    assert_eq!(sim.core().abuse.standing(sim.now(), phone(ALICE)), Standing::Stranger);
    login(&mut sim, "alice", "w0nder");
    assert_eq!(registers(&mut sim, ALICE, 600), 200, "as one of whom nothing is known");
    assert_eq!(sim.core().abuse.standing(sim.now(), phone(ALICE)), Standing::Stranger, "a right answer does not make wrong ones good");
    sim.run_for(secs(60));
    assert_eq!(sim.core().abuse.standing(sim.now(), phone(ALICE)), Standing::Known);
    sim.finish();
}
