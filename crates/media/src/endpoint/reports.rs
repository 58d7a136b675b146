//! RTCP of our own to a leg.

use super::Plain;
use crate::{
    packet::Channel,
    rtcp::reports::{Report, Reports, Subject},
};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{Random, StreamKind, Timestamp};

/// A leg that has sent sound but no report for so long sends none: three intervals (RFC 3550 §6.3.5 asks for two at least).
const UNREPORTED: Duration = Duration::from_secs(15);

/// A report that is to be sent, from which of our sockets and where to.
pub(crate) type Addressed = (Channel, SocketAddr, Report);

impl Plain {
    /// From now on the leg gets reports of our own, for good: to the peer they and those of the other leg would be of two clocks.
    pub(crate) fn begin_reports(&mut self, now: Timestamp, wall_clock: Duration, random: &mut Random) {
        self.reports.get_or_insert_with(|| Box::new(Reports::new(now, wall_clock, Random::new(random.next_u64()))));
    }

    /// Whoever hears the leg is told what it reports, if it does: looks for that in a while.
    pub(super) fn await_reports(&mut self, now: Timestamp, may_be_heard: bool) {
        let is_awaited = may_be_heard && self.reports.is_none() && self.kind == StreamKind::Rtp;
        self.look_for_reports_at = is_awaited.then(|| now + UNREPORTED);
    }

    /// When to look whether the leg reports.
    pub(crate) fn look_for_reports_at(&self) -> Option<Timestamp> {
        self.look_for_reports_at.filter(|_| self.reports.is_none())
    }

    /// Looks for it, if that is due: whether the leg has sent sound and no report for so long.
    pub(crate) fn is_unreported(&mut self, now: Timestamp) -> bool {
        if self.look_for_reports_at().is_none_or(|at| now < at) {
            return false;
        }
        self.await_reports(now, true);
        let speaks = self.received.0 > 0 && now.since(self.last_heard) < UNREPORTED;
        speaks && now.since(self.reported_at) >= UNREPORTED
    }

    /// The report that is due, if one may be sent.
    pub(crate) fn report(&mut self, now: Timestamp) -> Option<Addressed> {
        self.reports.as_mut().filter(|reports| reports.due_at() <= now)?.put_off(now);
        self.with_reports(now, |reports, subject| reports.make(now, subject))
    }

    /// The last one, if there was one before.
    pub(crate) fn farewell(&mut self, now: Timestamp) -> Option<Addressed> {
        self.reports.as_ref().filter(|reports| reports.has_begun())?;
        self.with_reports(now, |reports, subject| reports.part(now, subject))
    }

    /// The middle of the NTP time of a sender report that has come just now.
    pub(crate) fn told_at(&self, now: Timestamp) -> Option<u32> {
        self.heard_report.filter(|heard| heard.at == now).map(|heard| heard.made)
    }

    fn with_reports(&mut self, now: Timestamp, make: impl FnOnce(&mut Reports, &Subject<'_>) -> Report) -> Option<Addressed> {
        let (channel, to) = self.rtcp_target().filter(|_| self.kind == StreamKind::Rtp)?;
        let received_hz = self.rule.map_or(self.clock_rate, |rule| rule.clock_rate);
        let jitter = u64::from(self.jitter.micros()) * u64::from(received_hz) / 1_000_000;
        let subject = Subject {
            stream: &self.outgoing,
            clock_rate: self.clock_rate,
            cname: &self.cname,
            reception: self.incoming.reception(),
            jitter: u32::try_from(jitter).unwrap_or(u32::MAX),
            heard: self.heard_report,
        };
        let report = make(self.reports.as_mut()?, &subject);
        if let Some(made) = report.made {
            self.round_trip.on_told(now, made);
        }
        Some((channel, to, report))
    }
}
