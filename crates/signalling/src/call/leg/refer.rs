//! NOTIFY of what becomes of a REFER (RFC 3515 §2.4.4).

use super::requests::Interest;
use super::{Context, Leg, MAX_FORWARDS};
use crate::message::{HeaderName, Method, SIPFRAG};

impl Leg {
    /// NOTIFY with a status line as its body: `about` are Event and Subscription-State. False if it cannot be sent.
    pub(crate) fn notify(&mut self, context: &mut Context<'_>, notice: u16, about: (&str, &str), fragment: &[u8]) -> bool {
        if !self.has_room_to_ask() {
            return false;
        }
        let Some(way) = self.dialog_way(context.node) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let contact = self.contact(context.node);
        let Some(dialog) = &mut self.dialog else { return false };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Notify.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        contact.write(&mut printer);
        printer.header_str(HeaderName::Event, about.0);
        printer.header_str(HeaderName::SubscriptionState, about.1);
        let bytes = printer.finish_with_body(SIPFRAG, fragment);
        self.send_asked(context, (serial, Method::Notify), bytes, way, Interest::Notice(notice));
        true
    }
}
