//! One RTP packet.

use crate::talk::{PAYLOADS, Talk, phone};
use tandem_media::{Channel, MAX_PACKET};
use tandem_phone::media::Packet;

/// A packet goes on if it is one and its number was agreed on, with header lengths and payload untouched; the phone's own
/// parser, which shares no code with ours, finds the same payload in both. A stranger's goes nowhere.
pub fn rtp(bytes: &[u8]) {
    let mut talk = Talk::new();
    assert!(talk.give(0, Channel::Rtp, ([203, 0, 113, 66], 4000).into(), bytes).is_none(), "a stranger is relayed");
    // Told apart by its second octet where it looks like RTCP.
    let Some(sent) = talk.give(0, Channel::Rtp, phone(0, 0), bytes).filter(|sent| sent.channel == Channel::Rtp) else { return };
    assert!((12..MAX_PACKET).contains(&bytes.len()) && sent.bytes.len() == bytes.len(), "a length changed");
    assert_eq!((sent.bytes[0], &sent.bytes[12..]), (bytes[0], &bytes[12..]), "more than the numbers changed");
    assert_eq!((sent.leg, sent.to), (1, phone(1, 0)), "it goes elsewhere");
    let (before, after) = (Packet::parse(bytes), Packet::parse(&sent.bytes));
    let payload = |packet: &Option<Packet>| packet.as_ref().map(|packet| packet.payload.clone());
    assert!(before.is_some() && payload(&before) == payload(&after), "{before:?} became {after:?}");
    assert!(before.is_some_and(|packet| PAYLOADS.contains(&packet.payload_type)), "its number was not agreed on");
    let received = talk.close()[0].received;
    assert_eq!((received.packets, received.lost), (1, 0));
}
