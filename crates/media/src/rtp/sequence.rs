//! Where the source of a leg is in its sequence, and when another source has taken its place (RFC 3550 §A.1).

use super::header::Header;
use crate::packet::DropReason;
use std::time::Duration;
use tandem_model::Timestamp;

/// A packet that is further ahead than this is the source beginning anew, or not of the stream (RFC 3550 §A.1).
const MAX_DROPOUT: u16 = 3000;

/// A packet that is further behind than this likewise (RFC 3550 §A.1).
const MAX_MISORDER: u16 = 100;

/// A gap wider than [`MAX_MISORDER`] is loss only where time for so many packets has passed, at one in a millisecond; else
/// the source has jumped.
const MAX_PACKETS_PER_MS: u128 = 1;

/// For so long after a leg has changed its SSRC, packets with the old one are stragglers; later ones are a change back.
const STRAGGLERS: Duration = Duration::from_millis(100);

/// Where a packet belongs in the stream of its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Sequence number with the count of its wraps above.
    pub(crate) extended: u32,
    /// Counts the sources of a leg: packets of one epoch keep their distances in sequence and time.
    pub(crate) epoch: u32,
}

/// What a leg sends: one source at a time.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Incoming {
    epoch: u32,
    /// Runs of packets that sources before this one lost …
    gaps_before: u32,
    source: Option<Source>,
    replaced: Option<(u32, Timestamp)>,
    /// … and packets.
    lost_before: u64,
}

/// What has come of the source that a leg sends with now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    /// Extended sequence number of its first packet.
    pub(crate) first: u32,
    /// The same of the highest.
    pub(crate) highest: u32,
    /// Packets that came, duplicates too.
    pub(crate) received: u64,
}

impl Reception {
    /// Packets that should have come.
    pub(crate) fn expected(&self) -> u64 {
        u64::from(self.highest.wrapping_sub(self.first)) + 1
    }
}

#[derive(Debug)]
struct Source {
    ssrc: u32,
    first: u32,
    highest: u32,
    /// In 32 bits there is room for two years of them.
    received: u32,
    /// Times that numbers were passed over.
    gaps: u32,
    /// After one packet out of sequence, the number that would show that the source began anew.
    restart: Option<u16>,
}

impl Incoming {
    /// Takes one packet; the one before came at `last`.
    ///
    /// # Errors
    /// The reason for which it is not part of the stream.
    #[inline]
    pub(crate) fn take(&mut self, now: Timestamp, last: Timestamp, header: &Header) -> Result<Seen, DropReason> {
        match &mut self.source {
            Some(source) if source.ssrc == header.ssrc => match source.place(header.sequence, || now.since(last)) {
                Some(extended) => Ok(Seen { extended, epoch: self.epoch }),
                None if source.restart == Some(header.sequence) => Ok(self.begin(header)),
                None => {
                    source.restart = Some(header.sequence.wrapping_add(1));
                    Err(DropReason::OutOfSequence)
                }
            },
            Some(source) => {
                if self.replaced.is_some_and(|(ssrc, until)| ssrc == header.ssrc && now < until) {
                    return Err(DropReason::Superseded);
                }
                self.replaced = Some((source.ssrc, now + STRAGGLERS));
                Ok(self.begin(header))
            }
            None => Ok(self.begin(header)),
        }
    }

    fn begin(&mut self, header: &Header) -> Seen {
        (self.lost_before, self.gaps_before) = (self.lost(), self.gaps());
        self.epoch = self.epoch.wrapping_add(1);
        let first = u32::from(header.sequence);
        self.source = Some(Source { ssrc: header.ssrc, first, highest: first, received: 1, gaps: 0, restart: None });
        Seen { extended: first, epoch: self.epoch }
    }

    /// Counts a packet that came and is not wanted, so that it does not count as lost: where it is in the stream, if it is
    /// of the stream at all.
    pub(crate) fn pass_over(&mut self, header: &Header) -> Option<Seen> {
        let source = self.source.as_mut().filter(|source| source.ssrc == header.ssrc)?;
        let extended = source.place(header.sequence, || Duration::MAX)?;
        Some(Seen { extended, epoch: self.epoch })
    }

    /// The clock of the source was set anew at a packet that was just taken: its timestamps begin anew there, its sequence
    /// does not.
    ///
    /// # Errors
    /// The packet is a late one: what came after it has begun anew already.
    pub(crate) fn reset_clock(&mut self, seen: Seen) -> Result<Seen, DropReason> {
        if self.source.as_ref().is_some_and(|source| source.highest != seen.extended) {
            return Err(DropReason::Superseded);
        }
        self.epoch = self.epoch.wrapping_add(1);
        Ok(Seen { epoch: self.epoch, ..seen })
    }

    /// Whether a packet would be the next of the stream, or one of the next.
    pub(crate) fn is_continued_by(&self, header: &Header) -> bool {
        let ahead = |source: &Source| header.sequence.wrapping_sub(source.highest as u16);
        self.source.as_ref().is_some_and(|source| source.ssrc == header.ssrc && (1..MAX_DROPOUT).contains(&ahead(source)))
    }

    /// Packets that never came, over all sources (RFC 3550 §6.4.1, but never below zero).
    pub(crate) fn lost(&self) -> u64 {
        let missing = |source: &Source| {
            let expected = u64::from(source.highest.wrapping_sub(source.first)) + 1;
            expected.saturating_sub(source.received.into())
        };
        self.lost_before + self.source.as_ref().map_or(0, missing)
    }

