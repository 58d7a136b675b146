//! What the other side must get right, and the clause that says so.

use super::{CallIndex, Phone, Role};
use crate::{
    Message, Via,
    address::NameAddr,
    dialog::{Stage, routed},
    transaction::{Client, LIFETIME},
};
use tandem_model::{Timestamp, Transport};

impl Phone {
    /// What holds for every message (RFC 3261 §8.1.1, §8.2.6).
    pub(super) fn check_every(&mut self, now: Timestamp, message: &Message) {
        let mut missing: Vec<&str> =
            ["Via", "From", "To", "Call-ID", "CSeq"].into_iter().filter(|name| message.header(name).is_none()).collect();
        if message.is_request() && message.header("Max-Forwards").is_none() {
            missing.push("Max-Forwards");
        }
        if !missing.is_empty() {
            self.violate(now, "header-missing", format!("{} has no {}", message.label(), missing.join(", ")));
        }
        for name in ["From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact", "Content-Length", "Content-Type"] {
            if message.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)).count() > 1 {
                self.violate(now, "header-twice", format!("{} has {name} twice", message.label()));
            }
        }
        if message.header("Content-Length").is_none() {
            self.violate(now, "header-missing", format!("{} has no Content-Length", message.label()));
        }
        if !message.body.is_empty() && message.header("Content-Type").is_none() {
            self.violate(now, "header-missing", format!("{} has a body of no type (§20.15)", message.label()));
        }
        if message.is_request() {
            self.check_request(now, message);
        }
    }

    /// RFC 3261 §18.1.1.
    pub(super) fn check_transport(&mut self, now: Timestamp, transport: Transport, message: &Message) {
        let via = message.header("Via").and_then(Via::parse);
        if via.is_none_or(|via| via.protocol.strip_prefix("SIP/2.0/") != Some(transport.token())) {
            self.violate(now, "via", format!("{} came over another transport than its Via says", message.label()));
        }
    }

    fn check_request(&mut self, now: Timestamp, message: &Message) {
        let via = message.header("Via").and_then(Via::parse);
        if via.is_none_or(|via| via.branch().len() < 8 || !via.branch().starts_with("z9hG4bK")) {
            self.violate(now, "branch", format!("{} has a Via without a proper branch (§8.1.1.7)", message.label()));
        }
        if message.cseq().is_none_or(|(_, method)| method != message.method()) {
            self.violate(now, "cseq", format!("{} has CSeq {:?} (§8.1.1.5)", message.label(), message.header("CSeq")));
        }
        let hops = message.header("Max-Forwards").and_then(|value| value.parse::<u32>().ok());
        if hops.is_some_and(|hops| hops == 0 || hops > 255) {
            self.violate(now, "max-forwards", format!("{} has Max-Forwards {hops:?}", message.label()));
        }
        if NameAddr::parse(message.header("From").unwrap_or_default()).tag().is_none() {
            self.violate(now, "tag", format!("{} has no From tag (§8.1.1.3)", message.label()));
        }
    }

    /// What holds for the INVITE that begins a call.
    pub(super) fn check_invite(&mut self, now: Timestamp, message: &Message) {
        if crate::socket_of(NameAddr::parse(message.header("Contact").unwrap_or_default()).uri).is_none() {
            self.violate(now, "contact", format!("INVITE with Contact {:?} (§8.1.1.8)", message.header("Contact")));
        }
        if message.has_sdp() && crate::sdp::Sdp::parse(&message.body).is_err() {
            self.violate(now, "sdp", "INVITE with SDP that cannot be read");
        }
    }

    /// A response must echo what identifies its request, and be the only final one (RFC 3261 §8.2.6.2, §17.1).
    pub(super) fn check_response(&mut self, now: Timestamp, client: usize, message: &Message) {
        let own = &self.clients[client];
        let (request, status) = (&own.request, message.status());
        let mut wrong: Vec<(&'static str, String)> = Vec::new();
        for name in ["From", "Call-ID", "CSeq"] {
            if request.header(name) != message.header(name) {
                wrong.push(("echo", format!("{}: {name} is {:?}, was {:?}", message.label(), message.header(name), request.header(name))));
            }
        }
        if message.list("Via").len() != request.list("Via").len() {
            wrong.push(("echo", format!("{} has {} Via values", message.label(), message.list("Via").len())));
        }
        let (asked, said) =
            (NameAddr::parse(request.header("To").unwrap_or_default()), NameAddr::parse(message.header("To").unwrap_or_default()));
        if asked.uri != said.uri || (asked.tag().is_some() && asked.tag() != said.tag()) {
            wrong.push(("echo", format!("{}: To is {:?}", message.label(), message.header("To"))));
        }
        if status > 100 && said.tag().is_none() {
            wrong.push(("tag", format!("{} has no To tag (§8.2.6.2)", message.label())));
        }
        let invite = request.method() == "INVITE";
        if invite
            && (101..300).contains(&status)
            && crate::socket_of(NameAddr::parse(message.header("Contact").unwrap_or_default()).uri).is_none()
        {
            wrong.push(("contact", format!("{} makes a dialog without a Contact (§12.1.1)", message.label())));
        }
        let tag = said.tag().map(str::to_owned);
        if let Client::Finished(before) = own.state {
            if status >= 200 && (status != before || (invite && tag != own.final_tag)) {
                wrong.push(("second-final", format!("{} after {before}: one final response is given", message.label())));
            }
        } else if status >= 200 {
            self.clients[client].final_tag = tag;
        }
        for (rule, text) in wrong {
            self.violate(now, rule, text);
        }
    }

    pub(super) fn check_retransmission(&mut self, now: Timestamp, server: usize, message: &Message) {
        if self.servers[server].request != *message {
            self.violate(now, "retransmission", format!("{} came again and was not the same (§17.1.1.2)", message.label()));
        }
    }

    /// RFC 3261 §9.1.
    pub(super) fn check_cancel(&mut self, now: Timestamp, invite: usize, message: &Message) {
        let own = &self.servers[invite];
        let mut wrong = Vec::new();
        if own.response.is_none() {
            wrong.push("CANCEL came before any provisional response was sent".to_owned());
        }
        for name in ["From", "To", "Call-ID"] {
            if own.request.header(name) != message.header(name) {
                wrong.push(format!("CANCEL's {name} is not the INVITE's"));
            }
        }
        if own.request.uri() != message.uri() || own.request.list("Route") != message.list("Route") {
            wrong.push("CANCEL's Request-URI or Route is not the INVITE's".into());
        }
        if own.request.cseq().map(|(number, _)| number) != message.cseq().map(|(number, _)| number) {
            wrong.push("CANCEL's CSeq number is not the INVITE's".into());
        }
        if message.list("Via").len() != 1 || message.list("Via").first() != own.request.list("Via").first() {
            wrong.push("CANCEL's Via is not the INVITE's top one".into());
        }
        if message.header("Require").is_some() || message.header("Proxy-Require").is_some() {
            wrong.push("CANCEL with Require".into());
        }
        for text in wrong {
            self.violate(now, "cancel", text);
        }
    }

    /// RFC 3261 §17.1.1.3.
    pub(super) fn check_failure_ack(&mut self, now: Timestamp, server: usize, message: &Message) {
        let own = &self.servers[server];
        let mut wrong = Vec::new();
        for name in ["From", "Call-ID"] {
            if own.request.header(name) != message.header(name) {
                wrong.push(format!("the ACK's {name} is not the INVITE's"));
            }
        }
        if own.request.uri() != message.uri() || own.request.list("Route") != message.list("Route") {
            wrong.push("the ACK's Request-URI or Route is not the INVITE's".into());
        }
        if message.list("Via").len() != 1 {
            wrong.push("the ACK has several Via".into());
        }
        let said = own.response.as_ref().and_then(|(_, bytes, _)| Message::parse(bytes).ok());
        if said.is_some_and(|said| said.status() < 300 || said.header("To") != message.header("To")) {
            wrong.push("the ACK's To is not the response's".into());
        }
        for text in wrong {
            self.violate(now, "ack", text);
        }
    }

    /// An ACK of a 2xx is a request of the dialog with the INVITE's CSeq number (RFC 3261 §13.2.2.4).
    pub(super) fn check_success_ack(&mut self, now: Timestamp, call: CallIndex, dialog: usize, message: &Message) {
        let own = &self.calls[call].dialogs[dialog];
        let cseq = message.cseq().map(|(number, _)| number);
        let expected = own.accepted.as_ref().map(|accepted| accepted.cseq).or(own.acknowledged);
        if cseq.is_none() || (cseq > expected && own.stage != Stage::Over) {
            self.violate(now, "ack", format!("ACK {cseq:?} where {expected:?} is due"));
        }
        self.check_route(now, call, dialog, message);
    }

    /// A later request of a dialog. False: its CSeq number is not higher than that of the one before it. That is a fault, unless the phone did
    /// not hear its first copy: then it came in order (RFC 3261 §12.2.1.1), and is refused all the same (§12.2.2).
    pub(super) fn check_in_dialog(&mut self, now: Timestamp, call: CallIndex, dialog: usize, message: &Message) -> bool {
        self.check_route(now, call, dialog, message);
        if message.method() == "INVITE" && message.header("Contact").is_none() {
            self.violate(now, "contact", "re-INVITE without a Contact (§12.2.1.1)");
        }
        let was_unheard = self.calls[call].unheard.iter().any(|via| message.header("Via") == Some(via));
        let own = &mut self.calls[call].dialogs[dialog];
        let Some((cseq, _)) = message.cseq() else { return true };
        if own.remote_seq.is_some_and(|before| cseq <= before) {
            let text = format!("{} has CSeq {cseq} after {:?} (§12.2.1.1)", message.label(), own.remote_seq);
            if !was_unheard {
                self.violate(now, "cseq-order", text);
            }
            return false;
        }
        own.remote_seq = Some(cseq);
        true
    }

    /// Request-URI and Route must be our Contact over the route set (RFC 3261 §12.2.1.1).
    fn check_route(&mut self, now: Timestamp, call: CallIndex, dialog: usize, message: &Message) {
        let (role, own) = (self.calls[call].role, &self.calls[call].dialogs[dialog]);
        let mut routes = self.setup.record_route.clone();
        if role == Role::Callee {
            routes.reverse();
        }
        let uris = |values: &[&str]| values.iter().map(|value| NameAddr::parse(value).uri.to_owned()).collect::<Vec<_>>();
        let said = (message.uri().to_owned(), uris(&message.list("Route")));
        let way = |contact: &String| {
            let (uri, routes) = routed(contact, &routes);
            (uri, uris(&routes.iter().map(String::as_str).collect::<Vec<_>>()))
        };
        let due = way(&own.contact);
        if said == due || own.past_contacts.iter().any(|contact| said == way(contact)) {
            return;
        }
        let rule = if said.0 == due.0 { "route" } else { "target" };
        self.violate(now, rule, format!("{} goes {said:?}, our Contact over the route set gives {due:?}", message.label()));
    }

    /// RFC 3261 §15: a callee sends no BYE before the ACK, or before its 2xx has timed out.
    pub(super) fn check_bye(&mut self, now: Timestamp, call: CallIndex, dialog: usize) {
        let own = &self.calls[call];
        let answered = own.statuses.iter().find(|(_, status)| (200..300).contains(status)).map(|(at, _)| *at);
        let acked =
            self.trace.iter().any(|traced| traced.sent && traced.message.method() == "ACK" && traced.message.call_id() == own.call_id);
        let waited = answered.is_some_and(|at| now.since(at) + crate::T4 >= LIFETIME);
        if own.role == Role::Caller && own.dialogs[dialog].stage != Stage::Over && !acked && !waited {
            self.violate(now, "bye-early", "BYE before our ACK (§15)");
        }
    }
}
