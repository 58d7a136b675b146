//! The session timer of one leg (RFC 4028): when it is to be refreshed, by whom, and when it is over.
//!
//! [`SessionTimer::on`] takes what happened and says what is to be done. Come back with [`Event::Due`] at [`SessionTimer::due`].

use std::time::Duration;
use tandem_model::Timestamp;

/// Who refreshes. The words `uac` and `uas` mean this for one exchange only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// We, and the peer ends the session where we do not.
    Us,
    /// We, and nobody else cares: the peer keeps no timer.
    UsAlone,
    /// The peer.
    Peer,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The session does not expire.
    Off,
    /// We refresh when it is due.
    Ours,
    /// Our refresh is on its way.
    Refreshing,
    /// The peer refreshes; when it is due it has not.
    Theirs,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A 2xx to an INVITE or UPDATE of either side settled an interval, in seconds, and who keeps it.
    Agreed(u32, Keeper),
    /// Such a 2xx settled that there is none.
    Dropped,
    /// The time has come.
    Due,
    /// The refresh cannot be sent now: something else is on its way.
    Busy,
    /// Our refresh was refused; the peer said after how long it might be tried again.
    Refused(Option<Duration>),
    /// Our refresh could not be delivered: nobody has said anything.
    Undelivered,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing.
    Wait,
    /// Send an UPDATE or re-INVITE.
    Refresh,
    /// End the session: nobody refreshed it.
    Expire,
}

/// How long before its end a session is ended that the peer does not refresh (RFC 4028 §10), at most; and a third of the interval.
const LATEST_REFRESH: Duration = Duration::from_secs(32);

/// A refresh that could not be sent is looked at again after so long.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// One that could not be delivered is tried again after so long, or after this share of what is left.
const UNDELIVERED_WAIT: Duration = Duration::from_secs(4);
const UNDELIVERED_SHARE: u32 = 8;

/// Refusals of one refresh after which no more is tried (§10: not continuously).
const MAX_REFUSALS: u8 = 4;

/// The timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    state: State,
    alone: bool,
    interval_s: u32,
    /// When the session is over.
    expires: Timestamp,
    due: Timestamp,
    refusals: u8,
}

impl Default for SessionTimer {
    fn default() -> Self {
        SessionTimer { state: State::Off, alone: false, interval_s: 0, expires: Timestamp::ZERO, due: Timestamp::ZERO, refusals: 0 }
    }
}

impl SessionTimer {
    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// The interval in force, in seconds.
    pub fn interval_s(&self) -> Option<u32> {
        (self.state != State::Off).then_some(self.interval_s)
    }

    /// When to come back with [`Event::Due`].
    pub fn due(&self) -> Option<Timestamp> {
        (self.state != State::Off).then_some(self.due)
    }

    /// Who refreshes, while anybody does.
    pub fn keeper(&self) -> Option<Keeper> {
        match self.state {
            State::Off => None,
            State::Theirs => Some(Keeper::Peer),
            State::Ours | State::Refreshing if self.alone => Some(Keeper::UsAlone),
            State::Ours | State::Refreshing => Some(Keeper::Us),
        }
    }

    /// Whether a refresh of ours is to be sent, or on its way.
    pub fn is_refreshing(&self) -> bool {
        self.state == State::Refreshing
    }

    /// Whether the peer has refused a refresh since the last that it took.
    pub fn is_refused(&self) -> bool {
        self.refusals > 0
    }

    /// Takes what happened.
    pub fn on(&mut self, now: Timestamp, event: Event) -> Outcome {
        match (self.state, event) {
            (_, Event::Agreed(interval_s, keeper)) => self.begin(now, interval_s, keeper),
            (_, Event::Dropped) => self.state = State::Off,
            (State::Off, _) => {}
            (State::Theirs, Event::Due) => return Outcome::Expire,
            (State::Ours | State::Refreshing, Event::Due) if self.expires <= now => return Outcome::Expire,
            (State::Ours, Event::Due) => {
                (self.state, self.due) = (State::Refreshing, self.expires);
                return Outcome::Refresh;
            }
            (State::Refreshing, Event::Due) | (State::Ours | State::Theirs, Event::Busy | Event::Refused(_) | Event::Undelivered) => {}
            (State::Refreshing, Event::Busy) => self.again(now, BUSY_WAIT),
            // Any word of a peer that keeps no timer shows that it has the dialog.
            (State::Refreshing, Event::Refused(_)) if self.alone => self.begin(now, self.interval_s, Keeper::UsAlone),
            (State::Refreshing, Event::Refused(after)) => self.refused(now, after),
            (State::Refreshing, Event::Undelivered) => {
                self.again(now, UNDELIVERED_WAIT.max(self.expires.since(now) / UNDELIVERED_SHARE));
            }
        }
        Outcome::Wait
    }

    fn begin(&mut self, now: Timestamp, interval_s: u32, keeper: Keeper) {
        let interval = Duration::from_secs(interval_s.into());
        (self.interval_s, self.expires, self.refusals) = (interval_s, now + interval, 0);
        self.alone = keeper == Keeper::UsAlone;
        (self.state, self.due) = match keeper {
            // §10: once half the interval has elapsed.
            Keeper::Us | Keeper::UsAlone => (State::Ours, now + interval / 2),
            Keeper::Peer => (State::Theirs, now + (interval - grace(interval_s))),
        };
    }

    /// §10: only a 2xx counts. What the peer refuses is tried again while it still waits for it.
    fn refused(&mut self, now: Timestamp, after: Option<Duration>) {
        self.refusals += 1;
        let left = self.expires.since(now);
        let patience = left.saturating_sub(grace(self.interval_s));
        let wait = if self.refusals < MAX_REFUSALS { after.unwrap_or(patience / 2) } else { left };
        self.again(now, wait);
    }

    fn again(&mut self, now: Timestamp, wait: Duration) {
        (self.state, self.due) = (State::Ours, (now + wait).min(self.expires));
    }
}

/// How long before its end a session of that interval is given up by who waits.
fn grace(interval_s: u32) -> Duration {
    LATEST_REFRESH.min(Duration::from_secs(interval_s.into()) / 3)
}
