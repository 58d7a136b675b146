//! Interarrival jitter (RFC 3550 §6.4.1), in microseconds whatever the clock rate.

use crate::rtp::header::Header;
use tandem_model::Timestamp;

/// A running estimate.
#[derive(Debug, Default)]
pub(crate) struct Jitter {
    last: Option<Arrival>,
    /// Sixteen times the estimate (RFC 3550 §A.8).
    scaled_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    ssrc: u32,
    payload: u8,
    timestamp: u32,
    at: Timestamp,
}

/// A difference beyond this is a clock that was set anew, not jitter.
const MAX_DIFFERENCE_US: u64 = 10_000_000;

impl Jitter {
    /// Takes one packet, and says whether the clock of its source was set anew before it. Packets of one frame or event share
    /// a timestamp and say nothing about jitter; nor does the first of a source or of a payload number.
    #[inline]
    pub(crate) fn take(&mut self, now: Timestamp, header: &Header, clock_rate: u32) -> bool {
        let arrival = Arrival { ssrc: header.ssrc, payload: header.payload, timestamp: header.timestamp, at: now };
        let Some(last) = self.last.replace(arrival) else { return false };
        if last.ssrc != arrival.ssrc || last.timestamp == arrival.timestamp {
            return false;
        }
        let ticks = i64::from(arrival.timestamp.wrapping_sub(last.timestamp) as i32);
        let spacing_us = ticks * 1_000_000 / i64::from(clock_rate.max(1));
        let between_us = now.as_micros() as i64 - last.at.as_micros() as i64;
        let difference = (between_us - spacing_us).unsigned_abs();
        let is_reset = difference > MAX_DIFFERENCE_US;
        if !is_reset && last.payload == arrival.payload {
            self.scaled_us = self.scaled_us + difference - (self.scaled_us + 8) / 16;
        }
        is_reset
    }

    /// When the last packet came; zero before the first.
    #[inline]
    pub(crate) fn last_at(&self) -> Timestamp {
        self.last.map_or(Timestamp::ZERO, |last| last.at)
    }

    /// The estimate.
    pub(crate) fn micros(&self) -> u32 {
        u32::try_from(self.scaled_us / 16).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: u8, timestamp: u32) -> Header {
        Header { marker: false, payload, sequence: 0, timestamp, ssrc: 1, payload_len: 0 }
    }

    #[test]
    fn an_even_stream_has_none_over_the_wrap_too() {
        let mut jitter = Jitter::default();
        for n in 0..100_u32 {
            jitter.take(Timestamp::from_millis(u64::from(n) * 20), &packet(0, 0xffff_f000_u32.wrapping_add(n * 160)), 8000);
        }
        assert_eq!(jitter.micros(), 0);
    }

    #[test]
    fn it_follows_the_reference_algorithm() {
        let arrivals_ms = [0_u64, 25, 38, 61, 99, 100, 121, 140];
        let (mut jitter, mut reference, mut transit) = (Jitter::default(), 0.0_f64, None);
        for (n, at) in arrivals_ms.into_iter().enumerate() {
            jitter.take(Timestamp::from_millis(at), &packet(0, n as u32 * 160), 8000);
            let now = at as f64 * 1000.0 - n as f64 * 20_000.0;
            let difference = transit.map_or(0.0, |before: f64| (now - before).abs());
            reference += (difference - reference) / 16.0;
            transit = Some(now);
        }
        assert!((f64::from(jitter.micros()) - reference).abs() < 2.0, "{} {reference}", jitter.micros());
    }

    #[test]
    fn events_and_changes_of_payload_do_not_count() {
        let mut jitter = Jitter::default();
        for (n, payload, timestamp) in [(0, 0, 0), (1, 101, 160), (2, 101, 160), (3, 101, 160), (10, 0, 480), (11, 0, 640)] {
            jitter.take(Timestamp::from_millis(n * 20), &packet(payload, timestamp), 8000);
        }
        assert_eq!(jitter.micros(), 0);
    }
}
