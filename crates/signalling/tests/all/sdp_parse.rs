//! Session descriptions: what is read, what is refused and where, and that no line is lost.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use tandem_signalling::sdp::{
    Attribute, Connection, Description, Direction, Line, MAX_DESCRIPTION_BYTES, MAX_MEDIA_LINES, RtcpAddress, RtpMap, SdpError,
    SdpErrorKind, Writer,
};

const FULL: &str = "v=0\r\no=jdoe 2890844526 2890842807 IN IP4 10.47.16.5\r\ns=SDP Seminar\r\ni=A Seminar\r\nu=http://example.com/s.pdf\r\n\
    e=j.doe@example.com (Jane Doe)\r\nc=IN IP4 224.2.17.12/127\r\nb=X-YZ:128\r\nt=2873397496 2873404696\r\nr=7d 1h 0 25h\r\nz=2882844526 -1h\r\n\
    a=recvonly\r\nm=audio 49170/2 RTP/AVP 0 96\r\ni=voice\r\na=rtpmap:96 opus/48000/2\r\nX=unknown\r\nm=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::1\r\na=rtpmap:99 h263-1998/90000\r\n";

fn printed(text: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(text.len());
    Description::parse(text).unwrap().write_to(&mut writer);
    writer.finish()
}

fn error(text: &[u8]) -> (usize, SdpErrorKind) {
    let SdpError { line, kind } = Description::parse(text).unwrap_err();
    (line, kind)
}

#[test]
fn every_line_is_kept_as_it_was() {
    assert_eq!(printed(FULL.as_bytes()), FULL.as_bytes());
    let latin = b"v=0\r\ns=caf\xe9\r\na=x:\xff\xfe\r\n";
    assert_eq!(printed(latin), latin);
}

#[test]
fn lines_may_end_in_lf_and_the_last_one_in_nothing() {
    let expected = FULL.as_bytes();
    assert_eq!(printed(FULL.replace("\r\n", "\n").as_bytes()), expected);
    assert_eq!(printed(FULL.trim_end().as_bytes()), expected);
    assert_eq!(printed(FULL.replace("\r\n", "\r\n\r\n").as_bytes()), expected);
    assert_eq!(printed((FULL.trim_end().to_owned() + "\r").as_bytes()), expected);
}

#[test]
fn sections_belong_to_the_session_and_to_each_medium() {
    let description = Description::parse(FULL.as_bytes()).unwrap();
    assert_eq!(description.session().lines().count(), 12);
    assert_eq!(description.session().line(b's'), Some(&b"SDP Seminar"[..]));
    let [audio, video] = description.media() else { panic!("{description:?}") };
    assert_eq!((audio.kind, audio.port, audio.proto), (&b"audio"[..], 49170, &b"RTP/AVP"[..]));
    assert_eq!(audio.formats().collect::<Vec<_>>(), ["0", "96"]);
    assert_eq!(audio.section().lines().last(), Some(Line { kind: b'X', value: b"unknown" }));
    assert_eq!((video.kind, video.section().lines().count()), (&b"video"[..], 2));
}

#[test]
fn typed_views() {
    let description = Description::parse(FULL.as_bytes()).unwrap();
    let session = description.session();
    let origin = session.origin().unwrap();
    assert_eq!(
        (origin.username, origin.session_id, origin.session_version, origin.address),
        ("jdoe", "2890844526", "2890842807", "10.47.16.5")
    );
    assert_eq!(session.connection(), Some(Some(Connection::Address("224.2.17.12".parse().unwrap()))));
    assert_eq!(session.direction(), Some(Direction::RecvOnly));
    let [audio, video] = description.media() else { panic!("{description:?}") };
    let map = RtpMap { payload: 96, encoding: b"opus", clock_rate: 48000, channels: 2 };
    assert_eq!(audio.section().rtp_maps().collect::<Vec<_>>(), [map]);
    assert_eq!(audio.section().connection(), None);
    assert_eq!(video.section().connection(), Some(Some(Connection::Address("2001:db8::1".parse().unwrap()))));
}

#[test]
fn attributes() {
    let text = b"v=0\r\na=sendrecv\r\na=fmtp:101 0-15\r\na=fmtp: 96  useinbandfec=1 \r\na=empty:\r\na=fmtp:x 1\r\n";
    let session = Description::parse(text).unwrap().session();
    assert_eq!(session.attributes().next(), Some(Attribute { name: b"sendrecv", value: b"" }));
    assert_eq!(session.attribute(b"empty"), Some(&b""[..]));
    assert_eq!(session.attribute(b"none"), None);
    assert_eq!(session.format_parameters(101), Some(&b"0-15"[..]));
    assert_eq!(session.format_parameters(96), Some(&b"useinbandfec=1"[..]));
    assert_eq!(session.format_parameters(97), None);
}

