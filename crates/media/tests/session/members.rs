//! Endpoints come and go, and two at a time hear each other.

use crate::common::*;
use std::time::Duration;
use tandem_media::{AddError, Channel, DropReason, Input, Playable, Verdict};
use tandem_model::{Hearing, MAX_ENDPOINTS, MAX_ENDPOINTS_EVER, MediaEvent};

const FRAME: Duration = Duration::from_millis(20);
const UNHEARD: Verdict = Verdict::Dropped(DropReason::Unheard);

/// One packet of µ-law whose number says which it is.
fn audio(ssrc: u32, number: u16) -> Vec<u8> {
    rtp(0, ssrc, number, u32::from(number) * 160)
}

/// A and B talk; C is there and described.
fn with_a_third() -> Bench {
    let mut bench = Bench::talking();
    bench.add(C).unwrap();
    bench.describe(C, description(C));
    bench
}

impl Bench {
    fn add(&mut self, index: usize) -> Result<(), AddError> {
        self.session.add(self.now, local(index), port(index))?;
        assert_eq!(self.drain(), (vec![], vec![MediaEvent::Opened([local(index)].into())]));
        Ok(())
    }

    fn join(&mut self, a: usize, b: usize) {
        self.handle(Input::Hear(Hearing::each_other([leg(a), leg(b)])));
        assert_eq!(self.drain(), (vec![], vec![]));
    }

    fn remove(&mut self, index: usize) {
        self.handle(Input::Remove(leg(index)));
        assert_eq!(self.drain(), (vec![], vec![]));
    }
}

#[test]
fn of_several_only_the_first_two_hear_each_other() {
    let mut bench = Bench::bare(3);
    (0..3).for_each(|index| bench.describe(index, description(index)));
    assert_eq!(bench.say(A, &audio(0xa, 1)).unwrap().port, port(B));
    assert_eq!(bench.say(B, &audio(0xb, 1)).unwrap().port, port(A));
    assert_eq!(bench.say(C, &audio(0xc, 1)), Err(UNHEARD));
    let report = [0x80, 201, 0, 1, 0, 0, 0, 0xc];
    assert_eq!(bench.report(C, &report), Err(UNHEARD), "nor does anybody get its reports");
    let stats = bench.close();
    assert_eq!(
        stats.iter().map(|stats| (stats.leg, stats.received.packets, stats.dropped)).collect::<Vec<_>>(),
        [(leg(A), 1, 0), (leg(B), 1, 0), (leg(C), 1, 2)]
    );
}

#[test]
fn one_who_is_added_is_heard_once_joined_and_who_was_heard_is_not() {
    let mut bench = with_a_third();
    bench.say(A, &audio(0xa, 1)).unwrap();
    assert_eq!(bench.say(C, &audio(0xc, 1)), Err(UNHEARD));
    bench.join(A, C);
    assert_eq!(bench.say(C, &audio(0xc, 2)).unwrap().port, port(A));
    assert_eq!(bench.say(A, &audio(0xa, 2)).unwrap().port, port(C));
    assert_eq!(bench.say(B, &audio(0xb, 1)), Err(UNHEARD));
    let stats = bench.close();
    assert_eq!([A, B, C].map(|index| stats[index].sent.packets), [1, 1, 1]);
}

#[test]
fn the_stream_to_a_leg_goes_on_when_another_feeds_it() {
    let mut bench = with_a_third();
    let mut heard = vec![bench.say(B, &audio(0xb, 100)).unwrap()];
    bench.wait(FRAME);
    heard.push(bench.say(B, &audio(0xb, 101)).unwrap());
    bench.join(A, C);
    bench.wait(5 * FRAME);
    heard.push(bench.say(C, &audio(0xc, 60_000)).unwrap());
    bench.wait(FRAME);
    heard.push(bench.say(C, &audio(0xc, 60_001)).unwrap());
    bench.join(B, A);
    bench.wait(FRAME);
    // It went on to number its packets while nobody heard it.
    heard.push(bench.say(B, &audio(0xb, 108)).unwrap());
    let relative: Vec<_> = heard
        .iter()
        .map(|sent| {
            (
                sent.ssrc() == heard[0].ssrc(),
                sent.sequence().wrapping_sub(heard[0].sequence()),
                sent.timestamp().wrapping_sub(heard[0].timestamp()),
                sent.marker(),
            )
        })
        .collect();
    let steps = [(true, 0, 0, true), (true, 1, 160, false), (true, 2, 960, true), (true, 3, 1120, false), (true, 4, 1280, true)];
    assert_eq!(relative, steps);
}

