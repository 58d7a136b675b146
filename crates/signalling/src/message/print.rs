//! [`Printer`]: writes one message.

use super::chars;
use super::list::List;
use super::{Header, HeaderName, Message};
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;

/// Bytes that a printer begins with: most messages fit.
const USUAL: usize = 1024;

/// Writes one message: the start line first, headers in the order of the calls, then [`Printer::finish`] or
/// [`Printer::finish_with_body`].
///
/// Whatever is written as a value stays one line: line ends inside become spaces, so no value can add a header.
#[derive(Debug)]
pub struct Printer {
    buffer: Vec<u8>,
    /// Where the line begins that is being written.
    line: usize,
}

impl Printer {
    /// An empty printer with room for `capacity` bytes; begin it with [`Printer::start_request`] or [`Printer::start_response`].
    pub fn with_capacity(capacity: usize) -> Printer {
        Printer { buffer: Vec::with_capacity(capacity), line: 0 }
    }

    /// A request.
    pub fn request(method: &str, uri: &str) -> Printer {
        Printer::with_capacity(USUAL).start_request(method, uri)
    }

    /// A response.
    pub fn response(status: u16, reason: &str) -> Printer {
        Printer::with_capacity(USUAL).start_response(status, reason)
    }

    /// Writes the request line.
    pub fn start_request(mut self, method: &str, uri: &str) -> Printer {
        self.line(&[method, " ", uri, " SIP/2.0"]);
        self
    }

    /// Writes the status line.
    pub fn start_response(mut self, status: u16, reason: &str) -> Printer {
        self.buffer.extend_from_slice(b"SIP/2.0 ");
        self.number(usize::from(status));
        self.line(&[" ", reason]);
        self
    }

