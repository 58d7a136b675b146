//! `docs/known-attacks.md` names the test that shows each row, and each test that it names is there.

use crate::common::sources;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What stands between backticks in a row and is the name of a test: with its file, or so long that it can be nothing else.
fn named(row: &str) -> impl Iterator<Item = &str> {
    let code = row.split('`').skip(1).step_by(2);
    let is_plain =
        |text: &&str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_/:.".contains(letter));
    let is_test =
        |text: &&str| text.contains("::") || text.ends_with(".rs") || text.matches('/').count() > 0 || text.matches('_').count() > 3;
    code.filter(is_plain).filter(is_test)
}

/// Whether a file of that name, or one with that test, is among them.
fn is_there(files: &[(PathBuf, String)], name: &str) -> bool {
    let path = name.trim_end_matches(".rs").replace("::", "/");
    let is_file =
        |file: &Path, path: &str| file.with_extension("").ends_with(path) || file.with_extension("").ends_with(format!("{path}/mod"));
    let (place, test) = path.rsplit_once('/').unwrap_or(("", &path));
    let has_test = |(file, text): &&(PathBuf, String)| (place.is_empty() || is_file(file, place)) && text.contains(&format!("fn {test}()"));
    files.iter().any(|(file, _)| is_file(file, &path)) || files.iter().any(|file| has_test(&file))
}

#[test]
fn each_row_names_tests_that_are_there() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/known-attacks.md")).unwrap();
    let mut paths = Vec::new();
    ["crates", "fuzz/tests"].iter().for_each(|folder| sources(&root.join(folder), &mut paths));
    let files: Vec<_> = paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| **")).collect();
    assert!(rows.len() > 50, "the page has its tables");
    for row in rows {
        let stages: Vec<&str> = row.split("stage `").skip(1).filter_map(|rest| rest.split('`').next()).collect();
        let tests: Vec<&str> = named(row).filter(|name| !name.starts_with("tests/interop/") && *name != "fuzz/").collect();
        let title = row.split("**").nth(1).unwrap();
        assert!(row.contains("tests/interop/") || !stages.is_empty() || !tests.is_empty(), "{title:?} names no test");
        for stage in stages {
            assert!(root.join("tests/interop").join(stage).join("stage.py").exists(), "{title:?}: there is no stage {stage:?}");
        }
        for test in tests {
            assert!(is_there(&files, test), "{title:?}: there is no test {test:?}");
        }
    }
}
