//! What is kept of a call: a value of its own, with wall-clock times and ids as text, that means the same to the next process, to the next
//! version and to whoever reads the tables.

use serde::{Deserialize, Serialize};
use std::fmt::Display;
use tandem_model::{CallRecord, DirectionStats, EndReason, EndedBy, EndpointStats, Epoch, LegRecord};

/// A call that is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallRow {
    /// The name of the node that had it. With the id it is the key: nodes that share a database do not share ids.
    pub node: Box<str>,
    /// `call_…`; sorts by time.
    pub call: Box<str>,
    /// The route that took it; empty if none did.
    pub route: Box<str>,
    /// When it came: microseconds since 1970, as the other times.
    pub began_us: i64,
    /// When the far end first rang.
    pub rang_us: Option<i64>,
    /// When it was answered.
    pub answered_us: Option<i64>,
    /// When it was over.
    pub ended_us: i64,
    /// Why, in the words of the log: `caller hung up`.
    pub reason: Box<str>,
    /// What the caller was told, if it was never answered.
    pub sip_status: Option<u16>,
    /// What whoever began it said of it: JSON.
    pub metadata: Option<Box<str>>,
    /// In the order of their creation.
    pub legs: Vec<LegRow>,
}

/// A leg of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LegRow {
    /// `leg_…`.
    pub leg: Box<str>,
    /// `trunk:carrier`.
    pub endpoint: Box<str>,
    /// From URI of its INVITE.
    pub from: Box<str>,
    /// To URI of its INVITE.
    pub to: Box<str>,
    /// The peer's signalling address.
    pub remote: Option<Box<str>>,
    /// The final status of its INVITE; 0 if there was none.
    pub sip_status: u16,
    /// `opus`, `G722`, `PCMU`, `PCMA`.
    pub codec: Option<Box<str>>,
    /// The leg that took its place.
    pub replaced_by: Option<Box<str>>,
    /// What its end comes to as a status.
    pub end_status: u16,
    /// In words.
    pub end_reason: Box<str>,
    /// The cause of ISDN that was given, or that the status maps to.
    pub q850_cause: u8,
    /// Who ended it: `peer` or `node`.
    pub ended_by: Box<str>,
    /// Call-ID of its dialog.
    pub sip_call_id: Option<Box<str>>,
    /// Session-ID (RFC 7989), ours and the peer's.
    pub session_id: Option<Box<str>>,
    /// Media figures, if media went through here.
    pub media: Option<MediaRow>,
}

/// What went through the node for a leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaRow {
    /// From the leg.
    pub received: DirectionRow,
    /// To the leg.
    pub sent: DirectionRow,
    /// Packets that were not let on.
    pub dropped: u64,
    /// Time to the leg and back, in microseconds.
    pub round_trip_us: Option<u32>,
    /// Packets that came too late to be heard, where there was a jitter buffer.
    pub late: Option<u64>,
    /// Packets that it made up.
    pub missing: Option<u64>,
    /// How long packets waited in it on average, in microseconds.
    pub delay_us: Option<u32>,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectionRow {
    /// RTP packets.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter in microseconds.
    pub jitter_us: u32,
    /// How good it sounded, from 1 to 4.5.
    pub mos: Option<f64>,
}

impl CallRow {
    /// The row of a record of this process, whose times mean what `epoch` says.
    pub fn of(record: &CallRecord, epoch: Epoch) -> CallRow {
        let wall = |at| epoch.unix_us(at);
        CallRow {
            node: Box::default(),
            call: text(record.call),
            route: record.route.clone(),
            began_us: wall(record.began),
            rang_us: record.rang.map(wall),
            answered_us: record.answered.map(wall),
            ended_us: wall(record.ended),
            reason: text(record.reason),
            sip_status: match record.reason {
                EndReason::Failed(status) => Some(status),
                _ => None,
            },
            metadata: record.metadata.as_deref().map(Into::into),
            legs: record.legs.iter().map(LegRow::of).collect(),
        }
    }
}

impl LegRow {
    fn of(record: &LegRecord) -> LegRow {
        LegRow {
            leg: text(record.leg),
            endpoint: record.endpoint.clone(),
            from: record.from.clone(),
            to: record.to.clone(),
            remote: record.remote.map(text),
            sip_status: record.sip_status,
            codec: record.codec.map(|codec| codec.encoding_name().into()),
            replaced_by: record.replaced_by.map(text),
            end_status: record.end.sip_status,
            end_reason: (*record.end.reason).into(),
            q850_cause: record.end.q850_cause,
            ended_by: match record.end.by {
                EndedBy::Peer => "peer".into(),
                EndedBy::Node => "node".into(),
            },
            sip_call_id: Some(record.sip_call_id.clone()).filter(|id| !id.is_empty()),
            session_id: Some(record.session_id.clone()).filter(|id| !id.is_empty()),
            media: record.media.as_ref().map(MediaRow::of),
        }
    }
}

impl MediaRow {
    fn of(stats: &EndpointStats) -> MediaRow {
        let playout = stats.playout.as_ref();
        MediaRow {
            received: DirectionRow::of(&stats.received),
            sent: DirectionRow::of(&stats.sent),
            dropped: stats.dropped,
            round_trip_us: stats.round_trip_us,
            late: playout.map(|playout| playout.late),
            missing: playout.map(|playout| playout.missing),
            delay_us: playout.map(|playout| playout.delay_us),
        }
    }
}

impl DirectionRow {
    fn of(stats: &DirectionStats) -> DirectionRow {
        let DirectionStats { packets, bytes, lost, jitter_us, mos } = *stats;
        DirectionRow { packets, bytes, lost, jitter_us, mos: mos.map(tandem_model::Mos::value) }
    }
}

fn text(value: impl Display) -> Box<str> {
    value.to_string().into()
}
