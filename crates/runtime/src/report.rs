//! What is told of a call in the log: one line at INFO when it has ended, what happened on the way at DEBUG.

use crate::{flight_recorder::Passwords, log::Escaped, plain_text::Address};
use std::fmt;
use tandem_model::{
    CallRecord, DirectionStats, EndedBy, Event, EventKind, ExchangeRecord, Fate, LegEnd, LegRecord, Limit, LimitState, RecordingDone,
    RegistrationChange, Timestamp, TrunkState,
};
use tracing::field::display;

/// The one line that an ended call leaves: who, where, by which route, how long, why it ended, and what was heard.
pub(crate) fn call_ended(record: &CallRecord) {
    let caller = record.legs.first();
    let callee = record.legs.iter().skip(1).max_by_key(|leg| leg.sip_status / 100 == 2);
    let codec = record.legs.iter().find_map(|leg| leg.codec);
    let set_up = record.answered.unwrap_or(record.ended);
    let [caller_media, callee_media] = [caller, callee].map(|leg| leg.and_then(|leg| leg.media));
    let [caller_playout, callee_playout] = [caller_media, callee_media].map(|media| media.and_then(|media| media.playout));
    // What a leg has reported of what it was sent.
    let [to_caller, to_callee] = [caller_media, callee_media].map(|media| media.map(|media| media.sent).filter(|sent| sent.mos.is_some()));
    tracing::info!(
        call = %record.call,
        reason = %record.reason,
        ended_by = who(caller, callee),
        cause = last_word(caller, callee).map(|leg| leg.end.q850_cause),
        route = %Escaped(&record.route),
        from = %ShownUri(caller.map_or("", |leg| &leg.from)),
        to = %ShownUri(caller.map_or("", |leg| &leg.to)),
        caller = %Endpoint(caller),
        callee = %Endpoint(callee),
        status = caller.and_then(final_status),
        callee_status = callee.and_then(final_status),
        ringing_ms = record.rang.map(|rang| millis(rang, set_up)),
        setup_ms = millis(record.began, set_up),
        duration_ms = millis(set_up, record.ended),
        total_ms = millis(record.began, record.ended),
        codec = codec.map(|codec| codec.encoding_name()),
        caller_packets = caller_media.map(|media| media.received.packets),
        caller_bytes = caller_media.map(|media| media.received.bytes),
        caller_lost = caller_media.map(|media| media.received.lost),
        caller_jitter_ms = caller_media.map(|media| tenths_ms(media.received.jitter_us)),
        caller_dropped = caller_media.map(|media| media.dropped),
        caller_mos = caller_media.and_then(|media| mos(&media.received)),
        caller_rtt_ms = caller_media.and_then(|media| media.round_trip_us).map(tenths_ms),
        caller_late = caller_playout.map(|playout| playout.late),
        caller_missing = caller_playout.map(|playout| playout.missing),
        caller_shortened = caller_playout.map(|playout| playout.shortened),
        caller_lengthened = caller_playout.map(|playout| playout.lengthened),
        caller_buffer_ms = caller_playout.map(|playout| tenths_ms(playout.delay_us)),
        to_caller_packets = caller_media.map(|media| media.sent.packets),
        to_caller_bytes = caller_media.map(|media| media.sent.bytes),
        to_caller_lost = to_caller.map(|sent| sent.lost),
        to_caller_jitter_ms = to_caller.map(|sent| tenths_ms(sent.jitter_us)),
        to_caller_mos = to_caller.and_then(|sent| mos(&sent)),
        callee_packets = callee_media.map(|media| media.received.packets),
        callee_bytes = callee_media.map(|media| media.received.bytes),
        callee_lost = callee_media.map(|media| media.received.lost),
        callee_jitter_ms = callee_media.map(|media| tenths_ms(media.received.jitter_us)),
        callee_dropped = callee_media.map(|media| media.dropped),
        callee_mos = callee_media.and_then(|media| mos(&media.received)),
        callee_rtt_ms = callee_media.and_then(|media| media.round_trip_us).map(tenths_ms),
        callee_late = callee_playout.map(|playout| playout.late),
        callee_missing = callee_playout.map(|playout| playout.missing),
        callee_shortened = callee_playout.map(|playout| playout.shortened),
        callee_lengthened = callee_playout.map(|playout| playout.lengthened),
        callee_buffer_ms = callee_playout.map(|playout| tenths_ms(playout.delay_us)),
        to_callee_packets = callee_media.map(|media| media.sent.packets),
        to_callee_bytes = callee_media.map(|media| media.sent.bytes),
        to_callee_lost = to_callee.map(|sent| sent.lost),
        to_callee_jitter_ms = to_callee.map(|sent| tenths_ms(sent.jitter_us)),
        to_callee_mos = to_callee.and_then(|sent| mos(&sent)),
        "call ended"
    );
}

