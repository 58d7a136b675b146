//! Three phones of different codecs that hum, each another tone: who hears whom, and that nobody hears itself, however the matrix changes.

use super::*;
use std::time::Instant;
use tandem_model::{Hearing, LegId, PacketTimes, Speech};
use tandem_sound::{Decoder, Encoder, opus::OpusTerms};

const A: u8 = 0;
const B: u8 = 1;
const C: u8 = 2;

/// Whole waves of each fit into a window, so that none is found where only another is.
const TONES: [f64; 3] = [400.0, 700.0, 1_100.0];
const WINDOW_MS: usize = 50;

/// Peaks: of who hums, of who is surely heard, of who is surely not. On a busy machine packets are late, and what is made up for them is not
/// as pure as what they bring.
const HUM: f64 = 9_000.0;
const LOUD: f64 = 3_000.0;
const SILENT: f64 = 300.0;

/// Packets until what has changed is heard by all, and of which it is made sure.
const SETTLED: u32 = 20;
const HEARD: u32 = 30;

const PACKET: Duration = Duration::from_millis(20);

/// A socket cannot be asked to wait for less.
const AT_ONCE: Duration = Duration::from_micros(1);

const ALL: &[(u8, u8)] = &[(A, B), (A, C), (B, A), (B, C), (C, A), (C, B)];

struct Phone {
    socket: UdpSocket,
    codec: Codec,
    hz: f64,
    to: SocketAddr,
    encoder: Encoder,
    packets: u32,
    decoder: Decoder,
    heard: Vec<f64>,
}

impl Phone {
    /// Says the next 20 ms.
    fn hum(&mut self) {
        let per_packet = self.encoder.rate_hz() / 50;
        let step = std::f64::consts::TAU * self.hz / f64::from(self.encoder.rate_hz());
        let first = self.packets * per_packet;
        let samples: Vec<i16> = (first..first + per_packet).map(|n| (HUM * (step * f64::from(n)).sin()) as i16).collect();
        let mut payload = [0; 1_500];
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let mut packet = vec![0x80, 96];
        packet.extend((self.packets as u16).to_be_bytes());
        packet.extend((self.packets * self.codec.clock_rate() / 50).to_be_bytes());
        packet.extend([0, 0, 7, self.hz as u8]);
        packet.extend_from_slice(&payload[..length]);
        self.packets += 1;
        self.socket.send_to(&packet, self.to).unwrap();
    }

    /// Takes what is there; if there is nothing, what comes within `patience`.
    fn listen(&mut self, patience: Duration) {
        let mut buffer = [0; 2048];
        self.socket.set_read_timeout(Some(patience)).unwrap();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.socket.set_read_timeout(Some(AT_ONCE)).unwrap();
            let payload = &buffer[12..length];
            if buffer[1] & 0x7f == 96 {
                let mut samples = vec![0; self.decoder.samples(payload).unwrap()];
                self.decoder.decode(payload, &mut samples);
                self.heard.extend(samples.into_iter().map(f64::from));
            }
        }
    }

    /// How loud it hears the tones of all, most of the time.
    fn levels(&self) -> [f64; 3] {
        let rate = self.decoder.rate_hz() as usize;
        TONES.map(|hz| {
            let step = std::f64::consts::TAU * hz / rate as f64;
            let peak = |samples: &[f64]| {
                let part = |wave: fn(f64) -> f64| (0..).zip(samples).map(|(n, sample)| sample * wave(step * f64::from(n))).sum::<f64>();
                2.0 * part(f64::cos).hypot(part(f64::sin)) / samples.len() as f64
            };
            let mut peaks: Vec<f64> = self.heard.chunks_exact(rate * WINDOW_MS / 1_000).map(peak).collect();
            peaks.sort_unstable_by(f64::total_cmp);
            peaks.get(peaks.len() / 2).copied().unwrap_or_default()
        })
    }
}

struct Room {
    bench: Bench,
    phones: Vec<Phone>,
}

fn leg(index: u8) -> LegId {
    call(1).leg(index).unwrap()
}

impl Room {
    fn of(host: u8, codecs: [Codec; 3]) -> Room {
        let bench = start(host, 1, 1, 100);
        let mut locals = bench.open(1).to_vec();
        let added = MediaCommand::Add { call: call(1), endpoint: EndpointRequest { leg: leg(C), side: MediaSide(0) } };
        match bench.shards.send(added).unwrap().unwrap_or_else(|| bench.event().1) {
            MediaEvent::Opened(third) => locals.extend(third),
            other => panic!("{other:?}"),
        }
        let phones = (0..).zip(codecs).map(|(index, codec)| {
            let socket = bench.socket();
            bench.describe_codec(index, socket.local_addr().unwrap(), codec);
            Phone {
                socket,
                codec,
                hz: TONES[usize::from(index)],
                to: locals[usize::from(index)].rtp,
                encoder: Encoder::new(codec, 48_000, &OpusTerms::default()).unwrap(),
                packets: 0,
                decoder: Decoder::new(codec, 48_000).unwrap(),
                heard: Vec::new(),
            }
        });
        Room { phones: phones.collect(), bench }
    }

