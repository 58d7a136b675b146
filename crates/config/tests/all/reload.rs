//! What a running node takes over from a new file, and what it would need a restart for.

use tandem_config::{Config, Difference, load};

const RULES: &str = "\
[[trunk]]
name = 'a'
match = { sources = ['127.0.0.2'] }
[[trunk]]
name = 'b'
targets = [{ uri = 'sip:127.0.0.3' }]
[[route]]
do = { bridge = ['trunk:b'] }
";

fn config(head: &str, rules: &str) -> Config {
    load(&format!("{head}{rules}"), "new.toml", &crate::common::env).expect("it loads")
}

fn between(head: &str, rules: &str) -> Difference {
    Difference::between(&config(crate::common::BASE, RULES), &config(head, rules))
}

#[test]
fn a_file_that_only_moved_its_lines_changes_nothing() {
    let moved = RULES.replace("[[trunk]]", "# a comment\n\n[[trunk]]");
    assert_eq!(between(&format!("# more\n{}", crate::common::BASE), &moved).reload(), Ok(Vec::new()));
}

#[test]
fn trunks_routes_and_limits_are_taken_over() {
    let rules = RULES.replace("'127.0.0.2'", "'127.0.0.4'").replace("'b'", "'c'").replace("trunk:b", "trunk:c");
    let rules = format!("[calls]\nmax_cps = 100\n{rules}");
    let applied = between(crate::common::BASE, &rules).reload().unwrap();
    assert_eq!(
        applied,
        ["`max_cps` in [calls] changed", "[[trunk]] a changed", "[[trunk]] c added", "[[trunk]] b removed", "[[route]]s changed: 1 now",]
    );
}

#[test]
fn durations_and_the_domain_are_taken_over() {
    let head = "[node]\ndomain = 'example.org'\n[calls]\nmax_duration = '2h'\ninactivity_timeout = '1m'\nhold_timeout = '2m'\n";
    let applied = between(&format!("{head}{}", crate::common::BASE), RULES).reload().unwrap();
    assert_eq!(
        applied,
        [
            "`domain` in [node] changed",
            "`max_duration` in [calls] changed",
            "`inactivity_timeout` in [calls] changed",
            "`hold_timeout` in [calls] changed"
        ]
    );
}

#[test]
fn a_listener_turns_silent_without_a_restart() {
    let head = crate::common::BASE.replace("[[media]]", "silent = true\n[[media]]");
    assert_eq!(between(&head, RULES).reload(), Ok(vec!["`silent` in [[listen]] inside changed".to_owned()]));
}

#[test]
fn what_sockets_and_threads_are_made_from_needs_a_restart() {
    let base = crate::common::BASE;
    for (head, rules, words) in [
        (base.replace("5060", "5062"), "", "new.toml:1:1: [[listen]] inside changed: that needs a restart"),
        (base.replace("20000", "21000"), "", "new.toml:4:1: [[media]] inside changed"),
        (base.replace("name = \"inside\"", "name = \"within\""), "", "[[listen]] within changed"),
        (format!("{base}[[listen]]\nname = 'x'\nbind = '127.0.0.7:5060'\n"), "", "new.toml:8:1: the number of [[listen]] changed"),
        (
            format!("{base}[[media]]\nname = 'x'\nbind = '127.0.0.7'\nports = '2000-4000'\n"),
            "",
            "new.toml:8:1: the number of [[media]] changed",
        ),
        (base.to_owned(), "[calls]\nshards = 3\n", "new.toml:9:1: `shards` in [calls] changed"),
        (format!("{base}dscp = 34\n"), "", "new.toml:4:1: [[media]] inside changed"),
        (base.to_owned(), "[node]\ndrain_timeout = '1s'\n", "new.toml:9:1: `drain_timeout` in [node] changed"),
        (base.to_owned(), "[node]\nname = 'other'\n", "new.toml:9:1: `name` in [node] changed"),
        (base.to_owned(), "[node]\ndump_dir = 'd'\n", "new.toml:9:1: `dump_dir` in [node] changed"),
        (base.to_owned(), "[node]\nflight_recorder = '1MiB'\n", "new.toml:9:1: `flight_recorder` in [node] changed"),
        (base.to_owned(), "[node]\nstore = 'sqlite:a'\n", "new.toml:9:1: `store` in [node] changed"),
        (base.to_owned(), "[node]\njournal_dir = 'j'\n", "new.toml:9:1: `journal_dir` in [node] changed"),
        (base.to_owned(), "[node]\nstore = 'sqlite:a'\nkeep_records = '1h'\n", "`keep_records` in [node] changed"),
        (base.to_owned(), "[files]\nrecordings = 'r'\n", "new.toml:9:1: `recordings` in [files] changed"),
        (base.to_owned(), "[log]\nlevel = 'debug'\n", "new.toml:9:1: `level` in [log] changed"),
    ] {
        let refused = between(&head, &format!("{rules}{RULES}")).reload().unwrap_err().to_string();
        assert!(refused.contains(words) && refused.contains("needs a restart"), "{refused}");
    }
}

#[test]
fn a_key_that_is_gone_is_told_at_its_section() {
    let written = config(crate::common::BASE, &format!("[node]\nname = 'edge'\ndrain_timeout = '1s'\n{RULES}"));
    let refused = |rules: &str| Difference::between(&written, &config(crate::common::BASE, rules)).reload().unwrap_err().to_string();
    assert_eq!(
        refused(&format!("[node]\nname = 'edge'\n{RULES}")),
        "new.toml:8:1: `drain_timeout` in [node], no longer written, changed: that needs a restart"
    );
    assert!(refused(RULES).starts_with("new.toml: `drain_timeout` in [node], no longer written, changed"));
}
