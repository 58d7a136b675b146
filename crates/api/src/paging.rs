//! Lists that are read piece by piece. A cursor is ours: what stands in it is nobody else's.

use crate::{kept::Listed, problem::Problem, record::Record};
use serde::Serialize;
use utoipa::ToSchema;

/// Entries of one page where nothing is said.
const USUAL: usize = 100;

/// Entries of one page at most.
pub(crate) const MOST: usize = 1000;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// Calls that are over and will stand here once the database has taken their records; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) waiting: Option<u64>,
}

impl<T> Page<T> {
    /// A page, and the cursor of the next.
    pub(crate) fn new(items: Vec<T>, next: Option<String>) -> Page<T> {
        Page { items, next, waiting: None }
    }

    /// A page of records.
    pub(crate) fn of_records(listed: Listed, shown: impl FnMut(Record) -> T) -> Page<T> {
        let waiting = Some(listed.waiting).filter(|waiting| *waiting > 0);
        Page { items: listed.records.into_iter().map(shown).collect(), next: listed.next, waiting }
    }
}

/// How many entries are wanted.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(USUAL) {
        limit @ 1..=MOST => Ok(limit),
        _ => Err(Problem::invalid("limit", format!("a page has from 1 to {MOST} entries"))),
    }
}

/// No cursor that we wrote.
pub(crate) fn bad_cursor() -> Problem {
    Problem::invalid("cursor", "that is no cursor: it is `next` of the page before")
}
