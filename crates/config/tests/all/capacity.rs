//! `[calls] max` against ports and descriptors.

use crate::common::mistakes_alone;
use tandem_config::{Config, load};

/// One side with `ports`, or two where `far` says so; a caller near, a called trunk near or far.
fn node(ports: &str, far: &str, calls: &str, route: &str) -> String {
    format!(
        "[[listen]]\nname = 'near'\nbind = '127.0.0.1:5060'
[[media]]\nname = 'near'\nbind = '127.0.0.1'\nports = '{ports}'
[[media]]\nname = 'far'\nbind = '127.0.0.2'\nports = '{ports}'
[[trunk]]\nname = 'caller'\nmatch = {{ sources = ['127.0.0.8'] }}
[[trunk]]\nname = 'called'\ntargets = [{{ uri = 'sip:127.0.0.9' }}]\nmedia = '{far}'
[calls]\n{calls}
[[route]]\n{route}\n"
    )
}

const BRIDGE: &str = "do = { bridge = ['trunk:called'] }";

fn load_node(text: &str) -> Config {
    load(text, "t", &crate::common::env).expect("it loads")
}

#[test]
fn a_relayed_call_takes_four_ports_and_two_seconds_worth_rest() {
    // 10 calls take 40 ports, and 5 a second for 2 s leave 40 resting.
    assert!(mistakes_alone(&node("20000-20079", "near", "max = 10\nmax_cps = 5", BRIDGE)).is_empty());
    let mistakes = mistakes_alone(&node("20000-20077", "near", "max = 10\nmax_cps = 5", BRIDGE));
    assert_eq!(mistakes.len(), 1);
    assert!(
        mistakes[0].contains("`max` = 10 calls and `max_cps` = 5 take 80 ports of media side `near` (4 a call, 40 resting)"),
        "{mistakes:?}"
    );
    assert!(mistakes[0].contains("has 78: widen it, or lower `max` to 9, or lower `max_cps` to 4"), "{mistakes:?}");
}

#[test]
fn a_call_across_two_sides_takes_two_ports_of_each() {
    assert!(mistakes_alone(&node("20000-20039", "far", "max = 10\nmax_cps = 5", BRIDGE)).is_empty());
    assert_eq!(mistakes_alone(&node("20000-20037", "far", "max = 10\nmax_cps = 5", BRIDGE)).len(), 2);
}

#[test]
fn a_call_that_is_answered_here_takes_two_and_one_without_media_none() {
    assert!(mistakes_alone(&node("20000-20039", "near", "max = 10\nmax_cps = 5", "do = { answer = 'echo' }")).is_empty());
    assert!(mistakes_alone(&node("20000-20003", "near", "max = 1000", &format!("anchor = false\n{BRIDGE}"))).is_empty());
    assert!(mistakes_alone(&node("20000-20003", "near", "max = 1000", "do = { reject = 403 }")).is_empty());
}

#[test]
fn without_a_maximum_ports_and_descriptors_set_it() {
    let config = load_node(&node("20000-20079", "near", "max_cps = 5", BRIDGE));
    assert_eq!(config.max_calls(None), 10);
    assert_eq!(config.max_calls(Some(64 + 1 + 4 * 7)), 7);
    assert_eq!(load_node(&node("20000-59999", "near", "max_cps = 5", BRIDGE)).max_calls(None), 4000);
    assert_eq!(load_node(&node("20000-20079", "near", "max = 3\nmax_cps = 5", BRIDGE)).max_calls(Some(1)), 3);
}

#[test]
fn too_few_descriptors_are_a_mistake_that_names_the_way_out() {
    let config = load_node(&node("20000-20079", "near", "max = 10\nmax_cps = 5", BRIDGE));
    assert!(config.check_descriptors(105).is_ok(), "64, a listener and 4 a call");
    let problems = config.check_descriptors(104).unwrap_err().to_string();
    assert!(problems.starts_with("t:20:7: "), "{problems}");
    assert!(
        problems.contains("105 descriptors are needed for `max` = 10 calls (4 a call") && problems.contains("lower `max` to 9"),
        "{problems}"
    );
}

