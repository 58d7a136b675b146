//! What of a binding is true after a restart too.

use super::flow_of;
use std::net::SocketAddr;
use std::time::Duration;
use tandem_model::{Binding, Destination, Flow, ListenerId, Timestamp, Transport};

/// A [`Binding`] in words that mean the same to the next process: wall-clock times, listeners by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBinding {
    /// The Contact URI.
    pub contact: Box<str>,
    /// Preference, in thousandths.
    pub q: u16,
    /// When it was made, or refreshed last: milliseconds since 1970.
    pub since_ms: u64,
    /// It holds until then.
    pub until_ms: u64,
    /// Call-ID of the REGISTER.
    pub call_id: Box<str>,
    /// Its CSeq number.
    pub cseq: u32,
    /// Path values, nearest proxy first.
    pub path: Box<[Box<str>]>,
    /// `+sip.instance`.
    pub instance: Option<Box<str>>,
    /// `reg-id`.
    pub reg_id: Option<u32>,
    /// User-Agent.
    pub agent: Box<str>,
    /// The name of the listener that its REGISTER came to.
    pub came_to: Box<str>,
    /// Whence.
    pub came_from: SocketAddr,
    /// The name of the listener that calls to it leave from.
    pub leaves_from: Box<str>,
    /// Where they go first.
    pub hop: SocketAddr,
    /// The name that `hop` was found for, where that counts.
    pub domain: Option<Box<str>>,
    /// That is its flow, not what it wrote.
    pub over_flow: bool,
    /// It is behind a NAT.
    pub behind_nat: bool,
}

/// What times and listeners mean in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearings {
    /// What the wall clock said at [`Timestamp::ZERO`]: milliseconds since 1970.
    pub unix_ms: u64,
    /// Name and transport of each listener, by [`ListenerId`].
    pub listeners: Box<[(Box<str>, Transport)]>,
}

impl Bearings {
    fn name(&self, listener: ListenerId) -> Option<&str> {
        self.listeners.get(usize::from(listener.0)).map(|(name, _)| &**name)
    }

    fn find(&self, name: &str) -> Option<(ListenerId, Transport)> {
        let place = self.listeners.iter().position(|(known, _)| **known == *name)?;
        Some((ListenerId(u16::try_from(place).ok()?), self.listeners[place].1))
    }

    fn wall(&self, at: Timestamp) -> u64 {
        self.unix_ms.saturating_add(at.as_millis())
    }

    /// What was before our beginning is as our beginning.
    fn time(&self, wall_ms: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(wall_ms.saturating_sub(self.unix_ms))
    }
}

impl KeptBinding {
    /// `None`: it ends with us, as its connection does.
    pub fn of(binding: &Binding, here: &Bearings) -> Option<KeptBinding> {
        if flow_of(binding).is_some() && here.listeners.get(usize::from(binding.listener.0))?.1.is_reliable() {
            return None;
        }
        let (hop, domain) = match &binding.hop {
            Destination::Address(address) => (*address, None),
            Destination::Hop { address, domain } => (*address, Some(domain.clone())),
            Destination::Back { .. } | Destination::Name { .. } | Destination::Domain { .. } => return None,
        };
        Some(KeptBinding {
            contact: binding.contact.clone(),
            q: binding.q,
            since_ms: here.wall(binding.since),
            until_ms: here.wall(binding.until),
            call_id: binding.call_id.clone(),
            cseq: binding.cseq,
            path: binding.path.clone(),
            instance: binding.instance.clone(),
            reg_id: binding.reg_id,
            agent: binding.agent.clone(),
            came_to: here.name(binding.flow.listener)?.into(),
            came_from: binding.flow.remote,
            leaves_from: here.name(binding.listener)?.into(),
            hop,
            domain,
            over_flow: binding.over_flow,
            behind_nat: binding.behind_nat,
        })
    }

    /// The binding, in a process with these bearings. `None`: it has ended, or its listeners are there no more.
    pub fn restored(self, here: &Bearings) -> Option<Binding> {
        let (came_to, transport) = here.find(&self.came_to)?;
        let (listener, _) = here.find(&self.leaves_from)?;
        let until = here.time(self.until_ms);
        let hop = match self.domain {
            Some(domain) => Destination::Hop { address: self.hop, domain },
            None => Destination::Address(self.hop),
        };
        let binding = Binding {
            contact: self.contact,
            q: self.q,
            since: here.time(self.since_ms),
            until,
            call_id: self.call_id,
            cseq: self.cseq,
            path: self.path,
            instance: self.instance,
            reg_id: self.reg_id,
            agent: self.agent,
            flow: Flow { listener: came_to, transport, remote: self.came_from },
            listener,
            hop,
            over_flow: self.over_flow,
            behind_nat: self.behind_nat,
        };
        // A listener of that name may be another one now.
        let is_kept = until > Timestamp::ZERO && KeptBinding::of(&binding, here).is_some();
        is_kept.then_some(binding)
    }
}
