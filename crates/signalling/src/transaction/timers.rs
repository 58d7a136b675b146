//! The timers of RFC 3261 §17 and table 4, and RFC 6026.

use std::time::Duration;
use tandem_model::Timestamp;

/// Round-trip estimate (§17.1.1.1).
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of a request other than INVITE and of an INVITE's response (§17.1.2.2).
pub const T2: Duration = Duration::from_secs(4);
/// How long a message may live in the network (§17.1.2.2).
pub const T4: Duration = Duration::from_secs(5);
/// 64 × T1: Timers B, F, H, J, L, M, and Timer D's least (§17.1.1.2).
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(32);

/// The timers, by the letters of the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// INVITE again.
    A,
    /// INVITE unanswered.
    B,
    /// Responses to INVITE still absorbed.
    D,
    /// Request again.
    E,
    /// Request unanswered.
    F,
    /// Failure response again.
    G,
    /// No ACK.
    H,
    /// ACKs still absorbed.
    I,
    /// Requests still answered.
    J,
    /// Responses still absorbed.
    K,
    /// INVITEs still absorbed after a 2xx (RFC 6026 §7.1).
    L,
    /// 2xx still passed on (RFC 6026 §7.2).
    M,
}

impl Timer {
    /// Whether it repeats with a growing interval (A, E, G) rather than ending a state.
    pub const fn retransmits(self) -> bool {
        matches!(self, Timer::A | Timer::E | Timer::G)
    }

    /// The schedule of a repeating timer. A doubles without end (§17.1.1.2), E and G up to T2.
    pub fn backoff(self, now: Timestamp) -> Backoff {
        Backoff::new(now, T1, if matches!(self, Timer::A) { TRANSACTION_TIMEOUT } else { T2 })
    }

    /// The span of a timer that ends a state. The waits for stray retransmissions are nothing on a reliable transport.
    pub const fn span(self, reliable: bool) -> Duration {
        match self {
            Timer::B | Timer::F | Timer::H | Timer::L | Timer::M => TRANSACTION_TIMEOUT,
            Timer::D | Timer::J if !reliable => TRANSACTION_TIMEOUT,
            Timer::I | Timer::K if !reliable => T4,
            _ => Duration::ZERO,
        }
    }
}

/// An interval that doubles up to a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    due: Timestamp,
    interval: Duration,
    cap: Duration,
}

impl Backoff {
    /// First due `first` after `now`.
    pub fn new(now: Timestamp, first: Duration, cap: Duration) -> Self {
        Backoff { due: now + first, interval: first, cap }
    }

    /// When it is due.
    pub fn due(&self) -> Timestamp {
        self.due
    }

    /// It was due: the next one is twice as far.
    pub fn advance(&mut self, now: Timestamp) {
        self.interval = (self.interval * 2).min(self.cap);
        self.due = now + self.interval;
    }

    /// From now on every `interval`.
    pub fn settle(&mut self, now: Timestamp, interval: Duration) {
        self.interval = interval;
        self.due = now + interval;
    }
}
