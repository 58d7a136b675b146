//! `dtmf`: presses keys.

use crate::{
    Interface,
    ids::OfLeg,
    problem::Problem,
    read::{Json, Place},
    time::Span,
};
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use std::{ops::RangeInclusive, sync::Arc, time::Duration};
use tandem_model::{CallCommand, Key, KeyPress, MAX_PRESSES};
use utoipa::ToSchema;

/// For how long a key may be pressed: what receivers tell from noise (Q.24), and what they still take for one.
const POSSIBLE: RangeInclusive<Duration> = Duration::from_millis(40)..=Duration::from_secs(6);

/// Keys to press.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dtmf {
    /// Up to 32 of `0` to `9`, `*`, `#`, `A` to `D`.
    keys: String,
    /// For how long each is pressed: `"40ms"` to `"6s"`, and `"160ms"` where it is not said.
    #[schema(value_type = Option<String>)]
    duration: Option<Span>,
}

/// Presses keys for the leg's peer to hear, in the way that it wants them.
#[utoipa::path(post, path = "/v1/calls/{id}/legs/{leg}/dtmf", tag = "calls", operation_id = "dtmf", params(OfLeg), request_body = Dtmf,
    responses((status = 204, description = "They are being pressed"), (status = 404, description = "No such call or leg"),
        (status = 409, description = "Not now"), (status = 502, description = "Its peer refused"), (status = 503, description = "Too much to do")))]
pub(crate) async fn dtmf(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfLeg>,
    Json(dtmf): Json<Dtmf>,
) -> Result<StatusCode, Problem> {
    let ms = match dtmf.duration {
        None => KeyPress::USUAL_MS,
        Some(Span(span)) if POSSIBLE.contains(&span) => u16::try_from(span.as_millis()).unwrap_or(u16::MAX),
        Some(_) => return Err(Problem::invalid("duration", "from 40ms to 6s is possible")),
    };
    if dtmf.keys.is_empty() || dtmf.keys.chars().count() > MAX_PRESSES {
        return Err(Problem::invalid("keys", format!("from 1 to {MAX_PRESSES} keys are possible")));
    }
    let press = |sign| {
        let key = Key::of_sign(sign).ok_or_else(|| Problem::invalid("keys", format!("{sign:?} is on no key: 0 to 9, *, # and A to D are")));
        key.map(|key| KeyPress { key, ms })
    };
    let keys = dtmf.keys.chars().map(press).collect::<Result<_, _>>()?;
    interface.tell_to(of.id.0, CallCommand::Press { leg: of.leg.0, keys }).await
}
