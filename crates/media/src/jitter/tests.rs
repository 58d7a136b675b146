use super::*;
use tandem_model::Random;

mod networks;
mod traces;

const RATE: u32 = 8_000;
const FRAME: usize = 160;

/// A packet on its way: when it arrives, its place, what is in it.
struct Packet {
    at_us: u64,
    number: u32,
    timestamp: u32,
    is_noise: bool,
    payload: Vec<u8>,
}

fn voice(n: usize) -> i16 {
    let turn = std::f32::consts::TAU * 125.0 * n as f32 / RATE as f32;
    (1..5).map(|k| 3_000.0 * (turn * k as f32).sin() / k as f32).sum::<f32>() as i16
}

/// What went wrong.
fn troubles(playout: &Playout) -> Figures {
    Figures { taken: 0, waited_us: 0, waited: 0, ..playout.figures() }
}

/// Packet `n` of 20 ms of that voice, sent at its time and `late_us` on its way.
fn packet(n: u32, late_us: u64) -> Packet {
    let sample = |at: usize| tandem_sound::g711::mu_law(voice(n as usize * FRAME + at));
    Packet {
        at_us: 1_000_000 + u64::from(n) * 20_000 + late_us,
        number: 65_000 + n,
        timestamp: (u32::MAX - 5_000).wrapping_add(n * FRAME as u32),
        is_noise: false,
        payload: (0..FRAME).map(sample).collect(),
    }
}

/// What is heard of these, frame by frame, for `frames` frames; pulled `phase_us` after each 20 ms.
fn play(mut packets: Vec<Packet>, frames: usize, phase_us: u64) -> (Vec<(bool, Vec<i16>)>, Playout) {
    packets.sort_by_key(|packet| packet.at_us);
    let (mut playout, mut packets) = (Playout::new(Codec::Pcmu, RATE, 1).unwrap(), packets.into_iter().peekable());
    let mut heard = Vec::new();
    for frame in 0..frames as u64 {
        let now = 1_000_000 + frame * 20_000 + phase_us;
        while let Some(packet) = packets.next_if(|packet| packet.at_us <= now) {
            let seen = Seen { extended: packet.number, epoch: 1 };
            playout.take(Timestamp::from_micros(packet.at_us), seen, packet.timestamp, packet.is_noise, &packet.payload);
        }
        let mut out = [0; FRAME];
        let is_heard = playout.pull(Timestamp::from_micros(now), &mut out);
        heard.push((is_heard, out.to_vec()));
    }
    (heard, playout)
}

fn sound(heard: &[(bool, Vec<i16>)]) -> Vec<i16> {
    heard.iter().skip_while(|(is_heard, _)| !is_heard).flat_map(|(_, samples)| samples.iter().copied()).collect()
}

