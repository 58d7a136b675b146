//! What is heard where a session takes another path in the middle of a call, and how much of it.

use crate::{
    common::*,
    mixing::{ALL, Room, TONES, peak, steepest},
};
use tandem_media::Verdict;
use tandem_model::Codec;

/// The steepest step of a tone as loud as people hum here, and a little more.
fn steep(hz: f64, rate: f64) -> f64 {
    9_000.0 * std::f64::consts::TAU * hz / rate * 1.1
}

const PAIR: &[(usize, usize)] = &[(A, B), (B, A)];

/// Two whose packets go on directly, in a codec that says at once what a step is, and one who says nothing.
fn passing_on() -> Room {
    let mut room = Room::of([Codec::Pcmu; 3]);
    room.silent[C] = true;
    room.talk(50);
    room
}

/// Everybody hums that from now on.
fn hum(room: &mut Room, tones: [f64; 3]) {
    room.hums.iter_mut().zip(tones).for_each(|(humming, hz)| humming.hz = hz);
}

/// Waves that do not fit into packets: what is left out of them, or put in, is a step.
const ODD: [f64; 3] = [413.0, 737.0, 0.0];

/// All that the two have heard of each other follows on what came before, in sound and in numbers.
fn assert_whole(room: &Room) {
    for (listener, hz) in [(A, ODD[B]), (B, ODD[A])] {
        let heard = &room.heard[listener];
        let steps = heard.windows(2).map(|pair| pair[1].1.timestamp().wrapping_sub(pair[0].1.timestamp()));
        let odd: Vec<(usize, u32)> = steps.enumerate().filter(|(_, step)| *step != 160).collect();
        assert!(odd.is_empty(), "{odd:?}");
        let (samples, rate) = room.samples(listener);
        assert!(steepest(&samples) < steep(hz, rate), "{} of {}", steepest(&samples), steep(hz, rate));
    }
}

#[test]
fn what_was_passed_on_is_mixed_without_a_seam() {
    let mut room = passing_on();
    room.listen_anew();
    hum(&mut room, ODD);
    room.talk(50);
    room.hear(ALL);
    room.talk(50);
    assert_whole(&room);
    for (listener, hz) in [(A, ODD[B]), (B, ODD[A])] {
        let (samples, rate) = room.samples(listener);
        assert!(peak(&samples[160 * 60..], hz, rate) > 8_500.0);
    }
}

/// Nobody pauses: after two seconds what waits is led over to what comes next.
#[test]
fn what_was_mixed_is_passed_on_again_though_there_is_no_pause() {
    for packets in 40..60 {
        let mut room = passing_on();
        room.listen_anew();
        hum(&mut room, ODD);
        room.talk(20);
        room.hear(ALL);
        room.talk(packets);
        room.hear(PAIR);
        room.talk(95);
        let packet = room.hums[A].packet();
        assert_eq!(room.bench.say(A, &packet).map(|_| ()), Err(Verdict::Consumed), "it may yet pause");
        room.talk(20);
        for speaker in [A, B] {
            let packet = room.hums[speaker].packet();
            assert!(room.bench.say(speaker, &packet).is_ok(), "it has waited long enough");
        }
        assert_whole(&room);
    }
}

#[test]
fn what_was_mixed_is_passed_on_again_in_a_pause() {
    let mut room = passing_on();
    for _ in 0..3 {
        room.hear(ALL);
        room.talk(50);
        room.hear(PAIR);
        room.talk(5);
        let packet = room.hums[A].packet();
        assert_eq!(room.bench.say(A, &packet).map(|_| ()), Err(Verdict::Consumed), "while somebody speaks");
        hum(&mut room, [0.0; 3]);
        room.talk(8);
        let packet = room.hums[A].packet();
        assert!(room.bench.say(A, &packet).is_ok(), "in a pause");
        hum(&mut room, TONES);
        room.talk(20);
    }
    // Their waves are whole in each packet, so that none begins or ends with a step by itself.
    for (listener, hz) in [(A, TONES[B]), (B, TONES[A])] {
        let (samples, rate) = room.samples(listener);
        assert!(steepest(&samples) < steep(hz, rate), "{}", steepest(&samples));
    }
}

#[test]
fn whoever_can_hear_more_than_a_telephone_hears_it_in_a_mix() {
    use Codec::{G722, Opus, Pcmu};
    for (codecs, hz) in [([G722, G722, Pcmu], 6_000.0), ([Opus, G722, Pcmu], 6_000.0), ([Opus, Opus, G722], 10_000.0)] {
        let mut room = Room::of(codecs);
        room.hums[B].hz = hz;
        (room.silent[A], room.silent[C]) = (true, true);
        room.hear(ALL);
        room.talk(100);
        let second_half = |index: usize| {
            let (samples, rate) = room.samples(index);
            (samples[samples.len() / 2..].to_vec(), rate)
        };
        let (wide, rate) = second_half(A);
        assert!(peak(&wide, hz, rate) > 8_500.0, "{codecs:?}: {}", peak(&wide, hz, rate));
        let (narrow, _) = second_half(C);
        let loudest = narrow.iter().fold(0.0, |most: f64, sample| most.max(sample.abs()));
        assert!(!narrow.is_empty() && loudest < 300.0, "{codecs:?}: it has no place there, and comes back as nothing else: {loudest}");
    }
}
