//! A call against bare messages: what is put in by hand, and what comes out in order.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tandem_model::*;
use tandem_signalling::message::{HeaderName, Message};
use tandem_signalling::transaction::TransactionKeys;
use tandem_signalling::{
    Call, CallSetup, Dispatcher, DropReason, Input, ListenerFacts, Minter, NodeFacts, Output, Terms, Transmit, Verdict,
};

pub(crate) struct Bench {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) call: Option<Call>,
    /// What policy says, once it is asked.
    pub(crate) decision: Decision,
    /// Policy and media answer at once; else their answers wait in `held` for [`Bench::release`].
    pub(crate) prompt: bool,
    /// Of the leg that calls.
    pub(crate) profile: LegProfile,
    /// Messages too wait in `held`, as in a mailbox.
    pub(crate) mail_waits: bool,
    pub(crate) held: VecDeque<Input>,
    /// Media has no ports.
    pub(crate) refuses_media: bool,
    /// What the dispatcher gave to nobody.
    pub(crate) dropped: Vec<DropReason>,
    /// Legs that were added and not yet removed.
    pub(crate) legs: BTreeSet<LegId>,
    pub(crate) events: Vec<EventKind>,
    /// How often the call was woken.
    pub(crate) wakes: u32,
    /// (destination, message) in the order of sending.
    pub(crate) sent: Vec<(String, Message)>,
    pub(crate) records: Vec<CallRecord>,
    pub(crate) media: Vec<MediaCommand>,
    pub(crate) now: Timestamp,
    pub(crate) node: Arc<NodeFacts>,
}

pub(crate) const ALICE: &str = "192.0.2.1:5060";
pub(crate) const BOB: &str = "192.0.2.2:5060";
pub(crate) const SDP: &str = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

