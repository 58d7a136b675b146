//! The INVITE server transaction: RFC 3261 §17.2.1 and figure 7, RFC 6026 §7.1 and §8.5 to §8.7.

use super::{Action::*, Event, State::*, Step, Timer::*, step};

pub(super) fn table(state: super::State, event: Event) -> Step {
    match (state, event) {
        // §17.2.1: a retransmitted INVITE gets the latest provisional response again.
        (Proceeding, Event::Request) => step(Proceeding, &[Resend]),
        (Proceeding, Event::Provisional) => step(Proceeding, &[Respond]),
        // RFC 6026 §7.1: after a 2xx, INVITEs are absorbed until Timer L; 2xx retransmissions are the user's and pass.
        (Proceeding, Event::Success) => step(Accepted, &[Respond, Start(L)]),
        (Accepted, Event::Success) => step(Accepted, &[Respond]),
        (Accepted, Event::Ack) => step(Accepted, &[Deliver]),
        (Accepted, Event::Expired(L)) => step(Terminated, &[]),
        (Proceeding, Event::Failure) => step(Completed, &[Respond, Start(G), Start(H)]),
        (Completed, Event::Request) => step(Completed, &[Resend]),
        (Completed, Event::Expired(G)) => step(Completed, &[Resend]),
        (Completed, Event::Expired(H)) => step(Terminated, &[Stop(G), ReportTimeout]),
        (Completed, Event::Ack) => step(Confirmed, &[Stop(G), Stop(H), Start(I)]),
        (Confirmed, Event::Expired(I)) => step(Terminated, &[]),
        // §17.2.4, RFC 6026 §8.8: the user hears of it; the transaction goes on by its timers.
        (Proceeding | Accepted | Completed, Event::TransportError) => step(state, &[ReportTransportError]),
        (state, _) => step(state, &[]),
    }
}
