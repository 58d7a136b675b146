//! How the trunks are.

use crate::{Interface, paging::Page, time::Time};
use axum::{Json, extract::State};
use serde::Serialize;
use std::sync::Arc;
use tandem_model::{Condition, Epoch, PartView, TrunkView};
use utoipa::ToSchema;

/// A trunk.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Trunk {
    /// Its name.
    name: String,
    /// Whether it can be used: it is registered where it has to be, and a target answers.
    #[serde(flatten)]
    condition: How,
    /// Its targets, in the order of the configuration.
    targets: Vec<Part>,
    /// Where we register for it.
    registrations: Vec<Part>,
    /// Calls that it carries now.
    calls: u32,
    /// The most that it may carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_calls: Option<u32>,
    /// The most new ones a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    max_cps: Option<u32>,
}

/// A target, or a registrar.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Part {
    /// Its URI.
    uri: String,
    /// How it is.
    #[serde(flatten)]
    condition: How,
    /// It asked to be left alone until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    rests_until: Option<Time>,
}

/// How a trunk, or a part of it, is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct How {
    /// `up`, `down`, or `unknown`: nobody asks, and it is used.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    since: Option<Time>,
}

impl How {
    fn of(condition: &Condition, epoch: Epoch) -> How {
        let reason = (!condition.reason.is_empty()).then(|| condition.reason.to_string());
        How { state: condition.word(), reason, since: condition.since.map(|at| Time::of(at, epoch)) }
    }
}

impl Part {
    fn of(part: &PartView, epoch: Epoch) -> Part {
        let rests_until = part.rests_until.map(|at| Time::of(at, epoch));
        Part { uri: part.at.to_string(), condition: How::of(&part.condition, epoch), rests_until }
    }
}

impl Trunk {
    fn of(view: &TrunkView, epoch: Epoch) -> Trunk {
        let parts = |parts: &[PartView]| parts.iter().map(|part| Part::of(part, epoch)).collect();
        Trunk {
            name: view.trunk.to_string(),
            condition: How::of(&view.condition, epoch),
            targets: parts(&view.targets),
            registrations: parts(&view.registrations),
            calls: view.calls,
            max_calls: view.max_calls,
            max_cps: view.max_cps,
        }
    }
}

/// All trunks, in the order of the configuration.
#[utoipa::path(get, path = "/v1/trunks", tag = "node", operation_id = "trunks", responses((status = 200, body = Page<Trunk>)))]
pub(crate) async fn list(State(interface): State<Arc<Interface>>) -> Json<Page<Trunk>> {
    let epoch = interface.node.epoch();
    let items = interface.node.trunks().await.iter().map(|trunk| Trunk::of(trunk, epoch)).collect();
    Json(Page::new(items, None))
}
