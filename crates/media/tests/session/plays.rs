//! What is played to a leg in place of what it hears: how it begins, ends and is told of.

use crate::common::*;
use std::time::Duration;
use tandem_media::{Clip, Input, Playable};
use tandem_model::{Across, Carries, Codec, Country, MediaEvent, NetworkTone, PayloadRule, PlayEnd, PlayFailure, PlayId};

const FRAME: Duration = Duration::from_millis(20);
const SINE: Playable = Playable::Sine { frequency_hz: 440 };

fn clip(ms: usize) -> Playable {
    Playable::Clip(Clip::new(8_000, vec![1_000; ms * 8].into()))
}

fn ends<'e>(events: impl IntoIterator<Item = &'e MediaEvent>) -> Vec<(u16, PlayEnd)> {
    let played = |event: &MediaEvent| if let MediaEvent::Played { play, end, .. } = event { Some((play.0, *end)) } else { None };
    events.into_iter().filter_map(played).collect()
}

/// Lets time pass: the packets that came of it, and what was told.
fn run(bench: &mut Bench, span: Duration) -> (Vec<Sent>, Vec<(u16, PlayEnd)>) {
    let (mut packets, mut told) = bench.drain();
    let (later, events) = bench.run(bench.now + span);
    packets.extend(later.into_iter().map(|(_, sent)| sent));
    told.extend(events.into_iter().map(|(_, event)| event));
    (packets, ends(&told))
}

#[test]
fn a_prompt_is_told_of_when_its_last_packet_is_out_and_the_other_leg_is_heard_again() {
    let mut bench = Bench::talking();
    bench.play_as(A, 7, clip(100), 1);
    assert!(bench.say(B, &rtp(0, 7, 1, 1)).is_err(), "it is not heard meanwhile");
    let (packets, events) = run(&mut bench, Duration::from_millis(300));
    assert_eq!((packets.len(), events), (5, vec![(7, PlayEnd::Finished)]));
    assert_eq!(bench.say(B, &rtp(0, 7, 16, 2401)).unwrap().to, address(PHONE[A]));
}

#[test]
fn what_is_stopped_fades_and_is_told_of_once() {
    let mut bench = Bench::talking();
    bench.play_as(A, 1, SINE, 0);
    run(&mut bench, FRAME * 3);
    bench.handle(Input::Stop(PlayId(1)));
    bench.handle(Input::Stop(PlayId(1)));
    let (packets, events) = run(&mut bench, FRAME * 5);
    assert_eq!((packets.len(), events), (1, vec![(1, PlayEnd::Stopped)]));
    bench.handle(Input::Stop(PlayId(1)));
    assert!(run(&mut bench, FRAME).1.is_empty());
}

#[test]
fn one_that_takes_the_place_of_another_ends_it_and_the_stream_goes_on() {
    let mut bench = Bench::talking();
    bench.play_as(A, 1, SINE, 0);
    let (first, _) = run(&mut bench, FRAME * 3);
    bench.play_as(A, 2, clip(60), 1);
    let (second, events) = run(&mut bench, FRAME * 10);
    assert_eq!(events, [(1, PlayEnd::Stopped), (2, PlayEnd::Finished)]);
    let numbers: Vec<u16> = first.iter().chain(&second).map(|sent| sent.sequence()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
}

#[test]
fn a_prompt_that_is_awaited_is_silence_until_it_comes() {
    let mut bench = Bench::talking();
    bench.play_as(A, 1, Playable::Awaited, 1);
    let (packets, _) = run(&mut bench, FRAME * 2);
    assert!(packets.iter().all(|sent| sent.bytes[12..].iter().all(|code| *code == 0xff)) && !packets.is_empty());
    let loaded = clip(40);
    bench.handle(Input::Loaded(PlayId(9), Ok(loaded.clone())));
    bench.handle(Input::Loaded(PlayId(1), Ok(loaded.clone())));
    let (packets, events) = run(&mut bench, FRAME * 5);
    assert_eq!((packets.len(), events), (2, vec![(1, PlayEnd::Finished)]));
    assert!(packets[0].bytes[100..].iter().any(|code| *code != 0xff));
    bench.play_as(A, 2, Playable::Awaited, 1);
    bench.handle(Input::Loaded(PlayId(2), Err(PlayFailure::Missing)));
    assert_eq!(run(&mut bench, FRAME).1, [(2, PlayEnd::Failed(PlayFailure::Missing))]);
    let tone = Playable::Tone { country: Country::default(), tone: NetworkTone::Ringing };
    bench.play_as(A, 4, Playable::Awaited, 0);
    bench.handle(Input::Loaded(PlayId(4), Ok(tone)));
    let (packets, events) = run(&mut bench, FRAME * 5);
    let sounds = packets.iter().filter(|sent| sent.bytes[12..].iter().any(|code| *code != 0xff)).count();
    assert_eq!((sounds, events), (packets.len(), Vec::new()), "in its place");
    bench.play_as(A, 3, Playable::Awaited, 1);
    assert_eq!(run(&mut bench, FRAME).1, [(4, PlayEnd::Stopped)]);
    bench.handle(Input::Stop(PlayId(3)));
    bench.handle(Input::Loaded(PlayId(3), Ok(loaded)));
    assert_eq!(run(&mut bench, FRAME).1, [(3, PlayEnd::Stopped)]);
}

#[test]
fn who_cannot_be_played_to_is_told_of() {
    let mut bench = Bench::talking();
    let mut mute = description(A);
    mute.speech = None;
    bench.describe(A, mute.clone());
    bench.play_as(A, 1, SINE, 0);
    bench.play_as(7, 2, SINE, 0);
    let unheard = PlayEnd::Failed(PlayFailure::Unheard);
    assert_eq!(run(&mut bench, Duration::ZERO).1, [(1, unheard), (2, unheard)]);
    bench.describe(A, description(A));
    bench.play_as(A, 3, SINE, 0);
    run(&mut bench, FRAME);
    bench.describe(A, mute);
    assert_eq!(run(&mut bench, FRAME).1, [(3, unheard)]);
}

#[test]
fn a_leg_that_leaves_ends_what_it_heard_and_the_end_of_all_says_nothing() {
    let mut bench = Bench::talking();
    bench.play_as(A, 1, SINE, 0);
    bench.play_as(B, 2, SINE, 0);
    run(&mut bench, FRAME);
    bench.handle(Input::Remove(leg(A)));
    assert_eq!(ends(&bench.drain().1), [(1, PlayEnd::Stopped)]);
    bench.handle(Input::Close);
    assert!(ends(&bench.drain().1).is_empty());
}

#[test]
fn another_codec_in_mid_play_and_then_its_end() {
    let mut bench = Bench::talking();
    bench.play_as(A, 1, SINE, 0);
    run(&mut bench, FRAME * 3);
    let pcma = |index| {
        let mut described = description(index);
        described.payloads =
            [PayloadRule { from: 8, carries: Carries::Sound(Codec::Pcma), across: Across::As(8), clock_rate: 8000 }].into();
        described.speech = Some(speech(8, Codec::Pcma));
        described
    };
    bench.handle(Input::Stop(PlayId(1)));
    bench.wait(Duration::from_millis(4));
    bench.describe(A, pcma(A));
    bench.describe(B, pcma(B));
    let (_, events) = run(&mut bench, FRAME * 2);
    assert_eq!(events, [(1, PlayEnd::Stopped)]);
    assert_eq!(bench.say(B, &rtp(8, 7, 16, 2401)).unwrap().payload(), 8);
}
