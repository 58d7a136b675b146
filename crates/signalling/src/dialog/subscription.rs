//! The subscription that a REFER makes, at the side that was asked (RFC 3515 §2.4.4 to §2.4.7, RFC 6665 §4.2): when a NOTIFY goes out and
//! what it says of the subscription. One NOTIFY is open at a time, because a later one that arrives first makes the earlier one late
//! (RFC 3261 §12.2.2); what happens meanwhile is told in the next.

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// There is nothing that was not told.
    Told,
    /// A NOTIFY waits for its answer.
    Telling,
    /// A NOTIFY waits for its answer, and there is something newer to tell.
    Behind,
    /// A NOTIFY waits for its answer, and what ends the subscription is still to be told.
    LastBehind(Why),
    /// The NOTIFY that ends it waits for its answer.
    TellingLast,
    /// It is over.
    Over,
}

/// Why a subscription ends (RFC 6665 §4.1.3), as Subscription-State has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The transfer is decided (RFC 3515 §2.4.7).
    NoResource,
    /// Nobody refreshed it, or its owner let go of it.
    Timeout,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionEvent {
    /// The REFER is accepted, or a SUBSCRIBE refreshed it: it says at once how things stand.
    Begun,
    /// A provisional response of the target.
    Progress,
    /// The transfer is decided.
    Decided,
    /// The peer answered the NOTIFY, and goes on with the subscription.
    Answered,
    /// The peer refused the NOTIFY with a status that ends the subscription, or never answered it.
    Refused,
    /// Its time is over.
    Expired,
    /// A SUBSCRIBE with `Expires: 0`.
    LetGo,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tell {
    /// Nothing.
    Nothing,
    /// NOTIFY with `Subscription-State: active`.
    Active,
    /// NOTIFY with `Subscription-State: terminated`.
    Terminated(Why),
}

impl Why {
    /// The value of `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::NoResource => "noresource",
            Why::Timeout => "timeout",
        }
    }
}

impl Subscription {
    /// Every state, for whoever prints the table.
    pub const ALL: [Subscription; 7] = [
        Subscription::Told,
        Subscription::Telling,
        Subscription::Behind,
        Subscription::LastBehind(Why::NoResource),
        Subscription::LastBehind(Why::Timeout),
        Subscription::TellingLast,
        Subscription::Over,
    ];

    /// The table.
    #[must_use]
    pub const fn on(self, event: SubscriptionEvent) -> (Subscription, Tell) {
        use Subscription::{Behind, LastBehind, Over, Telling, TellingLast, Told};
        use SubscriptionEvent::{Answered, Begun, Decided, Expired, LetGo, Progress, Refused};
        match (self, event) {
            (Over, _) => (Over, Tell::Nothing),
            // RFC 6665 §4.2.2: such a refusal ends the subscription (and nothing else), and so does one without an answer.
            (_, Refused) => (Over, Tell::Nothing),

            // RFC 3515 §2.4.4: at once, whatever there is to tell. RFC 6665 §4.2.1.2: also after each refresh.
            (Told, Begun | Progress) => (Telling, Tell::Active),
            (Telling | Behind, Begun | Progress) => (Behind, Tell::Nothing),
            // RFC 3515 §2.4.7: the final status comes with the end of the subscription.
            (Told, Decided) => (TellingLast, Tell::Terminated(Why::NoResource)),
            (Telling | Behind, Decided) => (LastBehind(Why::NoResource), Tell::Nothing),
            // RFC 6665 §4.2.1.4, §4.4.1: neither stops the transfer.
            (Told, Expired | LetGo) => (TellingLast, Tell::Terminated(Why::Timeout)),
            (Telling | Behind, Expired | LetGo) => (LastBehind(Why::Timeout), Tell::Nothing),

            (Telling, Answered) => (Told, Tell::Nothing),
            (Behind, Answered) => (Telling, Tell::Active),
            (LastBehind(why), Answered) => (TellingLast, Tell::Terminated(why)),
            (TellingLast, Answered) => (Over, Tell::Nothing),
            (Told, Answered) => (Told, Tell::Nothing),

            // What is decided while the end waits to be told is told with it.
            (LastBehind(_), Decided) => (LastBehind(Why::NoResource), Tell::Nothing),
            (LastBehind(_) | TellingLast, _) => (self, Tell::Nothing),
        }
    }

    /// Nothing more is to be told.
    pub const fn is_over(self) -> bool {
        matches!(self, Subscription::Over)
    }

    /// Whether it still tells what happens, so that another REFER in the dialog needs an `id` of its own to be told from it.
    pub const fn is_active(self) -> bool {
        matches!(self, Subscription::Told | Subscription::Telling | Subscription::Behind)
    }
}
