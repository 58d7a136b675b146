//! `do = { ring = […] }`: several who may take a call.

use crate::{
    node::one_of,
    played,
    reader::{Reader, Table},
    route::{Do, read_endpoints, read_timeout},
};
use tandem_model::{Hears, PicksUp, RingTerms, Strategy};

/// The keys that go only with `ring`.
pub(crate) const KEYS: [&str; 5] = ["strategy", "target_timeout", "ends_on_6xx", "hears", "picks_up"];

const STRATEGIES: [(&str, Strategy); 3] =
    [("parallel", Strategy::Parallel), ("sequential", Strategy::Sequential), ("round-robin", Strategy::RoundRobin)];

const HEARS: [(&str, Hears); 2] = [("early-media", Hears::EarlyMedia), ("ringing", Hears::Ringing)];

const PICKS_UP: [(&str, PicksUp); 2] = [("when-answered", PicksUp::WhenAnswered), ("at-once", PicksUp::AtOnce)];

/// The `ring` of a table, if it has one.
pub(crate) fn read(reader: &mut Reader<'_>, table: &Table<'_, '_>) -> Option<Do> {
    let usual = RingTerms::default();
    let strategy = table.parsed(reader, "strategy", |text| one_of(text, &STRATEGIES));
    let hears = table.parsed(reader, "hears", |text| one_of(text, &HEARS));
    let picks_up = table.parsed(reader, "picks_up", |text| one_of(text, &PICKS_UP));
    let ends_on_6xx = table.boolean(reader, "ends_on_6xx");
    let target_timeout = read_timeout(reader, table, "target_timeout");
    let endpoints = read_endpoints(reader, table, "ring")?;
    for (index, endpoint) in endpoints.iter().enumerate() {
        // Its first answer would hang the second leg up, and it would ring twice until then.
        if endpoints[..index].iter().any(|before| before.value == endpoint.value) {
            reader.report(endpoint.place, format!("{} has one endpoint twice: it would ring twice at once", table.what("ring")));
        }
    }
    let timeout = read_timeout(reader, table, "timeout");
    let terms = RingTerms {
        strategy: strategy.map_or(usual.strategy, |strategy| *strategy),
        timeout,
        target_timeout,
        ends_on_6xx: ends_on_6xx.unwrap_or(usual.ends_on_6xx),
        hears: hears.map_or(usual.hears, |hears| *hears),
        picks_up: picks_up.map_or(usual.picks_up, |picks_up| *picks_up),
    };
    let ringback = played::read_ringback(reader, table);
    Some(Do::Ring { endpoints, terms, ringback })
}
