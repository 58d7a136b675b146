//! `POST /v1/calls`: calls that begin here.

use crate::{
    Interface,
    access::Caller,
    dialled::{NewLeg, caller},
    problem::{Problem, UNAVAILABLE},
    read::Json,
    record::Record,
    time::Span,
    view::Call,
};
use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{ops::RangeInclusive, sync::Arc, time::Duration};
use tandem_config::{Do, read_do};
use tandem_model::{CallId, CallRecord, CallView, Dial, DialError, DialOrder, EventKind};
use tandem_runtime::{Feed, Heard};
use tokio::time::timeout;
use utoipa::ToSchema;

/// How long the outcome is waited for.
const WAIT: Duration = Duration::from_secs(60);

/// How long events may be behind what is seen.
const BEHIND: Duration = Duration::from_secs(1);

/// The longest metadata, in bytes of JSON.
const MAX_METADATA: usize = 4096;

/// How long a call may be let last.
const LASTING: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(7 * 24 * 3600);

/// A call that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCall {
    /// Whom to call: one, two that are joined (`sequential`), or up to 16 of whom the first that answers has the call (`parallel`).
    legs: Vec<NewLeg>,
    /// Who calls, for legs that do not say: `sip:NUMBER@DOMAIN`, or a number.
    from: Option<String>,
    /// How several are called.
    #[serde(default)]
    order: Order,
    /// What becomes of the one that answers: a `do` of the configuration, such as `{"bridge": ["user:alice"]}` or `{"answer": "echo"}`.
    #[schema(value_type = Option<Object>)]
    then: Option<Map<String, Value>>,
    /// The call is ended then: `"6h"`.
    #[schema(value_type = Option<String>)]
    max_duration: Option<Span>,
    /// Answer once the call is answered or has failed, or after 60 s.
    #[serde(default)]
    wait: bool,
    /// Anything; it comes back with the call and in its record.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
}

/// How several are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Each when the one before has answered; they are joined.
    #[default]
    Sequential,
    /// All at once; the first answer has the call, and the others are cancelled.
    Parallel,
}

/// Calls somebody. Answered at once with the call as it is then; with `wait` once it is answered or has failed, at the latest after 60 s.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", operation_id = "make_call", request_body = NewCall,
    responses((status = 201, body = Call, description = "It is being made"), (status = 200, body = Call, description = "With `wait`: what came of it"),
        (status = 409, description = "The same request is still being done"), (status = 503, description = "The node drains, or is full")))]
