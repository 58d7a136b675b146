//! What a tone sounds like that has come through networks, and how long it waits. A tone tells of every sample that is not in its place.

use super::{
    traces::{PACKET_US, loaded, lose, lte, wifi},
    *,
};

/// Samples of its wave; 500 Hz.
const WAVE: usize = 16;

/// Decibels between a tone and what else is heard: µ-law alone leaves 37 of them, and what is made up of a tone is one.
const CLEAN_DB: f64 = 30.0;

/// What was heard of a tone, a frame at a time.
struct Heard {
    /// Decibels between the tone and all else in each frame; `None`: silence.
    purity: Vec<Option<f64>>,
    figures: Figures,
    /// How long the packets that came last will wait: milliseconds.
    waiting_ms: i64,
}

impl Heard {
    /// The share of frames that are less clean than a tone is.
    fn spoilt(&self) -> f64 {
        let spoilt = self.purity.iter().filter(|purity| purity.is_none_or(|purity| purity < CLEAN_DB)).count();
        spoilt as f64 / self.purity.len() as f64
    }
}

/// Packet `n` of a tone at a time of its own: the numbers that it has, and when it comes.
struct Sent {
    at_us: u64,
    number: u32,
    timestamp: u32,
    epoch: u32,
    noise: bool,
}

fn in_time(n: u64) -> Sent {
    Sent { at_us: n * PACKET_US, number: 40_000 + n as u32, timestamp: (n as u32).wrapping_mul(FRAME as u32), epoch: 1, noise: false }
}

/// What comes by that trace.
fn by(trace: &[Option<u64>]) -> Vec<Sent> {
    let came = (0..).zip(trace).filter_map(|(n, late)| Some((n, (*late)?)));
    came.map(|(n, late)| Sent { at_us: n * PACKET_US + late, ..in_time(n) }).collect()
}

fn tone(at: usize) -> i16 {
    (8_000.0 * (std::f64::consts::TAU * (at % WAVE) as f64 / WAVE as f64).sin()) as i16
}

/// What is heard of them for so many frames, pulled `phase_us` after each 20 ms.
fn hear(mut packets: Vec<Sent>, frames: u64, phase_us: u64) -> Heard {
    packets.sort_by_key(|packet| packet.at_us);
    let payload: Vec<u8> = (0..FRAME).map(|at| tandem_sound::g711::mu_law(tone(at))).collect();
    let (mut playout, mut packets) = (Playout::new(Codec::Pcmu, RATE, 1).unwrap(), packets.into_iter().peekable());
    let mut purity = Vec::new();
    let begin = 5_000_000;
    for frame in 0..frames {
        let now = begin + frame * PACKET_US + phase_us;
        while let Some(packet) = packets.next_if(|packet| begin + packet.at_us <= now) {
            let seen = Seen { extended: packet.number, epoch: packet.epoch };
            let payload = if packet.noise { &[60][..] } else { &payload };
            playout.take(Timestamp::from_micros(begin + packet.at_us), seen, packet.timestamp, packet.noise, payload);
        }
        let mut out = [0; FRAME];
        playout.pull(Timestamp::from_micros(now), &mut out);
        purity.push(pure(&out));
    }
    let waiting_ms = playout.samples.len() as i64 * 1_000 / i64::from(RATE);
    Heard { purity, figures: playout.figures(), waiting_ms }
}

/// How much louder the tone is than all else, whatever its phase.
fn pure(samples: &[i16]) -> Option<f64> {
    let step = std::f64::consts::TAU / WAVE as f64;
    let part = |wave: fn(f64) -> f64| (0..).zip(samples).map(|(n, sample)| f64::from(*sample) * wave(step * f64::from(n))).sum::<f64>();
    let own = (part(f64::cos).powi(2) + part(f64::sin).powi(2)) * 2.0 / samples.len() as f64;
    let all: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (all > 0.0).then(|| 10.0 * (own / (all - own).max(1e-3)).log10())
}

