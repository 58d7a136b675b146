//! `targets`: where a trunk's calls are sent.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table},
    uri::Target,
};

/// Targets of one trunk.
pub const MAX_TARGETS: usize = 16;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTarget {
    /// What is called.
    pub uri: Target,
    /// Lower ones are tried before higher ones (RFC 2782).
    pub priority: u16,
    /// Among those of one priority: how often it comes before the others. With none above 0 they are tried in the order of the file.
    pub weight: u16,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<At<TrunkTarget>> {
    let Some(value) = table.value("targets") else { return Vec::new() };
    let Some(list) = reader.list(&table.what("targets"), value, MAX_TARGETS) else { return Vec::new() };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{} is empty; leave it out if nobody is called", table.what("targets")));
    }
    let mut targets = Vec::new();
    for entry in list {
        let title = format!("a target of {}", table.title());
        let Some(entry) = Table::open(reader, entry, &keys::TARGET, title) else { continue };
        entry.missing(reader, "uri", "\"sip:198.51.100.10\"");
        let mut number = |key| entry.number(reader, key, 0..=u16::MAX.into()).and_then(|number| u16::try_from(*number).ok()).unwrap_or(0);
        let (priority, weight) = (number("priority"), number("weight"));
        let uri = entry.parsed(reader, "uri", Target::parse);
        targets.extend(uri.map(|uri| At::new(TrunkTarget { uri: uri.value, priority, weight }, uri.place)));
    }
    targets
}
