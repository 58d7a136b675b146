//! Endpoints that come and go while the session lasts.

use super::{AddError, Session, reports::Farewell};
use crate::{
    endpoint::Plain,
    packet::{DropReason, Verdict},
};
use tandem_model::{EndpointStats, LegId, LocalEndpoint, MAX_ENDPOINTS, MAX_ENDPOINTS_EVER, MediaEvent, PlayEnd, PortId, Timestamp};

/// The endpoint of a leg between two sessions.
#[derive(Debug)]
pub struct Adoptee(Plain);

impl Adoptee {
    /// Whose it is.
    pub fn leg(&self) -> LegId {
        self.0.leg
    }
}

impl Session {
    /// Adds an endpoint that hears nobody and is heard by nobody; the next output is [`MediaEvent::Opened`] with it alone.
    ///
    /// # Errors
    /// Why not; the session is as it was.
    pub fn add(&mut self, now: Timestamp, local: LocalEndpoint, port: PortId) -> Result<(), AddError> {
        self.has_room_for(local.leg)?;
        self.now = now;
        self.endpoints.push(Plain::new(self.named, local.leg, port, now, &mut self.random));
        self.named += 1;
        self.events.push_back(MediaEvent::Opened([local].into()));
        Ok(())
    }

    /// Takes a leg out for good.
    pub(super) fn remove(&mut self, leg: LegId) {
        let Some(mut endpoint) = self.take_out(leg) else { return };
        self.farewells.extend(Farewell::to(self.now, &mut endpoint));
        self.released.push(endpoint.port);
    }

    /// Takes a leg out for another session, and says which ports it has, which are not to be given back. To its peer nothing has ended. Drain and
    /// ask for the time anew, as after `handle`; the figures up to now stay.
    pub fn detach(&mut self, now: Timestamp, leg: LegId) -> Option<(Box<Adoptee>, PortId)> {
        if self.closed {
            return None;
        }
        self.now = now;
        let mut endpoint = self.take_out(leg)?;
        endpoint.leave();
        let port = endpoint.port;
        Some((Box::new(Adoptee(endpoint)), port))
    }

    /// Takes a leg of another session in, with its ports, which are `port` here. It hears nobody and is heard by nobody; its stream goes on where it
    /// was, and so do its figures, and its packets are still taken from where they came. Drain and ask for the time anew, as after `handle`.
    ///
    /// # Errors
    /// Why not; the session is as it was.
    pub fn adopt(&mut self, now: Timestamp, adoptee: Box<Adoptee>, port: PortId) -> Result<(), AddError> {
        self.has_room_for(adoptee.leg())?;
        self.now = now;
        let mut endpoint = adoptee.0;
        (endpoint.port, endpoint.name) = (port, self.named);
        self.endpoints.push(endpoint);
        self.named += 1;
        self.arrange();
        Ok(())
    }

    fn has_room_for(&self, leg: LegId) -> Result<(), AddError> {
        if self.closed {
            return Err(AddError::Closed);
        }
        if self.endpoints.len() >= MAX_ENDPOINTS || usize::from(self.named) >= MAX_ENDPOINTS_EVER {
            return Err(AddError::Full);
        }
        if self.endpoints.iter().any(|endpoint| endpoint.leg == leg) {
            return Err(AddError::Twice);
        }
        Ok(())
    }

    fn take_out(&mut self, leg: LegId) -> Option<Plain> {
        let place = self.endpoints.iter().position(|endpoint| endpoint.leg == leg)?;
        self.end_keys(leg);
        self.hear(self.hearing.iter().copied().filter(|pair| pair.speaker != leg && pair.listener != leg).collect());
        // Keys in what it heard of others.
        self.hear_keys();
        // Another takes its place; feeders go by name, so what they feed goes on.
        let mut endpoint = self.endpoints.swap_remove(place);
        let plays = endpoint.end_play().into_iter().chain(endpoint.end_play_over());
        self.events.extend(plays.map(|play| MediaEvent::Played { leg, play, end: PlayEnd::Stopped }));
        self.removed.push((endpoint.name, endpoint.stats()));
        self.end_recordings_of(Some(leg));
        self.arrange();
        Some(endpoint)
    }

    /// A packet that was taken and that nobody hears. Of a leg that nobody is to hear though there are others, or were, it counts
    /// as dropped.
    #[cold]
    pub(super) fn ignore(&mut self, speaker: usize) -> Verdict {
        let is_alone = self.named == 1;
        let endpoint = &mut self.endpoints[speaker];
        if is_alone || self.hearing.iter().any(|pair| pair.speaker == endpoint.leg) {
            return Verdict::Consumed;
        }
        endpoint.count_dropped();
        Verdict::Dropped(DropReason::Unheard)
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
