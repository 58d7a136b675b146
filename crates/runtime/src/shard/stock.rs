//! Ports that a media thread opened ahead of time. A call that finds its own here knows them without waiting for the thread,
//! which need not be woken for them either.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tandem_model::{EndpointRequest, LegId, LocalEndpoint, MediaSide, PortId};

/// Pairs kept for each side: what calls take before the thread, which fills up whenever it is awake, is next.
pub(super) const MAX_STOCKED: usize = 32;

/// The stock of one thread.
#[derive(Debug)]
pub(super) struct Stock {
    /// By [`MediaSide`].
    sides: Mutex<Box<[Vec<Stocked>]>>,
}

/// An open pair that no session has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stocked {
    pub(super) side: usize,
    pub(super) port: PortId,
    /// As SDP states it.
    pub(super) rtp: SocketAddr,
    pub(super) rtcp: SocketAddr,
}

impl Stock {
    /// Nothing for so many sides.
    pub(super) fn new(sides: usize) -> Stock {
        Stock { sides: Mutex::new((0..sides).map(|_| Vec::with_capacity(MAX_STOCKED)).collect()) }
    }

    /// Takes a pair for each request, in their order, or nothing.
    pub(super) fn take_all(&self, requests: &[EndpointRequest]) -> Option<Box<[Stocked]>> {
        let mut sides = self.sides();
        let wanted = |side: MediaSide| requests.iter().filter(|request| request.side == side).count();
        let has_enough = |side: MediaSide| sides.get(usize::from(side.0)).is_some_and(|stocked| stocked.len() >= wanted(side));
        if requests.is_empty() || !requests.iter().all(|request| has_enough(request.side)) {
            return None;
        }
        requests.iter().map(|request| sides[usize::from(request.side.0)].pop()).collect()
    }

    /// Puts back what was taken in vain.
    pub(super) fn put_back(&self, taken: Box<[Stocked]>) {
        taken.into_iter().for_each(|stocked| self.put(stocked));
    }

    /// Takes one pair of a side.
    pub(super) fn take(&self, side: usize) -> Option<Stocked> {
        self.sides().get_mut(side)?.pop()
    }

    /// Adds a pair.
    pub(super) fn put(&self, stocked: Stocked) {
        self.sides()[stocked.side].push(stocked);
    }

    /// How many pairs of a side there are.
    pub(super) fn len(&self, side: usize) -> usize {
        self.sides()[side].len()
    }

    fn sides(&self) -> MutexGuard<'_, Box<[Vec<Stocked>]>> {
        // The lists are whole whatever their last user did.
        self.sides.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stocked {
    /// Our end of a leg, as SDP states it.
    pub(super) fn local(&self, leg: LegId) -> LocalEndpoint {
        LocalEndpoint { leg, rtp: self.rtp, rtcp: self.rtcp }
    }
}
