//! The non-INVITE server transaction: RFC 3261 §17.2.2 and figure 8. Kept for comparison: `tombstone.rs` does its work once
//! there is an answer, and `call/leg/held.rs` before.

use super::{Action::*, Event, State::*, Step, Timer::*, step};

pub(super) fn table(state: super::State, event: Event) -> Step {
    match (state, event) {
        (Trying | Proceeding, Event::Provisional) => step(Proceeding, &[Respond]),
        (Proceeding, Event::Request) => step(Proceeding, &[Resend]),
        (Trying | Proceeding, Event::Success | Event::Failure) => step(Completed, &[Respond, Start(J)]),
        // §17.2.2: the final response is repeated for each retransmission; further finals of the user are discarded.
        (Completed, Event::Request) => step(Completed, &[Resend]),
        (Completed, Event::Expired(J)) => step(Terminated, &[]),
        // §17.2.4
        (Proceeding | Completed, Event::TransportError) => step(state, &[ReportTransportError]),
        (state, _) => step(state, &[]),
    }
}
