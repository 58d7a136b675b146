//! `[[trunk]]`: a neighbour, how its calls are known and how it is spoken with.

mod failover;
mod limits;
mod matching;
mod targets;

pub use limits::Limits;
pub use matching::{MAX_SOURCES, Match};
pub use targets::{MAX_TARGETS, TrunkTarget};

pub(crate) use limits::read_status;

use crate::{
    node::one_of,
    problem::At,
    reader::{Reader, Table},
};
use std::time::Duration;
use tandem_model::{Codec, Failover};

/// `[[trunk]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: Box<str>,
    /// Where its calls are sent. Empty: it only calls us.
    pub targets: Vec<At<TrunkTarget>>,
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
    /// After which failures of a target the next is tried.
    pub failover: Failover,
    /// How much it may carry.
    pub limits: Limits,
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
            failover: Failover::default(),
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
            targets: targets::read(reader, table),
            matching: table.value("match").and_then(|value| matching::read(reader, table, value)),
            listen: table.text(reader, "listen"),
            media: table.text(reader, "media"),
            nat: table.boolean(reader, "nat").unwrap_or(default.nat),
            codecs: read_codecs(reader, table),
            trying_timeout: trying.map_or(default.trying_timeout, |span| *span),
            ring_timeout: ring.map_or(default.ring_timeout, |span| *span),
            failover: failover::read(reader, table),
            limits: table.value("limits").map_or_else(Limits::default, |value| limits::read(reader, table, value)),
        };
        if !table.has("targets") && !table.has("match") {
            reader.report(table.place, format!("{} has neither `targets` nor `match`: no call could use it", table.title()));
        }
        name.map(|_| trunk)
    }
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
