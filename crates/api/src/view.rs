//! Calls and legs, as they are shown.

use crate::{
    record::{Record, RecordLeg, Times, metadata},
    time::Time,
};
use serde::Serialize;
use serde_json::Value;
use tandem_model::{CallId, CallView, Epoch, LegView};
use tandem_runtime::cause_of_status;
use utoipa::ToSchema;

/// A call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Call {
    /// `call_…`; sorts by time.
    pub(crate) id: String,
    /// `created`, `ringing`, `answered`; of one that is over `ended` if it was answered, else `failed`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// The route that took it; empty if none did.
    pub(crate) route: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) began: Time,
    /// When it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub(crate) answered: Option<Time>,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub(crate) ended: Option<Time>,
    /// Why it is over, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) reason: Option<String>,
    /// Of one that was never answered: what that comes to as a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) sip_status: Option<u16>,
    /// The cause of ISDN of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) q850_cause: Option<u8>,
    /// What whoever began it over this interface said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub(crate) metadata: Option<Value>,
    /// Who talks, rings or is being called; of a call that is over, who did.
    pub(crate) legs: Vec<Leg>,
}

/// A leg of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Leg {
    /// `leg_…`; sorts by time.
    pub(crate) id: String,
    /// `created`, `trying`, `ringing`, `early_media`, `answered`, `failed`, `ended`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// `in`: it called us. `out`: it was called. Not known of a call that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub(crate) direction: Option<&'static str>,
    /// `trunk:carrier`.
    pub(crate) endpoint: String,
    /// From URI of its INVITE.
    pub(crate) from: String,
    /// To URI of its INVITE.
    pub(crate) to: String,
    /// The peer's signalling address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) remote: Option<String>,
    /// Call-ID of its dialog.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) sip_call_id: String,
    /// Session-ID (RFC 7989): the UUID of whom it talks with, then its own.
    pub(crate) session_id: String,
    /// The audio codec.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub(crate) codec: Option<String>,
    /// The final status of its INVITE; 0 as long as there is none. Of a leg that is over: what its end comes to.
    pub(crate) sip_status: u16,
    /// How it ended, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) reason: Option<String>,
    /// The cause of ISDN of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) q850_cause: Option<u8>,
    /// Nobody hears it, because we were told so.
    pub(crate) muted: bool,
    /// It hears nobody, because we were told so.
    pub(crate) deaf: bool,
    /// We hold it, because we were told so.
    pub(crate) held: bool,
    /// Its peer holds us.
    pub(crate) holds: bool,
}

impl Call {
    pub(crate) fn of(view: &CallView, epoch: Epoch) -> Call {
        Call {
            id: view.call.to_string(),
            state: view.state.word(),
            route: view.route.to_string(),
            began: Time::of(view.began, epoch),
            answered: view.answered.map(|at| Time::of(at, epoch)),
            ended: None,
            reason: None,
            sip_status: None,
            q850_cause: None,
            metadata: metadata(view.metadata.as_deref()),
            legs: view.legs.iter().map(Leg::of).collect(),
        }
    }

    /// One of which nothing is known any more.
    pub(crate) fn unknown(call: CallId) -> Call {
        let began = Time(i64::try_from(call.unix_ms()).unwrap_or(i64::MAX).saturating_mul(1000));
        let times = Times { began, rang: None, answered: None, ended: began };
        Call::over(Record { id: call.to_string(), ..Record::with_times(times) })
    }

    /// One that is over.
    pub(crate) fn over(record: Record) -> Call {
        let legs = record.legs.into_iter().map(Leg::over).collect();
        Call {
            id: record.id,
            state: if record.answered.is_some() { "ended" } else { "failed" },
            route: record.route,
            began: record.began,
            answered: record.answered,
            ended: Some(record.ended),
            reason: Some(record.reason),
            sip_status: record.sip_status,
            q850_cause: record.sip_status.map(cause_of_status),
            metadata: record.metadata,
            legs,
        }
    }
}

impl Leg {
    fn of(view: &LegView) -> Leg {
        Leg {
            id: view.leg.to_string(),
            state: view.state.word(),
            direction: Some(view.direction.word()),
            endpoint: view.endpoint.to_string(),
            from: view.from.to_string(),
            to: view.to.to_string(),
            remote: view.remote.map(|address| address.to_string()),
            sip_call_id: view.sip_call_id.to_string(),
            session_id: view.session_id.to_string(),
            codec: view.codec.map(|codec| codec.encoding_name().to_owned()),
            sip_status: view.sip_status,
            reason: None,
            q850_cause: None,
            muted: view.muted,
            deaf: view.deaf,
            held: view.held,
            holds: view.holds,
        }
    }

    fn over(leg: RecordLeg) -> Leg {
        let was_answered = (200..300).contains(&leg.sip_status);
        Leg {
            id: leg.id,
            state: if was_answered { "ended" } else { "failed" },
            direction: None,
            endpoint: leg.endpoint,
            from: leg.from,
            to: leg.to,
            remote: leg.remote,
            sip_call_id: leg.sip_call_id,
            session_id: leg.session_id,
            codec: leg.codec,
            sip_status: if was_answered { leg.sip_status } else { leg.end_status },
            reason: Some(leg.reason),
            q850_cause: Some(leg.q850_cause),
            muted: false,
            deaf: false,
            held: false,
            holds: false,
        }
    }
}
