//! Nothing is left for later, no test is switched off, and no test waits for the clock.

use super::{
    exceptions::{Occurrence, Rule},
    sources::{File, Sources},
};
use crate::{
    source::identifiers,
    tree::{Finding, Tree},
};

/// Notes of work not done.
const NOTES: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];

/// Waiting for the wall clock. A test's clock is virtual; only tests/interop speaks with programs that have their own.
const WAITS: [&str; 4] = ["sleep", "sleep_until", "sleep_ms", "park_timeout"];

/// Files that are not Rust and are searched for notes.
const OTHER_TEXT: [&str; 6] = [".md", ".toml", ".sh", ".py", ".xml", "Makefile"];

pub(crate) fn check(tree: &Tree, sources: &Sources<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.files.iter().flat_map(check_rust).collect();
    for (path, text) in OTHER_TEXT.iter().flat_map(|ending| tree.ending(ending)) {
        let notes = identifiers(text).filter(|(_, word)| NOTES.contains(word));
        findings.extend(notes.map(|(line, word)| Finding::new(path, line, format!("{word}: do it, or say in an issue what is missing"))));
    }
    findings
}

fn check_rust(file: &File<'_>) -> Vec<Finding> {
    let source = &file.source;
    let mut findings = Vec::new();
    for (line, word) in [&source.production, &source.tests, &source.comments].into_iter().flat_map(|layer| identifiers(layer)) {
        if NOTES.contains(&word) {
            findings.push(Finding::new(file.path, line, format!("{word}: do it, or say in an issue what is missing")));
        }
    }
    for layer in [&source.production, &source.tests] {
        for (index, line) in layer.lines().enumerate() {
            if line.contains("todo!") || line.contains("unimplemented!") {
                findings.push(Finding::new(file.path, index + 1, "code that is not written yet"));
            }
            if line.contains("#[ignore") {
                findings.push(Finding::new(file.path, index + 1, "a test that does not run: mend it or remove it"));
            }
        }
    }
    findings
}

/// Tests that wait for the clock.
pub(crate) fn look(sources: &Sources<'_>) -> Vec<Occurrence> {
    sources.files.iter().flat_map(waits).collect()
}

fn waits(file: &File<'_>) -> Vec<Occurrence> {
    let source = &file.source;
    let simulated = file.is_test || file.room.is_some_and(|room| room.name == "tandem-sim");
    let layers: &[&String] = if simulated { &[&source.production, &source.tests] } else { &[&source.tests] };
    let mut occurrences = Vec::new();
    for (index, line) in layers.iter().flat_map(|layer| layer.lines().enumerate()) {
        // A simulator may have a `sleep` of its own: it is the path that tells.
        let imported = line.trim_start().starts_with("use ");
        let waits = |word: &&&str| line.contains(&format!("::{word}")) || imported && identifiers(line).any(|(_, other)| other == **word);
        if let Some(word) = WAITS.iter().find(waits) {
            let message = format!("`{word}` in a test: script it on the virtual clock");
            occurrences.push(Occurrence { rule: Rule::Waits, finding: Finding::new(file.path, index + 1, message), amount: 1 });
        }
    }
    occurrences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[(path, text)]);
        check(&tree, &Sources::of(&tree)).iter().map(|finding| finding.line).collect()
    }

    fn waiting(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[(path, text)]);
        look(&Sources::of(&tree)).iter().map(|occurrence| occurrence.finding.line).collect()
    }

    #[test]
    fn notes_of_work_not_done_are_found() {
        assert_eq!(found("crates/model/src/a.rs", "fn a() {}\n// TODO later\n"), [2]);
        assert_eq!(found("docs/a.md", "FIXME: wrong\n"), [1]);
        assert_eq!(found("crates/model/src/a.rs", "let a = \"TODO\";\n"), Vec::<usize>::new());
    }

    #[test]
    fn code_not_written_and_tests_not_run_are_found() {
        assert_eq!(found("crates/model/src/a.rs", "fn a() {\n  todo!()\n}\n"), [2]);
        assert_eq!(found("crates/model/tests/a.rs", "#[test]\n#[ignore]\nfn a() {}\n"), [2]);
        assert_eq!(found("crates/model/tests/a.rs", "#[ignore = \"slow\"]\n"), [1]);
    }

    #[test]
    fn a_test_that_waits_is_found_the_shell_may_wait() {
        assert_eq!(waiting("crates/model/tests/a.rs", "std::thread::sleep(a);\n"), [1]);
        assert_eq!(waiting("crates/runtime/src/a.rs", "#[cfg(test)]\nmod tests {\n  fn a() { tokio::time::sleep(b) }\n}\n"), [3]);
        assert_eq!(waiting("crates/sim/src/a.rs", "use std::thread::{self, sleep};\n"), [1]);
        assert_eq!(waiting("crates/sim/src/a.rs", "fn sleep_until() {}\nbench.sleep(a);\n"), Vec::<usize>::new());
        assert_eq!(waiting("crates/runtime/src/a.rs", "tokio::time::sleep(b)\n"), Vec::<usize>::new());
    }
}
