//! Client and server transactions (RFC 3261 §17, RFC 6026), as records that the phone steps through.

use crate::Message;
use std::{net::SocketAddr, time::Duration};
use tandem_model::Timestamp;

/// RFC 3261 table 4.
pub const T1: Duration = Duration::from_millis(500);
/// The longest pause between retransmissions of a non-INVITE request or of a response.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message may stay in the network.
pub const T4: Duration = Duration::from_secs(5);
/// How long most transactions live: 64 × T1.
pub const LIFETIME: Duration = Duration::from_secs(32);

/// Something that is sent again and again until it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Retransmission {
    /// When next.
    pub next: Option<Timestamp>,
    /// When it is given up.
    pub deadline: Option<Timestamp>,
    interval: Duration,
    cap: Option<Duration>,
}

/// What a due [`Retransmission`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send once more.
    Again,
    /// Give up.
    TimedOut,
}

impl Retransmission {
    /// First after T1, doubling to `cap`, given up after 64 × T1.
    pub(crate) fn start(now: Timestamp, cap: Option<Duration>) -> Retransmission {
        Retransmission { next: Some(now + T1), deadline: Some(now + LIFETIME), interval: T1, cap }
    }

    /// Sends no more; `deadline` stays or is replaced.
    pub(crate) fn stop(&mut self, deadline: Option<Timestamp>) {
        self.next = None;
        self.deadline = deadline;
    }

    /// From now on at T2 only (RFC 3261 §17.1.2.2, Proceeding).
    pub(crate) fn slow_down(&mut self, now: Timestamp) {
        if self.interval != T2 {
            self.interval = T2;
            self.next = self.next.map(|_| now + T2);
        }
    }

    /// What is due at `now`.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Option<Due> {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.stop(None);
            return Some(Due::TimedOut);
        }
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        self.interval = self.cap.map_or(self.interval * 2, |cap| cap.min(self.interval * 2));
        self.next = Some(now + self.interval);
        Some(Due::Again)
    }

    /// When something is due.
    pub(crate) fn timeout(&self) -> Option<Timestamp> {
        [self.next, self.deadline].into_iter().flatten().min()
    }
}

/// Where a client transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// No response yet.
    Calling,
    /// A provisional one.
    Proceeding,
    /// Over; late responses still find it.
    Finished(u16),
    /// Over without any.
    TimedOut,
}

/// What a request of ours was for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Purpose {
    /// The INVITE that began the call.
    Invite,
    /// A later one, with the offer to try again after 491.
    Reinvite(crate::Offer),
    /// UPDATE, likewise.
    Update(crate::Offer),
    /// CANCEL.
    Cancel,
    /// BYE.
    Bye,
    /// PRACK.
    Prack,
    /// REFER.
    Refer,
    /// NOTIFY of what became of a REFER to us.
    Notify,
    /// REGISTER.
    Register,
    /// Anything else.
    Other,
}

/// A request of ours and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct ClientTransaction {
    /// Of its Via.
    pub branch: String,
    /// The request as sent.
    pub request: Message,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Where it went.
    pub destination: SocketAddr,
    /// Whose.
    pub call: Option<usize>,
    /// In which of the call's dialogs.
    pub dialog: Option<usize>,
    /// What for.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: Client,
    /// Timers A/E and B/F, later D/K/M.
    pub timer: Retransmission,
    /// The tag of its final response.
    pub final_tag: Option<String>,
    /// The ACK of a failure, sent again for each retransmission of it.
    pub ack: Option<Vec<u8>>,
}

impl ClientTransaction {
    /// Whether it still waits for a final response.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, Client::Calling | Client::Proceeding)
    }
}

/// A request of theirs and our answer.
#[derive(Clone, Debug)]
pub(crate) struct ServerTransaction {
    /// Branch and sent-by of the top Via.
    pub key: (String, String),
    /// The request as it came.
    pub request: Message,
    /// Whence.
    pub source: SocketAddr,
    /// Whose.
    pub call: Option<usize>,
    /// In which of the call's dialogs, if it came in one.
    pub dialog: Option<usize>,
    /// The last response, its bytes, and where it went.
    pub response: Option<(u16, Vec<u8>, SocketAddr)>,
    /// Timers G and H of a failed INVITE.
    pub timer: Option<Retransmission>,
    /// Whether the ACK of a failure came.
    pub acknowledged: bool,
}

impl ServerTransaction {
    /// Whether it has got its final response.
    pub(crate) fn is_answered(&self) -> bool {
        self.response.as_ref().is_some_and(|(status, ..)| *status >= 200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(cap: Option<Duration>) -> Vec<u64> {
        let mut timer = Retransmission::start(Timestamp::ZERO, cap);
        let mut seen = Vec::new();
        while let Some(at) = timer.timeout() {
            seen.push(at.as_millis());
            timer.poll(at);
        }
        seen
    }

    #[test]
    fn invites_double_for_ever_and_others_up_to_t2() {
        assert_eq!(instants(None), [500, 1500, 3500, 7500, 15500, 31500, 32000]);
        assert_eq!(instants(Some(T2)), [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500, 32000]);
    }
}
