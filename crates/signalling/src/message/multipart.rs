//! The parts of a multipart body (RFC 2046 §5.1, RFC 5621): found in place, nothing decoded.

use super::headers::MediaType;
use super::{HeaderName, chars};
use std::ops::Range;

/// Parts that are looked at; a body with more is read no further.
const MAX_PARTS: usize = 16;

/// One part of a multipart body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its Content-Type; `None` where it has none, or one that cannot be read.
    pub content_type: Option<MediaType<'a>>,
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
    let mut at = range.start;
    let mut content_type = None;
    while at < range.end {
        let end = memchr::memchr(b'\n', &body[at..range.end]).map_or(range.end, |end| at + end + 1);
        let line = body[at..end].trim_ascii_end();
        at = end;
        if line.is_empty() {
            return Part { content_type, content: at..range.end };
        }
        let name = chars::run(line, chars::TOKEN);
        if HeaderName::from_bytes(&line[..name]) == HeaderName::ContentType
            && let Some(value) = line[name..].trim_ascii_start().strip_prefix(b":")
        {
            content_type = std::str::from_utf8(value).ok().and_then(|text| MediaType::parse(text).ok());
        }
    }
    Part { content_type, content: range.end..range.end }
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
}