    /// Everybody says a packet every 20 ms, and hears what comes meanwhile.
    fn hum(&mut self, packets: u32) {
        let began = Instant::now();
        for number in 1..=packets {
            self.phones.iter_mut().for_each(Phone::hum);
            let next = began + PACKET * number;
            while let Some(rest) = next.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
                let (first, others) = self.phones.split_at_mut(1);
                others.iter_mut().for_each(|phone| phone.listen(AT_ONCE));
                first[0].listen(rest);
            }
        }
        self.phones.iter_mut().for_each(|phone| phone.listen(AT_ONCE));
    }

    /// Sets the matrix, and makes sure that it is what is heard.
    fn hears(&mut self, pairs: &[(u8, u8)]) {
        let matrix = pairs.iter().map(|(speaker, listener)| Hearing { speaker: leg(*speaker), listener: leg(*listener) }).collect();
        assert_eq!(self.bench.shards.send(MediaCommand::Hear { call: call(1), pairs: matrix }), Ok(None));
        self.is_heard(pairs);
    }

    fn is_heard(&mut self, pairs: &[(u8, u8)]) {
        self.hum(SETTLED);
        self.phones.iter_mut().for_each(|phone| phone.heard.clear());
        self.hum(HEARD);
        let mut found = Vec::new();
        for (listener, levels) in (0..).zip(self.phones.iter().map(Phone::levels)) {
            for (speaker, level) in (0..).zip(levels) {
                assert!(!(SILENT..LOUD).contains(&level), "{pairs:?}: {speaker} is heard by {listener} at {level}");
                if level > LOUD {
                    found.push((speaker, listener));
                }
            }
        }
        found.sort_unstable();
        assert_eq!(found, pairs);
    }
}

impl Bench {
    /// The phone at that address speaks and hears one codec, whoever it talks with.
    fn describe_codec(&self, index: u8, rtp: SocketAddr, codec: Codec) {
        let sound = PayloadRule { from: 96, carries: Carries::Sound(codec), across: Across::Sound(codec), clock_rate: codec.clock_rate() };
        let description = EndpointDescription {
            payloads: [sound].into(),
            hearer: Some(leg(index)),
            speech: Some(Speech { payload: 96, codec, packet_ms: 20, passed: PacketTimes::ANY, parameters: None }),
            ..description(rtp)
        };
        self.shards.send(MediaCommand::Describe { call: call(1), leg: leg(index), description: description.into() }).unwrap();
    }
}

#[test]
fn conference_mute_deafen_and_coach() {
    let mut room = Room::of(31, [Codec::Pcmu, Codec::G722, Codec::Pcma]);
    room.hears(ALL);
    // A is muted, then deafened as well.
    room.hears(&[(B, A), (B, C), (C, A), (C, B)]);
    room.hears(&[(B, C), (C, B)]);
    // C coaches B in a call with A, who never hears C; then C only listens.
    room.hears(&[(A, B), (A, C), (B, A), (B, C), (C, B)]);
    room.hears(&[(A, B), (A, C), (B, A), (B, C)]);
    room.hears(ALL);
}

#[test]
fn consultation_transfer_and_leaving() {
    let mut room = Room::of(32, [Codec::Opus, Codec::Pcmu, Codec::Opus]);
    room.hears(&[(A, B), (B, A)]);
    // A waits while B consults C; all three; B hands over and leaves.
    room.hears(&[(B, C), (C, B)]);
    room.hears(ALL);
    room.hears(&[(A, C), (C, A)]);
    assert_eq!(room.bench.shards.send(MediaCommand::Remove { call: call(1), leg: leg(B) }), Ok(None));
    room.is_heard(&[(A, C), (C, A)]);
    room.bench.close(1);
    assert_eq!(room.bench.in_use(), 0);
}

#[test]
fn of_three_one_leaves_and_the_others_go_on() {
    let mut room = Room::of(33, [Codec::Pcmu; 3]);
    room.hears(ALL);
    assert_eq!(room.bench.shards.send(MediaCommand::Remove { call: call(1), leg: leg(C) }), Ok(None));
    room.is_heard(&[(A, B), (B, A)]);
    // Whoever asks to hear itself does.
    room.hears(&[(A, A), (B, B)]);
}
