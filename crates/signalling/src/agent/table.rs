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
    /// The refresh failed; the binding holds until the time that was granted is over. Waiting to try again.
    Held,
    /// The connection that we registered over is lost, and a REGISTER is under way over another one.
    Regaining,
    /// To be given up as soon as the REGISTER that is under way has its answer (§10.2: one at a time).
    Parting,
    /// The REGISTER that removes the binding is under way.
    Leaving,
    /// Nobody answered that one. Waiting to send it again.
    Lingering,
    /// Nothing is left to do.
    Gone,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// It is time for the next REGISTER.
    Due,
    /// The registrar has the binding (2xx).
    Accepted,
    /// The registrar wants it to hold for longer (423), and that can be had.
    TooBrief,
    /// The registrar refused.
    Refused,
    /// Nobody answered, or nobody could be asked.
    Unanswered,
    /// The connection that the last REGISTER went over is lost, or could not be made.
    Lost,
    /// The time that was granted is over.
    Lapsed,
    /// It is to be given up.
    Leave,
    /// The registrar can have nothing of ours that would have to be removed.
    Nothing,
    /// There is no more time.
    Enough,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a REGISTER.
    Register,
    /// Send one that removes the binding, if there can be one.
    Unregister,
    /// Wait for the time to refresh.
    Keep,
    /// Wait for the time to try again (RFC 5626 §4.5).
    BackOff,
    /// Wait a moment to remove the binding once more.
    Pause,
    /// Say that there is a binding.
    TellIn,
    /// Say that it was not refreshed.
    TellOverdue,
    /// Say that there is none.
    TellOut,
    /// Say that there is none any more, if there was one.
    TellGone,
}

/// The row for `event` in `state`: the next state, and what to do on the way. What the table does not name changes nothing.
pub fn table(state: State, event: Event) -> (State, &'static [Action]) {
    use {Action::*, Event::*, State::*};
    match (state, event) {
        (Out, Due) => (Trying, &[Register]),
        (Trying, Accepted) => (In, &[Keep, TellIn]),
        // §10.2.8
        (Trying, TooBrief) => (Trying, &[Register]),
        (Trying, Refused | Unanswered | Lost) => (Out, &[BackOff, TellOut]),
        // §10.2.4
        (In | Held, Due) => (Refreshing, &[Register]),
        (Refreshing, Accepted) => (In, &[Keep]),
        (Refreshing, TooBrief) => (Refreshing, &[Register]),
        // §10.2.4: the binding is there for as long as was granted, whatever became of the refresh.
        (Refreshing, Refused | Unanswered) => (Held, &[BackOff, TellOverdue]),
        (Refreshing | Regaining, Lapsed) => (Trying, &[TellOut]),
        (Held, Lapsed) => (Out, &[TellOut]),
        // RFC 5626 §4.4: what came in over the flow comes no longer.
        (In | Refreshing, Lost) => (Regaining, &[Register]),
        (Held, Lost) => (Out, &[TellOut]),
        (Regaining, Accepted) => (In, &[Keep]),
        (Regaining, TooBrief) => (Regaining, &[Register]),
        (Regaining, Refused | Unanswered | Lost) => (Out, &[BackOff, TellOut]),
        // §10.2.2
        (Out | In | Held, Leave) => (Leaving, &[Unregister]),
        (Trying | Refreshing | Regaining, Leave) => (Parting, &[]),
        // Whatever became of it, an earlier one may have left a binding, or this one, if its answer was lost.
        (Parting, Accepted | TooBrief | Refused | Unanswered | Lost) => (Leaving, &[Unregister]),
        (Leaving, Nothing | Accepted | TooBrief | Refused) => (Gone, &[TellGone]),
        (Leaving, Unanswered | Lost) => (Lingering, &[Pause]),
        (Lingering, Due) => (Leaving, &[Unregister]),
        (Parting | Leaving | Lingering, Enough) => (Gone, &[TellGone]),
        (state, _) => (state, &[]),
    }
}
