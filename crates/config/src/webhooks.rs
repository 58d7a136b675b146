//! `[webhooks]`: what the node calls itself.

use crate::{
    ask::parse_url,
    keys,
    problem::At,
    reader::{Reader, Table, Value},
    trunk::{MAX_SOURCES, read_secret},
    value::Network,
};
use tandem_model::Secret;

/// `webhook` of `[api]`: who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `http://…` or `https://…`.
    pub url: Box<str>,
    /// What events are signed with.
    pub secret: Option<Secret>,
}

impl Webhook {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>, what: String) -> Option<Webhook> {
        let table = Table::open(reader, value, &keys::WEBHOOK, what)?;
        table.missing(reader, "url", "\"https://…\"");
        let secret = table.value("secret").and_then(|value| read_secret(reader, &table, "secret", value));
        Some(Webhook { url: table.parsed(reader, "url", parse_url)?.value, secret })
    }
}

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
