//! The meeting is called, then the other side, and the two are joined. One leg each: nobody hears themselves.

use super::{
    WebexDialer,
    address::Address,
    answer::{Failure, TrackingId},
    asked::Asked,
    lookup::Legs,
};
use crate::{
    Interface,
    dial::Made,
    view::{Call, Leg},
};
use serde_json::json;
use std::time::Duration;
use tandem_model::{CallCommand, CallId, Caller, CommandError, Dial, DialLeg, DialOrder, EndReason, Privacy};
use tokio::time::sleep;

/// Who calls, in records.
const BY: &str = "webex";

/// How often a call is told to end, where the node has too much to do.
const END_TRIES: usize = 100;
const END_PAUSE: Duration = Duration::from_millis(100);

/// Calls both. The call that comes of it goes on until one of them leaves.
///
/// # Errors
/// Why they are not joined; nobody is called any more then.
pub(super) async fn join(interface: &Interface, dialer: &WebexDialer, asked: &Asked, legs: Legs, id: &TrackingId) -> Result<(), Failure> {
    let leg = |address: Address| dialer.leg(address);
    let legs = [leg(legs.meeting), leg(legs.endpoint)].into();
    // People who meet are not to hear that a telephone rings.
    let metadata = json!({"trackingId": id}).to_string().into();
    let dial =
        Dial { legs, order: DialOrder::Sequential, then: None, max_duration: None, quiet: true, metadata: Some(metadata), by: BY.into() };
    let answers = dial.legs.len();
    // Before the call is made, or its begin would be missed.
    let feed = interface.node.subscribe();
    let call = interface.node.dial(dial).await.map_err(|error| Failure::Meeting(asked.meeting.clone(), error.to_string()))?;
    let made = Made { interface, call };
    let seen = made.outcome(feed, answers, dialer.config.bridge_timeout).await;
    let outcome = verdict(&seen, asked);
    if outcome.is_err() && seen.ended.is_none() {
        end(interface, call).await;
    }
    outcome
}

impl WebexDialer {
    fn leg(&self, address: Address) -> DialLeg {
        let caller = |number: &str| Caller { name: None, number: number.into(), privacy: Privacy::default(), is_screened: true };
        DialLeg {
            trunk: address.trunk,
            from: self.config.from.as_deref().map(caller),
            // Ours are the words for one that is not answered in time, so ours is the time.
            ring_timeout: Some(self.config.bridge_timeout * 2),
            ..DialLeg::new(&address.to)
        }
    }
}

/// Ends a call of which it will be said that it has failed, also where the node has much to do.
async fn end(interface: &Interface, call: CallId) {
    for _ in 0..END_TRIES {
        match interface.node.command(call, CallCommand::End { reason: None }).await {
            Err(CommandError::Busy(_)) => sleep(END_PAUSE).await,
            // One that is over by now needs no end.
            _ => return,
        }
    }
}

/// What became of the call.
fn verdict(call: &Call, asked: &Asked) -> Result<(), Failure> {
    let has_answered = |leg: &&Leg| (200..300).contains(&leg.sip_status);
    let meeting = |why: String| Failure::Meeting(asked.meeting.clone(), why);
    let failed = || call.legs.iter().rfind(|leg| !has_answered(leg)).map_or_else(|| reason(call), why);
    match (call.legs.iter().filter(has_answered).count(), call.ended.is_some()) {
        (2.., _) => Ok(()),
        (1, false) => Err(Failure::NotDialled),
        (0, false) => Err(Failure::NotLetIn),
        (1, true) if call.reason.as_deref() == Some(&*EndReason::CallerHungUp.words()) => Err(meeting("it hung up".to_owned())),
        (1, true) => Err(Failure::Endpoint(asked.endpoint.clone(), failed())),
        (0, true) => Err(meeting(failed())),
    }
}

fn why(leg: &Leg) -> String {
    match leg.reason.as_deref() {
        Some(reason) if !reason.is_empty() => format!("{reason} ({})", leg.sip_status),
        _ => leg.sip_status.to_string(),
    }
}

fn reason(call: &Call) -> String {
    call.reason.clone().unwrap_or_else(|| "it failed".to_owned())
}
