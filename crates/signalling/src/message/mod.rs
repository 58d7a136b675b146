//! SIP messages: read without allocating, printed without losing what is not understood (RFC 3261 §7, §20, §25).
//!
//! [`Message::parse`] keeps one [`bytes::Bytes`] and notes where each header lies; values are read when they are asked for. It is
//! lenient: whatever can still be answered becomes a [`Message`] with a [defect](Message::defect), and [`screen()`] says what
//! the answer must be. [`Printer`] writes a message, [`Framer`] cuts a byte stream into messages.

mod chars;
mod error;
mod essentials;
mod extensions;
mod framing;
mod headers;
mod keys;
mod list;
mod method;
mod multipart;
mod name;
mod parse;
mod print;
mod refer;
mod reliable;
mod screen;
mod status;
mod store;
mod uri;

pub use error::{HeaderError, ParseError, ParseErrorKind, Rejection};
pub use extensions::{accepts, unreadable_body, unsupported_encodings, unsupported_extensions};
pub use framing::{Frame, FrameError, FrameErrorKind, Framer};
pub use headers::{CSeq, Contact, MediaType, NameAddr, Via};
pub use keys::KeyInfo;
pub(crate) use keys::{DTMF_RELAY, relay_body};
pub use list::Params;
pub use method::Method;
pub use multipart::{Part, parts};
pub use name::HeaderName;
pub use parse::{MAX_HEADERS, MAX_MESSAGE};
pub use print::Printer;
pub use refer::{
    BadTargetDialog, EventHeader, ReferTo, Replaces, SIPFRAG, SubscriptionState, TargetDialog, declines_subscription, escape_in_uri,
    replaces_flags, sipfrag, sipfrag_status,
};
pub use reliable::{RAck, RELIABLE};
pub use screen::screen;
pub use status::reason_phrase;
pub(crate) use uri::MAX_CONTACT;
pub use uri::{Host, Scheme, Uri, UriHeaders, UriParams, is_sips, unescape};

use bytes::Bytes;
use essentials::{AddressPlace, Essentials};
use list::List;
use parse::{Index, Span, Start, offset};
use std::borrow::Cow;
use std::ops::Range;
use store::Store;

/// The items of a header value that is a list.
pub(crate) fn comma_separated(value: &str) -> impl Iterator<Item = &str> {
    List::new(value)
}

/// A message over the bytes that it came in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Message {
    store: Store,
    start: Start,
    index: Index,
    essentials: Essentials,
    defect: Option<ParseError>,
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Which.
    pub name: HeaderName,
    /// The name as written.
    pub raw_name: &'a str,
    /// The value without the white space around it. Folds inside are kept; [`Header::unfolded`] takes them out.
    pub value: &'a str,
}

impl<'a> Header<'a> {
    /// The value on one line: each fold with the white space around it is one space (RFC 3261 §7.3.1).
    pub fn unfolded(&self) -> Cow<'a, str> {
        print::unfold(self.value)
    }
}

