//! The messages that a phone writes.

use super::{Call, CallIndex, Output, Phone, Traced};
use crate::{
    Edit, Message, Via,
    address::NameAddr,
    transaction::{Client, ClientTransaction, Purpose, Retransmission, T2},
};
use std::net::SocketAddr;
use tandem_model::{Timestamp, Transport};

/// What we say that we understand.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS";

/// A request that is ready but for its Via.
pub(super) struct Outgoing<'a> {
    pub(super) message: Message,
    pub(super) destination: SocketAddr,
    pub(super) call: Option<CallIndex>,
    pub(super) dialog: Option<usize>,
    pub(super) purpose: Purpose,
    pub(super) edits: &'a [Edit],
}

impl Phone {
    /// What it says that it takes.
    fn allow(&self) -> String {
        if self.setup.updates { format!("{ALLOW}, UPDATE") } else { ALLOW.to_owned() }
    }

    /// The Via of a request, which says what it goes over.
    pub(super) fn new_via(&mut self, request: &Message) -> String {
        let branch = format!("z9hG4bK{}", self.token());
        let rport = if self.setup.rport { ";rport" } else { "" };
        format!("SIP/2.0/{} {}{rport};branch={branch}", self.transport_for(request).token(), self.setup.address)
    }

    /// What a request goes over: what its next hop asks for (RFC 3263 §4.1); outside of dialogs what the phone is set to.
    fn transport_for(&self, request: &Message) -> Transport {
        let is_inside = NameAddr::parse(request.header("To").unwrap_or_default()).tag().is_some();
        let route = request.list("Route").first().map(|route| NameAddr::parse(route).uri.to_owned());
        let hop = route.unwrap_or_else(|| request.uri().to_owned());
        if !is_inside || self.setup.sticky {
            self.setup.transport
        } else if hop.to_ascii_lowercase().contains(";transport=tcp") {
            Transport::Tcp
        } else {
            Transport::Udp
        }
    }

    /// Gives a request its Via, sends it and remembers it as a client transaction.
    pub(super) fn start_client(&mut self, now: Timestamp, outgoing: Outgoing<'_>) {
        let via = self.new_via(&outgoing.message);
        self.start_client_under(now, outgoing, via);
    }

    /// The same under a given Via: a CANCEL has that of its INVITE.
    pub(super) fn start_client_under(&mut self, now: Timestamp, outgoing: Outgoing<'_>, via: String) {
        let Outgoing { mut message, destination, call, dialog, purpose, edits } = outgoing;
        message.headers.insert(0, ("Via".into(), via));
        edits.iter().for_each(|edit| edit.apply(&mut message));
        let branch = Via::parse(message.header("Via").unwrap_or_default()).map_or("", |via| via.branch()).to_owned();
        let bytes = message.print();
        let cap = (message.method() != "INVITE").then_some(T2);
        let timer = self.new_timer(now, cap, transport_of(&bytes));
        self.transmit(now, call, destination, bytes.clone(), Some(&message));
        self.clients.push(ClientTransaction {
            branch,
            request: message,
            bytes,
            destination,
            call,
            dialog,
            purpose,
            state: Client::Calling,
            timer,
            final_tag: None,
            ack: None,
        });
    }

    /// Sends; twice if that is the call's habit. `message` goes into the trace.
    pub(super) fn transmit(
        &mut self,
        now: Timestamp,
        call: Option<CallIndex>,
        destination: SocketAddr,
        bytes: Vec<u8>,
        message: Option<&Message>,
    ) {
        if let Some(message) = message {
            let (peer, local) = (destination, self.setup.address);
            self.trace.push(Traced { at: now, sent: true, peer, local, message: message.clone() });
        }
        if call.is_some_and(|call| self.calls[call].script.habits.twice) {
            self.put(destination, bytes.clone());
        }
        self.put(destination, bytes);
    }

