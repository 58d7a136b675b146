//! Our addresses: what they may be, and which of them a trunk uses.

use crate::common::{mistakes, mistakes_alone};
use tandem_config::{Config, load};

fn listen(name: &str, rest: &str) -> String {
    format!("[[listen]]\nname = '{name}'\n{rest}\n")
}

fn media(name: &str, rest: &str) -> String {
    format!("[[media]]\nname = '{name}'\n{rest}\n")
}

#[track_caller]
fn assert_one(text: &str, words: &str) {
    let mistakes = mistakes(text);
    assert!(mistakes.len() == 1 && mistakes[0].contains(words), "{text}\n{mistakes:#?}");
}

#[test]
fn an_address_that_stands_for_all_needs_one_to_advertise() {
    assert_one(&listen("a", "bind = '0.0.0.0:5070'"), "stands for every address, but Via and Contact must name one: add `advertise = ");
    assert_one(&listen("a", "bind = '[::]:5070'"), "stands for every address");
    assert_one(&media("a", "bind = '0.0.0.0'\nports = '30000-30100'"), "stands for every address, but SDP must name one");
    assert!(mistakes(&listen("a", "bind = '0.0.0.0:5070'\nadvertise = '192.0.2.1'")).is_empty());
    assert!(mistakes(&media("a", "bind = '0.0.0.0'\nadvertise = '192.0.2.1'\nports = '30000-30100'")).is_empty());
}

#[test]
fn what_is_advertised_can_be_sent_to_and_is_of_the_same_family() {
    assert_one(&listen("a", "bind = '127.0.0.2:5060'\nadvertise = '[2001:db8::1]:5060'"), "different address families");
    assert_one(&listen("a", "bind = '127.0.0.2:5060'\nadvertise = '0.0.0.0'"), "nobody can send to");
    assert_one(&media("a", "bind = '::1'\nadvertise = '192.0.2.1'\nports = '30000-30100'"), "different address families");
    assert_one(&media("a", "bind = '127.0.0.2'\nadvertise = 'example.org'\nports = '30000-30100'"), "is not an IP address");
}

#[test]
fn a_listener_binds_an_address() {
    assert_one(&listen("a", "bind = 'example.org:5060'"), "a name can stand in `advertise`");
    assert_one(&listen("a", "bind = '224.0.1.75:5060'"), "multicast");
    assert_one(&listen("a", "bind = '127.0.0.2:70000'"), "is not a port");
    assert_one(&listen("a", "bind = '127.0.0.2:5060'\ntransport = 'upd'"), "the nearest is \"udp\"");
    assert_one(&listen("a", ""), "needs `bind = ");
}

#[test]
fn the_port_is_5060_unless_written_and_0_is_any() {
    let text = format!(
        "{}{}{}",
        crate::common::BASE,
        listen("a", "bind = '127.0.0.2'"),
        listen("b", "bind = '127.0.0.3:0'\nadvertise = 'sip.example.org'")
    );
    let config = load(&text, "t", &crate::common::env).unwrap();
    assert_eq!(config.listeners[1].bind.to_string(), "127.0.0.2:5060");
    assert_eq!(config.listeners[1].advertised("127.0.0.2:5060".parse().unwrap()), "127.0.0.2:5060");
    assert_eq!(config.listeners[2].advertised("127.0.0.3:40123".parse().unwrap()), "sip.example.org:40123");
}

#[test]
fn what_is_advertised_in_ipv6_has_brackets() {
    let text = format!("{}{}", crate::common::BASE, listen("a", "bind = '[::1]:5070'\nadvertise = '[2001:db8::1]'"));
    let config = load(&text, "t", &crate::common::env).unwrap();
    assert_eq!(config.listeners[1].advertised("[::1]:5070".parse().unwrap()), "[2001:db8::1]:5070");
}

