//! Whatever arrives, in whatever order with commands, nothing panics and the session still ends with its figures.

use crate::common::*;
use proptest::prelude::*;
use std::time::Duration;
use tandem_media::{Channel, Input, Playable};
use tandem_model::{Across, Carries, Codec, EndpointDescription, Hearing, Keys, PacketTimes, PayloadRule, SourceRule, Speech, StreamKind};

#[derive(Clone, Debug)]
enum Step {
    Packet { index: usize, channel: Channel, from: usize, bytes: Vec<u8> },
    Describe(usize, EndpointDescription),
    Play(usize, Playable),
    Hear(Vec<(usize, usize)>),
    Wait(u64),
}

/// Octets that get past the first checks more often than chance would have it.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..120);
    let likely_rtp = (any::<u8>(), bytes.clone()).prop_map(|(first, tail)| [&[0x80 | first & 0x1f, first & 8][..], &tail].concat());
    let likely_rtcp = prop::collection::vec((0..8_u8, 200..208_u8, 0..14_u8, any::<[u32; 14]>()), 1..5).prop_map(|items| {
        let item = |(count, kind, words, body): (u8, u8, u8, [u32; 14])| {
            let body: Vec<u8> = body[..usize::from(words)].iter().flat_map(|word| word.to_be_bytes()).collect();
            [&[0x80 | count, kind, 0, words][..], &body].concat()
        };
        items.into_iter().flat_map(item).collect()
    });
    prop_oneof![bytes, likely_rtp, likely_rtcp, Just(vec![0x80; 4000])]
}

fn descriptions() -> impl Strategy<Value = EndpointDescription> {
    let source = (0..3_u8).prop_map(|kind| match kind {
        0 => SourceRule::None,
        1 => SourceRule::Described(address(PHONE[A]).ip()),
        _ => SourceRule::Host(address(PHONE[A]).ip()),
    });
    let codec = || (0..4_usize).prop_map(|place| Codec::ALL[place]);
    let across = prop_oneof![any::<u8>().prop_map(Across::As), codec().prop_map(Across::Sound)];
    let rules = prop::collection::vec((any::<u8>(), across, prop_oneof![Just(0), Just(8000), any::<u32>()]), 0..6);
    let parameters = prop_oneof![Just(None), "[a-z=;0-9]{0,40}".prop_map(|text| Some(text.into()))];
    let times = any::<[u8; 3]>().prop_map(|[least_ms, most_ms, frame_ms]| PacketTimes { least_ms, most_ms, frame_ms });
    let speech = (any::<u8>(), codec(), any::<u8>(), times, parameters)
        .prop_map(|(payload, codec, packet_ms, passed, parameters)| Speech { payload, codec, packet_ms, passed, parameters });
    let speech = prop::option::of(speech);
    let events = (any::<u8>(), any::<u8>()).prop_map(|(payload, clock_khz)| Keys::Events { payload, clock_khz });
    let keys = prop_oneof![Just(Keys::InBand), Just(Keys::Info), events];
    let flags = any::<[bool; 6]>();
    (flags, source, rules, speech, keys).prop_map(|([fax, rtp, rtcp, rtcp_mux, receives, held], source, rules, speech, keys)| {
        EndpointDescription {
            kind: if fax { StreamKind::Udptl } else { StreamKind::Rtp },
            rtp: rtp.then(|| address(PHONE[A])),
            rtcp: rtcp.then(|| address(PHONE_RTCP[A])),
            rtcp_mux,
            source,
            receives,
            held,
            payloads: rules
                .into_iter()
                .map(|(from, across, clock_rate)| PayloadRule {
                    from,
                    carries: if let Across::Event { .. } = across { Carries::Event } else { Carries::Sound(Codec::Pcmu) },
                    across,
                    clock_rate,
                })
                .collect(),
            hearer: None,
            speech,
            keys,
        }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let channel = prop_oneof![Just(Channel::Rtp), Just(Channel::Rtcp)];
    let packet = (0..3_usize, channel, 0..3_usize, packets());
    let tone = any::<u16>().prop_map(|frequency_hz| Playable::Sine { frequency_hz });
    let pairs = prop::collection::vec((0..4_usize, 0..4_usize), 0..10);
    let step = prop_oneof![
        12 => packet.prop_map(|(index, channel, from, bytes)| Step::Packet { index, channel, from, bytes }),
        2 => (0..3_usize, descriptions()).prop_map(|(index, description)| Step::Describe(index, description)),
        1 => (0..3_usize, tone).prop_map(|(index, tone)| Step::Play(index, tone)),
        2 => pairs.prop_map(Step::Hear),
        2 => (0..400_000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn nothing_panics(legs in 1..3_usize, steps in steps()) {
        let mut bench = Bench::bare(legs);
        for step in steps {
            match step {
                Step::Packet { index, channel, from, bytes } => {
                    let sources = [PHONE[A], PHONE_RTCP[A], STRANGER];
                    let sent = bench.offer(index, channel, sources[from], &bytes);
                    if let Ok(sent) = sent {
                        prop_assert!(sent.bytes.len() <= bytes.len() + 28, "at most a CNAME longer");
                    }
                }
                Step::Describe(index, description) => bench.describe(index, description),
                Step::Play(index, tone) => bench.play(index, tone),
                Step::Hear(pairs) => {
                    let pairs = pairs.into_iter().map(|(speaker, listener)| Hearing { speaker: leg(speaker), listener: leg(listener) });
                    bench.handle(Input::Hear(pairs.collect()));
                }
                Step::Wait(ms) => {
                    bench.wait(Duration::from_millis(ms));
                    bench.handle(Input::Wake);
                    bench.drain();
                    prop_assert!(bench.session.poll_timeout().is_none_or(|(at, _)| at > bench.now), "woken in vain");
                }
            }
        }
        bench.drain();
        let stats = bench.close();
        prop_assert_eq!(stats.len(), legs);
    }
}