    /// A response to `request`, which came from `source`: Via, From, To, Call-ID, CSeq and Timestamp are copied (RFC 3261
    /// §8.2.6), `received` and `rport` are put into the topmost Via (§18.2.1, RFC 3581 §4), and `to_tag` into To if it has no
    /// tag. Record-Route is not copied: `copy_all` it where a dialog is made.
    pub fn response_to(request: &Message, source: SocketAddr, status: u16, reason: &str, to_tag: Option<&str>) -> Printer {
        let mut printer = Printer::response(status, reason);
        let mut topmost = true;
        for line in request.lines(HeaderName::Via) {
            printer.name(HeaderName::Via);
            if std::mem::take(&mut topmost) {
                printer.stamped(request, line, source);
            } else {
                printer.value(line);
            }
            printer.end_line();
        }
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::Timestamp] {
            let Some(value) = request.header(name) else { continue };
            printer.name(name);
            printer.value(value);
            if let (HeaderName::To, Some(tag)) = (name, to_tag)
                && request.to_tag().is_none()
            {
                printer.value(";tag=");
                printer.value(tag);
            }
            printer.end_line();
        }
        printer
    }

    /// A Via line whose first item says where the request came from.
    fn stamped(&mut self, request: &Message, line: &str, source: SocketAddr) {
        let Ok(via) = request.via() else {
            self.value(line);
            return;
        };
        let rport = via.rport().is_some();
        // §18.2.1: received is for a sent-by that is not the source; RFC 3581 §4 wants it beside every rport.
        let received = rport || via.address() != Some(source.ip());
        if !received && via.received().is_none() {
            self.value(line);
            return;
        }
        self.value("SIP/2.0/");
        self.value(via.transport);
        self.value(" ");
        self.value(via.sent_by());
        for (name, value) in via.params.iter() {
            if name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport") {
                continue;
            }
            self.value(";");
            self.value(name);
            if let Some(value) = value {
                self.value("=");
                self.value(value);
            }
        }
        if received {
            let _ = write!(self.buffer, ";received={}", source.ip());
        }
        if rport {
            self.value(";rport=");
            self.number(usize::from(source.port()));
        }
        let first = List::new(line).next().unwrap_or_default();
        let rest = first.as_ptr().addr() - line.as_ptr().addr() + first.len();
        self.value(&line[rest..]);
    }

    /// Adds a header line.
    pub fn header(&mut self, name: HeaderName, value: impl Display) -> &mut Self {
        self.name(name);
        // Writing to a Vec does not fail; a Display that fails leaves what it wrote.
        let _ = write!(self.buffer, "{value}");
        self.end_line();
        self
    }

    /// Adds a header line from text: as [`Printer::header`], without the cost of formatting.
    pub fn header_str(&mut self, name: HeaderName, value: &str) -> &mut Self {
        self.name(name);
        self.value(value);
        self.end_line();
        self
    }

    /// Adds a header line from pieces of text: as [`Printer::header`], without the cost of formatting.
    pub fn header_parts(&mut self, name: HeaderName, parts: &[&str]) -> &mut Self {
        self.name(name);
        parts.iter().for_each(|part| self.value(part));
        self.end_line();
        self
    }

    /// Adds a header line whose value is a number.
    pub fn header_number(&mut self, name: HeaderName, number: u32) -> &mut Self {
        self.name(name);
        self.number(number as usize);
        self.end_line();
        self
    }

    /// Adds a CSeq.
    pub fn header_cseq(&mut self, number: u32, method: &str) -> &mut Self {
        self.name(HeaderName::CSeq);
        self.number(number as usize);
        self.value(" ");
        self.value(method);
        self.end_line();
        self
    }

    /// Adds a header line with a name as it is to be written.
    pub fn header_raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.value(name);
        self.buffer.extend_from_slice(b": ");
        self.value(value);
        self.end_line();
        self
    }

    /// Adds a header of another message with its name as written there; a folded value comes on one line.
    pub fn copy(&mut self, header: Header<'_>) -> &mut Self {
        self.header_raw(header.raw_name, header.value)
    }

    /// Adds all lines of one name of another message.
    pub fn copy_all(&mut self, from: &Message, name: HeaderName) -> &mut Self {
        for line in from.lines(name) {
            self.name(name);
            self.value(line);
            self.end_line();
        }
        self
    }

    /// Ends a message without a body.
    pub fn finish(mut self) -> Bytes {
        self.buffer.extend_from_slice(b"Content-Length: 0\r\n\r\n");
        Bytes::from(self.buffer)
    }

    /// Ends a message with a body.
    pub fn finish_with_body(mut self, content_type: &str, body: &[u8]) -> Bytes {
        self.header_str(HeaderName::ContentType, content_type);
        self.name(HeaderName::ContentLength);
        self.number(body.len());
        self.buffer.reserve_exact(body.len() + 4);
        self.buffer.extend_from_slice(b"\r\n\r\n");
        self.buffer.extend_from_slice(body);
        Bytes::from(self.buffer)
    }

    fn line(&mut self, parts: &[&str]) {
        for part in parts {
            self.value(part);
        }
        self.end_line();
    }

    fn name(&mut self, name: HeaderName) {
        self.buffer.extend_from_slice(name.canonical().as_bytes());
        self.buffer.extend_from_slice(b": ");
    }

    /// Whatever was written since the last one is one line from now on: folds become one space each.
    fn end_line(&mut self) {
        if chars::control(&self.buffer, self.line).is_some() {
            let folded = self.buffer.split_off(self.line);
            unfold_into(&folded, &mut self.buffer);
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.line = self.buffer.len();
    }

    fn value(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        let mut rest = number;
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(&digits[at..]);
    }
}

/// Each run of white space that has a line end in it becomes one space.
#[cold]
fn unfold_into(text: &[u8], out: &mut Vec<u8>) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut rest = text;
    while let Some(place) = memchr::memchr2(b'\r', b'\n', rest) {
        let before = rest[..place].iter().rposition(|byte| !is_blank(byte)).map_or(0, |last| last + 1);
        out.extend_from_slice(&rest[..before]);
        out.push(b' ');
        let after = rest[place..].iter().position(|byte| !is_blank(byte) && !matches!(byte, b'\r' | b'\n'));
        rest = after.map_or(&[], |after| &rest[place + after..]);
    }
    out.extend_from_slice(rest);
}

/// `text` without folds.
pub(super) fn unfold(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    unfold_into(text.as_bytes(), &mut out);
    // Only whole characters were taken out.
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}
