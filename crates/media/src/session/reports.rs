//! RTCP of our own: to whom, and when it ends.

use super::Session;
use crate::{endpoint::Plain, packet::Channel, rtcp::reports::Report};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{LegId, PortId, Timestamp};

/// The last report to a leg.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) port: PortId,
    pub(super) channel: Channel,
    pub(super) to: SocketAddr,
    pub(super) report: Report,
}

impl Farewell {
    /// What is to be said to a leg that leaves, or that is left.
    pub(super) fn to(now: Timestamp, endpoint: &mut Plain) -> Option<Farewell> {
        let port = endpoint.port;
        endpoint.farewell(now).map(|(channel, to, report)| Farewell { port, channel, to, report })
    }
}

impl Session {
    /// The time from us to a leg and back, as its last report about what it is sent tells; `None` while it has told nothing.
    pub fn round_trip(&self, leg: LegId) -> Option<Duration> {
        self.endpoints.iter().find(|endpoint| endpoint.leg == leg)?.round_trip.measured()
    }

    /// The first packet of a leg was taken that another hears in another way.
    #[cold]
    pub(super) fn begin_reports(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.share_reports();
    }

    /// A leg that reports nothing leaves whoever hears it without reports: then these are ours to make, to both.
    pub(super) fn look_for_reports(&mut self) {
        let (now, wall_clock, random) = (self.now, self.wall_clock, &mut self.random);
        let unreported = self.endpoints.iter_mut().filter_map(|endpoint| endpoint.is_unreported(now).then_some(endpoint.leg));
        let unreported: Vec<LegId> = unreported.collect();
        if unreported.is_empty() {
            return;
        }
        let is_heard = |leg: LegId| self.hearing.iter().any(|pair| pair.speaker == leg);
        for endpoint in self.endpoints.iter_mut().filter(|endpoint| unreported.contains(&endpoint.leg) && is_heard(endpoint.leg)) {
            endpoint.begin_reports(now, wall_clock, random);
        }
        self.share_reports();
    }

    /// Whoever hears us gets reports of our own, and so does who hears such a leg or is heard by it: what that reports speaks of our clock, and
    /// means nothing on the other side.
    pub(super) fn share_reports(&mut self) {
        let (now, wall_clock, random) = (self.now, self.wall_clock, &mut self.random);
        for endpoint in self.endpoints.iter_mut().filter(|endpoint| endpoint.voice.is_some() || endpoint.packer.is_some()) {
            endpoint.begin_reports(now, wall_clock, random);
        }
        // Who hears a leg and is heard by it is of one clock with it, or neither is.
        for pair in &self.hearing {
            let of_pair = |endpoint: &&mut Plain| endpoint.leg == pair.speaker || endpoint.leg == pair.listener;
            // Who hears itself has nobody else to report to it.
            let is_echo = pair.speaker == pair.listener;
            if is_echo || self.endpoints.iter_mut().filter(of_pair).any(|endpoint| endpoint.reports.is_some()) {
                self.endpoints.iter_mut().filter(of_pair).for_each(|endpoint| endpoint.begin_reports(now, wall_clock, random));
            }
        }
    }

    /// The next report that is due and may be sent.
    pub(super) fn next_report(&mut self) -> Option<(PortId, Channel, SocketAddr)> {
        if self.closed {
            return None;
        }
        let now = self.now;
        let (port, (channel, to, report)) =
            self.endpoints.iter_mut().find_map(|endpoint| endpoint.report(now).map(|made| (endpoint.port, made)))?;
        self.report = report;
        Some((port, channel, to))
    }
}
