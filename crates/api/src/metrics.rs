//! What Prometheus reads (its text format, version 0.0.4).

use crate::{
    Interface,
    keeping::{Keeping, StoreFigures, WebhookFigures},
    problem::{Problem, UNAVAILABLE},
};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use std::{
    fmt::{Display, Write},
    sync::Arc,
};
use tandem_runtime::{Counted, Figures, Histogram, Messages, Streams};

/// Everything that the node counts, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "node", operation_id = "metrics",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 503, description = "The node has stopped")))]
pub(crate) async fn metrics(State(interface): State<Arc<Interface>>) -> Result<Response, Problem> {
    let Some(figures) = interface.node.figures().await else { return Err(Problem::new(UNAVAILABLE, "the node has stopped")) };
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], page(&figures, &(interface.keeping)().await)).into_response())
}

/// A page that is being written.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins a metric; its values follow.
    fn begin(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "# HELP tandem_{name} {help}\n# TYPE tandem_{name} {kind}\n");
    }

    /// One value of it. Labels are names and values.
    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "tandem_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.begin("gauge", name, help);
        self.value(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.begin("counter", name, help);
        self.value(name, &[], value);
    }

    /// The buckets of a histogram, whose values are so many of its unit.
    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram, unit: f64) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (place, count) in histogram.counts.iter().enumerate() {
            below += count;
            let bound = histogram.bounds.get(place).map_or("+Inf".to_owned(), |bound| (*bound as f64 / unit).to_string());
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.value(&bucket, &labels, below);
        }
        self.value(&format!("{name}_sum"), labels, histogram.sum as f64 / unit);
        self.value(&format!("{name}_count"), labels, histogram.count());
    }
}

/// What the value of a label may hold.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn page(figures: &Figures, keeping: &Keeping) -> String {
    let mut page = Page::default();
    page.gauge("uptime_seconds", "How long the node runs.", figures.uptime_s);
    page.gauge("draining", "1: it lets no more calls in.", u8::from(figures.draining));
    page.gauge("calls", "Calls and messages in progress.", figures.calls);
    page.gauge("calls_limit", "How many may be.", figures.max_calls);
    page.gauge("legs", "Legs of calls in progress.", figures.legs);
    page.gauge("registrations", "Contacts of users.", figures.registrations);
    page.gauge("banned_sources", "Sources that are banned now.", figures.banned);
    page.counter("events_total", "Events that were told.", figures.events);
    page.counter("records_lost_total", "Records of calls for which there was no room.", figures.records_lost);
    page.gauge("flight_recorder_used_bytes", "Bytes of the flight recorder that hold something.", figures.recorder.0);
    page.gauge("flight_recorder_bytes", "Bytes that it has.", figures.recorder.1);
    write_counted(&mut page, &figures.counted);
    write_media(&mut page, figures);
    write_trunks(&mut page, figures);
    keeping.store.iter().for_each(|store| write_store(&mut page, store));
    keeping.webhook.iter().for_each(|webhook| write_webhook(&mut page, webhook));
    page.begin("gauge", "queue_waiting", "What waits in a queue.");
    for queue in &figures.queues {
        page.value("queue_waiting", &[("queue", queue.name)], queue.waiting);
    }
    page.begin("gauge", "queue_limit", "How much may wait in it.");
    for queue in &figures.queues {
        page.value("queue_limit", &[("queue", queue.name)], queue.most);
    }
    page.0
}

fn write_store(page: &mut Page, store: &StoreFigures) {
    page.gauge("store_database_up", "1: the database takes records of calls.", u8::from(store.is_database_up));
    page.gauge("store_journal_up", "1: the disk takes them.", u8::from(store.is_journal_up));
    page.gauge("store_lag_seconds", "How long the first record has waited for the database.", store.lag.as_secs_f64());
    page.begin("gauge", "store_records_waiting", "Records that wait: in memory for the disk, in the journal for the database.");
    page.value("store_records_waiting", &[("place", "memory")], store.in_memory);
    page.value("store_records_waiting", &[("place", "journal")], store.in_journal);
    page.gauge("store_journal_bytes", "Bytes of the journal.", store.journal_bytes);
    page.counter("store_records_written_total", "Records that the database took.", store.written);
    page.counter("store_records_lost_total", "Records that were lost: too many waited.", store.lost);
    page.counter("store_records_refused_total", "Records that the database will never take.", store.refused);
}

fn write_webhook(page: &mut Page, webhook: &WebhookFigures) {
    if let Some(waiting) = webhook.waiting {
        page.gauge("webhook_waiting", "Events that wait for the webhook.", waiting);
    }
    page.counter("webhook_delivered_total", "Events that it took.", webhook.taken);
    page.counter("webhook_failed_total", "Attempts that came to nothing.", webhook.failed);
    page.counter("webhook_given_up_total", "Events that it did not take for a day.", webhook.given_up);
    page.counter("webhook_lost_total", "Events for which there was no room.", webhook.lost);
}