/// The one line that a message outside of any dialog leaves.
pub(crate) fn message_ended(record: &ExchangeRecord) {
    tracing::info!(
        call = %record.call,
        route = %Escaped(&record.route),
        from = %ShownUri(&record.from),
        to = %ShownUri(&record.to),
        caller = %Escaped(&record.caller),
        callee = %Escaped(&record.callee),
        status = record.sip_status,
        "message ended"
    );
}

/// How a trunk, a registrar or a target of it is now: one line a change.
pub(crate) fn trunk(kind: &EventKind, state: &TrunkState) {
    let TrunkState { trunk, at, reason } = state;
    let at = (!at.is_empty()).then(|| display(Escaped(at)));
    let reason = (!reason.is_empty()).then(|| display(Escaped(reason)));
    match kind {
        EventKind::TrunkUp(_) | EventKind::Registered(_) | EventKind::TargetUp(_) => {
            tracing::info!(%trunk, at, reason, "{}", kind.name());
        }
        // Given up as it was asked for.
        EventKind::Unregistered(_) if reason.is_none() => tracing::info!(%trunk, at, "{}", kind.name()),
        _ => tracing::warn!(%trunk, at, reason, "{}", kind.name()),
    }
}

/// What became of a contact of a user: where it is to be found is told at DEBUG alone.
pub(crate) fn registration_changed(change: &RegistrationChange) {
    let RegistrationChange { user, contact, fate, until: _, flow, contacts } = change;
    if *fate != Fate::Refreshed {
        tracing::info!(user = %Escaped(user), change = fate.word(), contacts, "registration.changed");
    }
    tracing::debug!(user = %Escaped(user), change = fate.word(), contacts, contact = %ShownUri(contact), transport = flow.transport.token(), source = %Address(flow.remote), "where a user is");
}

/// A limit was reached, or is no longer: one line each time, however many calls were refused.
pub(crate) fn limit(kind: &EventKind, state: &LimitState) {
    let (of, limit, refused) = (Escaped(&state.of), state.limit.key(), state.refused);
    match kind {
        EventKind::LimitReached(_) => tracing::warn!(%of, limit, refused, "a limit was reached"),
        EventKind::LimitOver(_) => tracing::info!(%of, limit, refused, "a limit is no longer reached"),
        EventKind::TollTripped(_) if state.limit == Limit::Numbers => {
            tracing::warn!(%of, limit, refused, number = %Escaped(&state.number), "a number was called that may not be");
        }
        EventKind::TollOver(_) if state.limit == Limit::Numbers => {
            tracing::info!(%of, limit, refused, number = %Escaped(&state.number), "no number is called any more that may not be");
        }
        EventKind::TollTripped(_) => tracing::warn!(%of, limit, "the call-minutes of an hour are spent"),
        _ => tracing::warn!(%of, limit, refused, "call-minutes are left again"),
    }
}

/// A recording has ended: one line, at WARN if it could not go on, or not begin.
pub(crate) fn recording(event: &Event, done: &RecordingDone) {
    let Event { call, leg, .. } = event;
    let leg = leg.map(display);
    let file = (!done.file.is_empty()).then(|| display(Escaped(&done.file)));
    let (duration_ms, reason) = (done.ms, Escaped(done.end.words()));
    if done.end.is_good() {
        tracing::info!(%call, leg, file, duration_ms, %reason, "recording.ready");
    } else {
        tracing::warn!(%call, leg, file, duration_ms, %reason, "a recording ended early");
    }
}

