//! What a node counts, and how much of what it has is in use: for a page of metrics.

use crate::{
    bus::MAX_RECORDS,
    commands,
    mailbox::MAX_ITEMS,
    media_port::MAX_EVENTS,
    node::Node,
    shard::{ShardCounts, SidePorts},
};
use tandem_model::{CallRecord, DirectionStats, EndReason, Event, EventKind, Timestamp, TrunkView};

/// Upper bounds of what setting a call up took, in milliseconds.
const SETUP_MS: &[u64] = &[50, 100, 200, 300, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000];

/// The same of interarrival jitter, in microseconds.
const JITTER_US: &[u64] = &[1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000];

/// The same of mean opinion scores, in hundredths.
const MOS_HUNDREDTHS: &[u64] = &[200, 260, 310, 360, 400, 430];

/// How many values lay between which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// Up to and with which value each bucket reaches; one more has what is above all of them.
    pub bounds: &'static [u64],
    /// Values in each bucket, those of the buckets before it left out.
    pub counts: Box<[u64]>,
    /// All values together.
    pub sum: u64,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Histogram {
        Histogram { bounds, counts: vec![0; bounds.len() + 1].into(), sum: 0 }
    }

    fn take(&mut self, value: u64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// Values, all together.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// SIP messages in one direction since the node began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Requests.
    pub requests: u64,
    /// Responses by their class: the first is 1xx, the last 6xx.
    pub responses: [u64; 6],
}

impl Messages {
    /// Counts what begins like a message.
    pub(crate) fn count(&mut self, bytes: &[u8]) {
        let Some(status) = bytes.strip_prefix(b"SIP/2.0 ") else {
            self.requests += u64::from(bytes.first().is_some_and(u8::is_ascii_uppercase));
            return;
        };
        let class = status.first().map(|digit| usize::from(digit.wrapping_sub(b'1')));
        class.and_then(|class| self.responses.get_mut(class)).into_iter().for_each(|count| *count += 1);
    }
}

/// Media of the legs whose calls have ended, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Packets.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Jitter of each leg, in microseconds.
    pub jitter_us: Histogram,
    /// How good each leg sounded, in hundredths of a mean opinion score.
    pub mos_hundredths: Histogram,
}

impl Streams {
    fn new() -> Streams {
        let (jitter_us, mos_hundredths) = (Histogram::new(JITTER_US), Histogram::new(MOS_HUNDREDTHS));
        Streams { packets: 0, bytes: 0, lost: 0, jitter_us, mos_hundredths }
    }

    fn take(&mut self, stats: &DirectionStats) {
        if stats.packets == 0 {
            return;
        }
        self.packets += stats.packets;
        self.bytes += stats.bytes;
        self.lost += stats.lost;
        self.jitter_us.take(stats.jitter_us.into());
        if let Some(mos) = stats.mos {
            self.mos_hundredths.take(mos.hundredths().into());
        }
    }
}

/// What is counted from the node's beginning on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Calls that were let in.
    pub calls_begun: u64,
    /// Calls that were answered.
    pub calls_answered: u64,
    /// Calls that ended without an answer, and not because the caller gave up.
    pub calls_failed: u64,
    /// Calls that ended.
    pub calls_ended: u64,
    /// Calls that were not let in, because the node, or the trunk or user that they came from, had no room for them.
    pub calls_refused: u64,
    /// Messages outside of any dialog that were passed on, or refused.
    pub messages_ended: u64,
    /// From the beginning of a call to its answer, in milliseconds.
    pub setup_ms: Histogram,
    /// What came.
    pub received: Messages,
    /// What left.
    pub sent: Messages,
    /// RTP from legs.
    pub media_received: Streams,
    /// RTP to legs.
    pub media_sent: Streams,
    /// Packets at our ports that nobody was to have.
    pub media_dropped: u64,
    /// Requests of strangers that were refused or not answered.
    pub strangers_refused: u64,
    /// Challenges that were answered wrong.
    pub wrong_credentials: u64,
    /// Sources that were banned.
    pub bans: u64,
}

impl Default for Counted {
    fn default() -> Self {
        Counted {
            calls_begun: 0,
            calls_answered: 0,
            calls_failed: 0,
            calls_ended: 0,
            calls_refused: 0,
            messages_ended: 0,
            setup_ms: Histogram::new(SETUP_MS),
            received: Messages::default(),
            sent: Messages::default(),
            media_received: Streams::new(),
            media_sent: Streams::new(),
            media_dropped: 0,
            strangers_refused: 0,
            wrong_credentials: 0,
            bans: 0,
        }
    }
}

