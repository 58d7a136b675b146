//! Reports of our own to a leg (RFC 3550 §6): when they are due, what is in them, and what the leg's answers tell.

use super::{
    compound::{BLOCK_LEN, BYE, HEADER_LEN, RR, SENDER_INFO_LEN, SR},
    write::{CNAME_LEN, SDES_LEN, begin, description, write},
};
use crate::rtp::{rewrite::Outgoing, sequence::Reception};
use std::time::Duration;
use tandem_model::{Random, Timestamp};

/// The least mean time between two reports (RFC 3550 §6.2). Of two participants the share of the bandwidth would allow more in any
/// codec, so it is always this.
const INTERVAL: Duration = Duration::from_secs(5);

/// When the Unix epoch was, by NTP.
const UNIX_EPOCH_S: u64 = 2_208_988_800;

/// A goodbye to one source.
const BYE_LEN: usize = HEADER_LEN;

/// Octets of the longest: what we send, what we hear, our name, and goodbye.
const MAX_REPORT: usize = HEADER_LEN + SENDER_INFO_LEN + BLOCK_LEN + SDES_LEN + BYE_LEN;

/// A compound packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    octets: Octets,
    len: usize,
    /// The middle of its NTP time, where it is a sender report.
    pub(crate) made: Option<u32>,
}

#[derive(Clone, Debug)]
struct Octets([u8; MAX_REPORT]);

impl Default for Octets {
    fn default() -> Self {
        Octets([0; MAX_REPORT])
    }
}

impl Report {
    /// The packet.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.octets.0[..self.len]
    }
}

/// The leg's newest sender report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) ssrc: u32,
    /// The middle of its NTP time.
    pub(crate) made: u32,
    /// When it came.
    pub(crate) at: Timestamp,
}

/// What a report is about.
pub(crate) struct Subject<'a> {
    pub(crate) stream: &'a Outgoing,
    pub(crate) clock_rate: u32,
    pub(crate) cname: &'a [u8; CNAME_LEN],
    pub(crate) reception: Option<Reception>,
    /// In units of the clock of what was received.
    pub(crate) jitter: u32,
    pub(crate) heard: Option<Heard>,
}

/// The reports to one leg.
#[derive(Debug)]
pub(crate) struct Reports {
    /// Time since the Unix epoch when the clock was at zero.
    wall_clock: Duration,
    random: Random,
    due: Timestamp,
    /// Whether one has been sent.
    began: bool,
    /// Packets of the stream at the last report, and at the one before.
    sent: [u64; 2],
    /// As of the last report.
    reception: Option<Reception>,
}

impl Reports {
    /// The first is due soon.
    pub(crate) fn new(now: Timestamp, wall_clock: Duration, mut random: Random) -> Reports {
        // RFC 3550 §6.2: the first comes after half of the time.
        let due = now + spread(INTERVAL / 2, &mut random);
        Reports { wall_clock, random, due, began: false, sent: [0; 2], reception: None }
    }

    /// When the next report is due.
    pub(crate) fn due_at(&self) -> Timestamp {
        self.due
    }

    /// One was due; when the next is.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        self.due = now + spread(INTERVAL, &mut self.random);
    }

    /// Whether the leg has had one, so that it is told of the end (RFC 3550 §6.3.7).
    pub(crate) fn has_begun(&self) -> bool {
        self.began
    }

    /// Makes the report, and says that it is the last.
    pub(crate) fn part(&mut self, now: Timestamp, subject: &Subject<'_>) -> Report {
        let mut report = self.make(now, subject);
        let at = report.len;
        begin(&mut report.octets.0, at, 1, BYE, BYE_LEN);
        write(&mut report.octets.0, at + 4, subject.stream.ssrc());
        report.len += BYE_LEN;
        report
    }

    /// Makes the report.
    pub(crate) fn make(&mut self, now: Timestamp, subject: &Subject<'_>) -> Report {
        let mut report = Report::default();
        let bytes = &mut report.octets.0;
        let ((packets, octets), ssrc) = (subject.stream.sent(), subject.stream.ssrc());
        let mut len = HEADER_LEN;
        // RFC 3550 §6.4: who has sent nothing since the report before the last only receives.
        let timestamp = subject.stream.timestamp_at(now, subject.clock_rate).filter(|_| packets != self.sent[1]);
        let kind = if timestamp.is_some() { SR } else { RR };
        if let Some(timestamp) = timestamp {
            let made = ntp(self.wall_clock + now.since(Timestamp::ZERO));
            let words = [(made >> 32) as u32, made as u32, timestamp, packets as u32, octets as u32];
            (0..).zip(words).for_each(|(place, word)| write(bytes, len + place * 4, word));
            len += SENDER_INFO_LEN;
            report.made = Some(middle(made));
        }
        let block = self.block(now, subject);
        if let Some(block) = block {
            (0..).zip(block).for_each(|(place, word)| write(bytes, len + place * 4, word));
            len += BLOCK_LEN;
        }
        begin(bytes, 0, u8::from(block.is_some()), kind, len);
        write(bytes, 4, ssrc);
        bytes[len..len + SDES_LEN].copy_from_slice(&description(ssrc, subject.cname));
        report.len = len + SDES_LEN;
        self.began = true;
        self.sent = [packets, self.sent[0]];
        self.reception = subject.reception;
        report
    }

    /// What we say of the leg's stream, if anything has come of it since the last report (RFC 3550 §6.4).
    fn block(&self, now: Timestamp, subject: &Subject<'_>) -> Option<[u32; BLOCK_LEN / 4]> {
        let reception = subject.reception?;
        let is_same = |last: &Reception| (last.ssrc, last.first) == (reception.ssrc, reception.first);
        let before = self.reception.filter(is_same).map_or((0, 0), |last| (last.expected(), last.received));
        let (expected, received) = (reception.expected().saturating_sub(before.0), reception.received.saturating_sub(before.1));
        if received == 0 {
            return None;
        }
        // RFC 3550 §A.3.
        let fraction = (expected.saturating_sub(received) * 256).checked_div(expected).unwrap_or(0).min(255) as u32;
        let lost = (reception.expected() as i64 - reception.received as i64).clamp(-0x80_0000, 0x7f_ffff);
        let heard = subject.heard.filter(|heard| heard.ssrc == reception.ssrc);
        let (last_report, delay) = heard.map_or((0, 0), |heard| (heard.made, ticks(now.since(heard.at))));
        Some([reception.ssrc, fraction << 24 | (lost as u32 & 0xff_ffff), reception.highest, subject.jitter, last_report, delay])
    }
}

/// RFC 3550 §6.3.1: between half and one and a half of it. That no two of a large group speak at once (§6.3.3, and the factor
/// which that needs) is no matter between two.
fn spread(interval: Duration, random: &mut Random) -> Duration {
    let span = interval.as_micros() as u64;
    Duration::from_micros(span / 2 + random.below(span + 1))
}

/// RFC 3550 §4, from time since the Unix epoch: seconds since 1900, which wrap in 2036, and parts of a second.
fn ntp(unix: Duration) -> u64 {
    let seconds = (unix.as_secs() + UNIX_EPOCH_S) & 0xffff_ffff;
    (seconds << 32) | ((u64::from(unix.subsec_micros()) << 32) / 1_000_000)
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// In 1/65536 s.
fn ticks(span: Duration) -> u32 {
    u32::try_from((span.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}
