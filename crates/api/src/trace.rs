//! What a call has sent and got: as values, as a picture, as text, as a capture.

use crate::{
    Interface,
    ids::OfCall,
    problem::{NOT_FOUND, Problem},
    read::{Place, Query},
};
use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `json`, `svg` (a ladder), `text` (the same for a terminal), or `pcap` (for Wireshark).
    #[param(inline)]
    #[serde(default)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Svg,
    Text,
    Pcap,
}

/// A picture may show itself, and nothing else: what peers wrote stands in it.
const PICTURE: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox");

/// Every message of a call, from the flight recorder, as long as that has them. Secrets are masked.
#[utoipa::path(get, path = "/v1/calls/{id}/trace", tag = "calls", operation_id = "trace", params(OfCall, Which),
    responses((status = 200, description = "The trace",
        content((Object = "application/json"), (String = "image/svg+xml"), (String = "text/plain"), (String = "application/vnd.tcpdump.pcap"))),
        (status = 404, description = "No such call, or nothing is left of it")))]
pub(crate) async fn trace(
    State(interface): State<Arc<Interface>>,
    Place(of): Place<OfCall>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let call = of.id.0;
    let Some(trace) = interface.node.trace(call).await else {
        return Err(
            Problem::new(NOT_FOUND, format!("{call}: there is no such call, or the flight recorder has nothing left of it")).at("id")
        );
    };
    Ok(match which.format {
        Format::Json => Json(&trace).into_response(),
        Format::Svg => {
            let kind = HeaderValue::from_static("image/svg+xml");
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, PICTURE)], trace.to_svg()).into_response()
        }
        Format::Text => trace.to_text().into_response(),
        Format::Pcap => {
            let kind = HeaderValue::from_static("application/vnd.tcpdump.pcap");
            let name = HeaderValue::try_from(format!("attachment; filename=\"{call}.pcap\""));
            let name = name.unwrap_or(HeaderValue::from_static("attachment"));
            ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], trace.to_pcap()).into_response()
        }
    })
}
