//! `targets`: where a trunk's calls are sent.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table},
    uri::Target,
};

/// Targets of one trunk.
pub const MAX_TARGETS: usize = 16;

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<At<Target>> {
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
        targets.extend(entry.parsed(reader, "uri", Target::parse));
    }
    targets
}