#[test]
fn nobody_binds_a_port_twice() {
    assert_one(&listen("a", "bind = '127.0.0.1:5060'"), "listener `inside` has that port already");
    assert_one(&listen("a", "bind = '0.0.0.0:5060'\nadvertise = '192.0.2.1'"), "listener `inside` has that port already");
    assert_one(&media("a", "bind = '127.0.0.1'\nports = '29000-31000'"), "side `inside` has some of them already");
    assert_one(&listen("a", "bind = '127.0.0.1:20500'"), "listener `a` uses 20500");
    assert!(mistakes(&listen("a", "bind = '[::1]:5060'")).is_empty());
    assert!(mistakes(&media("a", "bind = '127.0.0.2'\nports = '20000-29999'")).is_empty());
}

/// Three listeners and three media sides: this machine, an office, IPv6.
fn three_sides(trunk: &str) -> String {
    [
        listen("loop", "bind = '127.0.0.1:5060'"),
        listen("office", "bind = '192.168.1.1:5060'"),
        listen("six", "bind = '[2001:db8::1]:5060'"),
        media("loop", "bind = '127.0.0.1'\nports = '20000-29999'"),
        media("office", "bind = '192.168.1.1'\nports = '20000-29999'"),
        media("six", "bind = '2001:db8::1'\nports = '20000-29999'"),
        format!("[[trunk]]\nname = 't'\n{trunk}\n"),
    ]
    .concat()
}

fn sides_of(trunk: &str) -> Vec<(u16, u16)> {
    let config: Config = load(&three_sides(trunk), "t", &crate::common::env).expect("it loads");
    let trunk = &config.trunks[0];
    let sides = trunk.targets.iter().map(|target| config.sides(Some(trunk), &target.uri).expect("it loads"));
    sides.map(|sides| (sides.listener.0, sides.media.0)).collect()
}

#[test]
fn a_trunk_uses_the_first_sides_that_fit_its_target() {
    let targets =
        "targets = [{uri='sip:127.0.0.9'},{uri='sip:10.0.0.9'},{uri='sip:[2001:db8::9]'},{uri='sip:example.org'},{uri='sip:localhost'}]";
    assert_eq!(sides_of(targets), [(0, 0), (1, 1), (2, 2), (1, 1), (0, 0)]);
}

#[test]
fn a_trunk_uses_the_sides_that_it_names() {
    assert_eq!(sides_of("targets = [{uri='sip:127.0.0.9'}]\nlisten = 'office'"), [(1, 1)]);
    assert_eq!(sides_of("targets = [{uri='sip:10.0.0.9'}]\nmedia = 'loop'"), [(1, 0)]);
    assert_eq!(sides_of("targets = [{uri='sip:example.org'}]\nlisten = 'six'"), [(2, 2)]);
}

#[test]
fn a_trunk_does_not_name_sides_that_cannot_work() {
    for (trunk, words) in [
        ("targets = [{uri='sip:10.0.0.9'}]\nlisten = 'loop'", "listener `loop` (127.0.0.1) cannot reach 10.0.0.9"),
        ("targets = [{uri='sip:[2001:db8::9]'}]\nlisten = 'office'", "cannot reach 2001:db8::9"),
        ("targets = [{uri='sip:10.0.0.9'}]\nlisten = 'office'\nmedia = 'six'", "of different address families"),
    ] {
        let mistakes = mistakes_alone(&three_sides(trunk));
        assert!(mistakes.len() == 1 && mistakes[0].contains(words), "{trunk}\n{mistakes:#?}");
    }
}

#[test]
fn a_target_that_no_side_reaches_is_a_mistake() {
    assert_one("[[trunk]]\nname='a'\ntargets=[{uri='sip:[::1]'}]", "no listener and media side of one address family reach [::1]:5060");
    assert_one("[[trunk]]\nname='a'\ntargets=[{uri='sip:192.0.2.9'}]", "no listener and media side");
    assert_one("[[route]]\ndo={bridge=['sip:192.0.2.9']}", "no listener and media side");
}
