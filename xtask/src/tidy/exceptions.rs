//! The list of exceptions, which only shrinks: an entry states how much it excuses, and fails both when there is more
//! and when there is less.

use crate::tree::{Finding, Tree};
use std::collections::BTreeMap;

/// Where the list is.
pub(crate) const LIST: &str = "xtask/tidy-exceptions.txt";

/// A rule that knows exceptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    LongFile,
    LongFunction,
    Impure,
    Unsafe,
    Panics,
    Waits,
}

impl Rule {
    const ALL: [(Rule, &'static str); 6] = [
        (Rule::LongFile, "long-file"),
        (Rule::LongFunction, "long-function"),
        (Rule::Impure, "impure"),
        (Rule::Unsafe, "unsafe"),
        (Rule::Panics, "panics"),
        (Rule::Waits, "waits"),
    ];

    fn name(self) -> &'static str {
        Rule::ALL.iter().find(|(rule, _)| *rule == self).map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().find(|(_, known)| *known == name).map(|(rule, _)| *rule)
    }
}

/// Something that a rule forbids and an exception may excuse.
#[derive(Debug)]
pub(crate) struct Occurrence {
    pub(crate) rule: Rule,
    pub(crate) finding: Finding,
    /// What it adds to the amount of its rule in its file.
    pub(crate) amount: usize,
}

/// The list as read: rule and path to the amount excused and the line that does.
#[derive(Debug, Default)]
pub(crate) struct Exceptions(BTreeMap<(Rule, String), (usize, usize)>);

impl Exceptions {
    pub(crate) fn of(tree: &Tree) -> (Exceptions, Vec<Finding>) {
        let mut exceptions = Exceptions::default();
        let mut findings = Vec::new();
        let text = tree.files.get(LIST).map(String::as_str).unwrap_or_default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let entry = match words.as_slice() {
                [rule, path, amount, _reason, ..] => Rule::named(rule).zip(amount.parse().ok()).map(|(rule, amount)| (rule, *path, amount)),
                _ => None,
            };
            match entry {
                Some((rule, path, amount)) => {
                    exceptions.0.insert((rule, path.to_owned()), (amount, index + 1));
                }
                None => findings.push(Finding::new(LIST, index + 1, "an entry is: rule, path, amount, reason")),
            }
        }
        (exceptions, findings)
    }

    /// What is left to mend when the list has excused what it may.
    pub(crate) fn judge(&self, occurrences: &[Occurrence]) -> Vec<Finding> {
        let mut amounts: BTreeMap<(Rule, String), usize> = BTreeMap::new();
        for occurrence in occurrences {
            *amounts.entry((occurrence.rule, occurrence.finding.path.clone())).or_default() += occurrence.amount;
        }
        let excused =
            |key: &(Rule, String)| self.0.get(key).is_some_and(|(allowed, _)| amounts.get(key).is_some_and(|amount| amount <= allowed));
        let mut findings: Vec<Finding> = occurrences
            .iter()
            .filter(|occurrence| !excused(&(occurrence.rule, occurrence.finding.path.clone())))
            .map(|occurrence| occurrence.finding.clone())
            .collect();
        for ((rule, path), (allowed, line)) in &self.0 {
            let amount = amounts.get(&(*rule, path.clone())).copied().unwrap_or(0);
            if amount < *allowed {
                let advice = if amount == 0 { "remove the entry".to_owned() } else { format!("lower it to {amount}") };
                findings.push(Finding::new(LIST, *line, format!("{} {path} needs less than {allowed} now: {advice}", rule.name())));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(list: &str, amounts: &[usize]) -> Vec<String> {
        let tree = Tree::of(&[(LIST, list)]);
        let (exceptions, mut findings) = Exceptions::of(&tree);
        let occurrences: Vec<Occurrence> = amounts
            .iter()
            .map(|&amount| Occurrence { rule: Rule::LongFile, finding: Finding::new("a.rs", 0, "is too long"), amount })
            .collect();
        findings.extend(exceptions.judge(&occurrences));
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_listed_is_excused_and_no_more() {
        assert_eq!(judged("# comment\n\nlong-file a.rs 800 a table\n", &[800]), Vec::<String>::new());
        assert_eq!(judged("long-file a.rs 800 a table\n", &[801]), ["a.rs: is too long"]);
        assert_eq!(judged("", &[701]), ["a.rs: is too long"]);
    }

    #[test]
    fn an_exception_that_is_no_longer_needed_fails() {
        assert!(judged("long-file a.rs 800 a table\n", &[])[0].contains("remove the entry"));
        assert!(judged("long-file a.rs 800 a table\n", &[750])[0].contains("lower it to 750"));
    }

    #[test]
    fn an_exception_has_a_reason_and_a_known_rule() {
        assert!(judged("long-file a.rs 800\n", &[])[0].contains("an entry is"));
        assert!(judged("odd-file a.rs 800 because\n", &[])[0].contains("an entry is"));
    }
}