#[test]
fn networks_that_phones_are_in() {
    for seed in 1..6 {
        for (name, trace, allowed) in [("wifi", wifi(3_000, seed), 0.03), ("lte", lte(3_000, seed), 0.02), ("loaded", loaded(3_000), 0.08)]
        {
            let lost = trace.iter().filter(|late| late.is_none()).count() as f64 / 3_000.0;
            let heard = hear(by(&trace), 3_000, seed * 3_700);
            let Figures { missing, .. } = heard.figures;
            let missing = missing as f64 / 3_000.0;
            assert!(missing < lost + allowed, "{name} {seed}: {missing} were missing of {lost} lost");
            assert!(heard.spoilt() < lost + allowed, "{name} {seed}: {} of the frames are no clean tone", heard.spoilt());
        }
    }
}

#[test]
fn any_loss_and_burst_on_any_network() {
    for (percent, together) in [(1, 1), (5, 1), (5, 3), (10, 1), (10, 4), (20, 1), (20, 2)] {
        let mut random = Random::new(percent);
        let still: Vec<_> = (0..2_000).map(|_| Some(random.below(3_000))).collect();
        for (name, mut trace) in [("still", still), ("wifi", wifi(2_000, 3)), ("lte", lte(2_000, 3))] {
            lose(&mut trace, percent, together, 77);
            let lost = trace.iter().filter(|late| late.is_none()).count() as f64 / 2_000.0;
            // Some come twice.
            let mut packets = by(&trace);
            packets.extend(by(&trace).into_iter().step_by(7).map(|packet| Sent { at_us: packet.at_us + 9_000, ..packet }));
            let heard = hear(packets, 2_000, 11_000);
            let missing = heard.figures.missing as f64 / 2_000.0;
            assert!((lost - 0.01..lost + 0.04).contains(&missing), "{name} {percent} % by {together}: {missing} of {lost}");
            // A frame or two around each gap.
            assert!(heard.spoilt() < 2.5 * lost + 0.05, "{name} {percent} % by {together}: {}", heard.spoilt());
        }
    }
}

#[test]
fn a_steady_stream_is_never_stretched_however_it_lies_to_the_frames() {
    for phase_us in (0..20_000).step_by(500) {
        let mut random = Random::new(phase_us);
        // Now it is a little better, now a little worse.
        let trace: Vec<_> = (0..1_500).map(|n| Some(random.below(if n % 600 < 300 { 2_500 } else { 400 }))).collect();
        let heard = hear(by(&trace), 1_500, phase_us);
        let Figures { shortened, lengthened, missing, .. } = heard.figures;
        assert!(shortened + lengthened + missing <= 6, "at {phase_us}: {:?}", heard.figures);
        assert!(heard.waiting_ms <= 20, "at {phase_us}: {} ms wait", heard.waiting_ms);
    }
}

#[test]
fn clocks_that_differ_for_half_an_hour_are_followed_without_a_blemish() {
    let packets = 90_000;
    for ppm in [-200_i64, 200] {
        let mut random = Random::new(9);
        let drifting = |n: u64| Sent {
            at_us: (n * PACKET_US + 1_000_000 + random.below(2_000)).saturating_add_signed(n as i64 * PACKET_US as i64 * ppm / 1_000_000),
            ..in_time(n)
        };
        let heard = hear((0..packets).map(drifting).collect(), packets, 10_000);
        // 360 ms too much, or too little.
        let Figures { shortened, lengthened, missing, late, .. } = heard.figures;
        let mended = if ppm < 0 { shortened } else { lengthened };
        assert!((18..400).contains(&mended), "{ppm}: {:?}", heard.figures);
        assert!(missing + late < 20, "{ppm}: {:?}", heard.figures);
        assert!(heard.waiting_ms < 45, "{ppm}: {} ms wait", heard.waiting_ms);
        let purity = &heard.purity[60..];
        let spoilt = purity.iter().filter(|purity| purity.is_none_or(|purity| purity < CLEAN_DB)).count();
        assert!(spoilt < 30, "{ppm}: {spoilt} frames");
    }
}