impl Message {
    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, Start::Request { .. })
    }

    /// A request's method; that of CSeq for a response.
    pub fn method(&self) -> Method {
        match self.start {
            Start::Request { method, .. } => method,
            Start::Response { .. } => self.essentials.cseq.map_or(Method::Other, |cseq| cseq.method),
        }
    }

    /// The method as written; empty for a response without a readable CSeq.
    pub fn method_token(&self) -> &str {
        match self.start {
            Start::Request { token, .. } => self.text(token),
            Start::Response { .. } => self.cseq().map_or("", |cseq| cseq.method_token),
        }
    }

    /// The Request-URI; empty for a response.
    pub fn uri(&self) -> &str {
        match self.start {
            Start::Request { uri, .. } => self.text(uri),
            Start::Response { .. } => "",
        }
    }

    /// The status; 0 for a request, and for a status that is none.
    pub fn status(&self) -> u16 {
        match self.start {
            Start::Request { .. } => 0,
            Start::Response { status, .. } => status,
        }
    }

    /// The reason phrase; empty for a request.
    pub fn reason(&self) -> &str {
        match self.start {
            Start::Request { .. } => "",
            Start::Response { reason, .. } => self.text(reason),
        }
    }

    /// The first thing wrong with the message as a whole, if any. [`screen()`] turns it into an answer.
    pub fn defect(&self) -> Option<ParseError> {
        self.defect
    }

    /// All header lines in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.index.lines(self.bytes()).map(|(name, line)| Header {
            name,
            raw_name: self.text((line.start, line.name_end)),
            value: self.text((line.value, line.end)),
        })
    }

    /// The value of the first line of this name, trimmed.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.index.first(self.bytes(), name).map(|line| self.text((line.value, line.end)))
    }

    /// The items of all lines of this name, for headers whose values are lists; empty items are skipped.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.lines(name).flat_map(List::new).filter(|item| !item.is_empty())
    }

    /// The value of each line of this name.
    fn lines(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.index.named(self.bytes(), name).map(|line| self.text((line.value, line.end)))
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderName::From, self.essentials.from.as_ref())
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr<'_>, HeaderError> {
        self.address(HeaderName::To, self.essentials.to.as_ref())
    }

    fn address(&self, name: HeaderName, place: Option<&AddressPlace>) -> Result<NameAddr<'_>, HeaderError> {
        place.map_or_else(|| self.read(name, NameAddr::parse), |place| Ok(place.view(self)))
    }

    /// The tag of From, if it has one and can be read.
    pub fn from_tag(&self) -> Option<&str> {
        self.essentials.from.and_then(|place| place.tag).map(|tag| self.text(tag))
    }

    /// The tag of To, if it has one and can be read.
    pub fn to_tag(&self) -> Option<&str> {
        self.essentials.to.and_then(|place| place.tag).map(|tag| self.text(tag))
    }

    /// The first Contact, if there is one.
    pub fn contact(&self) -> Result<Option<Contact<'_>>, HeaderError> {
        match self.values(HeaderName::Contact).next() {
            Some(item) => self.read_item(HeaderName::Contact, item, Contact::parse).map(Some),
            None => Ok(None),
        }
    }

    /// The topmost Via.
    pub fn via(&self) -> Result<Via<'_>, HeaderError> {
        self.essentials.via.as_ref().map_or_else(|| self.read_via(), |place| Ok(place.view(self)))
    }

    /// The branch of the topmost Via, if it has one and can be read.
    pub fn branch(&self) -> Option<&str> {
        self.essentials.via.and_then(|place| place.branch).map(|branch| self.text(branch))
    }

    fn read_via(&self) -> Result<Via<'_>, HeaderError> {
        let line = self.header(HeaderName::Via).ok_or(missing(HeaderName::Via))?;
        self.read_item(HeaderName::Via, List::new(line).next().unwrap_or_default(), Via::parse)
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq<'_>, HeaderError> {
        self.essentials.cseq.map_or_else(|| self.read(HeaderName::CSeq, CSeq::parse), |place| Ok(place.view(self)))
    }

    /// Call-ID; empty if there is none.
    pub fn call_id(&self) -> &str {
        self.header(HeaderName::CallId).unwrap_or_default()
    }

    /// Max-Forwards, if there is one: 0 to 255 (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Option<Result<u8, HeaderError>> {
        let read = |text: &str| headers::number(text.as_bytes()).and_then(|number| u8::try_from(number).ok());
        let bad = ParseError::new(0, ParseErrorKind::Number);
        self.header(HeaderName::MaxForwards).map(|value| self.read_item(HeaderName::MaxForwards, value, |text| read(text).ok_or(bad)))
    }

    /// Each Record-Route item as written.
    pub fn record_routes(&self) -> impl Iterator<Item = &str> {
        self.values(HeaderName::RecordRoute)
    }

    /// Content-Type, if it is there and readable.
    pub fn content_type(&self) -> Option<MediaType<'_>> {
        self.header(HeaderName::ContentType).and_then(|value| MediaType::parse(value).ok())
    }

    /// The body: what Content-Length covers, or all that follows the headers.
    pub fn body(&self) -> &[u8] {
        let (start, end) = self.index.body;
        &self.bytes()[usize::from(start)..usize::from(end)]
    }

    /// The session description, if there is one that is not empty: the body, or a part of a multipart body, as deep as four
    /// levels. Of alternatives it is the last. What is for something else than the session (RFC 3959) does not count.
    pub fn sdp_body(&self) -> Option<&[u8]> {
        self.sdp_range().map(|range| &self.body()[range])
    }

    /// Where [`Message::sdp_body`] lies in [`Message::body`]: what is around it belongs to the other parts.
    pub fn sdp_range(&self) -> Option<Range<usize>> {
        self.survey_body().session
    }

    /// Whether a session description is anywhere in the body, and if only of something else than the session.
    pub fn has_description(&self) -> bool {
        self.survey_body().has_description
    }

    fn survey_body(&self) -> multipart::Survey {
        multipart::survey(self.content_type(), self.header(HeaderName::ContentDisposition), self.body())
    }

    /// All bytes, as they came.
    pub fn bytes(&self) -> &Bytes {
        self.store.bytes()
    }

    /// The message over a copy of its own bytes, so that it does not keep a large read buffer alive.
    pub fn into_exact(self) -> Message {
        let end = usize::from(self.index.body.1);
        Message { store: self.store.exact(end), ..self }
    }

    fn read<'a, T>(&'a self, name: HeaderName, read: impl FnOnce(&'a str) -> Result<T, ParseError>) -> Result<T, HeaderError> {
        self.read_item(name, self.header(name).ok_or(missing(name))?, read)
    }

    /// Reads `item`, a part of this message; the position of an error is counted from the start of the message.
    fn read_item<'a, T>(
        &'a self,
        name: HeaderName,
        item: &'a str,
        read: impl FnOnce(&'a str) -> Result<T, ParseError>,
    ) -> Result<T, HeaderError> {
        read(item).map_err(|error| self.unreadable(name, item, error))
    }

    #[cold]
    fn unreadable(&self, name: HeaderName, item: &str, error: ParseError) -> HeaderError {
        let start = usize::from(self.place(item).0);
        HeaderError { name, position: start + error.position, kind: error.kind }
    }

    /// Where `part`, a part of this message, lies.
    fn place(&self, part: &str) -> Span {
        let start = part.as_ptr().addr().saturating_sub(self.bytes().as_ptr().addr());
        (offset(start), offset(start + part.len()))
    }

    /// A part of the header section. Where that is not UTF-8 (a defect), what is valid of the part.
    fn text(&self, (start, end): Span) -> &str {
        self.store.text(usize::from(start), usize::from(end))
    }
}

const fn missing(name: HeaderName) -> HeaderError {
    HeaderError { name, position: 0, kind: ParseErrorKind::Missing }
}
