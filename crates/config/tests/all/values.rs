//! What durations, sizes, numbers, ranges, networks, names and patterns may look like.

use crate::common::{assert_mistake, read};
use std::time::Duration;

#[test]
fn durations_have_a_unit() {
    for (text, expected_ms) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("6h", 21_600_000), ("0s", 0)] {
        let config = read(&format!("[node]\ndrain_timeout = '{text}'")).unwrap();
        assert_eq!(config.node.drain_timeout, Duration::from_millis(expected_ms), "{text}");
    }
    for text in ["5", "", "s", "5 m", "1.5h", "-1s", "5minutes", "1h30m", "99999999999999999999s", "18446744073709551615h", "5S"] {
        assert_mistake(&format!("[node]\ndrain_timeout = '{text}'"), &["`drain_timeout` in [node]", "is not a duration"]);
    }
    assert_mistake("[node]\ndrain_timeout = 300", &["text in quotes is wanted, this is a whole number"]);
}

#[test]
fn durations_have_bounds() {
    assert_mistake("[calls]\nmax_duration = '169h'", &["`169h`", "from 1s to 168h"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='inside'}\ntrying_timeout='33s'", &["from 100ms to 32s"]);
    assert_mistake("[calls]\nhold_timeout = '10s'", &["`hold_timeout` (10s) is shorter than `inactivity_timeout` (5m)"]);
    assert_mistake(
        "[[trunk]]\nname='a'\nmatch={listen='inside'}\ntrying_timeout='5s'\nring_timeout='5s'",
        &["`trying_timeout` (5s) never comes"],
    );
}

#[test]
fn sizes_have_a_unit() {
    for (text, bytes) in [("1048576B", 1 << 20), ("2048KiB", 2 << 20), ("64MiB", 64 << 20), ("4GiB", 4u64 << 30)] {
        assert_eq!(read(&format!("[node]\nflight_recorder = '{text}'")).unwrap().node.flight_recorder, bytes, "{text}");
    }
    for text in ["64", "64MB", "64 MiB", "MiB", "99999999999GiB"] {
        assert_mistake(&format!("[node]\nflight_recorder = '{text}'"), &["is not a size"]);
    }
    assert_mistake("[node]\nflight_recorder = '1KiB'", &["from 1MiB to 4GiB"]);
}

#[test]
fn numbers_have_bounds() {
    for text in ["0", "-1", "1000001", "99999999999999999999"] {
        assert_mistake(&format!("[calls]\nmax = {text}"), &["`max` in [calls]: a number from 1 to 1000000"]);
    }
    assert_mistake("[calls]\nmax = 10.5", &["a whole number is wanted, this is a number with a fraction"]);
    assert_mistake("[calls]\nmax = '10'", &["a whole number is wanted, this is text"]);
    assert_eq!(read("[calls]\nmax_cps = 0x10").unwrap().max_cps(), 16);
}

#[test]
fn port_ranges_hold_at_least_one_call() {
    let with = |ports: &str| format!("[[media]]\nname = 'm'\nbind = '127.0.0.2'\nports = '{ports}'");
    for (ports, words) in [
        ("30000", "not a range"),
        ("30000-", "not a range"),
        ("a-b", "not a range"),
        ("+30000-30100", "not a range"),
        ("30000-70000", "not a range"),
        ("30100-30000", "ends before it begins"),
        ("1000-2000", "below 1024"),
        ("30001-30004", "one call takes 4 ports"),
    ] {
        assert_mistake(&with(ports), &[words]);
    }
    let media = read(&with("30001-30009")).unwrap().media;
    assert_eq!(media[1].ports.pairs(), 4, "30002 to 30009");
}

#[test]
fn networks_are_written_without_stray_bits() {
    let with = |source: &str| format!("[[trunk]]\nname = 'a'\nmatch = {{ sources = ['{source}'] }}");
    for (source, printed) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ] {
        let config = read(&with(source)).unwrap();
        assert_eq!(config.trunks[0].matching.as_ref().unwrap().sources[0].to_string(), printed);
    }
    assert_mistake(&with("10.0.0.1/8"), &["did you mean `10.0.0.0/8` or `10.0.0.1`?"]);
    assert_mistake(&with("10.0.0.0/33"), &["from 0 to 32"]);
    assert_mistake(&with("::/129"), &["from 0 to 128"]);
    assert_mistake(&with("10.0.0.0/+8"), &["from 0 to 32"]);
    for source in ["10.0.0", "example.com", "", "10.0.0.0:5060"] {
        assert_mistake(&with(source), &["is not an address or a network"]);
    }
}

#[test]
fn names_are_plain_words() {
    for name in ["", "a b", "a/b", "ü", "a\\u001b"] {
        assert_mistake(&format!("[node]\nname = \"{name}\""), &["`name` in [node]"]);
    }
    assert_mistake(&format!("[node]\nname = \"{}\"", "x".repeat(65)), &["from 1 to 64"]);
}

#[test]
fn patterns_are_checked_and_bounded() {
    let with = |pattern: &str| format!("[[route]]\nto = '{pattern}'\ndo = {{ reject = 403 }}");
    assert_mistake(&with("["), &["not a regular expression", "unclosed character class"]);
    assert_mistake(&with("a{2,1}"), &["not a regular expression"]);
    assert_mistake(&with(r"(\w{1000}){1000}"), &["takes more than"]);
    assert_mistake(&with(&format!("{}{}", "(".repeat(50), ")".repeat(50))), &["nest"]);
}

#[test]
fn digits_in_a_pattern_are_ascii_digits() {
    let config = read(
        r"
[[route]]
to = '^\d+$'
do = { reject = 403 }",
    )
    .unwrap();
    let to = config.routes[0].to.clone().unwrap();
    assert!(to.is_match("0123"));
    assert!(!to.is_match("\u{0663}"), "an Arabic three is no digit that anybody dials by");
}

#[test]
fn a_value_out_of_a_list_names_the_nearest() {
    assert_mistake("[log]\nlevel = 'warning'", &["`warning` is none of", "the nearest is \"warn\""]);
    assert_mistake("[log]\nformat = 'jsno'", &["the nearest is \"json\""]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='inside'}\ncodecs=['g711']", &["the nearest is \"g722\""]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='inside'}\ncodecs=[]", &["`codecs` in [[trunk]] a is empty"]);
    assert_mistake("[[trunk]]\nname='a'\nmatch={listen='inside'}\ncodecs=['pcmu','pcmu']", &["twice"]);
}
