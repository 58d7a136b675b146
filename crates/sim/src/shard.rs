//! Media as the core asks for it: sessions that take ports, and give them back.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tandem_model::{
    CallId, DirectionStats, EndpointDescription, EndpointRequest, EndpointStats, LegId, LocalEndpoint, MediaCommand, MediaEvent,
    MediaFailure,
};

/// One `[[media]]` side.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) address: IpAddr,
    /// Even ports that are free.
    pub(crate) free: BTreeSet<u16>,
}

#[derive(Clone, Debug)]
struct Session {
    endpoints: Vec<(EndpointRequest, LocalEndpoint)>,
}

/// All media threads in one.
#[derive(Debug, Default)]
pub struct Shard {
    pub(crate) sides: Vec<Side>,
    sessions: BTreeMap<CallId, Session>,
    /// Every description that a leg was given, in their order.
    pub descriptions: Vec<(LegId, EndpointDescription)>,
    /// How long it takes to open a session.
    pub delay: Duration,
    /// The next so many sessions are refused.
    pub refuse: u32,
    /// Commands that came for sessions that do not exist: a call that talks to nobody.
    pub misdirected: u32,
}

impl Shard {
    pub(crate) fn new(sides: Vec<Side>) -> Shard {
        Shard { sides, delay: Duration::from_micros(200), ..Shard::default() }
    }

    /// Ports in use.
    pub fn ports(&self) -> usize {
        self.sessions.values().map(|session| session.endpoints.len()).sum()
    }

    /// Sessions that exist.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Our end of a leg.
    pub fn local(&self, leg: LegId) -> Option<SocketAddr> {
        let mut endpoints = self.sessions.values().flat_map(|session| &session.endpoints);
        endpoints.find(|(request, _)| request.leg == leg).map(|(_, local)| local.rtp)
    }

    /// The call whose session there is, if there is just one.
    pub fn only_call(&self) -> Option<CallId> {
        self.sessions.keys().next().copied().filter(|_| self.sessions.len() == 1)
    }

    pub(crate) fn command(&mut self, command: MediaCommand) -> Option<(CallId, MediaEvent)> {
        match command {
            MediaCommand::Open { call, endpoints, .. } => Some((call, self.open(call, &endpoints))),
            MediaCommand::Describe { call, leg, description } => {
                self.descriptions.push((leg, *description));
                self.misdirected += u32::from(!self.sessions.contains_key(&call));
                None
            }
            MediaCommand::Play { call, .. } => {
                self.misdirected += u32::from(!self.sessions.contains_key(&call));
                None
            }
            MediaCommand::Close { call } => Some((call, self.close(call)?)),
        }
    }

    fn open(&mut self, call: CallId, endpoints: &[EndpointRequest]) -> MediaEvent {
        if self.refuse > 0 {
            self.refuse -= 1;
            return MediaEvent::Refused(MediaFailure::NoPorts);
        }
        if self.sessions.contains_key(&call) {
            self.misdirected += 1;
            return MediaEvent::Refused(MediaFailure::NoPorts);
        }
        let mut taken = Vec::new();
        for request in endpoints {
            let Some(side) = self.sides.get_mut(usize::from(request.side.0)) else { continue };
            let Some(port) = side.free.pop_first() else { continue };
            let (rtp, rtcp) = (SocketAddr::new(side.address, port), SocketAddr::new(side.address, port + 1));
            taken.push((*request, LocalEndpoint { leg: request.leg, rtp, rtcp }));
        }
        let locals: Vec<LocalEndpoint> = taken.iter().map(|(_, local)| *local).collect();
        let session = Session { endpoints: taken };
        if locals.len() < endpoints.len() {
            self.give_back(&session);
            return MediaEvent::Refused(MediaFailure::NoPorts);
        }
        self.sessions.insert(call, session);
        MediaEvent::Opened(locals.into())
    }

    fn close(&mut self, call: CallId) -> Option<MediaEvent> {
        let session = self.sessions.remove(&call)?;
        self.give_back(&session);
        let stats = |(request, _): &(EndpointRequest, LocalEndpoint)| EndpointStats {
            leg: request.leg,
            received: DirectionStats::default(),
            sent: DirectionStats::default(),
            dropped: 0,
        };
        Some(MediaEvent::Closed(session.endpoints.iter().map(stats).collect()))
    }

    fn give_back(&mut self, session: &Session) {
        for (request, local) in &session.endpoints {
            self.sides[usize::from(request.side.0)].free.insert(local.rtp.port());
        }
    }
}
