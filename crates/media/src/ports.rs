//! Which ports a session may have: pairs of an even port for RTP and the odd one above it for RTCP (RFC 3550 §11),
//! from a range, each resting before it is used again.

use std::{collections::VecDeque, ops::RangeInclusive, time::Duration};
use tandem_model::{PORT_REST, Timestamp};

/// How long a pair that somebody else uses is left alone.
pub const FOREIGN_RETRY: Duration = Duration::from_secs(30);

/// Pairs that one request may find used by others before it gives up.
pub const MAX_PROBES: usize = 256;

/// The pairs of one range. It says which pair to try; whether the system has it free is asked of the caller, who opens
/// it in answering.
#[derive(Debug)]
pub struct PortAllocator {
    /// The lowest RTP port.
    first: u16,
    pairs: usize,
    /// So many have been used, from the lowest up.
    begun: usize,
    /// Used before, the longest rested first, each with the end of its rest. They come before fresh ones: their sockets
    /// are open.
    rested: VecDeque<(Timestamp, u16)>,
    /// In use by others, with the time of the next try.
    foreign: VecDeque<(Timestamp, u16)>,
    in_use: usize,
}

/// What came of opening a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It is open.
    Opened,
    /// Somebody else uses one of its ports.
    InUse,
    /// No port is to blame: trying others is in vain.
    Failed,
}

/// How many pairs of a range are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounts {
    /// With a session.
    pub in_use: usize,
    /// To be had now.
    pub free: usize,
    /// Resting.
    pub resting: usize,
    /// Found to be in use by others.
    pub foreign: usize,
}

impl PortAllocator {
    /// All pairs that lie in `range`.
    pub fn new(range: RangeInclusive<u16>) -> Self {
        PortAllocator::share(range, 0, 1)
    }

    /// The `index`-th of `shares` parts of `range`, which differ by at most one pair and overlap nowhere.
    pub fn share(range: RangeInclusive<u16>, index: usize, shares: usize) -> Self {
        let first = u32::from(*range.start()).next_multiple_of(2);
        // One past the last octet pair: the RTCP port must lie in the range too.
        let pairs = (u32::from(*range.end()) + 1).saturating_sub(first) as usize / 2;
        let shares = shares.max(1);
        let cut = |index: usize| pairs * index.min(shares) / shares;
        let (begin, end) = (cut(index), cut(index + 1));
        // Only an empty part lies beyond the last port.
        let first = u16::try_from(first as usize + begin * 2).unwrap_or(u16::MAX);
        PortAllocator { first, pairs: end - begin, begun: 0, rested: VecDeque::new(), foreign: VecDeque::new(), in_use: 0 }
    }

    /// The RTP ports of all pairs, from the lowest up.
    pub fn rtp_ports(&self) -> impl ExactSizeIterator<Item = u16> + Clone + use<> {
        let first = self.first;
        (0..self.pairs).map(move |pair| first + 2 * pair as u16)
    }

    /// Takes a pair that `open` opened, given its RTP port; `None` when there is none to be had now.
    pub fn take(&mut self, now: Timestamp, mut open: impl FnMut(u16) -> Probe) -> Option<u16> {
        for _ in 0..MAX_PROBES {
            let port = self.candidate(now)?;
            match open(port) {
                Probe::Opened => {
                    self.in_use += 1;
                    return Some(port);
                }
                Probe::InUse => self.foreign.push_back((now + FOREIGN_RETRY, port)),
                Probe::Failed => {
                    self.rested.push_front((Timestamp::ZERO, port));
                    return None;
                }
            }
        }
        None
    }

    fn candidate(&mut self, now: Timestamp) -> Option<u16> {
        let is_due = |queue: &VecDeque<(Timestamp, u16)>| queue.front().is_some_and(|(at, _)| *at <= now);
        if is_due(&self.rested) {
            return self.rested.pop_front().map(|(_, port)| port);
        }
        if let Some(port) = self.rtp_ports().nth(self.begun) {
            self.begun += 1;
            return Some(port);
        }
        if is_due(&self.foreign) { self.foreign.pop_front().map(|(_, port)| port) } else { None }
    }

    /// Takes back a pair that [`PortAllocator::take`] gave, to rest.
    pub fn give_back(&mut self, now: Timestamp, port: u16) {
        self.in_use = self.in_use.saturating_sub(1);
        self.rested.push_back((now + PORT_REST, port));
    }

    /// Takes back a pair whose ports nobody was told of: it need not rest.
    pub fn give_back_unused(&mut self, port: u16) {
        self.in_use = self.in_use.saturating_sub(1);
        self.rested.push_front((Timestamp::ZERO, port));
    }

    /// How many pairs are where.
    pub fn counts(&self, now: Timestamp) -> PortCounts {
        let rested = self.rested.partition_point(|(at, _)| *at <= now);
        let foreign = self.foreign.iter().filter(|(at, _)| *at > now).count();
        let retried = self.foreign.len() - foreign;
        PortCounts { in_use: self.in_use, free: self.pairs - self.begun + rested + retried, resting: self.rested.len() - rested, foreign }
    }
}
