//! The parts of a multipart body (RFC 2046 §5.1, RFC 5621): found in place, nothing decoded.

use super::headers::MediaType;
use super::list::Params;
use super::{HeaderName, chars};
use std::ops::Range;

/// Parts that are looked at; a body with more is read no further.
const MAX_PARTS: usize = 16;

/// Multipart bodies inside each other that are looked into.
const MAX_DEPTH: usize = 4;

/// One part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its Content-Type; `None` where it has none, or one that cannot be read.
    pub content_type: Option<MediaType<'a>>,
    /// Its Content-Disposition as written.
    pub disposition: Option<&'a str>,
    /// It is as it is written: neither compressed nor in letters that stand for other octets.
    pub is_plain: bool,
    /// Its content, as a range of the whole body.
    pub content: Range<usize>,
}

/// The parts of `body`, at most 16, none if `content_type` is not multipart or has no boundary.
pub fn parts<'a>(content_type: MediaType<'a>, body: &'a [u8]) -> impl Iterator<Item = Part<'a>> {
    let boundary = Some(content_type).filter(|kind| kind.kind.eq_ignore_ascii_case("multipart"));
    let boundary = boundary.and_then(|kind| kind.params.get("boundary")).filter(|boundary| !boundary.is_empty());
    let mut next = boundary.and_then(|boundary| delimiter(body, 0, boundary.as_bytes()));
    let parts = std::iter::from_fn(move || {
        let found = next.take()?;
        if found.last {
            return None;
        }
        let boundary = boundary?.as_bytes();
        // Without a closing delimiter the body was cut: the part is not whole.
        let end = delimiter(body, found.end, boundary)?;
        let part = part(body, found.end..end.start);
        next = Some(end);
        Some(part)
    });
    parts.take(MAX_PARTS)
}

struct Delimiter {
    /// Where the content before it ends.
    start: usize,
    /// Where the part after it begins.
    end: usize,
    /// It closes the body.
    last: bool,
}

/// The next line `--boundary` or `--boundary--` at or after `from`. The line end before it belongs to it.
fn delimiter(body: &[u8], from: usize, boundary: &[u8]) -> Option<Delimiter> {
    let mut at = from;
    loop {
        let line_end = memchr::memchr(b'\n', &body[at..]).map_or(body.len(), |end| at + end + 1);
        if let Some(rest) = body[at..line_end].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) {
            let (last, rest) = rest.strip_prefix(b"--").map_or((false, rest), |rest| (true, rest));
            if rest.iter().all(|byte| chars::is(*byte, chars::SPACE)) {
                let before = &body[from..at];
                let before = before.strip_suffix(b"\n").map_or(before, |text| text.strip_suffix(b"\r").unwrap_or(text));
                return Some(Delimiter { start: from + before.len(), end: line_end, last });
            }
        }
        if line_end == body.len() {
            return None;
        }
        at = line_end;
    }
}

fn part(body: &[u8], range: Range<usize>) -> Part<'_> {
    let mut part = Part { content_type: None, disposition: None, is_plain: true, content: range.end..range.end };
    let mut at = range.start;
    while at < range.end {
        let end = memchr::memchr(b'\n', &body[at..range.end]).map_or(range.end, |end| at + end + 1);
        let line = body[at..end].trim_ascii_end();
        at = end;
        if line.is_empty() {
            part.content = at..range.end;
            break;
        }
        let name = chars::run(line, chars::TOKEN);
        let value = line[name..].trim_ascii_start().strip_prefix(b":").and_then(|value| std::str::from_utf8(value).ok());
        let Some(value) = value.map(str::trim_ascii) else { continue };
        match HeaderName::from_bytes(&line[..name]) {
            HeaderName::ContentType => part.content_type = MediaType::parse(value).ok(),
            HeaderName::ContentDisposition => part.disposition = Some(value),
            HeaderName::ContentEncoding => part.is_plain &= value.eq_ignore_ascii_case("identity"),
            HeaderName::Other if line[..name].eq_ignore_ascii_case(b"Content-Transfer-Encoding") => {
                part.is_plain &= ["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
            }
            _ => {}
        }
    }
    part
}

