//! `[webhooks]`: what the node calls itself.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table, Value},
    trunk::MAX_SOURCES,
    value::Network,
};

/// `[webhooks]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhooks {
    /// Networks that may be called, beside all public addresses.
    pub allow: Vec<At<Network>>,
}

impl Webhooks {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Webhooks {
        let Some(table) = Table::open(reader, value, &keys::WEBHOOKS, keys::WEBHOOKS.title.to_owned()) else { return Webhooks::default() };
        let allow = table.value("allow").and_then(|value| reader.list(&table.what("allow"), value, MAX_SOURCES)).unwrap_or_default();
        Webhooks { allow: allow.iter().filter_map(|entry| reader.parsed(&table.what("allow"), entry, Network::parse)).collect() }
    }
}
