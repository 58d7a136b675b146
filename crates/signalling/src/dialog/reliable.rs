//! Reliable provisional responses (RFC 3262), as two tables: who sends them ([`Sending`], §3) and who acknowledges them
//! ([`Receiving`], §4). Neither sees a message; whoever holds one keeps the bytes and does what the outcome says.
//!
//! One response is outstanding at a time, as §3 recommends for all but the first, of which it demands it.

/// Where who answers an INVITE stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sending {
    /// All that was sent is acknowledged, or nothing was.
    Clear,
    /// One response is out. `described`: it has a session description.
    Waiting {
        /// It has a session description.
        described: bool,
    },
    /// One with a description is out, and the 2xx waits for its PRACK.
    Holding,
    /// The final response went out. `open`: a PRACK may still come.
    Final {
        /// A PRACK may still come.
        open: bool,
    },
}

/// What happens to who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendingEvent {
    /// A provisional response is to go out.
    Provisional {
        /// It has a session description.
        described: bool,
    },
    /// A PRACK whose RAck names the response that is out.
    Prack,
    /// A PRACK that names anything else.
    StrayPrack,
    /// The time to send it again has come.
    Due,
    /// 64×T1 are over.
    GivenUp,
    /// A 2xx is to go out.
    Success,
    /// A 3xx to 6xx goes out.
    Failure,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendingAct {
    /// It goes out, and again from T1 on.
    Send,
    /// It waits for the PRACK of the one before it.
    Queue,
    /// The same response once more.
    Again,
    /// 200 to the PRACK; what waited goes out.
    Acknowledged,
    /// 481 to the PRACK.
    Refuse,
    /// The 2xx waits for the PRACK.
    Hold,
    /// The final response goes out; what waited is dropped.
    Finish,
    /// 5xx to the INVITE.
    Reject,
    /// Nothing.
    Ignore,
}

impl Sending {
    /// Every state, for whoever prints the table.
    pub const ALL: [Sending; 6] = [
        Sending::Clear,
        Sending::Waiting { described: false },
        Sending::Waiting { described: true },
        Sending::Holding,
        Sending::Final { open: true },
        Sending::Final { open: false },
    ];

    /// The table.
    #[must_use]
    pub const fn on(self, event: SendingEvent) -> (Sending, SendingAct) {
        use Sending::{Clear, Final, Holding, Waiting};
        use SendingAct::{Acknowledged, Again, Finish, Hold, Ignore, Queue, Refuse, Reject, Send};
        use SendingEvent::{Due, Failure, GivenUp, Prack, Provisional, StrayPrack, Success};
        match (self, event) {
            (Clear, Provisional { described }) => (Waiting { described }, Send),
            // §3: no second one before the first is acknowledged, and better none before any is.
            (Waiting { .. }, Provisional { .. }) => (self, Queue),
            // §3: none after a final response; and one that is decided on makes the rest pointless.
            (Holding | Final { .. }, Provisional { .. }) => (self, Ignore),

            (Waiting { .. }, Prack) => (Clear, Acknowledged),
            (Holding, Prack) => (Final { open: false }, Acknowledged),
            // §3: a PRACK for what was out when the final response went out is still to be processed.
            (Final { open: true }, Prack) => (Final { open: false }, Acknowledged),
            (Clear | Final { open: false }, Prack) => (self, Refuse),
            // §3: 481 where it matches no response that waits for one.
            (_, StrayPrack) => (self, Refuse),

            (Waiting { .. } | Holding, Due) => (self, Again),
            // §3: after 64×T1 the INVITE is rejected with a 5xx.
            (Waiting { .. } | Holding, GivenUp) => (Final { open: false }, Reject),
            // §3: nothing is retransmitted after the final response.
            (Clear | Final { .. }, Due | GivenUp) => (self, Ignore),

            // §3: a 2xx must not pass a description that is not acknowledged.
            (Waiting { described: true }, Success) => (Holding, Hold),
            (Waiting { described: false }, Success) => (Final { open: true }, Finish),
            (Clear, Success) => (Final { open: false }, Finish),
            (Waiting { .. } | Holding, Failure) => (Final { open: true }, Finish),
            (Clear, Failure) => (Final { open: false }, Finish),
            (Holding | Final { .. }, Success) | (Final { .. }, Failure) => (self, Ignore),
        }
    }
}

/// Where who called stands with one of its early dialogs, until the final response makes it pointless (§4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receiving {
    /// No reliable response has come.
    Fresh,
    /// The last in order had this RSeq.
    At(u32),
}

/// What is done with a reliable response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReceivingAct {
    /// It counts, and is acknowledged with PRACK.
    Acknowledge,
    /// It is a retransmission: the PRACK has a transaction that repeats it by itself.
    Repeated,
    /// It is out of order, and must be neither acknowledged nor read.
    Ignore,
}

impl Receiving {
    /// A response with that RSeq has come.
    #[must_use]
    pub const fn on_response(self, rseq: u32) -> (Receiving, ReceivingAct) {
        use ReceivingAct::{Acknowledge, Ignore, Repeated};
        match self {
            // §3: an RSeq is from 1 to 2³²−1.
            _ if rseq == 0 => (self, Ignore),
            // §4: the first one sets the number.
            Receiving::Fresh => (Receiving::At(rseq), Acknowledge),
            Receiving::At(last) if rseq == last => (self, Repeated),
            // §4: the next is one higher, or it is not for us yet. No number comes twice around.
            Receiving::At(last) if last != u32::MAX && rseq == last + 1 => (Receiving::At(rseq), Acknowledge),
            Receiving::At(_) => (self, Ignore),
        }
    }
}
