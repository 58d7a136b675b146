//! What a peer says of Opus is kept in what it is sent (RFC 7587 §6.1).

use crate::{
    common::*,
    transcode::{Humming, hum, speaking},
};
use std::time::Duration;
use tandem_model::{Codec, EndpointDescription, Speech, Timestamp};

/// What B hears of A, who hums at that pitch in G.722 and then says nothing for as long, where B has said that of Opus.
fn heard(fmtp: &str, hz: f64) -> [Timed<Sent>; 2] {
    let mut bench = Bench::bare(2);
    let terms = Speech { parameters: Some(fmtp.into()), ..speech(111, Codec::Opus) };
    bench.describe(A, speaking(A, Codec::G722));
    bench.describe(B, EndpointDescription { speech: Some(terms), ..speaking(B, Codec::Opus) });
    let mut humming = Humming::new(Codec::G722, hz);
    let said = hum(&mut bench, A, &mut humming, 150, |_| Duration::ZERO);
    humming.hz = 0.0;
    [said, hum(&mut bench, A, &mut humming, 150, |_| Duration::ZERO)]
}

fn octets(heard: &[(Timestamp, Sent)]) -> usize {
    heard.iter().map(|(_, sent)| sent.bytes.len() - 12).sum::<usize>() / heard.len()
}

/// The first octets of the packets (RFC 6716 §3.1), once those of the first second are over.
fn kinds(heard: &[(Timestamp, Sent)]) -> impl Iterator<Item = u8> {
    heard[50..].iter().map(|(_, sent)| sent.bytes[12])
}

#[test]
fn no_more_is_sent_than_it_can_play() {
    // Configurations of narrow and of wide band.
    let (narrow, wide) = ([0, 1, 2, 3, 16, 17, 18, 19], [8, 9, 10, 11, 20, 21, 22, 23]);
    let all_of = |fmtp: &str, band: [u8; 8]| kinds(&heard(fmtp, 3_000.0)[0]).all(|kind| band.contains(&(kind >> 3)));
    assert!(all_of("maxplaybackrate=8000", narrow));
    assert!(all_of("", wide) && all_of("maxplaybackrate=48000", wide), "more than G.722 has there is not to be had");
}

#[test]
fn no_more_octets_are_sent_than_it_wants() {
    let [free, bound] = ["", "maxaveragebitrate=12000"].map(|fmtp| octets(&heard(fmtp, 440.0)[0]));
    assert!((20..=33).contains(&bound) && free > bound * 3 / 2, "{bound} octets a packet, {free} where nothing is said");
    let constant = &heard("cbr=1", 440.0)[0];
    assert!(constant.iter().all(|(_, sent)| sent.bytes.len() == constant[0].1.bytes.len()));
}

#[test]
fn silence_is_sent_to_whom_it_is_not_too_much() {
    let [said, silence] = heard("usedtx=1", 440.0);
    assert!(silence.len() < 60, "{} packets", silence.len());
    assert!(silence.iter().all(|(_, sent)| sent.bytes.len() > 12 + 2));
    let time = |sent: &Sent| sent.timestamp().wrapping_sub(said[0].1.timestamp());
    for pair in silence.windows(2) {
        let [(before, first), (after, second)] = pair else { continue };
        assert_eq!(second.sequence(), first.sequence().wrapping_add(1), "what is not sent is not lost");
        assert_eq!(u128::from(time(second) - time(first)), after.since(*before).as_micros() * 48 / 1_000);
    }
    assert!(heard("", 440.0)[1].len() > 145);
}

#[test]
fn one_channel_is_sent_to_who_would_rather_have_two() {
    let heard = &heard("stereo=1;sprop-stereo=1", 440.0)[0];
    assert!(heard.len() > 145 && kinds(heard).all(|kind| kind & 4 == 0));
}
