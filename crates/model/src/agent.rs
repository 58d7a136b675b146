//! What is kept up for a trunk beside its calls: registrations with its registrars, and pings of its targets.

use crate::{Destination, ListenerId, Login};
use std::{sync::Arc, time::Duration};

/// What the agent of one trunk does. Two plans that are equal ask for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPlan {
    /// Its trunk's name.
    pub trunk: Box<str>,
    /// Where we register.
    pub registrars: Box<[RegistrarPlan]>,
    /// Whom we ping, and how.
    pub pings: Option<PingPlan>,
    /// What challenges are answered with.
    pub login: Option<Arc<Login>>,
    /// What the URN that we are to registrars (RFC 5626 §4.1) is made of: the same after a restart, and nobody else's.
    pub instance: Box<str>,
}

/// One registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrarPlan {
    /// Request-URI: the domain that it registers for (RFC 3261 §10.2).
    pub registrar: Box<str>,
    /// The address of record: To and From.
    pub aor: Box<str>,
    /// Where REGISTER leaves from, and calls are to come in at.
    pub listener: ListenerId,
    /// Where REGISTER is sent.
    pub destination: Destination,
    /// The outbound proxy that it goes through, as a Route value.
    pub route: Option<Box<str>>,
    /// How long a registration is to hold, in seconds.
    pub expires_s: u32,
    /// All numbers of the address of record at once (RFC 6140).
    pub bulk: bool,
}

/// Whom to ping, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingPlan {
    /// The targets, each in the place that it has in the configuration.
    pub targets: Box<[PingTarget]>,
    /// How often each is asked.
    pub every: Duration,
    /// So many questions in a row without an answer, and it is dead.
    pub down_after: u32,
}

/// One target that is pinged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingTarget {
    /// Request-URI of OPTIONS.
    pub uri: Box<str>,
    /// Where it leaves from.
    pub listener: ListenerId,
    /// Where it is sent.
    pub destination: Destination,
    /// The outbound proxy that it goes through, as a Route value.
    pub route: Option<Box<str>>,
}

/// What was learnt of a trunk or of one of its targets; policy keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthNews {
    /// A target of that endpoint (`trunk:NAME`, `trunk:NAME/NUMBER`) said when it is to be called again (503 with Retry-After).
    Closed {
        /// The endpoint.
        endpoint: Box<str>,
        /// Its place among the targets.
        target: u8,
        /// For so long.
        span: Duration,
    },
    /// A target answers pings, or does not any more.
    Target {
        /// The trunk's name.
        trunk: Box<str>,
        /// Its place among the targets.
        target: u8,
        /// Whether it does.
        is_alive: bool,
    },
    /// A registrar has our binding and has said through which proxies calls go (RFC 3608), or has it no longer.
    Routes {
        /// The trunk's name.
        trunk: Box<str>,
        /// Its place among the registrars.
        registrar: u8,
        /// Where it is.
        at: Destination,
        /// It has our binding.
        is_in: bool,
        /// The proxies; `None` where it wants none.
        route: Option<ServiceRoute>,
    },
    /// The trunk's agent is gone, and what it told holds no longer.
    Forgotten {
        /// The trunk's name.
        trunk: Box<str>,
    },
}

/// The proxies that a registrar wants calls to go through (RFC 3608).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRoute {
    /// The Route value: all of them.
    pub route: Box<str>,
    /// Where the first of them is.
    pub hop: Destination,
    /// Where what goes there leaves from.
    pub listener: ListenerId,
}
