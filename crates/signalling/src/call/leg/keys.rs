//! Keys that a leg's peer wants to hear by INFO: one request at a time, so that they come in the order in which they were pressed.

use super::requests::Interest;
use super::{Context, Leg, LegEvent, MAX_FORWARDS, State};
use crate::message::{DTMF_RELAY, Message, Method, relay_body};
use std::collections::VecDeque;
use tandem_model::{Event, EventKind, KeyPress};

/// Keys that may wait for the one before them: more than anybody presses while one is on its way.
const MAX_WAITING: usize = 32;

/// What a leg's peer is to be told of keys.
#[derive(Debug, Default)]
pub(super) struct TellingKeys {
    waiting: VecDeque<KeyPress>,
    /// One is on its way.
    is_open: bool,
    /// The peer takes none, which has been told.
    is_refused: bool,
}

impl Leg {
    /// Tells the peer of a key by INFO, behind those that were pressed before it.
    pub(crate) fn tell_key(&mut self, context: &mut Context<'_>, press: KeyPress) {
        let telling = self.telling_keys.get_or_insert_default();
        if telling.waiting.len() < MAX_WAITING {
            telling.waiting.push_back(press);
        }
        self.tell_next_key(context);
    }

    fn tell_next_key(&mut self, context: &mut Context<'_>) {
        let Some(telling) = self.telling_keys.as_ref().filter(|telling| !telling.is_open) else { return };
        let Some(press) = telling.waiting.front().copied() else { return };
        let sent = self.send_key(context, press);
        if let Some(telling) = &mut self.telling_keys {
            telling.waiting.pop_front();
            telling.is_open = sent;
            if !sent {
                // There is no dialog that it could go in, or no room.
                telling.waiting.clear();
            }
        }
    }

    fn send_key(&mut self, context: &mut Context<'_>, press: KeyPress) -> bool {
        if self.state == State::Leaving || !self.has_room_to_ask() {
            return false;
        }
        let Some(way) = self.dialog_way(context.node) else { return false };
        let (serial, via) = self.new_via(context, &way);
        let announced = self.announced();
        let settled = self.dialog.is_some();
        let Some(dialog) = self.dialog.as_mut().or(self.early.last_mut()) else { return false };
        let cseq = dialog.next_cseq();
        let mut printer = dialog.request(Method::Info.as_str(), cseq, &via.parts(), MAX_FORWARDS);
        announced.write_supported(&mut printer);
        let bytes = printer.finish_with_body(DTMF_RELAY, relay_body(press).as_bytes());
        self.send_asked(context, (serial, Method::Info), bytes, way, Interest::Key { settled });
        true
    }

    /// There is no peer any more, as it seems. If the call goes on with it all the same the next key is a new beginning.
    pub(super) fn on_key_lost(&mut self) {
        if let Some(telling) = &mut self.telling_keys {
            telling.is_open = false;
            telling.waiting.clear();
        }
    }

    /// The peer has answered; `None`: it did not, or could not be reached.
    pub(super) fn on_key_told(&mut self, context: &mut Context<'_>, settled: bool, response: Option<&Message>) -> Option<LegEvent> {
        let telling = self.telling_keys.as_mut()?;
        telling.is_open = false;
        match response.map(Message::status) {
            // RFC 3261 §12.2.1.2: it has no dialog.
            Some(408 | 481) if settled => {
                telling.waiting.clear();
                return Some(LegEvent::KeyLost);
            }
            // It knows no INFO, or none with such a body (RFC 3261 §21.4.6, §21.4.13, §21.5.2): it will not later either.
            Some(status @ (405 | 415 | 501)) => {
                telling.waiting.clear();
                if !std::mem::replace(&mut telling.is_refused, true) {
                    let kind = EventKind::LegDtmfRefused(status);
                    let event = Event { time: context.now, call: context.call, leg: Some(self.id), kind };
                    context.outputs.push_back(crate::call::Output::Notify(Box::new(event)));
                }
            }
            _ => self.tell_next_key(context),
        }
        None
    }
}
