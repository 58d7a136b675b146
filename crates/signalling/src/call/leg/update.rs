//! UPDATE of ours (RFC 3311): a session is changed, or refreshed, without a third message, and before the call is answered too.

use super::requests::Interest;
use super::{Context, Leg, MAX_FORWARDS, State, finish};
use crate::message::{Message, Method};

impl Leg {
    /// Whether an UPDATE of ours waits for its response: another must wait for it (RFC 3311 §5.2).
    pub(crate) fn has_open_update(&self) -> bool {
        self.requests.iter().any(|open| open.method == Method::Update)
    }

    /// The peer's tag in the one early dialog that there is.
    pub(crate) fn only_early_tag(&self) -> Option<&str> {
        match self.early.as_slice() {
            [dialog] => dialog.remote_tag(),
            _ => None,
        }
    }

    /// UPDATE with an offer, or with none. False if it cannot be sent now. [`LegEvent::Modified`](super::LegEvent::Modified) has the
    /// response. Whether an offer may be made at all (§5.1) is for [`crate::negotiation::Exchange`] to say.
    pub(crate) fn update(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>, max_forwards: u32) -> bool {
        if self.state == State::Leaving || self.has_open_update() || !self.has_room_to_ask() {
            return false;
        }
        let interest = Interest::Call { settled: self.state == State::Confirmed };
        self.send_update(context, sdp, max_forwards, interest)
    }

    /// UPDATE that refreshes the session (RFC 4028 §7.4). False if it cannot be sent now.
    pub(crate) fn refresh(&mut self, context: &mut Context<'_>) -> bool {
        self.state == State::Confirmed && self.send_update(context, None, MAX_FORWARDS, Interest::Refresh)
    }

    /// Whether an UPDATE without an offer may go out: one at a time (RFC 3311 §5.1), and not beside an INVITE.
    pub(crate) fn may_refresh(&self) -> bool {
        let idle = !self.has_open_client_invite() && !self.has_open_server_invite() && !self.is_awaiting_ack();
        idle && !self.requests.iter().any(|open| open.method == Method::Update) && self.has_room_to_ask()
    }

    /// The peer took an UPDATE of ours: it names its Contact anew (RFC 3311 §5.1), in the dialog in which it was asked: before the answer
    /// that may have been another phone's. `confirmed`: the call was answered when it went out.
    pub(super) fn on_updated(&mut self, context: &Context<'_>, response: &Message, confirmed: bool) {
        let mut dialogs = self.dialog.iter_mut().chain(&mut self.early);
        let Some(dialog) = dialogs.find(|dialog| dialog.remote_tag() == response.to_tag()) else { return };
        dialog.refresh_target(response);
        self.note_allow(response);
        // RFC 4028 §7.2: one that went out before said nothing of a timer. The 2xx of the INVITE has agreed on one, or will.
        if confirmed {
            self.on_timer_answer(context.now, response);
        }
    }

    fn send_update(&mut self, context: &mut Context<'_>, sdp: Option<&[u8]>, max_forwards: u32, interest: Interest) -> bool {
        let Some(way) = self.dialog_way(context.node) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let (contact, announced) = (self.contact(context.node), self.announced());
        let Some(dialog) = self.dialog.as_mut().or(self.early.last_mut()) else { return false };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Update.as_str(), cseq, &via.parts(), max_forwards);
        contact.write(&mut printer);
        announced.write_allow(&mut printer);
        self.write_mid_session(&mut printer);
        let bytes = finish(printer, sdp);
        self.send_asked(context, (serial, Method::Update), bytes, way, interest);
        true
    }
}
