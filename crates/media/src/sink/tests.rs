use super::*;
use tandem_model::CallId;

fn sink(layout: Layout, rate_hz: u32) -> Sink {
    Sink::new(at(0), RecordingId(1), (Recorded::Call, layout), rate_hz, Some(leg(0)))
}

fn leg(index: u8) -> LegId {
    CallId::new(1, 1).leg(index).unwrap()
}

impl Sink {
    /// What the first leg says, and what the second does.
    fn take(&mut self, due: Timestamp, rate_hz: u32, frames: &[&[i16]]) {
        self.clear(frames[0].len());
        (0..).zip(frames).for_each(|(index, frame)| self.add(Part::Said, leg(index), frame));
        self.push(due, rate_hz);
    }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_micros(1_000_000 + ms * 1_000)
}

/// All blocks that there are, as samples.
fn blocks(sink: &mut Sink) -> Vec<i16> {
    let mut all = Vec::new();
    while sink.has_output() && sink.over().is_none() {
        all.extend(samples(sink.block().unwrap()));
    }
    all
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
}

/// Everything, after the end at that time.
fn finished(mut sink: Sink, ms: u64) -> Vec<i16> {
    let mut all = blocks(&mut sink);
    sink.end(at(ms), RecordingEnd::Stopped);
    sink.end(at(ms + 100), RecordingEnd::LegGone);
    all.extend(blocks(&mut sink));
    assert_eq!((sink.over(), sink.block()), (Some(RecordingEnd::Stopped), None));
    all
}

#[test]
fn frames_follow_each_other_and_come_out_in_blocks() {
    let mut sink = sink(Layout::Mono, 8_000);
    let mut heard = Vec::new();
    for n in 0..60 {
        sink.take(at(n * 20), 8_000, &[&[n as i16 + 1; 160]]);
        let block = blocks(&mut sink);
        assert!(block.is_empty() || block.len() == 4_000, "{}", block.len());
        heard.extend(block);
    }
    assert_eq!(heard.len(), 8_000);
    heard.extend(finished(sink, 1_200));
    let expected: Vec<i16> = (1..=60).flat_map(|n| [n; 160]).collect();
    assert!(heard == expected);
}

#[test]
fn the_two_sides_lie_beside_each_other() {
    let mut sink = sink(Layout::Sides, 16_000);
    assert_eq!(sink.format(), Format { rate_hz: 16_000, channels: 2 });
    sink.take(at(0), 16_000, &[&[100; 320], &[-200; 320]]);
    let heard = finished(sink, 20);
    assert!(heard.len() == 640 && heard.chunks(2).all(|moment| moment == [100, -200]));
}

#[test]
fn what_nobody_said_is_silence_and_time_stays_true() {
    let mut sink = sink(Layout::Mono, 8_000);
    sink.take(at(100), 8_000, &[&[5; 160]]);
    sink.take(at(120), 8_000, &[&[6; 160]]);
    sink.take(at(300), 8_000, &[&[7; 160]]);
    let heard = finished(sink, 400);
    let ms = |from: usize, to: usize| &heard[from * 8..to * 8];
    assert_eq!(heard.len(), 3_200);
    assert!(ms(0, 100).iter().all(|sample| *sample == 0));
    assert!(ms(100, 120).iter().all(|sample| *sample == 5));
    assert!(ms(120, 140).iter().all(|sample| *sample == 6));
    assert!(ms(140, 300).iter().all(|sample| *sample == 0));
    assert!(ms(300, 320).iter().all(|sample| *sample == 7));
    assert!(ms(320, 400).iter().all(|sample| *sample == 0));
}

#[test]
fn a_recording_is_as_long_as_it_lasted_whenever_it_began() {
    for lag in [0, 3, 11, 19] {
        let mut sink = sink(Layout::Mono, 8_000);
        for n in 0..100 {
            sink.take(at(lag + n * 20), 8_000, &[&[1; 160]]);
            blocks(&mut sink);
        }
        let written = sink.taken;
        let rest = finished(sink, lag + 2_000);
        assert!(written + rest.len() as u64 >= 32_000 && written == 32_000, "lag {lag}: {written}");
    }
}

#[test]
fn a_long_gap_is_made_up_for_little_by_little() {
    let mut sink = sink(Layout::Mono, 8_000);
    let mut heard = 0;
    sink.take(at(0), 8_000, &[&[1; 160]]);
    for n in 0..500 {
        sink.take(at(10_000 + n * 20), 8_000, &[&[1; 160]]);
        heard += blocks(&mut sink).len();
    }
    assert_eq!(heard + finished(sink, 20_000).len(), 160_000);
}

