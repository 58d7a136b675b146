//! A call against bare messages: what is put in by hand, and what comes out in order.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::panic, reason = "a test fails by panicking")]

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::*;
use tandem_signalling::message::{HeaderName, Message};
use tandem_signalling::transaction::TransactionKeys;
use tandem_signalling::{Call, CallSetup, Dispatcher, Input, ListenerFacts, Minter, NodeFacts, Output, Verdict};

pub(crate) struct Bench {
    pub(crate) dispatcher: Dispatcher,
    pub(crate) call: Option<Call>,
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
    LegProfile {
        listener: ListenerId(0),
        media: MediaSide(0),
        codecs: Codec::ALL.into(),
        nat: false,
        trying_timeout: Duration::from_secs(4),
        ring_timeout: Duration::from_secs(60),
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let minter = Minter::new([1; 16]);
        let keys = TransactionKeys::new([2; 16]);
        let listener = ListenerFacts { transport: Transport::Udp, advertise: "192.0.2.9:5060".into(), host: "192.0.2.9".into() };
        let node = NodeFacts {
            minter: minter.clone(),
            keys,
            listeners: Box::new([listener]),
            max_duration: Duration::from_secs(3600),
            inactivity_timeout: Duration::from_secs(300),
            hold_timeout: Duration::from_secs(3600),
            fault: None,
        };
        Bench {
            dispatcher: Dispatcher::new(minter, [2; 16]),
            call: None,
            sent: Vec::new(),
            records: Vec::new(),
            media: Vec::new(),
            now: Timestamp::ZERO,
            node: Arc::new(node),
        }
    }

    pub(crate) fn receive(&mut self, from: &str, text: String) {
        let flow = Flow { listener: ListenerId(0), transport: Transport::Udp, remote: from.parse().expect("an address") };
        match self.dispatcher.receive(self.now, Bytes::from(text), flow) {
            Verdict::Founding(arrival) => {
                let id = CallId::new(1_000, 1);
                self.dispatcher.adopt(&arrival, id);
                let setup = CallSetup { id, seed: 7, node: self.node.clone() };
                let origin = Origin::Trunk { id: TrunkId(0), name: "alice".into() };
                self.call = Some(Call::found(setup, self.now, arrival, origin, profile()));
                self.drain();
            }
            Verdict::Call(_, arrival) => self.input(Input::Message(arrival)),
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
                Output::Send(transmit) => {
                    self.sent
                        .push((transmit.destination.to_string(), Message::parse(transmit.bytes).expect("what we send is well-formed")));
                }
                Output::Ask(id, question) => {
                    let Question::Route(route) = *question else { panic!("not a route") };
                    assert_eq!(&*route.called, "bob");
                    let plan = LegPlan {
                        endpoint: "trunk:bob".into(),
                        trunk: None,
                        uri: "sip:bob@192.0.2.2".into(),
                        destination: Destination::Address(BOB.parse().expect("an address")),
                        profile: profile(),
                    };
                    let action = Action::Bridge { legs: Box::new([plan]), timeout: None, anchor: true };
                    let decision = Decision::Route { rule: "to bob".into(), action };
                    self.call.as_mut().expect("a call").handle(self.now, Input::Decided(id, Box::new(decision)));
                }
                Output::Media(command) => self.media(*command),
                Output::Notify(event) => {
                    if let EventKind::CallEnded(record) = event.kind {
                        self.records.push(*record);
                    }
                }
                Output::LegAdded(leg) => self.dispatcher.leg_added(leg, CallId::new(1_000, 1)),
                Output::LegRemoved(leg) => self.dispatcher.leg_removed(leg),
                Output::Retire(key, tombstone) => self.dispatcher.retire(self.now, key, tombstone),
                Output::LastWords(_) => {}
                Output::Ended => {
                    self.dispatcher.call_removed(CallId::new(1_000, 1));
                    self.call = None;
                }
            }
        }
    }

    fn media(&mut self, command: MediaCommand) {
        let answer = match &command {
            MediaCommand::Open { endpoints, .. } => {
                let local = |(index, request): (usize, &EndpointRequest)| {
                    let port = 20_000 + 2 * index as u16;
                    LocalEndpoint { leg: request.leg, rtp: ([192, 0, 2, 9], port).into(), rtcp: ([192, 0, 2, 9], port + 1).into() }
                };
                Some(MediaEvent::Opened(endpoints.iter().enumerate().map(local).collect()))
            }
            MediaCommand::Close { .. } => Some(MediaEvent::Closed(Box::default())),
            _ => None,
        };
        self.media.push(command);
        if let Some(answer) = answer {
            self.call.as_mut().expect("a call").handle(self.now, Input::Media(Box::new(answer)));
        }
    }

    /// What went out since the last look: `(destination, first words)`.
    pub(crate) fn said(&mut self) -> Vec<(String, String)> {
        let words = |message: &Message| {
            if message.is_request() {
                message.method_token().to_owned()
            } else {
                format!("{} {}", message.status(), message.method_token())
            }
        };
        self.sent.drain(..).map(|(to, message)| (to, words(&message))).collect()
    }
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
