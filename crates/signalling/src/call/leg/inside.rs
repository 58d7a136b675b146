//! Requests inside the dialog, and leaving it (RFC 3261 §12.2, §14, §15).

use super::server::write_user_to_user;
use super::{Context, Extra, Leg, LegEvent, MAX_FORWARDS, State};
use crate::call::user_to_user::said;
use crate::dialog::{Dialog, Verdict};
use crate::message::{EventHeader, HeaderName, Message, Method, unreadable_body};
use crate::negotiation::Exchange;
use crate::outside::{ALLOW_EVENTS, bad_event};
use crate::reason;
use crate::tombstone::Tombstone;
use crate::wire::{Arrival, Transmit};
use tandem_model::{Prack, ReferRule};

impl Leg {
    pub(super) fn on_request_inside(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        let verdict = self.dialog_of(&arrival.message).map_or(Verdict::Stranger, |dialog| dialog.accept(&arrival.message));
        if verdict == Verdict::InOrder {
            self.note_remote(&arrival);
        }
        match (verdict, arrival.message.method()) {
            (Verdict::Stranger, _) => self.refuse(context, &arrival, 481, |_| {}),
            (Verdict::OutOfOrder, _) => self.refuse(context, &arrival, 500, |_| {}),
            (Verdict::InOrder, Method::Bye) => return self.on_bye(context, &arrival),
            // RFC 3262 §3: also after the final response.
            (_, Method::Prack) if self.reliable.is_some() && self.extensions().missing(&arrival.message).next().is_none() => {
                return self.on_prack(context, arrival);
            }
            _ if self.state == State::Leaving => self.refuse(context, &arrival, 481, |_| {}),
            _ if self.extensions().missing(&arrival.message).next().is_some() => self.refuse_extension(context, &arrival),
            (_, Method::Invite | Method::Update) if let Some(least) = self.too_short(&arrival.message) => {
                // RFC 4028 §9.
                self.refuse(context, &arrival, 422, |printer| {
                    printer.header_number(HeaderName::MinSe, least);
                });
            }
            (_, Method::Invite) => return self.on_reinvite(context, arrival),
            (_, Method::Info | Method::Message | Method::Options | Method::Update | Method::Refer) => return self.hold(context, arrival),
            (_, Method::Notify) if self.state == State::Confirmed && tells_of_refer(&arrival.message) => {
                return self.hold(context, arrival);
            }
            (_, Method::Subscribe) if self.state == State::Confirmed && self.profile.refer != ReferRule::Refuse => {
                return self.hold(context, arrival);
            }
            // RFC 3262 §3: it matches nothing.
            (_, Method::Prack) if self.profile.prack != Prack::Off => self.refuse(context, &arrival, 481, |_| {}),
            (_, Method::Subscribe | Method::Notify) => match bad_event(&arrival.message) {
                489 => self.refuse(context, &arrival, 489, |printer| {
                    printer.header_str(HeaderName::AllowEvents, ALLOW_EVENTS);
                }),
                status => self.refuse(context, &arrival, status, |_| {}),
            },
            // §8.2.1: a method that nobody here knows is 501, one that is known but not allowed is 405 with Allow.
            (_, Method::Other) => self.refuse(context, &arrival, 501, |_| {}),
            _ => self.refuse(context, &arrival, 405, |printer| {
                self.announced().write_allow(printer);
            }),
        }
        None
    }

    /// The dialog that a request is about. An early one is not ended by the callee's BYE (§15).
    fn dialog_of(&mut self, request: &Message) -> Option<&mut Dialog> {
        if self.dialog.is_some() {
            return self.dialog.as_mut();
        }
        let early = request.method() != Method::Bye;
        self.early.iter_mut().find(|dialog| early && dialog.is_of(request))
    }

    /// Answers with a status and a header or two, and leaves the whole answer for retransmissions.
    pub(super) fn refuse(
        &self,
        context: &mut Context<'_>,
        arrival: &Arrival,
        status: u16,
        extra: impl FnOnce(&mut crate::message::Printer),
    ) {
        let mut printer = self.plain_response(arrival, status);
        extra(&mut printer);
        self.answer_wholly(context, arrival, printer.finish());
    }

