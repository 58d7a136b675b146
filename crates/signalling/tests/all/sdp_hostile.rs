//! Bytes from anywhere: never a panic, and what was read once is read the same when printed.

use proptest::prelude::*;
use tandem_signalling::sdp::{Connection, Description, RtcpAddress, RtpMap, Section, Writer};

/// Values of lines, so that random texts get far enough to matter.
const VALUES: [&str; 20] = [
    "audio 4000 RTP/AVP 0 8 101",
    "video 1/2 RTP/SAVPF 99",
    "audio 0 x",
    "rtpmap:96 opus/48000/2",
    "rtpmap:0 PCMU",
    "fmtp:96 x=1",
    "fmtp:",
    "sendonly",
    "rtcp:5 IN IP6 ::1",
    "rtcp: ",
    ":",
    "IN IP4 192.0.2.1",
    "IN IP4 224.0.0.1/127",
    "IN IP6 x y",
    "- 1 2 IN IP4 x",
    "- 1",
    "0 0",
    "",
    "\u{fc} \u{1b}",
    "candidate:1",
];

fn texts() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(b"moscatbkiXa".to_vec());
    let end = prop_oneof![120 => Just("\r\n"), 30 => Just("\n"), 1 => Just("\r"), 1 => Just("\0\r\n"), 1 => Just("")];
    let line = (kind, 0..VALUES.len(), prop::option::weighted(0.1, "[ -~]{0,20}"), end);
    let lines = prop::collection::vec(line, 0..16).prop_map(|lines| {
        let mut text = b"v=0\r\n".to_vec();
        for (kind, value, junk, end) in lines {
            text.extend([kind, b'=']);
            // Most media lines are good ones: the first three values.
            let value = if kind == b'm' && value > 4 { VALUES[value % 3] } else { VALUES[value] };
            text.extend([value, junk.as_deref().unwrap_or(""), end].concat().bytes());
        }
        text
    });
    prop_oneof![5 => lines, 1 => prop::collection::vec(any::<u8>(), 0..300)]
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