#[test]
fn catching_up_is_not_heard() {
    // For two seconds packets are up to 100 ms late; what has waited since is caught up by and by.
    let mut random = Random::new(4);
    let trace: Vec<_> = (0..1_500).map(|n| Some(if (200..300).contains(&n) { random.below(100_000) } else { random.below(500) })).collect();
    let heard = hear(by(&trace), 1_500, 7_000);
    assert!(heard.figures.shortened > 4, "{:?}", heard.figures);
    assert!(heard.waiting_ms <= 20, "{} ms wait", heard.waiting_ms);
    let after = &heard.purity[320..];
    let worst = after.iter().map(|purity| purity.unwrap_or(0.0)).fold(f64::MAX, f64::min);
    assert!(worst > CLEAN_DB, "{worst} dB");
}

#[test]
fn new_sources_on_a_bad_network_take_over_at_once() {
    let mut packets = by(&wifi(2_000, 8));
    for packet in &mut packets {
        // A source of its own every 200 packets: other numbers, another clock, and the old one's stragglers do not come.
        packet.epoch = packet.at_us as u32 / 4_000_000;
        packet.timestamp = packet.timestamp.wrapping_add(packet.epoch * 0x1357_9bdf);
    }
    let heard = hear(packets, 2_000, 5_000);
    assert!(heard.spoilt() < 0.08, "{}", heard.spoilt());
}

#[test]
fn jumps_of_a_clock_are_passed_over() {
    // What jumps by more than 10 s is a new source, before it comes here.
    for jump in [-72_000_i32, -40_000, -8_000, -1_600, 1_600, 8_000, 40_000, 72_000] {
        let mut random = Random::new(6);
        let jumped = |n: u64| {
            let packet = in_time(n);
            let timestamp = if n < 300 { packet.timestamp } else { packet.timestamp.wrapping_add_signed(jump) };
            Sent { at_us: packet.at_us + random.below(1_000), timestamp, ..packet }
        };
        let heard = hear((0..1_200).map(jumped).collect(), 1_200, 9_000);
        let silent = heard.purity[5..].iter().filter(|purity| purity.is_none()).count();
        assert!(silent <= 12, "{jump}: {silent} silent frames");
        // What has jumped is heard like any other soon after.
        let spoilt = heard.purity[360..].iter().filter(|purity| purity.is_none_or(|purity| purity < CLEAN_DB)).count();
        assert!(spoilt < 12, "{jump}: {spoilt} frames");
        assert!(heard.waiting_ms <= 220, "{jump}: {} ms wait", heard.waiting_ms);
    }
}

#[test]
fn of_many_spurts_none_is_cut_short() {
    for with_noise in [false, true] {
        let mut random = Random::new(12);
        let (mut packets, mut spoken, mut number) = (Vec::new(), 0, 0);
        let mut n = 0;
        while n < 4_000 {
            let (spurt, pause) = (10 + random.below(80), 15 + random.below(120));
            for said in n..n + spurt {
                number += 1;
                packets.push(Sent { at_us: said * PACKET_US + random.below(8_000), number, ..in_time(said) });
            }
            n += spurt;
            if with_noise {
                number += 1;
                packets.push(Sent { at_us: n * PACKET_US, number, noise: true, ..in_time(n) });
            }
            (spoken, n) = (spoken + spurt, n + pause);
        }
        let heard = hear(packets, n, 6_000);
        let clean = heard.purity.iter().filter(|purity| purity.is_some_and(|purity| purity > 20.0)).count() as u64;
        // Where nothing says that a pause begins, a little more of the tone is made up.
        assert!((spoken * 97 / 100..spoken * 125 / 100).contains(&clean), "{clean} of {spoken}, noise {with_noise}");
        assert!(heard.figures.late * 50 < spoken, "{:?}", heard.figures);
    }
}
