//! `[abuse]`: what those get who are nobody's.

use crate::{
    keys,
    node::MOST_CPS,
    problem::At,
    reader::{Reader, Table, Value},
    trunk::MAX_SOURCES,
    value::Network,
};
use std::time::Duration;

/// `[abuse]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Abuse {
    /// Answers a second that one source gets which is nobody's; what it sends beyond that gets none.
    pub answers: u32,
    /// What one source may do wrong within a minute before it is banned.
    pub offences: u32,
    /// How long a ban lasts; zero: none is carried out.
    pub ban: Duration,
    /// Who is never banned, nor answered less.
    pub allow: Vec<At<Network>>,
}

impl Default for Abuse {
    fn default() -> Self {
        Abuse { answers: 30, offences: 20, ban: Duration::from_secs(10 * 60), allow: Vec::new() }
    }
}

/// The most that `offences` may say.
const MOST_OFFENCES: u32 = 1_000;

/// The longest ban.
const LONGEST_BAN: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl Abuse {
    pub(crate) fn read(reader: &mut Reader<'_>, value: &Value<'_>) -> Abuse {
        let default = Abuse::default();
        let Some(table) = Table::open(reader, value, &keys::ABUSE, keys::ABUSE.title.to_owned()) else { return default };
        let allow = table.value("allow").and_then(|value| reader.list(&table.what("allow"), value, MAX_SOURCES)).unwrap_or_default();
        Abuse {
            answers: table.number(reader, "answers", 1..=MOST_CPS).map_or(default.answers, |answers| *answers),
            offences: table.number(reader, "offences", 1..=MOST_OFFENCES).map_or(default.offences, |offences| *offences),
            ban: table.duration(reader, "ban", Duration::ZERO..=LONGEST_BAN).map_or(default.ban, |ban| *ban),
            allow: allow.iter().filter_map(|entry| reader.parsed(&table.what("allow"), entry, Network::parse)).collect(),
        }
    }
}
