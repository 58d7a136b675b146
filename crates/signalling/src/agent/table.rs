//! The table of one registration: RFC 3261 §10.2 as states and events, with the recovery of RFC 5626 §4.5.

/// Where a registration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not registered, and waiting to try (again).
    Out,
    /// A REGISTER is under way, and there is no binding.
    Trying,
    /// Registered.
    In,
    /// Registered, and a REGISTER is under way that keeps it so.
    Refreshing,
    /// To be given up as soon as the REGISTER that is under way has its answer (§10.2: one at a time).
    Parting,
    /// The REGISTER that removes the binding is under way.
    Leaving,
    /// Nothing is left to do.
    Gone,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It is time to register.
    Due,
    /// The registrar has the binding (2xx).
    Accepted,
    /// The registrar wants it to hold for longer (423), and that can be had.
    TooBrief,
    /// The registrar refused.
    Refused,
    /// Nobody answered, or nobody could be asked.
    Unanswered,
    /// The connection that the last REGISTER went over is lost.
    Lost,
    /// It is to be given up.
    Leave,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a REGISTER.
    Register,
    /// Send one that removes the binding.
    Unregister,
    /// Wait for the time to refresh.
    Keep,
    /// Wait for the time to try again (RFC 5626 §4.5).
    BackOff,
    /// Say that there is a binding.
    TellIn,
    /// Say that there is none.
    TellOut,
}

/// The row for `event` in `state`: the next state, and what to do on the way. What the table does not name changes nothing.
pub fn table(state: State, event: Event) -> (State, &'static [Action]) {
    use {Action::*, Event::*, State::*};
    match (state, event) {
        (Out, Due) => (Trying, &[Register]),
        (Trying, Accepted) => (In, &[Keep, TellIn]),
        // §10.2.8
        (Trying, TooBrief) => (Trying, &[Register]),
        (Trying, Refused | Unanswered) => (Out, &[BackOff, TellOut]),
        // §10.2.4
        (In, Due) => (Refreshing, &[Register]),
        // RFC 5626 §4.4: what came in over the flow comes no longer.
        (In, Lost) => (Refreshing, &[Register]),
        (Refreshing, Accepted) => (In, &[Keep]),
        (Refreshing, TooBrief) => (Refreshing, &[Register]),
        (Refreshing, Refused | Unanswered) => (Out, &[BackOff, TellOut]),
        (Out, Leave) => (Gone, &[]),
        (Trying | Refreshing, Leave) => (Parting, &[]),
        // §10.2.2
        (In, Leave) => (Leaving, &[Unregister]),
        (Parting, Accepted) => (Leaving, &[Unregister]),
        (Parting, TooBrief | Refused | Unanswered) => (Gone, &[TellOut]),
        (Leaving, Accepted | TooBrief | Refused | Unanswered) => (Gone, &[TellOut]),
        (state, _) => (state, &[]),
    }
}
