//! Dialogs (RFC 3261 §12): what two user agents keep of each other while a call lasts.
//!
//! A [`Dialog`] is made from an INVITE and its response, on either side. It writes the frame of every request inside
//! it ([`Dialog::request`]) and judges every request that comes for it ([`Dialog::accept`]).

pub mod reliable;
mod routing;
mod sequence;
pub mod session_timer;
pub mod subscription;

use routing::{NextHop, next_hop, place_of};
pub(crate) use routing::{destination_of, first_hop};
use sequence::{Order, Sequence};

use crate::message::{Contact, HeaderName, Message, NameAddr, Printer, Scheme, Uri};
use crate::minted::Minted;
use crate::session_id::SessionId;
use routing::RouteSet;
use tandem_model::{Destination, Transport};

/// Record-Route entries that a dialog keeps; a longer set is refused.
const MAX_ROUTES: usize = 32;

/// A dialog, early or confirmed.
#[derive(Clone, Debug)]
pub struct Dialog {
    call_id: Box<str>,
    local_tag: Minted,
    /// `None` for a peer of RFC 2543 that sends none (§12.1.1).
    remote_tag: Option<Box<str>>,
    /// Our own From or To without its tag.
    local: Box<str>,
    /// The peer's, without its tag.
    remote: Box<str>,
    /// The peer's Contact URI.
    target: Box<str>,
    /// What its requests leave over.
    over: Transport,
    /// Where requests go (§8.1.2).
    hop: Option<NextHop>,
    routes: RouteSet,
    sequence: Sequence,
    /// What its requests say in Session-ID.
    pub(crate) session: SessionId,
}

/// Why no dialog can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// §12.1: a dialog needs the peer's Contact.
    #[error("no usable Contact")]
    NoContact,
    /// More Record-Route entries than a dialog keeps: 32.
    #[error("too many Record-Route entries")]
    TooManyRoutes,
    /// From, To or CSeq could not be read.
    #[error("unreadable From, To or CSeq")]
    Unreadable,
}

/// Whether a request inside a dialog may be worked on (§12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    InOrder,
    /// Its CSeq is lower than one seen before: 500.
    OutOfOrder,
    /// It names another dialog: 481.
    Stranger,
}

impl Dialog {
    /// The callee's side, from an INVITE (§12.1.1). Its requests leave `over` the same transport.
    pub fn from_invite(request: &Message, local_tag: Minted, over: Transport) -> Result<Dialog, DialogError> {
        let from = request.from().map_err(|_| DialogError::Unreadable)?;
        let to = request.to().map_err(|_| DialogError::Unreadable)?;
        let cseq = request.cseq().map_err(|_| DialogError::Unreadable)?;
        let (target, place) = contact(request, over)?;
        let routes = RouteSet::from_request(request)?;
        Ok(Dialog {
            call_id: request.call_id().into(),
            local_tag,
            remote_tag: request.from_tag().map(Into::into),
            local: without_tag(request.header(HeaderName::To).unwrap_or_default(), &to),
            remote: without_tag(request.header(HeaderName::From).unwrap_or_default(), &from),
            target,
            over,
            hop: routes.next_hop(place, over),
            routes,
            sequence: Sequence::answering(cseq.number),
            session: SessionId::default(),
        })
    }

    /// The caller's side, from a response to our INVITE (§12.1.2). `request_cseq` is the INVITE's; `asked` its Request-URI,
    /// which stands in for the Contact that a 2xx must have and some peers leave out.
    pub fn from_response(
        response: &Message,
        local_tag: Minted,
        request_cseq: u32,
        asked: &str,
        over: Transport,
    ) -> Result<Dialog, DialogError> {
        let from = response.from().map_err(|_| DialogError::Unreadable)?;
        let to = response.to().map_err(|_| DialogError::Unreadable)?;
        let (target, place) = contact(response, over).unwrap_or_else(|_| (asked.into(), next_hop(asked, over)));
        let routes = RouteSet::from_response(response)?;
        Ok(Dialog {
            call_id: response.call_id().into(),
            local_tag,
            remote_tag: response.to_tag().map(Into::into),
            local: without_tag(response.header(HeaderName::From).unwrap_or_default(), &from),
            remote: without_tag(response.header(HeaderName::To).unwrap_or_default(), &to),
            target,
            over,
            hop: routes.next_hop(place, over),
            routes,
            sequence: Sequence::calling(request_cseq),
            session: SessionId::default(),
        })
    }

    /// The early dialog once its 2xx is here: target and route set are those of the 2xx (§13.2.2.4).
    pub fn confirmed(mut self, response: &Message) -> Result<Dialog, DialogError> {
        self.routes = RouteSet::from_response(response)?;
        let place = match contact(response, self.over) {
            Ok((target, place)) => {
                self.target = target;
                place
            }
            Err(_) => next_hop(&self.target, self.over),
        };
        self.hop = self.routes.next_hop(place, self.over);
        Ok(self)
    }

