//! Nothing in the production code of a pure crate touches the world, and nowhere is a ban lifted unseen.

use super::{
    exceptions::{Occurrence, Rule},
    sources::{File, Sources},
};
use crate::{
    house::{IMPURE_MODULES, IMPURE_WORDS},
    source::identifiers,
    tree::Finding,
};

pub(crate) fn look(sources: &Sources<'_>) -> Vec<Occurrence> {
    let mut occurrences = Vec::new();
    for file in sources.production() {
        if file.room.is_some_and(|room| room.pure) {
            occurrences.extend(impure(file));
        }
        occurrences.extend(dispensations(file));
    }
    occurrences
}

fn impure(file: &File<'_>) -> Vec<Occurrence> {
    let code = &file.source.production;
    let words = identifiers(code).filter_map(|(line, word)| {
        let (_, reason) = IMPURE_WORDS.iter().find(|(impure, _)| *impure == word)?;
        Some((line, format!("`{word}` in a pure crate: {reason}")))
    });
    let modules = code.lines().enumerate().flat_map(|(index, line)| {
        let named = IMPURE_MODULES.iter().filter(move |module| line.contains(*module));
        named.map(move |module| (index + 1, format!("`{module}` in a pure crate: the shell owns it")))
    });
    words.chain(modules).map(|(line, message)| occurrence(Rule::Impure, file, line, message)).collect()
}

fn dispensations(file: &File<'_>) -> Vec<Occurrence> {
    let found = identifiers(&file.source.production).filter_map(|(line, word)| {
        let (rule, message) = match word {
            "unsafe_code" | "unsafe" => (Rule::Unsafe, "unsafe code"),
            "disallowed_methods" | "disallowed_types" | "iter_over_hash_type" => (Rule::Impure, "lifts a ban of clippy.toml"),
            "unwrap_used" => (Rule::Panics, "lifts the ban on panics"),
            _ => return None,
        };
        Some(occurrence(rule, file, line, message.to_owned()))
    });
    let panics = file.source.production.lines().enumerate().filter(|(_, line)| line.contains("clippy::panic"));
    found.chain(panics.map(|(index, _)| occurrence(Rule::Panics, file, index + 1, "lifts the ban on panics".to_owned()))).collect()
}

fn occurrence(rule: Rule, file: &File<'_>, line: usize, message: String) -> Occurrence {
    Occurrence { rule, finding: Finding::new(file.path, line, message), amount: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    fn found(path: &str, text: &str) -> Vec<(Rule, usize)> {
        let tree = Tree::of(&[(path, text)]);
        look(&Sources::of(&tree)).iter().map(|occurrence| (occurrence.rule, occurrence.finding.line)).collect()
    }

    #[test]
    fn a_pure_crate_may_not_touch_the_world() {
        let pure = "crates/signalling/src/a.rs";
        assert_eq!(found(pure, "use std::time::{Duration,\n Instant};\n"), [(Rule::Impure, 2)]);
        assert_eq!(found(pure, "async fn a() {}\n"), [(Rule::Impure, 1)]);
        assert_eq!(found(pure, "use std::fs;\n"), [(Rule::Impure, 1)]);
        assert_eq!(found(pure, "// tokio would be wrong here\nlet a = \"Instant\";\n"), []);
        assert_eq!(found(pure, "#[cfg(test)]\nmod tests { use std::fs; }\n"), []);
    }

    #[test]
    fn the_shell_may() {
        assert_eq!(found("crates/runtime/src/a.rs", "use std::time::Instant;\nuse std::fs;\n"), []);
    }

    #[test]
    fn bans_are_lifted_by_the_list_alone() {
        let shell = "crates/runtime/src/a.rs";
        assert_eq!(found(shell, "#[allow(clippy::disallowed_methods)]\n"), [(Rule::Impure, 1)]);
        assert_eq!(found(shell, "#![allow(unsafe_code)]\n"), [(Rule::Unsafe, 1)]);
        assert_eq!(found(shell, "#[expect(clippy::unwrap_used)]\n"), [(Rule::Panics, 1)]);
        assert_eq!(found(shell, "#[allow(clippy::panic)]\n"), [(Rule::Panics, 1)]);
        assert_eq!(found("crates/runtime/tests/a.rs", "#![allow(clippy::unwrap_used)]\n"), []);
    }
}
