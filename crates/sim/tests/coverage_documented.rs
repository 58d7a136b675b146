//! `docs/sip-coverage.md` names a test for each clause that it says is kept: the tests are there.

use std::{fs, path::Path};

/// Where the tables begin, and with what they end.
const BEGIN: &str = "## Dialogs, clause by clause";
const END: &str = "\n## ";

/// What stands in the place of a test where a clause is deliberately not kept.
const ABSENT: &str = "absent";

fn rows() -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/sip-coverage.md");
    let (_, tables) = page.split_once(BEGIN).expect("the page has the tables");
    let tables = tables.split_once(END).map_or(tables, |(tables, _)| tables);
    let lines = tables.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| RFC"));
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The names in back quotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether `folder/file` or `folder/file::test` is a test of ours.
fn is_there(name: &str) -> bool {
    let (path, test) = name.split_once("::").map_or((name, None), |(path, test)| (path, Some(test)));
    let Some((folder, file)) = path.split_once('/') else { return false };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let places = match folder {
        "scenarios" => vec![root.join(format!("crates/sim/tests/scenarios/{file}.rs"))],
        "interop" => vec![root.join(format!("tests/interop/{file}/stage.py"))],
        folder => ["tests/FILE.rs", "tests/FILE/main.rs", "tests/all/FILE.rs", "src/FILE.rs", "src/FILE/tests.rs"]
            .map(|place| root.join("crates").join(folder).join(place.replace("FILE", file)))
            .into(),
    };
    let texts: Vec<_> = places.iter().filter_map(|place| fs::read_to_string(place).ok()).collect();
    let has = |text: &String| test.is_none_or(|test| text.contains(&format!("fn {test}(")));
    texts.iter().any(has)
}

#[test]
fn every_clause_names_a_test_that_is_there() {
    let rows = rows();
    assert!(rows.len() > 10, "the tables are not where they were: {rows:?}");
    for row in rows {
        let [rfc, section, _, shown] = row.as_slice() else { panic!("four columns are wanted: {row:?}") };
        let names = quoted(shown);
        assert!(!names.is_empty() || shown.starts_with(ABSENT), "RFC {rfc} {section} names no test: {shown}");
        for name in names {
            assert!(is_there(name), "RFC {rfc} {section}: there is no test {name}");
        }
    }
}
