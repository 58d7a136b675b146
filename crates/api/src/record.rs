//! What is known of a call that is over.

use crate::time::Time;
use serde::Serialize;
use serde_json::Value;
use tandem_model::{CallRecord, DirectionStats, EndReason, EndedBy, EndpointStats, Epoch, LegRecord, Mos};
use utoipa::ToSchema;

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Record {
    /// `call_…`; sorts by time.
    pub id: String,
    /// The route that took it; empty if none did.
    pub route: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub began: Time,
    /// When the far end first rang.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub rang: Option<Time>,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub answered: Option<Time>,
    /// When it was over.
    #[schema(value_type = String, format = DateTime)]
    pub ended: Time,
    /// How long the far end rang, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ringing_ms: Option<u64>,
    /// How long it took to be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub setup_ms: Option<u64>,
    /// How long it lasted from the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub duration_ms: Option<u64>,
    /// Why it ended, in words: `caller hung up`.
    pub reason: String,
    /// What the caller was told, if it was never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sip_status: Option<u16>,
    /// What whoever began it over this interface said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub metadata: Option<Value>,
    /// In the order of their creation.
    pub legs: Vec<RecordLeg>,
}

/// A leg of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RecordLeg {
    /// `leg_…`.
    pub id: String,
    /// `trunk:carrier`.
    pub endpoint: String,
    /// From URI of its INVITE.
    pub from: String,
    /// To URI of its INVITE.
    pub to: String,
    /// The peer's signalling address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remote: Option<String>,
    /// Call-ID of its dialog.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sip_call_id: String,
    /// Session-ID (RFC 7989), ours and the peer's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session_id: String,
    /// The audio codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub codec: Option<String>,
    /// The final status of its INVITE; 0 if there was none.
    pub sip_status: u16,
    /// What its end comes to as a status.
    pub end_status: u16,
    /// That in words.
    pub reason: String,
    /// The cause of ISDN that was given, or that the status maps to.
    pub q850_cause: u8,
    /// Who ended it: `peer` or `node`.
    pub ended_by: String,
    /// The leg that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub replaced_by: Option<String>,
    /// Media figures, if media went through the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media: Option<Media>,
}

/// What went through the node for a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Media {
    /// From the leg.
    pub received: Direction,
    /// To the leg.
    pub sent: Direction,
    /// Packets that were not let on.
    pub dropped: u64,
    /// Time to the leg and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub round_trip_ms: Option<f64>,
}

/// One direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Direction {
    /// RTP packets.
    pub packets: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter.
    pub jitter_ms: f64,
    /// How good it sounded, from 1 to 4.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mos: Option<f64>,
}

/// When things happened to a call.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// It came.
    pub began: Time,
    /// The far end rang.
    pub rang: Option<Time>,
    /// It was answered.
    pub answered: Option<Time>,
    /// It was over.
    pub ended: Time,
}

impl Record {
    /// A record with those times, and what follows from them; the rest is empty.
    pub fn with_times(times: Times) -> Record {
        let Times { began, rang, answered, ended } = times;
        Record {
            id: String::new(),
            route: String::new(),
            began,
            rang,
            answered,
            ended,
            ringing_ms: rang.map(|rang| answered.unwrap_or(ended).ms_since(rang)),
            setup_ms: answered.map(|answered| answered.ms_since(began)),
            duration_ms: answered.map(|answered| ended.ms_since(answered)),
            reason: String::new(),
            sip_status: None,
            metadata: None,
            legs: Vec::new(),
        }
    }

    /// Of a call of a node whose clock began then.
    pub fn of(record: &CallRecord, epoch: Epoch) -> Record {
        let time = |at| Time::of(at, epoch);
        let times = Times {
            began: time(record.began),
            rang: record.rang.map(time),
            answered: record.answered.map(time),
            ended: time(record.ended),
        };
        Record {
            id: record.call.to_string(),
            route: record.route.to_string(),
            reason: record.reason.to_string(),
            sip_status: if let EndReason::Failed(status) = record.reason { Some(status) } else { None },
            metadata: metadata(record.metadata.as_deref()),
            legs: record.legs.iter().map(RecordLeg::of).collect(),
            ..Record::with_times(times)
        }
    }
}

impl RecordLeg {
    fn of(leg: &LegRecord) -> RecordLeg {
        RecordLeg {
            id: leg.leg.to_string(),
            endpoint: leg.endpoint.to_string(),
            from: leg.from.to_string(),
            to: leg.to.to_string(),
            remote: leg.remote.map(|address| address.to_string()),
            sip_call_id: leg.sip_call_id.to_string(),
            session_id: leg.session_id.to_string(),
            codec: leg.codec.map(|codec| codec.encoding_name().to_owned()),
            sip_status: leg.sip_status,
            end_status: leg.end.sip_status,
            reason: leg.end.reason.to_string(),
            q850_cause: leg.end.q850_cause,
            ended_by: ended_by(leg.end.by).to_owned(),
            replaced_by: leg.replaced_by.map(|leg| leg.to_string()),
            media: leg.media.as_ref().map(Media::of),
        }
    }
}

/// What was said of a call: JSON, as it was when it was said.
pub(crate) fn metadata(said: Option<&str>) -> Option<Value> {
    said.and_then(|said| serde_json::from_str(said).ok())
}

pub(crate) const fn ended_by(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Peer => "peer",
        EndedBy::Node => "node",
    }
}

impl Media {
    fn of(stats: &EndpointStats) -> Media {
        Media {
            received: Direction::of(&stats.received),
            sent: Direction::of(&stats.sent),
            dropped: stats.dropped,
            round_trip_ms: stats.round_trip_us.map(milliseconds),
        }
    }
}

/// Microseconds, as they are shown.
pub fn milliseconds(us: u32) -> f64 {
    f64::from(us) / 1000.0
}

impl Direction {
    fn of(stats: &DirectionStats) -> Direction {
        let DirectionStats { packets, bytes, lost, jitter_us, mos } = *stats;
        Direction { packets, bytes, lost, jitter_ms: milliseconds(jitter_us), mos: mos.map(Mos::value) }
    }
}
