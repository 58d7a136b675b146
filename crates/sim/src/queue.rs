//! What is on its way: datagrams, pieces of streams, decisions and news of media sessions, each with the time of its arrival.

use crate::streams::{Segment, StreamId};
use std::{collections::BTreeMap, net::SocketAddr};
use tandem_model::{CallId, Decision, MediaEvent, QuestionId, Timestamp};
use tandem_signalling::locate::{Question, Reply};

/// A datagram between two addresses, or a message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
    /// Media rather than signalling.
    pub(crate) rtp: bool,
    /// The connection that it goes over; `None` for a datagram.
    pub(crate) over: Option<StreamId>,
}

/// Something that will arrive.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Datagram(Datagram),
    Segment(Segment),
    Decided(CallId, QuestionId, Box<Decision>),
    /// What was said to a question that a route asks of somebody else: a question of its own to policy.
    Said(CallId, QuestionId, Box<tandem_model::Question>),
    Media(CallId, Box<MediaEvent>),
    /// What DNS says.
    Resolved(Box<(Question, Reply)>),
    /// A phone that was switched off is there again.
    Back(SocketAddr),
}

impl Event {
    /// Events of one channel arrive in their order when a race is played in every order: one path of the network, or
    /// one call's own questions.
    fn channel(&self) -> (String, String) {
        match self {
            Event::Datagram(datagram) => (datagram.from.ip().to_string(), datagram.to.ip().to_string()),
            Event::Segment(segment) => (format!("stream {}", segment.stream), format!("{:?}", segment.to)),
            Event::Decided(call, ..) | Event::Said(call, ..) => (call.to_string(), "policy".into()),
            Event::Media(call, _) => (call.to_string(), "media".into()),
            Event::Resolved(resolved) => (format!("{:?}", resolved.0), "dns".into()),
            Event::Back(phone) => (phone.to_string(), "power".into()),
        }
    }
}

/// Ordered by arrival, then by departure.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    events: BTreeMap<(Timestamp, u64), Event>,
    count: u64,
}

impl InFlight {
    pub(crate) fn push(&mut self, at: Timestamp, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<Event> {
        let entry = self.events.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// The first event of each channel, by departure: what could be next if paths differ in speed.
    pub(crate) fn heads(&self) -> Vec<(Timestamp, u64)> {
        let mut keys: Vec<_> = self.events.keys().copied().collect();
        keys.sort_unstable_by_key(|(_, order)| *order);
        let mut seen = Vec::new();
        keys.retain(|key| {
            let channel = self.events[key].channel();
            let first = !seen.contains(&channel);
            seen.push(channel);
            first
        });
        keys
    }

    pub(crate) fn peek(&self, key: (Timestamp, u64)) -> Option<&Event> {
        self.events.get(&key)
    }

    pub(crate) fn take(&mut self, key: (Timestamp, u64)) -> Option<Event> {
        self.events.remove(&key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}