/// Anything else that happened to a call.
pub(crate) fn event(event: &Event, kind: &EventKind) {
    match (event.leg, kind) {
        // It will go on failing until somebody mends a password.
        (Some(leg), EventKind::LegFailed(end)) if matches!(end.sip_status, 401 | 407) && end.by == EndedBy::Peer => {
            let LegEnd { sip_status, reason, q850_cause, .. } = end;
            tracing::warn!(call = %event.call, %leg, sip_status, reason = %Escaped(reason), q850_cause, "{}", kind.name());
        }
        (Some(leg), EventKind::LegFailed(end) | EventKind::LegEnded(end)) => {
            let LegEnd { sip_status, reason, q850_cause, by } = end;
            tracing::debug!(call = %event.call, %leg, sip_status, reason = %Escaped(reason), q850_cause, ?by, "{}", kind.name());
        }
        // Until somebody says how it wants them.
        (Some(leg), EventKind::LegDtmfRefused(status)) => {
            tracing::warn!(call = %event.call, %leg, sip_status = status, "{}", kind.name());
        }
        (Some(leg), EventKind::PlayEnded { play, end }) => {
            tracing::debug!(call = %event.call, %leg, play = play.0, ?end, "{}", kind.name());
        }
        // Which key it was may be a secret.
        (Some(leg), _) => tracing::debug!(call = %event.call, %leg, "{}", kind.name()),
        (None, _) => tracing::debug!(call = %event.call, "{}", kind.name()),
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(u64::MAX)
}

/// The leg whose word ended the call: the one whose peer did, else the callee's, else the caller's.
fn last_word<'a>(caller: Option<&'a LegRecord>, callee: Option<&'a LegRecord>) -> Option<&'a LegRecord> {
    let by_peer = [callee, caller].into_iter().flatten().find(|leg| leg.end.by == EndedBy::Peer);
    by_peer.or(callee).or(caller)
}

/// Whose word it was.
fn who(caller: Option<&LegRecord>, callee: Option<&LegRecord>) -> &'static str {
    let is_peer = |leg: Option<&LegRecord>| leg.is_some_and(|leg| leg.end.by == EndedBy::Peer);
    match (is_peer(caller), is_peer(callee)) {
        (_, true) => "callee",
        (true, false) => "caller",
        (false, false) => "tandem",
    }
}

/// The final status of a leg's INVITE, if there was one.
fn final_status(leg: &LegRecord) -> Option<u16> {
    Some(leg.sip_status).filter(|status| *status != 0)
}

/// To a tenth of a millisecond.
fn tenths_ms(micros: u32) -> f64 {
    f64::from(micros.saturating_add(50) / 100) / 10.0
}

fn mos(stats: &DirectionStats) -> Option<f64> {
    stats.mos.map(|mos| mos.value())
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

/// A URI of a peer without its password and its control characters.
struct ShownUri<'a>(&'a str);

