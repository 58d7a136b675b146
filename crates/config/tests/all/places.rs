//! Every mistake is reported, each with file, line and column, in the order of the file.

use tandem_config::{Place, load};

#[test]
fn all_mistakes_are_reported_at_once_and_in_order() {
    let text = "\
[node]
name = \"a b\"
drain_timeout = 5
nmae = \"x\"

[[listen]]
name = \"l\"
bind = \"127.0.0.1:5060\"

[[media]]
name = \"m\"
bind = \"127.0.0.1\"
ports = \"30000\"

[[trunk]]
name = \"t\"
targets = [{ uri = \"sip:127.0.0.2\" }, { uri = \"tel:1\" }]
listen = \"L\"

[[route]]
to = '('
do = { bridge = [\"trunk:x\"] }
";
    let problems = load(text, "edge.toml", &crate::common::env).unwrap_err();
    let places: Vec<(u32, u32)> = problems.iter().map(|problem| (problem.place.line, problem.place.column)).collect();
    assert_eq!(places, [(2, 8), (3, 17), (4, 1), (13, 9), (17, 47), (18, 10), (21, 6)]);
    let printed = problems.to_string();
    assert_eq!(printed.lines().count(), places.len());
    assert!(printed.starts_with("edge.toml:2:8: `name` in [node]: ' ' cannot stand in a name"), "{printed}");
}

#[test]
fn columns_count_characters_not_bytes() {
    let text = format!("{}[node]\ndump_dir = 'ü'\n[[trunk]]\nname = 't'\nmatch = {{ domain = 'ü', to = '(' }}\n", crate::common::BASE);
    let problems = load(&text, "t", &crate::common::env).unwrap_err();
    let last = problems.iter().last().unwrap();
    assert_eq!(last.place, Place { line: 12, column: 30 });
}

#[test]
fn what_is_not_toml_is_answered_with_its_place() {
    let problems = load("[node]\nname = \n[[listen]\n", "broken.toml", &crate::common::env).unwrap_err();
    assert!(problems.to_string().starts_with("broken.toml:2:"), "{problems}");
    assert!(problems.iter().all(|problem| problem.message.starts_with("not TOML: ")), "{problems}");
}

#[test]
fn a_key_given_twice_is_a_mistake() {
    let problems = load("[node]\nname = 'a'\nname = 'b'\n", "t", &crate::common::env).unwrap_err();
    assert!(problems.to_string().starts_with("t:3:1: not TOML: duplicate key"), "{problems}");
}

#[test]
fn a_file_with_windows_line_ends_reads_the_same() {
    let text = format!("{}[node]\nnmae = 'x'\n", crate::common::BASE).replace('\n', "\r\n");
    assert!(load(&text, "t", &crate::common::env).unwrap_err().to_string().starts_with("t:9:1: unknown key `nmae`"));
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let problems = load("", "t", &crate::common::env).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(problems.to_string().contains("no [[listen]]") && problems.to_string().contains("no [[media]]"));
}

#[test]
fn one_bracket_where_two_belong_is_explained() {
    let problems = load("[listen]\nname = 'l'\n", "t", &crate::common::env).unwrap_err();
    assert_eq!(problems.to_string(), "t:1:1: there can be several: write [[listen]] with two brackets");
}

#[test]
fn a_file_longer_than_the_bound_is_not_read() {
    let text = format!("#{}", "x".repeat(tandem_config::MAX_FILE));
    assert!(load(&text, "t", &crate::common::env).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn a_mistake_is_one_line_whatever_the_file_says() {
    let text = format!("{}[node]\ndrain_timeout = \"5\\n\\u001b[2J\"\n", crate::common::BASE);
    let printed = load(&text, "t", &crate::common::env).unwrap_err().to_string();
    assert!(!printed.contains(char::is_control), "{printed:?}");
}