#[test]
fn a_range_too_small_for_the_call_rate_is_a_mistake_even_without_a_maximum() {
    let mistakes = mistakes_alone(&node("20000-20039", "near", "max_cps = 5", BRIDGE));
    assert!(mistakes.len() == 1 && mistakes[0].contains("lower `max_cps` to 4"), "{mistakes:?}");
}

#[test]
fn what_is_not_written_is_what_the_ports_allow() {
    let limits = |ports: &str, calls: &str| {
        let config = load_node(&node(ports, "near", calls, BRIDGE));
        (config.max_calls(None), config.max_cps())
    };
    // Of 50 calls' worth of ports, half may rest.
    assert_eq!(limits("20000-20199", ""), (26, 12));
    assert_eq!(limits("20000-20199", "max = 40"), (40, 5));
    assert_eq!(limits("20000-20199", "max_cps = 20"), (10, 20));
    assert_eq!(limits("20000-59999", ""), (4000, 200));
    assert_eq!(limits("20000-20011", ""), (1, 1), "the least that works");
}

#[test]
fn where_no_call_needs_ports_the_defaults_hold() {
    let config = load_node(&node("20000-20003", "near", "", "do = { reject = 403 }"));
    assert_eq!((config.max_calls(None), config.max_cps()), (4000, 200));
}

#[test]
fn a_mistake_stands_at_what_was_written() {
    let mistake = |ports: &str, calls: &str| load(&node(ports, "near", calls, BRIDGE), "t", &crate::common::env).unwrap_err().to_string();
    let ports = mistake("20000-20010", "");
    assert!(ports.starts_with("t:7:9: one call and one new call a second (the least that `max_cps` can be) take 12 ports"), "{ports}");
    assert!(ports.ends_with("(4 a call, 8 resting); `ports` 20000-20010 has 10: widen it"), "{ports}");
    let max = mistake("20000-20199", "max = 50");
    assert!(max.starts_with("t:20:7: `max` = 50 calls and one new call a second") && max.ends_with("lower `max` to 48"), "{max}");
    let max_cps = mistake("20000-20199", "max_cps = 200");
    assert!(
        max_cps.starts_with("t:20:11: one call and `max_cps` = 200 take 1604") && max_cps.ends_with("lower `max_cps` to 24"),
        "{max_cps}"
    );
}

#[test]
fn descriptors_too_few_for_one_call_are_nobodys_line() {
    let problems = load_node(&node("20000-20079", "near", "", BRIDGE)).check_descriptors(68).unwrap_err().to_string();
    assert!(
        problems.starts_with("t: 69 descriptors are needed for one call") && problems.ends_with("raise the limit (`ulimit -n`)"),
        "{problems}"
    );
}

#[test]
fn connections_have_room_of_their_own_and_what_calls_leave() {
    let tcp = "[[listen]]\nname = 'tcp'\ntransport = 'tcp'\nbind = '127.0.0.1:5060'\n";
    let config = load_node(&format!("{tcp}{}", node("20000-20079", "near", "max = 10\nmax_cps = 5", BRIDGE)));
    let least = 64 + 2 + 4 * 10 + 256;
    assert!(config.check_descriptors(least).is_ok());
    let problems = config.check_descriptors(least - 1).unwrap_err().to_string();
    assert!(
        problems.contains("362 descriptors are needed") && problems.contains("256 for the connections of each that is not UDP"),
        "{problems}"
    );
    assert_eq!((config.connections(Some(least)), config.connections(Some(least + 100)), config.connections(None)), (256, 356, 4096));
    assert_eq!(config.connections(Some(1_000_000)), 4096);
    assert_eq!((config.media_sockets(least), config.media_sockets(1_000_000)), (40, 1_000_000 - 66 - 4096));
}
