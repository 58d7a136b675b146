//! The non-INVITE client transaction: RFC 3261 §17.1.2 and figure 6.

use super::{Action::*, Event, State::*, Step, Timer::*, step};

pub(super) fn table(state: super::State, event: Event) -> Step {
    match (state, event) {
        // §17.1.2.2: Timer E keeps retransmitting in Proceeding too, at T2.
        (Trying, Event::Expired(E)) => step(Trying, &[Resend]),
        (Proceeding, Event::Expired(E)) => step(Proceeding, &[Resend]),
        (Trying | Proceeding, Event::Expired(F)) => step(Terminated, &[Stop(E), ReportTimeout]),
        (Trying | Proceeding, Event::Provisional) => step(Proceeding, &[Deliver]),
        (Trying | Proceeding, Event::Success | Event::Failure) => step(Completed, &[Stop(E), Stop(F), Start(K), Deliver]),
        (Completed, Event::Expired(K)) => step(Terminated, &[]),
        // §17.1.4
        (Trying | Proceeding, Event::TransportError) => step(Terminated, &[Stop(E), Stop(F), ReportTransportError]),
        (state, _) => step(state, &[]),
    }
}