    pub(super) fn put(&mut self, destination: SocketAddr, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send { transport: transport_of(&bytes), destination, bytes });
    }

    /// Timers of what goes over `transport`: over a stream nothing is repeated (RFC 3261 §17).
    pub(super) fn new_timer(&self, now: Timestamp, cap: Option<std::time::Duration>, transport: Transport) -> Retransmission {
        let mut timer = Retransmission::start(now, cap);
        if transport.is_reliable() {
            timer.stop(timer.deadline);
        }
        timer
    }

    pub(super) fn own_contact(&self) -> String {
        self.contact_of(&self.setup.name)
    }

    /// A Contact URI of this phone with that user part.
    pub(super) fn contact_of(&self, user: &str) -> String {
        let transport = if self.setup.transport == Transport::Tcp { ";transport=tcp" } else { "" };
        format!("sip:{user}@{}{transport}", self.setup.address)
    }

    /// The first INVITE of a call.
    pub(super) fn first_invite(&self, call: &Call, uri: &str) -> Message {
        let mut message = Message::request("INVITE", uri)
            .with("Max-Forwards", "70")
            .with("From", format!("{};tag={}", call.local, call.local_tag))
            .with("To", call.remote.as_str())
            .with("Call-ID", call.call_id.as_str())
            .with("CSeq", format!("{} INVITE", call.invite_seq))
            .with("Contact", format!("<{}>", self.own_contact()));
        for route in &self.setup.record_route {
            message.push("Record-Route", route.as_str());
        }
        message.push("Allow", self.allow());
        if self.setup.reliable {
            message.push("Supported", "100rel");
        }
        message.push("User-Agent", "Tandem phone");
        call.write_timer(&mut message);
        message
    }

    /// A request inside a dialog, with the CSeq number given.
    pub(super) fn dialog_request(&self, call: CallIndex, dialog: usize, method: &str, cseq: u32) -> (Message, SocketAddr) {
        let call = &self.calls[call];
        let dialog = &call.dialogs[dialog];
        let (mut message, destination) = dialog.request(&self.setup, method);
        let remote_tag = if dialog.remote_tag.is_empty() { String::new() } else { format!(";tag={}", dialog.remote_tag) };
        message.push("Max-Forwards", "70");
        message.push("From", format!("{};tag={}", call.local, dialog.local_tag));
        message.push("To", format!("{}{remote_tag}", call.remote));
        message.push("Call-ID", call.call_id.as_str());
        message.push("CSeq", format!("{cseq} {method}"));
        if matches!(method, "INVITE" | "UPDATE") {
            message.push("Contact", format!("<{}>", dialog.contact));
            message.push("Allow", self.allow());
            call.write_timer(&mut message);
        }
        (message, destination)
    }

    /// The response to a request, with the headers that RFC 3261 §8.2.6.2 copies; a 100 gets no tag of ours.
    pub(super) fn response_to(
        &self,
        request: &Message,
        source: SocketAddr,
        status: u16,
        reason: Option<&str>,
        tag: &str,
    ) -> (Message, SocketAddr) {
        let mut response = Message::response(status, reason.unwrap_or_else(|| phrase(status)));
        let vias = request.list("Via");
        let mut destination = source;
        for (index, value) in vias.iter().enumerate() {
            let mut text = (*value).to_owned();
            if let (0, Some(via)) = (index, Via::parse(value)) {
                let over_stream = via.protocol.eq_ignore_ascii_case("SIP/2.0/TCP");
                destination = if over_stream { source } else { via.response_address(source) };
                if via.param("rport").is_some() {
                    text = text.replacen(";rport", &format!(";rport={}", source.port()), 1);
                }
                text.push_str(&format!(";received={}", source.ip()));
            }
            response.push("Via", text);
        }
        response.push("From", request.header("From").unwrap_or_default());
        let to = request.header("To").unwrap_or_default();
        let tagged = status == 100 || NameAddr::parse(to).tag().is_some();
        response.push("To", if tagged { to.to_owned() } else { format!("{to};tag={tag}") });
        response.push("Call-ID", request.call_id());
        response.push("CSeq", request.header("CSeq").unwrap_or_default());
        if request.method() == "INVITE" && (101..300).contains(&status) {
            for route in request.list("Record-Route") {
                response.push("Record-Route", route);
            }
            for route in self.setup.record_route.iter().filter(|_| NameAddr::parse(to).tag().is_none()) {
                response.push("Record-Route", route.as_str());
            }
            response.push("Allow", self.allow());
        }
        (response, destination)
    }

    /// Sends a response and keeps it in the transaction for retransmissions of the request.
    pub(super) fn answer(&mut self, now: Timestamp, server: usize, response: &Message, destination: SocketAddr) -> Vec<u8> {
        let bytes = response.print();
        let call = self.servers[server].call;
        self.servers[server].response = Some((response.status(), bytes.clone(), destination));
        self.transmit(now, call, destination, bytes.clone(), Some(response));
        bytes
    }

    pub(super) fn repeat_response(&mut self, server: usize) {
        if let Some((_, bytes, destination)) = self.servers[server].response.clone() {
            self.put(destination, bytes);
        }
    }
}

/// What the top Via of a message says that it goes over.
pub(super) fn transport_of(bytes: &[u8]) -> Transport {
    let via = bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = line[..colon].trim_ascii();
        (name.eq_ignore_ascii_case(b"Via") || name.eq_ignore_ascii_case(b"v")).then(|| line[colon + 1..].trim_ascii())
    });
    let protocol = via.and_then(|via| via.get(..b"SIP/2.0/TCP".len()));
    if protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"SIP/2.0/TCP")) { Transport::Tcp } else { Transport::Udp }
}

/// The usual words of the statuses that scenarios use.
pub(super) fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        422 => "Session Interval Too Small",
        488 => "Not Acceptable Here",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        600 => "Busy Everywhere",
        603 => "Decline",
        _ => "Because",
    }
}