    /// 420, and what it requires that is not known (§8.2.2.3).
    pub(super) fn refuse_extension(&self, context: &mut Context<'_>, arrival: &Arrival) {
        let list = self.extensions().missing(&arrival.message).collect::<Vec<_>>().join(", ");
        self.refuse(context, arrival, 420, |printer| {
            printer.header(HeaderName::Unsupported, list);
        });
    }

    /// Answers with a whole message, which is left for retransmissions.
    pub(super) fn answer_wholly(&self, context: &mut Context<'_>, arrival: &Arrival, bytes: bytes::Bytes) {
        context
            .outputs
            .push_back(crate::call::Output::Retire(arrival.key, Tombstone::Repeat(bytes.to_vec().into_boxed_slice(), self.returns())));
        context.send(Transmit {
            listener: arrival.flow.listener,
            destination: self.answers_to(&arrival.message, &arrival.flow),
            bytes,
            trial: false,
        });
    }

    fn on_bye(&mut self, context: &mut Context<'_>, arrival: &Arrival) -> Option<LegEvent> {
        let was = self.state;
        self.answer_plainly(context, arrival, 200);
        // §15.1.2: whatever the peer still waits for is answered 487.
        self.end_held(context);
        self.reject(context, 487, None, &Extra::none());
        self.state = State::Leaving;
        self.farewell = None;
        // The call acknowledges a 2xx that it has still to answer, unless it has ended already.
        if was == State::Leaving && self.is_unacknowledged() {
            self.ack(context, None);
        }
        self.abandon_invite(context);
        if self.profile.user_to_user.lets_in {
            self.user_to_user = said(&arrival.message);
        }
        (was != State::Leaving).then(|| LegEvent::HungUp(reason::passable(&arrival.message)))
    }

    fn on_reinvite(&mut self, context: &mut Context<'_>, arrival: Arrival) -> Option<LegEvent> {
        // RFC 5407 §3.1.4: whoever sends another INVITE has our 2xx; only its ACK is late or lost. An answer that it owes us is not.
        if self.awaiting_ack.is_some() && self.media.exchange() == Exchange::Stable {
            self.awaiting_ack = None;
        }
        // §14.2: one INVITE at a time from each side.
        if self.state == State::Incoming || self.has_open_server_invite() || self.is_awaiting_ack() {
            self.refuse_for_now(context, &arrival);
            return None;
        }
        if self.has_open_client_invite() {
            self.refuse(context, &arrival, 491, |_| {});
            return None;
        }
        if let Some(accept) = unreadable_body(&arrival.message) {
            self.refuse(context, &arrival, 415, |printer| {
                printer.header(accept.0, accept.1);
            });
            return None;
        }
        self.note_allow(&arrival.message);
        if let Some(dialog) = &mut self.dialog {
            dialog.refresh_target(&arrival.message);
        }
        self.open_server(context, arrival);
        Some(LegEvent::Reinvited)
    }

    /// BYE, or whatever must come before it.
    pub(super) fn leave_dialog(&mut self, context: &mut Context<'_>, reason: Option<&str>) {
        self.state = State::Leaving;
        self.reject(context, 487, None, &Extra::reason(reason));
        if self.is_unacknowledged() {
            self.ack(context, None);
        }
        self.abandon_invite(context);
        match &self.awaiting_ack {
            // §15.1.1: no BYE before the first INVITE's ACK is here or is given up.
            Some(awaiting) if awaiting.first => self.farewell = Some(reason.map(Into::into)),
            _ => {
                self.awaiting_ack = None;
                self.bye(context, reason);
            }
        }
    }

    pub(super) fn bye(&mut self, context: &mut Context<'_>, reason: Option<&str>) {
        self.state = State::Leaving;
        let Some(way) = self.dialog_way(context.node) else { return };
        let (serial, via) = self.new_via(context, &way);
        let announced = self.announced();
        let Some(dialog) = &mut self.dialog else { return };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Bye.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        if let Some(reason) = reason {
            printer.header_str(HeaderName::Reason, reason);
        }
        write_user_to_user(&mut printer, &mut self.user_to_user);
        announced.write_supported(&mut printer);
        let bytes = printer.finish();
        self.send_request(context, serial, Method::Bye, bytes, way);
    }
}

/// Whether a NOTIFY is of what becomes of a REFER.
fn tells_of_refer(notify: &Message) -> bool {
    notify.header(HeaderName::Event).and_then(EventHeader::parse).is_some_and(|event| event.is_refer())
}
