use super::*;
use std::{sync::Arc, time::Duration};
use tandem_model::{CallId, Flow, Timestamp, Transport};
use tandem_signalling::{ListenerFacts, Minter, NodeFacts, Terms, transaction::TransactionKeys};

fn story() -> Story {
    let terms = Terms { domain: None, max_duration: Duration::MAX, inactivity_timeout: Duration::MAX, hold_timeout: Duration::MAX };
    let listener =
        ListenerFacts { transport: Transport::Udp, bound: [0, 0, 0, 0].into(), host: "tandem".into(), advertise: "tandem:5060".into() };
    let node =
        NodeFacts { minter: Minter::new([7; 16]), keys: TransactionKeys::new([8; 16]), listeners: [listener].into(), terms, fault: None };
    let setup = CallSetup { id: CallId::new(1_700_000_000_000, 1), seed: 1, node: Arc::new(node) };
    Story { setup, entries: Vec::new(), locals: [([198, 51, 100, 1], 5060).into()].into() }
}

fn happened(micros: u64, what: Happening) -> Happened {
    Happened { at: Timestamp::from_micros(micros), what }
}

fn trace(happened: &[Happened]) -> Trace {
    let story = story();
    let epoch = Epoch::new(Duration::from_secs(1_700_000_000));
    let steps = happened.iter().map(|happened| story.step(happened, epoch)).collect();
    Trace { call: story.setup.id, complete: true, steps }
}

fn invite(from: &str) -> Happened {
    let flow = Flow { listener: ListenerId(0), transport: Transport::Udp, remote: from.parse().unwrap() };
    let text = "INVITE sip:b@tandem SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@y>\r\nCall-ID: 1\r\n\
                CSeq: 1 INVITE\r\nAuthorization: Digest username=\"a\",response=\"0123456789abcdef0123456789abcdef\"\r\n\r\n";
    happened(1_500_000, Happening::Received(flow, Bytes::from_static(text.as_bytes())))
}

#[test]
fn a_step_says_who_sent_what_when_and_about_which_leg() {
    let trace = trace(&[invite("192.0.2.7:5062"), happened(1_600_000, Happening::Noted("told to: hold".into()))]);
    let json = serde_json::to_value(&trace).unwrap();
    assert_eq!(json["call"], trace.call.to_string());
    let step = &json["steps"][0];
    assert_eq!(
        (&step["unix_us"], &step["direction"], &step["summary"]),
        (&1_700_000_001_500_000_i64.into(), &"received".into(), &"INVITE".into())
    );
    assert_eq!((&step["peer"], &step["local"], &step["transport"]), (&"192.0.2.7:5062".into(), &"198.51.100.1:5060".into(), &"UDP".into()));
    assert_eq!(step["leg"], trace.call.leg(0).unwrap().to_string());
    let sip = step["sip"].as_str().unwrap();
    assert!(sip.starts_with("INVITE") && !sip.contains("0123456789abcdef"), "{sip}");
    let note = &json["steps"][1];
    assert_eq!(
        (&note["direction"], &note["summary"], note.get("peer"), note.get("sip")),
        (&"inside".into(), &"told to: hold".into(), None, None)
    );
}

/// The sum over a header that holds its own checksum is zero (RFC 1071).
fn is_summed(bytes: &[u8]) -> bool {
    let mut sum: u32 = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum == 0xffff
}

#[test]
fn a_capture_has_a_datagram_for_each_message() {
    let capture = trace(&[invite("192.0.2.7:5062")]).to_pcap();
    let (head, rest) = capture.split_at(24);
    assert_eq!(head, [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0]);
    let (packet_head, packet) = rest.split_at(16);
    let word = |at: usize| u32::from_le_bytes(packet_head[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(4), word(8), word(12)), (1_700_000_001, 500_000, packet.len() as u32, packet.len() as u32));
    let (ip, udp) = packet.split_at(20);
    assert!(is_summed(ip));
    assert_eq!((ip[0], ip[9], usize::from(ip[2]) << 8 | usize::from(ip[3])), (0x45, 17, packet.len()));
    assert_eq!((&ip[12..16], &ip[16..20]), (&[192, 0, 2, 7][..], &[198, 51, 100, 1][..]));
    assert_eq!((udp[0], udp[1], udp[2], udp[3]), (0x13, 0xc6, 0x13, 0xc4));
    assert_eq!(usize::from(udp[4]) << 8 | usize::from(udp[5]), udp.len());
    assert!(is_summed(&[&ip[12..20], &[0, 17], &udp[4..6], udp].concat()));
    assert!(udp[8..].starts_with(b"INVITE "));
}

#[test]
fn a_capture_speaks_ipv6_and_of_sockets_for_both() {
    let capture = trace(&[invite("[2001:db8::7]:5060")]).to_pcap();
    let packet = &capture[40..];
    let (ip, udp) = packet.split_at(40);
    assert_eq!((ip[0], ip[6], &ip[8..12], &ip[24..40]), (0x60, 17, &[0x20, 1, 0x0d, 0xb8][..], &[0; 16][..]));
    assert!(is_summed(&[&ip[8..40], &[0, 17], &udp[4..6], udp].concat()));
    let mapped = trace(&[invite("[::ffff:192.0.2.7]:5060")]).to_pcap();
    assert_eq!((mapped[40], &mapped[52..56]), (0x45, &[192, 0, 2, 7][..]));
}

#[test]
fn a_picture_has_a_line_for_each_address_and_no_tags_of_others() {
    let note = happened(1_700_000, Happening::Noted("</text><script>alert(1)</script>\u{7}".into()));
    let svg = trace(&[invite("192.0.2.7:5062"), note]).to_svg();
    assert_eq!(svg.matches("class=\"life\"").count(), 2);
    assert!(svg.contains(">192.0.2.7:5062</text>") && svg.contains(">tandem</text>") && svg.contains(">INVITE</text>"), "{svg}");
    assert!(
        svg.contains("&lt;script&gt;") && !svg.contains("<script") && !svg.contains('\u{7}') && svg.contains("prefers-color-scheme:dark")
    );
}

#[test]
fn a_terminal_shows_the_ladder() {
    let mut trace = trace(&[invite("192.0.2.7:5062"), happened(1_600_000, Happening::Noted("told to: hold\u{1b}[2J".into()))]);
    let text = trace.to_text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], trace.call.to_string());
    let (peer, us) = (lines[1].find("192.0.2.7:5062").unwrap(), lines[1].find("tandem").unwrap());
    assert!(peer < us && lines[2].contains("0.000 ms") && lines[2].contains(" INVITE ") && lines[2].contains('▶'), "{text}");
    assert!(lines[3].contains("100.000 ms") && lines[3].contains("told to: hold"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains("not known"));
    trace.complete = false;
    assert!(trace.to_text().ends_with("came to this one.\n"));
}
