//! Who must say who they are: what the phone asks, and what it answers when it is asked itself.

use super::{Phone, write::Outgoing};
use crate::{
    Message,
    digest::{Demand, answer},
    transaction::{Client, Purpose},
};
use std::net::SocketAddr;
use tandem_model::Timestamp;

/// A nonce of ours, and what it was used for.
#[derive(Debug)]
pub(super) struct Asked {
    nonce: String,
    count: u32,
    uses: u32,
}

impl Phone {
    /// The first demand that a request does not meet, and whether only its nonce is too old.
    pub(super) fn unmet(&mut self, now: Timestamp, request: &Message) -> Option<(Demand, bool)> {
        for demand in self.setup.demands.clone() {
            if !demand.methods.iter().any(|method| method == request.method()) {
                continue;
            }
            let Some(given) = demand.given(request) else { return Some((demand, false)) };
            if !demand.is_met(request, &given) {
                return Some((demand, false));
            }
            let Some(asked) = self.asked.iter_mut().find(|asked| asked.nonce == given.get("nonce")) else {
                return Some((demand, true));
            };
            if demand.qop && given.count() <= asked.count {
                let text = format!("{} has nc={} after {}", request.label(), given.get("nc"), asked.count);
                self.violate(now, "nonce-count", text);
                return Some((demand, false));
            }
            asked.count = given.count();
            if demand.uses > 0 && asked.uses == demand.uses {
                return Some((demand, true));
            }
            asked.uses += 1;
        }
        None
    }

    pub(super) fn ask(&mut self, now: Timestamp, server: usize, demand: &Demand, stale: bool) {
        let nonce = self.token();
        self.asked.push(Asked { nonce: nonce.clone(), count: 0, uses: 0 });
        let (request, source) = (self.servers[server].request.clone(), self.servers[server].source);
        let own = self.servers[server].call.zip(self.servers[server].dialog);
        // RFC 3261 §8.2.7: the same tag for the same request, also after a restart.
        let branch = request.header("Via").and_then(crate::Via::parse).map_or("", |via| via.branch());
        let asked = || format!("asked{}", branch.trim_start_matches("z9hG4bK"));
        let tag = own.map_or_else(asked, |(call, dialog)| self.calls[call].dialogs[dialog].local_tag.clone());
        let (mut response, destination): (Message, SocketAddr) = self.response_to(&request, source, demand.status, None, &tag);
        demand.ask(&mut response, &nonce, stale);
        self.answer(now, server, &response, destination);
        if request.method() == "INVITE" {
            self.servers[server].timer = Some(crate::transaction::Retransmission::start(now, Some(crate::T2)));
        }
    }

    /// Sends a request again with credentials, if it was challenged and had none. True: the challenge is dealt with.
    pub(super) fn answer_challenge(&mut self, now: Timestamp, index: usize, response: &Message) -> bool {
        let Some((username, password)) = self.setup.login.clone() else { return false };
        let client = &self.clients[index];
        let stale = response.headers.iter().any(|(name, value)| name.ends_with("-Authenticate") && value.contains("stale=true"));
        let had = client.request.header("Authorization").or(client.request.header("Proxy-Authorization")).is_some();
        if !matches!(response.status(), 401 | 407) || client.purpose == Purpose::Cancel || had && !stale {
            return false;
        }
        let cnonce = self.token();
        let client = &self.clients[index];
        let mut message = client.request.clone();
        if !answer(&mut message, response, (&username, &password), &cnonce) {
            return false;
        }
        self.send_again(now, index, response, message);
        true
    }

    /// Sends a request of ours again in another form, under the next CSeq number.
    pub(super) fn send_again(&mut self, now: Timestamp, index: usize, response: &Message, mut message: Message) {
        let client = &self.clients[index];
        let (number, method) = client.request.cseq().map_or((0, ""), |(number, method)| (number + 1, method));
        message.set("CSeq", format!("{number} {method}"));
        // Those below ours are of whoever it comes through.
        if let Some(own) = message.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("Via")) {
            message.headers.remove(own);
        }
        let (destination, call, dialog, purpose) = (client.destination, client.call, client.dialog, client.purpose.clone());
        if let Some(call) = call {
            match dialog {
                Some(dialog) => self.calls[call].dialogs[dialog].local_seq = number,
                None if purpose == Purpose::Invite => self.calls[call].invite_seq = number,
                None => {}
            }
        }
        debug_assert!(matches!(self.clients[index].state, Client::Finished(_)));
        if message.method() == "INVITE" {
            self.ack_failure(now, index, response);
        }
        self.start_client(now, Outgoing { message, destination, call, dialog, purpose, edits: &[] });
    }

    /// An ACK or a CANCEL has the credentials of its INVITE (RFC 3261 §22.1).
    pub(super) fn check_credentials(&mut self, now: Timestamp, invite: &Message, request: &Message) {
        for name in ["Authorization", "Proxy-Authorization"] {
            if invite.header(name) != request.header(name) {
                self.violate(now, "credentials", format!("{} has not the {name} of its INVITE", request.label()));
            }
        }
    }
}
