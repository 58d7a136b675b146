//! A SIP message as plain owned strings: simple to read, simple to change, in no hurry.

use std::fmt::{self, Write as _};

/// The first line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// RFC 3261 §7.1.
    Request {
        /// As written.
        method: String,
        /// Request-URI as written.
        uri: String,
    },
    /// RFC 3261 §7.2.
    Response {
        /// 100 to 699.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

/// One message. Header names are kept in their long form whatever the wire said; values are unfolded and trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What kind it is.
    pub start: StartLine,
    /// Names and values in their order.
    pub headers: Vec<(String, String)>,
    /// As long as Content-Length says, or to the end of the datagram.
    pub body: Vec<u8>,
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSip(pub String);

impl fmt::Display for NotSip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 3261 §7.3.3 and the registrations since.
const COMPACT: [(&str, &str); 19] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("d", "Request-Disposition"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("j", "Reject-Contact"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("n", "Identity-Info"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("s", "Subject"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
    ("x", "Session-Expires"),
];

impl Message {
    /// A request with no header yet.
    pub fn request(method: &str, uri: &str) -> Message {
        Message { start: StartLine::Request { method: method.into(), uri: uri.into() }, headers: Vec::new(), body: Vec::new() }
    }

    /// A response with no header yet.
    pub fn response(status: u16, reason: &str) -> Message {
        Message { start: StartLine::Response { status, reason: reason.into() }, headers: Vec::new(), body: Vec::new() }
    }

    /// Reads one datagram (RFC 3261 §7). Trailing bytes beyond Content-Length are ignored (§18.3); fewer are an error.
    pub fn parse(datagram: &[u8]) -> Result<Message, NotSip> {
        let end = datagram.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| NotSip("no empty line".into()))?;
        let head = std::str::from_utf8(&datagram[..end]).map_err(|_| NotSip("headers are not UTF-8".into()))?;
        let mut lines = head.split("\r\n");
        let start = parse_start(lines.next().unwrap_or_default())?;
        let mut headers: Vec<(String, String)> = Vec::with_capacity(16);
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let last = headers.last_mut().ok_or_else(|| NotSip("a continuation of nothing".into()))?;
                last.1.push(' ');
                last.1.push_str(line.trim());
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| NotSip(format!("header without a colon: {line:?}")))?;
            headers.push((long_name(name.trim()).to_owned(), value.trim().to_owned()));
        }
        let mut message = Message { start, headers, body: Vec::new() };
        let rest = &datagram[end + 4..];
        let length = match message.header("Content-Length") {
            Some(text) => text.parse::<usize>().map_err(|_| NotSip(format!("Content-Length {text:?}")))?,
            None => rest.len(),
        };
        message.body = rest.get(..length).ok_or_else(|| NotSip(format!("{} bytes of body where {length} were said", rest.len())))?.to_vec();
        Ok(message)
    }

    /// The bytes for the wire, with a Content-Length that is right unless one was set by hand.
    pub fn print(&self) -> Vec<u8> {
        let mut text = String::with_capacity(600 + self.body.len());
        // Writing to a String cannot fail.
        let _ = match &self.start {
            StartLine::Request { method, uri } => write!(text, "{method} {uri} SIP/2.0\r\n"),
            StartLine::Response { status, reason } => write!(text, "SIP/2.0 {status} {reason}\r\n"),
        };
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if self.header("Content-Length").is_none() {
            let _ = write!(text, "Content-Length: {}\r\n", self.body.len());
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// As [`Message::push`], for chains.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Message {
        self.push(name, value);
        self
    }

    /// Replaces all headers of that name by one, in the place of the first.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.headers.iter().position(|(other, _)| other.eq_ignore_ascii_case(name)) {
            Some(place) => {
                self.headers[place].1 = value;
                let mut index = 0;
                self.headers.retain(|(other, _)| {
                    index += 1;
                    index - 1 <= place || !other.eq_ignore_ascii_case(name)
                });
            }
            None => self.push(name, value),
        }
    }

    /// Takes all headers of that name away.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    }

    /// Gives the message a body of that type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.set("Content-Type", content_type);
        self.body = body;
    }

    /// The first header of that (long) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value of a list header, over all its lines.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        lines.flat_map(|(_, value)| split_list(value)).collect()
    }

    /// The method of a request; of a response, what its CSeq says.
    pub fn method(&self) -> &str {
        match &self.start {
            StartLine::Request { method, .. } => method,
            StartLine::Response { .. } => self.cseq().map_or("", |(_, method)| method),
        }
    }

    /// The Request-URI; empty for a response.
    pub fn uri(&self) -> &str {
        match &self.start {
            StartLine::Request { uri, .. } => uri,
            StartLine::Response { .. } => "",
        }
    }

    /// The status; 0 for a request.
    pub fn status(&self) -> u16 {
        match &self.start {
            StartLine::Request { .. } => 0,
            StartLine::Response { status, .. } => *status,
        }
    }

    /// Whether it asks rather than answers.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// Number and method of CSeq.
    pub fn cseq(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("CSeq")?.split_once([' ', '\t'])?;
        Some((number.parse().ok()?, method.trim()))
    }

    /// The Call-ID; empty if there is none.
    pub fn call_id(&self) -> &str {
        self.header("Call-ID").unwrap_or_default()
    }

    /// Whether it carries SDP.
    pub fn has_sdp(&self) -> bool {
        let kind = self.header("Content-Type").and_then(|value| value.split(';').next());
        !self.body.is_empty() && kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/sdp"))
    }

    /// In a word, for ladders: `INVITE (SDP)`, `200 OK (INVITE, SDP)`.
    pub fn label(&self) -> String {
        let sdp = self.has_sdp();
        match &self.start {
            StartLine::Request { method, .. } => format!("{method}{}", if sdp { " (SDP)" } else { "" }),
            StartLine::Response { status, reason } => {
                format!("{status} {reason} ({}{})", self.method(), if sdp { ", SDP" } else { "" })
            }
        }
    }
}

