//! `session_timer`: how long a session lasts that nobody refreshes (RFC 4028).

use crate::{
    keys,
    node::one_of,
    problem::At,
    reader::{Reader, Table},
    value::{parse_duration, print_duration},
};
use std::time::Duration;
use tandem_model::{MIN_SESSION_S, Refresher, SessionTimer};

/// Intervals that are possible, in seconds: from what the RFC allows to a day.
const SHORTEST_S: u32 = MIN_SESSION_S;
const LONGEST_S: u32 = 24 * 3600;

/// `session_timer` of a trunk: a table, or `"off"`.
pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<SessionTimer> {
    let default = SessionTimer::default();
    let Some(value) = table.value("session_timer") else { return Some(default) };
    if value.get_ref().as_str().is_some() {
        let off = |text: &str| if text == "off" { Ok(()) } else { Err(format!("`{text}`: a table {EXAMPLE} or \"off\" is wanted")) };
        table.parsed(reader, "session_timer", off);
        return None;
    }
    let Some(inner) = Table::open(reader, value, &keys::SESSION_TIMER, table.what("session_timer")) else { return Some(default) };
    let min = interval(reader, &inner, "min");
    let expires = interval(reader, &inner, "expires");
    let min_s = min.map_or(default.min_s, |min| *min);
    // What is not written follows what is: a longer `min` alone is no contradiction.
    let expires_s = expires.as_ref().map_or(default.expires_s.max(min_s), |expires| **expires);
    if expires_s < min_s {
        let place = expires.map_or_else(|| reader.place_of(value), |expires| expires.place);
        let (least, written) = (print(min_s), print(expires_s));
        reader.report(place, format!("{}: `{written}` is shorter than `min`, which is {least}", inner.what("expires")));
    }
    let words = [("auto", Refresher::Auto), ("us", Refresher::Us), ("them", Refresher::Them)];
    let refresher = inner.parsed(reader, "refresher", |text| one_of(text, &words)).map_or(default.refresher, |who| *who);
    Some(SessionTimer { expires_s, min_s, refresher })
}

const EXAMPLE: &str = "{ expires = \"30m\", min = \"90s\", refresher = \"auto\" }";

/// A number of whole seconds, as messages say it.
fn interval(reader: &mut Reader<'_>, table: &Table<'_, '_>, key: &str) -> Option<At<u32>> {
    table.parsed(reader, key, |text| {
        let span = parse_duration(text)?;
        let seconds = u32::try_from(span.as_secs()).ok().filter(|seconds| (SHORTEST_S..=LONGEST_S).contains(seconds));
        match seconds {
            Some(seconds) if span.subsec_nanos() == 0 => Ok(seconds),
            Some(_) => Err(format!("`{text}`: whole seconds are wanted")),
            None => Err(format!("`{text}`: from {} to {} is possible (RFC 4028 allows no less)", print(SHORTEST_S), print(LONGEST_S))),
        }
    })
}

fn print(seconds: u32) -> String {
    print_duration(Duration::from_secs(seconds.into()))
}