#[test]
fn joining_those_who_are_joined_changes_nothing() {
    let mut bench = with_a_third();
    let first = bench.say(A, &audio(0xa, 1)).unwrap();
    bench.join(B, A);
    let second = bench.say(A, &audio(0xa, 3)).unwrap();
    assert_eq!((second.port, second.sequence().wrapping_sub(first.sequence()), second.marker()), (port(B), 2, false));
}

#[test]
fn reports_speak_of_the_two_who_are_joined() {
    let mut bench = with_a_third();
    let to_a = bench.say(B, &audio(0xb, 1)).unwrap();
    bench.join(A, C);
    bench.wait(FRAME);
    let to_a_next = bench.say(C, &audio(0xc, 9)).unwrap();
    assert_eq!(to_a.ssrc(), to_a_next.ssrc());
    let to_c = bench.say(A, &audio(0xa, 1)).unwrap();
    let mut report = vec![0x81, 201, 0, 7, 0, 0, 0, 0xa];
    for word in [to_a.ssrc(), 0, u32::from(to_a_next.sequence()), 0, 0, 0] {
        report.extend(word.to_be_bytes());
    }
    let sent = bench.report(A, &report).unwrap();
    assert_eq!((sent.port, sent.channel), (port(C), Channel::Rtcp));
    assert_eq!((word(&sent.bytes, 4), word(&sent.bytes, 8), word(&sent.bytes, 16)), (to_c.ssrc(), 0xc, 9));
}

#[test]
fn one_who_is_removed_hears_nothing_and_its_figures_stay() {
    let mut bench = with_a_third();
    bench.say(A, &audio(0xa, 1)).unwrap();
    bench.say(B, &audio(0xb, 1)).unwrap();
    bench.remove(B);
    assert_eq!(bench.released, [port(B)]);
    assert_eq!(bench.say(B, &audio(0xb, 2)), Err(Verdict::Dropped(DropReason::UnknownPort)));
    assert_eq!(bench.say(A, &audio(0xa, 2)), Err(UNHEARD));
    bench.join(C, A);
    assert_eq!(bench.say(A, &audio(0xa, 3)).unwrap().port, port(C));
    assert_eq!(bench.say(C, &audio(0xc, 1)).unwrap().port, port(A));
    bench.remove(B);
    assert_eq!(bench.released, [port(B)], "it is removed once");
    let stats = bench.close();
    assert_eq!(
        stats.iter().map(|stats| (stats.leg, stats.received.packets, stats.sent.packets)).collect::<Vec<_>>(),
        [(leg(A), 3, 2), (leg(B), 1, 1), (leg(C), 1, 1)]
    );
}

#[test]
fn when_one_leaves_the_streams_of_the_others_go_on() {
    let mut bench = with_a_third();
    bench.join(B, C);
    let first = bench.say(C, &audio(0xc, 1)).unwrap();
    bench.remove(A);
    let second = bench.say(C, &audio(0xc, 2)).unwrap();
    assert_eq!((second.port, second.sequence().wrapping_sub(first.sequence()), second.marker()), (port(B), 1, false));
}

#[test]
fn one_who_hears_a_tone_goes_on_to_when_it_is_joined() {
    let mut bench = with_a_third();
    bench.play(A, Playable::Sine { frequency_hz: 440 });
    bench.handle(Input::Hear(Hearing::each_other([leg(A), leg(C)])));
    assert_eq!(bench.say(C, &audio(0xc, 1)), Err(Verdict::Consumed));
    assert_eq!(bench.say(A, &audio(0xa, 1)).unwrap().port, port(C));
    let (packets, _) = bench.run(bench.now + FRAME);
    assert!(!packets.is_empty() && packets.iter().all(|(_, sent)| sent.port == port(A)));
}

#[test]
fn there_are_so_many_at_a_time_and_so_many_ever() {
    let mut bench = Bench::talking();
    (2..MAX_ENDPOINTS).for_each(|index| bench.add(index).unwrap());
    assert_eq!(bench.add(MAX_ENDPOINTS), Err(AddError::Full));
    bench.remove(B);
    assert_eq!(bench.add(A), Err(AddError::Twice));
    let mut added = MAX_ENDPOINTS;
    while added < MAX_ENDPOINTS_EVER {
        bench.add(B).unwrap();
        bench.remove(B);
        added += 1;
    }
    assert_eq!(bench.add(B), Err(AddError::Full));
    let stats = bench.close();
    assert_eq!(
        (stats.len(), stats[1].leg, stats[MAX_ENDPOINTS - 1].leg, stats[MAX_ENDPOINTS].leg),
        (MAX_ENDPOINTS_EVER, leg(B), leg(MAX_ENDPOINTS - 1), leg(B))
    );
    assert_eq!(bench.session.add(bench.now, local(B), port(B)), Err(AddError::Closed));
}
