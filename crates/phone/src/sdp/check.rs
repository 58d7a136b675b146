//! Whether a description is legal as the answer to another, or as the successor of an earlier one (RFC 3264).

use super::{Media, Sdp};

/// What is wrong with `answer` as the answer to `offer` (RFC 3264 §6). Nothing, if all is well.
pub fn check_answer(offer: &Sdp, answer: &Sdp) -> Vec<String> {
    let mut wrong = Vec::new();
    if offer.media.len() != answer.media.len() {
        wrong.push(format!("answer has {} m= lines, the offer {}", answer.media.len(), offer.media.len()));
    }
    for (index, (offered, answered)) in offer.media.iter().zip(&answer.media).enumerate() {
        check_line(offered, answered, &mut |text| wrong.push(format!("answer, m= line {}: {text}", index + 1)));
    }
    wrong
}

fn check_line(offered: &Media, answered: &Media, report: &mut dyn FnMut(String)) {
    if offered.kind != answered.kind || offered.protocol != answered.protocol {
        report(format!("{} {} answers {} {}", answered.kind, answered.protocol, offered.kind, offered.protocol));
    }
    if answered.port == 0 {
        return;
    }
    if offered.port == 0 {
        return report("a refused stream came back to life".into());
    }
    // Formats of fax are no payload numbers.
    for format in answered.formats.iter().filter(|_| answered.kind != "image") {
        let encoding = answered.encoding(format);
        if encoding.is_none() {
            report(format!("payload {format} has no rtpmap"));
        }
        let Some(same) = offered.formats.iter().find(|other| offered.encoding(other) == encoding) else {
            report(format!("{} was not offered", encoding.unwrap_or_default()));
            continue;
        };
        // A SHOULD of §6.1, and everybody relies on it.
        if same != format {
            report(format!("payload {format} stands for what was offered as {same}"));
        }
    }
    if offered.kind == "audio" && answered.formats.iter().all(|format| is_events(answered, format)) {
        report("no codec but telephone-event".into());
    }
    if (answered.direction.sends() && !offered.direction.receives()) || (answered.direction.receives() && !offered.direction.sends()) {
        report(format!("{} answers {}", answered.direction.token(), offered.direction.token()));
    }
    if answered.attribute("rtcp-mux").is_some() && offered.attribute("rtcp-mux").is_none() {
        report("rtcp-mux was not offered".into());
    }
}

fn is_events(media: &Media, format: &str) -> bool {
    media.encoding(format).is_some_and(|encoding| encoding.starts_with("TELEPHONE-EVENT/"))
}

/// What is wrong with `next` after `before` by the same writer in the same session (RFC 3264 §8). `agreed` is the last that was
/// answered, or an answer: of a refused offer nothing but its version counts (RFC 3261 §14.1).
pub fn check_next(before: &Sdp, agreed: Option<&Sdp>, next: &Sdp) -> Vec<String> {
    let mut wrong = Vec::new();
    if before.origin.session != next.origin.session || before.origin.user != next.origin.user {
        wrong.push("the session id changed".into());
    }
    let changed = before.media != next.media || before.connection != next.connection;
    match next.origin.version.checked_sub(before.origin.version) {
        Some(0) if changed => wrong.push("the session changed and its version did not".into()),
        Some(0 | 1) => {}
        _ => wrong.push(format!("session version {} after {}", next.origin.version, before.origin.version)),
    }
    let before = agreed.unwrap_or(before);
    if next.media.len() < before.media.len() {
        wrong.push("an m= line is gone".into());
    }
    for (index, (old, new)) in before.media.iter().zip(&next.media).enumerate() {
        // §8.3.3: audio and fax may take turns on one line.
        let turns = |kind: &str| matches!(kind, "audio" | "image");
        if old.kind != new.kind && old.port != 0 && !(turns(&old.kind) && turns(&new.kind)) {
            wrong.push(format!("m= line {} turned from {} to {}", index + 1, old.kind, new.kind));
        }
        // §8.3.2: a payload number keeps its codec for the whole session.
        for format in new.formats.iter().filter(|format| old.formats.contains(format) && new.port != 0 && old.port != 0) {
            if old.encoding(format) != new.encoding(format) {
                wrong.push(format!("payload {format} means something else now"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::{super::*, *};

    fn sdp(version: u64, formats: &[Format], direction: Direction) -> Sdp {
        let origin = Origin { user: "-".into(), session: 1, version, address: "IN IP4 10.0.0.1".into() };
        Sdp::audio(origin, "10.0.0.1".parse().unwrap(), 4000, formats, direction)
    }

    #[test]
    fn what_was_not_offered_is_found() {
        let offer = sdp(1, &[Format::pcmu()], Direction::SendOnly);
        assert_eq!(check_answer(&offer, &sdp(1, &[Format::pcma()], Direction::RecvOnly)), ["answer, m= line 1: PCMA/8000 was not offered"]);
        assert_eq!(check_answer(&offer, &sdp(1, &[Format::pcmu()], Direction::SendRecv)).len(), 1);
        let renumbered = sdp(1, &[Format::new(100, "PCMU/8000")], Direction::RecvOnly);
        assert_eq!(check_answer(&offer, &renumbered).len(), 1);
    }

    #[test]
    fn a_change_needs_one_step_of_version() {
        let first = sdp(5, &[Format::pcmu()], Direction::SendRecv);
        assert!(check_next(&first, None, &first).is_empty());
        assert!(check_next(&first, None, &sdp(6, &[Format::pcmu()], Direction::SendOnly)).is_empty());
        assert_eq!(check_next(&first, None, &sdp(5, &[Format::pcmu()], Direction::SendOnly)).len(), 1);
        assert_eq!(check_next(&first, None, &sdp(7, &[Format::pcmu()], Direction::SendRecv)).len(), 1);
    }
}
