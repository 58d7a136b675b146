//! What is told of a call in the log: one line at INFO when it has ended, what happened on the way at DEBUG.

use crate::{log::Escaped, plain_text::Address};
use std::fmt;
use tandem_model::{CallRecord, DirectionStats, Event, EventKind, LegRecord, Timestamp};

/// The one line that an ended call leaves: who, where, by which route, how long, why it ended, and what was heard.
pub(crate) fn call_ended(record: &CallRecord) {
    let caller = record.legs.first();
    let callee = record.legs.iter().skip(1).max_by_key(|leg| leg.sip_status / 100 == 2);
    let codec = record.legs.iter().find_map(|leg| leg.codec);
    tracing::info!(
        call = %record.call,
        reason = %record.reason,
        route = %Escaped(&record.route),
        from = %Escaped(caller.map_or("", |leg| &leg.from)),
        to = %Escaped(caller.map_or("", |leg| &leg.to)),
        caller = %Endpoint(caller),
        callee = %Endpoint(callee),
        status = caller.map_or(0, |leg| leg.sip_status),
        setup_ms = record.answered.map(|answered| millis(record.began, answered)),
        duration_ms = millis(record.answered.unwrap_or(record.ended), record.ended),
        codec = codec.map(|codec| codec.encoding_name()),
        caller_media = caller.and_then(|leg| leg.media).map(|media| tracing::field::display(Heard(media.received, media.dropped))),
        callee_media = callee.and_then(|leg| leg.media).map(|media| tracing::field::display(Heard(media.received, media.dropped))),
        "call ended"
    );
}

/// Anything else that happened to a call.
pub(crate) fn event(event: &Event, kind: &EventKind) {
    match (event.leg, kind) {
        (Some(leg), EventKind::LegFailed { sip_status, reason, .. }) => {
            tracing::debug!(call = %event.call, %leg, sip_status, reason = %Escaped(reason), "{}", kind.name());
        }
        (Some(leg), EventKind::LegEnded { reason }) => tracing::debug!(call = %event.call, %leg, %reason, "{}", kind.name()),
        (Some(leg), _) => tracing::debug!(call = %event.call, %leg, "{}", kind.name()),
        (None, _) => tracing::debug!(call = %event.call, "{}", kind.name()),
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// `trunk:carrier` and where its messages came from.
struct Endpoint<'a>(Option<&'a LegRecord>);

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(leg) = self.0 else { return Ok(()) };
        fmt::Display::fmt(&Escaped(&leg.endpoint), f)?;
        let Some(remote) = leg.remote else { return Ok(()) };
        f.write_str("@")?;
        fmt::Display::fmt(&Address(remote), f)
    }
}

/// What came from a leg.
struct Heard(DirectionStats, u64);

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Heard(stats, dropped) = self;
        write!(
            f,
            "{} packets, {} bytes, {} lost, jitter {:.1} ms",
            stats.packets,
            stats.bytes,
            stats.lost,
            f64::from(stats.jitter_us) / 1000.0
        )?;
        if *dropped > 0 { write!(f, ", {dropped} dropped") } else { Ok(()) }
    }
}
