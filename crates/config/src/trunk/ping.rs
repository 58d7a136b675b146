//! `ping`: how the targets of a trunk are asked whether they are there.

use crate::{
    keys,
    reader::{Reader, Table},
};
use std::time::Duration;

/// `ping` of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// How often each target is asked.
    pub every: Duration,
    /// So many questions in a row without an answer, and it is dead.
    pub down_after: u32,
}

impl Default for Ping {
    fn default() -> Self {
        Ping { every: Duration::from_secs(30), down_after: 2 }
    }
}

/// How often at most and at least.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(3600);
/// The most unanswered questions that one waits for.
const MOST: u32 = 10;

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Ping> {
    let inner = Table::open(reader, table.value("ping")?, &keys::PING, table.what("ping"))?;
    let default = Ping::default();
    Some(Ping {
        every: inner.duration(reader, "every", SHORTEST..=LONGEST).map_or(default.every, |every| *every),
        down_after: inner.number(reader, "down_after", 1..=MOST).map_or(default.down_after, |count| *count),
    })
}
