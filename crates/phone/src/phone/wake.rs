//! What a phone does when its time has come: steps, retransmissions, giving up.

use super::{Output, Phone, Reason, Todo};
use crate::transaction::{Client, Due};
use tandem_model::Timestamp;

impl Phone {
    /// When to wake it and why.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Reason)> {
        let steps = self.scheduled.iter().map(|(at, ..)| (*at, Reason::Step));
        let clients = self.clients.iter().filter_map(|client| client.timer.timeout());
        let servers = self.servers.iter().filter_map(|server| server.timer.as_ref()?.timeout());
        let dialogs = self.calls.iter().flat_map(|call| &call.dialogs);
        let accepted = dialogs.filter_map(|dialog| dialog.accepted.as_ref()?.timer.timeout());
        let dialogs = self.calls.iter().flat_map(|call| &call.dialogs);
        let reliable = dialogs.filter_map(|dialog| dialog.reliable.out.as_ref()?.timer.timeout());
        let accepted = accepted.chain(reliable);
        let media = self.calls.iter().filter_map(|call| call.stream.as_ref()?.timeout()).map(|at| (at, Reason::Media));
        let timers = self.calls.iter().filter_map(|call| call.timer_due()).map(|at| (at, Reason::Step));
        steps.chain(timers).chain(clients.chain(servers).chain(accepted).map(|at| (at, Reason::Transaction))).chain(media).min()
    }

    pub(super) fn on_wake(&mut self, now: Timestamp) {
        while let Some(place) = self.scheduled.iter().position(|(at, ..)| *at <= now) {
            let (_, call, todo) = self.scheduled.remove(place);
            match todo {
                Todo::Act(act) => self.perform(now, call, act),
                Todo::Prack(dialog, rseq, body) => self.send_prack(now, (call, dialog), rseq, body),
                Todo::Ack(dialog, cseq) => self.send_ack(now, call, dialog, cseq),
                Todo::Answer(server, reply) => self.answer_other(now, server, &reply),
                Todo::AnswerCancel(request, source) => self.answer_cancel(now, call, *request, source),
            }
        }
        for index in 0..self.clients.len() {
            match self.clients[index].timer.poll(now) {
                Some(Due::Again) => {
                    let (destination, bytes) = (self.clients[index].destination, self.clients[index].bytes.clone());
                    self.put(destination, bytes);
                }
                Some(Due::TimedOut) if self.clients[index].is_open() => {
                    let matters = self.is_pending(&self.clients[index]);
                    self.clients[index].state = Client::TimedOut;
                    if matters {
                        self.on_client_timeout(now, index);
                    }
                }
                Some(Due::TimedOut) | None => {}
            }
        }
        self.wake_servers(now);
        self.wake_timers(now);
        for call in &mut self.calls {
            let Some((destination, bytes)) = call.stream.as_mut().and_then(|stream| stream.poll(now)) else { continue };
            self.outputs.push_back(Output::Rtp { local: call.media, destination, bytes });
        }
    }

    fn wake_servers(&mut self, now: Timestamp) {
        for index in 0..self.servers.len() {
            match self.servers[index].timer.as_mut().and_then(|timer| timer.poll(now)) {
                Some(Due::Again) => self.repeat_response(index),
                Some(Due::TimedOut) if !self.servers[index].acknowledged => {
                    let text = format!("no ACK for {:?}", self.servers[index].response.as_ref().map(|(status, ..)| *status));
                    self.violate(now, "ack-missing", text);
                }
                Some(Due::TimedOut) | None => {}
            }
        }
        for call in 0..self.calls.len() {
            for dialog in 0..self.calls[call].dialogs.len() {
                self.wake_reliable(now, call, dialog);
                let Some(accepted) = &mut self.calls[call].dialogs[dialog].accepted else { continue };
                match accepted.timer.poll(now) {
                    Some(Due::Again) => {
                        let (destination, bytes) = (accepted.destination, accepted.bytes.clone());
                        self.put(destination, bytes);
                    }
                    Some(Due::TimedOut) => self.on_ack_missing(now, call, dialog),
                    None => {}
                }
            }
        }
    }
}