fn parse_start(line: &str) -> Result<StartLine, NotSip> {
    let broken = || NotSip(format!("start line {line:?}"));
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let status: u16 = status.parse().map_err(|_| broken())?;
        if !(100..700).contains(&status) {
            return Err(broken());
        }
        return Ok(StartLine::Response { status, reason: reason.to_owned() });
    }
    let rest = line.strip_suffix(" SIP/2.0").ok_or_else(broken)?;
    let (method, uri) = rest.split_once(' ').ok_or_else(broken)?;
    if method.is_empty() || uri.is_empty() || uri.contains(' ') {
        return Err(broken());
    }
    Ok(StartLine::Request { method: method.to_owned(), uri: uri.to_owned() })
}

fn long_name(name: &str) -> &str {
    if name.len() != 1 {
        return name;
    }
    COMPACT.iter().find(|(short, _)| name.eq_ignore_ascii_case(short)).map_or(name, |(_, long)| long)
}

/// Cuts a list at its commas, but not at those in quotes or angle brackets.
pub(crate) fn split_list(value: &str) -> Vec<&str> {
    let (mut items, mut begin, mut quoted, mut bracketed, mut escaped) = (Vec::new(), 0, false, false, false);
    for (place, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            b',' if !quoted && !bracketed => {
                items.push(value[begin..place].trim());
                begin = place + 1;
            }
            _ => {}
        }
    }
    items.push(value[begin..].trim());
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_message_parses_to_itself() {
        let mut message =
            Message::request("INVITE", "sip:bob@[2001:db8::1]").with("Via", "SIP/2.0/UDP a;branch=z9hG4bK1").with("CSeq", "7 INVITE");
        message.set_body("application/sdp", b"v=0\r\n".to_vec());
        let parsed = Message::parse(&message.print()).unwrap();
        assert_eq!(parsed.header("Content-Length"), Some("5"));
        assert_eq!((parsed.cseq(), parsed.has_sdp()), (Some((7, "INVITE")), true));
        assert_eq!(parsed.label(), "INVITE (SDP)");
    }

    #[test]
    fn compact_and_folded_headers_and_lists_are_read() {
        let text = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a\r\n ;branch=z\r\nm: \"a,b\" <sip:x,y@z>, <sip:q>\r\nl: 0\r\n\r\n";
        let message = Message::parse(text).unwrap();
        assert_eq!(message.header("via"), Some("SIP/2.0/UDP a ;branch=z"));
        assert_eq!(message.list("Contact"), ["\"a,b\" <sip:x,y@z>", "<sip:q>"]);
    }

    #[test]
    fn a_body_shorter_than_said_is_an_error() {
        assert!(Message::parse(b"BYE sip:a SIP/2.0\r\nContent-Length: 4\r\n\r\nabc").is_err());
    }

    #[test]
    fn set_leaves_one_header_of_the_name() {
        let mut message = Message::request("BYE", "sip:a").with("Route", "1").with("X", "x").with("Route", "2");
        message.set("Route", "3");
        assert_eq!(message.headers, [("Route".into(), "3".into()), ("X".into(), "x".into())]);
    }
}
