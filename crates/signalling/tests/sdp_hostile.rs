//! Bytes from anywhere: never a panic, and what was read once is read the same when printed.

use proptest::prelude::*;
use tandem_signalling::sdp::{Connection, Description, RtcpAddress, RtpMap, Section, Writer};

/// Pieces of descriptions, so that random texts get far enough to matter.
const PIECES: [&str; 24] = [
    "v=0",
    "\r\n",
    "\n",
    "\r",
    "m=audio ",
    "m=",
    "4000",
    " RTP/AVP",
    " 0 8 101",
    "a=rtpmap:",
    "96 opus/48000/2",
    "a=fmtp:",
    "a=",
    "c=IN IP4 ",
    "192.0.2.1",
    "c=",
    "o=",
    "- 1 1 IN IP4 x",
    "a=rtcp:",
    "\u{0}",
    "\u{fc}",
    ":",
    "/",
    " ",
];

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)
        .prop_map(|pieces| ("v=0\r\n".to_owned() + &pieces.concat()).into_bytes());
    prop_oneof![3 => pieces, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

/// Asks for everything that can be asked.
fn read(section: Section<'_>) {
    let _ = (section.origin(), section.connection(), section.direction(), section.rtp_maps().count());
    let _ = (section.format_parameters(96), section.attribute(b"rtcp").map(RtcpAddress::parse));
    for line in section.lines() {
        let _ = (Connection::parse(line.value), RtpMap::parse(line.value), RtcpAddress::parse(line.value), line.attribute());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_is_read_prints_and_reads_the_same(text in texts()) {
        let Ok(description) = Description::parse(&text) else { return Ok(()) };
        read(description.session());
        description.media().iter().for_each(|media| read(media.section()));

        let mut writer = Writer::with_capacity(text.len());
        description.write_to(&mut writer);
        let printed = writer.finish();
        let again = Description::parse(&printed).unwrap();
        prop_assert_eq!(again.media().len(), description.media().len());
        prop_assert!(again.session().lines().eq(description.session().lines()));
        for (one, other) in again.media().iter().zip(description.media()) {
            prop_assert_eq!((one.kind, one.port, one.proto), (other.kind, other.port, other.proto));
            prop_assert!(one.section().lines().eq(other.section().lines()));
        }
        let mut writer = Writer::with_capacity(printed.len());
        again.write_to(&mut writer);
        prop_assert_eq!(writer.finish(), printed);
    }
}