    fn gaps(&self) -> u32 {
        self.gaps_before.saturating_add(self.source.as_ref().map_or(0, |source| source.gaps))
    }

    /// How long runs of lost packets were on average; packets that came out of order make it look shorter than it is.
    pub(crate) fn mean_burst(&self) -> f64 {
        self.lost() as f64 / f64::from(self.gaps().max(1))
    }

    /// What has come of the present source.
    pub(crate) fn reception(&self) -> Option<Reception> {
        let of = |&Source { ssrc, first, highest, received, .. }: &Source| Reception { ssrc, first, highest, received: received.into() };
        self.source.as_ref().map(of)
    }

    /// The source that the leg sends with now, and its epoch.
    pub(crate) fn current(&self) -> Option<(u32, u32)> {
        self.source.as_ref().map(|source| (source.ssrc, self.epoch))
    }
}

impl Source {
    /// Counts a packet that lies near the others and extends its number. `elapsed` says how long after the one before it
    /// came.
    #[inline]
    fn place(&mut self, sequence: u16, elapsed: impl FnOnce() -> Duration) -> Option<u32> {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        let behind = ahead.wrapping_neg();
        let is_loss = |ahead| u128::from(ahead - MAX_MISORDER) <= elapsed().as_millis() * MAX_PACKETS_PER_MS;
        let extended = if ahead <= MAX_MISORDER || (ahead < MAX_DROPOUT && is_loss(ahead)) {
            self.gaps = self.gaps.wrapping_add(u32::from(ahead > 1));
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            self.highest
        } else if behind <= MAX_MISORDER {
            self.highest.wrapping_sub(u32::from(behind))
        } else {
            return None;
        };
        self.received = self.received.wrapping_add(1);
        Some(extended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16) -> Header {
        Header { marker: false, payload: 0, sequence, timestamp: 0, ssrc, payload_len: 160 }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn numbers_extend_over_the_wrap_and_loss_is_what_is_missing() {
        let mut incoming = Incoming::default();
        let seen: Vec<u32> =
            [65534, 65535, 1, 0, 1, 5].map(|number| incoming.take(at(0), at(0), &packet(1, number)).unwrap().extended).to_vec();
        assert_eq!(seen, [65534, 65535, 65537, 65536, 65537, 65541]);
        // Eight expected, six came, one of them twice: RFC 3550 counts duplicates as received.
        assert_eq!(incoming.lost(), 2);
    }

    #[test]
    fn one_stray_number_is_dropped_and_two_in_a_row_begin_anew() {
        let mut incoming = Incoming::default();
        let first = incoming.take(at(0), at(0), &packet(1, 100)).unwrap();
        assert_eq!(incoming.take(at(0), at(0), &packet(1, 40_000)), Err(DropReason::OutOfSequence));
        assert_eq!(incoming.take(at(0), at(0), &packet(1, 101)).unwrap().epoch, first.epoch);
        assert_eq!(incoming.take(at(0), at(0), &packet(1, 50_000)), Err(DropReason::OutOfSequence));
        let anew = incoming.take(at(0), at(0), &packet(1, 50_001)).unwrap();
        assert_eq!((anew.extended, anew.epoch), (50_001, first.epoch + 1));
        assert_eq!(incoming.lost(), 0);
    }

    #[test]
    fn stragglers_of_the_old_source_are_dropped_and_a_change_back_is_not() {
        let mut incoming = Incoming::default();
        incoming.take(at(0), at(0), &packet(1, 10)).unwrap();
        let second = incoming.take(at(20), at(0), &packet(2, 500)).unwrap();
        assert_eq!(incoming.take(at(30), at(0), &packet(1, 11)), Err(DropReason::Superseded));
        assert_eq!(incoming.take(at(40), at(0), &packet(2, 501)).unwrap().epoch, second.epoch);
        assert_eq!(incoming.take(at(120), at(0), &packet(1, 12)).unwrap().epoch, second.epoch + 1);
        assert_eq!(incoming.current(), Some((1, second.epoch + 1)));
    }

    #[test]
    fn loss_adds_up_over_sources() {
        let mut incoming = Incoming::default();
        for (ssrc, number) in [(1, 10), (1, 13), (2, 7), (2, 9), (3, 1)] {
            incoming.take(at(u64::from(ssrc) * 1000), at(0), &packet(ssrc, number)).unwrap();
        }
        assert_eq!(incoming.lost(), 3);
    }

    #[test]
    fn runs_of_loss_are_told_from_single_ones() {
        let burst = |numbers: &[u16]| {
            let mut incoming = Incoming::default();
            numbers.iter().for_each(|number| assert!(incoming.take(at(0), at(0), &packet(1, *number)).is_ok()));
            (incoming.lost(), incoming.mean_burst())
        };
        assert_eq!(burst(&[1, 3, 5, 7]), (3, 1.0));
        assert_eq!(burst(&[1, 2, 6, 7, 11]), (6, 3.0));
        assert_eq!(burst(&[1, 2, 3]), (0, 0.0));
        assert!(burst(&[1, 3, 2, 4, 6, 5, 9]).1 < 1.0, "out of order");
    }
}
