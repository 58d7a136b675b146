//! One call's sound: a packet of tone every 20 ms while it may be sent, and everything that arrives.

use super::{
    Meter, Packet,
    g711::{decode_a, decode_mu, encode_a, encode_mu},
    keys::{Instead, Pressing},
};
use std::{net::SocketAddr, time::Duration};
use tandem_model::{Random, Timestamp};

/// Samples a packet.
const FRAME: usize = 160;
/// Time a packet.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// A timestamp this far ahead of the one before it is a jump: ten seconds.
const MAX_TIMESTAMP_STEP: i32 = 80_000;
/// Peak of our tone: −13 dBov.
const AMPLITUDE: f64 = 10_000.0;

/// Sender and receiver of a call.
#[derive(Clone, Debug)]
pub struct Stream {
    tone_hz: f64,
    phase: f64,
    next: Option<Timestamp>,
    destination: Option<SocketAddr>,
    payload_type: u8,
    a_law: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    spurt: bool,
    meter: Meter,
    sent: u64,
    received: u64,
    ssrcs: Vec<u32>,
    last: Option<(u16, u32)>,
    heard_timestamp: u32,
    clock_jumps: u64,
    gaps: u64,
    source: Option<SocketAddr>,
    pressing: Pressing,
    /// The last packet was one of an event that has more.
    pressing_goes_on: bool,
    kept: Option<Kept>,
}

/// Packets that are kept.
const MAX_KEPT: usize = 20_000;

/// What was heard, for who looks at it later.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Every packet, and when it came.
    pub packets: Vec<(Timestamp, Packet)>,
    /// The sound of those that carry it.
    pub sound: Vec<i16>,
}

impl Stream {
    /// A stream that sends nothing yet.
    pub fn new(tone_hz: f64, seed: u64) -> Stream {
        let mut random = Random::new(seed);
        Stream {
            tone_hz,
            phase: 0.0,
            next: None,
            destination: None,
            payload_type: 0,
            a_law: false,
            sequence: random.next_u64() as u16,
            timestamp: random.next_u64() as u32,
            ssrc: random.next_u64() as u32,
            spurt: true,
            meter: Meter::default(),
            sent: 0,
            received: 0,
            ssrcs: Vec::new(),
            last: None,
            heard_timestamp: 0,
            clock_jumps: 0,
            gaps: 0,
            source: None,
            pressing: Pressing::default(),
            pressing_goes_on: false,
            kept: None,
        }
    }

    /// Presses a key in place of its own tone: as telephone events under that number, or as tones. It lasts so many packets, with a pause of
    /// as many as that behind it.
    pub fn press(&mut self, sign: char, number: Option<u8>, packets: u16, pause: u16) {
        self.pressing.press(sign, number, packets, pause);
    }

    /// Keeps what is heard from now on.
    pub fn keep(&mut self) {
        self.kept.get_or_insert_default();
    }

    /// What was kept.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Sends there from now on, as this payload number and law (true: A-law); nowhere if either is `None`.
    pub fn direct(&mut self, now: Timestamp, destination: Option<SocketAddr>, payload: Option<(u8, bool)>) {
        self.destination = destination.filter(|_| payload.is_some());
        if let Some((number, a_law)) = payload {
            (self.payload_type, self.a_law) = (number, a_law);
        }
        if self.destination.is_none() {
            (self.next, self.spurt) = (None, true);
        } else if self.next.is_none() {
            self.next = Some(now);
        }
    }

    /// Sends no more.
    pub fn stop(&mut self, now: Timestamp) {
        self.direct(now, None, None);
    }

    /// When the next packet is due.
    pub fn timeout(&self) -> Option<Timestamp> {
        self.next
    }

