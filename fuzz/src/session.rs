//! A conversation of packets, in any order, from anywhere, with time passing.

use crate::talk::{PHONES, Talk, phone};
use std::{net::SocketAddr, time::Duration};
use tandem_media::Channel;

/// Octets of a step before its packet.
const HEAD: usize = 3;

/// The most packets that one accepted packet can make us believe lost (RFC 3550 §A.1).
const MAX_LOST_AT_ONCE: u64 = 3000;

/// Steps: what and how long the packet is, milliseconds before it, the packet. Whatever happens, each leg hears one SSRC,
/// packets go to the legs' own hosts alone, and the figures keep to what was given.
pub fn session(mut bytes: &[u8]) {
    let mut talk = Talk::new();
    let mut heard: [Option<Option<[u8; 4]>>; 2] = [None; 2];
    let (mut given, mut relayed) = ([0_u64; 2], [0_u64; 2]);
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() {
        let [what, length, wait] = *head;
        let (packet, rest) = rest.split_at(rest.len().min(usize::from(length)));
        bytes = rest;
        // Squared, so that both a frame and many seconds can pass.
        talk.now = talk.now + Duration::from_millis(u64::from(wait) * u64::from(wait));
        let leg = usize::from(what & 1);
        if what & 0xf0 == 0xf0 {
            talk.describe(leg, what & 2 != 0);
            continue;
        }
        let channel = if what & 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        given[leg] += 1;
        if let Some(sent) = talk.give(leg, channel, source(leg, what >> 2 & 3), packet) {
            assert_eq!(sent.leg, 1 - leg, "it hears itself");
            assert_eq!(sent.to.ip(), phone(sent.leg, 0).ip(), "to another host");
            assert!(what >> 2 & 3 != 3, "a stranger is relayed");
            if packet.get(1).is_none_or(|kind| !(192..=223).contains(kind)) {
                relayed[leg] += 1;
                let ssrc = sent.bytes.get(8..).and_then(<[u8]>::first_chunk).copied();
                assert_eq!(ssrc, *heard[sent.leg].get_or_insert(ssrc), "a second SSRC");
            }
        }
    }
    for (leg, stats) in talk.close().iter().enumerate() {
        assert!(stats.received.packets + stats.dropped <= given[leg], "more packets than were given: {stats:?}");
        assert!(stats.received.packets >= relayed[leg], "fewer packets than were relayed: {stats:?}");
        assert!(stats.received.lost <= given[leg] * MAX_LOST_AT_ONCE, "more lost than can be: {stats:?}");
    }
}

/// The leg's own address, two others of its host, and a stranger's.
fn source(leg: usize, which: u8) -> SocketAddr {
    match which {
        0 => phone(leg, 0),
        1 => phone(leg, 1),
        2 => SocketAddr::from((PHONES[leg].0, 50_000)),
        _ => SocketAddr::from(([203, 0, 113, 66], 4000)),
    }
}
