//! Finding the next hop of a URI (RFC 3263): from a domain to the transports, addresses and ports that speak for it, in the order in
//! which they are tried.
//!
//! [`Locator`] is the machine that its holder drives: [`Locator::locate`] begins a search, [`Locator::poll_question`] says what DNS is to
//! be asked, [`Locator::answer`] takes what DNS said, and [`Locator::poll_located`] has what came of it. It asks each question once however many
//! searches want it, and remembers the answers for as long as they may be used. Who asks DNS, and how, is not known here.

mod cache;
mod failed;
mod locator;
mod order;
mod search;

pub use locator::{Locator, MAX_QUESTIONS, MAX_QUESTIONS_OF_ONE, MAX_SEARCHES};
pub use order::in_order;

use crate::call::NodeFacts;
use std::net::IpAddr;
use std::time::Duration;
use tandem_model::{Destination, Hop, ListenerId, Transport};

/// Hops of one domain that are tried at most.
pub const MAX_HOPS: usize = 16;

/// Addresses of one name that are looked at.
pub const MAX_ADDRESSES: usize = 8;

/// Records of one answer that are kept: of more, those that come first by their order or priority.
pub const MAX_RECORDS: usize = 128;

/// A question to DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The name: lower case, without a dot at its end.
    pub name: Box<str>,
    /// Which records of it.
    pub kind: Kind,
}

impl Question {
    /// The question for these records of `name`.
    pub fn new(name: &str, kind: Kind) -> Question {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        Question { name: name.into(), kind }
    }
}

/// Types of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// RFC 3403.
    Naptr,
    /// RFC 2782.
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// A NAPTR record (RFC 3403 §4.1), as far as SIP uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones are looked at first, and end the search where they fit.
    pub order: u16,
    /// Among those of one order lower ones are preferred.
    pub preference: u16,
    /// `s` or `a`.
    pub flags: Box<str>,
    /// `SIP+D2U` and the like.
    pub service: Box<str>,
    /// It has an expression: SIP uses none (RFC 3263 §4.1).
    pub has_regexp: bool,
    /// Where to look next.
    pub replacement: Box<str>,
}

/// An SRV record (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones are tried first.
    pub priority: u16,
    /// Among those of one priority: how often it comes before the others.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// Its name; empty (the root, written `.`) says that there is no such service.
    pub target: Box<str>,
}

/// The records of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Of [`Kind::Naptr`].
    Naptr(Box<[Naptr]>),
    /// Of [`Kind::Srv`].
    Srv(Box<[Srv]>),
    /// Of [`Kind::A`] and [`Kind::Aaaa`].
    Addresses(Box<[IpAddr]>),
}

impl Records {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match self {
            Records::Naptr(records) => records.is_empty(),
            Records::Srv(records) => records.is_empty(),
            Records::Addresses(records) => records.is_empty(),
        }
    }
}

/// What DNS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// These, for so long.
    Found(Records, Duration),
    /// There is no such name, or it has no such record (RFC 2308); for so long, where a SOA record said so.
    Nothing(Option<Duration>),
    /// Nobody answered, or not to the point (SERVFAIL, REFUSED).
    Failed,
}

/// One of our listeners that a request may leave from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// Which.
    pub listener: ListenerId,
    /// Its transport.
    pub transport: Transport,
    /// The family of its address, and so of those that it reaches.
    pub is_ipv4: bool,
}

/// Who wants to know where a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// We do: the configuration has the name.
    House,
    /// A peer does, in a call or an exchange of that number: it wrote the name into a Contact, a Route, or a redirection.
    Peer(u64),
}

/// A domain whose hops are sought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The host of the URI.
    pub host: Box<str>,
    /// Its port; with one there is nothing to be chosen (RFC 3263 §4.2).
    pub port: Option<u16>,
    /// The transport is for the domain to choose (RFC 3263 §4.1).
    pub is_open: bool,
    /// From where requests can leave, in the order in which we like it.
    pub doors: Box<[Door]>,
    /// Decides among records of one priority.
    pub seed: u64,
    /// Who wants to know: what peers ask is bounded, so that what we ask is always asked.
    pub asker: Asker,
}

impl Sought {
    /// What is sought for requests to `destination` that would leave from `listener`. `None` where nothing is: an address.
    pub fn of(node: &NodeFacts, listener: ListenerId, destination: &Destination, seed: u64, asker: Asker) -> Option<Sought> {
        let door = |(index, facts): (usize, &crate::call::ListenerFacts)| {
            let listener = ListenerId(u16::try_from(index).ok()?);
            Some(Door { listener, transport: facts.transport, is_ipv4: facts.bound.is_ipv4() })
        };
        let all = || node.listeners.iter().enumerate().filter_map(door);
        let own = all().find(|door| door.listener == listener)?;
        let (host, port, is_open, doors) = match destination {
            Destination::Name { host, port } => (host, *port, false, Box::from([own])),
            Destination::Domain { host, secure } => {
                let bound = node.listeners.get(usize::from(listener.0))?.bound;
                let is_beside = |door: &Door| node.listeners.get(usize::from(door.listener.0)).is_some_and(|facts| facts.bound == bound);
                // One of each transport: of several, the first.
                let mut doors = vec![own];
                for door in all().filter(|door| is_beside(door) && (door.transport.is_secure() || !secure)) {
                    if doors.iter().all(|known| known.transport != door.transport) {
                        doors.push(door);
                    }
                }
                (host, None, true, doors.into())
            }
            Destination::Address(_) | Destination::Back { .. } | Destination::Hop { .. } => return None,
        };
        Some(Sought { host: host.clone(), port, is_open, doors, seed, asker })
    }

    /// The same for a message that leaves from the first of the listeners, and from no other.
    #[must_use]
    pub fn with_first_door(self) -> Sought {
        let first = self.doors.first().copied();
        Sought { is_open: false, doors: first.into_iter().collect(), ..self }
    }
}

/// What came of a search: the hops in their order, at least one.
pub type Located = Result<Box<[Hop]>, tandem_model::NoHop>;