    /// The same, named like this in Session-ID.
    pub(crate) fn in_session(self, session: SessionId) -> Dialog {
        Dialog { session, ..self }
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    pub fn local_tag(&self) -> &str {
        self.local_tag.as_str()
    }

    /// The peer's tag.
    pub fn remote_tag(&self) -> Option<&str> {
        self.remote_tag.as_deref()
    }

    /// The URI under which the peer is reached: its Contact's, or where that is of no use in SIP the one in its From or To.
    pub fn reached_at(&self) -> &str {
        let is_sip = |uri: &str| Uri::parse(uri).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips));
        let remote = || NameAddr::parse(&self.remote).map_or(&*self.target, |address| address.uri);
        if is_sip(&self.target) { &self.target } else { remote() }
    }

    /// The next CSeq number of ours, now used.
    pub fn next_cseq(&mut self) -> u32 {
        self.sequence.next_local()
    }

    /// Whether `request` belongs here and comes in order; if so its CSeq counts as seen. ACK and CANCEL repeat their
    /// INVITE's number and are not for this.
    pub fn accept(&mut self, request: &Message) -> Verdict {
        let (true, Ok(cseq)) = (self.is_of(request), request.cseq()) else { return Verdict::Stranger };
        match self.sequence.on_remote(cseq.number) {
            Order::InOrder => Verdict::InOrder,
            Order::OutOfOrder => Verdict::OutOfOrder,
        }
    }

    /// Whether a request with our tag names this dialog in all its parts (§12.2.2).
    pub fn is_of(&self, request: &Message) -> bool {
        request.call_id() == &*self.call_id && request.from_tag() == self.remote_tag()
    }

    /// A target refresh request, or a 2xx to one, names the peer's Contact anew (§12.2).
    pub fn refresh_target(&mut self, message: &Message) {
        if let Ok((target, place)) = contact(message, self.over) {
            self.target = target;
            self.hop = self.routes.next_hop(place, self.over);
        }
    }

    /// The frame of a request inside the dialog (§12.2.1.1): request line, Via, Max-Forwards, From, To, Call-ID, CSeq
    /// and Route. `via` is our Via value, in pieces.
    pub fn request(&self, method: &str, cseq: u32, via: &[&str], max_forwards: u32) -> Printer {
        let (uri, routes) = self.routes.plan(&self.target);
        let mut printer = Printer::request(method, uri);
        printer.header_parts(HeaderName::Via, via);
        for route in routes {
            printer.header(HeaderName::Route, route);
        }
        printer.header_number(HeaderName::MaxForwards, max_forwards);
        printer.header_parts(HeaderName::From, &[&self.local, ";tag=", self.local_tag.as_str()]);
        match &self.remote_tag {
            Some(tag) => printer.header_parts(HeaderName::To, &[&self.remote, ";tag=", tag]),
            None => printer.header_str(HeaderName::To, &self.remote),
        };
        printer.header_str(HeaderName::CallId, &self.call_id);
        printer.header_cseq(cseq, method);
        self.session.write(&mut printer);
        printer
    }

    /// What its requests leave over.
    pub fn over(&self) -> Transport {
        self.over
    }

    /// What the next hop wants its requests to go over, if it says (RFC 3263 §4.1).
    pub fn transport(&self) -> Option<Transport> {
        self.hop.as_ref()?.transport
    }

    /// Where its requests go (§8.1.2): the first route, else the target. `None` if neither names a place to send to.
    pub fn destination(&self) -> Option<Destination> {
        self.hop.as_ref().map(|hop| hop.destination.clone())
    }
}

/// The Contact's URI, and the place that it names.
fn contact(message: &Message, over: Transport) -> Result<(Box<str>, Option<NextHop>), DialogError> {
    let Ok(Some(Contact::Address(address))) = message.contact() else { return Err(DialogError::NoContact) };
    let uri = Uri::parse(address.uri).map_err(|_| DialogError::NoContact)?;
    let place = place_of(&uri, over).ok_or(DialogError::NoContact)?;
    // §19.1.1: a Request-URI, which it is to become, has no headers.
    let target = &address.uri[..address.uri.len() - uri.headers.as_str().len()];
    Ok((target.into(), Some(place)))
}

/// A From or To value less its tag parameter, which each message gets anew.
fn without_tag(value: &str, address: &NameAddr<'_>) -> Box<str> {
    let params = address.params.as_str();
    let bare = value[..value.len() - params.len()].trim_end();
    let others = || address.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("tag"));
    if others().next().is_none() {
        return bare.into();
    }
    let mut kept = bare.to_owned();
    for (name, value) in others() {
        kept.push(';');
        kept.push_str(name);
        if let Some(value) = value {
            kept.push('=');
            kept.push_str(value);
        }
    }
    kept.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use crate::message::NameAddr;

    fn without_tag(value: &str) -> Box<str> {
        super::without_tag(value, &NameAddr::parse(value).unwrap())
    }

    #[test]
    fn the_tag_goes_and_all_else_stays() {
        assert_eq!(&*without_tag("<sip:a@b;x=y>;tag=1;q=2"), "<sip:a@b;x=y>;q=2");
        assert_eq!(&*without_tag("\"a <;tag=no\\\"> \" <sip:a@b> ; TAG = 1"), "\"a <;tag=no\\\"> \" <sip:a@b>");
        assert_eq!(&*without_tag("sip:a@b;tag=1"), "sip:a@b");
        assert_eq!(&*without_tag("Anna <sip:a@b>"), "Anna <sip:a@b>");
    }
}