#[test]
fn connections() {
    let parse = |text: &'static str| Connection::parse(text.as_bytes());
    assert_eq!(parse("IN IP4 192.0.2.1"), Some(Connection::Address("192.0.2.1".parse().unwrap())));
    assert_eq!(parse("in IP6 ff15::101/3"), Some(Connection::Address("ff15::101".parse().unwrap())));
    assert_eq!(parse("IN IP4 host.example.com"), Some(Connection::Name("host.example.com")));
    for bad in ["", "IN", "IN IP4", "IN IP5 1.2.3.4", "ATM IP4 1.2.3.4", "IN IP6 2001:db8::zz", "IN IP4 a\u{7f}b"] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

#[test]
fn rtp_maps_and_rtcp_addresses() {
    assert_eq!(RtpMap::parse(b"0 PCMU/8000").map(|map| map.channels), Some(1));
    for bad in [&b""[..], b"0", b"0 PCMU", b"128 x/8000", b"-1 x/8000", b"0 x/8000/300", b"0 x/99999999999", b"\xff y/1"] {
        assert_eq!(RtpMap::parse(bad), None, "{bad:?}");
    }
    assert_eq!(RtcpAddress::parse(b"53020"), Some(RtcpAddress { port: 53020, address: None }));
    let full = RtcpAddress { port: 1, address: Some("2001:db8::1".parse().unwrap()) };
    assert_eq!(RtcpAddress::parse(b" 1 IN IP6 2001:db8::1"), Some(full));
    assert_eq!(RtcpAddress::parse(b"65536"), None);
}

#[test]
fn directions_turn_and_meet() {
    for one in Direction::ALL {
        assert_eq!(one.reversed().reversed(), one);
        assert_eq!(Direction::from_name(one.as_str().as_bytes()), Some(one));
        for other in Direction::ALL {
            assert_eq!(one.and(other).sends(), one.sends() && other.sends());
            assert_eq!(one.and(other).receives(), one.receives() && other.receives());
        }
    }
}

#[test]
fn errors_name_the_line() {
    assert_eq!(error(b""), (1, SdpErrorKind::Version));
    assert_eq!(error(b"\r\n\r\n"), (1, SdpErrorKind::Version));
    assert_eq!(error(b"v=1\r\n"), (1, SdpErrorKind::Version));
    assert_eq!(error(b"o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n"), (1, SdpErrorKind::Version));
    assert_eq!(error(b"\r\no=-\r\nv=0\r\n"), (2, SdpErrorKind::Version));
    assert_eq!(error(b"\nv=1\r\n"), (2, SdpErrorKind::Version));
    assert_eq!(error(b"v=0\r\nhello\r\n"), (2, SdpErrorKind::NotALine));
    assert_eq!(error(b"v=0\r\ns=-\r\n=x\r\n"), (3, SdpErrorKind::NotALine));
    assert_eq!(error(b"v=0\r\n a=x\r\n"), (2, SdpErrorKind::NotALine));
    assert_eq!(error(b"v=0\r\ns=a\0b\r\n"), (2, SdpErrorKind::ControlByte));
    assert_eq!(error(b"v=0\r\ns=-\r\na=fmtp:0 x\ra=inactive\r\n"), (3, SdpErrorKind::ControlByte));
    for media in ["", "audio", "audio 1", "audio x RTP/AVP 0", "audio 65536 RTP/AVP 0", "audio -1 RTP/AVP 0", "\u{e4}udio 1 RTP/AVP 0"] {
        assert_eq!(error(format!("v=0\r\nm={media}\r\n").as_bytes()), (2, SdpErrorKind::Media), "{media}");
    }
    assert_eq!(Description::parse(b"v=0\nx").unwrap_err().to_string(), "session description, line 2: not of the form x=value");
}

#[test]
fn sizes_are_bounded() {
    let long = "v=0\r\ns=".to_owned() + &"x".repeat(MAX_DESCRIPTION_BYTES);
    assert_eq!(error(long.as_bytes()), (1, SdpErrorKind::TooLong));
    let media = |count: usize| "v=0\r\n".to_owned() + &"m=audio 0 RTP/AVP 0\r\n".repeat(count);
    assert_eq!(Description::parse(media(MAX_MEDIA_LINES).as_bytes()).unwrap().media().len(), MAX_MEDIA_LINES);
    assert_eq!(error(media(MAX_MEDIA_LINES + 1).as_bytes()), (MAX_MEDIA_LINES + 2, SdpErrorKind::TooManyMedia));
    let token = "x".repeat(65);
    for media in [format!("{token} 1 RTP/AVP 0"), format!("audio 1 {token} 0"), format!("audio 1 RTP/AVP {token}")] {
        assert_eq!(error(format!("v=0\r\nm={media}\r\n").as_bytes()), (2, SdpErrorKind::Media));
    }
}