impl Counted {
    /// Something happened.
    pub(crate) fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::CallCreated => self.calls_begun += 1,
            EventKind::CallEnded(record) => self.call_ended(record),
            EventKind::Exchanged(_) => self.messages_ended += 1,
            _ => {}
        }
    }

    /// A call that began then is answered.
    pub(crate) fn answered(&mut self, began: Timestamp, at: Timestamp) {
        self.calls_answered += 1;
        self.setup_ms.take(u64::try_from(at.since(began).as_millis()).unwrap_or(u64::MAX));
    }

    fn call_ended(&mut self, record: &CallRecord) {
        self.calls_ended += 1;
        self.calls_failed += u64::from(record.answered.is_none() && record.reason != EndReason::Cancelled);
        for media in record.legs.iter().filter_map(|leg| leg.media) {
            self.media_received.take(&media.received);
            self.media_sent.take(&media.sent);
            self.media_dropped += media.dropped;
        }
    }
}

/// How full a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What waits in it.
    pub name: &'static str,
    /// How many.
    pub waiting: usize,
    /// How many may.
    pub most: usize,
}

/// What the media threads have open, and what they have counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaFigures {
    /// Ports of each side, in the order of the configuration.
    pub sides: Box<[SidePorts]>,
    /// All threads together.
    pub counts: ShardCounts,
    /// Commands that wait for the busiest thread, and how many may.
    pub queue: Option<(usize, usize)>,
}

/// All that a node can say of itself at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// It lets no more calls in.
    pub draining: bool,
    /// How long it runs, in seconds.
    pub uptime_s: f64,
    /// Calls and messages in progress.
    pub calls: u32,
    /// How many may be.
    pub max_calls: u32,
    /// Legs of calls in progress.
    pub legs: u64,
    /// Contacts of users.
    pub registrations: usize,
    /// What was counted.
    pub counted: Counted,
    /// The media threads.
    pub media: MediaFigures,
    /// The names of the media sides, in the order of their ports.
    pub sides: Box<[Box<str>]>,
    /// What waits for whom.
    pub queues: Box<[Queue]>,
    /// Sources that are banned now.
    pub banned: usize,
    /// All trunks.
    pub trunks: Box<[TrunkView]>,
    /// Bytes of the flight recorder that hold something, and all that it has.
    pub recorder: (u64, u64),
    /// Events that were told.
    pub events: u64,
    /// Records of calls that whoever keeps them had no room for.
    pub records_lost: u64,
}

impl Node {
    /// All that there is to say.
    pub(crate) fn figures(&self) -> Figures {
        let limits = self.limits.borrow();
        Figures {
            draining: self.draining.get(),
            uptime_s: self.clock.now().since(Timestamp::ZERO).as_secs_f64(),
            calls: limits.calls(),
            max_calls: limits.most_calls(),
            legs: u64::try_from(self.legs.get()).unwrap_or_default(),
            registrations: self.registrar.borrow().count(),
            counted: self.counted.borrow().clone(),
            media: self.media.figures(),
            sides: self.sides.clone(),
            queues: self.queues(),
            banned: self.abuse.borrow().counts().2,
            trunks: self.show_trunks().into(),
            recorder: self.recorder.borrow().bytes(),
            events: self.bus.events(),
            records_lost: self.bus.records_lost(),
        }
    }

    fn queues(&self) -> Box<[Queue]> {
        let (events, most_events) = self
            .media_events
            .upgrade()
            .map_or((0, 2 * MAX_EVENTS), |queue| (queue.max_capacity() - queue.capacity(), queue.max_capacity()));
        let mut queues = vec![
            Queue { name: "mailbox", waiting: self.routes.fullest(), most: MAX_ITEMS },
            Queue { name: "media_events", waiting: events, most: most_events },
            Queue { name: "commands", waiting: self.replies.borrow().waiting(), most: commands::MAX_WAITING },
            Queue { name: "records", waiting: self.bus.records_waiting(), most: MAX_RECORDS },
        ];
        queues.extend(self.media.figures().queue.map(|(waiting, most)| Queue { name: "media_commands", waiting, most }));
        queues.into()
    }

    /// Something happened to a leg: how many more, or fewer, there are.
    pub(crate) fn count_legs(&self, more: i64) {
        self.legs.set(self.legs.get() + more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_bucket_that_reaches_it() {
        let mut histogram = Histogram::new(&[10, 20]);
        [0, 10, 11, 20, 21, u64::MAX].into_iter().for_each(|value| histogram.take(value));
        assert_eq!((&*histogram.counts, histogram.count(), histogram.sum), (&[2, 2, 2][..], 6, u64::MAX));
    }

    #[test]
    fn messages_are_counted_by_what_they_begin_with() {
        let mut messages = Messages::default();
        for begin in [
            "INVITE sip:a SIP/2.0",
            "BYE",
            "SIP/2.0 100 Trying",
            "SIP/2.0 699 x",
            "SIP/2.0 700 x",
            "SIP/2.0 ",
            "",
            "\r\n\r\n",
            "SIP/2.0 \u{ff}",
        ] {
            messages.count(begin.as_bytes());
        }
        assert_eq!(messages, Messages { requests: 2, responses: [1, 0, 0, 0, 0, 1] });
    }
}