pub(crate) fn profile() -> LegProfile {
    LegProfile { ring_timeout: Duration::from_secs(60), ..LegProfile::default() }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::over(Transport::Udp)
    }

    /// All of it over one transport.
    pub(crate) fn over(transport: Transport) -> Bench {
        let minter = Minter::new([1; 16]);
        let keys = TransactionKeys::new([2; 16]);
        let bound = std::net::IpAddr::from([192, 0, 2, 9]);
        let listener = ListenerFacts { transport, bound, advertise: "192.0.2.9:5060".into(), host: "192.0.2.9".into() };
        let node = NodeFacts {
            minter: minter.clone(),
            keys,
            listeners: Box::new([listener]),
            terms: Terms {
                domain: None,
                max_duration: Duration::from_secs(3600),
                inactivity_timeout: Duration::from_secs(300),
                hold_timeout: Duration::from_secs(3600),
            },
            fault: None,
        };
        Bench {
            dispatcher: Dispatcher::new(minter, [2; 16]),
            call: None,
            decision: bridge(&[BOB]),
            prompt: true,
            profile: profile(),
            mail_waits: false,
            held: VecDeque::new(),
            refuses_media: false,
            dropped: Vec::new(),
            legs: BTreeSet::new(),
            events: Vec::new(),
            wakes: 0,
            sent: Vec::new(),
            records: Vec::new(),
            media: Vec::new(),
            now: Timestamp::ZERO,
            node: Arc::new(node),
        }
    }

    pub(crate) fn receive(&mut self, from: &str, text: String) {
        let transport = self.node.listeners[0].transport;
        let flow = Flow { listener: ListenerId(0), transport, remote: from.parse().expect("an address") };
        match self.dispatcher.receive(self.now, Bytes::from(text), flow) {
            Verdict::Founding(arrival) => {
                let id = CallId::new(1_000, 1);
                self.dispatcher.adopt(&arrival, id);
                let setup = CallSetup { id, seed: 7, node: self.node.clone() };
                let origin = Origin::Trunk { id: TrunkId(0), name: "alice".into() };
                self.call = Some(Call::found(setup, self.now, arrival, origin, self.profile.clone()));
                self.drain();
            }
            Verdict::Call(_, arrival) if self.mail_waits && self.call.is_some() => self.held.push_back(Input::Message(arrival)),
            Verdict::Call(_, arrival) if self.call.is_some() => self.input(Input::Message(arrival)),
            Verdict::Again(transmit) | Verdict::Refuse(transmit) => self.send(transmit),
            Verdict::Dismiss(transmits) => transmits.into_iter().for_each(|transmit| self.send(transmit)),
            Verdict::Drop(reason) => self.dropped.push(reason),
            other => panic!("unexpected {other:?}"),
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.call.as_mut().expect("a call").handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.as_mut().and_then(Call::poll_output) {
            match output {
                Output::Send(transmit) => self.send(*transmit),
                Output::Ask(id, question) => {
                    let Question::Route(route) = *question else { panic!("not a route") };
                    assert_eq!(&*route.called, "bob");
                    self.answer(Input::Decided(id, Box::new(self.decision.clone())));
                }
                Output::Media(command) => self.media(*command),
                Output::Notify(event) => {
                    if let EventKind::CallEnded(record) = &event.kind {
                        self.records.push(CallRecord::clone(record));
                    }
                    self.events.push(event.kind);
                }
                Output::LegAdded(leg) => {
                    assert!(self.legs.insert(leg), "{leg} was added twice");
                    self.dispatcher.leg_added(leg, CallId::new(1_000, 1));
                }
                Output::LegRemoved(leg) => {
                    assert!(self.legs.remove(&leg), "{leg} was never added");
                    self.dispatcher.leg_removed(leg, CallId::new(1_000, 1));
                }
                Output::Locate(..) => panic!("every target has an address"),
                Output::PlaceFree(_)
                | Output::Joined(..)
                | Output::HopFailed(..)
                | Output::Health(_)
                | Output::FlowFailed(..)
                | Output::NobodyThere(_) => {}
                Output::Letter(..) => panic!("there is no other call"),
                Output::Commanded(..) => panic!("nobody told it to do anything"),
                Output::Retire(key, tombstone) => self.dispatcher.retire(self.now, key, tombstone),
                Output::Ended => {
                    assert!(self.legs.is_empty(), "legs are left: {:?}", self.legs);
                    assert!(self.call.as_mut().and_then(Call::poll_output).is_none(), "something comes after the end");
                    self.dispatcher.call_removed(CallId::new(1_000, 1));
                    self.call = None;
                }
            }
        }
    }

    fn media(&mut self, command: MediaCommand) {
        let answer = match &command {
            MediaCommand::Open { .. } if self.refuses_media => Some(MediaEvent::Refused(MediaFailure::NoPorts)),
            MediaCommand::Open { endpoints, .. } => {
                let local = |(index, request): (usize, &EndpointRequest)| {
                    let port = 20_000 + 2 * index as u16;
                    LocalEndpoint { leg: request.leg, rtp: ([192, 0, 2, 9], port).into(), rtcp: ([192, 0, 2, 9], port + 1).into() }
                };
                Some(MediaEvent::Opened(endpoints.iter().enumerate().map(local).collect()))
            }
            MediaCommand::Add { endpoint, .. } => {
                let added = self.media.iter().filter(|command| matches!(command, MediaCommand::Add { .. })).count();
                let port = 30_000 + 2 * added as u16;
                let (rtp, rtcp) = (([192, 0, 2, 9], port).into(), ([192, 0, 2, 9], port + 1).into());
                Some(MediaEvent::Opened([LocalEndpoint { leg: endpoint.leg, rtp, rtcp }].into()))
            }
            MediaCommand::Close { .. } => Some(MediaEvent::Closed(Box::default())),
            _ => None,
        };
        self.media.push(command);
        if let Some(answer) = answer {
            self.answer(Input::Media(Box::new(answer)));
        }
    }

    fn send(&mut self, transmit: Transmit) {
        self.sent.push((transmit.destination.to_string(), Message::parse(transmit.bytes).expect("what we send is well-formed")));
    }

    /// What policy or media say to the call, now or later.
    fn answer(&mut self, input: Input) {
        if self.prompt {
            self.call.as_mut().expect("a call").handle(self.now, input);
        } else {
            self.held.push_back(input);
        }
    }

    /// Lets the call have the answer that has waited longest. False if none has.
    pub(crate) fn release(&mut self) -> bool {
        let Some(input) = self.held.pop_front() else { return false };
        if self.call.is_some() {
            self.input(input);
        }
        true
    }

    /// Lets time pass for as long as the call wants to be woken, but not beyond `until`. True if the call is over.
    pub(crate) fn sleep_until(&mut self, until: Timestamp) -> bool {
        loop {
            assert!(self.wakes < 10_000, "woken without end at {}: {:?}", self.now, self.call.as_ref().and_then(Call::poll_timeout));
            while self.release() {}
            match self.call.as_ref().map(Call::poll_timeout) {
                None => return true,
                Some(Some((at, _))) if at <= until => {
                    self.now = self.now.max(at);
                    self.wakes += 1;
                    self.input(Input::Wake);
                }
                Some(_) => {
                    self.now = until;
                    return false;
                }
            }
        }
    }

    /// The latest message to `destination` that begins with these words, as [`Bench::said`] has them.
    pub(crate) fn last(&self, destination: &str, words: &str) -> Message {
        let found = self.sent.iter().rev().find(|(to, message)| to == destination && words_of(message) == words);
        found.unwrap_or_else(|| panic!("no {words} to {destination}")).1.clone()
    }

    /// Forgets what went out so far.
    pub(crate) fn clear(&mut self) {
        self.sent.clear();
    }

    /// What went out since the last look: `(destination, first words)`.
    pub(crate) fn said(&mut self) -> Vec<(String, String)> {
        self.sent.drain(..).map(|(to, message)| (to, words_of(&message))).collect()
    }
}