/// What a body is to somebody who understands session descriptions alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    /// The description of the session, as a range of the whole body.
    pub(super) session: Option<Range<usize>>,
    /// There is a description somewhere, if only of something else (RFC 3959).
    pub(super) has_description: bool,
    /// It must be understood, by its own word, and is not (RFC 5621 §9.1: `handling=required`).
    pub(super) is_refused: bool,
    /// It need not be understood, by its own word (`handling=optional`).
    pub(super) is_optional: bool,
}

/// Looks through a body, and through the bodies in it. Where a part does not say whether it must be understood it need not be: the
/// letter of RFC 5621 would have every call refused that brings a signature or a map beside its description.
pub(super) fn survey(kind: Option<MediaType<'_>>, disposition: Option<&str>, body: &[u8]) -> Survey {
    survey_part(kind, disposition, body, 0..body.len(), MAX_DEPTH)
}

fn survey_part(kind: Option<MediaType<'_>>, disposition: Option<&str>, body: &[u8], range: Range<usize>, depth: usize) -> Survey {
    let (purpose, handling) = disposition.map_or((None, None), read_disposition);
    let [is_required, is_optional] = ["required", "optional"].map(|word| handling.is_some_and(|said| said.eq_ignore_ascii_case(word)));
    let unknown = Survey { is_refused: is_required, is_optional, ..Survey::default() };
    match kind {
        Some(kind) if kind.is("application", "sdp") => {
            // RFC 3261 §20.11: a description is of the session unless it says that it is of something else.
            let is_session = purpose.is_none_or(|purpose| ["session", "render"].iter().any(|word| purpose.eq_ignore_ascii_case(word)));
            let session = Some(range).filter(|range| is_session && !range.is_empty());
            let is_refused = is_required && session.is_none();
            Survey { session, has_description: true, is_refused, is_optional }
        }
        Some(kind) if kind.kind.eq_ignore_ascii_case("multipart") && depth > 0 => {
            let alternative = kind.subtype.eq_ignore_ascii_case("alternative");
            let mut whole = Survey { is_optional: true, is_refused: alternative, ..Survey::default() };
            let mut count = 0;
            for part in parts(kind, &body[range.clone()]) {
                let content = range.start + part.content.start..range.start + part.content.end;
                let found = survey_part(part.content_type.filter(|_| part.is_plain), part.disposition, body, content, depth - 1);
                count += 1;
                whole.has_description |= found.has_description;
                whole.is_optional &= found.is_optional;
                if alternative {
                    // RFC 2046 §5.1.4: one of them will do, and the best that is understood is the last.
                    whole.is_refused &= found.is_refused;
                    whole.session = found.session.or(whole.session);
                } else {
                    whole.is_refused |= found.is_refused;
                    whole.session = whole.session.or(found.session);
                }
            }
            if count == 0 { unknown } else { Survey { is_optional: whole.is_optional || is_optional, ..whole } }
        }
        _ => unknown,
    }
}

