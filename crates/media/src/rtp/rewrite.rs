//! One stream towards a leg, whatever feeds it: the same SSRC for the life of the session, a sequence without a seam,
//! a timestamp that goes on with the time that passed.

use super::{header::Header, sequence::Seen};
use std::time::Duration;
use tandem_model::{Random, Timestamp};

/// What a frame is taken to last where one source follows another at once: the new one begins no earlier.
const FRAME: Duration = Duration::from_millis(20);

/// Where one source goes on with what another has said, it does so within twice the time that the last packet lasts, and this.
const SEAM_US: u64 = 40_000;

/// Who feeds a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feeder {
    /// The leg that has this name in its session.
    Leg(u8),
    /// The same, whose packets are cut and joined.
    Packer(u8),
    /// We ourselves.
    Voice,
    /// We ourselves, who press keys as tones.
    Keys,
}

/// How the numbers of one source become those of the stream, by wrapping addition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    feeder: Feeder,
    epoch: u32,
    /// From the source's extended sequence number.
    pub(crate) sequence: u32,
    /// From the source's timestamp.
    pub(crate) timestamp: u32,
    /// The first extended number of the stream that this source gave.
    pub(crate) first: u32,
    /// Packets and payload octets of the stream before this source, as RTCP counts them.
    pub(crate) before: (u32, u32),
    /// The last of its numbers that was skipped: what came before that has the numbers that it had before.
    skipped: u32,
}

/// As good as before any packet.
const LONG_AGO: u32 = 1 << 30;

/// The newest packet of the stream.
#[derive(Clone, Copy, Debug)]
struct Newest {
    extended: u32,
    timestamp: u32,
    at: Timestamp,
    octets: u16,
    /// What comes next follows on it without a pause.
    is_followed: bool,
}

/// A stream towards a leg.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Outgoing {
    mapping: Option<Mapping>,
    newest: Option<Newest>,
    octets: u64,
    packets: u64,
    ssrc: u32,
    /// Where the stream begins.
    start: (u32, u32),
}