    /// The packet that is due.
    pub fn poll(&mut self, now: Timestamp) -> Option<(SocketAddr, Vec<u8>)> {
        let due = self.next.filter(|next| *next <= now)?;
        let destination = self.destination?;
        // On the clock of the stream, not of the wake-up; a sleeper of more than a second starts afresh.
        let late = now.since(due) > Duration::from_secs(1);
        self.next = Some(if late { now + FRAME_TIME } else { due + FRAME_TIME });
        let instead = self.pressing.packets.pop_front().flatten();
        if let Some(Instead::Event(number, code, n, is_over)) = instead {
            return Some((destination, self.event(number, code, n, is_over)));
        }
        let step = 2.0 * std::f64::consts::PI * self.tone_hz / 8000.0;
        let mut payload = Vec::with_capacity(FRAME);
        for _ in 0..FRAME {
            let sample = match instead {
                Some(Instead::Tones(low, high)) => self.pressing.sample(low, high, AMPLITUDE),
                _ => (AMPLITUDE * self.phase.sin()) as i16,
            };
            payload.push(if self.a_law { encode_a(sample) } else { encode_mu(sample) });
            self.phase = (self.phase + step) % (2.0 * std::f64::consts::PI);
        }
        let packet = Packet {
            payload_type: self.payload_type,
            marker: std::mem::take(&mut self.spurt),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            payload,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.sent += 1;
        Some((destination, packet.print()))
    }

    /// RFC 4733 §2.3: the `n`-th packet of an event.
    fn event(&mut self, number: u8, code: u8, n: u16, is_over: bool) -> Vec<u8> {
        // The last ones are alike.
        let is_first = !self.pressing_goes_on;
        self.pressing_goes_on =
            !is_over || matches!(self.pressing.packets.front(), Some(Some(Instead::Event(_, _, next, true))) if *next == n);
        if is_first {
            self.pressing.begins = self.timestamp;
        }
        let [high, low] = (n * FRAME as u16).to_be_bytes();
        let payload = vec![code, 10 | u8::from(is_over) << 7, high, low];
        let (sequence, timestamp, ssrc) = (self.sequence, self.pressing.begins, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(FRAME as u32);
        self.sent += 1;
        Packet { payload_type: number, marker: is_first, sequence, timestamp, ssrc, payload }.print()
    }

    /// Hears a packet.
    pub fn on_packet(&mut self, now: Timestamp, source: SocketAddr, bytes: &[u8]) {
        let Some(packet) = Packet::parse(bytes) else { return };
        self.received += 1;
        self.source = Some(source);
        if !self.ssrcs.contains(&packet.ssrc) && self.ssrcs.len() < 16 {
            self.ssrcs.push(packet.ssrc);
        }
        if let Some((sequence, ssrc)) = self.last
            && ssrc == packet.ssrc
            && packet.sequence != sequence.wrapping_add(1)
        {
            self.gaps += 1;
        }
        let ahead = packet.timestamp.wrapping_sub(self.heard_timestamp) as i32;
        if self.last.is_some() && !(0..=MAX_TIMESTAMP_STEP).contains(&ahead) {
            self.clock_jumps += 1;
        }
        self.heard_timestamp = packet.timestamp;
        self.last = Some((packet.sequence, packet.ssrc));
        // What G.711 it is follows from the number; dynamic numbers are ours.
        let a_law = packet.payload_type == 8 || (packet.payload_type >= 96 && self.a_law);
        let samples = packet.payload.iter().map(|code| if a_law { decode_a(*code) } else { decode_mu(*code) });
        samples.clone().for_each(|sample| self.meter.push(sample));
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.packets.len() < MAX_KEPT) {
            if packet.payload_type < 96 {
                kept.sound.extend(samples);
            }
            kept.packets.push((now, packet));
        }
    }

    /// The next packet has these numbers: SSRC, sequence, timestamp.
    pub fn renumber(&mut self, ssrc: u32, sequence: u16, timestamp: u32) {
        (self.ssrc, self.sequence, self.timestamp) = (ssrc, sequence, timestamp);
    }

    /// The numbers of the next packet: SSRC, sequence, timestamp.
    pub fn numbers(&self) -> (u32, u16, u32) {
        (self.ssrc, self.sequence, self.timestamp)
    }

    /// Packets sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Packets heard.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Times that a packet was not the successor of the one before it.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Times that a timestamp was before the last one, or far ahead of it.
    pub fn clock_jumps(&self) -> u64 {
        self.clock_jumps
    }

    /// How many sources have been heard: one, if all is well (16 at most are told apart).
    pub fn sources(&self) -> usize {
        self.ssrcs.len()
    }

    /// Where the last packet came from.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// What it sounds like.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}
