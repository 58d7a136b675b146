//! Whose request is it? The most specific `match` wins; a tie is a mistake of the configuration.

use crate::common::{INSIDE, OUTSIDE, SIX, admit, admitted_as, ask, problems, rules};
use tandem_model::{Admit, Decision, MediaSide, Question};

fn trunk(name: &str, matching: &str) -> String {
    format!("[[trunk]]\nname = '{name}'\nmatch = {{ {matching} }}\n")
}

fn trunks(matches: &[(&str, &str)]) -> String {
    matches.iter().map(|(name, matching)| trunk(name, matching)).collect()
}

#[test]
fn the_longest_prefix_wins_wherever_it_stands() {
    let rules = rules(&trunks(&[
        ("all", "sources = ['0.0.0.0/0']"),
        ("host", "sources = ['10.1.2.3']"),
        ("net", "sources = ['10.1.0.0/16', '172.16.0.0/12']"),
        ("subnet", "sources = ['10.1.2.0/24']"),
    ]));
    for (source, expected) in [
        ("10.1.2.3", "host"),
        ("10.1.2.4", "subnet"),
        ("10.1.3.1", "net"),
        ("172.31.255.255", "net"),
        ("172.32.0.0", "all"),
        ("255.255.255.255", "all"),
    ] {
        assert_eq!(admitted_as(&rules, admit(INSIDE, source)).as_deref(), Some(expected), "{source}");
    }
}

#[test]
fn ipv6_sources_match_and_ipv4_in_ipv6_is_ipv4() {
    let rules =
        rules(&trunks(&[("six", "sources = ['2001:db8::/32']"), ("four", "sources = ['10.0.0.0/8']"), ("any6", "sources = ['::/0']")]));
    assert_eq!(admitted_as(&rules, admit(SIX, "[2001:db8:1::9]")).as_deref(), Some("six"));
    assert_eq!(admitted_as(&rules, admit(SIX, "[2001:db9::9]")).as_deref(), Some("any6"));
    assert_eq!(admitted_as(&rules, admit(SIX, "[::ffff:10.9.9.9]")).as_deref(), Some("four"));
}

#[test]
fn more_conditions_win_over_fewer_for_the_same_prefix() {
    let rules = rules(&trunks(&[
        ("plain", "sources = ['10.0.0.0/8']"),
        ("fussy", "sources = ['10.0.0.0/8'], listen = 'inside', to = '^1'"),
        ("domain", "sources = ['10.0.0.0/8'], domain = 'a.example', listen = 'outside'"),
    ]));
    assert_eq!(admitted_as(&rules, admit(INSIDE, "10.0.0.1")).as_deref(), Some("fussy"));
    assert_eq!(admitted_as(&rules, admit(OUTSIDE, "10.0.0.1")).as_deref(), Some("plain"));
    let request = Admit { domain: "A.Example".into(), ..admit(OUTSIDE, "10.0.0.1") };
    assert_eq!(admitted_as(&rules, request).as_deref(), Some("domain"));
}

#[test]
fn a_longer_prefix_whose_conditions_fail_leaves_it_to_a_shorter_one() {
    let rules = rules(&trunks(&[("narrow", "sources = ['10.0.0.1'], to = '^9'"), ("wide", "sources = ['10.0.0.0/8']")]));
    assert_eq!(admitted_as(&rules, admit(INSIDE, "10.0.0.1")).as_deref(), Some("wide"));
}

#[test]
fn a_source_wins_over_none() {
    let rules = rules(&trunks(&[("anywhere", "domain = '192.0.2.1', to = '^1', listen = 'inside'"), ("net", "sources = ['10.0.0.0/8']")]));
    assert_eq!(admitted_as(&rules, admit(INSIDE, "10.0.0.1")).as_deref(), Some("net"));
    assert_eq!(admitted_as(&rules, admit(INSIDE, "11.0.0.1")).as_deref(), Some("anywhere"));
    assert_eq!(admitted_as(&rules, Admit { to: "2".into(), ..admit(INSIDE, "11.0.0.1") }), None);
}

#[test]
fn strangers_are_refused_or_met_with_silence() {
    let rules = rules(&trunks(&[("net", "sources = ['10.0.0.0/8']")]));
    assert_eq!(ask(&rules, &Question::Admit(admit(INSIDE, "11.0.0.1"))), Decision::Reject { status: 403, reason: None });
    assert_eq!(ask(&rules, &Question::Admit(admit(OUTSIDE, "11.0.0.1"))), Decision::Ignore);
}

#[test]
fn a_caller_is_spoken_with_where_it_came_in() {
    let text = "[[trunk]]\nname='t'\nmatch={sources=['0.0.0.0/0']}\nnat=true\nt38=true\ncodecs=['pcma']\nring_timeout='1m'\n";
    let rules = rules(text);
    for (listener, media) in [(INSIDE, MediaSide(0)), (OUTSIDE, MediaSide(1))] {
        let Decision::Admitted { profile, .. } = ask(&rules, &Question::Admit(admit(listener, "10.0.0.1"))) else { unreachable!() };
        assert_eq!((profile.listener, profile.media, profile.nat, profile.t38), (listener, media, true, true));
        assert_eq!(*profile.codecs, [tandem_model::Codec::Pcma]);
        assert_eq!(profile.ring_timeout.as_secs(), 60);
    }
}

