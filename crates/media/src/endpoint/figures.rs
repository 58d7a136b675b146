//! What an endpoint counted, and how good that sounded.

use super::Plain;
use crate::{jitter::Figures, quality::Path};
use std::time::Duration;
use tandem_model::{Carries, Codec, DirectionStats, EndpointStats, Mos, PayloadRule, PlayoutStats, StreamKind};

/// What a packet is taken to hold where nothing says.
const PACKET_MS: u8 = 20;

/// A jitter buffer that nobody has told us of is taken to hold so many times the jitter.
const BUFFERED: f64 = 2.0;

/// What is known of one direction.
struct Direction {
    lost: u64,
    arrived: u64,
    /// How long a lost run was on average; zero: not known, so as random.
    burst: f64,
    buffered_ms: f64,
}

impl Plain {
    /// What became of what the leg said so far, in the jitter buffer that holds it now.
    pub(crate) fn note_played(&mut self, figures: Option<Figures>) {
        let Some(figures) = figures else { return };
        let [before, present] = &mut self.played;
        if figures.taken <= present.taken {
            // It is another one.
            before.add(present);
        }
        *present = figures;
    }

    /// The same of all that held any of it.
    fn playout(&self) -> Option<PlayoutStats> {
        let [mut all, present] = self.played;
        all.add(&present);
        let Figures { taken, late, missing, shortened, lengthened, waited_us, waited } = all;
        let delay_us = u32::try_from(waited_us.checked_div(waited).unwrap_or(0)).unwrap_or(u32::MAX);
        (taken > 0).then_some(PlayoutStats { late, missing, shortened, lengthened, delay_us })
    }

    /// The figures.
    pub(crate) fn stats(&self) -> EndpointStats {
        let playout = self.playout();
        let round_trip_us = self.round_trip.measured().map(|span| u32::try_from(span.as_micros()).unwrap_or(u32::MAX));
        EndpointStats { leg: self.leg, received: self.received(playout), sent: self.sent(), dropped: self.dropped, round_trip_us, playout }
    }

    fn received(&self, playout: Option<PlayoutStats>) -> DirectionStats {
        let ((packets, bytes), lost, jitter_us) = (self.received, self.incoming.lost(), self.jitter.micros());
        let known = Direction {
            // What came too late is lost to who listens.
            lost: playout.map_or(lost, |playout| playout.missing.max(lost)),
            arrived: packets,
            burst: self.incoming.mean_burst(),
            buffered_ms: playout.map_or(f64::from(jitter_us) * BUFFERED, |playout| playout.delay_us.into()) / 1_000.0,
        };
        DirectionStats { packets, bytes, lost, jitter_us, mos: self.mos(self.said(), &known) }
    }

    /// What the leg speaks: as its last packet of sound, else as it most likely would.
    fn said(&self) -> Option<Codec> {
        let sound = |rule: &PayloadRule| if let Carries::Sound(codec) = rule.carries { Some(codec) } else { None };
        self.rule.as_ref().and_then(sound).or_else(|| self.remote.payloads().iter().find_map(sound))
    }

    fn sent(&self) -> DirectionStats {
        let ((packets, bytes), (datagrams, octets)) = (self.outgoing.sent(), self.passed);
        let (lost, jitter) = self.reported.unwrap_or_default();
        let jitter_us = u32::try_from(u64::from(jitter) * 1_000_000 / u64::from(self.clock_rate.max(1))).unwrap_or(u32::MAX);
        let known =
            Direction { lost, arrived: packets.saturating_sub(lost), burst: 0.0, buffered_ms: f64::from(jitter_us) * BUFFERED / 1_000.0 };
        let mos = self.reported.and_then(|_| self.mos(self.speech.as_ref().map(|speech| speech.codec), &known));
        DirectionStats { packets: packets + datagrams, bytes: bytes + octets, lost, jitter_us, mos }
    }

    /// How good it sounded on the way between the leg and us: half of the round trip, a packet, and what a jitter buffer adds.
    fn mos(&self, codec: Option<Codec>, known: &Direction) -> Option<Mos> {
        let codec = codec.filter(|_| self.kind == StreamKind::Rtp && known.arrived > 0)?;
        let share = known.lost as f64 / (known.lost + known.arrived) as f64;
        let one_way = self.round_trip.measured().unwrap_or(Duration::ZERO) / 2;
        let packet_ms = self.speech.as_ref().map_or(PACKET_MS, |speech| speech.packet_ms);
        let path = Path {
            codec,
            delay_ms: one_way.as_secs_f64() * 1_000.0 + f64::from(packet_ms) + known.buffered_ms,
            loss_percent: share * 100.0,
            // G.107 §3.5: random loss has runs of 1 / (1 - share).
            burst_ratio: known.burst * (1.0 - share),
        };
        Some(path.mos())
    }
}
