//! The headers that every message has and every step of its way asks for (RFC 3261 §8.1.1): where their parts lie, found once.

use super::headers::{CSeq, NameAddr, Via};
use super::list::Params;
use super::parse::Span;
use super::{HeaderName, Message, Method};

/// `None` for what is missing or cannot be read: whoever asks for that reads it again, and gets the error.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Essentials {
    pub(super) via: Option<ViaPlace>,
    pub(super) from: Option<AddressPlace>,
    pub(super) to: Option<AddressPlace>,
    pub(super) cseq: Option<CSeqPlace>,
}

/// The topmost Via.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViaPlace {
    transport: Span,
    host: Span,
    sent_by: Span,
    port: Option<u16>,
    params: Span,
    pub(super) branch: Option<Span>,
}

/// From or To.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressPlace {
    display: Option<Span>,
    uri: Span,
    params: Span,
    pub(super) tag: Option<Span>,
}

/// CSeq.
#[derive(Clone, Copy, Debug)]
pub(super) struct CSeqPlace {
    number: u32,
    pub(super) method: Method,
    token: Span,
}

impl Essentials {
    /// Reads those of `message`, which has none yet.
    pub(super) fn of(message: &Message) -> Essentials {
        let place = |part: &str| message.place(part);
        let address = |address: NameAddr<'_>| AddressPlace {
            display: address.display.map(place),
            uri: place(address.uri),
            params: place(address.params.as_str()),
            tag: address.tag().map(place),
        };
        Essentials {
            via: message.read_via().ok().map(|via| ViaPlace {
                transport: place(via.transport),
                host: place(via.host),
                sent_by: place(via.sent_by()),
                port: via.port,
                params: place(via.params.as_str()),
                branch: via.branch().map(place),
            }),
            from: message.read(HeaderName::From, NameAddr::parse).ok().map(address),
            to: message.read(HeaderName::To, NameAddr::parse).ok().map(address),
            cseq: message.read(HeaderName::CSeq, CSeq::parse).ok().map(|cseq| CSeqPlace {
                number: cseq.number,
                method: cseq.method,
                token: place(cseq.method_token),
            }),
        }
    }
}

impl ViaPlace {
    pub(super) fn view<'a>(&self, message: &'a Message) -> Via<'a> {
        let text = |span| message.text(span);
        Via::known([self.transport, self.host, self.sent_by].map(text), self.port, Params::known(text(self.params)), self.branch.map(text))
    }
}

impl AddressPlace {
    pub(super) fn view<'a>(&self, message: &'a Message) -> NameAddr<'a> {
        let text = |span| message.text(span);
        NameAddr::known(self.display.map(text), text(self.uri), Params::known(text(self.params)), self.tag.map(text))
    }
}

impl CSeqPlace {
    pub(super) fn view<'a>(&self, message: &'a Message) -> CSeq<'a> {
        CSeq { number: self.number, method: self.method, method_token: message.text(self.token) }
    }
}
