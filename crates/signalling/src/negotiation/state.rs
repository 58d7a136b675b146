//! The offer/answer table of one leg (RFC 3264 §4, with RFC 6337 §2 and §4.3).

/// Where a leg stands between offers and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// No session, and no offer on its way.
    Idle,
    /// The leg's offer waits for our answer. `established`: a session stands behind it.
    OfferReceived {
        /// A session stands behind it and comes back if the offer fails.
        established: bool,
    },
    /// Our offer waits for the leg's answer.
    OfferSent {
        /// A session stands behind it and comes back if the offer fails.
        established: bool,
    },
    /// The last offer was answered.
    Stable,
}

/// What happens between a leg and us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeEvent {
    /// The leg offers.
    OfferArrives,
    /// We offer.
    WeOffer,
    /// The leg answers.
    AnswerArrives,
    /// We answer.
    WeAnswer,
    /// The open offer was refused, or the request that carried it failed.
    Fails,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeOutcome {
    /// It is taken, and the leg stands there.
    Become(Exchange),
    /// Whoever asked for it gets this status.
    Refuse(u16),
    /// It is read over.
    Ignore,
    /// Only a mistake of ours leads here.
    Misuse,
}

impl Exchange {
    /// Every state, for whoever prints the table.
    pub const ALL: [Exchange; 6] = [
        Exchange::Idle,
        Exchange::OfferReceived { established: false },
        Exchange::OfferReceived { established: true },
        Exchange::OfferSent { established: false },
        Exchange::OfferSent { established: true },
        Exchange::Stable,
    ];

    /// The table.
    pub const fn on(self, event: ExchangeEvent) -> ExchangeOutcome {
        use Exchange::{Idle, OfferReceived, OfferSent, Stable};
        use ExchangeEvent::{AnswerArrives, Fails, OfferArrives, WeAnswer, WeOffer};
        use ExchangeOutcome::{Become, Ignore, Misuse, Refuse};
        match (self, event) {
            (Idle, OfferArrives) => Become(OfferReceived { established: false }),
            (Stable, OfferArrives) => Become(OfferReceived { established: true }),
            // RFC 3261 §14.2, RFC 3311 §5.2: a second offer before the first is answered.
            (OfferReceived { .. }, OfferArrives) => Refuse(500),
            // RFC 3261 §14.2: glare.
            (OfferSent { .. }, OfferArrives) => Refuse(491),

            (Idle, WeOffer) => Become(OfferSent { established: false }),
            (Stable, WeOffer) => Become(OfferSent { established: true }),
            // The other leg wants to change the session while this one is changing it: the other one waits.
            (OfferReceived { .. } | OfferSent { .. }, WeOffer) => Refuse(491),

            (OfferSent { .. }, AnswerArrives) => Become(Stable),
            // RFC 3261 §13.2.1: what comes after the answer, or without an offer, is read over.
            (Idle | OfferReceived { .. } | Stable, AnswerArrives) => Ignore,

            (OfferReceived { .. }, WeAnswer) => Become(Stable),
            (Idle | OfferSent { .. } | Stable, WeAnswer) => Misuse,

            // RFC 3261 §14.1, RFC 6141 §3: the session is as it was before the offer.
            (OfferReceived { established: true } | OfferSent { established: true }, Fails) => Become(Stable),
            (OfferReceived { established: false } | OfferSent { established: false }, Fails) => Become(Idle),
            (Idle | Stable, Fails) => Ignore,
        }
    }
}
