//! What holds for any offer and any answer.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::negotiation_support::*;
use proptest::prelude::*;
use tandem_model::{Across, BuiltIn, Codec, StreamKind};
use tandem_signalling::{
    negotiation::{LegMedia, offer_alone, offer_like, offer_own, settle_alone, settle_like, settle_own, translate_answer},
    sdp::{Description, Direction, MAX_MEDIA_LINES},
};

/// Lines that an audio line may have behind it, good and bad.
const ATTRIBUTES: [&str; 20] = [
    "a=rtpmap:96 opus/48000/2",
    "a=rtpmap:97 telephone-event/8000",
    "a=rtpmap:101 telephone-event/48000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 G729/8000",
    "a=rtpmap:96 PCMA/8000",
    "a=fmtp:96 useinbandfec=1",
    "a=fmtp:97 0-15",
    "a=ptime:20",
    "a=maxptime:0",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=rtcp-mux",
    "a=rtcp:5001 IN IP4 192.0.2.99",
    "a=rtcp:x",
    "c=IN IP4 0.0.0.0",
    "c=IN IP4 192.0.2.20",
    "b=AS:64",
    "a=candidate:1 1 UDP 1 192.168.1.1 1 typ host",
];

/// A medium as a strategy: mostly audio that can be taken.
fn media_line(kind: impl Strategy<Value = &'static str>) -> impl Strategy<Value = String> {
    let port = prop_oneof![6 => 1u16.., 1 => Just(0)];
    let proto = prop_oneof![12 => Just("RTP/AVP"), 1 => Just("RTP/SAVP"), 1 => Just("udptl")];
    let number = prop::sample::select(vec!["0", "8", "9", "96", "97", "101", "18", "t38"]);
    let formats = (prop_oneof![4 => Just("0"), 1 => Just("8"), 1 => Just("")], prop::collection::vec(number, 0..8));
    let attributes = prop::collection::vec(prop::sample::select(&ATTRIBUTES[..]), 0..8);
    (kind, port, proto, formats, attributes).prop_map(|(kind, port, proto, (first, formats), attributes)| {
        let mut text = format!("m={kind} {port} {proto} {first} {}\n", formats.join(" "));
        attributes.into_iter().for_each(|attribute| text += &format!("{attribute}\n"));
        text
    })
}

fn description(address: &'static str) -> impl Strategy<Value = String> {
    let kind = || prop_oneof![6 => Just("audio"), 1 => Just("video"), 1 => Just("image"), 1 => Just("application")];
    let fax = (0..9000u16).prop_map(|port| format!("m=image {} udptl t38\na=T38FaxVersion:0\n", port.saturating_sub(1000)));
    let media = prop_oneof![6 => media_line(kind()), 1 => fax];
    prop::collection::vec(media, 0..5).prop_map(move |media| sdp(address, &media.concat()))
}

/// An answer with a line for each line of our offer, `audio` for each that we want, unless it is to be `wild`.
fn answer_to(ours: &[u8], audio: &str, wild: Option<String>) -> String {
    if let Some(wild) = wild {
        return wild;
    }
    let lines = Description::parse(ours).unwrap();
    let answer = |media: &tandem_signalling::sdp::Media<'_>| match media.port {
        0 => format!("m={} 0 {} 0\n", text(media.kind), text(media.proto)),
        _ if media.kind == b"image" => "m=image 6002 udptl t38\na=T38FaxVersion:3\n".to_owned(),
        _ => audio.to_owned(),
    };
    sdp("198.51.100.7", &lines.media().iter().map(answer).collect::<String>())
}

fn codecs() -> impl Strategy<Value = Vec<Codec>> {
    prop::sample::subsequence(Codec::ALL.to_vec(), 1..=4).prop_shuffle()
}

fn pair(anchored: bool, fax: bool, a: &[Codec], b: &[Codec]) -> (LegMedia, LegMedia) {
    let (mut a, mut b) = if anchored {
        (leg(1, 20000, a), leg(2, 20004, b))
    } else {
        (LegMedia::new(a, false, None, 1000), LegMedia::new(b, false, None, 2000))
    };
    a.allow_fax(fax);
    b.allow_fax(fax);
    (a, b)
}

