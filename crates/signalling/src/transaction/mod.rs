//! The four transactions (RFC 3261 §17, with the Accepted state of RFC 6026), as tables.
//!
//! A [`Transaction`] holds a state and its timers; the table of its kind says what each event does. It never sees a
//! message: whoever holds it keeps the bytes and does what the [`Action`]s say.
//!
//! Call [`Transaction::on`] with whatever happened and do its actions in order; then wake it at
//! [`Transaction::poll_timeout`] by passing the timer that is named there.

mod client_invite;
mod client_other;
mod key;
mod server_invite;
mod server_other;
mod timers;

pub use key::{TransactionKey, TransactionKeys};
pub use timers::{Backoff, T1, T2, T4, TRANSACTION_TIMEOUT, Timer};

use std::time::Duration;
use tandem_model::{Timestamp, Transport};

/// Which of the four tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// §17.1.1.
    ClientInvite,
    /// §17.1.2.
    ClientOther,
    /// §17.2.1.
    ServerInvite,
    /// §17.2.2. No [`Transaction`] of this kind is ever held: most such requests are answered in the same moment, those that wait for
    /// the other leg absorb what comes again (Trying), and a [tombstone](crate::Tombstone) does the work of Completed and of
    /// Timer J. The table says what that must come to.
    ServerOther,
}

/// The states of all four; each table uses some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// INVITE sent, nothing back.
    Calling,
    /// Request sent or received, nothing said.
    Trying,
    /// A provisional response has passed.
    Proceeding,
    /// A final response has passed (a failure, for INVITE).
    Completed,
    /// The ACK of a failure has come.
    Confirmed,
    /// A 2xx to INVITE has passed (RFC 6026).
    Accepted,
    /// Nothing is left to do.
    Terminated,
}

/// What can happen to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A 1xx: received by a client, sent by a server.
    Provisional,
    /// A 2xx.
    Success,
    /// A 3xx to 6xx.
    Failure,
    /// The request again (server).
    Request,
    /// An ACK that matches (INVITE server).
    Ack,
    /// A timer ran out.
    Expired(Timer),
    /// The transport refused or lost the message.
    TransportError,
}

/// What the holder is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request (client) or the latest response (server) again.
    Resend,
    /// Pass the message to the transaction user.
    Deliver,
    /// Send the response that the transaction user gave.
    Respond,
    /// Send the ACK of a failure (§17.1.1.3).
    Acknowledge,
    /// Tell the transaction user that nobody answered.
    ReportTimeout,
    /// Tell the transaction user that the transport failed.
    ReportTransportError,
    /// Start a timer.
    Start(Timer),
    /// Stop a timer.
    Stop(Timer),
}

/// A row of a table: the next state and what to do on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state afterwards.
    pub next: State,
    /// In this order.
    pub actions: &'static [Action],
}

const fn step(next: State, actions: &'static [Action]) -> Step {
    Step { next, actions }
}

/// The row for `event` in `state` of `kind`. What a table does not name changes nothing.
pub fn table(kind: Kind, state: State, event: Event) -> Step {
    match kind {
        Kind::ClientInvite => client_invite::table(state, event),
        Kind::ClientOther => client_other::table(state, event),
        Kind::ServerInvite => server_invite::table(state, event),
        Kind::ServerOther => server_other::table(state, event),
    }
}

/// A running transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    kind: Kind,
    state: State,
    transport: Transport,
    /// The timer that retransmits: A, E or G.
    retransmit: Option<(Timer, Backoff)>,
    /// The timer that ends a state: B, D, F, H, I, J, K, L or M.
    expiry: Option<(Timer, Timestamp)>,
}

impl Transaction {
    /// A client transaction whose request is sent now.
    pub fn client(now: Timestamp, kind: Kind, transport: Transport) -> Self {
        let (state, timers) = match kind {
            Kind::ClientInvite => (State::Calling, [Timer::A, Timer::B]),
            _ => (State::Trying, [Timer::E, Timer::F]),
        };
        let mut transaction = Transaction { kind, state, transport, retransmit: None, expiry: None };
        timers.into_iter().for_each(|timer| transaction.start(now, timer));
        transaction
    }

    /// A server transaction whose request has just come. (For INVITE the holder sends 100 at once, §17.2.1.)
    pub fn server(kind: Kind, transport: Transport) -> Self {
        let state = if kind == Kind::ServerInvite { State::Proceeding } else { State::Trying };
        Transaction { kind, state, transport, retransmit: None, expiry: None }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Lets `event` happen; the caller does the actions (the timers are seen to here).
    pub fn on(&mut self, now: Timestamp, event: Event) -> &'static [Action] {
        if let Event::Expired(timer) = event {
            self.ran_out(now, timer);
        }
        let row = table(self.kind, self.state, event);
        self.state = row.next;
        for action in row.actions {
            match *action {
                Action::Start(timer) => self.start(now, timer),
                Action::Stop(timer) => self.stop(timer),
                _ => {}
            }
        }
        row.actions
    }

    /// The next instant at which a timer runs out, and which.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Timer)> {
        let retransmit = self.retransmit.as_ref().map(|(timer, backoff)| (backoff.due(), *timer));
        let expiry = self.expiry.map(|(timer, at)| (at, timer));
        match (retransmit, expiry) {
            (Some(first), Some(second)) => Some(if second.0 <= first.0 { second } else { first }),
            (one, other) => one.or(other),
        }
    }

    fn start(&mut self, now: Timestamp, timer: Timer) {
        if timer.retransmits() {
            // §17.1.1.2, §17.2.1: a reliable transport retransmits by itself.
            self.retransmit = (!self.transport.is_reliable()).then(|| (timer, timer.backoff(now)));
        } else {
            self.expiry = Some((timer, now + timer.span(self.transport.is_reliable())));
        }
    }

    fn stop(&mut self, timer: Timer) {
        self.retransmit = self.retransmit.take().filter(|(running, _)| *running != timer);
        self.expiry = self.expiry.filter(|(running, _)| *running != timer);
    }

    fn ran_out(&mut self, now: Timestamp, timer: Timer) {
        match &mut self.retransmit {
            Some((running, backoff)) if *running == timer => {
                backoff.advance(now);
                // §17.1.2.2: in Proceeding Timer E is always T2.
                if timer == Timer::E && self.state == State::Proceeding {
                    backoff.settle(now, T2);
                }
            }
            _ => self.expiry = self.expiry.filter(|(running, _)| *running != timer),
        }
    }
}

/// How long a finished transaction still answers retransmissions on an unreliable transport.
pub const TOMBSTONE_SPAN: Duration = TRANSACTION_TIMEOUT;
