//! Files are short enough to be read, and functions to be seen at once.

use super::{
    exceptions::{Occurrence, Rule},
    sources::Sources,
};
use crate::{source::identifiers, tree::Finding};

/// Lines of a file that are not tests.
const MAX_LINES: usize = 700;

pub(crate) fn look(sources: &Sources<'_>) -> Vec<Occurrence> {
    let mut occurrences = Vec::new();
    for file in sources.production() {
        let lines = file.source.production_lines;
        if lines > MAX_LINES {
            let finding = Finding::new(file.path, 0, format!("has {lines} lines of production code, {MAX_LINES} are allowed"));
            occurrences.push(Occurrence { rule: Rule::LongFile, finding, amount: lines });
        }
        // Clippy counts the lines of functions (clippy.toml); what is counted here are its dispensations.
        for (line, _) in identifiers(&file.source.production).filter(|(_, word)| *word == "too_many_lines") {
            let finding = Finding::new(file.path, line, "lets a function be longer than 70 lines");
            occurrences.push(Occurrence { rule: Rule::LongFunction, finding, amount: 1 });
        }
    }
    occurrences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;

    fn found(text: &str) -> Vec<(Rule, usize)> {
        let tree = Tree::of(&[("crates/model/src/a.rs", text)]);
        look(&Sources::of(&tree)).iter().map(|occurrence| (occurrence.rule, occurrence.amount)).collect()
    }

    #[test]
    fn a_file_over_the_limit_is_found_its_tests_do_not_count() {
        assert_eq!(found(&"// line\n".repeat(MAX_LINES)), []);
        assert_eq!(found(&"// line\n".repeat(MAX_LINES + 1)), [(Rule::LongFile, MAX_LINES + 1)]);
        let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "// line\n".repeat(MAX_LINES), "    // line\n".repeat(50));
        assert_eq!(found(&tests), []);
    }

    #[test]
    fn a_dispensation_from_the_length_of_functions_is_found() {
        assert_eq!(found("#[allow(clippy::too_many_lines)]\nfn long() {}\n"), [(Rule::LongFunction, 1)]);
        assert_eq!(found("#![expect(clippy::too_many_lines, reason = \"x\")]\n"), [(Rule::LongFunction, 1)]);
        assert_eq!(found("// clippy::too_many_lines\n"), []);
    }
}