#[test]
fn two_trunks_that_could_both_be_it_are_a_mistake() {
    for (a, b) in [
        ("sources = ['10.0.0.0/8']", "sources = ['192.168.0.0/16', '10.0.0.0/8']"),
        ("sources = ['10.0.0.0/8'], listen = 'inside'", "sources = ['10.0.0.0/8'], domain = 'a.example'"),
        ("listen = 'inside'", "domain = 'a.example'"),
        ("domain = 'a.example'", "domain = 'A.EXAMPLE'"),
        ("sources = ['10.0.0.0/8'], to = '^1'", "sources = ['10.0.0.0/8'], to = '1$'"),
    ] {
        let problems = problems(&trunks(&[("a", a), ("b", b)]));
        assert!(problems.contains("[[trunk]] b: a request from") && problems.contains("trunk `a` (line 25)"), "{a} / {b}: {problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn a_tie_of_patterns_shows_a_number_that_fits_both() {
    let problems = problems(&trunks(&[("a", "sources = ['10.0.0.0/8'], to = '^49'"), ("b", "sources = ['10.0.0.0/8'], to = '30$'")]));
    assert!(problems.contains("a request from 10.0.0.0/8 to \"4930\""), "{problems}");
}

#[test]
fn trunks_that_cannot_both_be_it_do_not_tie() {
    for (a, b) in [
        ("sources = ['10.0.0.0/8']", "sources = ['10.0.0.0/9']"),
        ("sources = ['10.0.0.0/8']", "sources = ['10.0.0.0/8'], to = '1'"),
        ("sources = ['10.0.0.0/8'], listen = 'inside'", "sources = ['10.0.0.0/8'], listen = 'outside'"),
        ("domain = 'a.example'", "domain = 'b.example'"),
        (r"sources = ['10.0.0.0/8'], to = '^\+4930'", r"sources = ['10.0.0.0/8'], to = '^\+4940'"),
        (r"sources = ['10.0.0.0/8'], to = '^\d{3}$'", r"sources = ['10.0.0.0/8'], to = '^\d{4}$'"),
    ] {
        assert_eq!(problems(&trunks(&[("a", a), ("b", b)])), "", "{a} / {b}");
    }
}

#[test]
fn ties_and_other_mistakes_are_reported_together() {
    let problems = problems(&format!("[node]\nnmae = 'x'\n{}", trunks(&[("a", "domain = 'x'"), ("b", "domain = 'x'")])));
    assert!(problems.contains("unknown key `nmae`") && problems.contains("neither `match` is more specific"), "{problems}");
}

/// A listener of TLS that asks for certificates.
const SECURE: &str = "[[listen]]\nname = 'secure'\ntransport = 'tls'\nbind = '192.0.2.1'\ncert = 'c'\nkey = 'k'\nclient_ca = 'a'\n";

#[test]
fn a_certificate_says_who_it_is_where_that_is_asked() {
    let trunks = trunks(&[
        ("net", "sources = ['10.0.0.0/8']"),
        ("carrier", "tls_name = 'sbc.example.com', sources = ['10.0.0.0/8']"),
        ("partner", "tls_name = 'Partner.example.net'"),
    ]);
    let rules = rules(&format!("{SECURE}{trunks}"));
    let with = |source: &str, names: &[&str]| {
        let tls_names = names.iter().map(|name| Box::from(*name)).collect();
        admitted_as(&rules, Admit { tls_names, ..admit(INSIDE, source) })
    };
    assert_eq!(with("10.0.0.1", &[]).as_deref(), Some("net"));
    assert_eq!(with("10.0.0.1", &["other.example.com"]).as_deref(), Some("net"));
    assert_eq!(with("10.0.0.1", &["other.example.com", "SBC.example.com"]).as_deref(), Some("carrier"));
    assert_eq!(with("11.0.0.1", &["partner.example.net"]).as_deref(), Some("partner"));
    assert_eq!(with("11.0.0.1", &["sbc.example.com"]), None);
    assert_eq!(with("11.0.0.1", &[]), None);
}

#[test]
fn trunks_of_different_certificates_do_not_tie_and_those_of_one_do() {
    let both = |a: &str, b: &str| problems(&format!("{SECURE}{}", trunks(&[("a", a), ("b", b)])));
    assert_eq!(both("tls_name = 'a.example.com'", "tls_name = 'b.example.com'"), "");
    assert!(both("tls_name = 'a.example.com'", "tls_name = 'A.example.com'").contains("neither `match` is more specific"));
    assert!(both("tls_name = 'a.example.com'", "domain = 'a.example.com'").contains("neither `match` is more specific"));
    assert_eq!(both("tls_name = 'a.example.com', listen = 'secure'", "tls_name = 'a.example.com'"), "");
}
