//! Endpoints that come and go while the session lasts, and which two of them hear each other.

use super::{AddError, Session, reports::Farewell};
use crate::{
    endpoint::{Hears, Plain},
    packet::{DropReason, Verdict},
};
use tandem_model::{EndpointStats, LegId, LocalEndpoint, MAX_ENDPOINTS, MAX_ENDPOINTS_EVER, MediaEvent, PortId, Timestamp};

impl Session {
    /// Adds an endpoint that hears nobody and is heard by nobody; the next output is [`MediaEvent::Opened`] with it alone.
    ///
    /// # Errors
    /// Why not; the session is as it was.
    pub fn add(&mut self, now: Timestamp, local: LocalEndpoint, port: PortId) -> Result<(), AddError> {
        if self.closed {
            return Err(AddError::Closed);
        }
        if self.endpoints.len() >= MAX_ENDPOINTS || usize::from(self.named) >= MAX_ENDPOINTS_EVER {
            return Err(AddError::Full);
        }
        if self.endpoints.iter().any(|endpoint| endpoint.leg == local.leg) {
            return Err(AddError::Twice);
        }
        self.now = now;
        self.endpoints.push(Plain::new(self.named, local.leg, port, now, &mut self.random));
        self.named += 1;
        self.events.push_back(MediaEvent::Opened([local].into()));
        Ok(())
    }

    /// Lets two hear each other, and nobody else anybody.
    pub(super) fn join(&mut self, legs: [LegId; 2]) {
        let [a, b] = legs;
        let is_known = |leg: LegId| self.endpoints.iter().any(|endpoint| endpoint.leg == leg);
        let is_new = self.joined.is_none_or(|[first, second]| [a, b] != [first, second] && [b, a] != [first, second]);
        if a == b || !is_known(a) || !is_known(b) || !is_new {
            return;
        }
        // What they hear next does not follow on what they heard last.
        for leg in self.joined.into_iter().flatten().chain(legs) {
            if let Some(endpoint) = self.endpoint(leg) {
                endpoint.outgoing.interrupt();
                endpoint.fall_silent();
            }
        }
        self.joined = Some(legs);
        self.arrange();
    }

    /// Takes a leg out.
    pub(super) fn remove(&mut self, leg: LegId) {
        let Some(place) = self.endpoints.iter().position(|endpoint| endpoint.leg == leg) else { return };
        if let Some(joined) = self.joined.take_if(|joined| joined.contains(&leg)) {
            joined.iter().for_each(|leg| self.endpoint(*leg).into_iter().for_each(Plain::fall_silent));
        }
        // Another takes its place; feeders go by name, so what they feed goes on.
        let mut endpoint = self.endpoints.swap_remove(place);
        self.farewells.extend(Farewell::to(self.now, &mut endpoint));
        self.removed.push((endpoint.name, endpoint.stats()));
        self.released.push(endpoint.port);
        self.arrange();
    }

    /// Works out who hears whom: a leg that is echoed itself; else the one that it is joined with, unless that hears something else.
    pub(super) fn arrange(&mut self) {
        let place = |leg: LegId| self.endpoints.iter().position(|endpoint| endpoint.leg == leg);
        let pair = self.joined.and_then(|[a, b]| Some((place(a)?, place(b)?)));
        let mut listeners = [None; MAX_ENDPOINTS];
        for (speaker, (endpoint, listener)) in self.endpoints.iter().zip(&mut listeners).enumerate() {
            let other = pair.and_then(|(a, b)| if speaker == a { Some(b) } else { (speaker == b).then_some(a) });
            let found = match endpoint.hears {
                Hears::Echo => Some(speaker),
                Hears::Peer | Hears::Sine { .. } => other.filter(|other| matches!(self.endpoints[*other].hears, Hears::Peer)),
            };
            *listener = found.and_then(|place| u8::try_from(place).ok());
        }
        self.listeners = listeners;
        self.share_reports();
    }

    /// A packet that was taken and that nobody hears. Of a leg that is not joined though there are others, or were, it counts as
    /// dropped.
    #[cold]
    pub(super) fn ignore(&mut self, speaker: usize) -> Verdict {
        let is_alone = self.named == 1;
        let endpoint = &mut self.endpoints[speaker];
        if is_alone || self.joined.is_some_and(|joined| joined.contains(&endpoint.leg)) {
            return Verdict::Consumed;
        }
        endpoint.count_dropped();
        Verdict::Dropped(DropReason::NotJoined)
    }

    /// The figures of all endpoints that there were, in the order in which they came.
    pub(super) fn figures(&self) -> Box<[EndpointStats]> {
        let present = self.endpoints.iter().map(|endpoint| (endpoint.name, endpoint.stats()));
        let mut all: Vec<(u8, EndpointStats)> = self.removed.iter().copied().chain(present).collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(_, figures)| figures).collect()
    }
}

// A name is an octet.
const _: () = assert!(MAX_ENDPOINTS_EVER <= u8::MAX as usize && MAX_ENDPOINTS <= MAX_ENDPOINTS_EVER);
