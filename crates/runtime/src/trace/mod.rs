//! What a call has sent and got, from the flight recorder: as values, as a picture, as text and as a capture.
//!
//! The recorder holds what the call was told. What it sent comes of running it again, under the keys that it has: byte for byte what went
//! out, but for secrets, which are masked in both directions.

mod pcap;
mod svg;
#[cfg(test)]
mod tests;
mod text;

use crate::{
    flight_recorder::{Entry, Recorded, mask_secrets},
    replay::{self, Happened, Happening, start_of},
};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::{fmt::Display, net::SocketAddr};
use tandem_model::{CallId, Destination, Epoch, ListenerId};
use tandem_signalling::{CallSetup, message::Message};

/// What a call has sent and got, oldest first. As JSON it shows all of it but the bytes of messages that are no text.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    /// Which call.
    #[serde(serialize_with = "shown")]
    pub call: CallId,
    /// False: what it sent is told up to where a leg of another call came to it, and no further.
    pub complete: bool,
    /// What happened.
    pub steps: Vec<Step>,
}

/// One message, or something that the call was told.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// When: microseconds since the Unix epoch.
    pub unix_us: i64,
    /// Which way it went.
    pub direction: Direction,
    /// Who sent it and who got it; nobody for what happened inside.
    #[serde(flatten)]
    pub ends: Option<Ends>,
    /// Method or status, or what happened, in a few words.
    pub summary: String,
    /// The message, with its secrets masked.
    #[serde(serialize_with = "text", skip_serializing_if = "Bytes::is_empty")]
    pub sip: Bytes,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It came to us.
    Received,
    /// We sent it.
    Sent,
    /// Something that happened here.
    Inside,
}

/// The two ends of a message's way.
#[derive(Clone, Debug, Serialize)]
pub struct Ends {
    /// Address of the peer; a name where it went to one.
    pub peer: Box<str>,
    /// The same as an address, if it is one.
    #[serde(skip)]
    pub peer_address: Option<SocketAddr>,
    /// Our own address.
    pub local: SocketAddr,
    /// `UDP`, `TCP`, `TLS`.
    pub transport: &'static str,
    /// Which leg of the call it is about, as far as the message shows it.
    #[serde(serialize_with = "shown_if")]
    pub leg: Option<tandem_model::LegId>,
}

/// How we are called among the addresses.
const US: &str = "tandem";

/// What a trace is made of: a call as the flight recorder has it.
#[derive(Debug)]
pub struct Story {
    pub(crate) setup: CallSetup,
    pub(crate) entries: Vec<Entry>,
    /// Our own addresses, by [`ListenerId`].
    pub(crate) locals: Box<[SocketAddr]>,
}

impl Trace {
    /// `None` for what is no whole call.
    pub(crate) fn of(story: &Story, epoch: Epoch) -> Option<Trace> {
        let replayed = replay::run(|_| story.setup.clone(), &story.entries).ok()?;
        let mut steps: Vec<_> = replayed.happened.iter().map(|happened| story.step(happened, epoch)).collect();
        if let Some(stopped_at) = replayed.stopped_at {
            let later = story.entries.iter().skip(stopped_at + 1).filter_map(received);
            steps.extend(later.map(|happened| story.step(&happened, epoch)));
        }
        Some(Trace { call: story.setup.id, complete: replayed.stopped_at.is_none(), steps })
    }

    /// Who takes part: the first who sent something, we, and the others as they come.
    fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        for ends in self.steps.iter().filter_map(|step| step.ends.as_ref()) {
            if !columns.contains(&&*ends.peer) {
                columns.push(&*ends.peer);
            }
        }
        columns.insert(columns.len().min(1), US);
        columns
    }
}

/// A message that came after what could be run again.
fn received(entry: &Entry) -> Option<Happened> {
    let (Recorded::Message { flow, bytes, .. } | Recorded::Referred { flow, bytes, .. }) = &entry.recorded else { return None };
    Some(Happened { at: entry.at, what: Happening::Received(*flow, Bytes::copy_from_slice(bytes)) })
}

impl Story {
    fn step(&self, happened: &Happened, epoch: Epoch) -> Step {
        let unix_us = epoch.unix_us(happened.at);
        match &happened.what {
            Happening::Received(flow, bytes) => {
                let peer = Destination::Address(flow.remote);
                self.message(unix_us, Direction::Received, (flow.listener, &peer), bytes)
            }
            Happening::Sent(transmit) => {
                self.message(unix_us, Direction::Sent, (transmit.listener, &transmit.destination), &transmit.bytes)
            }
            Happening::Noted(text) => Step { unix_us, direction: Direction::Inside, ends: None, summary: text.clone(), sip: Bytes::new() },
        }
    }

    fn message(&self, unix_us: i64, direction: Direction, (listener, peer): (ListenerId, &Destination), bytes: &Bytes) -> Step {
        let node = &self.setup.node;
        let mut masked = bytes.to_vec();
        mask_secrets(&mut masked);
        let message = Message::parse(bytes.clone()).ok();
        let minter = &node.minter;
        let leg = message.as_ref().and_then(|message| match message.is_request() == (direction == Direction::Sent) {
            true => message.branch().and_then(|branch| minter.read_branch(branch)).map(|(leg, _)| leg),
            // A request outside of any dialog, and what answers it before there is one, is the caller's.
            false => message.to_tag().and_then(|tag| minter.read_tag(tag)).or(self.setup.id.leg(0)),
        });
        let peer_address = match peer {
            Destination::Address(address) | Destination::Back { remote: address, .. } | Destination::Hop { address, .. } => Some(*address),
            Destination::Name { .. } | Destination::Domain { .. } => None,
        };
        let place = usize::from(listener.0);
        let ends = Ends {
            peer: peer.to_string().into(),
            peer_address,
            local: self.locals.get(place).copied().unwrap_or_else(|| ([0, 0, 0, 0], 0).into()),
            transport: node.listeners.get(place).map_or("UDP", |listener| listener.transport.token()),
            leg,
        };
        let summary = message.map(|message| start_of(&message)).unwrap_or_default();
        Step { unix_us, direction, ends: Some(ends), summary, sip: masked.into() }
    }
}

fn shown<S: Serializer>(id: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn shown_if<S: Serializer>(id: &Option<impl Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

fn text<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

/// Calls that have ended and whose trace can still be told, as long as the recorder has them.
pub(crate) const PAST_CALLS: usize = 16_384;
