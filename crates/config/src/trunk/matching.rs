//! `match`: whose calls are a trunk's.

use crate::{
    keys,
    problem::At,
    reader::{Reader, Table, Value},
    uri::is_host_name,
    value::{Network, Pattern},
};

/// Entries of one `match.sources`.
pub const MAX_SOURCES: usize = 256;

/// `match`: all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where the request comes from; any of them.
    pub sources: Vec<At<Network>>,
    /// Which listener it came to.
    pub listen: Option<At<Box<str>>>,
    /// Host part of the Request-URI, compared without case.
    pub domain: Option<Box<str>>,
    /// On the user part of the To URI.
    pub to: Option<Pattern>,
    /// Whom the certificate of its connection speaks for, compared without case.
    pub tls_name: Option<At<Box<str>>>,
}

impl Match {
    /// How many of the five conditions are given.
    pub fn conditions(&self) -> usize {
        usize::from(!self.sources.is_empty())
            + usize::from(self.listen.is_some())
            + usize::from(self.domain.is_some())
            + usize::from(self.to.is_some())
            + usize::from(self.tls_name.is_some())
    }
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Option<At<Match>> {
    let table = Table::open(reader, value, &keys::MATCH, table.what("match"))?;
    let mut is_whole = true;
    let mut sources: Vec<At<Network>> = Vec::new();
    if let Some(value) = table.value("sources") {
        let what = table.what("sources");
        let list = reader.list(&what, value, MAX_SOURCES).unwrap_or_default();
        if value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            reader.report(reader.place_of(value), format!("{what} is empty: nobody would match"));
        }
        for entry in list {
            let Some(source) = reader.parsed(&what, entry, Network::parse) else { continue };
            if sources.contains(&source) {
                reader.report(source.place, format!("{what} has `{}` twice", *source));
            } else {
                sources.push(source);
            }
        }
        is_whole &= sources.len() == list.len();
    }
    let domain = table.parsed(reader, "domain", |text| {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let is_host = is_host_name(text) || bare.parse::<std::net::IpAddr>().is_ok();
        if is_host { Ok(text.into()) } else { Err(format!("`{text}` is not a host name or address")) }
    });
    let to = table.parsed(reader, "to", Pattern::parse);
    let tls_name = table.parsed(reader, "tls_name", |text| match is_host_name(text) {
        true => Ok(Box::from(text.trim_end_matches('.'))),
        // RFC 5922 §7.1: an identity is the host of a SIP URI, or a DNS name.
        false => Err(format!("`{text}` is not a host name, which is what a certificate speaks for")),
    });
    for (key, is_read) in [("domain", domain.is_some()), ("to", to.is_some()), ("tls_name", tls_name.is_some())] {
        is_whole &= table.has(key) == is_read;
    }
    let listen = table.text(reader, "listen");
    let matching = Match { sources, listen, domain: domain.map(|domain| domain.value), to: to.map(|to| to.value), tls_name };
    if !keys::MATCH.built.iter().any(|key| table.has(key)) {
        reader.report(table.place, format!("{} has no condition; for anybody write `sources = [\"0.0.0.0/0\"]`", table.title()));
    }
    is_whole.then_some(At::new(matching, table.place))
}