/// The type of a Content-Disposition, and its `handling`.
fn read_disposition(text: &str) -> (Option<&str>, Option<&str>) {
    let end = text.find(';').unwrap_or(text.len());
    let handling = Params::parse(&text[end..]).ok().and_then(|params| params.get("handling"));
    (Some(chars::trim(&text[..end])).filter(|purpose| !purpose.is_empty()), handling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(content_type: &str, body: &'static str) -> Vec<(String, &'static str)> {
        let kind = MediaType::parse(content_type).unwrap();
        let name = |part: &Part<'_>| part.content_type.map_or(String::new(), |kind| format!("{}/{}", kind.kind, kind.subtype));
        parts(kind, body.as_bytes()).map(|part| (name(&part), &body[part.content])).collect()
    }

    #[test]
    fn parts_lie_between_delimiters() {
        let body = "preamble\r\n--b\r\nContent-Type: application/sdp\r\nX: y\r\n\r\nv=0\r\n\r\n--b \r\n\r\n--bb\r\n--b--\r\nepilogue";
        let expected = [("application/sdp".to_owned(), "v=0\r\n"), (String::new(), "--bb")];
        assert_eq!(contents("multipart/mixed;boundary=b", body), expected);
        assert_eq!(contents("Multipart/Related; boundary=\"b\"", body), expected);
    }

    #[test]
    fn what_is_cut_or_has_no_boundary_has_no_parts() {
        assert_eq!(contents("multipart/mixed;boundary=b", "--b\r\n\r\nv=0"), []);
        assert_eq!(contents("multipart/mixed", "--b\r\n\r\nv=0\r\n--b--"), []);
        assert_eq!(contents("text/plain;boundary=b", "--b\r\n\r\nv=0\r\n--b--"), []);
    }

    #[test]
    fn a_part_without_an_empty_line_has_no_content() {
        assert_eq!(contents("multipart/mixed;boundary=b", "--b\r\nContent-Type: a/b\r\n--b--"), [("a/b".to_owned(), "")]);
    }

    fn session<'a>(content_type: &str, disposition: Option<&str>, body: &'a str) -> (Option<&'a str>, bool, bool) {
        let found = survey(MediaType::parse(content_type).ok(), disposition, body.as_bytes());
        (found.session.map(|range| &body[range]), found.is_refused, found.is_optional)
    }

    const ISUP: &str =
        "--b\r\nContent-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n\x01\x02\r\n";
    const SDP: &str = "--b\r\nContent-Type: application/sdp\r\nContent-Disposition: session;handling=required\r\n\r\nv=0\r\n\r\n";

    #[test]
    fn what_is_beside_a_description_is_passed_over() {
        for body in [format!("{ISUP}{SDP}--b--"), format!("{SDP}{ISUP}--b--")] {
            assert_eq!(session("multipart/mixed;boundary=b", None, &body), (Some("v=0\r\n"), false, false));
        }
        assert_eq!(session("multipart/mixed;boundary=b", None, &format!("{ISUP}--b--")), (None, false, true));
    }

    #[test]
    fn what_must_be_understood_and_is_not_refuses_the_whole() {
        let body = format!("{}{SDP}--b--", ISUP.replace("optional", "\"required\""));
        assert_eq!(session("multipart/mixed;boundary=b", None, &body), (Some("v=0\r\n"), true, false));
        assert_eq!(session("text/plain", Some("render; handling=Required"), "hello"), (None, true, false));
        // One of several ways to say the same is enough.
        assert_eq!(session("multipart/alternative;boundary=b", None, &body), (Some("v=0\r\n"), false, false));
    }

    #[test]
    fn the_last_of_several_that_are_understood_is_the_best() {
        let body = format!("{SDP}{}--b\r\nContent-Type: application/xml\r\n\r\n<a/>\r\n--b--", SDP.replace("v=0", "v=0 better"));
        assert_eq!(session("multipart/alternative;boundary=b", None, &body).0, Some("v=0 better\r\n"));
        assert_eq!(session("multipart/mixed;boundary=b", None, &body).0, Some("v=0\r\n"));
    }

    #[test]
    fn a_description_of_something_else_or_in_other_letters_is_not_the_sessions() {
        let early = format!("{}{SDP}--b--", SDP.replace("session;handling=required", "early-session").replace("v=0", "early"));
        assert_eq!(session("multipart/mixed;boundary=b", None, &early).0, Some("v=0\r\n"));
        assert_eq!(session("application/sdp", Some("early-session"), "v=0"), (None, false, false));
        let letters = format!("{}--b--", SDP.replace("\r\n\r\nv=0", "\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w"));
        assert_eq!(session("multipart/mixed;boundary=b", None, &letters), (None, true, false));
    }

    #[test]
    fn bodies_in_bodies_are_looked_into_so_far() {
        let mut body = format!("{SDP}--b--\r\n");
        for depth in 1..=5 {
            let found = session("multipart/related;boundary=b", None, &body).0;
            assert_eq!(found.is_some(), depth <= MAX_DEPTH, "at depth {depth}");
            // Each has a boundary of its own that is no beginning of the next one's.
            body = body.replace("--b", &format!("--{depth}b"));
            body = format!("--b\r\nContent-Type: multipart/mixed;boundary={}\r\n\r\n{body}\r\n--b--\r\n", "{");
            body = body.replace("boundary={", &format!("boundary={depth}b"));
        }
    }
}
