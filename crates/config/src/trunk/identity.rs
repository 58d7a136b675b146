//! `caller` and `privacy`: who is named as the caller in calls to a trunk.

use crate::{
    keys,
    node::one_of,
    reader::{Reader, Table, check_line},
};

/// The longest number and the longest name, in bytes.
const MAX_TEXT: usize = 128;

/// Who is named as the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CallerRule {
    /// Who calls.
    #[default]
    Pass,
    /// Nobody, and that is asked to be kept so.
    Anonymous,
    /// This one, whoever calls.
    Set {
        /// As the trunk writes numbers.
        number: Box<str>,
        /// The display name.
        name: Option<Box<str>>,
    },
}

/// What becomes of a caller's wish for privacy (RFC 3323).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrivacyRule {
    /// It is passed on with what it is about: the trunk is trusted to see to it.
    #[default]
    Pass,
    /// It is seen to here: what is to be kept private does not get there.
    Enforce,
    /// It is not heeded.
    Ignore,
}

/// What is told of those who were called before, in Diversion or History-Info.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailRule {
    /// What came.
    Pass,
    /// Nothing.
    Drop,
    /// That there were some, and not who.
    Anonymise,
    /// What came, and where we send a call to another number.
    Add,
}

/// `None` where the key is not written: rules for headers say it.
pub(super) fn read_trail(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Option<TrailRule> {
    let words = [("pass", TrailRule::Pass), ("drop", TrailRule::Drop), ("anonymise", TrailRule::Anonymise), ("add", TrailRule::Add)];
    table.parsed(reader, key, |text| one_of(text, &words)).map(|rule| *rule)
}

pub(super) fn read_privacy(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> PrivacyRule {
    let words = [("pass", PrivacyRule::Pass), ("enforce", PrivacyRule::Enforce), ("ignore", PrivacyRule::Ignore)];
    table.parsed(reader, "privacy", |text| one_of(text, &words)).map(|rule| *rule).unwrap_or_default()
}

pub(super) fn read_caller(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> CallerRule {
    let Some(value) = table.value("caller") else { return CallerRule::Pass };
    if value.get_ref().as_table().is_none() {
        let words = [("pass", false), ("anonymous", true)];
        let is_hidden = table.parsed(reader, "caller", |text| one_of(text, &words));
        return if is_hidden.is_some_and(|hidden| *hidden) { CallerRule::Anonymous } else { CallerRule::Pass };
    }
    let Some(table) = Table::open(reader, value, &keys::CALLER, table.what("caller")) else { return CallerRule::Pass };
    table.missing(reader, "number", "\"+4930555\"");
    let name = table.parsed(reader, "name", |text| check_line(text, MAX_TEXT)).map(|name| name.value);
    match table.parsed(reader, "number", |text| check_line(text, MAX_TEXT)) {
        Some(number) => CallerRule::Set { number: number.value, name },
        None => CallerRule::Pass,
    }
}