fn steepest(samples: &[i16]) -> u16 {
    samples.array_windows().map(|[a, b]| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn packets_in_time_are_heard_as_they_are_and_at_once() {
    for phase in [0, 3_000, 19_000] {
        let (heard, playout) = play((0..100).map(|n| packet(n, 0)).collect(), 100, phase);
        let silent = heard.iter().take_while(|(is_heard, _)| !is_heard).count();
        assert!(silent <= 1, "{silent} frames of silence");
        let sound = sound(&heard);
        let expected: Vec<i16> =
            (0..sound.len()).map(|n| tandem_sound::g711::FROM_MU_LAW[usize::from(tandem_sound::g711::mu_law(voice(n)))]).collect();
        assert!(sound == expected, "phase {phase}");
        assert_eq!(troubles(&playout), Figures::default());
    }
}

#[test]
fn jitter_is_waited_out_and_no_longer_than_need_be() {
    let mut random = Random::new(7);
    let spread = 60_000;
    let packets = (0..3_000).map(|n| packet(n, if n < 1_500 { random.below(spread) } else { 0 })).collect();
    let (heard, playout) = play(packets, 3_000, 10_000);
    let figures = playout.figures();
    assert!(figures.late + figures.missing < 60, "{figures:?}");
    assert!(figures.shortened > 0, "it comes back: {figures:?}");
    assert!(playout.target() < Duration::from_millis(10), "{:?}", playout.target());
    let (first, last) = (sound(&heard), heard.last().unwrap());
    assert!(last.0 && steepest(&first) < 4_000, "{}", steepest(&first));
}

#[test]
fn nothing_clicks_at_any_loss() {
    for percent in [1, 5, 10, 20] {
        let mut random = Random::new(percent);
        let packets = (0..2_000).filter(|_| random.below(100) >= percent).map(|n| packet(n, 0)).collect();
        let (heard, playout) = play(packets, 2_000, 5_000);
        let natural = steepest(&(0..RATE as usize).map(voice).collect::<Vec<_>>());
        let sound = sound(&heard);
        assert!(steepest(&sound) < natural * 2, "{percent} %: {} where {natural} is natural", steepest(&sound));
        let silent = heard[10..].iter().filter(|(is_heard, _)| !is_heard).count();
        assert!(silent < 3, "{silent} at {percent} %");
        let missing = playout.figures().missing;
        assert!((missing * 100).abs_diff(2_000 * percent) < 2_000 * 2, "{missing} at {percent} %");
    }
}

#[test]
fn clocks_that_differ_are_followed() {
    // 200 parts in a million over ten minutes are 120 ms.
    for ppm in [-200_i64, 200] {
        let mut random = Random::new(3);
        let count = 30_000;
        let packets = (0..count)
            .map(|n| {
                let on_time = packet(n, random.below(4_000));
                let drift = i64::from(n) * 20_000 * ppm / 1_000_000;
                Packet { at_us: on_time.at_us.saturating_add_signed(drift), ..on_time }
            })
            .collect();
        let (heard, playout) = play(packets, count as usize - 20, 10_000);
        let figures = playout.figures();
        assert!(figures.late + figures.missing <= 40, "{ppm}: {figures:?}");
        assert!(if ppm < 0 { figures.shortened } else { figures.lengthened + figures.missing } > 0, "{ppm}: {figures:?}");
        assert!(heard[5..].iter().all(|(is_heard, _)| *is_heard), "{ppm}");
    }
}

#[test]
fn after_a_stall_it_catches_up() {
    let packets = (0..1_000).map(|n| packet(n, if (200..215).contains(&n) { u64::from(215 - n) * 20_000 } else { 0 })).collect();
    let (heard, playout) = play(packets, 1_000, 10_000);
    assert!(playout.target() < Duration::from_millis(10));
    let waiting = playout.samples.len() as u32 * 1_000 / RATE;
    assert!(waiting < 40, "{waiting} ms wait");
    assert!(heard[300..].iter().all(|(is_heard, _)| *is_heard));
    assert!(playout.figures().late + playout.figures().missing < 30, "{:?}", playout.figures());
}

#[test]
fn duplicates_and_disorder_change_nothing() {
    let mut packets: Vec<Packet> = (0..500).map(|n| packet(n, if n % 5 == 3 { 25_000 } else { 0 })).collect();
    packets.extend((0..500).map(|n| packet(n, 300 + u64::from(n % 3) * 20_000)));
    let (heard, playout) = play(packets, 500, 10_000);
    assert!(steepest(&sound(&heard)) < 4_000);
    assert!(playout.figures().missing < 6, "{:?}", playout.figures());
}

#[test]
fn a_pause_with_noise_is_noise_until_somebody_speaks() {
    let mut packets: Vec<Packet> = (0..50).map(|n| packet(n, 0)).collect();
    packets.push(Packet { is_noise: true, payload: vec![40], ..packet(50, 0) });
    let mut after: Vec<Packet> = (150..200).map(|n| packet(n, 0)).collect();
    after.iter_mut().for_each(|packet| packet.number -= 99);
    packets.extend(after);
    let (heard, playout) = play(packets, 200, 10_000);
    assert!(heard[3..199].iter().all(|(is_heard, _)| *is_heard), "noise is heard");
    let loudest = |frame: usize| heard[frame].1.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!((70..140).all(|frame| (20..2_000).contains(&loudest(frame))), "{}", loudest(100));
    assert!((160..198).all(|frame| loudest(frame) > 4_000));
    assert_eq!(troubles(&playout), Figures::default());
}

#[test]
fn who_stops_is_silent_and_who_begins_again_is_heard() {
    let packets = (0..50).chain(500..600).map(|n| packet(n, 0)).collect();
    let (heard, _) = play(packets, 600, 10_000);
    assert!(heard[70..495].iter().all(|(is_heard, samples)| !is_heard && samples.iter().all(|sample| *sample == 0)));
    assert!(heard[505..].iter().all(|(is_heard, _)| *is_heard));
}

#[test]
fn a_new_source_takes_over() {
    let mut playout = Playout::new(Codec::Pcmu, RATE, 1).unwrap();
    for n in 0..200_u32 {
        let now = Timestamp::from_millis(u64::from(n) * 20);
        let (epoch, number, timestamp) = if n < 100 { (1, n, n * 160) } else { (2, 7_000 + n, 123_456_789 + n * 160) };
        playout.take(now, Seen { extended: number, epoch }, timestamp, false, &packet(n, 0).payload);
        let is_heard = playout.pull(now + Duration::from_millis(3), &mut [0; FRAME]);
        assert!(is_heard || n < 2, "{n}");
    }
    assert_eq!(playout.figures().late, 0);
}

#[test]
fn where_much_is_lost_each_packet_waits_for_the_next_and_no_longer_than_that_lasts() {
    for (every, waits) in [(12, true), (400, false)] {
        let lossy = |packets: u32| (0..packets).filter(|n| n % every != 0 || *n == 0 || *n > 600).map(|n| packet(n, 0)).collect();
        let (_, playout) = play(lossy(600), 600, 3_000);
        assert_eq!(playout.target() >= Duration::from_millis(20), waits, "one of {every}: {:?}", playout.target());
        let (_, playout) = play(lossy(1_700), 1_700, 3_000);
        assert!(playout.target() < Duration::from_millis(10), "{:?}", playout.target());
    }
}

#[test]
fn opus_hears_what_the_next_packet_says_of_a_lost_one() {
    let terms = tandem_sound::opus::OpusTerms { fec: true, ..Default::default() };
    let mut encoder = tandem_sound::opus::Encoder::new(8_000, &terms).unwrap();
    encoder.expect_loss(20);
    let mut playout = Playout::new(Codec::Opus, 8_000, 1).unwrap();
    let mut random = Random::new(5);
    let mut silent = 0;
    for n in 0..500_u32 {
        let samples: Vec<i16> = (0..FRAME).map(|at| voice(n as usize * FRAME + at)).collect();
        let mut payload = [0; tandem_sound::opus::MAX_PACKET];
        let length = encoder.encode(&samples, &mut payload).unwrap();
        let now = Timestamp::from_millis(u64::from(n) * 20);
        if random.below(100) >= 10 {
            playout.take(now, Seen { extended: n, epoch: 1 }, n * 960, false, &payload[..length]);
        }
        let mut out = [0; FRAME];
        playout.pull(now + Duration::from_millis(3), &mut out);
        let power = out.iter().map(|sample| u64::from(sample.unsigned_abs()).pow(2)).sum::<u64>() / FRAME as u64;
        silent += u32::from(n > 20 && power < 1_000_000);
    }
    assert!(playout.target() >= Duration::from_millis(20), "{:?}", playout.target());
    assert!(silent < 5, "{silent}");
}

proptest::proptest! {
    #[test]
    fn whatever_came_the_next_source_is_heard_soon_and_to_its_end(
        packets in proptest::collection::vec((0_u32..50_000, 0_u32..90, proptest::num::u32::ANY, 0_usize..700, 0_u8..8), 0..300),
        codec in 0_usize..4,
    ) {
        let mut playout = Playout::new(Codec::ALL[codec], 16_000, 1).unwrap();
        let mut now = 0;
        for (ahead, number, jump, length, kind) in packets {
            now += u64::from(ahead);
            let timestamp = if kind == 0 { jump } else { number * 160 };
            let epoch = u32::from(kind == 1);
            playout.take(Timestamp::from_micros(now), Seen { extended: number, epoch }, timestamp, kind == 2, &vec![kind; length]);
            playout.pull(Timestamp::from_micros(now), &mut [0; 320]);
        }
        // An octet that is a packet of 20 ms in Opus too.
        let heard = (0..60_u32).filter(|n| {
            let at = Timestamp::from_micros(now + 20_000 * (u64::from(*n) + 1));
            let timestamp = 77_777 + n * playout.clock / 50;
            playout.take(at, Seen { extended: 5_000 + n, epoch: 9 }, timestamp, false, &[8; FRAME]);
            playout.pull(at + Duration::from_millis(3), &mut [0; 320])
        });
        let count = heard.count();
        proptest::prop_assert!(count >= 48, "{count} of 60");
        let left = (0..40).filter(|frame| {
            playout.pull(Timestamp::from_micros(now + 20_000 * (62 + frame)), &mut [0; 320])
        });
        proptest::prop_assert!(left.count() < 25, "what is there comes to an end");
    }
}
