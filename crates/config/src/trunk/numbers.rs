//! `numbers_in` and `numbers_out`: how a trunk writes numbers.

use crate::{
    keys,
    node::one_of,
    reader::{Reader, Table},
    value::{Pattern, Template},
};

/// Rules of one list.
pub const MAX_NUMBER_RULES: usize = 64;

/// Whose number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Who is called.
    Called,
    /// Who calls.
    Caller,
}

/// One rule: what of a number is replaced, by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRule {
    /// Whose number.
    pub of: Of,
    /// What of it.
    pub matching: Pattern,
    /// By what.
    pub to: Template,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Vec<NumberRule> {
    let Some(value) = table.value(key) else { return Vec::new() };
    let what = table.what(key);
    let list = reader.list(&what, value, MAX_NUMBER_RULES).unwrap_or_default();
    let mut rules = Vec::new();
    for entry in list {
        let Some(entry) = Table::open(reader, entry, &keys::NUMBER, format!("a rule of {what}")) else { continue };
        for (key, example) in [("of", "\"called\""), ("match", "'^0'"), ("to", "'+49'")] {
            entry.missing(reader, key, example);
        }
        let of = entry.parsed(reader, "of", |text| one_of(text, &[("called", Of::Called), ("caller", Of::Caller)]));
        let matching = entry.parsed(reader, "match", Pattern::parse);
        let groups = matching.as_ref().map(|pattern| pattern.groups());
        let to = entry.parsed(reader, "to", |text| Template::parse(text, groups.unwrap_or(usize::MAX)));
        if let (Some(of), Some(matching), Some(to)) = (of, matching, to) {
            rules.push(NumberRule { of: *of, matching: matching.value, to: to.value });
        }
    }
    rules
}
