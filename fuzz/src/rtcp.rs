//! One RTCP compound.

use crate::talk::{Talk, phone, sound};
use tandem_media::Channel;

/// What may be passed on: SR, RR, SDES of our own, APP.
const PASSED: [u8; 4] = [200, 201, 202, 204];

/// Octets that a compound may grow by: our own CNAME.
const MAX_GROWTH: usize = 28;

/// A compound of a leg goes on only as packets that follow each other without a gap, of the types that we pass, in the name of
/// our own stream; what goes on would be taken by the next relay too. Nothing of it tells the leg's SSRC.
pub fn rtcp(bytes: &[u8]) {
    let mut talk = Talk::new();
    let heard = talk.give(0, Channel::Rtp, phone(0, 0), &sound(0xaaaa, 100, 8000)).map(|sent| ssrc(&sent.bytes, 8));
    let _ = talk.give(1, Channel::Rtp, phone(1, 0), &sound(0xbbbb, 65_000, 90_000));
    assert!(talk.give(0, Channel::Rtcp, ([203, 0, 113, 66], 4001).into(), bytes).is_none(), "a stranger is relayed");
    let Some(sent) = talk.give(0, Channel::Rtcp, phone(0, 1), bytes) else { return };
    assert!(sent.bytes.len() <= bytes.len() + MAX_GROWTH, "{} octets became {}", bytes.len(), sent.bytes.len());
    assert_eq!((sent.leg, sent.channel, sent.to), (1, Channel::Rtcp, phone(1, 1)), "it goes elsewhere");
    let mut rest = &sent.bytes[..];
    while let [first, kind, high, low, ..] = *rest {
        let length = 4 * (1 + usize::from(u16::from_be_bytes([high, low])));
        assert!(first >> 6 == 2 && first & 0x20 == 0 && PASSED.contains(&kind) && length <= rest.len(), "{:?}", sent.bytes);
        assert_eq!(Some(ssrc(rest, 4)), heard, "in whose name?");
        rest = &rest[length..];
    }
    assert!(rest.is_empty(), "{} octets are left over", rest.len());
    // The report is about streams of this session: another one leaves its blocks out, and takes it all the same.
    assert!(Talk::new().give(0, Channel::Rtcp, phone(0, 1), &sent.bytes).is_some(), "the next relay would not take it");
}

fn ssrc(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |word| u32::from_be_bytes(*word))
}
