//! The INVITE client transaction: RFC 3261 §17.1.1 and figure 5, RFC 6026 §7.2 and §8.4.

use super::{Action::*, Event, State::*, Step, Timer::*, step};

pub(super) fn table(state: super::State, event: Event) -> Step {
    match (state, event) {
        // §17.1.1.2: retransmit while nothing has come, give up after 64 × T1.
        (Calling, Event::Expired(A)) => step(Calling, &[Resend]),
        (Calling, Event::Expired(B)) => step(Terminated, &[Stop(A), ReportTimeout]),
        (Calling, Event::Provisional) => step(Proceeding, &[Stop(A), Stop(B), Deliver]),
        (Proceeding, Event::Provisional) => step(Proceeding, &[Deliver]),
        // RFC 6026 §7.2: a 2xx no longer destroys the transaction; further ones are passed on until Timer M.
        (Calling | Proceeding, Event::Success) => step(Accepted, &[Stop(A), Stop(B), Start(M), Deliver]),
        (Accepted, Event::Success) => step(Accepted, &[Deliver]),
        (Accepted, Event::Expired(M)) => step(Terminated, &[]),
        // §17.1.1.2: a failure is passed on once and acknowledged each time it comes.
        (Calling | Proceeding, Event::Failure) => step(Completed, &[Stop(A), Stop(B), Acknowledge, Start(D), Deliver]),
        (Completed, Event::Failure) => step(Completed, &[Acknowledge]),
        (Completed, Event::Expired(D)) => step(Terminated, &[]),
        // §17.1.4
        (Calling, Event::TransportError) => step(Terminated, &[Stop(A), Stop(B), ReportTransportError]),
        (Completed, Event::TransportError) => step(Terminated, &[Stop(D), ReportTransportError]),
        (state, _) => step(state, &[]),
    }
}
