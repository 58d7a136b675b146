//! NOTIFY of what becomes of a REFER (RFC 3515 §2.4.4).

use super::requests::Interest;
use super::{Asked, Context, HeldId, Leg, MAX_FORWARDS, State, hops_left};
use crate::message::{HeaderName, Message, Method, SIPFRAG};

impl Leg {
    /// NOTIFY with a status line as its body: `about` are Event and Subscription-State. False if it cannot be sent.
    pub(crate) fn notify(&mut self, context: &mut Context<'_>, notice: u16, about: (&str, &str), fragment: &[u8]) -> bool {
        if !self.has_room_to_ask() {
            return false;
        }
        let Some(way) = self.dialog_way(context.node) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let (contact, announced) = (self.contact(context.node), self.announced());
        let Some(dialog) = &mut self.dialog else { return false };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Notify.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        contact.write(&mut printer);
        announced.write_supported(&mut printer);
        printer.header_str(HeaderName::Event, about.0);
        printer.header_str(HeaderName::SubscriptionState, about.1);
        let bytes = printer.finish_with_body(SIPFRAG, fragment);
        self.send_asked(context, (serial, Method::Notify), bytes, way, Interest::Notice(notice));
        true
    }

    /// Passes a REFER of the other leg's peer on, or a NOTIFY of what becomes of one, with these headers and that fragment. Its CSeq
    /// number; `None` if it cannot be sent.
    pub(crate) fn pass(&mut self, context: &mut Context<'_>, id: HeldId, request: &Message, passed: &Passed<'_>) -> Option<u32> {
        if !matches!(self.state, State::Confirmed | State::Subscribed) || !self.has_room_to_ask() {
            return None;
        }
        let way = self.dialog_way(context.node)?;
        let (serial, via) = self.new_via(context, &way);
        self.was_referred |= request.method() == Method::Refer;
        let (contact, announced) = (self.contact(context.node), self.announced());
        let hops = hops_left(Some(request));
        let dialog = self.dialog.as_mut()?;
        let cseq = dialog.next_cseq();
        let method = request.method();
        let mut printer = dialog.request(method.as_str(), cseq, &via.parts(), hops);
        contact.write(&mut printer);
        if method == Method::Refer {
            announced.write_allow(&mut printer);
        }
        announced.write_supported(&mut printer);
        for (name, value) in passed.headers {
            printer.header_str(*name, value);
        }
        let bytes = match passed.fragment {
            Some(fragment) => printer.finish_with_body(SIPFRAG, fragment),
            None => printer.finish(),
        };
        // RFC 6665 §4.2.2: a refused NOTIFY ends its subscription, and not the call.
        let asked = Asked { id, settled: method == Method::Refer };
        self.send_asked(context, (serial, method), bytes, way, Interest::Asker(asked));
        Some(cseq)
    }
}

/// What a request says that is passed on.
pub(crate) struct Passed<'a> {
    pub(crate) headers: &'a [(HeaderName, &'a str)],
    pub(crate) fragment: Option<&'a [u8]>,
}
