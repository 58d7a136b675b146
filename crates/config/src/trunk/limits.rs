//! `limits`: how much a trunk, route or user may carry.

use crate::{
    keys,
    node::MOST_CPS,
    problem::At,
    reader::{Reader, Table, Value},
};

/// `limits`. Of a trunk calls in both directions count.
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

pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>, value: &Value<'_>) -> Limits {
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