/// What must hold of anything that we write: it parses, every line of it prints again, and it has so many media.
fn check(ours: &[u8], lines: usize) -> Result<(), TestCaseError> {
    let parsed = Description::parse(ours).map_err(|error| TestCaseError::fail(format!("{error} in {}", text(ours))))?;
    prop_assert_eq!(parsed.media().len(), lines);
    let mut writer = tandem_signalling::sdp::Writer::with_capacity(ours.len());
    parsed.write_to(&mut writer);
    let printed = writer.finish();
    prop_assert_eq!(text(&printed), text(ours));
    prop_assert!(parsed.session().origin().is_some());
    for media in parsed.media() {
        prop_assert!(media.formats().next().is_some());
    }
    Ok(())
}

fn media_count(sdp: &str) -> usize {
    Description::parse(sdp.as_bytes()).map_or(0, |description| description.media().len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Any number of exchanges from either side: what we write can be read, has the lines that RFC 3264 asks for, never
    /// fewer than before, and an unchanged text has an unchanged version.
    #[test]
    fn any_exchanges(
        (anchored, fax) in any::<(bool, bool)>(),
        (codecs_a, codecs_b) in (codecs(), codecs()),
        rounds in prop::collection::vec(
            (any::<bool>(), description("192.0.2.10"), media_line(Just("audio")), prop::option::weighted(0.1, description("198.51.100.7"))),
            1..6,
        ),
    ) {
        let (mut a, mut b) = pair(anchored, fax, &codecs_a, &codecs_b);
        let mut seen = [(0, String::new(), 0usize), (0, String::new(), 0)];
        for (from_a, offered, audio, wild) in rounds {
            let (from, to, at) = if from_a { (&mut a, &mut b, 0) } else { (&mut b, &mut a, 1) };
            let Ok(pending) = translate_offer(offered.as_bytes(), from, to) else { continue };
            // A turn between audio and fax may take one more line.
            let expected = media_count(text(pending.sdp()));
            prop_assert!(expected == seen[1 - at].2.max(1) || (fax && expected == seen[1 - at].2 + 1));
            check(pending.sdp(), expected)?;
            note(&mut seen[1 - at], text(pending.sdp()))?;
            let answered = answer_to(pending.sdp(), &audio, wild);
            let Ok(settled) = translate_answer(&pending, answered.as_bytes(), from, to) else { continue };
            check(&settled.answer, media_count(&offered))?;
            note(&mut seen[at], text(&settled.answer))?;
            seen[at].2 = media_count(&offered);
            seen[1 - at].2 = expected;
            prop_assert_eq!(settled.describe_from.is_some(), anchored);
            if let (Some(from), Some(to)) = (settled.describe_from, settled.describe_to) {
                // Nobody is sent what they did not ask for, and nothing is taken twice.
                prop_assert!(from.rtp.is_none() || to.receives);
                prop_assert!(to.rtp.is_none() || from.receives);
                for payloads in [&from.payloads, &to.payloads] {
                    let mut numbers: Vec<_> = payloads.iter().map(|rule| rule.from).collect();
                    numbers.sort_unstable();
                    numbers.dedup();
                    prop_assert_eq!(numbers.len(), payloads.len());
                }
                prop_assert_eq!(from.kind, to.kind);
                prop_assert!(fax || from.kind == StreamKind::Rtp);
                if from.kind == StreamKind::Rtp && (from.receives || to.receives) {
                    prop_assert!(settled.codec.is_some());
                }
            }
        }
    }

    /// The same for a leg alone.
    #[test]
    fn any_offers_to_a_built_in(codecs in codecs(), tone: bool, rounds in prop::collection::vec((any::<bool>(), description("192.0.2.10")), 1..6)) {
        let builtin = if tone { BuiltIn::Tone } else { BuiltIn::Echo };
        let mut a = leg(1, 20000, &codecs);
        let mut count = 1;
        for (asked, text) in rounds {
            if asked {
                if let Ok(alone) = answer_alone(text.as_bytes(), &mut a, builtin) {
                    count = media_count(&text);
                    check(&alone.sdp, count)?;
                }
            } else if let Ok(pending) = offer_alone(&mut a, builtin) {
                check(pending.sdp(), count)?;
                let _ = settle_alone(&pending, text.as_bytes(), &mut a);
            }
        }
    }

    /// Offers of our own, and such like another leg's: whoever answers what, both speak the same codec, or it is refused.
    #[test]
    fn any_answers_to_offers_of_ours(
        (codecs_a, codecs_b) in (codecs(), codecs()),
        rounds in prop::collection::vec(
            (
                (any::<bool>(), prop::option::weighted(0.5, prop::sample::select(&Direction::ALL[..]))),
                media_line(Just("audio")),
                prop::option::weighted(0.1, description("198.51.100.7")),
            ),
            1..8,
        ),
    ) {
        let (mut a, mut b) = pair(true, true, &codecs_a, &codecs_b);
        let (mut seen, mut counts) = ([(0, String::new(), 0usize), (0, String::new(), 0)], [1, 1]);
        for ((to_a, like), audio, wild) in rounds {
            let (of, to, at) = if to_a { (&mut b, &mut a, 0) } else { (&mut a, &mut b, 1) };
            let pending = match like {
                Some(direction) => offer_like(of, to, direction),
                None => offer_own(to, if to_a { &codecs_b } else { &codecs_a }),
            };
            let Ok(pending) = pending else { continue };
            check(pending.sdp(), counts[at])?;
            note(&mut seen[at], text(pending.sdp()))?;
            let answered = answer_to(pending.sdp(), &audio, wild);
            if like.is_none() {
                let _ = settle_own(&pending, answered.as_bytes(), to);
                continue;
            }
            let Ok(settled) = settle_like(&pending, answered.as_bytes(), of, to) else { continue };
            counts[at] = media_count(text(pending.sdp()));
            if let Some(codec) = settled.codec {
                prop_assert_eq!(of.codec(), Some(codec));
                prop_assert!(codecs_a.contains(&codec) && codecs_b.contains(&codec));
                let (of, to) = (settled.describe_of.unwrap(), settled.describe_to.unwrap());
                prop_assert!(to.payloads.iter().any(|rule| of.payloads.iter().any(|back| rule.across == Across::As(back.from))));
            }
        }
    }

    /// Bytes from anywhere.
    #[test]
    fn bytes_never_panic(anchored: bool, offered in prop::collection::vec(any::<u8>(), 0..400), tail in "[ -~\r\n\u{0}\u{ff}]{0,200}") {
        let (mut a, mut b) = pair(anchored, true, &Codec::ALL, &Codec::ALL);
        let _ = translate_offer(&offered, &mut a, &mut b);
        let spoiled = caller() + &tail;
        if let Ok(pending) = translate_offer(spoiled.as_bytes(), &mut a, &mut b) {
            let _ = translate_answer(&pending, &offered, &mut a, &mut b);
            let _ = translate_answer(&pending, (called() + &tail).as_bytes(), &mut a, &mut b);
        }
        if let Some(declined) = decline_offer(spoiled.as_bytes(), &mut a) {
            check(&declined, media_count(&spoiled))?;
        }
    }
}

/// Remembers what a leg was told: another text needs a higher version, by one.
fn note(seen: &mut (u64, String, usize), ours: &str) -> Result<(), TestCaseError> {
    let now = version(ours);
    if ours == seen.1 {
        prop_assert_eq!(now, seen.0);
    } else {
        prop_assert_eq!(now, seen.0 + 1);
    }
    (seen.0, seen.1) = (now, ours.to_owned());
    Ok(())
}

#[test]
fn as_many_lines_as_may_be() {
    let (mut a, mut b) = legs();
    let media = "m=video 5000 RTP/AVP 31\n".repeat(MAX_MEDIA_LINES - 1) + "m=audio 4000 RTP/AVP 0\n";
    let (_, settled) = exchange(&sdp("192.0.2.10", &media), &called(), &mut a, &mut b);
    assert_eq!(lines(text(&settled.answer), "m=").len(), MAX_MEDIA_LINES);
    assert_eq!(code(&refused_offer(&sdp("192.0.2.10", &("m=video 5000 RTP/AVP 31\n".to_owned() + &media)))), (400, 399));
}