fn write_counted(page: &mut Page, counted: &Counted) {
    for (name, help, value) in [
        ("calls_begun_total", "Calls that were let in.", counted.calls_begun),
        ("calls_answered_total", "Calls that were answered.", counted.calls_answered),
        ("calls_failed_total", "Calls that ended without an answer, and not because the caller gave up.", counted.calls_failed),
        ("calls_ended_total", "Calls that ended.", counted.calls_ended),
        ("calls_refused_total", "Calls that were not let in for want of room.", counted.calls_refused),
        ("messages_total", "Messages outside of any dialog.", counted.messages_ended),
        ("strangers_refused_total", "Requests of strangers.", counted.strangers_refused),
        ("wrong_credentials_total", "Challenges that were answered wrong.", counted.wrong_credentials),
        ("bans_total", "Sources that were banned.", counted.bans),
        ("rtp_dropped_total", "Packets at our ports that nobody was to have.", counted.media_dropped),
    ] {
        page.counter(name, help, value);
    }
    page.begin("histogram", "call_setup_seconds", "From the beginning of a call to its answer.");
    page.histogram("call_setup_seconds", &[], &counted.setup_ms, 1_000.0);
    page.begin("counter", "sip_requests_total", "SIP requests.");
    let directions: [(&str, &Messages); 2] = [("received", &counted.received), ("sent", &counted.sent)];
    for (direction, messages) in directions {
        page.value("sip_requests_total", &[("direction", direction)], messages.requests);
    }
    page.begin("counter", "sip_responses_total", "SIP responses by their class.");
    for (direction, messages) in directions {
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"].iter().zip(messages.responses) {
            page.value("sip_responses_total", &[("direction", direction), ("class", class)], count);
        }
    }
    write_streams(page, [("received", &counted.media_received), ("sent", &counted.media_sent)]);
}

fn write_streams(page: &mut Page, directions: [(&str, &Streams); 2]) {
    type Count = fn(&Streams) -> u64;
    let counts: [(&str, &str, Count); 3] = [
        ("rtp_packets_total", "RTP packets of legs that have ended.", |streams| streams.packets),
        ("rtp_bytes_total", "Bytes of their payload.", |streams| streams.bytes),
        ("rtp_lost_total", "Packets that never came.", |streams| streams.lost),
    ];
    for (name, help, count) in counts {
        page.begin("counter", name, help);
        for (direction, streams) in directions {
            page.value(name, &[("direction", direction)], count(streams));
        }
    }
    page.begin("histogram", "rtp_jitter_seconds", "Interarrival jitter of legs that have ended.");
    for (direction, streams) in directions {
        page.histogram("rtp_jitter_seconds", &[("direction", direction)], &streams.jitter_us, 1e6);
    }
    page.begin("histogram", "mos", "How good legs sounded that have ended, from 1 to 4.5.");
    for (direction, streams) in directions {
        page.histogram("mos", &[("direction", direction)], &streams.mos_hundredths, 100.0);
    }
}

fn write_trunks(page: &mut Page, figures: &Figures) {
    page.begin("gauge", "trunk_up", "1: it can be used; 0: it cannot. Absent: nobody asks.");
    for trunk in &figures.trunks {
        if let Some(is_up) = trunk.condition.is_up {
            page.value("trunk_up", &[("trunk", &trunk.trunk)], u8::from(is_up));
        }
    }
    page.begin("gauge", "trunk_calls", "Calls that it carries.");
    for trunk in &figures.trunks {
        page.value("trunk_calls", &[("trunk", &trunk.trunk)], trunk.calls);
    }
    page.begin("gauge", "trunk_calls_limit", "How many it may carry.");
    for (trunk, most) in figures.trunks.iter().filter_map(|trunk| Some((trunk, trunk.max_calls?))) {
        page.value("trunk_calls_limit", &[("trunk", &trunk.trunk)], most);
    }
}

fn write_media(page: &mut Page, figures: &Figures) {
    let media = &figures.media;
    page.gauge("media_sessions", "Media sessions.", media.counts.sessions);
    page.gauge("media_sockets", "Sockets that are open for media.", media.counts.sockets);
    page.counter("media_refused_total", "Sessions that got no ports.", media.counts.refused);
    page.counter("media_failed_total", "Sessions that failed inside.", media.counts.failed);
    page.counter("media_strays_total", "Packets at ports that no session has.", media.counts.strays);
    page.counter("media_unsent_total", "Packets that the system did not take.", media.counts.unsent);
    page.begin("gauge", "media_port_pairs", "Pairs of ports of a media side.");
    for (side, ports) in figures.sides.iter().zip(&media.sides) {
        for (state, count) in [("in_use", ports.in_use), ("free", ports.free()), ("foreign", ports.foreign)] {
            page.value("media_port_pairs", &[("side", side), ("state", state)], count);
        }
    }
}
