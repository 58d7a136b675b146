//! `may_call` and `minutes_per_hour`: what whoever calls may spend.

use crate::{
    reader::{Reader, Table},
    value::Pattern,
};

/// Patterns of one `may_call`.
pub const MAX_MAY_CALL: usize = 64;

/// What calls may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// On the called number as routes write it: one of them must fit. `None`: any may be called.
    pub may_call: Option<Vec<Pattern>>,
    /// Call-minutes within an hour.
    pub minutes_per_hour: Option<u32>,
}

impl Toll {
    /// Whether that number may be called.
    pub fn lets_call(&self, number: &str) -> bool {
        self.may_call.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.is_match(number)))
    }

    pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Toll {
        let minutes = table.number(reader, "minutes_per_hour", 1..=10_000_000);
        Toll { minutes_per_hour: minutes.map(|minutes| *minutes), ..Toll::read_may_call(reader, table) }
    }

    /// `may_call` alone.
    pub(crate) fn read_may_call(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Toll {
        let may_call = table.value("may_call").and_then(|value| {
            let what = table.what("may_call");
            let list = reader.list(&what, value, MAX_MAY_CALL)?;
            Some(list.iter().filter_map(|entry| reader.parsed(&what, entry, Pattern::parse)).map(|pattern| pattern.value).collect())
        });
        Toll { may_call, minutes_per_hour: None }
    }
}
