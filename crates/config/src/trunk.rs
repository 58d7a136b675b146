//! `[[trunk]]`: a neighbour, how its calls are known and how it is spoken with.

use crate::{
    keys,
    node::{MOST_CPS, one_of},
    problem::At,
    reader::{Reader, Table, Value},
    uri::{Target, is_host_name},
    value::{Network, Pattern},
};
use std::time::Duration;
use tandem_model::Codec;

/// Targets of one trunk.
pub const MAX_TARGETS: usize = 16;

/// Entries of one `match.sources`.
pub const MAX_SOURCES: usize = 256;

/// `[[trunk]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: Box<str>,
    /// Where its calls are sent, tried in order. Empty: it only calls us.
    pub targets: Vec<At<Target>>,
    /// Whose calls are this trunk's. `None`: nobody's.
    pub matching: Option<At<Match>>,
    /// The listener its requests leave from.
    pub listen: Option<At<Box<str>>>,
    /// The side its media is on.
    pub media: Option<At<Box<str>>>,
    /// Addresses are those that we see, not those that it writes.
    pub nat: bool,
    /// In order of preference.
    pub codecs: Vec<Codec>,
    /// No response at all for so long: the next target.
    pub trying_timeout: Duration,
    /// No final response for so long: CANCEL.
    pub ring_timeout: Duration,
    /// How much it may carry.
    pub limits: Limits,
}

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
}

impl Match {
    /// How many of the four conditions are given.
    pub fn conditions(&self) -> usize {
        usize::from(!self.sources.is_empty())
            + usize::from(self.listen.is_some())
            + usize::from(self.domain.is_some())
            + usize::from(self.to.is_some())
    }
}

/// `limits` of a trunk. Calls in both directions count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at a time.
    pub calls: Option<u32>,
    /// New calls a second.
    pub cps: Option<u32>,
    /// What a call over the limit is answered with.
    pub status: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { calls: None, cps: None, status: 480 }
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// What a trunk is where its section says nothing.
impl Default for Trunk {
    fn default() -> Self {
        Trunk {
            name: Box::default(),
            targets: Vec::new(),
            matching: None,
            listen: None,
            media: None,
            nat: false,
            codecs: Codec::ALL.to_vec(),
            trying_timeout: SECOND * 4,
            ring_timeout: SECOND * 180,
            limits: Limits::default(),
        }
    }
}

impl Trunk {
    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Trunk> {
        let name = table.name(reader, "name");
        table.missing(reader, "name", "\"…\"");
        let trying = table.duration(reader, "trying_timeout", Duration::from_millis(100)..=SECOND * 32);
        let ring = table.duration(reader, "ring_timeout", SECOND..=SECOND * 3600);
        let default = Trunk::default();
        let trunk = Trunk {
            name: name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
            targets: read_targets(reader, table),
            matching: table.value("match").and_then(|value| read_match(reader, table, value)),
            listen: table.text(reader, "listen"),
            media: table.text(reader, "media"),
            nat: table.boolean(reader, "nat").unwrap_or(default.nat),
            codecs: read_codecs(reader, table),
            trying_timeout: trying.map_or(default.trying_timeout, |span| *span),
            ring_timeout: ring.map_or(default.ring_timeout, |span| *span),
            limits: table.value("limits").map_or_else(Limits::default, |value| read_limits(reader, table, value)),
        };
        if !table.has("targets") && !table.has("match") {
            reader.report(table.place, format!("{} has neither `targets` nor `match`: no call could use it", table.title()));
        }
        name.map(|_| trunk)
    }
}

fn read_targets(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<At<Target>> {
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

fn read_match(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Option<At<Match>> {
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
    is_whole &= table.has("domain") == domain.is_some() && table.has("to") == to.is_some();
    let listen = table.text(reader, "listen");
    let matching = Match { sources, listen, domain: domain.map(|domain| domain.value), to: to.map(|to| to.value) };
    if !["sources", "listen", "domain", "to"].iter().any(|key| table.has(key)) {
        reader.report(table.place, format!("{} has no condition; for anybody write `sources = [\"0.0.0.0/0\"]`", table.title()));
    }
    is_whole.then_some(At::new(matching, table.place))
}

fn read_codecs(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Vec<Codec> {
    let all = Codec::ALL.to_vec();
    let Some(value) = table.value("codecs") else { return all };
    let what = table.what("codecs");
    let words = [("opus", Codec::Opus), ("g722", Codec::G722), ("pcmu", Codec::Pcmu), ("pcma", Codec::Pcma)];
    let Some(list) = reader.list(&what, value, words.len() * 2) else { return all };
    if list.is_empty() {
        reader.report(reader.place_of(value), format!("{what} is empty: no call could be agreed"));
    }
    let mut codecs = Vec::new();
    for entry in list {
        let Some(codec) = reader.parsed(&what, entry, |text| one_of(text, &words)) else { continue };
        if codecs.contains(&*codec) {
            reader.report(codec.place, format!("{what} has a codec twice"));
        }
        codecs.push(*codec);
    }
    codecs
}

fn read_limits(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Limits {
    let default = Limits::default();
    let Some(table) = Table::open(reader, value, &keys::LIMITS, table.what("limits")) else { return default };
    Limits {
        calls: table.number(reader, "calls", 1..=1_000_000).map(|calls| *calls),
        cps: table.number(reader, "cps", 1..=MOST_CPS).map(|cps| *cps),
        status: read_status(reader, &table, "status").map_or(default.status, |status| *status),
    }
}

/// A status that refuses a request. 401 and 407 would need a challenge, 3xx a new address: neither can be written here.
pub(crate) fn read_status(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Option<At<u16>> {
    let status = table.number(reader, key, 400..=699)?;
    if matches!(*status, 401 | 407) {
        reader.report(status.place, format!("{}: {} needs a challenge beside it; 403 refuses", table.what(key), *status));
    }
    u16::try_from(*status).ok().map(|value| At::new(value, status.place))
}
