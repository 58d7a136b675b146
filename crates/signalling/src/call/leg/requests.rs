//! Requests of ours other than INVITE and ACK: CANCEL and BYE (RFC 3261 §17.1.2).

use super::{Context, Leg, OurVia};
use crate::message::{Message, Method};
use crate::transaction::{Action, Event, Kind, Transaction};
use crate::wire::Transmit;
use bytes::Bytes;
use tandem_model::Destination;

/// Such requests that a leg may have open at once: a CANCEL, a BYE, and BYEs to further forks.
const MAX_OPEN_REQUESTS: usize = 16;

/// One of them, while it is open.
#[derive(Debug)]
pub(super) struct OpenRequest {
    serial: u16,
    pub(super) method: Method,
    pub(super) transaction: Transaction,
    bytes: Bytes,
    pub(super) destination: Destination,
}

impl Leg {
    pub(super) fn send_request(&mut self, context: &mut Context<'_>, serial: u16, method: Method, bytes: Bytes, destination: Destination) {
        context.send(self.transmit(destination.clone(), bytes.clone()));
        if self.requests.len() < MAX_OPEN_REQUESTS {
            let transport = context.node.listener(self.profile.listener).transport;
            let transaction = Transaction::client(context.now, Kind::ClientOther, transport);
            self.requests.push(OpenRequest { serial, method, transaction, bytes, destination });
        }
    }

    pub(super) fn on_request_response(&mut self, context: &mut Context<'_>, serial: u16, method: Method, response: &Message) {
        let Some(place) = self.requests.iter().position(|open| open.serial == serial && open.method == method) else { return };
        let event = if response.status() < 200 { Event::Provisional } else { Event::Success };
        self.requests[place].transaction.on(context.now, event);
        if event == Event::Success {
            // Timer K only absorbs repeated responses, which find nobody now and are dropped all the same.
            self.requests.swap_remove(place);
        }
    }

    pub(super) fn request_timeout(&mut self, context: &mut Context<'_>) {
        let listener = self.profile.listener;
        self.requests.retain_mut(|open| {
            let Some((_, timer)) = open.transaction.poll_timeout().filter(|(at, _)| *at <= context.now) else { return true };
            let actions = open.transaction.on(context.now, Event::Expired(timer));
            if actions.contains(&Action::Resend) {
                context.send(Transmit { listener, destination: open.destination.clone(), bytes: open.bytes.clone() });
            }
            !actions.contains(&Action::ReportTimeout)
        });
    }

    /// A client transaction that nobody has used, and its Via.
    pub(super) fn new_via(&mut self, context: &Context<'_>) -> (u16, OurVia) {
        let serial = self.next_serial();
        (serial, self.via(context.node, serial))
    }
}
