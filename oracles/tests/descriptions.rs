//! Session descriptions, as Tandem and sdp-types read and print them.

use sdp_types::Session;
use tandem_model::Random;
use tandem_signalling::sdp::{Description, Writer};

/// Descriptions made from a seed each.
const GENERATED: u64 = 3000;

type Attributes = Vec<(String, String)>;

/// What both can be asked for.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    session: Attributes,
    connection: Option<String>,
    media: Vec<(String, u16, String, String, Option<String>, Attributes)>,
    printed: String,
}

fn ours(text: &str) -> Result<Reading, String> {
    let description = Description::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let attributes = |section: tandem_signalling::sdp::Section<'_>| -> Attributes {
        section.attributes().map(|attribute| (string(attribute.name), string(attribute.value))).collect()
    };
    let mut writer = Writer::with_capacity(text.len());
    description.write_to(&mut writer);
    let media = description.media().iter().map(|media| {
        let formats = media.formats().collect::<Vec<_>>().join(" ");
        let connection = media.section().line(b'c').map(string);
        (string(media.kind), media.port, string(media.proto), formats, connection, attributes(media.section()))
    });
    Ok(Reading {
        session: attributes(description.session()),
        connection: description.session().line(b'c').map(string),
        media: media.collect(),
        printed: string(&writer.finish()),
    })
}

fn theirs(text: &str) -> Result<Reading, String> {
    let session = Session::parse(text.as_bytes()).map_err(|error| error.to_string())?;
    let attributes = |list: &[sdp_types::Attribute]| -> Attributes {
        list.iter().map(|attribute| (attribute.attribute.clone(), attribute.value.clone().unwrap_or_default())).collect()
    };
    let connection =
        |connection: &sdp_types::Connection| format!("{} {} {}", connection.nettype, connection.addrtype, connection.connection_address);
    let mut printed = Vec::new();
    session.write(&mut printed).map_err(|error| error.to_string())?;
    let media = session.medias.iter().map(|media| {
        let first = media.connections.first().map(connection);
        (media.media.clone(), media.port, media.proto.clone(), media.fmt.clone(), first, attributes(&media.attributes))
    });
    Ok(Reading {
        session: attributes(&session.attributes),
        connection: session.connection.as_ref().map(connection),
        media: media.collect(),
        printed: String::from_utf8_lossy(&printed).into_owned(),
    })
}

/// A description that a phone could send, with its lines in the order of RFC 8866 §5.
fn generated(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut pick = |choices: &[&str]| choices[random.below(choices.len() as u64) as usize].to_owned();
    let mut lines = vec!["v=0".to_owned()];
    lines.push(format!(
        "o={} {} {} IN {}",
        pick(&["-", "alice", "sip_user"]),
        pick(&["0", "42", "3840218833"]),
        pick(&["0", "1", "99"]),
        pick(&["IP4 192.0.2.1", "IP6 2001:db8::1"])
    ));
    lines.push(format!("s={}", pick(&["-", " ", "A call", "Ünïcode"])));
    if pick(&["i", ""]) == "i" {
        lines.push("i=about it".to_owned());
    }
    lines.push(format!("c=IN {}", pick(&["IP4 192.0.2.1", "IP4 0.0.0.0", "IP6 2001:db8::1", "IP4 host.example.com"])));
    lines.push(format!("b={}", pick(&["AS:84", "CT:128", "TIAS:64000"])));
    lines.push(format!("t={}", pick(&["0 0", "2873397496 2873404696"])));
    lines.push(format!("a={}", pick(&["sendrecv", "sendonly", "group:BUNDLE 0 1", "ice-lite", "x-odd:with:colons: and spaces"])));
    for _ in 0..pick(&["", "1", "12", "123"]).len() {
        lines.push(format!(
            "m={} {} {} {}",
            pick(&["audio", "video", "image", "application"]),
            pick(&["0", "9", "49170", "65535"]),
            pick(&["RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl"]),
            pick(&["0", "0 8 101", "t38", "96 97 98", "webrtc-datachannel"])
        ));
        if pick(&["c", ""]) == "c" {
            lines.push(format!("c=IN {}", pick(&["IP4 198.51.100.7", "IP6 2001:db8::7"])));
        }
        for _ in 0..pick(&["", "1", "12345"]).len() {
            lines.push(format!(
                "a={}",
                pick(&[
                    "rtpmap:0 PCMU/8000",
                    "rtpmap:101 telephone-event/8000",
                    "fmtp:101 0-16",
                    "ptime:20",
                    "rtcp:53020 IN IP4 126.16.64.4",
                    "rtcp-mux",
                    "inactive",
                    "candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host",
                    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32",
                    "fingerprint:sha-256 4A:AD:B9:B1",
                    "mid:audio",
                ])
            ));
        }
    }
    lines.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect()
}

#[test]
fn what_phones_send_is_read_and_printed_alike() {
    for seed in 0..GENERATED {
        let text = generated(seed);
        let (ours, theirs) = (ours(&text), theirs(&text));
        assert_eq!(ours, theirs, "seed {seed}:\n{text}");
        assert_eq!(ours.map(|reading| reading.printed).as_deref(), Ok(text.as_str()), "seed {seed} is not printed as it was read");
    }
}

/// What only one of the two takes: the text after `v=0`, whether Tandem takes it, whether sdp-types does, and why that is well.
const ODD: &[(&str, bool, bool, &str)] = &[
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.1\r\n", true, true, "c= after t="),
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 1 RTP/AVP 0\r\n", true, true, "no t= line"),
    ("s=-\r\nt=0 0\r\n", true, true, "no o= line: we write our own, whatever theirs is"),
    ("o=- 1 1 IN IP4 192.0.2.1\r\nt=0 0\r\n", true, true, "no s= line"),
    ("o=x y z IN IP6 [::1]\r\ns=-\r\nt=0 0\r\n", true, false, "an o= line that is wrong (sipp writes brackets)"),
    ("o=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n", true, true, "LF alone"),
    ("o=- 1 1 IN IP4 192.0.2.1\rs=-\rt=0 0\r", false, false, "CR alone: some readers take it for a line end and some do not"),
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n", false, false, "a port that is none"),
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio\r\n", false, false, "half of an m= line"),
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nnonsense\r\n", false, false, "no letter and equals sign"),
    ("o=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nX=1\r\n", true, true, "an unknown letter"),
];

#[test]
fn odd_texts_are_taken_or_refused_for_a_reason() {
    let mut wrong = Vec::new();
    for (rest, by_us, by_them, why) in ODD {
        let text = format!("v=0\r\n{rest}");
        let (ours, theirs) = (ours(&text).is_ok(), theirs(&text).is_ok());
        if (ours, theirs) != (*by_us, *by_them) {
            wrong.push(format!("{why}: tandem {ours}, sdp-types {theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