fn words_of(message: &Message) -> String {
    if message.is_request() { message.method_token().to_owned() } else { format!("{} {}", message.status(), message.method_token()) }
}

/// A plan for a target at `place`.
pub(crate) fn plan(place: &str) -> LegPlan {
    let address: std::net::SocketAddr = place.parse().expect("an address");
    LegPlan {
        endpoint: "trunk:bob".into(),
        trunk: None,
        target: NO_TARGET,
        uri: format!("sip:bob@{}", address.ip()).into(),
        destination: Destination::Address(address),
        profile: profile(),
        forwarded: false,
        binding: None,
        presentation: None,
    }
}

/// A route to the targets at these places.
pub(crate) fn bridge(places: &[&str]) -> Decision {
    let legs = places.iter().map(|place| plan(place)).collect();
    let action = Action::Bridge { legs, timeout: None, anchor: true, ringback: None };
    Decision::Route { rule: "to bob".into(), action, record: None }
}

pub(crate) fn expect(bench: &mut Bench, said: &[(&str, &str)]) {
    let said: Vec<_> = said.iter().map(|(to, words)| ((*to).to_owned(), (*words).to_owned())).collect();
    assert_eq!(bench.said(), said);
}

pub(crate) fn invite() -> String {
    format!(
        "INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nMax-Forwards: 30\r\nFrom: \"Alice\" <sip:alice@192.0.2.1>;tag=al\r\n\
         To: <sip:bob@192.0.2.9>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

/// A response to what we sent to Bob.
pub(crate) fn response(request: &Message, status: u16, sdp: &str) -> String {
    let header = |name| request.header(name).expect("a header of ours");
    let body = if sdp.is_empty() { String::new() } else { "Content-Type: application/sdp\r\n".to_owned() };
    format!(
        "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=bo\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:bob@192.0.2.2>\r\n{body}Content-Length: {}\r\n\r\n{sdp}",
        header(HeaderName::Via),
        header(HeaderName::From),
        header(HeaderName::To),
        header(HeaderName::CallId),
        header(HeaderName::CSeq),
        sdp.len()
    )
}

/// A request of Alice inside her dialog, by the To of our latest answer.
pub(crate) fn inside(method: &str, cseq: u32, branch: &str, to: &str) -> String {
    format!(
        "{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@192.0.2.1>;tag=al\r\n\
         To: {to}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The request with an SDP body and a Contact of its own.
pub(crate) fn with_sdp(request: &str, contact: &str, sdp: &str) -> String {
    let headers = request.strip_suffix("Content-Length: 0\r\n\r\n").expect("a request without body");
    format!("{headers}Contact: <{contact}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len())
}

/// A request of Bob inside the dialog that `to_bob`, our INVITE, made.
pub(crate) fn from_bob(to_bob: &Message, method: &str, cseq: u32, branch: &str) -> String {
    let header = |name| to_bob.header(name).expect("a header of ours");
    format!(
        "{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch={branch}\r\nMax-Forwards: 70\r\nFrom: {};tag=bo\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        header(HeaderName::To),
        header(HeaderName::From),
        header(HeaderName::CallId),
    )
}

/// Bob's SDP.
pub(crate) fn bobs_sdp() -> String {
    SDP.replace("192.0.2.1", "192.0.2.2")
}

/// The CANCEL of [`invite`].
pub(crate) fn cancel() -> String {
    let cancel = invite().replace("INVITE sip", "CANCEL sip").replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL");
    format!("{}\r\nContent-Length: 0\r\n\r\n", cancel.split("\r\nContact").next().expect("headers"))
}

/// A call that talks: the bench, our INVITE to Bob and the To that Alice writes inside her dialog.
pub(crate) fn talking() -> (Bench, Message, String) {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.last(BOB, "INVITE");
    bench.receive(BOB, response(&to_bob, 200, &bobs_sdp()));
    let to = bench.last(ALICE, "200 INVITE").header(HeaderName::To).expect("To").to_owned();
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKack", &to));
    bench.clear();
    (bench, to_bob, to)
}