impl fmt::Display for ShownUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(password) = Passwords::of(self.0.as_bytes()).next() else { return fmt::Display::fmt(&Escaped(self.0), f) };
        fmt::Display::fmt(&Escaped(&self.0[..password.start]), f)?;
        password.clone().try_for_each(|_| f.write_str("*"))?;
        fmt::Display::fmt(&Escaped(&self.0[password.end..]), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{LogFormat, written};
    use tandem_model::{CallId, Codec, EndReason, EndpointStats, LegId, Mos, PlayoutStats, RecordingEnd, RecordingFailure, RecordingId};

    fn leg(call: CallId, index: u8, status: u16) -> LegRecord {
        LegRecord {
            leg: call.leg(index).unwrap(),
            endpoint: ["trunk:pbx", "trunk:carrier", "trunk:spare"][usize::from(index)].into(),
            from: "sip:a@b".into(),
            to: "sip:c@d".into(),
            remote: Some(([192, 0, 2, 1], 5060).into()),
            sip_call_id: "".into(),
            session_id: "".into(),
            sip_status: status,
            codec: None,
            replaced_by: None,
            media: None,
            end: LegEnd { sip_status: status, reason: "".into(), q850_cause: 16 + index, by: EndedBy::Node },
        }
    }

    /// Began at 1 s, ended at 61 s.
    fn record(statuses: &[u16], reason: EndReason) -> CallRecord {
        let call = CallId::new(1_700_000_000_000, 7);
        CallRecord {
            call,
            route: "pbx to carrier".into(),
            began: Timestamp::from_micros(1_000_000),
            rang: None,
            answered: None,
            ended: Timestamp::from_micros(61_000_000),
            reason,
            metadata: None,
            legs: (0u8..).zip(statuses).map(|(index, status)| leg(call, index, *status)).collect(),
        }
    }

    fn line(record: &CallRecord) -> serde_json::Value {
        serde_json::from_str(&written(LogFormat::Json, || call_ended(record))).unwrap()
    }

    fn heard(leg: LegId, packets: u64) -> Option<EndpointStats> {
        let received = DirectionStats { packets, bytes: 160 * packets, lost: 2, jitter_us: 1_260, mos: Some(Mos::from_hundredths(437)) };
        Some(EndpointStats { leg, received, sent: DirectionStats::default(), dropped: 3, round_trip_us: None, playout: None })
    }

    #[test]
    fn a_call_that_nobody_answered_says_how_long_it_rang() {
        let unanswered = CallRecord { rang: Some(Timestamp::from_micros(1_500_000)), ..record(&[480, 487], EndReason::RingTimeout) };
        let line = line(&unanswered);
        let times = ["ringing_ms", "setup_ms", "duration_ms", "total_ms"].map(|name| line[name].as_u64());
        assert_eq!(times, [Some(59_500), Some(60_000), Some(0), Some(60_000)], "{line}");
    }

    #[test]
    fn the_times_of_an_answered_call_add_up() {
        let seconds = |seconds: u64| Some(Timestamp::from_micros(seconds * 1_000_000));
        let line = line(&CallRecord { rang: seconds(3), answered: seconds(8), ..record(&[200, 200], EndReason::CallerHungUp) });
        let times = ["ringing_ms", "setup_ms", "duration_ms", "total_ms"].map(|name| line[name].as_u64());
        assert_eq!(times, [Some(5_000), Some(7_000), Some(53_000), Some(60_000)], "{line}");
    }

    #[test]
    fn the_status_of_the_callee_is_told_beside_that_of_the_caller() {
        for callee in [503, 407, 491, 500] {
            let line = line(&record(&[500, callee], EndReason::Failed(500)));
            assert!(line["status"] == 500 && line["callee_status"] == callee && line.get("ringing_ms").is_none(), "{line}");
        }
        // The last that was tried, unless another one took the call.
        assert_eq!(line(&record(&[486, 503, 486], EndReason::Failed(486)))["callee_status"], 486);
        assert_eq!(line(&record(&[200, 200, 487], EndReason::CallerHungUp))["callee_status"], 200);
        assert!(line(&record(&[404], EndReason::Failed(404))).get("callee_status").is_none());
    }

    #[test]
    fn whose_word_ended_it_is_told_with_its_cause() {
        let mut record = record(&[200, 200], EndReason::CallerHungUp);
        assert_eq!((&line(&record)["ended_by"], &line(&record)["cause"]), (&"tandem".into(), &17.into()));
        record.legs[0].end.by = EndedBy::Peer;
        assert_eq!((&line(&record)["ended_by"], &line(&record)["cause"]), (&"caller".into(), &16.into()));
        record.legs[0].end.by = EndedBy::Node;
        record.legs[1].end.by = EndedBy::Peer;
        assert_eq!((&line(&record)["ended_by"], &line(&record)["cause"]), (&"callee".into(), &17.into()));
    }

    #[test]
    fn media_figures_are_numbers() {
        let mut answered = record(&[200, 200], EndReason::CallerHungUp);
        answered.legs[0].media = heard(answered.legs[0].leg, 500);
        answered.legs[1].media = heard(answered.legs[1].leg, 400);
        answered.legs[0].codec = Some(Codec::Pcmu);
        let line = line(&answered);
        let expected = serde_json::json!({
            "caller_packets": 500, "caller_bytes": 80_000, "caller_lost": 2, "caller_jitter_ms": 1.3, "caller_dropped": 3,
            "callee_packets": 400, "callee_bytes": 64_000, "callee_lost": 2, "callee_jitter_ms": 1.3, "callee_dropped": 3,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
        let text = written(LogFormat::Text, || call_ended(&answered));
        assert!(
            text.contains(" INFO call ended call=call_")
                && text.contains(" reason=\"caller hung up\" ended_by=tandem cause=17 route=\"pbx to carrier\" "),
            "{text}"
        );
        assert!(text.contains(" codec=PCMU caller_packets=500 caller_bytes=80000 caller_lost=2 caller_jitter_ms=1.3 "), "{text}");
    }

    #[test]
    fn how_a_call_sounded_is_told_each_way() {
        let mut answered = record(&[200, 200], EndReason::CallerHungUp);
        let playout = PlayoutStats { late: 1, missing: 4, shortened: 2, lengthened: 3, delay_us: 31_450 };
        let sent = DirectionStats { packets: 480, bytes: 76_800, lost: 7, jitter_us: 2_000, mos: Some(Mos::from_hundredths(392)) };
        answered.legs[0].media = heard(answered.legs[0].leg, 500).map(|media| EndpointStats {
            sent,
            round_trip_us: Some(42_040),
            playout: Some(playout),
            ..media
        });
        answered.legs[1].media = heard(answered.legs[1].leg, 400);
        let line = line(&answered);
        let expected = serde_json::json!({
            "caller_mos": 4.37, "caller_rtt_ms": 42.0, "caller_late": 1, "caller_missing": 4, "caller_shortened": 2, "caller_lengthened": 3,
            "caller_buffer_ms": 31.5, "to_caller_packets": 480, "to_caller_bytes": 76_800, "to_caller_lost": 7, "to_caller_jitter_ms": 2.0,
            "to_caller_mos": 3.92, "callee_mos": 4.37, "to_callee_packets": 0, "to_callee_bytes": 0,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
        // What nobody told is not said.
        for name in ["callee_rtt_ms", "callee_late", "callee_buffer_ms", "to_callee_lost", "to_callee_jitter_ms", "to_callee_mos"] {
            assert!(line.get(name).is_none(), "{name} of {line}");
        }
        let text = written(LogFormat::Text, || call_ended(&answered));
        assert!(text.contains(" caller_mos=4.37 caller_rtt_ms=42.0 ") && text.contains(" to_caller_mos=3.92 "), "{text}");
    }

    #[test]
    fn what_may_not_be_called_is_told_with_its_caller_and_the_first_number() {
        let state = LimitState { of: "user:alice".into(), limit: Limit::Numbers, refused: 3, number: "00\u{1b}77".into() };
        let line = |kind: EventKind| written(LogFormat::Text, || limit(&kind, &state));
        let tripped = line(EventKind::TollTripped(Box::new(state.clone())));
        let end = "of=user:alice limit=may_call refused=3 number=00\\u{1b}77";
        assert!(tripped.contains(" WARN a number was called that may not be ") && tripped.trim_end().ends_with(end), "{tripped}");
        let over = line(EventKind::TollOver(Box::new(state.clone())));
        assert!(over.contains(" INFO no number is called any more that may not be ") && over.trim_end().ends_with(end), "{over}");
    }

    #[test]
    fn a_recording_leaves_one_line() {
        let call = CallId::new(1, 1);
        let line = |leg: Option<LegId>, file: &str, end: RecordingEnd| {
            let done = RecordingDone { recording: RecordingId(1), file: file.into(), ms: 4_500, end };
            let event = Event { time: Timestamp::ZERO, call, leg, kind: EventKind::CallCreated };
            written(LogFormat::Text, || recording(&event, &done))
        };
        let good = line(call.leg(1), "a/b\u{7}.wav", RecordingEnd::Stopped);
        assert!(good.contains(" INFO recording.ready call=call_") && good.contains(" leg=leg_"), "{good}");
        assert!(good.trim_end().ends_with(" file=a/b\\u{7}.wav duration_ms=4500 reason=stopped"), "{good}");
        let full = line(None, "a.wav", RecordingEnd::DiskFull);
        assert!(full.contains(" WARN a recording ended early ") && full.contains(" reason=\"the disk is full\""), "{full}");
        let system = RecordingFailure::System("Permission denied (os error 13)".into());
        let failed = line(None, "", RecordingEnd::Failed(system));
        assert!(!failed.contains("file=") && failed.contains("Permission denied"), "{failed}");
    }

    #[test]
    fn no_password_is_shown() {
        let mut record = record(&[404], EndReason::Failed(404));
        record.legs[0].from = "sip:alice:5ecret@example.com".into();
        record.legs[0].to = "sips:b\u{1b}:5ecret@example.com;x=\u{7}".into();
        let line = line(&record);
        assert_eq!(
            (&line["from"], &line["to"]),
            (&"sip:alice:******@example.com".into(), &"sips:b\\u{1b}:******@example.com;x=\\u{7}".into())
        );
    }
}