pub(crate) async fn make(
    State(interface): State<Arc<Interface>>,
    Extension(by): Extension<Caller>,
    Json(new): Json<NewCall>,
) -> Result<Response, Problem> {
    let wait = new.wait;
    let dial = new.read(by.name())?;
    let answers = if dial.order == DialOrder::Sequential { dial.legs.len() } else { 1 };
    // Before the call is made, or its begin would be missed.
    let feed = interface.node.subscribe();
    let call = interface.node.dial(dial).await.map_err(|error| problem(&error))?;
    let made = Made { interface: &interface, call };
    if wait {
        return Ok(axum::Json(made.outcome(feed, answers, WAIT).await).into_response());
    }
    let mut response = (StatusCode::CREATED, axum::Json(made.seen(feed).await)).into_response();
    if let Ok(place) = HeaderValue::try_from(format!("/v1/calls/{call}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

impl NewCall {
    fn read(self, by: &str) -> Result<Dial, Problem> {
        let from = self.from.map(|text| caller(&text).map_err(|message| Problem::invalid("from", message))).transpose()?;
        let leg = |(place, leg): (usize, NewLeg)| leg.read(&format!("legs[{place}]"), from.as_ref());
        let legs = self.legs.into_iter().enumerate().map(leg).collect::<Result<_, _>>()?;
        let then = self.then.map(|then| Value::Object(then).to_string());
        if let Some(then) = &then {
            let action = read_do(then).map_err(|message| Problem::invalid("then", message))?;
            if matches!(action, Do::Ask { .. } | Do::Reject { .. }) {
                return Err(Problem::invalid("then", "`bridge`, `ring` or `answer` is possible for one who has answered"));
            }
        }
        let max_duration = match self.max_duration {
            Some(Span(span)) if !LASTING.contains(&span) => return Err(Problem::invalid("max_duration", "from 1s to 168h is possible")),
            span => span.map(|Span(span)| span),
        };
        let order = match self.order {
            Order::Sequential => DialOrder::Sequential,
            Order::Parallel => DialOrder::Parallel,
        };
        let metadata = self.metadata.map(|said| Arc::from(Value::Object(said).to_string()));
        if metadata.as_ref().is_some_and(|said: &Arc<str>| said.len() > MAX_METADATA) {
            return Err(Problem::invalid("metadata", format!("at most {MAX_METADATA} bytes are kept")));
        }
        let dial = Dial { legs, order, then: then.map(Into::into), max_duration, quiet: false, metadata, by: by.into() };
        dial.check().map_err(|error| problem(&error))?;
        Ok(dial)
    }
}

/// What is answered where no call is begun.
fn problem(error: &DialError) -> Problem {
    match error {
        DialError::Nobody | DialError::TooManyLegs(_) => Problem::invalid("legs", error.to_string()),
        DialError::ThenWithSeveral => Problem::invalid("then", error.to_string()),
        DialError::Draining | DialError::Busy => Problem::new(UNAVAILABLE, error.to_string()).after(1),
        DialError::Full { retry_after_s } => Problem::new(UNAVAILABLE, error.to_string()).after(*retry_after_s),
    }
}

/// A call that was made just now.
pub(crate) struct Made<'a> {
    pub(crate) interface: &'a Interface,
    pub(crate) call: CallId,
}

/// What a call comes to that a view shows.
enum Step {
    Leg,
    Over(Box<CallRecord>),
}

impl Made<'_> {
    /// The call once as many have answered, or it is over, or the time is.
    pub(crate) async fn outcome(&self, mut feed: Feed, answers: usize, most: Duration) -> Call {
        let known = timeout(most, async {
            let mut answered = 0;
            loop {
                match feed.next().await {
                    Some(Heard::Event(told)) if told.event.call == self.call => match &told.event.kind {
                        EventKind::CallEnded(record) => return Some(self.over(record)),
                        EventKind::LegAnswered => {
                            answered += 1;
                            if answered >= answers {
                                return None;
                            }
                        }
                        _ => {}
                    },
                    Some(Heard::Event(_) | Heard::Missed(_)) => {}
                    None => return None,
                }
            }
        });
        match known.await {
            Ok(Some(over)) => over,
            Ok(None) | Err(_) => self.seen(feed).await,
        }
    }

    /// The call as it is once it has a leg. One that is over already is found among what `feed`, which began before it, has to tell.
    async fn seen(&self, mut feed: Feed) -> Call {
        loop {
            let view = self.interface.node.call(self.call).await;
            if let Some(view) = view.as_ref().filter(|view| !view.legs.is_empty()) {
                return self.interface.shown(view);
            }
            match timeout(BEHIND, self.next_step(&mut feed)).await {
                Ok(Some(Step::Over(record))) => return self.over(&record),
                Ok(Some(Step::Leg)) => {}
                Ok(None) | Err(_) => return self.known(view).await,
            }
        }
    }

    /// What happens next that a view shows; `None` when the node has gone.
    async fn next_step(&self, feed: &mut Feed) -> Option<Step> {
        loop {
            let Heard::Event(told) = feed.next().await? else { continue };
            match &told.event.kind {
                _ if told.event.call != self.call => {}
                EventKind::LegCreated(_) => return Some(Step::Leg),
                EventKind::CallEnded(record) => return Some(Step::Over(record.clone())),
                _ => {}
            }
        }
    }

    /// The call where no event told of it.
    async fn known(&self, view: Option<CallView>) -> Call {
        if let Some(view) = view {
            return self.interface.shown(&view);
        }
        match self.interface.records.get(self.call).await {
            Ok(Some(record)) => Call::over(record),
            Ok(None) | Err(_) => Call::unknown(self.call),
        }
    }

    fn over(&self, record: &CallRecord) -> Call {
        Call::over(Record::of(record, self.interface.node.epoch()))
    }
}