#[test]
fn what_finds_no_room_becomes_silence() {
    let mut sink = sink(Layout::Mono, 8_000);
    (0..100).for_each(|n| sink.take(at(n * 20), 8_000, &[&[1; 160]]));
    assert_eq!(sink.kept, BLOCKS * 8_000, "more than that is not kept");
    let mut heard = blocks(&mut sink);
    (100..200).for_each(|n| {
        sink.take(at(n * 20), 8_000, &[&[2; 160]]);
        heard.extend(blocks(&mut sink));
    });
    heard.extend(finished(sink, 4_000));
    assert_eq!(heard.len(), 32_000);
    assert!(heard[..12_000].iter().all(|sample| *sample == 1) && heard[31_999] == 2);
    assert_eq!(heard.iter().filter(|sample| **sample == 0).count(), 4_000);
}

#[test]
fn a_frame_of_a_time_that_was_heard_is_left_out() {
    let mut sink = sink(Layout::Mono, 8_000);
    (0..10).for_each(|n| sink.take(at(n * 20), 8_000, &[&[1; 160]]));
    (0..10).for_each(|n| sink.take(at(n * 20), 8_000, &[&[2; 160]]));
    (10..20).for_each(|n| sink.take(at(n * 20), 8_000, &[&[3; 160]]));
    let heard = finished(sink, 400);
    assert!(heard.len() == 3_200 && !heard.contains(&2));
}

#[test]
fn the_rate_of_the_file_stays_when_that_of_the_mix_changes() {
    for rate in [8_000_u32, 16_000, 48_000] {
        let mut sink = sink(Layout::Sides, rate);
        let mut heard = Vec::new();
        for (n, mix) in [8_000_u32, 16_000, 48_000, 8_000].into_iter().flat_map(|mix| [mix; 50]).enumerate() {
            let frame = vec![1_000; mix as usize / 50];
            sink.take(at(n as u64 * 20), mix, &[&frame, &frame]);
            heard.extend(blocks(&mut sink));
        }
        heard.extend(finished(sink, 4_000));
        assert_eq!(heard.len(), rate as usize * 4 * 2, "{rate}");
        let settled = &heard[rate as usize..][..rate as usize / 4];
        assert!(settled.iter().all(|sample| (999..=1_001).contains(sample)), "{rate}");
        assert!(heard.chunks(2).all(|moment| moment[0] == moment[1]));
    }
}

#[test]
fn a_recording_in_which_nobody_came_to_speak_is_silent() {
    assert_eq!(finished(sink(Layout::Mono, 8_000), 300), vec![0; 2_400]);
    assert_eq!(finished(sink(Layout::Mono, 8_000), 0), Vec::<i16>::new());
}

#[test]
fn each_part_is_where_it_belongs() {
    let [a, b, c] = [0, 1, 2].map(leg);
    let parts = [
        (Part::Said, a, 1),
        (Part::Said, b, 10),
        (Part::Said, c, 100),
        (Part::Heard, a, 110),
        (Part::Heard, b, 101),
        (Part::Played, b, 1_000),
    ];
    for (of, layout, expected) in [
        (Recorded::Call, Layout::Sides, vec![1, 1_110]),
        (Recorded::Call, Layout::Mono, vec![1_111]),
        (Recorded::Leg(a), Layout::Sides, vec![1, 110]),
        (Recorded::Leg(b), Layout::Sides, vec![10, 1_101]),
        (Recorded::Leg(b), Layout::Mono, vec![1_111]),
        (Recorded::Leg(c), Layout::Mono, vec![100]),
    ] {
        let mut sink = Sink::new(at(0), RecordingId(1), (of, layout), 8_000, Some(a));
        sink.clear(160);
        parts.iter().for_each(|(part, leg, sample)| sink.add(*part, *leg, &[*sample; 160]));
        sink.push(at(0), 8_000);
        assert_eq!(finished(sink, 20)[..expected.len()], expected, "{of:?} {layout:?}");
    }
}

#[test]
fn what_is_too_loud_together_is_made_softer() {
    let mut sink = sink(Layout::Mono, 8_000);
    (0..10).for_each(|n| sink.take(at(n * 20), 8_000, &[&[25_000; 160], &[25_000; 160]]));
    let heard = finished(sink, 200);
    assert!(heard[160..].iter().all(|sample| (29_000..=30_001).contains(sample)));
}
