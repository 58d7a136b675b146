//! Finding differences, and holding them against what has been explained.

use crate::{Facts, OTHERS, OURS, Parser};
use std::collections::{BTreeMap, BTreeSet};

/// One parser reads one thing otherwise than Tandem does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The name of the sample.
    pub sample: String,
    /// The other parser.
    pub parser: &'static str,
    /// The fact, or `accepts` where one of the two refuses the whole.
    pub fact: &'static str,
    /// What Tandem reads.
    pub ours: String,
    /// What the other reads.
    pub theirs: String,
}

/// A difference that somebody has looked into: sample (or `*`), parser, fact (or `*`), and why.
pub type Explained = (&'static str, &'static str, &'static str, &'static str);

const ABSENT: &str = "(absent)";

/// All differences over `samples`, as `read` has each parser read them.
pub fn compare<'a, T: ?Sized + 'a>(
    samples: impl Iterator<Item = (String, &'a T)>,
    read: impl Fn(&Parser, &T) -> Result<Facts, String>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (sample, input) in samples {
        let ours = read(&OURS, input);
        for other in &OTHERS {
            let theirs = read(other, input);
            let found = facts_that_differ(&ours, &theirs);
            differences.extend(found.into_iter().map(|(fact, ours, theirs)| Difference {
                sample: sample.clone(),
                parser: other.name,
                fact,
                ours,
                theirs,
            }));
        }
    }
    differences
}

fn facts_that_differ(ours: &Result<Facts, String>, theirs: &Result<Facts, String>) -> Vec<(&'static str, String, String)> {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let names: BTreeSet<&'static str> = ours.keys().chain(theirs.keys()).copied().collect();
            let value = |facts: &Facts, name| facts.get(name).cloned().unwrap_or_else(|| ABSENT.to_owned());
            let pairs = names.into_iter().map(|name| (name, value(ours, name), value(theirs, name)));
            pairs.filter(|(_, ours, theirs)| ours != theirs).collect()
        }
        (Err(_), Err(_)) => Vec::new(),
        (Ok(_), Err(why)) => vec![("accepts", "yes".to_owned(), format!("no: {why}"))],
        (Err(why), Ok(_)) => vec![("accepts", format!("no: {why}"), "yes".to_owned())],
    }
}

/// What is wrong: differences that nobody explained, and explanations of nothing.
pub fn judge(differences: &[Difference], explained: &[Explained]) -> Vec<String> {
    let mut used: BTreeMap<&Explained, usize> = explained.iter().map(|entry| (entry, 0)).collect();
    let mut wrong = Vec::new();
    for difference in differences {
        match explained.iter().find(|entry| covers(entry, difference)) {
            Some(entry) => *used.entry(entry).or_default() += 1,
            None => wrong.push(format!(
                "{} / {} / {}: tandem reads {:?}, the other {:?}",
                difference.sample, difference.parser, difference.fact, difference.ours, difference.theirs
            )),
        }
    }
    let unused = used.iter().filter(|(_, count)| **count == 0);
    wrong.extend(unused.map(|(entry, _)| format!("explained, but there is no such difference: {entry:?}")));
    wrong
}

fn covers(entry: &Explained, difference: &Difference) -> bool {
    let (sample, parser, fact, _) = entry;
    (*sample == difference.sample || *sample == "*") && *parser == difference.parser && (*fact == difference.fact || *fact == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference() -> Difference {
        Difference { sample: "a".into(), parser: "rsip", fact: "to.tag", ours: "1".into(), theirs: "2".into() }
    }

    #[test]
    fn a_difference_must_be_explained() {
        assert_eq!(judge(&[difference()], &[]).len(), 1);
        assert!(judge(&[difference()], &[("a", "rsip", "to.tag", "why")]).is_empty());
        assert!(judge(&[difference()], &[("*", "rsip", "*", "why")]).is_empty());
    }

    #[test]
    fn an_explanation_must_have_its_difference() {
        assert_eq!(judge(&[], &[("a", "rsip", "to.tag", "why")]).len(), 1);
        assert_eq!(judge(&[difference()], &[("*", "rsip", "to.tag", "why"), ("b", "rsip", "*", "why")]).len(), 1);
    }
}
