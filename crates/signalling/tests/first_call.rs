//! A call from INVITE to the last BYE, against bare messages: what goes out, in which order, and that nothing stays.

use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tandem_model::*;
use tandem_signalling::message::Message;
use tandem_signalling::transaction::TransactionKeys;
use tandem_signalling::{Call, CallSetup, Dispatcher, Input, ListenerFacts, Minter, NodeFacts, Output, Verdict};

struct Bench {
    dispatcher: Dispatcher,
    call: Option<Call>,
    /// (destination, message) in the order of sending.
    sent: Vec<(String, Message)>,
    records: Vec<CallRecord>,
    media: Vec<MediaCommand>,
    now: Timestamp,
    node: Arc<NodeFacts>,
}

const ALICE: &str = "192.0.2.1:5060";
const BOB: &str = "192.0.2.2:5060";
const SDP: &str = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n";

fn profile() -> LegProfile {
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
    fn new() -> Bench {
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

    fn receive(&mut self, from: &str, text: String) {
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

    fn input(&mut self, input: Input) {
        self.call.as_mut().expect("a call").handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.as_mut().and_then(Call::poll_output) {
            match output {
                Output::Send(transmit) => {
                    self.sent.push((transmit.destination.to_string(), Message::parse(transmit.bytes).expect("what we send is well-formed")));
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
    fn said(&mut self) -> Vec<(String, String)> {
        let words = |message: &Message| {
            if message.is_request() { message.method_token().to_owned() } else { format!("{} {}", message.status(), message.method_token()) }
        };
        self.sent.drain(..).map(|(to, message)| (to, words(&message))).collect()
    }
}

fn expect(bench: &mut Bench, said: &[(&str, &str)]) {
    let said: Vec<_> = said.iter().map(|(to, words)| ((*to).to_owned(), (*words).to_owned())).collect();
    assert_eq!(bench.said(), said);
}

fn invite() -> String {
    format!(
        "INVITE sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nMax-Forwards: 30\r\nFrom: \"Alice\" <sip:alice@192.0.2.1>;tag=al\r\n\
         To: <sip:bob@192.0.2.9>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

/// A response to what we sent to Bob.
fn response(request: &Message, status: u16, sdp: &str) -> String {
    use tandem_signalling::message::HeaderName;
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
fn inside(method: &str, cseq: u32, branch: &str, to: &str) -> String {
    format!(
        "{method} sip:x@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@192.0.2.1>;tag=al\r\n\
         To: {to}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

#[test]
fn invite_ring_answer_talk_hang_up() {
    use tandem_signalling::message::HeaderName;
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.sent[1].1.clone();
    assert_eq!(to_bob.header(HeaderName::MaxForwards), Some("29"));
    assert!(to_bob.header(HeaderName::From).expect("From").starts_with("\"Alice\" <sip:alice@192.0.2.9>;tag="));
    assert!(String::from_utf8_lossy(to_bob.body()).contains("m=audio 20002 RTP/AVP 0 101"));
    assert_ne!(to_bob.call_id(), "c");
    expect(&mut bench, &[(ALICE, "100 INVITE"), (BOB, "INVITE")]);

    bench.receive(BOB, response(&to_bob, 180, ""));
    expect(&mut bench, &[(ALICE, "180 INVITE")]);
    bench.receive(BOB, response(&to_bob, 200, &SDP.replace("192.0.2.1", "192.0.2.2")));
    let to = bench.sent.iter().find(|(_, message)| message.status() == 200).expect("a 200").1.header(HeaderName::To).expect("To").to_owned();
    expect(&mut bench, &[(BOB, "ACK"), (ALICE, "200 INVITE")]);
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKb", &to));
    expect(&mut bench, &[]);
    assert_eq!(bench.media.iter().filter(|command| matches!(command, MediaCommand::Describe { .. })).count(), 2);

    bench.now = Timestamp::from_millis(5_000);
    bench.receive(ALICE, inside("BYE", 2, "z9hG4bKc", &to));
    let bye = bench.sent.iter().find(|(_, message)| message.is_request()).expect("a BYE").1.clone();
    expect(&mut bench, &[(ALICE, "200 BYE"), (BOB, "BYE")]);
    assert_eq!(bench.records.len(), 1);
    assert_eq!(bench.records[0].reason, EndReason::CallerHungUp);
    bench.receive(BOB, response(&bye, 200, ""));
    assert!(bench.call.is_none(), "the call is over");
    assert_eq!(bench.dispatcher.counts(), (0, 0, 2), "two tombstones: INVITE and BYE");
}

#[test]
fn cancel_while_ringing() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    let to_bob = bench.sent[1].1.clone();
    bench.receive(BOB, response(&to_bob, 180, ""));
    bench.said();
    let cancel = invite().replace("INVITE sip", "CANCEL sip").replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL");
    let cancel = format!("{}\r\n\r\n", cancel.split("\r\nContent-Type").next().expect("headers"));
    bench.receive(ALICE, cancel);
    expect(&mut bench, &[(ALICE, "200 CANCEL"), (ALICE, "487 INVITE"), (BOB, "CANCEL")]);
    let to = bench.records[0].legs[0].to.clone();
    assert_eq!(&*to, "sip:bob@192.0.2.9");
    bench.receive(ALICE, inside("ACK", 1, "z9hG4bKa", "<sip:bob@192.0.2.9>"));
    bench.receive(BOB, response(&to_bob, 487, ""));
    expect(&mut bench, &[(BOB, "ACK")]);
    assert!(bench.call.is_none(), "the call is over");
    assert_eq!(bench.records[0].reason, EndReason::Cancelled);
}

#[test]
fn silence_is_given_up_and_told() {
    let mut bench = Bench::new();
    bench.receive(ALICE, invite());
    bench.said();
    while let Some((at, _)) = bench.call.as_ref().and_then(Call::poll_timeout) {
        bench.now = at;
        bench.input(Input::Wake);
        assert!(at < Timestamp::from_millis(40_000), "it never ends");
    }
    let said = bench.said();
    assert_eq!(said.iter().filter(|(to, _)| to == BOB).count(), 3, "INVITE again after 0.5, 1.5 and 3.5 s, then no more: {said:?}");
    assert_eq!(said.iter().filter(|(_, words)| words == "408 INVITE").count(), 11, "until no ACK in 32 s: {said:?}");
    assert!(bench.call.is_none());
}