impl Outgoing {
    /// A stream that has not begun. Its first sequence number is below 2¹⁵, so that whoever adds encryption later
    /// need not guess whether it has wrapped (RFC 3711 §3.3.1).
    pub(crate) fn new(random: &mut Random) -> Self {
        let start = (random.next_u64() as u32 & 0x7fff, random.next_u64() as u32);
        Outgoing { ssrc: random.next_u64() as u32, start, mapping: None, newest: None, octets: 0, packets: 0 }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload octets so far.
    pub(crate) fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// The extended sequence number of the newest packet.
    pub(crate) fn newest(&self) -> Option<u32> {
        self.newest.map(|newest| newest.extended)
    }

    /// The timestamp that a packet would have that were made at `now`, in a clock of `clock_rate` hertz.
    pub(crate) fn timestamp_at(&self, now: Timestamp, clock_rate: u32) -> Option<u32> {
        let newest = self.newest?;
        let elapsed_us = now.since(newest.at).as_micros() as u64;
        let ticks = elapsed_us.wrapping_mul(u64::from(clock_rate)) / 1_000_000;
        Some(newest.timestamp.wrapping_add(ticks as u32))
    }

    /// How this source is renumbered, while it feeds the stream.
    pub(crate) fn mapping(&self, feeder: Feeder, epoch: u32) -> Option<&Mapping> {
        self.mapping.as_ref().filter(|mapping| mapping.feeder == feeder && mapping.epoch == epoch)
    }

    /// What comes next does not follow on what came last: the next packet begins a new run at the next number.
    pub(crate) fn interrupt(&mut self) {
        self.mapping = None;
        self.newest.iter_mut().for_each(|newest| newest.is_followed = false);
    }

    /// What comes next is of another source, and the same sound: it follows on what came last, of which an octet is a tick, if that was not long
    /// ago.
    pub(crate) fn go_on(&mut self) {
        self.mapping = None;
        self.newest.iter_mut().for_each(|newest| newest.is_followed = true);
    }

    /// `to` goes on with what `from` has fed: its packet takes the place of that of `from`, and its clock is the same. Where `from` feeds
    /// nothing it begins a new run.
    pub(crate) fn hand_over(&mut self, from: (Feeder, Seen), to: (Feeder, Seen)) {
        let ((from, seen), (feeder, first)) = (from, to);
        let (Some(newest), Some(mapping)) = (self.newest(), self.mapping(from, seen.epoch).copied()) else { return self.interrupt() };
        let place = seen.extended.wrapping_add(mapping.sequence);
        let next = if place.wrapping_sub(newest) as i32 > 0 { place } else { newest.wrapping_add(1) };
        self.mapping = Some(Mapping {
            feeder,
            epoch: first.epoch,
            sequence: next.wrapping_sub(first.extended),
            first: next,
            before: (next.wrapping_sub(self.start.0), self.octets as u32),
            skipped: first.extended.wrapping_sub(LONG_AGO),
            ..mapping
        });
    }

    /// A packet of `feeder` is not to be heard: what follows it takes its number, for to the listener it is not lost.
    pub(crate) fn skip(&mut self, feeder: Feeder, seen: Seen) {
        let Some(newest) = self.newest else { return };
        let mapping = self.mapping.as_mut().filter(|mapping| mapping.feeder == feeder && mapping.epoch == seen.epoch);
        if let Some(mapping) = mapping
            && (seen.extended.wrapping_add(mapping.sequence).wrapping_sub(newest.extended) as i32) > 0
        {
            (mapping.sequence, mapping.skipped) = (mapping.sequence.wrapping_sub(1), seen.extended);
        }
    }

    /// Renumbers one packet of `feeder`, whose clock runs at `clock_rate` hertz.
    #[inline]
    pub(crate) fn renumber(&mut self, now: Timestamp, feeder: Feeder, seen: Seen, clock_rate: u32, header: &mut Header) {
        let known = self.mapping(feeder, seen.epoch).copied();
        let mapping = known.unwrap_or_else(|| {
            header.marker = true;
            self.switch(now, feeder, seen, clock_rate, header.timestamp)
        });
        let is_behind = seen.extended.wrapping_sub(mapping.skipped) as i32 <= 0;
        let extended = seen.extended.wrapping_add(mapping.sequence).wrapping_add(u32::from(is_behind));
        header.ssrc = self.ssrc;
        header.sequence = extended as u16;
        header.timestamp = header.timestamp.wrapping_add(mapping.timestamp);
        if self.newest.is_none_or(|newest| (extended.wrapping_sub(newest.extended) as i32) > 0) {
            self.newest =
                Some(Newest { extended, timestamp: header.timestamp, at: now, octets: header.payload_len as u16, is_followed: false });
        }
        self.packets += 1;
        self.octets += header.payload_len as u64;
    }

    /// Puts a packet of an event at the next number, with the timestamp that the event has, or else that of the time that has passed.
    /// What follows it begins a new run, at the time that has passed since the event began.
    pub(crate) fn insert(&mut self, now: Timestamp, timestamp: Option<u32>, clock_rate: u32, header: &mut Header) {
        let (next, next_timestamp) = self.next(now, clock_rate);
        header.ssrc = self.ssrc;
        header.sequence = next as u16;
        header.timestamp = timestamp.unwrap_or(next_timestamp);
        let newest = Newest { extended: next, timestamp: header.timestamp, at: now, octets: 0, is_followed: false };
        self.newest = Some(match self.newest {
            Some(before) if header.timestamp.wrapping_sub(before.timestamp) as i32 <= 0 => {
                Newest { extended: next, is_followed: false, ..before }
            }
            _ => newest,
        });
        self.mapping = None;
        self.packets += 1;
        self.octets += header.payload_len as u64;
    }

    /// The next number, and the timestamp of now.
    fn next(&self, now: Timestamp, clock_rate: u32) -> (u32, u32) {
        let Some(newest) = self.newest else { return self.start };
        let elapsed_us = now.since(newest.at).max(FRAME).as_micros() as u64;
        let passed = elapsed_us.wrapping_mul(u64::from(clock_rate)) / 1_000_000;
        let lasts = u64::from(newest.octets);
        let lasts_us = lasts * 1_000_000 / u64::from(clock_rate.max(1));
        let follows = newest.is_followed && lasts > 0 && elapsed_us < 2 * lasts_us + SEAM_US;
        let ticks = if follows { lasts } else { passed };
        (newest.extended.wrapping_add(1), newest.timestamp.wrapping_add(ticks as u32))
    }

    #[cold]
    fn switch(&mut self, now: Timestamp, feeder: Feeder, seen: Seen, clock_rate: u32, timestamp: u32) -> Mapping {
        let (next, next_timestamp) = self.next(now, clock_rate);
        let mapping = Mapping {
            feeder,
            epoch: seen.epoch,
            sequence: next.wrapping_sub(seen.extended),
            timestamp: next_timestamp.wrapping_sub(timestamp),
            first: next,
            before: (next.wrapping_sub(self.start.0), self.octets as u32),
            skipped: seen.extended.wrapping_sub(LONG_AGO),
        };
        self.mapping = Some(mapping);
        mapping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(stream: &mut Outgoing, at_ms: u64, epoch: u32, extended: u32, timestamp: u32) -> Header {
        let mut header = Header { marker: false, payload: 0, sequence: extended as u16, timestamp, ssrc: 7, payload_len: 160 };
        let now = Timestamp::from_millis(at_ms);
        stream.renumber(now, Feeder::Leg(0), Seen { extended, epoch }, 8000, &mut header);
        header
    }

    #[test]
    fn a_new_source_goes_on_where_the_old_one_was_after_the_time_that_passed() {
        let mut stream = Outgoing::new(&mut Random::new(1));
        let first = send(&mut stream, 1000, 1, 500, 90_000);
        assert!(first.marker);
        let second = send(&mut stream, 1020, 1, 501, 90_160);
        assert!(!second.marker);
        let other = send(&mut stream, 1520, 2, 60_000, 3);
        assert_eq!((other.ssrc, other.sequence, other.marker), (first.ssrc, second.sequence.wrapping_add(1), true));
        assert_eq!(other.timestamp.wrapping_sub(second.timestamp), 4000);
        let soon = send(&mut stream, 1521, 3, 9, 3);
        assert_eq!(soon.timestamp.wrapping_sub(other.timestamp), 160, "never earlier than one frame on");
    }

    #[test]
    fn late_packets_and_duplicates_keep_their_distance() {
        let mut stream = Outgoing::new(&mut Random::new(2));
        let numbers = [65_530, 65_532, 65_531, 65_532, 65_540].map(|extended| send(&mut stream, 0, 1, extended, extended * 160).sequence);
        let distances = numbers.map(|number| number.wrapping_sub(numbers[0]));
        assert_eq!(distances, [0, 2, 1, 2, 10]);
        let next = send(&mut stream, 40, 2, 1, 1);
        assert_eq!(next.sequence.wrapping_sub(numbers[0]), 11);
    }

    #[test]
    fn one_that_comes_late_behind_a_skipped_one_has_the_number_that_was_its() {
        let mut stream = Outgoing::new(&mut Random::new(4));
        let first = send(&mut stream, 0, 1, 10, 0);
        stream.skip(Feeder::Leg(0), Seen { extended: 12, epoch: 1 });
        let numbers = [11, 13, 14].map(|extended| send(&mut stream, 0, 1, extended, extended * 160).sequence.wrapping_sub(first.sequence));
        assert_eq!(numbers, [1, 2, 3]);
    }

    #[test]
    fn an_interrupted_source_resumes_without_a_gap() {
        let mut stream = Outgoing::new(&mut Random::new(3));
        let before = send(&mut stream, 0, 1, 10, 1600);
        stream.interrupt();
        let after = send(&mut stream, 60_000, 1, 3010, 481_600);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp.wrapping_sub(before.timestamp), 480_000);
        assert!(after.marker);
    }

    #[test]
    fn what_is_handed_over_goes_on_at_the_same_time() {
        let mut stream = Outgoing::new(&mut Random::new(4));
        let before = send(&mut stream, 0, 1, 10, 1600);
        // One was lost in between.
        let (next, first) = (Seen { extended: 12, epoch: 1 }, Seen { extended: 0, epoch: 1 });
        stream.hand_over((Feeder::Leg(0), next), (Feeder::Packer(0), first));
        let mut after = Header { marker: false, payload: 0, sequence: 0, timestamp: 1920, ssrc: 7, payload_len: 80 };
        stream.renumber(Timestamp::from_millis(60), Feeder::Packer(0), first, 8000, &mut after);
        let apart = (after.sequence.wrapping_sub(before.sequence), after.timestamp.wrapping_sub(before.timestamp));
        assert_eq!((apart, after.marker), ((2, 320), false));
        // Nobody feeds it that way any more.
        stream.hand_over((Feeder::Leg(0), next), (Feeder::Packer(0), first));
        assert!(stream.mapping(Feeder::Packer(0), 1).is_none());
    }
}
